"""How close is an image to the truth? PSNR and SSIM, and the luma on which they are usually measured."""

from functools import wraps

import torch
import torch.nn.functional as F

LUMA = torch.tensor([65.481, 128.553, 24.966]) / 255  # of red, green and blue, by BT.601
LUMA_RANGE = 219 / 255  # from black to white: video leaves room below 16 and above 235


def luma(x: torch.Tensor) -> torch.Tensor:
    """The brightness Y of BT.601: (n, 3, H, W) in [0, 1] → (n, 1, H, W) in [16/255, 235/255].

    One channel stays as it is, from 0 to 1: published code compares grey pictures without that narrower range.
    Raises ValueError for another number of channels, or for what holds no floats.
    """
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        kind = getattr(x, "dtype", type(x).__name__)
        raise ValueError(f"Luma is made of a tensor of floats in [0, 1], not of {kind}.")
    if x.dim() < 3 or x.shape[-3] not in (1, 3):
        raise ValueError(
            f"Luma needs 1 or 3 channels, third from the end, but the shape is {tuple(x.shape)}."
        )
    if x.shape[-3] == 1:
        return x
    return (x * LUMA.to(x)[:, None, None]).sum(dim=-3, keepdim=True) + 16 / 255


def luma_or_grey(x: torch.Tensor) -> torch.Tensor:
    """What PSNR and SSIM compare by the field's custom: luma, and of a grey picture the grey values: (n, 1, H, W).

    A picture is grey where it has one channel, or three that are equal.
    """
    y = luma(x)
    return x[..., :1, :, :] if (x == x[..., :1, :, :]).all() else y


def check_luma(y: torch.Tensor) -> torch.Tensor:
    """`y` unchanged, or ValueError unless it is a batch of luma: floats of the shape (n, 1, H, W)."""
    if not isinstance(y, torch.Tensor) or not y.is_floating_point() or y.dim() != 4 or y.shape[1] != 1:
        have = f"{tuple(y.shape)} of {y.dtype}" if isinstance(y, torch.Tensor) else type(y).__name__
        raise ValueError(f"Luma (n, 1, H, W) as floats is needed, see metrics.luma, and not {have}.")
    return y


def _of_pairs(metric):
    """The metric of two batches of one shape, computed in double precision on the CPU (not every device has it)."""

    @wraps(metric)
    def checked(x, y):
        if x.dim() != 4 or x.shape != y.shape or not (x.is_floating_point() and y.is_floating_point()):
            have = " and ".join(f"{tuple(z.shape)} of {z.dtype}" for z in (x, y))
            raise ValueError(
                f"Two batches of pictures (n, c, H, W) of one shape, floats in [0, 1], are compared, not {have}."
            )
        return metric(x.cpu().double(), y.cpu().double())

    return checked


@_of_pairs
def psnr(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio of each pair of images (n, c, H, W) in [0, 1], in decibels: (n,); infinite if equal.

    Raises ValueError for batches of different shapes, or that hold no floats.
    """
    return -10 * (x - y).square().flatten(1).mean(dim=1).log10()


@_of_pairs
def ssim(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Structural similarity of each pair of images (n, c, H, W) in [0, 1], mean over places and channels: (n,).

    Windows are 11×11 Gaussians of standard deviation 1.5, and lie within the image (Wang et al. 2004, section III.B).
    Raises ValueError for batches of different shapes, that hold no floats, or smaller than a window.
    """
    if min(x.shape[-2:]) < 11:
        raise ValueError(f"SSIM needs 11 × 11 pixels or more, not {x.shape[-2]} × {x.shape[-1]}.")
    offsets = torch.arange(11).to(x) - 5
    window = torch.exp(-offsets.square() / (2 * 1.5**2))
    window = window / window.sum()

    def local(f):
        f = F.conv2d(f.flatten(0, 1)[:, None], window.view(1, 1, 11, 1))  # (n · c, 1, H - 10, W)
        return F.conv2d(f, window.view(1, 1, 1, 11)).unflatten(0, x.shape[:2])

    mean_x, mean_y = local(x), local(y)
    variances = local(x * x) - mean_x**2 + local(y * y) - mean_y**2
    covariance = local(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2  # they keep dark and even windows from dividing 0 by 0
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return (similarity / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))).flatten(1).mean(dim=1)
