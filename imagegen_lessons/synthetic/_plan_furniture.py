"""Furniture for a flat, by rule: along walls, never before a door, never so that it cuts off a part of a room."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ._plan_rules import BATH, BEDROOM, DOOR, ENTRANCE, HALL, KITCHEN, LIVING, SIDE, WALL, WINDOW, find_rooms

CELL = 0.5  # metres
Box = tuple[str, tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]

WOOD, DARK_WOOD, WHITE, STEEL = (0.76, 0.56, 0.36), (0.48, 0.33, 0.23), (0.95, 0.95, 0.93), (0.62, 0.66, 0.70)
LINEN, BLANKET, SOFA, RUG = (0.96, 0.94, 0.88), (0.36, 0.52, 0.66), (0.80, 0.44, 0.34), (0.86, 0.74, 0.58)
LEAF, POT, WATER, BOOKS = (0.30, 0.54, 0.30), (0.74, 0.42, 0.30), (0.62, 0.82, 0.90), (0.62, 0.30, 0.28)

# What a piece is made of: boxes in metres, along the wall, up, and from the wall into the room; and its colours.
PIECES = {
    "double bed": (
        ((0.05, 0.1, 0.02), (1.45, 0.32, 1.95), DARK_WOOD), ((0.05, 0.1, 0.02), (1.45, 0.95, 0.1), DARK_WOOD),
        ((0.09, 0.32, 0.1), (1.41, 0.5, 1.92), LINEN), ((0.09, 0.5, 0.7), (1.41, 0.56, 1.92), BLANKET),
        ((0.16, 0.5, 0.14), (0.68, 0.62, 0.5), WHITE), ((0.82, 0.5, 0.14), (1.34, 0.62, 0.5), WHITE),
    ),
    "bed": (
        ((0.04, 0.1, 0.02), (0.96, 0.32, 1.95), WOOD), ((0.04, 0.1, 0.02), (0.96, 0.9, 0.1), WOOD),
        ((0.08, 0.32, 0.1), (0.92, 0.48, 1.92), LINEN), ((0.08, 0.48, 0.7), (0.92, 0.54, 1.92), BLANKET),
        ((0.2, 0.48, 0.14), (0.8, 0.58, 0.48), WHITE),
    ),
    "wardrobe": (((0.02, 0.0, 0.02), (1.48, 2.0, 0.48), WOOD), ((0.74, 0.1, 0.47), (0.76, 1.9, 0.5), DARK_WOOD)),
    "sofa": (
        ((0.05, 0.08, 0.04), (1.95, 0.42, 0.92), SOFA), ((0.05, 0.4, 0.04), (1.95, 0.8, 0.26), SOFA),
        ((0.05, 0.4, 0.04), (0.24, 0.6, 0.92), SOFA), ((1.76, 0.4, 0.04), (1.95, 0.6, 0.92), SOFA),
        ((0.28, 0.42, 0.28), (0.98, 0.5, 0.9), LINEN), ((1.02, 0.42, 0.28), (1.72, 0.5, 0.9), LINEN),
    ),
    "bookcase": (
        ((0.02, 0.0, 0.02), (1.48, 1.8, 0.34), DARK_WOOD), ((0.1, 0.15, 0.3), (1.4, 0.5, 0.37), BOOKS),
        ((0.1, 0.65, 0.3), (1.2, 0.98, 0.37), BLANKET), ((0.3, 1.15, 0.3), (1.4, 1.45, 0.37), RUG),
    ),
    "dining table": (
        ((0.1, 0.68, 0.2), (1.4, 0.75, 0.8), WOOD), ((0.65, 0.0, 0.4), (0.85, 0.68, 0.6), DARK_WOOD),
        ((0.2, 0.0, 0.82), (0.55, 0.45, 0.98), DARK_WOOD), ((0.95, 0.0, 0.82), (1.3, 0.45, 0.98), DARK_WOOD),
        ((0.2, 0.0, 0.02), (0.55, 0.45, 0.18), DARK_WOOD), ((0.95, 0.0, 0.02), (1.3, 0.45, 0.18), DARK_WOOD),
    ),
    "counter": (
        ((0.0, 0.0, 0.0), (2.0, 0.84, 0.46), WHITE), ((0.0, 0.84, 0.0), (2.0, 0.9, 0.5), DARK_WOOD),
        ((0.15, 0.9, 0.08), (0.65, 0.92, 0.42), STEEL), ((1.2, 0.9, 0.08), (1.75, 0.915, 0.44), (0.2, 0.2, 0.22)),
    ),
    "refrigerator": (((0.02, 0.0, 0.02), (0.48, 1.8, 0.48), STEEL),),
    "kitchen table": (((0.1, 0.68, 0.1), (0.9, 0.74, 0.9), WOOD), ((0.42, 0.0, 0.42), (0.58, 0.68, 0.58), WOOD)),
    "bathtub": (((0.02, 0.0, 0.02), (1.48, 0.52, 0.78), WHITE), ((0.1, 0.5, 0.1), (1.4, 0.54, 0.7), WATER)),
    "toilet": (((0.1, 0.0, 0.16), (0.4, 0.4, 0.5), WHITE), ((0.06, 0.0, 0.0), (0.44, 0.8, 0.16), WHITE)),
    "washbasin": (((0.03, 0.5, 0.0), (0.47, 0.85, 0.42), WHITE), ((0.1, 0.84, 0.08), (0.4, 0.87, 0.36), WATER)),
    "sideboard": (((0.02, 0.0, 0.02), (0.98, 0.8, 0.4), WOOD), ((0.3, 0.8, 0.1), (0.6, 0.86, 0.3), BOOKS)),
    "plant": (((0.13, 0.0, 0.13), (0.37, 0.3, 0.37), POT), ((0.06, 0.3, 0.06), (0.44, 0.9, 0.44), LEAF)),
}  # fmt: skip
# Cells that a piece takes along the wall and into the room.
SIZES = {
    "double bed": (3, 4), "bed": (2, 4), "wardrobe": (3, 1), "sofa": (4, 2), "bookcase": (3, 1),
    "dining table": (3, 2), "counter": (4, 1), "refrigerator": (1, 1), "kitchen table": (2, 2), "bathtub": (3, 2),
    "toilet": (1, 1), "washbasin": (1, 1), "sideboard": (2, 1), "plant": (1, 1),
}  # fmt: skip
ROOMS = {  # in this order, as long as they fit; of pieces joined by "or" the first that fits
    LIVING: ("sofa", "bookcase", "dining table", "sideboard", "plant", "plant"),
    KITCHEN: ("counter", "refrigerator", "kitchen table", "plant"),
    BATH: ("bathtub", "toilet", "washbasin"),
    BEDROOM: ("double bed or bed", "wardrobe or sideboard", "plant"),
    HALL: ("sideboard", "wardrobe", "plant"),
}
TALL = ("wardrobe", "bookcase", "refrigerator")  # never before a window


def furniture(plan: np.ndarray) -> list[Box]:
    """The furniture of a plan as boxes: (name, low corner, high corner, RGB), in metres, y up, the middle x = z = 0."""
    rooms, kinds = find_rooms(plan)
    doors = np.isin(plan, (DOOR, ENTRANCE))
    if doors.any():
        away = ndimage.distance_transform_edt(~doors)
        kept_free = ndimage.binary_dilation(doors, np.ones((3, 3)))
    else:
        away, kept_free = np.zeros(plan.shape), doors
    boxes: list[Box] = []
    for number, kind in enumerate(kinds, 1):
        room = rooms == number
        free = room.copy()
        for wish in ROOMS[kind]:
            for name in wish.split(" or "):
                place = _place(name, plan, room, free, kept_free, away)
                if place:
                    boxes += _set_up(name, *place)
                    break
    return boxes


def _place(name: str, plan, room, free, kept_free, away) -> tuple[int, int, int] | None:
    # Where a piece stands, farthest from the doors: its first cell and the side of its wall; takes its cells in `free`.
    width, depth = SIZES[name]
    around = np.pad(plan, 1)  # a room of a network's plan may touch the edge; beyond it is outside, 0
    may, best = free & ~kept_free, (-1.0, None, None)
    for side in range(4):  # the wall is above, below, left or right of it
        h, w = (depth, width) if side < 2 else (width, depth)
        rows, columns = np.nonzero(may)
        for r, c in zip(rows.tolist(), columns.tolist(), strict=True):
            if r + h > SIDE or c + w > SIDE or not may[r : r + h, c : c + w].all():
                continue
            behind = (
                around[r, c + 1 : c + 1 + w],
                around[r + h + 1, c + 1 : c + 1 + w],
                around[r + 1 : r + 1 + h, c],
                around[r + 1 : r + 1 + h, c + w + 1],
            )[side]
            if not np.isin(behind, (WALL,) if name in TALL else (WALL, WINDOW)).all():
                continue
            score = away[r : r + h, c : c + w].mean() - 3 * (behind == WINDOW).mean()
            if score > best[0] and _walkable(room, free, r, c, h, w, kept_free):
                best = (score, (r, c, side), (h, w))
    if best[1] is None:
        return None
    (r, c, _), (h, w) = best[1:]
    free[r : r + h, c : c + w] = False
    return best[1]


def _walkable(room, free, r: int, c: int, h: int, w: int, kept_free) -> bool:
    # Whether what stays free is in one piece, and at least a quarter of the room.
    left = free.copy()
    left[r : r + h, c : c + w] = False
    return left.sum() >= 0.25 * room.sum() and ndimage.label(left)[1] == 1


def _set_up(name: str, row: int, column: int, side: int) -> list[Box]:
    # A piece's boxes from their places along the wall and away from it to x and z.
    width, depth = SIZES[name]
    h, w = (depth, width) if side < 2 else (width, depth)
    x0, z0 = (column - SIDE / 2) * CELL, (row - SIDE / 2) * CELL
    boxes = []
    for (u0, y0, v0), (u1, y1, v1), colour in PIECES[name]:
        if side in (1, 3):  # the wall is at the far end
            far = depth * CELL
            v0, v1 = far - v1, far - v0
        (a0, a1), (b0, b1) = ((u0, u1), (v0, v1)) if side < 2 else ((v0, v1), (u0, u1))
        boxes.append((name, (x0 + a0, y0, z0 + b0), (x0 + a1, y1, z0 + b1), colour))
    return boxes
