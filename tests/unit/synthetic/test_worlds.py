"""What all drawn worlds promise: repeatable samples, visible factors, the same pictures everywhere, clear refusals."""

import re
from itertools import pairwise

import numpy
import pytest
import torch
from torch.nn.functional import avg_pool2d

from imagegen_lessons.synthetic import faces, landscapes, outfits, phantoms, sprites
from tests.unit.helpers import refused

WORLDS = {
    "faces": faces,
    "landscapes": landscapes,
    "outfits": outfits,
    "phantoms": phantoms,
    "sprites": sprites,
}
SIZES = {
    faces: (32, 128),
    landscapes: (32, 128),
    outfits: (32, 128),
    phantoms: (96, 130),
    sprites: (24, 72),
}  # pixels
CHANNELS = {faces: 3, landscapes: 3, outfits: 3, phantoms: 1, sprites: 4}
# A number and a name for two factors of each world.
FIXED = {
    faces: dict(smile=1.0, hair_colour="red"),
    landscapes: dict(height=1.0, place="woods"),
    outfits: dict(smile=1.0, garment="coat"),
    phantoms: dict(tilt=0.5, lesion="one"),
    sprites: dict(width=0.5, kind="bat"),
}
# Factors that show only together with another one: a frame's shape needs glasses.
NEEDS = {
    faces: {
        "": {"earrings": "none", "beard": "none", "eyelid": 1.0},
        "glasses_shape": {"glasses": 1},
        "glasses_colour": {"glasses": 1},
        "parting": {"hair_style": "short"},
    },
    landscapes: {
        "": {"weather": "clear"},
        "moon": {"time": "night", "sun_height": 0.8},
        "clouds": {"weather": "clouds", "time": "day"},
        "sun_x": {"time": "day"},
        "water": {"place": "woods"},
    },
    outfits: {"": {"glasses": "none"}},
    phantoms: {"": {"lesion": "one"}},
    sprites: {"skin": {"kind": "knight", "form": "first"}},
}
every_world = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
detailed = pytest.mark.parametrize(
    "world", [faces, landscapes, outfits], ids=["faces", "landscapes", "outfits"]
)
people = pytest.mark.parametrize("world", [faces, outfits], ids=["faces", "outfits"])


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def some(factors, chosen):
    return {name: value[chosen] for name, value in factors.items()}


@every_world
def test_a_sample_is_reproducible_and_leaves_global_randomness_alone(world):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    few = world.sample(40, seed=3)
    assert same(few, some(world.sample(100, seed=3), slice(40)))  # more begin with the same ones
    assert not same(few, world.sample(40, seed=4))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_sample_is_the_same_on_every_machine():
    first = faces.sample(4, seed=0)
    assert first["skin_tone"].tolist() == [0, 5, 5, 5] and first["hair_colour"].tolist() == [4, 4, 1, 1]
    assert first["smile"].tolist() == pytest.approx([-0.0007, -0.61003, -0.89229, -0.14129], abs=1e-4)


@every_world
def test_a_fixed_factor_leaves_the_others_alone(world):
    free, fixed = world.sample(40, seed=5), world.sample(40, seed=5, **FIXED[world])
    number, choice = FIXED[world]
    assert (fixed[number] == FIXED[world][number]).all()
    assert (fixed[choice] == world.FACTORS[choice].names.index(FIXED[world][choice])).all()
    assert all(torch.equal(free[name], fixed[name]) for name in free if name not in FIXED[world])
    each = torch.linspace(0, 1, 40)
    assert torch.equal(world.sample(40, **{number: each})[number], each)


@every_world
def test_factors_have_their_types_and_fill_their_ranges(world):
    factors = world.sample(5_000, seed=1)
    assert list(factors) == list(world.FACTORS)
    for name, factor in world.FACTORS.items():
        value = factors[name]
        assert value.shape == (5_000,) and value.dtype == (torch.int64 if factor.names else torch.float32)
        if factor.names:
            assert set(value.tolist()) == set(range(len(factor.names)))
        else:
            span = 0.01 * (factor.high - factor.low)
            assert factor.low <= value.min() < factor.low + span
            assert factor.high - span < value.max() <= factor.high


@every_world
def test_pictures_have_their_shape_and_range_at_every_size(world):
    for size in SIZES[world]:
        x = world.render(world.sample(6, seed=1), size)
        assert x.shape == (6, CHANNELS[world], size, size)
        assert x.dtype == torch.float32 and not x.requires_grad
        assert 0 <= x.min() < 0.2 and 0.8 < x.max() <= 1
        assert world.render(world.sample(0), size).shape == (0, CHANNELS[world], size, size)


