"""Points in the plane: data sets so small that a GAN learns them in seconds, and that a picture shows whole.

All shapes lie within about [-1.5, 1.5]. Nothing is stored: a shape is drawn afresh from random numbers.
"""

import math

import torch
from PIL import Image, ImageDraw, ImageFont

from imagegen_lessons import settings

RING_RADIUS = 1.2
NUMBER = "The number of points"
BLOB_SIGMA = 0.06  # standard deviation of each mode of "ring" and of "grid", a Gaussian blob


def ring_centres():
    """Centres of the eight modes of "ring": (8, 2)."""
    angle = torch.arange(8) * (2 * math.pi / 8)
    return RING_RADIUS * torch.stack([angle.cos(), angle.sin()], dim=1)


def grid_centres():
    """Centres of the twenty-five modes of "grid": (25, 2)."""
    line = torch.linspace(-1.2, 1.2, 5)
    return torch.cartesian_prod(line, line)


def _normal(n, sigma, generator):
    return sigma * torch.randn(n, 2, generator=generator)


def _uniform(n, generator):
    return torch.rand(n, generator=generator)


def _blobs(centres, n, generator):
    which = torch.randint(len(centres), (n,), generator=generator)
    return centres[which] + _normal(n, BLOB_SIGMA, generator)


def _ring(n, generator):
    return _blobs(ring_centres(), n, generator)


def _grid(n, generator):
    return _blobs(grid_centres(), n, generator)


def _spiral(n, generator):
    # The square root keeps the points equally dense along the arm, whose outer turns are longer.
    angle = 3.5 * math.pi * _uniform(n, generator).sqrt()
    arm = torch.stack([angle.cos(), angle.sin()], dim=1) * (1.4 * angle / (3.5 * math.pi)).unsqueeze(1)
    return arm + _normal(n, 0.03, generator)


def _moons(n, generator):
    angle = math.pi * _uniform(n, generator)
    side = torch.where(_uniform(n, generator) < 0.5, 1.0, -1.0)
    arc = torch.stack([angle.cos() - 0.5, angle.sin() - 0.25], dim=1)
    return side.unsqueeze(1) * arc * 0.95 + _normal(n, 0.05, generator)


def _circle(n, generator):
    angle = 2 * math.pi * _uniform(n, generator)
    return 1.2 * torch.stack([angle.cos(), angle.sin()], dim=1) + _normal(n, 0.04, generator)


def _heart(n, generator):
    t = 2 * math.pi * _uniform(n, generator)
    x = 16 * t.sin() ** 3
    y = 13 * t.cos() - 5 * (2 * t).cos() - 2 * (3 * t).cos() - (4 * t).cos() + 2.5
    return torch.stack([x, y], dim=1) / 12 + _normal(n, 0.04, generator)


def _star(n, generator):
    """The outline of a five-pointed star."""
    angle = math.pi / 2 + torch.arange(11) * (math.pi / 5)
    radius = torch.where(torch.arange(11) % 2 == 0, 1.4, 0.6)
    corners = radius.unsqueeze(1) * torch.stack([angle.cos(), angle.sin()], dim=1)
    side = torch.randint(10, (n,), generator=generator)
    along = _uniform(n, generator).unsqueeze(1)
    return (1 - along) * corners[side] + along * corners[side + 1] + _normal(n, 0.03, generator)


def _gan(n, generator):
    return word("GAN", n, generator)


SHAPES = {
    "ring": _ring,
    "grid": _grid,
    "spiral": _spiral,
    "moons": _moons,
    "circle": _circle,
    "heart": _heart,
    "star": _star,
    "GAN": _gan,
}


def _generator(seed):
    if seed is None or isinstance(seed, torch.Generator):
        return seed  # None: PyTorch's own random numbers
    return torch.Generator().manual_seed(settings.whole(seed, "A seed", least=0))


def _check_name(shape):
    if not isinstance(shape, str) or shape not in SHAPES:
        raise ValueError(f"There is no shape called {shape!r}: choose one of {', '.join(SHAPES)}.")


