"""Exercises of lesson 09: bicubic weights, PSNR, a window of SSIM, pixel shuffle, a step of back-projection."""

import torch
import torch.nn.functional as F

from imagegen_lessons import metrics, superres
from imagegen_lessons.exercises.checker import exercise
from imagegen_lessons.exercises.inputs import uniform


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


def _distances(t):
    return torch.stack([1 + t, t, 1 - t, 2 - t], dim=1)


def _kernel(d, a=-0.5):
    """Keys' kernel at the distances d."""
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return torch.where(d <= 1, (a + 2) * d**3 - (a + 3) * d**2 + 1, far)


@cubic_weights.mistake("That is the kernel with a = −0.75, PyTorch's usual one; here a is −0.5.")
def with_another_a(t):
    return _kernel(_distances(t), a=-0.75)


@cubic_weights.mistake("The pixels are in the wrong order: the first lies 1 + t away, the last 2 − t.")
def from_right_to_left(t):
    return _kernel(_distances(1 - t))


@cubic_weights.mistake("These are bilinear weights: the outer two count as well, a little and negatively.")
def only_two_pixels(t):
    return torch.stack([0 * t, 1 - t, t, 0 * t], dim=1)


@cubic_weights.mistake("A distance is never negative: take the .abs() of place - pixel.")
def from_the_pixel_to_the_place(t):
    return _kernel(_distances(t) * torch.tensor([1, 1, -1, -1]))


@cubic_weights.mistake("A distance is never negative: take the .abs() of pixel - place.")
def from_the_place_to_the_pixel(t):
    return _kernel(_distances(t) * torch.tensor([-1, -1, 1, 1]))


@cubic_weights.mistake("The first formula holds up to a distance of 1 only; further out it is the second.")
def one_formula_for_all(t):
    d = _distances(t)
    return 1.5 * d**3 - 2.5 * d**2 + 1


psnr = exercise(
    cases=(
        (uniform(2, 1, 6, 7, seed=1), uniform(2, 1, 6, 7, seed=2)),
        (uniform(3, 3, 5, 5, seed=3), 0.9 * uniform(3, 3, 5, 5, seed=3) + 0.02),
    ),
    hints=(
        "First one mean squared error for each pair: `(x - y).square().flatten(1).mean(dim=1)`.",
        "Then −10 times its logarithm to base 10: .log10().",
    ),
)(metrics.psnr)


@psnr.mistake("This is one number for the whole batch: each pair of pictures has its own.")
def over_the_batch(x, y):
    return -10 * (x - y).square().mean().log10()


@psnr.mistake("That is the natural logarithm; decibels are tenths of the logarithm to base 10: .log10().")
def natural_logarithm(x, y):
    return -10 * (x - y).square().flatten(1).mean(dim=1).log()


@psnr.mistake("Twice too much: 20 goes with the root of the mean squared error, 10 with the error itself.")
def twenty(x, y):
    return 2 * metrics.psnr(x, y)


@psnr.mistake("That is the mean absolute difference: square the differences first.")
def absolute(x, y):
    return -10 * (x - y).abs().flatten(1).mean(dim=1).log10()


@psnr.mistake("The pictures go up to 1, not 255.")
def up_to_255(x, y):
    return 20 * torch.tensor(255.0).log10() + metrics.psnr(x, y)


_WINDOW = uniform(4, 11, 11, seed=4)
_ALIKE = 0.5 * _WINDOW + 0.2 * uniform(4, 11, 11, seed=5)


