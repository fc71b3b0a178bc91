"""PSNR, SSIM and luma: as scikit-image has them, on known values, and with what is no image."""

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from imagegen_lessons import datasets, metrics, runtime
from tests.unit.helpers import refused

X = torch.rand(1, 3, 16, 16)


@pytest.fixture(scope="module")
def pictures():
    """A photograph, twice: in colour, (2, 3, 61, 80), the second with other noise added."""
    x = datasets.photo("cat")[..., 100:161, 150:230]
    noise = torch.randn(2, 3, 61, 80, generator=runtime.generator(0))
    return x.expand(2, -1, -1, -1), (x + torch.tensor([0.02, 0.2])[:, None, None, None] * noise).clamp(0, 1)


def test_psnr_is_scikit_images(pictures):
    ours = metrics.psnr(*pictures)
    for value, x, y in zip(ours, *pictures, strict=True):
        expected = peak_signal_noise_ratio(x.double().numpy(), y.double().numpy(), data_range=1)
        assert value.item() == pytest.approx(expected, abs=1e-9)
    assert metrics.psnr(X, X).item() == math.inf


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_scikit_images(pictures, channels):
    pictures = [x[:, :channels] for x in pictures]
    wang = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, channel_axis=0)
    for value, x, y in zip(metrics.ssim(*pictures), *pictures, strict=True):
        # scikit-image, too, leaves out the places whose window hangs over the border
        expected = structural_similarity(x.double().numpy(), y.double().numpy(), **wang)
        assert value.item() == pytest.approx(expected, abs=1e-9)


def test_ssim_goes_from_one_to_less():
    x = torch.rand(1, 1, 11, 11)
    assert metrics.ssim(x, x).item() == pytest.approx(1)
    assert metrics.ssim(x, 1 - x).item() < 0
    assert metrics.ssim(torch.zeros(1, 1, 20, 20), torch.zeros(1, 1, 20, 20)).item() == 1


def test_luma_is_scikit_images_and_goes_from_16_to_235(pictures):
    x = pictures[1]
    expected = np.stack([rgb2ycbcr(picture.movedim(0, -1).double().numpy())[..., 0] for picture in x]) / 255
    assert np.allclose(metrics.luma(x)[:, 0], expected, atol=1e-6)
    for value, level in ((0.0, 16), (1.0, 235)):
        y = metrics.luma(torch.full((2, 3, 3, 4), value)) * 255
        assert y.shape == (2, 1, 3, 4) and y.allclose(torch.tensor(float(level)))
    assert metrics.LUMA.sum().item() == pytest.approx(metrics.LUMA_RANGE)


def test_grey_pictures_are_compared_as_they_are():
    x, y = torch.rand(2, 1, 9, 12), torch.rand(2, 1, 9, 12)
    assert torch.equal(metrics.luma(x), x)  # not narrowed to 16 … 235, which would give 1.32 dB too much
    threefold = [metrics.luma_or_grey(z.expand(-1, 3, -1, -1)) for z in (x, y)]
    assert torch.equal(threefold[0], x) and torch.equal(metrics.luma_or_grey(x), x)
    assert metrics.psnr(*threefold).allclose(metrics.psnr(x, y))
    colour = torch.rand(2, 3, 9, 12)
    assert torch.equal(metrics.luma_or_grey(colour), metrics.luma(colour))


def test_gradients_flow():
    x, y = torch.rand(2, 3, 16, 16, requires_grad=True), torch.rand(2, 3, 16, 16)
    for metric in (metrics.psnr, metrics.ssim):
        (gradient,) = torch.autograd.grad(metric(x, y).sum(), x)
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
@pytest.mark.parametrize(
    "x, y", [(X, X[..., :-1]), (X, X[:, :1]), (X[0], X[0]), (X, (X * 255).byte()), (X, X > 0)]
)
def test_only_batches_of_one_shape_are_compared(metric, x, y):
    with refused("of one shape"):
        metric(x, y)
    with refused("11 × 11 pixels"):
        metrics.ssim(X[..., :10], X[..., :10])


@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (8, 8), (8, 8, 3)])
def test_luma_of_what_is_no_image(shape):
    with refused("1 or 3 channels"):
        metrics.luma(torch.rand(shape))


@pytest.mark.parametrize("x", ["astronaut", None, torch.zeros(1, 3, 4, 4, dtype=torch.uint8)])
def test_luma_of_what_holds_no_floats(x):
    with refused("floats"):
        metrics.luma(x)
