"""Exercises of lesson 09: bicubic weights, PSNR, a window of SSIM, pixel shuffle, a step of back-projection."""

import torch
import torch.nn.functional as F

from imagegen_lessons import superres
from imagegen_lessons.exercises.checker import exercise
from imagegen_lessons.runtime import generator


def _picture(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(seed))


@exercise(
    cases=((torch.tensor([0.0, 0.25, 0.5]),), (torch.tensor([1 / 6, 1 / 3, 0.9, 1.0]),)),
    hints=(
        "Seen from the place, the four pixels lie at the distances 1 + t, t, 1 − t and 2 − t.",
        "`d = torch.stack([1 + t, t, 1 - t, 2 - t], dim=1)`, and then the two formulas, each where it holds: "
        "torch.where(d <= 1, near, far) chooses for each number.",
        "torch.where(d <= 1, 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2)",
    ),
)
def cubic_weights(t):
    """How much each of four pixels counts, `t` (n,) of the way from the second to the third: (n, 4)."""
    d = torch.stack([1 + t, t, 1 - t, 2 - t], dim=1)
    return torch.where(d <= 1, 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2)


@cubic_weights.mistake("That is the kernel with a = −0.75, PyTorch's usual one; here a is −0.5.")
def with_another_a(t):
    d = torch.stack([1 + t, t, 1 - t, 2 - t], dim=1)
    return torch.where(d <= 1, 1.25 * d**3 - 2.25 * d**2 + 1, -0.75 * d**3 + 3.75 * d**2 - 6 * d + 3)


@cubic_weights.mistake("The pixels are in the wrong order: the first lies 1 + t away, the last 2 − t.")
def from_right_to_left(t):
    d = torch.stack([2 - t, 1 - t, t, 1 + t], dim=1)
    return torch.where(d <= 1, 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2)


@cubic_weights.mistake("These are bilinear weights: the outer two count as well, a little and negatively.")
def only_two_pixels(t):
    return torch.stack([0 * t, 1 - t, t, 0 * t], dim=1)


_SIGNED = "A distance is never negative: .abs()."


@cubic_weights.mistake(_SIGNED)
def from_the_pixel_to_the_place(t):
    d = torch.stack([1 + t, t, t - 1, t - 2], dim=1)
    return torch.where(d <= 1, 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2)


@cubic_weights.mistake(_SIGNED)
def from_the_place_to_the_pixel(t):
    d = torch.stack([-1 - t, -t, 1 - t, 2 - t], dim=1)
    return torch.where(d <= 1, 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2)


@cubic_weights.mistake("The first formula holds up to a distance of 1 only; further out it is the second.")
def one_formula_for_all(t):
    d = torch.stack([1 + t, t, 1 - t, 2 - t], dim=1)
    return 1.5 * d**3 - 2.5 * d**2 + 1


@exercise(
    cases=(
        (_picture(2, 1, 6, 7, seed=1), _picture(2, 1, 6, 7, seed=2)),
        (_picture(3, 3, 5, 5, seed=3), 0.9 * _picture(3, 3, 5, 5, seed=3) + 0.02),
    ),
    hints=(
        "First one mean squared error for each picture: `(x - y).square().flatten(1).mean(dim=1)`.",
        "Then −10 times its logarithm to base 10: .log10().",
    ),
)
def psnr(x, y):
    """Decibels between the pictures x and y (n, c, H, W) in [0, 1], one number for each pair: (n,)."""
    return -10 * (x - y).square().flatten(1).mean(dim=1).log10()


@psnr.mistake("This is one number for the whole batch: each pair of pictures has its own.")
def over_the_batch(x, y):
    return -10 * (x - y).square().mean().log10()


@psnr.mistake("That is the natural logarithm; decibels are tenths of the logarithm to base 10: .log10().")
def natural_logarithm(x, y):
    return -10 * (x - y).square().flatten(1).mean(dim=1).log()


@psnr.mistake("Twice too much: 20 goes with the root of the mean squared error, 10 with the error itself.")
def twenty(x, y):
    return -20 * (x - y).square().flatten(1).mean(dim=1).log10()


@psnr.mistake("That is the mean absolute difference: square the differences first.")
def absolute(x, y):
    return -10 * (x - y).abs().flatten(1).mean(dim=1).log10()


