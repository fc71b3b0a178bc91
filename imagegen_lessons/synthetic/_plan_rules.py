"""What the cells of a floor plan mean, where doors and windows may be, and the rules that a plan has to obey.

Inside this module and its neighbours a plan is a NumPy array (24, 24) of cells, row 0 at the back, the last in front.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

SIDE = 24  # cells; one is half a metre
CELLS = (
    "outside", "wall", "door", "window", "entrance", "living room", "kitchen", "bath", "bedroom", "hall",
)  # fmt: skip
OUTSIDE, WALL, DOOR, WINDOW, ENTRANCE, LIVING, KITCHEN, BATH, BEDROOM, HALL = range(10)
OUTLINES = ("rectangle", "L", "T", "U")
NEED_WINDOWS = (LIVING, BEDROOM)
SMALLEST = 4  # cells of a room


def find_rooms(plan: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Connected floors of one kind: (24, 24) with 0 for no floor and 1, 2, … for the rooms; and their kinds."""
    rooms, kinds = np.zeros(plan.shape, int), []
    for kind in range(LIVING, HALL + 1):
        labels, n = ndimage.label(plan == kind)
        rooms[labels > 0] = labels[labels > 0] + len(kinds)
        kinds += [kind] * n
    return rooms, kinds


def neighbours(a: np.ndarray, border) -> np.ndarray:
    """What lies above, below, left and right of each cell: (4, 24, 24), with `border` beyond the edge."""
    p = np.pad(a, 1, constant_values=border)
    return np.stack([p[:-2, 1:-1], p[2:, 1:-1], p[1:-1, :-2], p[1:-1, 2:]])


def between_rooms(rooms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a door may be: the two rooms (low, high) on opposite sides of each cell, and whether one is above it.

    Both are 0 where there are not two different ones.
    """
    up, down, left, right = neighbours(rooms, 0)
    vertical = (up > 0) & (down > 0) & (up != down) & (rooms == 0)
    level = (left > 0) & (right > 0) & (left != right) & (rooms == 0) & ~vertical
    a, b = np.where(vertical, up, left), np.where(vertical, down, right)
    both = vertical | level
    return np.where(both, np.minimum(a, b), 0), np.where(both, np.maximum(a, b), 0), vertical


def outer_walls(rooms: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a window or the entrance may be: the room (24, 24) whose outer wall a cell is, or 0; and its side.

    The side says where the room is: 0 above the cell, 1 below, 2 left, 3 right.
    """
    inner, outer = neighbours(rooms, 0), neighbours(outside, True)[[1, 0, 3, 2]]
    fits = (inner > 0) & outer & (rooms == 0) & ~outside
    side = fits.argmax(0)
    return np.where(fits.any(0), np.take_along_axis(inner, side[None], 0)[0], 0), side


def outline_of(plan: np.ndarray) -> str | None:
    """The outline of what is not outside: one of OUTLINES, or None for another one."""
    mask = plan != OUTSIDE
    if not mask.any():
        return None
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    mask = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if mask.mean() > 0.97:
        return "rectangle"
    ends = [mask[:2, :2], mask[:2, -2:], mask[-2:, :2], mask[-2:, -2:]]
    missing = [not corner.any() for corner in ends]
    if missing == [False] * 4:
        middle = mask[:, mask.shape[1] // 2]
        return "U" if not middle[:3].any() else None
    return {1: "L", 2: "T"}.get(sum(missing)) if not any(missing[2:]) else None


def broken_rules(plan: np.ndarray, outline: str | None = None, count: int | None = None) -> list[str]:
    """Every rule that a plan breaks, as a sentence; none for a good plan."""
    broken = []
    rooms, kinds = find_rooms(plan)
    outside = plan == OUTSIDE
    if not kinds:
        return ["There is no room."]
    sizes = np.bincount(rooms.ravel(), minlength=len(kinds) + 1)[1:]
    for kind, size in zip(kinds, sizes, strict=True):
        if size < SMALLEST:
            broken.append(f"A {CELLS[kind]} has only {size} of at least {SMALLEST} cells.")
    around, beyond = neighbours(rooms, 0), neighbours(outside, True)
    if ((around > 0) & (around != rooms) & (rooms > 0)).any():
        broken.append("Two rooms touch without a wall.")
    if (beyond.any(0) & (rooms > 0)).any():
        broken.append("A room is open to the outside.")
    if ndimage.label(~outside)[1] > 1:
        broken.append("The plan falls into pieces.")

    outer, _ = outer_walls(rooms, outside)
    entrance = plan == ENTRANCE
    entrances = ndimage.label(entrance)[1]
    if entrances != 1:
        broken.append(f"There are {entrances} entrances, not one.")
    if (entrance & (outer == 0)).any():
        broken.append("An entrance does not lead from outside into a room.")
    if ((plan == WINDOW) & (outer == 0)).any():
        broken.append("A window is not in the outer wall of a room.")
    lit = set(outer[plan == WINDOW].tolist())
    for number, kind in enumerate(kinds, 1):
        if kind in NEED_WINDOWS and number not in lit:
            broken.append(f"A {CELLS[kind]} has no window.")

    a, b, _ = between_rooms(rooms)
    doors = plan == DOOR
    if (doors & ((a == 0) | beyond.any(0))).any():
        broken.append("A door does not lead from one room into another.")
    reached = set(outer[entrance].tolist()) - {0}
    pairs = set(zip(a[doors].tolist(), b[doors].tolist(), strict=True))
    for _ in kinds:
        reached |= {room for pair in pairs if reached & set(pair) for room in pair}
    for number, kind in enumerate(kinds, 1):
        if number not in reached:
            broken.append(f"A {CELLS[kind]} cannot be reached from the entrance.")

    if outline is not None and outline_of(plan) != outline:
        broken.append(f"The outline is not the one asked for ({outline}).")
    if count is not None and len(kinds) != count:
        broken.append(f"There are {len(kinds)} rooms, not the {count} asked for.")
    return broken


def check_plans(plans, ndim: int) -> Tensor:
    """Plans (n, 24, 24), or with ndim 2 one plan (24, 24), as int64; ValueError for what is something else."""
    wish = f"({SIDE}, {SIDE})" if ndim == 2 else f"(n, {SIDE}, {SIDE})"
    if isinstance(plans, np.ndarray):
        plans = torch.from_numpy(plans)
    if (
        not isinstance(plans, Tensor)
        or plans.is_floating_point()
        or plans.is_complex()
        or plans.dtype == torch.bool
        or plans.ndim != ndim
        or plans.shape[-2:] != (SIDE, SIDE)
    ):
        came = f"{plans.dtype} {tuple(plans.shape)}" if isinstance(plans, Tensor) else type(plans).__name__
        raise ValueError(f"{'A plan is' if ndim == 2 else 'Plans are'} whole numbers {wish}, not {came}.")
    plans = plans.long()
    if plans.numel() and not (plans.min() >= 0 and plans.max() < len(CELLS)):
        raise ValueError(f"The cells of a plan are numbers from 0 to {len(CELLS) - 1}, as in CELLS.")
    return plans


def check_wish(outline, rooms) -> None:
    """ValueError for an outline or a number of rooms that is not drawn; None stands for any."""
    if outline is not None and outline not in OUTLINES:
        raise ValueError(f"The outline cannot be {outline!r}: choose one of {', '.join(OUTLINES)}.")
    if rooms is not None and (isinstance(rooms, bool) or rooms not in range(2, 7)):
        raise ValueError(f"The number of rooms cannot be {rooms!r}: it is a whole number from 2 to 6.")
