"""Exercises of lesson 00: brightness, cropping, shrinking, sharpening, and a filter of one's own."""

import torch
import torch.nn.functional as F

from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.inputs import uniform


@exercise(
    # First a red, a green and a blue picture: a message about these shows the weights themselves.
    cases=((torch.eye(3)[:, :, None, None],), (uniform(2, 3, 4, 5, seed=0),)),
    hints=(
        "The channels are dimension 1 of (batch, channels, height, width).",
        "x[:, 0:1] is the red channel, and it is still four-dimensional.",
        "0.299 * x[:, 0:1] + 0.587 * ... and so on.",
    ),
)
def luminance(x):
    """How bright each pixel looks: 0.299 red + 0.587 green + 0.114 blue. Shape (n, 1, h, w)."""
    return 0.299 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]


_WEIGHTS = torch.tensor([0.299, 0.587, 0.114])
luminance.mistake(
    "This is the plain mean of the channels; the eye weighs green far more than blue.",
    lambda x: x.mean(dim=1, keepdim=True),
)
luminance.mistake(
    "The weights are in the wrong order: channel 0 is red, 1 is green, 2 is blue.",
    lambda x: luminance.answer(x.flip(1)),
)
luminance.mistake(
    "This is the plain mean, and the channel dimension got lost: weigh the channels, keep it.",
    lambda x: x.mean(dim=1),
)
luminance.mistake(
    "The channel dimension got lost: x[:, 0] drops it, x[:, 0:1] keeps it, and so does sum(dim=1, keepdim=True).",
    lambda x: luminance.answer(x)[:, 0],
)
_PICTURES = "takes pictures of the batch, not channels. All pictures, one channel: x[:, 0:1]."
luminance.mistake(f"x[0:1] {_PICTURES}", lambda x: 0.299 * x[0:1] + 0.587 * x[1:2] + 0.114 * x[2:3])
luminance.mistake(f"x[0] {_PICTURES}", lambda x: 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2])
luminance.mistake("The three are added up without their weights.", lambda x: x.sum(dim=1, keepdim=True))
luminance.mistake(
    "Channels are dimension 1 here, not the last one as in NumPy and Pillow: x[:, 0:1].",
    lambda x: 0.299 * x[..., 0:1] + 0.587 * x[..., 1:2] + 0.114 * x[..., 2:3],
)
luminance.mistake(
    "A mean over the weighted channels divides by 3 once more; the weights add up to 1 already, so take the sum.",
    lambda x: luminance.answer(x) / 3,
)
luminance.mistake(
    "The channels are weighed, but not yet added up: sum over dimension 1.",
    lambda x: x * _WEIGHTS.view(1, 3, 1, 1),
)
luminance.mistake(
    "Three weights beside (n, c, h, w) are laid along the last dimension, the width: give them the shape (3, 1, 1).",
    lambda x: (x * _WEIGHTS).sum(dim=1, keepdim=True),
)
luminance.mistake(
    "These weights are rounded; take 0.299, 0.587 and 0.114.",
    lambda x: 0.3 * x[:, 0:1] + 0.59 * x[:, 1:2] + 0.11 * x[:, 2:3],
)
luminance.mistake(
    "These are the weights of HDTV (Rec. 709). They exist, but here we take 0.299, 0.587 and 0.114.",
    lambda x: 0.2126 * x[:, 0:1] + 0.7152 * x[:, 1:2] + 0.0722 * x[:, 2:3],
)


