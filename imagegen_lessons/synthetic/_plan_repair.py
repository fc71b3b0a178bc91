"""Repairing a floor plan that a network made: the nearest plan, more or less, that obeys the rules."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ._plan_layout import add_windows, connect, entrance_walls, flat, inner_of, outline_masks, runs, split
from ._plan_rules import (
    BATH,
    BEDROOM,
    DOOR,
    ENTRANCE,
    HALL,
    KITCHEN,
    LIVING,
    NEED_WINDOWS,
    OUTSIDE,
    SMALLEST,
    WALL,
    WINDOW,
    between_rooms,
    broken_rules,
    find_rooms,
    neighbours,
    outer_walls,
)

MOST_ROOMS = 6
ADDED = (
    BATH,
    BEDROOM,
    KITCHEN,
    LIVING,
)  # what a room is used for that is added: the first of these that is missing
AROUND = np.array([(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)])


def repaired(plan: np.ndarray, outline: str | None, count: int | None) -> np.ndarray:
    """A plan (24, 24) that obeys all rules, with this outline and so many rooms where they are given."""
    if not broken_rules(plan, outline, count):
        return plan.copy()
    mask = _snapped(plan != OUTSIDE, outline)
    inner = inner_of(mask)
    walls = _mended(np.isin(plan, (WALL, DOOR, WINDOW, ENTRANCE, OUTSIDE)), inner)
    rooms, kinds = _seeds(plan, inner & ~walls)
    while True:
        _grow(rooms, inner, walls)
        sizes = {k: int((rooms == k).sum()) for k in kinds}
        smallest = min(kinds, key=lambda k: (sizes[k], k))
        if len(kinds) > 1 and (sizes[smallest] < 2 * SMALLEST or len(kinds) > (count or MOST_ROOMS)):
            rooms[rooms == smallest] = 0  # its neighbours share it
            del kinds[smallest]
            continue
        if _completed(rooms, kinds, count):
            fixed = _furnished(plan, mask, rooms, kinds)
            if not broken_rules(fixed, outline, count):
                return fixed
        if len(kinds) == 1:  # nothing of the plan can be kept but its outline
            return flat(mask, count or 2, 1, 0)
        rooms[rooms == smallest] = 0
        del kinds[smallest]


def _snapped(mask: np.ndarray, outline: str | None) -> np.ndarray:
    # The drawn outline that overlaps most with a mask.
    names, masks = outline_masks()
    both, either = (masks & mask).sum((1, 2)), (masks | mask).sum((1, 2))
    allowed = np.array([outline in (None, name) for name in names])
    return masks[np.where(allowed, both / either, -1).argmax()].copy()


def _mended(walls: np.ndarray, inner: np.ndarray) -> np.ndarray:
    # A gap of one cell in a straight wall is closed, and a cell without another one beside it is no wall.
    solid = walls | ~inner
    up, down, left, right = neighbours(solid, True)
    closed = (up & down & ~left & ~right) | (left & right & ~up & ~down)
    beside = sum(side.astype(int) for side in (up, down, left, right))
    return ((walls & (beside >= 1)) | (closed & ~walls)) & inner


def _seeds(plan: np.ndarray, floor: np.ndarray) -> tuple[np.ndarray, dict[int, int]]:
    # Rooms to begin with: connected floors of one kind, after each cell took the kind of most cells around it.
    votes = np.stack(
        [ndimage.uniform_filter(((plan == k) & floor).astype(float), 3) for k in range(LIVING, HALL + 1)]
    )
    votes += np.stack([(plan == k) * 0.12 for k in range(LIVING, HALL + 1)])  # its own voice counts twice
    smooth = np.where(floor & (votes.max(0) > 0.13), LIVING + votes.argmax(0), 0)
    rooms, kinds = find_rooms(smooth)
    seeds = {}
    for number, kind in enumerate(kinds, 1):
        if (rooms == number).sum() >= 6:
            seeds[number] = kind
        else:
            rooms[rooms == number] = 0
    if not seeds:
        return floor.astype(int) if floor.any() else np.ones_like(rooms), {1: LIVING}
    return rooms, seeds


def _grow(rooms: np.ndarray, inner: np.ndarray, walls: np.ndarray) -> None:
    """Rooms take all cells that belong to none, but for walls that have two rooms beside them; in place."""
    rooms[~inner] = 0
    changed = True
    while changed:
        changed = False
        for free in (inner & (rooms == 0) & ~walls, inner & (rooms == 0) & walls):
            for at in np.argwhere(free):
                r, c = at
                beside = {
                    int(v) for v in (rooms[r - 1, c], rooms[r + 1, c], rooms[r, c - 1], rooms[r, c + 1]) if v
                }
                corner = {int(rooms[r + i, c + j]) for i, j in AROUND} - {0}
                if len(beside) == 1 and len(corner) == 1:
                    rooms[r, c] = beside.pop()
                    changed = True
    # What touches another room becomes wall; then scraps that the new walls cut off.
    for r, c in np.argwhere(rooms > 0):
        for other in (rooms[r + 1, c], rooms[r, c + 1]):
            if other and rooms[r, c] and other != rooms[r, c]:
                rooms[r, c] = 0
    for number in np.unique(rooms[rooms > 0]):
        parts, n = ndimage.label(rooms == number)
        if n > 1:
            largest = 1 + np.bincount(parts.ravel())[1:].argmax()
            rooms[(parts > 0) & (parts != largest)] = 0


def _completed(rooms: np.ndarray, kinds: dict[int, int], count: int | None) -> bool:
    # Splits rooms until there are as many as asked for; False where that is not possible.
    while count is not None and len(kinds) < count:
        new = max(kinds) + 1
        largest = sorted(kinds, key=lambda k: -(rooms == k).sum())
        if not any(split(rooms, k, new, 0.4) for k in largest):
            return False
        kinds[new] = next((kind for kind in ADDED if kind not in kinds.values()), BEDROOM)
    return True


def _furnished(plan: np.ndarray, mask: np.ndarray, rooms: np.ndarray, kinds: dict[int, int]) -> np.ndarray:
    # Walls, floors, entrance, doors and windows: the plan's own where they make sense, and what is missing.
    fixed = np.where(mask, WALL, OUTSIDE)
    outside = ~mask
    outer, side = outer_walls(rooms, outside)
    kinds = {
        k: HALL if kind in NEED_WINDOWS and not (outer == k).any() else kind for k, kind in kinds.items()
    }
    for number, kind in kinds.items():
        fixed[rooms == number] = kind

    kept = [run for _, run in runs(np.where(plan == ENTRANCE, outer, 0), side)]
    walls = entrance_walls(rooms, outside)
    if kept:
        entrance = max(kept, key=len)[:2]
    elif walls:
        wall = max((run for _, run in walls), key=len)
        entrance = wall[len(wall) // 2 - 1 : len(wall) // 2 + 1]
    else:
        return fixed
    for at in entrance:
        fixed[at] = ENTRANCE

    a, b, vertical = between_rooms(rooms)
    sites = np.where((plan == DOOR) & ~neighbours(outside, True).any(0), a * 1000 + b, 0)
    paired = set()
    for pair, run in sorted(runs(sites, np.where(vertical, 0, 2)), key=lambda found: -len(found[1])):
        if pair not in paired:  # one door is enough
            paired.add(pair)
            for at in run[:2]:
                fixed[at] = DOOR
    start = int(outer[entrance[0]])
    connect(fixed, rooms, kinds, start, entrance[0])

    for room, run in runs(np.where((plan == WINDOW) & (fixed == WALL), outer, 0), side):
        if len(run) > 1 or kinds[room] not in NEED_WINDOWS:
            for at in run:
                fixed[at] = WINDOW
    lit = set(outer[fixed == WINDOW].tolist())
    add_windows(
        fixed, rooms, kinds, {k for k, kind in kinds.items() if kind in NEED_WINDOWS and k not in lit}
    )
    return fixed
