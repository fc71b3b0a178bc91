"""Smooth noise for whole batches: one random texture, looked up at places that a factor moves.

A place moves evenly with its factor, so that nearly the same factor gives nearly the same picture, on every device.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 256  # of the texture, which repeats
BUMPS = 16  # in a row of its first octave


@cache
def texture(device: torch.device) -> Tensor:
    """(1, 1, SIDE + 1, SIDE + 1): five octaves of smooth noise that repeats, values about evenly in [0, 1]."""
    rng = torch.Generator().manual_seed(7)
    total = torch.zeros(1, 1, SIDE, SIDE)
    for octave in range(5):
        side = BUMPS * 2**octave
        lattice = F.pad(torch.rand(1, 1, side, side, generator=rng), (2, 2, 2, 2), mode="circular")
        smooth = F.interpolate(lattice, scale_factor=SIDE // side, mode="bicubic", align_corners=False)
        edge = 2 * SIDE // side
        total += 0.5**octave * smooth[..., edge:-edge, edge:-edge]
    ranks = total.flatten().argsort().argsort().view_as(total) / (SIDE * SIDE - 1)
    return F.pad(ranks, (0, 1, 0, 1), mode="circular").to(device)


def noise(u: Tensor, v: Tensor) -> Tensor:
    """Noise in [0, 1] at places (n, h, w) each, measured in bumps: one from hill to hill of the first octave."""
    u, v = torch.broadcast_tensors(u / BUMPS, v / BUMPS)
    grid = torch.stack([u - u.floor(), v - v.floor()], dim=3) * 2 - 1  # from corner to corner of the texture
    n = len(grid)
    return F.grid_sample(texture(grid.device).expand(n, -1, -1, -1), grid, align_corners=True)[:, 0]


@cache
def _numbers(device: torch.device) -> Tensor:
    return torch.rand(1024, 8, generator=torch.Generator().manual_seed(11)).to(device)


def numbers(cell: Tensor, column: int) -> Tensor:
    """A random number in [0, 1] for each cell, a whole number (as a float) of any shape; `column` of eight."""
    return _numbers(cell.device)[cell.long() % 1024, column]


def step(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """0 below `low`, 1 above `high`, and smooth between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)