@exercise(
    cases=(
        (_WINDOW, _ALIKE),
        (_WINDOW, 1 - _WINDOW),
        (torch.zeros(1, 11, 11), torch.full((1, 11, 11), 0.05)),
    ),
    hints=(
        "One row of pixels for each window: `x, y = x.flatten(1), y.flatten(1)`. Means are `x.mean(dim=1)`.",
        "The variances divide by n: `x.var(dim=1, correction=0)`. The covariance is the mean of the products less "
        "the product of the means: `(x * y).mean(dim=1) - mx * my`.",
        "(2 mx my + 0.0001) / (mx² + my² + 0.0001), times (2 cov + 0.0009) / (vx + vy + 0.0009).",
    ),
)
def ssim_window(x, y):
    """SSIM of single windows x and y (n, h, w) in [0, 1], all their pixels counting alike: (n,)."""
    x, y = x.flatten(1), y.flatten(1)
    mx, my = x.mean(dim=1), y.mean(dim=1)
    vx, vy = x.var(dim=1, correction=0), y.var(dim=1, correction=0)
    cov = (x * y).mean(dim=1) - mx * my
    luminance = (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
    return luminance * (2 * cov + 0.03**2) / (vx + vy + 0.03**2)


def _ssim(x, y, c1=0.01**2, c2=0.03**2, correction=0, power=1):
    """SSIM of windows with other constants, or with variances divided by n - correction, or to some power."""
    x, y = x.flatten(1), y.flatten(1)
    mx, my = x.mean(dim=1), y.mean(dim=1)
    vx, vy = (z.var(dim=1, correction=correction) ** power for z in (x, y))
    cov = (x * y).mean(dim=1) - mx * my
    return (2 * mx * my + c1) / (mx**2 + my**2 + c1) * (2 * cov + c2) / (vx + vy + c2)


@ssim_window.mistake("Only structure is compared here: the first factor, of the means, is missing.")
def without_luminance(x, y):
    return _ssim(x, y, c1=1e6)  # so large that the first factor is 1


@ssim_window.mistake("These are deviations where the formula has variances: σ², without the root.")
def deviations(x, y):
    return _ssim(x, y, power=0.5)


@ssim_window.mistake("torch's .var() divides by n − 1: use .var(…, correction=0), as for the covariance.")
def variances_by_n_minus_1(x, y):
    return _ssim(x, y, correction=1)


@ssim_window.mistake("The constants are squares, 0.01² and 0.03².")
def constants_not_squared(x, y):
    return _ssim(x, y, c1=0.01, c2=0.03)


@exercise(
    cases=(
        (torch.arange(24.0).reshape(1, 4, 2, 3), 2),
        (uniform(2, 18, 2, 4, seed=6), 3),
        (uniform(1, 16, 3, 1, seed=7), 4),
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


def _shuffled(maps, scale, *order):
    """The six axes in this order, then joined."""
    n, channels, h, w = maps.shape
    squares = maps.reshape(n, -1, scale, scale, h, w).permute(order)
    return squares.reshape(n, channels // scale**2, scale * h, scale * w)


@pixel_shuffle.mistake("Nothing was moved: the axes must change their order before they are joined.")
def only_reshaped(maps, scale):
    return _shuffled(maps, scale, 0, 1, 2, 3, 4, 5)


@pixel_shuffle.mistake("Rows and columns are exchanged: the second value lies to the right of the first.")
def columns_first(maps, scale):
    return _shuffled(maps, scale, 0, 1, 4, 3, 5, 2)


@pixel_shuffle.mistake("Before they are joined, the axes are in the order n, c, h, scale, w, scale.")
def small_rows_before_large_ones(maps, scale):
    return _shuffled(maps, scale, 0, 1, 2, 4, 3, 5)


@pixel_shuffle.mistake(
    "With several channels: the scale² values of one channel lie next to each other, so c comes first."
)
def channels_last(maps, scale):
    n, channels, h, w = maps.shape
    squares = maps.reshape(n, scale, scale, -1, h, w).permute(0, 3, 4, 1, 5, 2)
    return squares.reshape(n, channels // scale**2, scale * h, scale * w)


back_projection_step = exercise(
    cases=(
        (uniform(1, 1, 12, 15, seed=8), uniform(1, 1, 4, 5, seed=9), 3),
        (uniform(2, 3, 8, 6, seed=10), uniform(2, 3, 4, 3, seed=11), 2),
    ),
    hints=(
        "Downscale `high` to the size of `low`: how far is that from what was given?",
        'F.interpolate(high, size=low.shape[-2:], mode="bicubic", antialias=True) downscales without rounding.',
        "The difference, low − downscaled, is enlarged with superres.bicubic(…, scale) and added to high.",
    ),
)(superres.back_projection_step)


def _correction(high, low, scale):
    return superres.back_projection_step(high, low, scale) - high


@back_projection_step.mistake("The wrong way: this takes away what is missing. Add (low − downscaled).")
def away_from_it(high, low, scale):
    return high - _correction(high, low, scale)


@back_projection_step.mistake("Do not round: superres.downscale rounds to 8 bits, and cuts at 0 and 1.")
def with_rounding(high, low, scale):
    return high + superres.bicubic(low - superres.downscale(high, scale), scale)


@back_projection_step.mistake("That is the enlarged difference alone: it is added to `high`.")
def the_correction_alone(high, low, scale):
    return _correction(high, low, scale)


@back_projection_step.mistake("antialias=True takes means; this takes every second or third pixel.")
def without_antialiasing(high, low, scale):
    skipped = F.interpolate(high, size=low.shape[-2:], mode="bicubic", align_corners=False)
    return high + superres.bicubic(low - skipped, scale)


@back_projection_step.mistake(
    "A mean of squares is another way to downscale: here it is bicubic, antialiased."
)
def downscaled_by_means(high, low, scale):
    return high + superres.bicubic(low - F.avg_pool2d(high, scale), scale)


@back_projection_step.mistake("PyTorch's usual a is −0.75: superres.bicubic, or antialias=True, has −0.5.")
def enlarged_with_another_a(high, low, scale):
    downscaled = F.interpolate(high, size=low.shape[-2:], mode="bicubic", antialias=True)
    return high + F.interpolate(low - downscaled, scale_factor=scale, mode="bicubic")


@back_projection_step.mistake("Do not clamp here: the next step corrects what left [0, 1].")
def clamped(high, low, scale):
    return superres.back_projection_step(high, low, scale).clamp(0, 1)