def sample(shape, n, seed=0):
    """Draw points of a named shape.

    `shape` is a name from `SHAPES`; `seed` is a number, a `torch.Generator`, or None for PyTorch's own. Returns (n, 2).
    Raises ValueError for an unknown name, and for a number or a seed below 0.
    """
    _check_name(shape)
    return SHAPES[shape](settings.whole(n, NUMBER, least=0), _generator(seed))


def from_image(mask, n, seed=0):
    """Draw points where a mask is above 0: a shape of your own.

    `mask` is (height, width) or (1, height, width), larger values where there shall be more points.
    The longer side becomes 2.8 long, centred on the origin. Returns (n, 2).
    Raises ValueError for another shape or type, for values below 0, inf or nan, and for a mask of zeros.
    """
    try:
        mask = torch.as_tensor(mask, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            f"A mask is a tensor or an array (height, width), not {type(mask).__name__}."
        ) from None
    mask = mask[0] if mask.ndim == 3 and len(mask) == 1 else mask
    if mask.ndim != 2 or mask.numel() == 0:
        raise ValueError(f"A mask has the shape (height, width), but this one has {tuple(mask.shape)}.")
    if not mask.isfinite().all() or mask.min() < 0 or mask.sum() == 0:
        raise ValueError("A mask holds numbers from 0 to 1, and at least one pixel above 0.")
    n, generator = settings.whole(n, NUMBER, least=0), _generator(seed)
    height, width = mask.shape
    pixel = torch.multinomial(mask.flatten(), n, replacement=True, generator=generator)
    # Somewhere inside the pixel, not always at its centre; rows count downwards, y upwards.
    x = pixel % width + _uniform(n, generator) - width / 2
    y = height / 2 - pixel // width - _uniform(n, generator)
    return torch.stack([x, y], dim=1) * (2.8 / max(height, width))


def word(text, n, seed=0):
    """Draw points that spell a short word, such as your name. Returns (n, 2).

    Raises ValueError when there is nothing to draw, and for what is no text.
    """
    if not isinstance(text, str):
        raise ValueError(f"A word is a text such as 'HI', not {text!r}.")
    font = ImageFont.load_default(size=48)
    page = Image.new("L", (60 * len(text) + 20, 120))
    ImageDraw.Draw(page).text((10, 20), text, fill=255, font=font)
    if page.getbbox() is None:
        raise ValueError("A word needs at least one letter.")
    page = page.crop(page.getbbox())
    mask = torch.tensor(list(page.tobytes())).view(page.height, page.width)
    return from_image(mask, n, seed)


class Stream:
    """Endless batches of points; an iterator whose place can be saved (`state_dict`) and found again."""

    def __init__(self, shape, size, seed):
        self.shape, self.size = shape, size
        self.generator = _generator(seed)

    def __iter__(self):
        return self

    def __next__(self):
        if isinstance(self.shape, str):
            return sample(self.shape, self.size, self.generator)
        return self.shape[torch.randint(len(self.shape), (self.size,), generator=self.generator)]

    def state_dict(self):
        return {} if self.generator is None else {"generator": self.generator.get_state()}

    def load_state_dict(self, state):
        if self.generator is not None:
            self.generator.set_state(state["generator"])


def stream(shape, size=256, seed=0):
    """Endless batches of points, each (size, 2).

    `shape` is a name from `SHAPES`, or points of your own (n, 2), for instance from `from_image` or `word`.
    Raises ValueError for an unknown name, for what is neither, for points that are inf or nan, and for a size below 1.
    With seed=None it draws from PyTorch's own random numbers, and has no place to save.
    """
    size = settings.whole(size, "The size of a batch")
    if isinstance(shape, torch.Tensor):
        if shape.ndim != 2 or shape.shape[1] != 2 or len(shape) == 0:
            raise ValueError(f"Points of your own have the shape (n, 2), not {tuple(shape.shape)}.")
        if not shape.isfinite().all():
            raise ValueError("Some of these points are inf or nan.")
    elif isinstance(shape, str):
        _check_name(shape)
    else:
        raise ValueError(
            "A stream needs the name of a shape, or points (n, 2): my_shape(5000), not my_shape."
        )
    return Stream(shape, size, seed)
