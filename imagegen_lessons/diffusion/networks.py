"""A small U-Net with time and labels: the network that sees a noisy picture and predicts the clean one."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import gans
from imagegen_lessons.diffusion.flow import check_time, over
from imagegen_lessons.settings import whole

LEAST = 0.01  # time to the end of the path, by which is divided
FREQUENCIES = 16  # of the time embedding, each as a sine and a cosine


def time_embedding(t):
    """Times (n,) in [0, 1] as waves (n, 32): sines and cosines of 16 frequencies, 1 to 100 (Vaswani et al. 2017)."""
    check_time(t)
    frequencies = torch.exp(torch.linspace(0, math.log(100), FREQUENCIES, device=t.device))
    angles = t.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1).to(t.dtype)


class VelocityMLP(nn.Module):
    """Points x_t (n, d) and times t (n,) to velocities (n, d): a fully connected network that also sees the time."""

    def __init__(self, d, hidden=128, layers=4):
        super().__init__()
        self.net = gans.mlp(d + 2 * FREQUENCIES, hidden, d, layers)

    def forward(self, x_t, t):
        check_time(t, len(x_t))
        return self.net(torch.cat([x_t, time_embedding(t)], dim=1))


class Block(nn.Module):
    """A residual block: two convolutions of 3 × 3; in between, the condition scales and shifts each map.

    Maps (n, before, h, w) and conditions (n, condition) to maps (n, after, h, w). At first it changes nothing.
    """

    def __init__(self, before, after, condition):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, before), nn.Conv2d(before, after, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(8, after), nn.Conv2d(after, after, 3, padding=1)
        self.modulate = nn.Linear(condition, 2 * after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, h, condition):
        scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, dim=1)
        r = self.conv1(F.silu(self.norm1(h)))
        r = self.norm2(r) * (1 + scale) + shift
        return self.skip(h) + self.conv2(F.silu(r))


class UNet(nn.Module):
    """Noisy pictures x_t (n, channels, size, size) and times t (n,) to velocities of the same shape.

    Inside, it predicts the clean picture, `denoise`, in [-1, 1], and the velocity leads there. (To predict the velocity
    itself it would have to carry all of the noise through to its end: Li and He 2025, and `benchmarks/README.md`.)
    `size` is a multiple of 8. Squares of 2 × 2 pixels become channels first; then three resolutions on the way down
    and up again, with skip connections between (Ronneberger et al. 2015). classes: the number of values of each label,
    where there are labels y (n, len(classes)); -1 is a label that is not given. Without y none is given.
    """

    def __init__(self, channels=3, widths=(32, 64, 96), classes=(), condition=64):
        super().__init__()
        a, b, c = (whole(width, "A width") for width in widths)
        if any(width % 8 for width in widths):
            raise ValueError(f"Widths are multiples of 8, for the groups of the normalisation, not {widths}.")
        self.channels, self.classes = (
            whole(channels, "channels"),
            tuple(whole(k, "A class count") for k in classes),
        )
        self.time = nn.Sequential(
            nn.Linear(2 * FREQUENCIES, condition), nn.SiLU(), nn.Linear(condition, condition), nn.SiLU()
        )
        self.labels = nn.ModuleList(
            nn.Embedding(k + 1, condition) for k in self.classes
        )  # the last: not given
        self.conv_in = nn.Conv2d(4 * channels, a, 3, padding=1)
        self.block1, self.down1 = Block(a, a, condition), nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.block2, self.down2 = Block(b, b, condition), nn.Conv2d(b, c, 3, stride=2, padding=1)
        self.middle1, self.middle2 = Block(c, c, condition), Block(c, c, condition)
        self.block3, self.block4 = Block(c + b, b, condition), Block(b + a, a, condition)
        self.norm_out, self.conv_out = nn.GroupNorm(8, a), nn.Conv2d(a, 4 * channels, 3, padding=1)
        for table in self.labels:
            nn.init.zeros_(table.weight)  # at first no label matters
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def condition(self, t, y=None):
        """Time and labels as one vector for each picture: (n, condition)."""
        h = self.time(time_embedding(t))
        if self.classes:
            y = torch.full((len(t), len(self.classes)), -1, device=t.device) if y is None else y
            for table, part, k in zip(self.labels, y.T, self.classes, strict=True):
                h = h + table(torch.where(part < 0, k, part))
        return h

    def forward(self, x_t, t, y=None):
        return (self.denoise(x_t, t, y) - x_t) / over(1 - t, x_t).clamp(min=LEAST)

    def denoise(self, x_t, t, y=None):
        """The prediction of the clean pictures x (n, channels, size, size), in [-1, 1] or a little beyond."""
        self.check(x_t, t, y)
        condition = self.condition(t, y)
        h = self.conv_in(F.pixel_unshuffle(x_t, 2))  # (n, a, size / 2, size / 2)
        fine = self.block1(h, condition)
        middle = self.block2(self.down1(fine), condition)  # (n, b, size / 4, size / 4)
        h = self.down2(middle)  # (n, c, size / 8, size / 8)
        h = self.middle2(self.middle1(h, condition), condition)
        h = self.block3(torch.cat([F.interpolate(h, scale_factor=2), middle], dim=1), condition)
        h = self.block4(torch.cat([F.interpolate(h, scale_factor=2), fine], dim=1), condition)
        return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), 2)

    def check(self, x_t, t, y=None):
        """Raises a ValueError in one sentence unless pictures, times and labels fit each other and the network."""
        shape = tuple(x_t.shape)
        if len(shape) != 4 or shape[1] != self.channels or shape[2] % 8 or shape[3] % 8:
            raise ValueError(
                f"The U-Net wants pictures (n, {self.channels}, h, w), h and w multiples of 8, not {shape}."
            )
        check_time(t, shape[0])
        if y is not None:
            check_labels(y, self.classes, shape[0])


def check_labels(y, classes, n):
    """Raises a ValueError in one sentence unless `y` holds labels (n, len(classes)) that exist, or -1 for none."""
    if not isinstance(y, torch.Tensor) or y.is_floating_point() or y.dim() != 2 or y.shape[1] != len(classes):
        kind = f"{y.dtype} {tuple(y.shape)}" if isinstance(y, torch.Tensor) else f"a {type(y).__name__}"
        raise ValueError(f"Labels are whole numbers of shape (n, {len(classes)}), not {kind}.")
    if len(y) != n:
        raise ValueError(f"There are {len(y)} rows of labels for {n} pictures; each needs its own.")
    # One question for all columns: a GPU is slow to answer.
    wrong = (y < -1) | (y >= torch.tensor(classes, device=y.device))
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        raise ValueError(
            f"Label {column} is a whole number from 0 to {classes[column] - 1}, or -1 for none, "
            f"not {y[row, column].item()}."
        )
