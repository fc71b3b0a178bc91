"""Differentiable augmentation: D sees real and fake pictures through the same random changes.

With few examples D soon memorises them (it overfits), and G learns nothing more from it. Changed at random each time
they stay new. Fakes are changed too, and G learns through the changes, so that G need not make changed pictures itself
(Zhao et al. 2020, section 3).

Each function takes pictures (n, channels, height, width), float, changes each by amounts of its own from torch's
global random numbers, and returns the same shape. It raises ValueError for anything that is not such a batch.
"""

from dataclasses import dataclass

import torch
from torch.nn.functional import pad


def colour(x):
    """Shift brightness by up to ±0.25, then multiply saturation by 0 to 2, then contrast by 0.5 to 1.5.

    These are the ranges of Zhao et al. 2020. One channel has no saturation; a fourth, opacity, stays as it is.
    Values may leave [0, 1]: clipping them would stop the gradient.
    """
    _check(x)
    if x.shape[1] == 4:
        return torch.cat([colour(x[:, :3]), x[:, 3:]], dim=1)
    brightness, saturation, contrast = _uniform(x, -0.25, 0.25), _uniform(x, 0, 2), _uniform(x, 0.5, 1.5)
    grey = x.mean(dim=1, keepdim=True)  # of each pixel
    mean = grey.mean(dim=(2, 3), keepdim=True)  # of each picture
    # Saturation moves colours away from grey, contrast moves greys away from the mean. Sorted by x, grey and mean
    # the large tensor is touched as seldom as possible.
    shift = brightness + mean * (1 - contrast)
    return x * (saturation * contrast) + (grey * (contrast - saturation * contrast) + shift)


def translate(x, ratio=1 / 8):
    """Move by whole pixels, up to `ratio` (0 to 1) of the height and of the width; what was outside is 0."""
    _check(x, ratio)
    n, channels, height, width = x.shape
    down, right = round(height * ratio), round(width * ratio)
    padded = pad(x, (right, right, down, down))
    rows = _whole(x, 2 * down + 1) + torch.arange(height, device=x.device)[:, None]  # (n, 1, height, 1)
    columns = _whole(x, 2 * right + 1) + torch.arange(width, device=x.device)  # (n, 1, 1, width)
    # Where each pixel comes from, in its padded picture; all channels alike.
    source = (rows * padded.shape[3] + columns).flatten(2).expand(n, channels, -1)
    return padded.flatten(2).gather(2, source).view(x.shape)


def cutout(x, ratio=1 / 2):
    """Put 0 into a rectangle of `ratio` (0 to 1) of the height and width, its middle anywhere in the picture.

    It may reach over the edge; otherwise the middle of the picture would be missing more often than not.
    """
    _check(x, ratio)
    rows, columns = _stripe(x, x.shape[2], ratio).transpose(2, 3), _stripe(x, x.shape[3], ratio)
    return x * ~(rows & columns)


def mirror(x):
    """Exchange left and right, in each picture with probability 1/2."""
    _check(x)
    return _some(x, x.flip(3), 0.5)


CHANGES = {"colour": colour, "translate": translate, "cutout": cutout, "mirror": mirror}


@dataclass
class Augment:
    """Make the changes of `policy`, one after another, each in each picture with this probability: x -> x.

    The probability may be changed during training. Below about 0.8, enough pictures stay as they are for G not to
    take the changes for part of the pictures (Karras et al. 2020, section 2.2).
    Raises ValueError for a policy that is a string, an unknown change, or a probability outside [0, 1].
    """

    policy: tuple[str, ...] = ("colour", "translate", "cutout")
    probability: float = 1.0

    def __post_init__(self):
        if isinstance(self.policy, str):
            raise ValueError(f"A policy is a tuple of changes: write ({self.policy!r},).")
        unknown = [name for name in self.policy if name not in CHANGES]
        if unknown:
            raise ValueError(f"There is no change {unknown[0]!r}: choose from {', '.join(CHANGES)}.")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"A probability lies between 0 and 1, but it is {self.probability}.")

    def __call__(self, x):
        for name in self.policy:
            changed = CHANGES[name](x)
            x = changed if self.probability == 1 else _some(x, changed, self.probability)
        return x


def _check(x, ratio=0.0):
    if x.ndim != 4 or not x.is_floating_point():
        raise ValueError(f"Pictures are float (n, channels, height, width), not {x.dtype} {tuple(x.shape)}.")
    if not 0 <= ratio <= 1:
        raise ValueError(f"A ratio lies between 0 and 1, but it is {ratio}.")


def _some(x, changed, probability):
    """Each picture changed with this probability, as it was otherwise."""
    # lerp is exact for the weights 0 and 1, and takes half the time of torch.where.
    return torch.lerp(x, changed, (_uniform(x, 0, 1) < probability).to(x.dtype))


def _uniform(x, low, high):
    """A random number for each picture: (n, 1, 1, 1)."""
    return low + (high - low) * torch.rand(len(x), 1, 1, 1, dtype=x.dtype, device=x.device)


def _whole(x, n):
    """A random whole number from 0 to n - 1 for each picture: (n, 1, 1, 1)."""
    return torch.randint(n, (len(x), 1, 1, 1), device=x.device)


def _stripe(x, size, ratio):
    """The part of a side of the pictures that is cut out, True there: (n, 1, 1, size)."""
    length = round(size * ratio)
    # The middle of an even length lies between two pixels, that of an odd one on a pixel.
    start = _whole(x, size + 1 - length % 2) - length // 2
    position = torch.arange(size, device=x.device)
    return (position >= start) & (position < start + length)
