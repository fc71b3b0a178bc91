"""What all drawn worlds promise: repeatable samples, visible factors, the same pictures everywhere, clear refusals."""

from itertools import pairwise

import pytest
import torch
from torch.nn.functional import avg_pool2d

from imagegen_lessons.synthetic import faces, outfits, sprites

WORLDS = {"faces": faces, "outfits": outfits, "sprites": sprites}
SMOOTH = [faces, outfits]  # anti-aliased, at any size
GROUPS = {
    faces: {"identity", "expression", "scene"},
    outfits: {"person", "outfit"},
    sprites: {"label", "scene", "build"},
}
FIXED = {
    faces: dict(smile=1.0, hair_colour="red"),
    outfits: dict(smile=1.0, garment="coat"),
    sprites: dict(width=0.5, kind="bat"),
}
# The first ones of seed 0.
FIRST = {
    faces: dict(
        skin_tone=[0, 5, 5, 5], hair_colour=[4, 4, 1, 1], smile=[-0.0007, -0.61003, -0.89229, -0.14129]
    ),
    outfits: dict(garment=[5, 5, 5, 2], colour=[2, 4, 4, 0], left_arm=[0.67852, 0.45154, 0.32208, 0.27505]),
    sprites: dict(kind=[6, 2, 0, 3], palette=[1, 4, 5, 4], amount=[0.12256, 0.09183, 0.73269, 0.3202]),
}
# Factors that show only together with another one: a frame's shape needs glasses.
NEEDS = {
    faces: {
        "": {"earrings": "none", "beard": "none", "eyelid": 1.0},
        "glasses_shape": {"glasses": 1},
        "glasses_colour": {"glasses": 1},
        "parting": {"hair_style": "short"},
    },
    outfits: {"": {"glasses": "none"}},
    sprites: {"skin": {"kind": "knight", "form": "first"}},
}
every_world = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
smooth_world = pytest.mark.parametrize("world", SMOOTH, ids=["faces", "outfits"])


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def some(factors, chosen):
    return {name: value[chosen] for name, value in factors.items()}


@every_world
def test_sample_is_reproducible_and_leaves_global_randomness_alone(world):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    assert same(world.sample(50, seed=3), world.sample(50, seed=3))
    assert not same(world.sample(50, seed=3), world.sample(50, seed=4))
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, values in FIRST[world].items():  # on every machine
        assert world.sample(4, seed=0)[name].tolist() == pytest.approx(values, abs=1e-4)


@every_world
def test_more_begin_with_the_same_ones_and_a_fixed_factor_leaves_the_others_alone(world):
    few = world.sample(40, seed=5)
    assert same(few, some(world.sample(100, seed=5), slice(40)))
    fixed = world.sample(40, seed=5, **FIXED[world])
    for name, value in FIXED[world].items():
        number = world.FACTORS[name].names.index(value) if isinstance(value, str) else value
        assert (fixed[name] == number).all()
    assert all(torch.equal(few[name], fixed[name]) for name in few if name not in FIXED[world])
    name = next(name for name, value in FIXED[world].items() if isinstance(value, float))
    each = torch.linspace(0, 1, 40)
    assert torch.equal(world.sample(40, **{name: each})[name], each)


@every_world
def test_types_ranges_and_groups(world):
    factors = world.sample(5_000, seed=1)
    assert list(factors) == list(world.FACTORS)
    assert {factor.group for factor in world.FACTORS.values()} == GROUPS[world]
    for name, factor in world.FACTORS.items():
        value = factors[name]
        assert value.shape == (5_000,) and value.dtype == (torch.int64 if factor.names else torch.float32)
        if factor.names:
            assert set(value.tolist()) == set(range(len(factor.names)))
        else:
            span = 0.01 * (factor.high - factor.low)
            assert factor.low <= value.min() < factor.low + span
            assert factor.high - span < value.max() <= factor.high