@psnr.mistake("The pictures go up to 1, not 255.")
def up_to_255(x, y):
    return 10 * (255**2 / (x - y).square().flatten(1).mean(dim=1)).log10()


_WINDOW = _picture(4, 11, 11, seed=4)
_ALIKE = 0.5 * _WINDOW + 0.2 * _picture(4, 11, 11, seed=5)


@exercise(
    cases=(
        (_WINDOW, _ALIKE),
        (_WINDOW, 1 - _WINDOW),
        (torch.zeros(1, 11, 11), torch.full((1, 11, 11), 0.05)),
    ),
    hints=(
        "Means first: `x.mean(dim=(1, 2), keepdim=True)`; variances and covariance are means of products of what is "
        "left when the means are taken away.",
        "a = x − mean of x, b the same of y: the variances are (a * a).mean(dim=(1, 2)) and (b * b).mean(dim=(1, 2)), "
        "the covariance (a * b).mean(dim=(1, 2)).",
        "(2 mx my + 0.0001) / (mx² + my² + 0.0001), times (2 cov + 0.0009) / (vx + vy + 0.0009).",
    ),
)
def ssim_window(x, y):
    """SSIM of single windows x and y (n, h, w) in [0, 1], all their pixels counting alike: (n,)."""
    mx, my = (z.mean(dim=(1, 2), keepdim=True) for z in (x, y))
    a, b = x - mx, y - my
    vx, vy, cov = ((p * q).mean(dim=(1, 2)) for p, q in ((a, a), (b, b), (a, b)))
    mx, my = mx[:, 0, 0], my[:, 0, 0]
    light = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
    return light * (2 * cov + 0.03**2) / (vx + vy + 0.03**2)


def _parts(x, y):
    """Means, variances and covariance of windows, each (n,)."""
    x, y = x.flatten(1), y.flatten(1)
    mx, my = x.mean(dim=1), y.mean(dim=1)
    cov = ((x - mx[:, None]) * (y - my[:, None])).mean(dim=1)
    return mx, my, x.var(dim=1, correction=0), y.var(dim=1, correction=0), cov


@ssim_window.mistake("Only structure is compared here: the first factor, of the means, is missing.")
def without_light(x, y):
    _, _, vx, vy, cov = _parts(x, y)
    return (2 * cov + 0.03**2) / (vx + vy + 0.03**2)


@ssim_window.mistake("These are deviations where the formula has variances: σ², without the root.")
def deviations(x, y):
    mx, my, vx, vy, cov = _parts(x, y)
    light = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
    return light * (2 * cov + 0.03**2) / (vx.sqrt() + vy.sqrt() + 0.03**2)


@ssim_window.mistake("torch's .var() divides by n − 1: use .var(…, correction=0), as for the covariance.")
def variances_by_n_minus_1(x, y):
    mx, my, vx, vy, cov = _parts(x, y)
    n = x[0].numel()
    light = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
    return light * (2 * cov + 0.03**2) / ((vx + vy) * n / (n - 1) + 0.03**2)


@ssim_window.mistake("The constants are squares, 0.01² and 0.03².")
def constants_not_squared(x, y):
    mx, my, vx, vy, cov = _parts(x, y)
    return (2 * mx * my + 0.01) / (mx**2 + my**2 + 0.01) * (2 * cov + 0.03) / (vx + vy + 0.03)


@exercise(
    cases=(
        (torch.arange(24.0).reshape(1, 4, 2, 3), 2),
        (_picture(2, 18, 2, 4, seed=6), 3),
        (_picture(1, 16, 3, 1, seed=7), 4),
    ),
    hints=(
        "Split the channels with .reshape(n, c, scale, scale, h, w), where c is channels // scale**2: the first "
        "`scale` is a row within the square.",
        "In the picture a row of squares comes before the rows within it: bring the axes into the order "
        "n, c, h, scale, w, scale with .permute.",
        "maps.reshape(n, c, scale, scale, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c, scale * h, scale * w)",
    ),
)
def pixel_shuffle(maps, scale):
    """maps (n, c · scale², h, w) → (n, c, scale · h, scale · w): scale² values at each place become a square."""
    n, channels, h, w = maps.shape
    c = channels // scale**2
    squares = maps.reshape(n, c, scale, scale, h, w).permute(0, 1, 4, 2, 5, 3)
    return squares.reshape(n, c, scale * h, scale * w)


