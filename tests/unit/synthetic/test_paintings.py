"""Drawn paintings: reproducible, the same picture at every size, each with its own colours and composition."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from imagegen_lessons.synthetic import _painting_canvas as canvas
from imagegen_lessons.synthetic import paintings
from tests.unit.helpers import refused

STYLES = list(paintings.STYLES)
EACH = 2  # paintings in every style


@pytest.fixture(scope="module")
def gallery():
    """(EACH, styles, 3, 256, 256)"""
    return paintings.gallery(EACH * len(STYLES), seed=7, size=256).unflatten(0, (EACH, len(STYLES)))


def small(x):
    return avg_pool2d(x, x.shape[-1] // 32)


def test_a_painting_in_a_gallery_can_be_had_alone(gallery):
    """It depends on nothing but its number, and it is the same each time."""
    k = len(STYLES) + 3
    assert torch.equal(paintings.paint(STYLES[3], 700_000 + k, 256)[0], gallery[1, 3])
    assert torch.equal(paintings.gallery(2, seed=7, size=256, styles=STYLES[:2]), gallery[0, :2])
    assert paintings.gallery(0, size=64).shape == (0, 3, 64, 64)


@pytest.mark.parametrize("style", STYLES)
def test_sizes_show_the_same_picture(style, gallery):
    """A larger picture made small is far closer to the small one than any other picture in its style."""
    k = STYLES.index(style)
    large = small(paintings.paint(style, 700_000 + k, 384))
    distance = [(large - small(x[None])).abs().mean().item() for x in gallery[:, k]]
    assert distance[0] < 0.04
    assert distance[0] < 0.3 * min(distance[1:])


def test_styles_do_not_share_their_random_numbers():
    """With one seed for both, dots and halftone would show the same motif in the same colours."""
    dots, halftone = (small(paintings.paint(style, 0, 256)) for style in ("dots", "halftone"))
    assert (dots - halftone).abs().mean() > 0.12


def test_every_painting_has_its_own_colours_and_composition(gallery):
    x = avg_pool2d(gallery.flatten(0, 1), 32).flatten(1)
    distance = torch.cdist(x, x).fill_diagonal_(9) / x.shape[1] ** 0.5
    assert distance.min() > 0.08


def test_marks_are_all_over_the_picture(gallery):
    """Bold colours and no large empty areas: of 64 squares nearly all hold marks that can be seen."""
    x = gallery.flatten(0, 1)
    assert x.dtype == torch.float32 and x.min() >= 0 and x.max() <= 1
    contrast = x.unfold(2, 32, 32).unfold(3, 32, 32).std((-1, -2)).amax(1)  # (n, 8, 8)
    assert (contrast > 0.02).float().mean((1, 2)).min() > 0.8
    assert x.std((2, 3)).amax(1).min() > 0.1


@pytest.mark.parametrize(
    ("rgb", "lch"),
    [
        ((1, 0, 0), (0.62796, 0.25768, 29.23)),
        ((0, 1, 0), (0.86644, 0.29483, 142.50)),
        ((0, 0, 1), (0.45201, 0.31321, 264.05)),
        ((1, 1, 1), (1.0, 0.0, 0.0)),
    ],
)
def test_oklch_agrees_with_published_colours(rgb, lch):
    """The sRGB primaries have these coordinates in OKLCH (CSS Color 4)."""
    np.testing.assert_allclose(canvas.from_oklch(*lch), rgb, atol=0.05)


def test_a_description_names_colours_and_style():
    assert paintings.describe("dots", 3).startswith("A painting, mostly ")
    assert paintings.describe("dots", 3).endswith(f": {paintings.STYLES['dots']}.")


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: paintings.paint("vincent"), "'vincent': choose one of brush"),
        (lambda: paintings.paint(["dots"]), "no style"),
        (lambda: paintings.paint("dots", seed=-1), "seed"),
        (lambda: paintings.paint("dots", size=15), "size"),
        (lambda: paintings.paint("dots", size=True), "size"),
        (lambda: paintings.gallery(-1), "n must"),
        (lambda: paintings.gallery(2, styles=[]), "at least one style"),
        (lambda: paintings.describe("oil"), "no style 'oil'"),
    ],
)
def test_a_wrong_call_gets_a_sentence(call, word):
    with refused(word):
        call()
