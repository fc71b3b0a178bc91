"""Image tensors: what is checked, and what resizing, joining and encoding do."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from imagegen_lessons import images
from tests.unit.helpers import random, refused


@pytest.fixture
def noise() -> torch.Tensor:
    return (random(1, 3, 60, 80) * 255).round() / 255


def test_png_round_trip_is_exact(noise):
    torch.testing.assert_close(images.load(images.to_bytes(noise, "PNG")), noise)
    torch.testing.assert_close(images.load(images.to_pil(noise)), noise)


def test_to_pil_shapes_and_rounding():
    assert images.to_pil(torch.zeros(3, 4, 5)).size == (5, 4)
    assert images.to_pil(torch.zeros(1, 3, 4, 5)).mode == "RGB"
    assert images.to_pil(torch.zeros(1, 4, 5)).mode == "L"
    assert images.to_pil(torch.zeros(1, 1, 4, 5)).mode == "L"
    x = torch.tensor([0, 0.499 / 255, 0.501 / 255, 254.4 / 255, 254.6 / 255, 1]).reshape(1, 1, 6)
    assert np.array(images.to_pil(x)).tolist() == [[0, 0, 1, 254, 255, 255]]
    images.to_pil(torch.full((3, 2, 2), 0.5, dtype=torch.bfloat16).requires_grad_())
    with pytest.raises(images.ImageError, match="batch of 2"):
        images.to_pil(torch.zeros(2, 3, 4, 4))


def test_jpeg_is_close_its_quality_counts_and_other_formats_are_refused(noise):
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    data = images.to_bytes(ramp, "JPEG")
    assert Image.open(io.BytesIO(data)).format == "JPEG" and (images.load(data) - ramp).abs().max() < 0.02
    assert len(images.to_bytes(noise, "JPEG", quality=20)) < len(images.to_bytes(noise, "JPEG", quality=95))
    with pytest.raises(images.ImageError, match="PNG"):
        images.to_bytes(noise, "BMP")
    for quality in ("a", 0, 96, 500, 90.5, True, None):
        with refused("quality"):
            images.to_bytes(noise, "JPEG", quality)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (np.zeros((3, 4, 4)), "torch tensor.*ndarray"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), r"float\(\) / 255"),
        (torch.zeros(4, 4), r"\(4, 4\)"),
        (torch.zeros(8, 8, 3), "movedim"),
        (torch.zeros(1, 4, 8, 8), "channels"),
        (torch.zeros(0, 3, 8, 8), "no pixels"),
        (torch.full((3, 4, 4), float("nan")), "not finite"),
        (torch.linspace(-1, 1, 48).reshape(3, 4, 4), r"\(image \+ 1\) / 2"),
        (torch.full((3, 4, 4), 200.0), "image / 255"),
        (torch.full((3, 4, 4), 1.3), "clamp"),
    ],
)
def test_check_says_what_is_wrong(wrong, word):
    for call in (images.check, images.batch, images.grid, images.to_pil, lambda x: images.crop_centre(x, 2)):
        with refused(word, images.ImageError):
            call(wrong)


def test_check_returns_the_image():
    x = torch.rand(2, 1, 4, 4)
    assert images.check(x) is x
    images.check(torch.full((3, 2, 2), 1.00001))


def test_resize_is_antialiased_and_stays_in_range(noise):
    assert images.resize(noise, 20).shape == (1, 3, 20, 20)
    assert images.resize(noise[0], (30, 40)).shape == (3, 30, 40)
    for mode in ("bicubic", "bilinear", "nearest"):
        y = images.resize(noise, 200, mode)
        assert y.min() >= 0 and y.max() <= 1
    assert images.resize(noise, (8, 8)).std() < images.resize(noise, (8, 8), "nearest").std() / 2


@pytest.mark.parametrize(
    ("size", "mode", "word"),
    [(size, "bicubic", "size") for size in (0, -3, 2.5, True, "8", None, (3, 4, 5), (8, True), (8, 0))]
    + [(8, "lanczos", "mode")],
)
def test_sizes_and_modes_that_cannot_be(noise, size, mode, word):
    with refused(word, images.ImageError):
        images.resize(noise, size, mode)
    if word == "size":
        with refused(word, images.ImageError):
            images.crop_centre(noise, size)


def test_crop_centre():
    x = torch.arange(35.0).reshape(1, 5, 7) / 35
    torch.testing.assert_close(images.crop_centre(x, 3), x[:, 1:4, 2:5])
    assert images.crop_centre(x, (5, 2)).shape == (1, 5, 2)
    # Where the rest is odd, the cut lies nearer to the top and to the left.
    torch.testing.assert_close(images.crop_centre(x, (2, 4)), x[:, 1:3, 1:5])
    with pytest.raises(images.ImageError, match="does not fit"):
        images.crop_centre(x, 6)


def test_batch_joins_single_images_and_batches_grey_ones_beside_coloured_ones():
    x = images.batch([torch.zeros(1, 4, 5), torch.ones(2, 3, 4, 5, requires_grad=True)])
    assert x.shape == (3, 3, 4, 5) and not x.requires_grad and not x[0].any() and x[1:].all()
    assert images.batch(torch.zeros(1, 4, 5)).shape == (1, 1, 4, 5)


def test_grid():
    x = (torch.arange(5.0) / 8).reshape(5, 1, 1, 1).expand(5, 1, 4, 6)
    sheet = images.grid(x, columns=3, gap=1, background=1.0)
    assert sheet.shape == (1, 3, 9, 20) and (sheet[0, :, 4] == 1).all() and (sheet[0, :, :, 6] == 1).all()
    assert sheet[0, 0, ::5, ::7].flatten().tolist() == [0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 1]
    assert images.grid(torch.zeros(9, 3, 4, 4)).shape == (1, 3, 16, 16)
    assert images.grid([torch.zeros(3, 4, 4), torch.ones(1, 1, 4, 4)], columns=9, gap=0).shape == (1, 3, 4, 8)
    for wrong in ([], [torch.zeros(3, 4, 4), torch.zeros(3, 5, 4)]):
        with pytest.raises(images.ImageError, match="one size"):
            images.grid(wrong)


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("columns", (-1, 0, 1.5, "2", True, [2])),
        ("gap", (-3, 0.5, "2", None)),
        ("background", (5, -0.1, float("nan"), "white", None)),
    ],
)
def test_grids_that_cannot_be_laid_out(setting, wrong):
    for value in wrong:
        with refused(setting):
            images.grid(torch.zeros(3, 3, 4, 4), **{setting: value})