@detailed
def test_sizes_show_the_same_picture(world):
    """Anti-aliasing: a large picture made small is close to a small picture."""
    factors = world.sample(8, seed=9)
    assert (avg_pool2d(world.render(factors, 256), 4) - world.render(factors, 64)).abs().mean() < 0.01


@every_world
def test_pictures_do_not_depend_on_their_neighbours_and_one_value_stands_for_all(world):
    factors = world.sample(600, seed=4)  # more than one chunk
    x, name = world.render(factors), next(iter(FIXED[world]))
    parts = [world.render(some(factors, slice(i, i + 150))) for i in range(0, 600, 150)]
    torch.testing.assert_close(x, torch.cat(parts), rtol=0, atol=1e-5)
    few = some(factors, slice(20))
    one, each = (world.render({**few, name: value}) for value in (0.5, torch.full((20,), 0.5)))
    assert torch.equal(one, each)


@every_world
def test_threads_change_neither_the_pictures_nor_the_number_of_threads(world):
    factors = world.sample(80, seed=4)
    size = SIZES[world][-1]  # several chunks
    before = torch.get_num_threads()
    try:
        pictures = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            pictures.append(world.render(factors, size))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*pictures, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("world", "name"),
    [(world, name) for world in WORLDS.values() for name in world.FACTORS],
    ids=[f"{key}-{name}" for key, world in WORLDS.items() for name in world.FACTORS],
)
def test_every_factor_changes_the_picture(world, name):
    factor, fixed = world.FACTORS[name], NEEDS[world].get("", {}) | NEEDS[world].get(name, {})
    values = range(len(factor.names)) or (factor.low, (factor.low + factor.high) / 2, factor.high)
    factors = world.sample(48 if world is sprites else 12, seed=6, **fixed)
    for x, other in pairwise([world.render({**factors, name: value}) for value in values]):
        change = (x - other).abs().amax((1, 2, 3))  # the most changed pixel of each
        assert change.quantile(0.4 if world is sprites else 0.5) > (0 if world is sprites else 0.02)


@detailed
def test_no_two_look_alike(world):
    x = world.render(world.sample(400, seed=3)).flatten(1)
    assert (torch.cdist(x, x).fill_diagonal_(9) / x.shape[1] ** 0.5).min() > 0.03


@pytest.mark.parametrize(
    ("world", "place", "fixed"),  # a place on the cheeks, or between eyes and mouth
    [
        (faces, (slice(17, 21), slice(10, 22)), dict(beard=0, yaw=0.0)),
        (outfits, (slice(10, 11), slice(15, 17)), dict(tilt=0.0, position=0.0, body_height=0.5, blush=0.0)),
    ],
    ids=["faces", "outfits"],
)
def test_skin_is_shown_as_its_tone_whatever_the_light(world, place, fixed):
    """Fair to all: the six tones keep their order, and none turns green or blue."""
    tones = []
    for tone in range(6):
        factors = world.sample(64, seed=2, skin_tone=tone, glasses=0, hair_style="buzz cut", **fixed)
        tones.append(world.render(factors, 32)[:, :, *place].mean((2, 3)))
        red, green, blue = tones[-1].T
        assert (red > green).all() and (green > blue * 0.9).all()
    assert (torch.stack(tones).mean((1, 2)).diff() > 0.03).all()


@pytest.mark.parametrize(
    ("world", "fixed", "says"),
    [
        (
            outfits,
            dict(smile=1.0, skin_tone="dark", hair_style="curly", hair_colour="red", glasses=1)
            | dict(garment="coat", colour="orange", pattern="dots"),
            "A smiling person with dark skin, curly red hair and glasses, wearing an orange coat with dots.",
        ),
        (
            sprites,
            dict(kind="knight", palette="ember", form="third", facing="left", pose="action"),
            "A knight with a horned helmet in ember colours, in action, facing left.",
        ),
        (faces, dict(beard="none", glasses="none", smile=0.0), "A .*person with .* hair"),
        (
            landscapes,
            dict(place="woods", time="night", season="winter", weather="rain", water="lake"),
            "A landscape, woods behind a lake, in winter at night, in falling snow.",
        ),
    ],
    ids=["outfits", "sprites", "faces", "landscapes"],
)
def test_a_description_is_one_sentence_about_what_is_drawn(world, fixed, says):
    assert re.match(says, world.describe(world.sample(2, **fixed), 1))
    factors = world.sample(60, seed=1)
    for i in range(60):
        assert re.fullmatch(r"A [^{}.]*\.", world.describe(factors, i))


