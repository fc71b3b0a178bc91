"""From a floor plan to rooms: walls with openings, floors, glass and furniture, all of boxes."""

from __future__ import annotations

import numpy as np

from ._model import Part
from ._plan_furniture import CELL, Box, furniture
from ._plan_rules import BATH, BEDROOM, CELLS, DOOR, ENTRANCE, HALL, KITCHEN, LIVING, SIDE, WALL, WINDOW
from ._solids import Solid, box, union

HEIGHT, DOOR_HEIGHT, SILL, WINDOW_TOP = 2.5, 2.0, 0.9, 2.1  # metres
FLOOR = 0.1  # how thick floors are
COLOURS = {
    LIVING: (0.80, 0.62, 0.42), KITCHEN: (0.90, 0.84, 0.72), BATH: (0.66, 0.82, 0.86),
    BEDROOM: (0.74, 0.56, 0.42), HALL: (0.84, 0.78, 0.70),
}  # fmt: skip
WALL_COLOUR, GLASS_COLOUR = (0.94, 0.92, 0.88), (0.66, 0.84, 0.94)


def rectangles(mask: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Cells (24, 24) of bool as few rectangles (row, column, row after, column after): the largest first, greedily."""
    left, found = mask.copy(), []
    for r in range(SIDE):
        for c in range(SIDE):
            if not left[r, c]:
                continue
            best = (0, 0, 0)
            width = SIDE
            for height in range(1, SIDE - r + 1):
                row = left[r + height - 1, c:]
                width = min(width, int(row.argmin()) if not row.all() else len(row))
                if not width:
                    break
                best = max(best, (width * height, height, width))
            _, height, width = best
            left[r : r + height, c : c + width] = False
            found.append((r, c, r + height, c + width))
    return found


def boxes(plan: np.ndarray, furnished: bool = True) -> list[Box]:
    """All of a flat as boxes (name, low corner, high corner, RGB), in metres: y up, z to the front, the middle 0.

    One walks on y = 0; the undersides of the floors lie lower.
    """
    made: list[Box] = []

    def add(name: str, cells: np.ndarray, low: float, high: float, colour, thin: float = 0.0) -> None:
        for r0, c0, r1, c1 in rectangles(cells):
            x0, x1, z0, z1 = ((k - SIDE / 2) * CELL for k in (c0, c1, r0, r1))
            if thin:  # a pane in the middle of its wall
                if _level(plan, r0, c0):
                    z0, z1 = (z0 + z1) / 2 - thin, (z0 + z1) / 2 + thin
                else:
                    x0, x1 = (x0 + x1) / 2 - thin, (x0 + x1) / 2 + thin
            made.append((name, (x0, low, z0), (x1, high, z1), colour))

    for kind in range(LIVING, HALL + 1):
        add(f"floor of {CELLS[kind]}", plan == kind, -FLOOR, 0.0, COLOURS[kind])
    add("floor of doors", np.isin(plan, (DOOR, ENTRANCE)), -FLOOR, 0.0, (0.62, 0.50, 0.40))
    add("wall", plan == WALL, -FLOOR, HEIGHT, WALL_COLOUR)
    window, door = plan == WINDOW, np.isin(plan, (DOOR, ENTRANCE))
    add("wall", window, -FLOOR, SILL, WALL_COLOUR)
    add("wall", window, WINDOW_TOP, HEIGHT, WALL_COLOUR)
    add("wall", door, DOOR_HEIGHT, HEIGHT, WALL_COLOUR)
    add("glass", window, SILL, WINDOW_TOP, GLASS_COLOUR, thin=0.03)
    return made + (furniture(plan) if furnished else [])


def parts(plan: np.ndarray, furnished: bool) -> tuple[Part, ...]:
    """The same boxes, raised so that floors stand on y = 0: one part for all boxes of a name and colour."""
    groups: dict[tuple, list[Solid]] = {}
    for name, low, high, colour in boxes(plan, furnished):
        groups.setdefault((name, colour), []).append(box(low, high).moved(dy=FLOOR))
    return tuple(
        Part(name, k, colour, union(*group)) for k, ((name, colour), group) in enumerate(groups.items())
    )


def _level(plan: np.ndarray, row: int, column: int) -> bool:
    # Whether the wall at a cell runs from left to right: there is a room above or below.
    up, down = plan[max(row - 1, 0), column], plan[min(row + 1, SIDE - 1), column]
    return up >= LIVING or down >= LIVING