@pixel_shuffle.mistake("Nothing was moved: the axes must change their order before they are joined.")
def only_reshaped(maps, scale):
    n, channels, h, w = maps.shape
    return maps.reshape(n, channels // scale**2, scale * h, scale * w)


@pixel_shuffle.mistake(
    "Rows and columns within the squares are exchanged: the second value lies to the right of the first."
)
def columns_first(maps, scale):
    n, channels, h, w = maps.shape
    squares = maps.reshape(n, -1, scale, scale, h, w).permute(0, 1, 4, 3, 5, 2)
    return squares.reshape(n, channels // scale**2, scale * h, scale * w)


@pixel_shuffle.mistake("Before they are joined, the axes are in the order n, c, h, scale, w, scale.")
def small_rows_before_large_ones(maps, scale):
    n, channels, h, w = maps.shape
    squares = maps.reshape(n, -1, scale, scale, h, w).permute(0, 1, 2, 4, 3, 5)
    return squares.reshape(n, channels // scale**2, scale * h, scale * w)


@pixel_shuffle.mistake(
    "With several channels: the scale² values of one channel lie next to each other, so c comes first."
)
def channels_last(maps, scale):
    n, channels, h, w = maps.shape
    squares = maps.reshape(n, scale, scale, -1, h, w).permute(0, 3, 4, 1, 5, 2)
    return squares.reshape(n, channels // scale**2, scale * h, scale * w)


def _shrunk(large, small):
    return F.interpolate(large, size=small.shape[-2:], mode="bicubic", antialias=True)


@exercise(
    cases=(
        (_picture(1, 1, 12, 15, seed=8), _picture(1, 1, 4, 5, seed=9), 3),
        (_picture(2, 3, 8, 6, seed=10), _picture(2, 3, 4, 3, seed=11), 2),
    ),
    hints=(
        "Shrink `large` to the size of `small`: how far is that from what was given?",
        'F.interpolate(large, size=small.shape[-2:], mode="bicubic", antialias=True) shrinks without rounding.',
        "The difference, small − shrunk, is enlarged with superres.bicubic(…, scale) and added to large.",
    ),
)
def back_projection_step(large, small, scale):
    """One step of back-projection: `large` (n, c, scale · h, scale · w) moved towards agreeing with `small`."""
    shrunk = F.interpolate(large, size=small.shape[-2:], mode="bicubic", antialias=True)
    return large + superres.bicubic(small - shrunk, scale)


@back_projection_step.mistake("The wrong way: this takes away what is missing. Add (small − shrunk).")
def away_from_it(large, small, scale):
    return large - superres.bicubic(small - _shrunk(large, small), scale)


@back_projection_step.mistake(
    "Shrink without rounding: superres.downscale rounds to 8 bits, cuts at 0 and 1."
)
def with_rounding(large, small, scale):
    return large + superres.bicubic(small - superres.downscale(large, scale), scale)


@back_projection_step.mistake("That is the enlarged difference alone: it is added to `large`.")
def the_correction_alone(large, small, scale):
    return superres.bicubic(small - _shrunk(large, small), scale)


@back_projection_step.mistake("With antialias=True shrinking averages; this takes every second or third.")
def without_antialiasing(large, small, scale):
    skipped = F.interpolate(large, size=small.shape[-2:], mode="bicubic", align_corners=False)
    return large + superres.bicubic(small - skipped, scale)


@back_projection_step.mistake("A mean of squares is another way to shrink: here it is bicubic, antialiased.")
def shrunk_by_means(large, small, scale):
    return large + superres.bicubic(small - F.avg_pool2d(large, scale), scale)


@back_projection_step.mistake("PyTorch's usual a is −0.75: superres.bicubic, or antialias=True, has −0.5.")
def enlarged_with_another_a(large, small, scale):
    return large + F.interpolate(small - _shrunk(large, small), scale_factor=scale, mode="bicubic")


@back_projection_step.mistake("Do not clamp here: the next step corrects what left [0, 1].")
def clamped(large, small, scale):
    return (large + superres.bicubic(small - _shrunk(large, small), scale)).clamp(0, 1)