@every_world
def test_factors_that_cannot_be_get_one_clear_sentence(world):
    number, choice = FIXED[world]
    wrong = [
        ({number + "x": 1}, f"no factor '{number}x'.*{number}"),
        ({number: 2}, f"{number} cannot be 2: choose a number from"),
        ({number: float("nan")}, f"{number} cannot be nan"),
        ({choice: "happy"}, f"{choice} cannot be 'happy'.*{FIXED[world][choice]}"),
        ({choice: 0.5}, f"{choice} cannot be 0.5"),
        ({choice: torch.zeros(3)}, rf"{choice} needs one value or 2 values.*\(3,\)"),
    ]
    for fixed, says in wrong:
        with refused(says):
            world.sample(2, **fixed)
    for value in (None, ["a", "b"], {"a"}, b"a", len, 1j, [[1], [2, 3]], numpy.array(["a", "b"])):
        with refused(f"{choice} cannot be .*{FIXED[world][choice]}"):
            world.sample(2, **{choice: value})
    for value in (-1, 2.5, "8", None, True, float("nan"), [1, 2]):
        with refused("number of pictures cannot be"):
            world.sample(value)
    for seed in (-1, 1.5, "a", None):
        with refused("seed cannot be"):
            world.sample(2, seed=seed)


@every_world
def test_whole_numbers_of_other_libraries_count_the_same(world):
    for two in (numpy.int64(2), torch.tensor(2)):
        assert same(world.sample(two, seed=two), world.sample(2, seed=2))


@every_world
def test_what_cannot_be_rendered_gets_one_clear_sentence(world):
    number, factors = next(iter(FIXED[world])), world.sample(2)
    wrong = [
        (({number: torch.zeros(1)},), "missing: "),
        (({**factors, number: torch.zeros(3)},), "needs one value or"),
        (({**factors, number: torch.tensor([0.0, 1.5])},), f"{number} cannot be 1.5"),
        (({**factors, number: None},), f"{number} cannot be None"),
        *(((factors, size), "size must be") for size in (8, 24.0, 1000, None)),
        *(((what,), "Factors are a dict") for what in (None, "a", [factors], torch.zeros(2, 3))),
    ]
    for arguments, says in wrong:
        with refused(says):
            world.render(*arguments)


@pytest.mark.parametrize(
    "world", [faces, landscapes, outfits, sprites], ids=["faces", "landscapes", "outfits", "sprites"]
)
def test_who_is_not_there_cannot_be_described(world):
    factors, (_, choice) = world.sample(4), FIXED[world]
    wrong = [
        (factors, 4, "no picture 4: these are 4"),
        *((factors, i, "picture cannot be") for i in (-1, "0", 1.5, None)),
        ({**factors, choice: torch.tensor([99, 0, 0, 0])}, 0, f"{choice} cannot be 99"),
        ({}, 0, "missing: "),
        (phantoms.sample(4), 0, "no factor"),
        (None, 0, "Factors are a dict"),
    ]
    for what, i, says in wrong:
        with refused(says):
            world.describe(what, i)
    one = {**factors, choice: FIXED[world][choice]}  # one value for all
    assert world.describe(one, 3) == world.describe(world.sample(4, **{choice: FIXED[world][choice]}), 3)


@pytest.mark.parametrize("world", [landscapes, outfits, sprites], ids=["landscapes", "outfits", "sprites"])
def test_labels_are_read_from_whole_factors_only(world):
    factors, (_, choice) = world.sample(4, seed=1), FIXED[world]
    for what in ({}, phantoms.sample(4), {**factors, choice: torch.tensor([-1, 0, 0, 0])}, None):
        with refused("missing|no factor|cannot be -1|a dict"):
            world.label(what)
    one = {**factors, choice: FIXED[world][choice]}  # one value for all, by its name
    assert (world.label(one)[:, 0] == world.FACTORS[choice].names.index(FIXED[world][choice])).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_world
def test_cpu_and_gpu_draw_the_same(world):
    factors = world.sample(200, seed=1)
    for size in SIZES[world]:
        x = world.render(factors, size, device="cuda")
        assert x.device.type == "cuda"
        # A pixel of a sprite may lie on an edge.
        assert ((x.cpu() - world.render(factors, size)).abs() > 2 / 255).float().mean() < 1e-4


@detailed
def test_rounding_is_not_amplified(world):
    """What lets two devices agree: factors that differ in their last digits give the same pictures."""
    factors = world.sample(100, seed=1)
    nearly = {k: v * (1 - 1e-6) if v.is_floating_point() else v for k, v in factors.items()}
    assert (world.render(factors, 64) - world.render(nearly, 64)).abs().max() < 1 / 255
