"""How a floor plan is drawn: an outline, cut into rooms by walls, then their uses, doors, entrance and windows."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from scipy import ndimage

from ._plan_rules import (
    BATH,
    BEDROOM,
    DOOR,
    ENTRANCE,
    HALL,
    KITCHEN,
    LIVING,
    NEED_WINDOWS,
    OUTLINES,
    OUTSIDE,
    SIDE,
    WALL,
    WINDOW,
    between_rooms,
    broken_rules,
    outer_walls,
)

WIDTHS, DEPTHS = (16, 18, 20, 22), (14, 16, 18, 20)  # cells, with walls
CUT_WIDTHS, CUT_DEPTHS = (4, 6, 8), (5, 7, 9)  # what an L, T or U lacks at the back
Run = list[tuple[int, int]]  # cells of a wall, side by side


def outline_mask(outline: str, width: int, depth: int, cut_width: int, cut_depth: int) -> np.ndarray:
    """(24, 24) of bool: in the middle, its front always in the same row. What is cut away is narrowed to fit."""
    mask = np.zeros((SIDE, SIDE), bool)
    left, back = (SIDE - width) // 2, SIDE - 1 - depth
    mask[back : back + depth, left : left + width] = True
    cut_depth = min(cut_depth, depth - 7)
    rows = slice(back, back + cut_depth)
    if outline == "L":
        mask[rows, left + width - cut_width : left + width] = False
    elif outline == "T":
        cut_width = min(cut_width, (width - 8) // 2)
        mask[rows, left : left + cut_width] = False
        mask[rows, left + width - cut_width : left + width] = False
    elif outline == "U":
        cut_width = min(cut_width, width - 12)
        middle = SIDE // 2
        mask[rows, middle - cut_width // 2 : middle + cut_width // 2] = False
    return mask


@cache
def outline_masks() -> tuple[tuple[str, ...], np.ndarray]:
    """All outlines that are drawn: their names, and masks (k, 24, 24)."""
    names, masks = [], []
    for outline, *sizes in product(OUTLINES, WIDTHS, DEPTHS, CUT_WIDTHS, CUT_DEPTHS):
        if outline == "rectangle" and sizes[2:] != [CUT_WIDTHS[0], CUT_DEPTHS[0]]:
            continue
        names.append(outline)
        masks.append(outline_mask(outline, *sizes))
    return tuple(names), np.stack(masks)


def inner_of(mask: np.ndarray) -> np.ndarray:
    """The cells within the outer walls, which are one cell thick."""
    return ndimage.binary_erosion(mask, np.ones((3, 3)))


def split(rooms: np.ndarray, number: int, new: int, share: float) -> bool:
    """Cut room `number` by a straight wall, about `share` of it on one side; the smaller part becomes room `new`.

    Walls that leave two rectangles are preferred. False where no wall leaves two rooms that can be lived in.
    """
    room = rooms == number
    rows, columns = (np.flatnonzero(room.any(axis)) for axis in (1, 0))
    total, best = room.sum(), (9.0, None)
    lines = [(0, k) for k in range(rows[0] + 2, rows[-1] - 1)] + [
        (1, k) for k in range(columns[0] + 2, columns[-1] - 1)
    ]
    for axis, k in lines:
        rest = room.copy()
        rest[(k, slice(None)) if axis == 0 else (slice(None), k)] = False
        parts, n = ndimage.label(rest)
        if n != 2:
            continue
        boxes = [np.ptp(np.argwhere(parts == part), axis=0) + 1 for part in (1, 2)]
        areas = np.array([(parts == part).sum() for part in (1, 2)])
        least = min(box.min() for box in boxes)
        if least < 2 or areas.min() < 8:
            continue
        filled = sum(area / box.prod() for area, box in zip(areas, boxes, strict=True))
        narrow = max(box.max() / box.min() for box in boxes)
        score = (
            abs(areas.min() / total - share) + 0.8 * (2 - filled) + 0.12 * max(narrow - 1.6, 0) + (least < 3)
        )
        score += 0.03 * (total - areas.sum())  # a short wall, such as between two wings
        if score < best[0]:
            best = (score, np.where(parts == 1 + areas.argmin(), new, np.where(parts > 0, number, 0)))
    if best[1] is None:
        return False
    rooms[room] = best[1][room]
    return True


def runs(values: np.ndarray, side: np.ndarray) -> list[tuple[int, Run]]:
    """Straight runs of neighbouring cells with the same value > 0 and side; walls that lie level first."""
    found = []
    for level in (True, False):
        for row in range(SIDE):
            run: Run = []
            for k in range(SIDE + 1):
                at = (row, k) if level else (k, row)
                here = k < SIDE and values[at] > 0 and (side[at] < 2) == level
                if run and not (here and values[at] == values[run[-1]] and side[at] == side[run[-1]]):
                    found.append((int(values[run[0]]), run))
                    run = []
                if here:
                    run.append(at)
    return found


def connect(plan: np.ndarray, rooms: np.ndarray, kinds: dict[int, int], start: int, near: tuple) -> None:
    """Doors, so that every room is reached from room `start`; existing ones count. Doors lie towards `near`.

    One passes through halls and living rooms rather than through bedrooms, and through a bath only if there is no
    other way.
    """
    a, b, vertical = between_rooms(rooms)
    pair = a * 1000 + b  # side 0 where the rooms lie above and below
    walls = [(divmod(value, 1000), run) for value, run in runs(pair, np.where(vertical, 0, 2))]
    doors = {(int(a[at]), int(b[at])) for at in zip(*np.nonzero(plan == DOOR), strict=True)}
    reached = {start}
    price = {HALL: 0, LIVING: 1, KITCHEN: 3, BEDROOM: 6, BATH: 20}
    while True:
        size = 0
        while size != len(reached):
            size = len(reached)
            reached |= {room for two in doors if reached & set(two) for room in two}
        options = [
            (price[kinds[(set(two) & reached).pop()]] + 4 * (len(run) < 2) - 0.1 * min(len(run), 9), k)
            for k, (two, run) in enumerate(walls)
            if len(set(two) & reached) == 1
        ]
        if not options:
            return
        two, run = walls[min(options)[1]]
        run = run[1:-1] if len(run) > 3 else run  # not quite in the corner
        far = [abs(at[0] - near[0]) + abs(at[1] - near[1]) for at in run]
        first = min(far.index(min(far)), max(len(run) - 2, 0))
        for at in run[first : first + 2]:
            plan[at] = DOOR
        doors.add(two)


def entrance_walls(rooms: np.ndarray, outside: np.ndarray) -> list[tuple[int, Run]]:
    """Outer walls at least two cells long, by room: those in front if there are any."""
    outer, side = outer_walls(rooms, outside)
    walls = [(room, run) for room, run in runs(outer, side) if len(run) > 1]
    front = [(room, run) for room, run in walls if run[0][0] == run[-1][0] == SIDE - 2]
    return front or walls


def add_windows(
    plan: np.ndarray, rooms: np.ndarray, kinds: dict[int, int], only: set[int] | None = None
) -> None:
    """Windows in the middle of outer walls: of all rooms, or of `only` some; small ones in baths and halls."""
    outside = plan == OUTSIDE
    outer, side = outer_walls(rooms, outside)
    outer = np.where(plan == ENTRANCE, 0, outer)
    lit: set[int] = set()
    for room, run in sorted(runs(outer, side), key=lambda wall: -len(wall[1])):
        if only is not None and (room not in only or room in lit):
            continue
        small = kinds[room] in (BATH, HALL)
        if len(run) < 4 and (kinds[room] not in NEED_WINDOWS or room in lit) or small and room in lit:
            continue
        width = 2 if small or len(run) < 7 else 4
        width = min(width + len(run) % 2, len(run))  # so that it can be in the middle
        first = (len(run) - width) // 2
        for at in run[first : first + width]:
            plan[at] = WINDOW
        lit.add(room)


def uses(rooms: np.ndarray, outside: np.ndarray, count: int) -> tuple[dict[int, int], int]:
    """What each room is used for, and the room of the entrance: the one in front with the most neighbours."""
    a, b, _ = between_rooms(rooms)
    touching = {(int(i), int(j)) for i, j in zip(a.ravel(), b.ravel(), strict=True) if i}
    area = {k: int((rooms == k).sum()) for k in range(1, count + 1)}
    degree = {k: sum(k in two for two in touching) for k in area}
    walls = entrance_walls(rooms, outside)
    front = sorted({room for room, _ in walls})
    first = LIVING if count < 5 else HALL
    length = {room: max(len(run) for k, run in walls if k == room) for room in front}
    start = max(front, key=lambda k: (length[k] > 4, degree[k], area[k] if first == LIVING else -area[k]))
    kinds, rest = {start: first}, sorted((k for k in area if k != start), key=lambda k: (area[k], k))
    kinds[rest.pop(0)] = BATH
    if first == HALL:
        kinds[rest.pop()] = LIVING
    if count > 3 and rest:
        living = [k for k, kind in kinds.items() if kind == LIVING]
        beside = [k for k in rest if any({k, room} == set(two) for two in touching for room in living)]
        kitchen = (beside or rest)[0]
        kinds[kitchen] = KITCHEN
        rest.remove(kitchen)
    return kinds | dict.fromkeys(rest, BEDROOM), start


def arrange(mask: np.ndarray, count: int, entrance: int, rng: np.random.Generator) -> np.ndarray | None:
    """A plan with `count` rooms in an outline, (24, 24); entrance 0, 1, 2: left, middle or right. None if none fits."""
    rooms = inner_of(mask).astype(int)
    for new in range(2, count + 1):
        sizes = np.bincount(rooms.ravel(), minlength=new)[1:]
        share = rng.uniform(0.38, 0.5) if new < count else rng.uniform(0.26, 0.4)
        if not any(split(rooms, int(k) + 1, new, share) for k in np.argsort(-sizes, kind="stable")):
            return None
    kinds, start = uses(rooms, ~mask, count)
    plan = np.where(mask, WALL, OUTSIDE)
    for number, kind in kinds.items():
        plan[rooms == number] = kind
    wall = max((run for room, run in entrance_walls(rooms, ~mask) if room == start), key=len)
    first = round((len(wall) - 2) * (0.2 + 0.3 * entrance))
    for at in wall[first : first + 2]:
        plan[at] = ENTRANCE
    connect(plan, rooms, kinds, start, wall[first])
    add_windows(plan, rooms, kinds)
    return plan


def flat(mask: np.ndarray, count: int, entrance: int, seed: int) -> np.ndarray:
    """The first plan that obeys the rules, of those that random divisions into rooms give. The same for a seed."""
    rng = np.random.default_rng(seed)
    for _ in range(200):
        plan = arrange(mask, count, entrance, rng)
        if plan is not None and not broken_rules(plan, count=count):
            return plan
    raise RuntimeError("No division of this outline into rooms obeys the rules.")
