"""A floor plan as an architect draws it: dark walls, light windows, doors with their swing, floors and furniture."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from ._plan_furniture import CELL, furniture
from ._plan_rules import BATH, BEDROOM, DOOR, ENTRANCE, HALL, KITCHEN, LIVING, SIDE, WALL, WINDOW

PAPER, INK, PANE = (0.97, 0.96, 0.93), (0.20, 0.22, 0.27), (0.62, 0.80, 0.92)
FLOORS = {
    LIVING: (0.93, 0.82, 0.64), KITCHEN: (0.95, 0.90, 0.74), BATH: (0.78, 0.89, 0.92),
    BEDROOM: (0.88, 0.84, 0.92), HALL: (0.90, 0.88, 0.82),
}  # fmt: skip
BOARDED, TILED = (LIVING, BEDROOM), (KITCHEN, BATH)


def drawing(plan: np.ndarray, size: int) -> Tensor:
    """One plan (24, 24) as a picture (3, size, size) in [0, 1]; size is a multiple of 24."""
    k = 2 * size // SIDE  # pixels of a cell, before two of them become one
    x = np.empty((SIDE * k, SIDE * k, 3))
    cells = plan.repeat(k, 0).repeat(k, 1)
    v, u = np.indices(cells.shape) / k + 0.5 / k  # in cells, downwards and to the right
    line = 0.06  # of a cell
    x[:] = PAPER
    for kind, colour in FLOORS.items():
        x[cells == kind] = colour
    boards = np.isin(cells, BOARDED) & (np.minimum(v % 0.5, 0.5 - v % 0.5) < line / 2)
    boards |= np.isin(cells, BOARDED) & ((u + 1.3 * np.floor(2 * v)) % 3.1 < line)
    tiles = np.isin(cells, TILED) & ((u % 0.5 < line) | (v % 0.5 < line))
    x[boards | tiles] *= 0.94
    inside = np.isin(cells, range(LIVING, HALL + 1))
    x[inside] *= (0.86 + 0.14 * np.clip(ndimage.distance_transform_edt(inside) / (0.7 * k), 0, 1))[inside][
        :, None
    ]
    _draw_furniture(x, plan, u, v)
    x[cells == WALL] = INK
    for at in zip(*np.nonzero(plan == WINDOW), strict=True):
        here, across = _cell(at, k), v if _runs_level(plan, at) else u
        part = across[here] % 1
        x[here] = np.where(((part < 0.14) | (part > 0.86))[..., None], INK, PAPER)
        x[here] = np.where((abs(part - 0.5) < 0.16)[..., None], PANE, x[here])
    for kind in (DOOR, ENTRANCE):
        labels, n = ndimage.label(plan == kind)
        for door in range(1, n + 1):
            _draw_door(x, plan, labels == door, u, v, kind == ENTRANCE)
    picture = torch.from_numpy(x).float().permute(2, 0, 1)
    return F.avg_pool2d(picture[None], 2)[0].clamp(0, 1)


def _cell(at: tuple, k: int) -> tuple[slice, slice]:
    return tuple(slice(k * i, k * i + k) for i in at)


def _runs_level(plan: np.ndarray, at: tuple) -> bool:
    # Whether the wall at a cell runs from left to right: there is no wall above and below it.
    row, column = at
    above, below = plan[max(row - 1, 0), column], plan[min(row + 1, SIDE - 1), column]
    return bool(above >= LIVING or below >= LIVING)


def _draw_furniture(x: np.ndarray, plan: np.ndarray, u: np.ndarray, v: np.ndarray) -> None:
    for _, low, high, colour in sorted(furniture(plan), key=lambda box: box[2][1]):
        (x0, z0), (x1, z1) = (
            (corner[0] / CELL + SIDE / 2, corner[2] / CELL + SIDE / 2) for corner in (low, high)
        )
        out = np.maximum(np.maximum(x0 - u, u - x1), np.maximum(z0 - v, v - z1))
        x[out < 0] = 0.55 * np.array(colour) + 0.45
        x[(out < 0) & (out > -0.09)] = 0.45 * np.array(colour) + 0.12


def _draw_door(
    x: np.ndarray, plan: np.ndarray, door: np.ndarray, u: np.ndarray, v: np.ndarray, outer: bool
) -> None:
    # A quarter of a circle into the room, about one end of the door, and the leaf that stands open.
    (r0, c0), (r1, c1) = np.argwhere(door).min(0), np.argwhere(door).max(0) + 1
    level = _runs_level(plan, (r0, c0))
    sill = np.array(PAPER) * (0.92 if outer else 0.97)
    x[(v >= r0) & (v < r1) & (u >= c0) & (u < c1)] = sill
    if level:
        inwards = (
            1 if r1 < SIDE and plan[r1, c0] >= LIVING and not (outer and plan[r0 - 1, c0] >= LIVING) else -1
        )
        along, away, width = u - c0, (v - (r1 if inwards > 0 else r0)) * inwards, c1 - c0
    else:
        inwards = (
            1 if c1 < SIDE and plan[r0, c1] >= LIVING and not (outer and plan[r0, c0 - 1] >= LIVING) else -1
        )
        along, away, width = v - r0, (u - (c1 if inwards > 0 else c0)) * inwards, r1 - r0
    radius = np.hypot(along, away)
    swing = (along >= 0) & (away >= 0) & (abs(radius - width) < 0.07)
    leaf = (along >= 0) & (along < 0.2) & (away >= 0) & (away < width)
    ink = np.array((0.72, 0.28, 0.20) if outer else INK)
    x[swing] = 0.6 * ink + 0.3
    x[leaf] = ink
