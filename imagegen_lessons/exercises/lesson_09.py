"""Exercises of lesson 09: bicubic weights, PSNR, a window of SSIM, pixel shuffle, a step of back-projection."""

import torch
import torch.nn.functional as F

from imagegen_lessons import metrics, superres
from imagegen_lessons.exercises.checker import exercise
from imagegen_lessons.exercises.inputs import uniform


@exercise(
    cases=(
        (torch.tensor([0.0, 0.25, 0.5]),),
        (torch.tensor([1 / 6, 1 / 3, 0.9, 1.0]),),
        (torch.tensor([0.7]),),
    ),
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


def _where(near, far, d):
    return torch.where(d <= 1, near, far)


def _near(d):
    return 1.5 * d**3 - 2.5 * d**2 + 1


def _far(d):
    return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2


cubic_weights.mistake(
    "The axes are exchanged: each place has a row of four weights, so stack along dim=1.",
    lambda t: _kernel(_distances(t)).T,
)
cubic_weights.mistake(
    "The second formula holds beyond a distance of 1 only; nearer it is the first.",
    lambda t: _far(_distances(t)),
)
cubic_weights.mistake(
    "The two formulas are exchanged: the first is for d <= 1.",
    lambda t: _where(_far(_distances(t)), _near(_distances(t)), _distances(t)),
)
cubic_weights.mistake(
    "The four pixels lie at −1, 0, 1 and 2, seen from the second one; these distances are to 0, 1, 2 and 3.",
    lambda t: _kernel((t[:, None] - torch.arange(4)).abs()),
)
cubic_weights.mistake(
    "The four pixels lie at −1, 0, 1 and 2, seen from the second one; these distances are to −2, −1, 0 and 1.",
    lambda t: _kernel((t[:, None] - torch.arange(-2, 2)).abs()),
)
cubic_weights.mistake(
    "The outer two weights are negative, and that is right: leave out the clamp.",
    lambda t: _kernel(_distances(t)).clamp(min=0),
)
cubic_weights.mistake(
    "The sign of the second formula is turned round: between 1 and 2 the weights are negative.",
    lambda t: _where(_near(_distances(t)), -_far(_distances(t)), _distances(t)),
)
cubic_weights.mistake(
    "The + 1 at the end of the first formula is missing.",
    lambda t: _where(_near(_distances(t)) - 1, _far(_distances(t)), _distances(t)),
)
cubic_weights.mistake(
    "The + 2 at the end of the second formula is missing.",
    lambda t: _where(_near(_distances(t)), _far(_distances(t)) - 2, _distances(t)),
)
cubic_weights.mistake(
    "The first formula holds up to a distance of 1, not of a half.",
    lambda t: torch.where(_distances(t) <= 0.5, _near(_distances(t)), _far(_distances(t))),
)
cubic_weights.mistake(
    "The kernel's weights already add up to 1: do not divide by the sum of their absolute values, nor by any other.",
    lambda t: F.normalize(_kernel(_distances(t)), p=1, dim=1),
)


_PAIR = uniform(2, 3, 4, 6, seed=12)

psnr = exercise(
    cases=(
        (uniform(2, 1, 6, 7, seed=1), uniform(2, 1, 6, 7, seed=2)),
        (uniform(3, 3, 5, 5, seed=3), 0.9 * uniform(3, 3, 5, 5, seed=3) + 0.02),
        (
            _PAIR,
            _PAIR + 2e-4 * uniform(2, 3, 4, 6, seed=13),
        ),  # nearly equal: no small number may hide the error
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


def _decibels(error):
    return -10 * error.log10()


def _mse(x, y):
    return (x - y).square().flatten(1).mean(dim=1)


psnr.mistake(
    "That is the logarithm to base 2; decibels are tenths of the logarithm to base 10: .log10().",
    lambda x, y: -10 * _mse(x, y).log2(),
)
psnr.mistake(
    "The pictures go up to 1 already: do not multiply them by 255, or divide 255² by the error.",
    lambda x, y: _decibels(_mse(255 * x, 255 * y)),
)
psnr.mistake(
    "20 goes with the root of the mean *squared* error; this is the mean absolute difference.",
    lambda x, y: 2 * _decibels((x - y).abs().flatten(1).mean(dim=1)),
)
psnr.mistake(
    "That is the spread of the differences, without their mean: a picture that is brighter all over would cost "
    "nothing.",
    lambda x, y: _decibels((x - y).flatten(1).var(dim=1)),
)
_SUMMED = "That is the sum of the squared errors (a norm is its root): take their mean, or larger pictures seem worse."
psnr.mistake(
    "A small error should give many decibels: the minus is missing, −10 · log10.",
    lambda x, y: -_decibels(_mse(x, y)),
)
psnr.mistake(_SUMMED, lambda x, y: _decibels((x - y).square().flatten(1).sum(dim=1)))
psnr.mistake(
    "The root is one too many: 10 goes with the mean squared error, 20 with its root.",
    lambda x, y: _decibels(_mse(x, y).sqrt()),
)
psnr.mistake(
    "These are bels: ten decibels are one, so multiply by 10.", lambda x, y: _decibels(_mse(x, y)) / 10
)
psnr.mistake(
    "The logarithm of each pixel is averaged; take the mean of the squared errors first, then one logarithm.",
    lambda x, y: _decibels((x - y).square()).flatten(1).mean(dim=1),
)
psnr.mistake(
    "Each channel has a number of its own here: average over channels, rows and columns, dim=(1, 2, 3).",
    lambda x, y: _decibels((x - y).square().mean(dim=(2, 3))),
)
psnr.mistake(
    "The mean squared error is over all channels together; this averages the decibels of the channels.",
    lambda x, y: _decibels((x - y).square().mean(dim=(2, 3))).mean(dim=1),
)
psnr.mistake(
    "The decibels of the pairs are averaged; return one number for each pair.",
    lambda x, y: _decibels(_mse(x, y)).mean(),
)
psnr.mistake(
    "The peak is 1, what a picture's values can reach, and not the largest value of x.",
    lambda x, y: _decibels(_mse(x, y) / x.max() ** 2),
)
psnr.mistake(
    "The peak is 1, what a picture's values can reach, and not the largest value of y.",
    lambda x, y: _decibels(_mse(x, y) / y.max() ** 2),
)
psnr.mistake(
    "Square the differences first and then take their mean: here those of both signs cancel.",
    lambda x, y: _decibels((x - y).flatten(1).mean(dim=1).square()),
)
psnr.mistake(
    "That is the signal against the noise. The *peak* is 1: divide 1, not the picture's own power, by the error.",
    lambda x, y: _decibels(_mse(x, y) / y.square().flatten(1).mean(dim=1)),
)
psnr.mistake(
    "The small number in the logarithm is as large as a small error: leave it out.",
    lambda x, y: _decibels(_mse(x, y) + 1e-8),
)


_WINDOW = uniform(4, 11, 11, seed=4)
_ALIKE = 0.5 * _WINDOW + 0.2 * uniform(4, 11, 11, seed=5)


@exercise(
    cases=(
        (_WINDOW, _ALIKE),
        (_WINDOW, 1 - _WINDOW),
        (torch.zeros(1, 11, 11), torch.full((1, 11, 11), 0.05)),
        (
            0.06 * uniform(3, 4, 3, seed=14),
            0.1 * uniform(3, 4, 3, seed=15),
        ),  # so weak that the constants count
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


def _ssim_of(luminance, structure):
    """The product of both factors of SSIM, each a function of the means, variances and covariance."""

    def value(x, y):
        x, y = x.flatten(1), y.flatten(1)
        mx, my = x.mean(dim=1), y.mean(dim=1)
        vx, vy = x.var(dim=1, correction=0), y.var(dim=1, correction=0)
        return luminance(mx, my) * structure(vx, vy, (x * y).mean(dim=1) - mx * my)

    return value


def _luminance(mx, my):
    return (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)


def _structure(vx, vy, cov):
    return (2 * cov + 9e-4) / (vx + vy + 9e-4)


def _with_moments(cov):
    """SSIM with another covariance, a function of both windows as rows of pixels."""

    def value(x, y):
        x, y = x.flatten(1), y.flatten(1)
        vx, vy = x.var(dim=1, correction=0), y.var(dim=1, correction=0)
        return _luminance(x.mean(dim=1), y.mean(dim=1)) * _structure(vx, vy, cov(x, y))

    return value


ssim_window.mistake(
    "Only the means are compared here: the second factor, with the covariance, is missing.",
    _ssim_of(_luminance, lambda vx, vy, cov: 1),
)
ssim_window.mistake(
    "That is the mean of the products. The covariance is that less the product of the means: − mx · my.",
    _with_moments(lambda x, y: (x * y).mean(dim=1)),
)
ssim_window.mistake(
    "The covariance is the *mean* of the products of the deviations, not their sum.",
    _with_moments(
        lambda x, y: ((x - x.mean(dim=1, keepdim=True)) * (y - y.mean(dim=1, keepdim=True))).sum(dim=1)
    ),
)
ssim_window.mistake(
    "Variances and covariance are divided by n − 1 here; both by n: .mean(), and correction=0.",
    lambda x, y: _with_n_minus_1(x.flatten(1), y.flatten(1)),
)
ssim_window.mistake(
    "The constants are exchanged: c₁ = 0.01² goes with the means, c₂ = 0.03² with the variances.",
    lambda x, y: _ssim(x, y, c1=0.03**2, c2=0.01**2),
)
ssim_window.mistake(
    "The constants stand above and below the line, in both factors; here they are only below.",
    _ssim_of(
        lambda mx, my: 2 * mx * my / (mx**2 + my**2 + 1e-4), lambda vx, vy, cov: 2 * cov / (vx + vy + 9e-4)
    ),
)
ssim_window.mistake(
    "The constants are missing, so flat black windows divide 0 by 0.", lambda x, y: _ssim(x, y, c1=0, c2=0)
)
ssim_window.mistake(
    "Above the line both products are taken twice: 2 mx my, and 2 cov.",
    _ssim_of(
        lambda mx, my: (mx * my + 1e-4) / (mx**2 + my**2 + 1e-4),
        lambda vx, vy, cov: (cov + 9e-4) / (vx + vy + 9e-4),
    ),
)
ssim_window.mistake(
    "Below the line the variances are added, not multiplied.",
    _ssim_of(_luminance, lambda vx, vy, cov: (2 * cov + 9e-4) / (vx * vy + 9e-4)),
)
ssim_window.mistake(
    "The two factors are multiplied, not added.",
    lambda x, y: _ssim_of(_luminance, lambda *_: 1)(x, y) + _ssim_of(lambda *_: 1, _structure)(x, y),
)
ssim_window.mistake(
    "The two factors are multiplied; their mean is another number.",
    lambda x, y: (_ssim_of(_luminance, lambda *_: 1)(x, y) + _ssim_of(lambda *_: 1, _structure)(x, y)) / 2,
)
ssim_window.mistake(
    "That is one number for all windows; each has its own: keep the first axis.",
    lambda x, y: _ssim(x, y).mean(),
)
ssim_window.mistake(
    "The covariance may be negative, and SSIM with it: leave out .abs().",
    _ssim_of(_luminance, lambda vx, vy, cov: _structure(vx, vy, cov.abs())),
)
ssim_window.mistake(
    "These constants are for pictures up to 255; up to 1 they are 0.01² and 0.03².",
    lambda x, y: _ssim(x, y, c1=2.55**2, c2=7.65**2),
)
ssim_window.mistake(
    "metrics.ssim weighs pixels near the middle more; here all the pixels of a window count alike.",
    lambda x, y: metrics.ssim(x[:, None], y[:, None]).float(),
)
ssim_window.mistake("SSIM may be negative: leave out the clamp.", lambda x, y: _ssim(x, y).clamp(0, 1))
ssim_window.mistake(
    "That is the correlation; its σ_x σ_y stands where the formula has σ_x² + σ_y² and the constants.",
    lambda x, y: _ssim_of(lambda *_: 1, lambda vx, vy, cov: cov / (vx * vy).sqrt())(x, y),
)
ssim_window.mistake(
    "Below the line stands the square of the mean, mx²; this is the mean of the squares.",
    lambda x, y: (
        _ssim(x, y, c1=1e6)
        * (2 * x.flatten(1).mean(dim=1) * y.flatten(1).mean(dim=1) + 1e-4)
        / (x.square().flatten(1).mean(dim=1) + y.square().flatten(1).mean(dim=1) + 1e-4)
    ),
)
ssim_window.mistake(
    "The number of pixels is not always 121: take .mean(), which counts them.",
    lambda x, y: _ssim_of_sums(x.flatten(1), y.flatten(1), 121),
)


def _with_n_minus_1(x, y):
    mx, my, n = x.mean(dim=1), y.mean(dim=1), x.shape[1]
    cov = ((x * y).mean(dim=1) - mx * my) * n / (n - 1)
    return _luminance(mx, my) * _structure(x.var(dim=1), y.var(dim=1), cov)


def _ssim_of_sums(x, y, n):
    mx, my, xx, yy, xy = (v.sum(dim=1) / n for v in (x, y, x * x, y * y, x * y))
    return _luminance(mx, my) * _structure(xx - mx**2, yy - my**2, xy - mx * my)


@exercise(
    cases=(
        (torch.arange(24.0).reshape(1, 4, 2, 3), 2),
        (uniform(2, 18, 2, 4, seed=6).requires_grad_(), 3),
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


_NO_GRADIENT = (
    "The network in front of it learns through this step: compute with tensors that carry gradients, without "
    ".detach(), "
    ".data or torch.no_grad()."
)


def _placed(*order):
    """The six axes in this order, and then joined to the right shape, whatever is in it."""
    return lambda maps, scale: _shuffled(maps, scale, *order)


pixel_shuffle.mistake(
    "This is a small picture beside a small picture. Neighbours in the result are values of *one* place: h comes "
    "before the rows of its square, w before the columns.",
    _placed(0, 1, 2, 4, 5, 3),
)
pixel_shuffle.mistake(
    "The squares are filled in the wrong places: after the channel comes h, and the row within the square behind it.",
    _placed(0, 1, 4, 5, 2, 3),
)
pixel_shuffle.mistake(
    "The row within the square belongs behind h; here it stands behind the columns' axis.",
    _placed(0, 1, 3, 4, 2, 5),
)
pixel_shuffle.mistake(
    "The columns are not mixed yet: w, and behind it the column within the square.", _placed(0, 1, 4, 2, 3, 5)
)
pixel_shuffle.mistake(
    "Height and width are exchanged: h goes with rows, and w with columns.", _placed(0, 1, 5, 2, 4, 3)
)
pixel_shuffle.mistake(
    "The values go the other way: the first channel belongs at the upper left of each square.",
    lambda maps, scale: F.pixel_shuffle(maps.flip(1), scale),
)
pixel_shuffle.mistake(
    "This repeats one channel scale² times; each of the scale² values has a place of its own in the square.",
    lambda maps, scale: F.interpolate(maps[:, :: scale**2], scale_factor=scale),
)
pixel_shuffle.mistake(
    "The scale is not always 2: write `scale` where a 2 stands.",
    lambda maps, scale: F.pixel_shuffle(maps, 2),
)
pixel_shuffle.mistake(
    "The result has channels // scale² channels: this makes only the first.",
    lambda maps, scale: F.pixel_shuffle(maps[:, : scale**2], scale),
)
pixel_shuffle.mistake(
    "That is the first picture of the batch only.", lambda maps, scale: F.pixel_shuffle(maps[:1], scale)
)
pixel_shuffle.mistake(
    "After .permute the numbers no longer lie in order: .view cannot join them, .reshape can.",
    lambda maps, scale: (
        maps.view(len(maps), -1, scale, scale, *maps.shape[2:]).permute(0, 1, 4, 2, 5, 3).view(len(maps), -1)
    ),
)
pixel_shuffle.mistake(
    "That is the way back: it makes many small maps of a large one. Here the maps become one large picture.",
    lambda maps, scale: F.pixel_unshuffle(maps, scale),
)
pixel_shuffle.mistake(_NO_GRADIENT, lambda maps, scale: F.pixel_shuffle(maps.detach(), scale))


back_projection_step = exercise(
    cases=(
        (
            (
                1.6 * uniform(1, 1, 12, 15, seed=8) - 0.3
            ).requires_grad_(),  # as a network's answer: not clamped
            uniform(1, 1, 4, 5, seed=9),
            3,
        ),
        (1.3 * torch.ones(1, 1, 8, 12), uniform(1, 1, 2, 3, seed=16), 4),
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


def _down(high, low, **options):
    return F.interpolate(high, size=low.shape[-2:], **{"mode": "bicubic", "antialias": True, **options})


back_projection_step.mistake(
    "Enlarge the difference with superres.bicubic; this is bilinear.",
    lambda high, low, scale: (
        high + F.interpolate(low - _down(high, low), scale_factor=scale, mode="bilinear", antialias=True)
    ),
)
back_projection_step.mistake(
    "F.interpolate's usual mode is 'nearest': the difference is enlarged in squares. Take superres.bicubic.",
    lambda high, low, scale: high + F.interpolate(low - _down(high, low), scale_factor=scale),
)
back_projection_step.mistake(
    "Downscale bicubically as well; this is bilinear.",
    lambda high, low, scale: high + superres.bicubic(low - _down(high, low, mode="bilinear"), scale),
)
back_projection_step.mistake(
    "The difference has both signs, and both are needed: leave out .abs().",
    lambda high, low, scale: high + superres.bicubic((low - _down(high, low)).abs(), scale),
)
back_projection_step.mistake(
    "The difference has both signs, and both are needed: do not clamp it.",
    lambda high, low, scale: high + superres.bicubic((low - _down(high, low)).clamp(0, 1), scale),
)
back_projection_step.mistake(
    "Do not clamp the downscaled picture: what left [0, 1] must be seen, to be corrected.",
    lambda high, low, scale: high + superres.bicubic(low - _down(high, low).clamp(0, 1), scale),
)
back_projection_step.mistake(
    "That is `low` enlarged; what `high` knew is lost. Add the enlarged *difference* to `high`.",
    lambda high, low, scale: superres.bicubic(low, scale),
)
back_projection_step.mistake(
    "Nothing is corrected: `high` comes back as it was.", lambda high, low, scale: high
)
back_projection_step.mistake(
    "That is half of a step: add the whole difference.",
    lambda high, low, scale: high + _correction(high, low, scale) / 2,
)
back_projection_step.mistake(
    "One step is asked for; these are two.",
    lambda high, low, scale: superres.back_project(high, low, scale, steps=2),
)
back_projection_step.mistake(
    "align_corners=True stretches the picture to its corners; leave it out.",
    lambda high, low, scale: (
        high + superres.bicubic(low - _down(high, low, antialias=False, align_corners=True), scale)
    ),
)
back_projection_step.mistake(
    "One step is asked for; these are ten.",
    lambda high, low, scale: superres.back_project(high, low, scale),
)
back_projection_step.mistake(
    "This keeps every second, third or fourth pixel; downscale with F.interpolate(…, antialias=True).",
    lambda high, low, scale: high + superres.bicubic(low - high[..., ::scale, ::scale], scale),
)
back_projection_step.mistake(
    "`high` is a tensor of the caller: compute a new one, without += or add_.",
    lambda high, low, scale: high.add_(_correction(high, low, scale)),
)
back_projection_step.mistake(
    "The values are too small: bicubic interpolation keeps the mean, so nothing is to be divided by scale².",
    lambda high, low, scale: high + _correction(high, low, scale) / scale**2,
)
back_projection_step.mistake(
    _NO_GRADIENT + " (Here `high` comes from one.)",
    lambda high, low, scale: superres.back_projection_step(high, low, scale).detach(),
)
back_projection_step.mistake(
    "The correction depends on `high`, too: it must carry its gradient, without .detach().",
    lambda high, low, scale: high + _correction(high, low, scale).detach(),
)