@smooth_world
@pytest.mark.parametrize("size", [16, 32, 37, 128])
def test_pictures_have_the_usual_form_at_every_size(world, size):
    x = world.render(world.sample(6, seed=1), size)
    assert (x.shape, x.dtype, x.requires_grad) == ((6, 3, size, size), torch.float32, False)
    assert 0 <= x.min() < 0.2 and 0.8 < x.max() <= 1
    assert world.render(world.sample(0), size).shape == (0, 3, size, size)


@smooth_world
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
    one = world.render({**factors, name: 0.5})
    assert torch.equal(one, world.render({**factors, name: torch.full((600,), 0.5)}))


@every_world
def test_threads_change_neither_the_pictures_nor_the_number_of_threads(world):
    factors = world.sample(80, seed=4)
    size = 24 if world is sprites else 128  # several chunks
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
    for size in (24,) if world is sprites else (32, 64):
        pictures = [world.render({**factors, name: value}, size) for value in values]
        for x, other in pairwise(pictures):
            change = (x - other).abs().amax((1, 2, 3))  # the most changed pixel of each
            assert change.quantile(0.4 if world is sprites else 0.5) > (0 if world is sprites else 0.02)


@smooth_world
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


@every_world
def test_describe_is_one_sentence(world):
    factors = world.sample(60, seed=1)
    for i in range(60):
        sentence = world.describe(factors, i)
        assert sentence.startswith("A ") and sentence.endswith(".") and "{" not in sentence


def wrong_factors(world):
    """What cannot be sampled or rendered, and what is said about it."""
    number, choice = sorted(FIXED[world], key=lambda name: len(world.FACTORS[name].names))
    last = list(world.FACTORS)[0]
    sample, render = world.sample, world.render
    return [
        (lambda: sample(2, **{number + "x": 1}), f"no factor '{number}x'.*{number}"),
        (lambda: sample(2, **{number: 2}), f"{number} cannot be 2: choose a number from"),
        (lambda: sample(2, **{number: float("nan")}), f"{number} cannot be nan"),
        (lambda: sample(2, **{number: "happy"}), f"{number} cannot be 'happy'"),
        (lambda: sample(2, **{choice: "happy"}), f"{choice} cannot be 'happy'.*{FIXED[world][choice]}"),
        (lambda: sample(2, **{choice: 0.5}), f"{choice} cannot be 0.5"),
        (lambda: sample(2, **{choice: torch.zeros(3)}), rf"{choice} needs one value or 2 values.*\(3,\)"),
        (lambda: sample(-1), "cannot be -1"),
        (lambda: render({number: torch.zeros(1)}), f"missing: {last}"),
        (lambda: render({**sample(2), number: torch.zeros(3)}), "needs one value or"),
        (lambda: render({**sample(2), number: torch.tensor([0.0, 1.5])}), f"{number} cannot be 1.5"),
        (lambda: render(sample(1), 8), "size must be"),
        (lambda: render(sample(1), 24.0), "size must be"),
        (lambda: render(sample(1), 1000), "size must be"),
    ]


@every_world
@pytest.mark.parametrize("case", range(14))
def test_mistakes_get_one_clear_sentence(world, case):
    call, says = wrong_factors(world)[case]
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_world
def test_cpu_and_gpu_draw_the_same(world):
    factors = world.sample(200, seed=1)
    for size in (24, 120):
        x = world.render(factors, size, device="cuda")
        assert x.device.type == "cuda"
        # A pixel of a sprite may lie on an edge.
        assert ((x.cpu() - world.render(factors, size)).abs() > 2 / 255).float().mean() < 1e-4


@smooth_world
def test_rounding_is_not_amplified(world):
    """What lets two devices agree: factors that differ in their last digits give the same pictures."""
    factors = world.sample(100, seed=1)
    nearly = {k: v * (1 - 1e-6) if v.is_floating_point() else v for k, v in factors.items()}
    assert (world.render(factors, 64) - world.render(nearly, 64)).abs().max() < 1 / 255
