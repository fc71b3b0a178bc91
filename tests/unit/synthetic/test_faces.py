"""Drawn faces: reproducible, independent factors, every one of them visible, at every size."""

from itertools import pairwise

import pytest
import torch

from imagegen_lessons.synthetic import faces
from tests.unit.synthetic.test_worlds import same

# Factors that show only together with another one: a frame's shape needs glasses.
NEEDS = {
    "glasses_shape": {"glasses": 1},
    "glasses_colour": {"glasses": 1},
    "parting": {"hair_style": "short"},
}


def test_sample_knows_its_faces_for_ever():
    """The same seed gives the same faces on every machine: these are the first ones of seed 0."""
    factors = faces.sample(4, seed=0)
    assert factors["skin_tone"].tolist() == [0, 5, 5, 5]
    assert factors["hair_colour"].tolist() == [4, 4, 1, 1]
    assert factors["smile"].tolist() == pytest.approx([-0.0007, -0.61003, -0.89229, -0.14129], abs=1e-4)


def test_more_faces_begin_with_the_same_ones():
    few, many = faces.sample(10, seed=5), faces.sample(100, seed=5)
    assert same(few, {name: value[:10] for name, value in many.items()})


def test_fixing_a_factor_leaves_the_others_as_they_were():
    free, fixed = faces.sample(40, seed=2), faces.sample(40, seed=2, smile=1.0, hair_colour="red")
    assert (fixed["smile"] == 1).all()
    assert (fixed["hair_colour"] == list(faces.HAIR_COLOURS).index("red")).all()
    assert all(torch.equal(free[name], fixed[name]) for name in free if name not in ("smile", "hair_colour"))
    each = torch.linspace(-1, 1, 40)
    assert torch.equal(faces.sample(40, gaze_x=each)["gaze_x"], each)


def test_types_ranges_and_groups():
    factors = faces.sample(5_000, seed=1)
    assert list(factors) == list(faces.FACTORS)
    for name, factor in faces.FACTORS.items():
        value = factors[name]
        assert value.shape == (5_000,)
        assert factor.group in ("identity", "expression", "scene")
        if factor.kind == "choice":
            assert value.dtype == torch.int64
            assert set(value.tolist()) == set(range(len(factor.names)))
        else:
            assert value.dtype == torch.float32
            span = factor.high - factor.low
            assert factor.low <= value.min() < factor.low + 0.01 * span
            assert factor.high - 0.01 * span < value.max() <= factor.high
    assert len(faces.SKIN_TONES) == len(faces.HAIR_COLOURS) == 6
    assert len(faces.HAIR_STYLES) >= 6


def test_factors_are_independent():
    """No two factors are correlated, nor are the squares of their distances from the middle."""
    factors = torch.stack([value.double() for value in faces.sample(20_000, seed=7).values()])
    for table in (factors, (factors - factors.mean(1, keepdim=True)).square()):
        correlation = torch.corrcoef(table).fill_diagonal_(0)
        assert correlation.abs().max() < 0.035  # 4.9 standard errors, for the largest of 1,800


def test_all_kinds_of_people_are_equally_likely():
    kinds = faces.class_index(faces.sample(2_000, seed=0))
    assert kinds.dtype == torch.int64
    assert torch.equal(kinds.unique(), torch.arange(faces.CLASSES))
    counts = torch.bincount(faces.class_index(faces.sample(20_000, seed=1)), minlength=faces.CLASSES).double()
    expected = 20_000 / faces.CLASSES
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 110  # 71 degrees of freedom: exceeded by chance twice in a thousand seeds


@pytest.mark.parametrize("size", [16, 32, 37, 64, 128])
def test_pictures_have_the_usual_form_at_every_size(size):
    x = faces.render(faces.sample(6, seed=1), size)
    assert x.shape == (6, 3, size, size)
    assert x.dtype == torch.float32
    assert 0 <= x.min() < 0.2
    assert 0.8 < x.max() <= 1


def test_sizes_show_the_same_picture():
    """Anti-aliasing: a large picture made small is close to a small picture."""
    factors = faces.sample(8, seed=9)
    large = torch.nn.functional.avg_pool2d(faces.render(factors, 256), 4)
    assert (large - faces.render(factors, 64)).abs().mean() < 0.01


def test_no_faces():
    assert faces.render(faces.sample(0), 32).shape == (0, 3, 32, 32)


def test_one_value_may_stand_for_all_faces():
    factors = faces.sample(3, seed=1)
    x = faces.render({**factors, "smile": 0.5}, 32)
    assert torch.equal(x, faces.render({**factors, "smile": torch.full((3,), 0.5)}, 32))


def test_faces_do_not_depend_on_their_neighbours():
    factors = faces.sample(300, seed=4)
    parts = [faces.render({k: v[i : i + 75] for k, v in factors.items()}, 32) for i in range(0, 300, 75)]
    torch.testing.assert_close(faces.render(factors, 32), torch.cat(parts), rtol=0, atol=1e-5)