@exercise(
    cases=(
        (uniform(1, 3, 6, 9, seed=0), 4),
        (uniform(2, 1, 7, 5, seed=0), 3),
        (uniform(1, 1, 6, 8, seed=0), 3),
        (uniform(1, 2, 5, 7, seed=0), 5),
        (uniform(1, 1, 9, 6, seed=0), 2),
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


def _cropped(x, top, left, size):
    return x[:, :, top : top + size, left : left + size]


def _margins(x, size):
    return x.shape[2] - size, x.shape[3] - size


crop_centre.mistake(
    "This is the upper left corner; start (height - size) // 2 rows further down.",
    lambda x, size: x[:, :, :size, :size],
)
crop_centre.mistake(
    "Height is dimension 2 and width dimension 3; here they are swapped.",
    lambda x, size: _cropped(x, (x.shape[3] - size) // 2, (x.shape[2] - size) // 2, size),
)
crop_centre.mistake(
    "Rows and columns begin at the same number here; only a square picture has equal margins.",
    lambda x, size: _cropped(x, (x.shape[2] - size) // 2, (x.shape[2] - size) // 2, size),
)
crop_centre.mistake("This is the lower right corner.", lambda x, size: x[:, :, -size:, -size:])


@crop_centre.mistake("The slice ends too early: it runs from `top` to `top + size`, not to `size`.")
def ends_early(x, size):
    rows, columns = _margins(x, size)
    return x[:, :, rows // 2 : size, columns // 2 : size]


@crop_centre.mistake(
    "Where it cannot be exactly in the middle the start is rounded down: (height - size) // 2."
)
def rounded_up(x, size):
    rows, columns = _margins(x, size)
    return _cropped(x, -(-rows // 2), -(-columns // 2), size)


@crop_centre.mistake("round() goes to the nearest even number at one half; // 2 always rounds down.")
def rounded(x, size):
    rows, columns = _margins(x, size)
    return _cropped(x, round(rows / 2), round(columns / 2), size)


crop_centre.mistake(
    "Halve the difference, not each of the two: height // 2 - size // 2 is one too large where only size is odd.",
    lambda x, size: _cropped(x, x.shape[2] // 2 - size // 2, x.shape[3] // 2 - size // 2, size),
)
crop_centre.mistake(
    "This starts in the middle of the picture, and the crop reaches beyond it; start half of the margin from the edge.",
    lambda x, size: _cropped(x, x.shape[2] // 2, x.shape[3] // 2, size),
)


@crop_centre.mistake(
    "Counted from both ends, an odd margin leaves one pixel too many: end the slice at `top + size`."
)
def from_both_ends(x, size):
    top, left = (margin // 2 for margin in _margins(x, size))
    return x[:, :, top : x.shape[2] - top, left : x.shape[3] - left]


@crop_centre.mistake(
    "The end is counted from the back, and -0 is the beginning: without a margin nothing is left. And an odd margin "
    "leaves one pixel too many. End the slice at `top + size`."
)
def from_the_back(x, size):
    top, left = (margin // 2 for margin in _margins(x, size))
    return x[:, :, top:-top, left:-left]


crop_centre.mistake(
    "One `/` gives a float, and a slice needs whole numbers: divide with `//`.", lambda x, size: x[:, :, 0.5:]
)
crop_centre.mistake(
    "This makes the whole picture smaller; cut a piece out of it.",
    lambda x, size: F.interpolate(x, (size, size)),
)


@exercise(
    cases=(
        (uniform(1, 1, 4, 6, seed=0), 2),
        (uniform(2, 3, 9, 6, seed=0), 3),
        (uniform(1, 3, 8, 4, seed=0), 1),
        (uniform(1, 2, 4, 8, seed=0), 4),
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


def _blocks(x, factor):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // factor, factor, w // factor, factor)


downsample.mistake(
    "This keeps one pixel of each block and forgets the others: aliasing. Take the mean.",
    lambda x, factor: x[:, :, ::factor, ::factor],
)
downsample.mistake(
    "This is the sum of each block; divide by the number of its pixels.",
    lambda x, factor: downsample.answer(x, factor) * factor**2,
)
downsample.mistake(
    "A block has factor × factor pixels: divide its sum by factor², not by factor.",
    lambda x, factor: downsample.answer(x, factor) * factor,
)
downsample.mistake(
    "This takes the largest pixel of each block (max pooling); take the mean of all.",
    lambda x, factor: F.max_pool2d(x, factor),
)


@downsample.mistake(
    "The pieces are not blocks: the factor's own dimension comes right after what it divides."
)
def wrong_blocks(x, factor):
    n, c, h, w = x.shape
    return x.reshape(n, c, factor, h // factor, factor, w // factor).mean(dim=(2, 4))


downsample.mistake(
    "The mean is over the wrong dimensions: those of length `factor` are 3 and 5, counted from 0.",
    lambda x, factor: _blocks(x, factor).mean(dim=(2, 4)),
)
downsample.mistake(
    "Each block is cut out of all pictures and channels, and one mean taken of them all: mean(dim=(2, 3)).",
    lambda x, factor: downsample.answer(x.mean(dim=(0, 1), keepdim=True).expand_as(x), factor),
)
downsample.mistake(
    "reshape takes pixels in a row, so these are strips, not blocks: give rows and columns a factor each.",
    lambda x, factor: x.reshape(*x.shape[:2], x.shape[2] // factor, x.shape[3] // factor, -1).mean(dim=4),
)
downsample.mistake(
    "Only the rows have been joined; the columns need it as well.",
    lambda x, factor: x.reshape(*x.shape[:2], x.shape[2] // factor, factor, x.shape[3]).mean(dim=3),
)
downsample.mistake(
    "The window moves by one pixel each time; it must move by `factor`: give that as the stride.",
    lambda x, factor: F.avg_pool2d(x, factor, stride=1),
)
downsample.mistake(
    "One `/` gives a float, and a shape needs whole numbers: divide with `//`.",
    lambda x, factor: x.reshape(1, 1, 2.0),
)
for _mode in ("bilinear", "bicubic"):
    downsample.mistake(
        f"This is {_mode} interpolation, which weighs pixels by their distance; here each pixel of a block counts the "
        "same, and none beyond it.",
        lambda x, factor, mode=_mode: F.interpolate(x, scale_factor=1 / factor, mode=mode, antialias=True),
    )
downsample.mistake(
    "Bilinear interpolation without antialiasing looks at four pixels only, however large the block is.",
    lambda x, factor: F.interpolate(x, scale_factor=1 / factor, mode="bilinear"),
)
downsample.mistake(
    "The size is fixed at 2; blocks have `factor` × `factor` pixels.", lambda x, factor: F.avg_pool2d(x, 2)
)


@exercise(
    cases=((0.0,), (1.0,), (2.5,), (-0.5,), (3,)),
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


_BLUR = torch.full((3, 3), 1 / 9)
_SAME = F.pad(torch.ones(1, 1), (1, 1, 1, 1))
_RING = 9 * _BLUR - _SAME  # ones around a zero
_CROSS = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
sharpen_kernel.mistake(
    "The sign is wrong: this adds the blur, so it makes the picture brighter and softer.",
    lambda amount: _SAME + amount * _BLUR,
)
sharpen_kernel.mistake(
    "This moves towards the blur and softens: what is added is the picture minus its mean, not the other way round.",
    lambda amount: _SAME - amount * (_SAME - _BLUR),
)
sharpen_kernel.mistake(
    "Its numbers do not add up to 1, so a grey wall would change its brightness: the difference has two parts, the "
    "picture and its mean.",
    lambda amount: _SAME - amount * _BLUR,
)
sharpen_kernel.mistake(
    "These are the edges alone: its numbers add up to 0. The picture itself is missing, a 1 in the middle.",
    lambda amount: amount * (_SAME - _BLUR),
)
sharpen_kernel.mistake(
    "The blur is not subtracted: this only multiplies the picture.", lambda amount: (1 + amount) * _SAME
)
_CLASSIC = (
    "is a well-known kernel for sharpening, but with another blur: here it is the mean of all nine pixels, so"
)
_NINTH = "each neighbour, corners too, gets -amount / 9."
sharpen_kernel.mistake(f"This {_CLASSIC} {_NINTH}", lambda amount: _SAME - amount * (_CROSS - 4 * _SAME))
sharpen_kernel.mistake(
    f"5 with -1 around it {_CLASSIC} for any amount {_NINTH}", lambda amount: 5 * _SAME - _CROSS
)
sharpen_kernel.mistake(
    f"9 with -1 around it {_CLASSIC} for any amount {_NINTH}", lambda amount: 9 * _SAME - _RING
)
sharpen_kernel.mistake(
    f"The amount is 9 times too large: the mean divides by 9, {_NINTH}",
    lambda amount: _SAME + amount * (8 * _SAME - _RING),
)
sharpen_kernel.mistake(
    "The middle pixel is part of its mean, too: its number is 1 + amount - amount / 9.",
    lambda amount: (1 + amount) * _SAME - amount * _RING / 9,
)
sharpen_kernel.mistake("The blur holds 1 / 9, not 1.", lambda amount: _SAME + amount * (_SAME - 9 * _BLUR))
sharpen_kernel.mistake(
    "This takes the mean of the eight neighbours; the 3 × 3 mean holds the pixel itself, too.",
    lambda amount: _SAME + amount * (_SAME - _RING / 8),
)
sharpen_kernel.mistake(
    f"This takes the mean of a cross of five pixels; the mean is over all nine: {_NINTH}",
    lambda amount: _SAME + amount * (_SAME - (_CROSS + _SAME) / 5),
)
sharpen_kernel.mistake(
    "torch.eye(3) has three ones, on the diagonal. The kernel that changes nothing has a single 1, in the middle.",
    lambda amount: torch.eye(3) + amount * (torch.eye(3) - _BLUR),
)
sharpen_kernel.mistake(
    "Return the kernel alone, as (3, 3); `apply` gives it the other dimensions.",
    lambda amount: sharpen_kernel.answer(amount)[None, None],
)


def _verify_filter(attempt):
    change = 0.0
    # Some low in contrast, since stretching does little to others, and some with black and white.
    for shape, low, high in (
        ((1, 3, 32, 48), 0.2, 0.6),
        ((2, 3, 17, 9), 0.0, 1.0),
        ((1, 3, 70, 50), 0.3, 0.9),
    ):
        x = low + (high - low) * uniform(*shape, seed=12345)
        before = x.clone()
        y = attempt(x)
        if not torch.equal(x, before):
            raise Wrong("Your filter changes its input in place; make a new tensor instead.")
        if y is None:
            raise Wrong("Your filter returns nothing (None). Does it end with `return`?")
        if not isinstance(y, torch.Tensor):
            raise Wrong(
                f"Your filter gives {type(y).__name__}; return a torch tensor, for NumPy torch.from_numpy(…)."
            )
        if y.shape != x.shape:
            raise Wrong(
                f"For pictures of shape {shape} your filter gives {tuple(y.shape)}; the shape must stay."
            )
        if not y.is_floating_point():
            scale = " / 255" if y.max() > 1 else ""
            raise Wrong(f"Your filter gives numbers of type {y.dtype}; end it with .float(){scale}.")
        if not y.isfinite().all():
            raise Wrong("Your filter gives inf or nan. Is something divided by zero?")
        if y.min() < 0 or y.max() > 1:
            raise Wrong(
                f"Your filter leaves the range 0 to 1 ({y.min():.2f} to {y.max():.2f}); end it with .clamp(0, 1)."
            )
        change = max(change, (y - x).abs().mean().item())
    if change < 1e-3:
        raise Wrong("Your filter leaves every picture as it was. Be bolder.")
    holes = not attempt(torch.full((1, 3, 16, 16), 0.5)).isfinite().all()
    flat = " Mind a picture of one colour, which becomes inf or nan." if holes else ""
    return f"It changes a pixel by up to {change:.2f}, as a mean over a picture.{flat}"


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


my_filter.mistake("leaves the range 0 to 1", lambda x: x * 2)
my_filter.mistake("end it with .float()", lambda x: x > 0.5)
my_filter.mistake("the shape must stay", lambda x: x.mean(dim=1, keepdim=True))
my_filter.mistake("leaves every picture as it was", lambda x: x.clone())
my_filter.mistake("changes its input in place", lambda x: x.mul_(0.5))
my_filter.mistake("gives inf or nan", lambda x: x / 0)
my_filter.mistake("returns nothing", lambda x: None)
my_filter.mistake("torch.from_numpy", lambda x: 1 - x.numpy())
