"""Exercises of lesson 00: brightness, cropping, shrinking, sharpening, and a filter of one's own."""

import torch

from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.inputs import uniform


@exercise(
    cases=((uniform(2, 3, 4, 5, seed=0),), (torch.eye(3)[:, :, None, None],)),
    hints=(
        "The channels are dimension 1 of (batch, channels, height, width).",
        "x[:, 0:1] is the red channel, and it is still four-dimensional.",
        "0.299 * x[:, 0:1] + 0.587 * ... and so on.",
    ),
)
def luminance(x):
    """How bright each pixel looks: 0.299 red + 0.587 green + 0.114 blue. Shape (n, 1, h, w)."""
    return 0.299 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]


@luminance.mistake("This is the plain mean of the channels; the eye weighs green far more than blue.")
def plain_mean(x):
    return x.mean(dim=1, keepdim=True)


@luminance.mistake("The weights are in the wrong order: channel 0 is red, 1 is green, 2 is blue.")
def blue_first(x):
    return luminance.answer(x.flip(1))


@luminance.mistake("This is the plain mean, and the channel dimension got lost: weigh the channels, keep it.")
def plain_mean_lost(x):
    return x.mean(dim=1)


@luminance.mistake("The channel dimension got lost: x[:, 0] drops it, x[:, 0:1] keeps it.")
def channel_lost(x):
    return luminance.answer(x)[:, 0]


@exercise(
    cases=(
        (uniform(1, 3, 6, 9, seed=0), 4),
        (uniform(2, 1, 7, 5, seed=0), 3),
        (uniform(1, 1, 6, 8, seed=0), 3),
    ),
    hints=(
        "How many rows must go away above? Half of those that are too many: (height - size) // 2.",
        "A slice of four dimensions: x[:, :, top : top + size, left : left + size].",
    ),
)
def crop_centre(x, size):
    """The square of size x size pixels in the middle of the picture."""
    top, left = (x.shape[2] - size) // 2, (x.shape[3] - size) // 2
    return x[:, :, top : top + size, left : left + size]


@crop_centre.mistake("This is the upper left corner; start (height - size) // 2 rows further down.")
def corner(x, size):
    return x[:, :, :size, :size]


@crop_centre.mistake("Height is dimension 2 and width dimension 3; here they are swapped.")
def swapped(x, size):
    left, top = (x.shape[2] - size) // 2, (x.shape[3] - size) // 2
    return x[:, :, top : top + size, left : left + size]


@crop_centre.mistake("The slice ends too early: it runs from `top` to `top + size`, not to `size`.")
def ends_early(x, size):
    top, left = (x.shape[2] - size) // 2, (x.shape[3] - size) // 2
    return x[:, :, top:size, left:size]


@exercise(
    cases=(
        (uniform(1, 1, 4, 6, seed=0), 2),
        (uniform(2, 3, 9, 6, seed=0), 3),
        (uniform(1, 3, 8, 4, seed=0), 1),
    ),
    hints=(
        "The mean over blocks, not one pixel out of each.",
        "x.reshape(n, c, h // factor, factor, w // factor, factor) gives each block two dimensions of its own.",
        "Then take the mean over the dimensions 3 and 5.",
    ),
)
def downsample(x, factor):
    """Shrinks by a whole factor: every pixel is the mean of a block of factor x factor pixels."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // factor, factor, w // factor, factor).mean(dim=(3, 5))


@downsample.mistake("This keeps one pixel of each block and forgets the others: aliasing. Take the mean.")
def every_nth(x, factor):
    return x[:, :, ::factor, ::factor]


@downsample.mistake("This is the sum of each block; divide by the number of its pixels.")
def block_sum(x, factor):
    return downsample.answer(x, factor) * factor**2


@downsample.mistake(
    "The pieces are not blocks: the factor's own dimension comes right after what it divides."
)
def wrong_blocks(x, factor):
    n, c, h, w = x.shape
    return x.reshape(n, c, factor, h // factor, factor, w // factor).mean(dim=(2, 4))


@exercise(
    cases=((0.0,), (1.0,), (2.5,)),
    hints=(
        "Sharper = the picture + amount x (the picture - its blur). Write this for the kernels.",
        "The kernel that leaves a picture as it is holds a 1 in the middle and 0 elsewhere.",
        "The blur's kernel is torch.full((3, 3), 1 / 9).",
    ),
)
def sharpen_kernel(amount):
    """A 3x3 kernel that adds `amount` times the difference between the picture and its 3x3 mean."""
    same = torch.zeros(3, 3)
    same[1, 1] = 1
    blur = torch.full((3, 3), 1 / 9)
    return same + amount * (same - blur)


@sharpen_kernel.mistake("The sign is wrong: this adds the blur, so it makes the picture brighter and softer.")
def adds_blur(amount):
    return sharpen_kernel.answer(0.0) + amount / 9


@sharpen_kernel.mistake("The mean is over all nine pixels: each neighbour, corners too, gets -amount / 9.")
def four_neighbours(amount):
    cross = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    return sharpen_kernel.answer(0.0) - amount * cross


@sharpen_kernel.mistake("Its numbers do not add up to 1, so a grey wall would change its brightness.")
def not_normalised(amount):
    return sharpen_kernel.answer(0.0) - amount / 9


def _verify_filter(attempt):
    for shape in ((1, 3, 32, 48), (2, 3, 17, 9)):
        x = uniform(*shape, seed=12345)
        before = x.clone()
        y = attempt(x)
        if not torch.equal(x, before):
            raise Wrong("Your filter changes its input in place; make a new tensor instead.")
        if not isinstance(y, torch.Tensor) or y.shape != x.shape:
            got = tuple(y.shape) if isinstance(y, torch.Tensor) else type(y).__name__
            raise Wrong(f"For pictures of shape {shape} your filter gives {got}; the shape must stay.")
        if y.dtype != x.dtype:
            raise Wrong(f"Your filter gives numbers of type {y.dtype}; end it with .float().")
        if not y.isfinite().all():
            raise Wrong("Your filter gives inf or nan. Is something divided by zero?")
        if y.min() < 0 or y.max() > 1:
            raise Wrong("Your filter leaves the range 0 to 1; end it with .clamp(0, 1).")
        if torch.allclose(x, y, atol=1e-3):
            raise Wrong("Your filter leaves every picture as it was. Be bolder.")


@exercise(
    verify=_verify_filter,
    hints=(
        "Ideas: a poster of four grey levels, an old film's grain, glowing edges, a mirror, a swap of channels.",
        "Whatever you compute, .clamp(0, 1) at the end keeps it a picture.",
    ),
)
def my_filter(x):
    """A filter of one's own: here a poster of few tones with dark edges."""
    poster = (x * 4).round() / 4
    edges = (x - x.roll(1, dims=-1)).abs().mean(dim=1, keepdim=True)
    return (poster - 2 * edges).clamp(0, 1)


@my_filter.mistake("leaves the range 0 to 1")
def out_of_range(x):
    return x * 2


@my_filter.mistake("end it with .float()")
def black_and_white(x):
    return x > 0.5


@my_filter.mistake("the shape must stay")
def one_channel(x):
    return x.mean(dim=1, keepdim=True)


@my_filter.mistake("leaves every picture as it was")
def nothing(x):
    return x.clone()


@my_filter.mistake("changes its input in place")
def in_place(x):
    return x.mul_(0.5)
