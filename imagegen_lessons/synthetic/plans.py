"""Drawn floor plans of flats: rooms on a grid of half-metre cells, from known, named factors, with rules they obey.

factors = plans.sample(8, seed=1, rooms="four")
flats = plans.draw(factors)                # (8, 24, 24) int64: indices into CELLS, row 0 at the back
plans.rules(flats[0])                      # []: no rule is broken
x = plans.render(flats, size=192)          # (8, 3, 192, 192): an architect's drawing
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from imagegen_lessons import settings

from . import _factors, _plan_drawing, _plan_furniture, _plan_layout, _plan_repair, _plan_rooms, _plan_views
from ._chunks import one_thread
from ._factors import Factor
from ._model import Model
from ._plan_rules import CELLS, OUTLINES, SIDE, broken_rules, check_plans, check_wish

ROOMS = ("two", "three", "four", "five", "six")
CLASSES = len(OUTLINES) * len(ROOMS)

_label, _form = (partial(Factor, group) for group in ("label", "form"))

FACTORS: dict[str, Factor] = {
    "outline": _label("shape of the flat, seen from above", names=OUTLINES),
    "rooms": _label("how many rooms", names=ROOMS),
    "width": _form("narrow to wide"),
    "depth": _form("shallow to deep"),
    "cut_width": _form("how wide what an L, T or U lacks is"),
    "cut_depth": _form("how deep it is"),
    "entrance": _form("where the entrance is in its wall", names=("left", "middle", "right")),
    "layout": _form("which division into rooms, of endlessly many"),
}


def sample(n: int, seed: int = 0, **fixed) -> dict[str, Tensor]:
    """Draw the factors of n plans, every factor independently and uniformly.

    fixed: a factor set to one value (a number or a name) for all, or to a tensor of n values.
    Returns a dict from factor name to a tensor (n,), float32 or int64, on the CPU. The same seed gives the
    same plans everywhere, more begin with the same ones, and fixing a factor leaves the others alone.
    Raises ValueError for an unknown factor, a value out of range, or a tensor that has not n values.
    """
    return _factors.sample(FACTORS, n, seed, fixed)


def draw(factors: dict[str, Tensor]) -> Tensor:
    """Plans (n, 24, 24) int64 of indices into CELLS, on the CPU. All of them obey the rules.

    Raises ValueError for a missing or unknown factor, or a value out of range.
    """
    values, n = _factors.read(FACTORS, factors, torch.device("cpu"))
    plans = torch.zeros(n, SIDE, SIDE, dtype=torch.int64)
    for i in range(n):
        p = {name: value[i].item() for name, value in values.items()}
        sizes = [
            steps[min(int(p[name] * len(steps)), len(steps) - 1)]
            for name, steps in (
                ("width", _plan_layout.WIDTHS),
                ("depth", _plan_layout.DEPTHS),
                ("cut_width", _plan_layout.CUT_WIDTHS),
                ("cut_depth", _plan_layout.CUT_DEPTHS),
            )
        ]
        mask = _plan_layout.outline_mask(OUTLINES[p["outline"]], *sizes)
        seed = int(p["layout"] * 2**24)
        plans[i] = torch.from_numpy(_plan_layout.flat(mask, p["rooms"] + 2, p["entrance"], seed))
    return plans


def one_hot(plans: Tensor) -> Tensor:
    """Plans (n, 24, 24) as float32 pictures (n, 10, 24, 24): one channel for each of the CELLS, 1 where it is.

    Raises ValueError for what are no plans.
    """
    return F.one_hot(check_plans(plans, 3), len(CELLS)).movedim(-1, 1).float()


def from_scores(scores: Tensor) -> Tensor:
    """The plans (n, 24, 24) of the highest of scores (n, 10, 24, 24), such as a network gives.

    Raises ValueError for another shape, or for NaN.
    """
    if not isinstance(scores, Tensor) or scores.shape[1:] != (len(CELLS), SIDE, SIDE):
        came = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ValueError(f"Scores are a tensor (n, {len(CELLS)}, {SIDE}, {SIDE}), not {came}.")
    if scores.isnan().any():
        raise ValueError("Some scores are NaN.")
    return scores.argmax(1)


def rules(plan: Tensor, outline: str | None = None, rooms: int | None = None) -> list[str]:
    """Every rule that one plan (24, 24) breaks, as a sentence; an empty list for a good plan.

    There is one entrance, and every room can be reached from it; doors lead from one room into another, windows are
    in outer walls, and living rooms and bedrooms have some; rooms have at least four cells and walls all around.
    outline, rooms: where given, the plan has this outline, one of OUTLINES, and so many rooms (2 to 6).
    Raises ValueError for what is no plan, and for an outline or a number of rooms that is not drawn.
    """
    plan = check_plans(plan, 2)
    check_wish(outline, rooms)
    return broken_rules(plan.cpu().numpy(), outline, rooms)


def repair(plan: Tensor, outline: str | None = None, rooms: int | None = None) -> Tensor:
    """A plan (24, 24) that obeys all rules and is like a given one, such as a network makes; the same one each time.

    The outline becomes the most similar of the drawn ones, gaps in walls are closed, scraps of rooms join their
    neighbours, senseless doors and windows are walled up, and missing ones added.
    outline, rooms and ValueError: as for `rules`.
    """
    checked = check_plans(plan, 2)
    check_wish(outline, rooms)
    fixed = _plan_repair.repaired(checked.cpu().numpy(), outline, rooms)
    return torch.from_numpy(fixed).to(checked.device)


def label(factors: dict[str, Tensor]) -> Tensor:
    """Outline and number of rooms of each plan, (n, 2) int64: indices into OUTLINES and ROOMS.

    Raises ValueError for a missing or unknown factor, or a value out of range.
    """
    return _factors.labels(FACTORS, factors, ("outline", "rooms"))


def class_index(factors: dict[str, Tensor]) -> Tensor:
    """Which of the 20 classes each plan belongs to, (n,) int64: outline x number of rooms."""
    outline, rooms = label(factors).unbind(1)
    return outline * len(ROOMS) + rooms


def describe(factors: dict[str, Tensor], i: int) -> str:
    """One sentence that says what plan i looks like, for a picture's alt text.

    Raises ValueError for a missing or unknown factor, a value out of range, or when there is no plan i.
    """
    p = {name: int(value) for name, value in _factors.one(FACTORS, factors, i).items()}
    shape = OUTLINES[p["outline"]]
    flat = (
        "A rectangular flat"
        if shape == "rectangle"
        else f"A flat in the shape of {'an' if shape == 'L' else 'a'} {shape}"
    )
    entrance = FACTORS["entrance"].names[p["entrance"]]
    where = "in the middle" if entrance == "middle" else f"to the {entrance}"
    return f"{flat} with {ROOMS[p['rooms']]} rooms, seen from above, its entrance {where} of its wall."


@dataclass(frozen=True)
class Flat(Model):
    """A flat in three dimensions: a union of parts like a building's, each all boxes of one name and colour.

    Walls are 2.5 m high, with openings for doors (2.0 m) and windows (0.9 to 2.1 m). One stands on the floor y = 0.1;
    y = 0 is the ground below it, and the middle of the plan is x = z = 0. Each part is a surface of its own.
    """


def furnish(plan: Tensor) -> list[tuple[str, tuple, tuple, tuple]]:
    """Furniture for a plan (24, 24), by rule: boxes (name, low corner, high corner, RGB) on the floor y = 0, in metres.

    Beds, tables, a bath, … stand along walls, never before a door, and what is left of a room is in one piece. x to the
    right, y up, z to the front; the middle of the plan is x = z = 0. Raises ValueError for what is no plan.
    """
    return _plan_furniture.furniture(check_plans(plan, 2).cpu().numpy())


def extrude(plan: Tensor, furnished: bool = True) -> Flat:
    """The rooms of a plan (24, 24) in three dimensions, with furniture or without, for sphere tracing and meshes.

    Raises ValueError for what is no plan, and for a plan without a wall or floor.
    """
    cells = check_plans(plan, 2).cpu().numpy()
    if not cells.any():
        raise ValueError("This plan is empty: all of its cells are outside.")
    parts = _plan_rooms.parts(cells, furnished)
    return Flat(parts, torch.tensor([part.colour for part in parts]))


def render_above(plans: Tensor, size: int = 192, angle: float = 20.0, height: float = 52.0) -> Tensor:
    """Plans (n, 24, 24) as dolls' houses without a ceiling, walls cut at 1.3 m: (n, 3, size, size) in [0, 1].

    size: 16 to 512 pixels; the camera looks from `angle` degrees to the right of the front, `height` degrees (10 to
    85) above the horizon. Raises ValueError for what are no plans, and for other numbers.
    """
    size = _view_size(size)
    angle, height = (
        settings.number(angle, "The angle", -1e6, 1e6),
        settings.number(height, "The height", 10, 85.001),
    )
    return _views(plans, size, lambda plan: _plan_views.above(plan, size, angle, height))


def render_inside(plans: Tensor, size: int = 192) -> Tensor:
    """The view into the largest living room of plans (n, 24, 24), or the largest room: (n, 3, size, size) in [0, 1].

    size: 16 to 512 pixels. Raises ValueError for what are no plans, and for another size.
    """
    size = _view_size(size)
    return _views(plans, size, lambda plan: _plan_views.inside(plan, size))


def _view_size(size: int) -> int:
    if settings.whole(size, "size", least=16) > 512:
        raise ValueError(f"size must be a whole number from 16 to 512, not {size!r}.")
    return int(size)


def _views(plans: Tensor, size: int, view) -> Tensor:
    checked = check_plans(plans, 3)
    x = torch.empty(len(checked), 3, size, size)
    with one_thread(), torch.no_grad():
        for i, plan in enumerate(checked.cpu().numpy()):
            x[i] = view(plan)
    return x.to(checked.device)


def render(plans: Tensor, size: int = 192) -> Tensor:
    """Plans (n, 24, 24) as an architect draws them: (n, 3, size, size) in [0, 1], size a multiple of 24, 48 to 480.

    Walls are dark, windows light, floors coloured by their use; doors show which way they swing, and furniture stands
    where `furnish` puts it. Raises ValueError for what are no plans, and for another size.
    """
    if (
        isinstance(size, bool)
        or not isinstance(size, int)
        or size not in range(2 * SIDE, 20 * SIDE + 1, SIDE)
    ):
        raise ValueError(f"size must be a multiple of {SIDE} from {2 * SIDE} to {20 * SIDE}, not {size!r}.")
    checked = check_plans(plans, 3)
    x = torch.empty(len(checked), 3, size, size)
    with one_thread():
        for i, plan in enumerate(checked.cpu().numpy()):
            x[i] = _plan_drawing.drawing(plan, size)
    return x.to(checked.device)
