"""Differentiable augmentation: what each change does, to each picture by itself, and that gradients pass."""

import itertools

import pytest
import torch

from imagegen_lessons.gans import augment
from imagegen_lessons.gans.augment import Augment
from tests.unit.helpers import refused

ALL = tuple(augment.CHANGES)
every_change = pytest.mark.parametrize("change", [*augment.CHANGES.values(), Augment(ALL), Augment(ALL, 0.5)])


@pytest.fixture(autouse=True)
def same_random_numbers_in_every_run():
    torch.manual_seed(0)


def pictures(n=8, channels=3, height=16, width=16, dtype=torch.float32):
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(0), dtype=dtype)


@every_change
@pytest.mark.parametrize("shape", [(8, 3, 12, 20), (8, 4, 7, 5), (1, 1, 1, 1), (0, 3, 8, 8)])
def test_shape_and_dtype_stay_and_values_stay_bounded(change, shape):
    for dtype in (torch.float32, torch.float64):
        x = pictures(*shape, dtype=dtype)
        before = x.clone()
        y = change(x)
        assert y.shape == x.shape and y.dtype == dtype
        assert torch.equal(x, before)
        assert ((y > -1.5) & (y < 2.5)).all()


@every_change
def test_each_picture_changes_by_itself_and_the_seed_decides_how(change):
    x = pictures(1).expand(32, -1, -1, -1)
    torch.manual_seed(0)
    y = change(x)
    assert ((y - y[:1]).abs().amax((1, 2, 3)) > 1e-6).sum() > 8
    torch.manual_seed(0)
    assert torch.equal(y, change(x))
    assert not torch.equal(y, change(x))


@every_change
def test_gradients_are_right_and_so_are_theirs(change):
    """Against finite differences; the second derivatives are what a gradient penalty needs."""

    def same_changes_each_time(x):
        torch.manual_seed(3)
        return change(x)

    x = pictures(2, 3, 3, 3, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(same_changes_each_time, x)
    assert torch.autograd.gradgradcheck(lambda x: same_changes_each_time(x).square(), x)


def test_colour_is_brightness_then_saturation_then_contrast():
    x = pictures(64)
    torch.manual_seed(5)
    y = augment.colour(x)
    torch.manual_seed(5)
    brightness, saturation, contrast = (torch.rand(64, 1, 1, 1) for _ in range(3))
    step = x + brightness / 2 - 0.25
    grey = step.mean(1, keepdim=True)
    step = grey + (step - grey) * 2 * saturation
    mean = step.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(y, mean + (step - mean) * (0.5 + contrast))


def test_colour_leaves_opacity_alone():
    x = pictures(16, 4)
    y = augment.colour(x)
    assert torch.equal(y[:, 3], x[:, 3])
    assert not torch.equal(y[:, :3], x[:, :3])


def test_translate_moves_by_every_whole_number_of_pixels_up_to_its_ratio():
    x = torch.zeros(400, 1, 16, 24)
    x[:, :, 8, 12] = 1  # one light pixel shows where a picture went
    shifts = augment.translate(x, ratio=1 / 8).nonzero()[:, 2:] - torch.tensor([8, 12])
    assert {*map(tuple, shifts.tolist())} == {*itertools.product(range(-2, 3), range(-3, 4))}
    y = augment.translate(torch.ones(200, 3, 16, 24), ratio=1 / 8)
    assert torch.equal(y[:, 0], y[:, 2]) and y.mean() < 1 and (y.diff(dim=3) != 0).sum(3).max() == 1
    assert torch.equal(augment.translate(x, ratio=0), x)


@pytest.mark.parametrize(("height", "width", "ratio"), [(16, 16, 0.5), (15, 9, 1 / 3), (5, 7, 1.0)])
def test_cutout_takes_one_rectangle_with_its_middle_in_the_picture(height, width, ratio):
    y = augment.cutout(torch.ones(500, 3, height, width), ratio)
    assert torch.equal(y[:, 0], y[:, 1])
    assert set(y.unique().tolist()) <= {0.0, 1.0}
    hole = y[:, 0] == 0
    rows, columns = hole.any(2), hole.any(1)
    assert torch.equal(hole, rows[:, :, None] & columns[:, None, :])  # a product of two stripes
    for stripe, size in ((rows, height), (columns, width)):
        length = round(size * ratio)
        assert (stripe.int().diff(dim=1) != 0).sum(1).max() <= 2  # in one piece
        assert stripe.sum(1).max() == length
        assert stripe.sum(1).min() == length - length // 2  # the rest is over the edge
        assert stripe.any(0).all()  # no part of the picture is safe
    assert torch.equal(augment.cutout(y, ratio=0), y)


def test_mirror_flips_about_half():
    x = pictures(1000)
    y = augment.mirror(x)
    flipped = (y == x.flip(3)).all(3).all(2).all(1)
    assert torch.equal(y[~flipped], x[~flipped])
    assert 420 < flipped.sum() < 580


def test_policy_is_applied_in_its_order():
    x = pictures(16) + 1
    torch.manual_seed(2)
    expected = augment.cutout(augment.colour(x))
    torch.manual_seed(2)
    assert torch.equal(Augment(("colour", "cutout"))(x), expected)
    torch.manual_seed(2)
    assert not torch.equal(Augment(("cutout", "colour"))(x), expected)
    assert Augment().policy == ("colour", "translate", "cutout")
    assert torch.equal(Augment(())(x), x)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_each_change_is_made_with_its_probability(probability):
    x = pictures(2000, 3, 8, 8)
    for policy, share in ((("colour",), probability), (("colour", "cutout"), 1 - (1 - probability) ** 2)):
        changed = (Augment(policy, probability)(x) != x).any(3).any(2).any(1).float().mean()
        assert changed == pytest.approx(share, abs=0.05)
    augmented = Augment(("colour",), 0.0)
    augmented.probability = 1.0  # as an adaptive schedule does
    assert (augmented(x) != x).any(3).any(2).any(1).all()


@pytest.mark.parametrize("change", augment.CHANGES.values())
@pytest.mark.parametrize("x", [torch.rand(3, 8, 8), torch.zeros(2, 3, 8, 8, dtype=torch.uint8)])
def test_what_is_no_batch_of_pictures_is_refused(change, x):
    with refused("float"):
        change(x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: augment.translate(pictures(), 1.5), "between 0 and 1.*1.5"),
        (lambda: augment.cutout(pictures(), -0.1), "between 0 and 1"),
        (lambda: augment.cutout(pictures(), float("nan")), "between 0 and 1"),
        (lambda: Augment("colour"), r"\('colour',\)"),
        (lambda: Augment(("color",)), "'color': choose from colour, translate"),
        (lambda: Augment(probability=1.1), "between 0 and 1"),
    ],
)
def test_wrong_settings_are_refused(call, message):
    with refused(message):
        call()