def test_threads_change_neither_the_pictures_nor_the_number_of_threads():
    factors = faces.sample(20, seed=4)  # at 256 pixels: several chunks
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = faces.render(factors, 256)
        torch.set_num_threads(3)
        three = faces.render(factors, 256)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(one, three, rtol=0, atol=1e-5)
    assert not three.requires_grad


@pytest.mark.parametrize("name", faces.FACTORS)
@pytest.mark.parametrize("size", [32, 64])
def test_every_factor_changes_the_picture(name, size):
    factor = faces.FACTORS[name]
    fixed = {"earrings": "none", "beard": "none", "eyelid": 1.0} | NEEDS.get(name, {})
    factors = faces.sample(12, seed=6, **fixed)
    values = (
        range(len(factor.names))
        if factor.names
        else (factor.low, (factor.low + factor.high) / 2, factor.high)
    )
    pictures = [faces.render({**factors, name: value}, size) for value in values]
    for x, other in pairwise(pictures):
        # The most changed pixel of the typical face.
        assert (x - other).abs().amax((1, 2, 3)).median() > 0.02


def test_smile_glasses_skin_and_hair_can_be_seen_at_32_pixels():
    """How much of the picture changes: more than one per cent of the pixels, by more than ten per cent."""
    factors = faces.sample(48, seed=8)
    for name, one, other in (
        ("glasses", 0, 1),
        ("skin_tone", 0, 5),
        ("hair_colour", 0, 3),
        ("smile", -1.0, 1.0),
    ):
        change = faces.render({**factors, name: one}, 32) - faces.render({**factors, name: other}, 32)
        assert (change.abs().amax(1) > 0.1).float().mean() > 0.01


def test_no_two_look_alike():
    x = faces.render(faces.sample(400, seed=3), 32).flatten(1)
    distance = torch.cdist(x, x).fill_diagonal_(9) / x.shape[1] ** 0.5
    assert distance.min() > 0.03


def test_skin_is_shown_as_its_tone_whatever_the_light():
    """Fair to all: the six tones keep their order, and none turns green or blue."""
    cheeks = []
    for tone in range(6):
        factors = faces.sample(64, seed=2, skin_tone=tone, beard=0, glasses=0, hair_style="buzz cut", yaw=0.0)
        cheeks.append(faces.render(factors, 32)[:, :, 17:21, 10:22].mean((2, 3)))
        red, green, blue = cheeks[-1].T
        assert (red > green).all()
        assert (green > blue * 0.9).all()
    brightness = torch.stack(cheeks).mean((1, 2))
    assert (brightness.diff() > 0.03).all()


def test_kind_needs_only_what_it_names():
    one = torch.tensor([1])
    assert faces.class_index({"skin_tone": one, "hair_colour": one * 2, "glasses": one}).item() == 17
    assert faces.class_index({"skin_tone": one * 5, "hair_colour": one * 5, "glasses": one}).item() == 71


def test_describe_is_one_sentence():
    fixed = dict(smile=1.0, skin_tone="dark", hair_style="curly", hair_colour="red", beard=0, glasses=1)
    factors = faces.sample(2, glasses_shape="round", **fixed)
    assert faces.describe(factors, 1) == "A smiling person with dark skin, curly red hair and round glasses."
    for i in range(50):
        sentence = faces.describe(faces.sample(50, seed=1), i)
        assert sentence.startswith("A ")
        assert sentence.endswith(".")
        assert "{" not in sentence


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: faces.sample(2, smyle=1), "no factor 'smyle'.*smile"),
        (lambda: faces.sample(2, smile=2), "smile cannot be 2: choose a number from -1 to 1"),
        (lambda: faces.sample(2, smile=float("nan")), "smile cannot be nan"),
        (lambda: faces.sample(2, smile="happy"), "smile cannot be 'happy'"),
        (lambda: faces.sample(2, hair_colour="green"), "hair_colour cannot be 'green'.*blond"),
        (lambda: faces.sample(2, glasses=0.5), "glasses cannot be 0.5"),
        (lambda: faces.sample(2, smile=torch.zeros(3)), r"smile needs one value or 2 values.*\(3,\)"),
        (lambda: faces.sample(-1), "cannot be -1"),
        (lambda: faces.render(faces.sample(1), 8), "size must be a whole number from 16 to 512"),
        (lambda: faces.render({"smile": torch.zeros(1)}), "missing: skin_tone"),
        (lambda: faces.render({**faces.sample(2), "smile": torch.zeros(3)}), "needs one value or"),
        (lambda: faces.render({**faces.sample(2), "smile": torch.tensor([0.0, 1.5])}), "smile cannot be 1.5"),
    ],
)
def test_mistakes_get_one_clear_sentence(call, says):
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)


def test_passports_look_ahead_before_a_plain_background():
    people = faces.passports(200, seed=1)
    assert (people["background_style"] == 0).all()
    assert people["yaw"].abs().max() <= 0.4
    assert torch.equal(people["skin_tone"], faces.sample(200, seed=1)["skin_tone"])
    assert faces.passports(2, yaw=1.0)["yaw"].tolist() == [1.0, 1.0]
