"""Bricks, stones, boards and tiles: how the colour of a building varies over its surfaces."""

from __future__ import annotations

import torch
from torch import Tensor

from ._building_looks import SURFACES

# Height and length of one brick, stone or board, how dark its joints are, and how much one differs from the next.
COURSES = {
    "plaster": (0.9, 1.7, 0.0, 0.02),
    "brick": (0.24, 0.62, -0.16, 0.10),
    "stone": (0.52, 0.95, 0.14, 0.14),
    "wood": (0.30, 7.0, 0.22, 0.07),
}
TILES = (0.28, 0.36, 0.20, 0.12)
BOARDS = (3.0, 0.26, 0.18, 0.04)  # of a door, upright


def pattern(points: Tensor, colour: Tensor, surface: Tensor, material: str) -> Tensor:
    """The colours (..., 3) of points (..., 3) on surfaces (...,), from the plain ones; values stay in [0, 1]."""
    kind = {SURFACES.index("wall"): COURSES[material], SURFACES.index("roof"): TILES}
    kind |= {SURFACES.index("chimney"): COURSES["brick"], SURFACES.index("base"): COURSES["stone"]}
    kind[SURFACES.index("door")] = BOARDS
    _, y, _ = points.unbind(-1)
    # Walls look along x or z, so the sum of both runs along either of them.
    along = points[..., 0] + points[..., 2]
    factor = torch.ones_like(y)
    for index, (height, length, joint, variety) in kind.items():
        chosen = surface == index
        if not chosen.any():
            continue
        row = (y[chosen] / height).floor()
        place = along[chosen] / length + 0.5 * (row.remainder(2))
        column = place.floor()
        shade = 1 + variety * (_hash(row, column) - 0.5)
        in_row, in_brick = y[chosen] / height - row, place - column
        edge = torch.minimum(in_row, 1 - in_row) * height
        edge = torch.minimum(edge, torch.minimum(in_brick, 1 - in_brick) * length)
        factor[chosen] = shade * (1 - joint * (edge < 0.035).to(y.dtype))
    return (colour * factor.unsqueeze(-1)).clamp(0, 1)


def _hash(a: Tensor, b: Tensor) -> Tensor:
    # A number in [0, 1) that looks random, for each pair of whole numbers.
    return (torch.sin(a * 12.9898 + b * 78.233) * 437.585).remainder(1)
