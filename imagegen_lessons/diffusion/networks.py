"""Networks that predict velocities: of points, and of pictures by a small U-Net, with labels or without."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import gans
from imagegen_lessons.diffusion.flow import check_time, over
from imagegen_lessons.settings import whole


def time_embedding(t):
    """Times (n,) in [0, 1] as sines and cosines of 16 frequencies, from 1 to 100: (n, 32) (Vaswani et al. 2017)."""
    check_time(t)
    frequencies = torch.exp(torch.linspace(0, math.log(100), 16, device=t.device))
    angles = t.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1).to(t.dtype)


class VelocityMLP(nn.Module):
    """Points x_t (n, d) and times t (n,) to velocities (n, d): a fully connected network that also sees the time."""

    def __init__(self, d, hidden=128, layers=4):
        super().__init__()
        self.net = gans.mlp(d + 32, hidden, d, layers)

    def forward(self, x_t, t):
        check_time(t, len(x_t))
        return self.net(torch.cat([x_t, time_embedding(t)], dim=1))


class Block(nn.Module):
    """A residual block: maps (n, before, h, w) and conditions (n, condition) to maps (n, after, h, w).

    Two convolutions; in between, the condition scales and shifts each map. At first the block adds nothing.
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
    """Noisy pictures x_t (n, channels, h, w) and times t (n,) to velocities of the same shape; h, w multiples of 8.

    Inside, it predicts the clean picture, `denoise`, in [-1, 1], and the velocity leads there. (To predict the velocity
    itself, it would have to carry all of the noise through to its end: Li and He 2025, and `benchmarks/README.md`.)
    Squares of 2 × 2 pixels become channels first; then three resolutions on the way down and up again, with skip
    connections between (Ronneberger et al. 2015).
    """

    def __init__(self, channels=3, widths=(32, 64, 96), condition=64):
        super().__init__()
        check_widths(channels, widths, condition)
        self.channels, (a, b, c) = channels, widths
        self.time = nn.Sequential(
            nn.Linear(32, condition), nn.SiLU(), nn.Linear(condition, condition), nn.SiLU()
        )
        self.conv_in = nn.Conv2d(4 * channels, a, 3, padding=1)
        self.block1, self.down1 = Block(a, a, condition), nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.block2, self.down2 = Block(b, b, condition), nn.Conv2d(b, c, 3, stride=2, padding=1)
        self.middle1, self.middle2 = Block(c, c, condition), Block(c, c, condition)
        self.block3, self.block4 = Block(c + b, b, condition), Block(b + a, a, condition)
        self.norm_out, self.conv_out = nn.GroupNorm(8, a), nn.Conv2d(a, 4 * channels, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)

    def condition(self, t):
        return self.time(time_embedding(t))  # (n, condition)

    def denoise(self, x_t, t, *labels):
        check_noisy(x_t, t, self.channels)
        condition = self.condition(t, *labels)
        h = self.conv_in(F.pixel_unshuffle(x_t, 2))  # (n, a, h / 2, w / 2)
        fine = self.block1(h, condition)
        coarse = self.block2(self.down1(fine), condition)  # (n, b, h / 4, w / 4)
        h = self.middle2(self.middle1(self.down2(coarse), condition), condition)  # (n, c, h / 8, w / 8)
        h = self.block3(torch.cat([F.interpolate(h, scale_factor=2), coarse], dim=1), condition)
        h = self.block4(torch.cat([F.interpolate(h, scale_factor=2), fine], dim=1), condition)
        return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), 2)

    def forward(self, x_t, t, *labels):
        return (self.denoise(x_t, t, *labels) - x_t) / over(1 - t, x_t).clamp(min=0.01)


def check_widths(channels, widths, condition):
    """Raises a ValueError in one sentence unless these are whole numbers, and three widths that are multiples of 8."""
    whole(channels, "channels")
    whole(condition, "condition")
    if len(widths) != 3 or any(whole(width, "A width") % 8 for width in widths):
        raise ValueError(
            f"Three widths are needed, multiples of 8 for the groups of GroupNorm, not {widths}."
        )


def check_noisy(x_t, t, channels):
    """Raises a ValueError in one sentence unless pictures (n, channels, h, w) and times (n,) fit the U-Net."""
    shape = tuple(x_t.shape)
    if len(shape) != 4 or shape[1] != channels or shape[2] % 8 or shape[3] % 8:
        raise ValueError(
            f"The U-Net wants pictures (n, {channels}, h, w), h and w multiples of 8, not {shape}."
        )
    check_time(t, shape[0])


class ConditionalUNet(UNet):
    """A U-Net that also sees labels y (n, len(classes)): whole numbers from 0, or -1 for a label that is not given.

    classes: how many values each label has. Each value is a learned vector, added to the embedding of the time.
    """

    def __init__(self, classes, channels=3, widths=(32, 64, 96), condition=64):
        super().__init__(channels, widths, condition)
        self.classes = tuple(whole(k, "A number of classes") for k in classes)
        self.labels = nn.ModuleList(
            nn.Embedding(k + 1, condition) for k in self.classes
        )  # the last: not given
        for table in self.labels:
            nn.init.zeros_(table.weight)  # at first no label matters

    def condition(self, t, y=None):
        y = torch.full((len(t), len(self.classes)), -1, device=t.device) if y is None else y
        gans.check_labels(y, self.classes, len(t), optional=True)
        vectors = (
            table(torch.where(v < 0, table.num_embeddings - 1, v))
            for table, v in zip(self.labels, y.T, strict=True)
        )
        return super().condition(t) + sum(vectors)


class CategoricalUNet(ConditionalUNet):
    """A U-Net for one-hot maps x_t (n, channels, h, w), one channel for each category, such as floor plans.

    The clean map that it predicts, `denoise`, holds probabilities: the softmax of `logits`. The velocity leads there,
    so it is sampled as any other; it is trained with `categorical_loss`, and the largest channel of what comes out is
    the category. Continuous diffusion of categories: Dieleman et al. 2022; Eijkelboom et al. 2024.
    """

    def logits(self, x_t, t, *labels):
        return super().denoise(x_t, t, *labels)

    def denoise(self, x_t, t, *labels):
        return self.logits(x_t, t, *labels).softmax(dim=1)
