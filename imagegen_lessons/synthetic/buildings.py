"""Drawn buildings that stand nowhere: houses, towers and halls as signed distance functions, from known, named factors.

factors = buildings.sample(8, seed=1, kind="tower")
x = buildings.render(factors, size=96, angle=30)         # (8, 3, 96, 96)
building = buildings.one(factors, 0)
building.distance(points)                                # points (..., 3) in metres, to (...,): negative inside

Metres; x to the right, y up, z to the front. A building stands on the ground y = 0 with its middle at x = z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import isfinite

import torch
from torch import Tensor

from imagegen_lessons import settings

from . import _building_painting, _building_parts, _factors
from ._building_looks import (  # noqa: F401 (THIN is handed on)
    KINDS,
    MATERIALS,
    ROOF_COLOURS,
    ROOFS,
    SPACE,
    STOREYS,
    SURFACES,
    THIN,
    TRIM_COLOURS,
    WINDOWS,
    is_round,
    measures,
    palette,
)
from ._building_patterns import pattern
from ._chunks import one_thread
from ._factors import Factor
from ._model import Model, Part

CLASSES = len(KINDS) * len(STOREYS) * len(ROOFS)

_label, _form, _look, _scene = (partial(Factor, group) for group in ("label", "form", "look", "scene"))

FACTORS: dict[str, Factor] = {
    "kind": _label("what it is", names=KINDS),
    "storeys": _label("how many storeys", names=STOREYS),
    "roof": _label("roof; a flat one has a parapet", names=ROOFS),
    "width": _form("narrow to wide"),
    "depth": _form("shallow to deep"),
    "storey_height": _form("low to high storeys"),
    "slope": _form("gentle to steep roof"),
    "bays": _form("how many windows side by side", names=("few", "some", "many")),
    "windows": _form("shape of the windows", names=WINDOWS),
    "door_place": _form("where the door is; a tower's is in the middle", names=("left", "middle", "right")),
    "outline": _form("ground plan of a tower", names=("square", "round")),
    "wing": _form("a lower building beside it", names=("none", "left", "right"), weights=(2, 1, 1)),
    "balcony": _form("a balcony, from two storeys; around a tower", names=("none", "balcony")),
    "chimney": _form("a chimney", names=("none", "chimney")),
    "crenellations": _form("battlements on a flat roof", names=("none", "crenellations")),
    "columns": _form("a porch on columns; a tower's stand at its corners", names=("none", "columns")),
    "shutters": _form("shutters beside the windows", names=("none", "shutters")),
    "material": _look("what the walls are made of", names=MATERIALS),
    "wall_colour": _look("colour of the walls, along a row of the material's colours"),
    "roof_colour": _look("colour of the roof", names=tuple(ROOF_COLOURS)),
    "trim_colour": _look("colour of window frames, cornices and columns", names=tuple(TRIM_COLOURS)),
    "door_colour": _look("colour of door and shutters, from red over green to violet"),
    "turn": _scene("in pictures: turned to the left or to the right", low=-1),
    "light": _scene("in pictures: time of day", names=("morning", "noon", "evening")),
    "garden": _scene("in pictures: which trees stand around it, of endlessly many"),
}


@dataclass(frozen=True)
class Building(Model):
    """One building, a union of parts; the index of a surface is its place in SURFACES, and the palette is (9, 3)."""

    material: str
    entrance: tuple[float, float]  # x and z of the middle of its door

    def colour(self, points: Tensor) -> Tensor:
        """The colour of the nearest surface with its bricks, boards or tiles, (..., 3) in [0, 1]."""
        return self.look(points)[1]

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Both of them at once: the nearest surface (...,) and its colour (..., 3)."""
        surface = self.surface(points)
        palette = self.palette.to(points.device)
        return surface, pattern(points, palette[surface], surface, self.material)


def sample(n: int, seed: int = 0, **fixed) -> dict[str, Tensor]:
    """Draw the factors of n buildings, every factor independently and uniformly (wings by their weights).

    fixed: a factor set to one value (a number or a name) for all, or to a tensor of n values.
    Returns a dict from factor name to a tensor (n,), float32 or int64, on the CPU. The same seed gives the
    same buildings everywhere, more begin with the same ones, and fixing a factor leaves the others alone.
    Raises ValueError for an unknown factor, a value out of range, or a tensor that has not n values.
    """
    return _factors.sample(FACTORS, n, seed, fixed)


def one(factors: dict[str, Tensor], i: int, thin: bool = True) -> Building:
    """Building i as distance functions; thin=False leaves out or thickens what is thinner than THIN, 0.4 m.

    Raises ValueError for a missing or unknown factor, a value out of range, or when there is no building i.
    """
    p = {name: value.item() for name, value in _factors.one(FACTORS, factors, i).items()}
    colours = palette(p)
    solids, entrance = _building_parts.solids(measures(p, bool(thin)), p)
    parts = tuple(
        Part(name, k, colours[k], solids[name]) for k, name in enumerate(SURFACES) if name in solids
    )
    return Building(parts, torch.tensor(colours), MATERIALS[p["material"]], entrance)


@torch.no_grad()
def render(
    factors: dict[str, Tensor], size: int = 96, angle: float = 0.0, height: float = 10.0, device=None
) -> Tensor:
    """Pictures (n, 3, size, size) of buildings in a garden, float32 in [0, 1], by sphere tracing.

    size: 16 to 512 pixels. The camera looks from `angle` degrees to the right of the front (the factor `turn` adds up
    to 40), and from `height` degrees above the horizon, 2 to 80.
    Raises ValueError for a missing or unknown factor, a value out of range, an impossible size, angle or height.
    """
    settings.whole(size, "size", least=16)
    if size > 512:
        raise ValueError(f"size must be a whole number from 16 to 512, not {size!r}.")
    angle, height = settings.number(angle, "The angle"), settings.number(height, "The height", 2, 80.001)
    if not isfinite(angle):
        raise ValueError(f"The angle must be finite, not {angle!r}.")
    device = torch.device(device or "cpu")
    values, n = _factors.read(FACTORS, factors, torch.device("cpu"))
    x = torch.empty(n, 3, size, size, device=device)
    with one_thread():
        for i in range(n):
            scene = {name: value[i].item() for name, value in values.items()}
            x[i] = _building_painting.paint(one(factors, i), scene, size, angle, height, device)
    return x


def label(factors: dict[str, Tensor]) -> Tensor:
    """Kind, storeys and roof of each building, (n, 3) int64: indices into KINDS, STOREYS and ROOFS.

    Raises ValueError for a missing or unknown factor, or a value out of range.
    """
    return _factors.labels(FACTORS, factors, ("kind", "storeys", "roof"))


def class_index(factors: dict[str, Tensor]) -> Tensor:
    """Which of the 48 classes each building belongs to, (n,) int64: kind x storeys x roof."""
    return class_of(label(factors))


def class_of(labels: Tensor) -> Tensor:
    """The same for labels (n, 3), those of `label` or what a classifier predicts."""
    kind, storeys, roof = labels.unbind(1)
    return (kind * len(STOREYS) + storeys) * len(ROOFS) + roof


def describe(factors: dict[str, Tensor], i: int) -> str:
    """One sentence that says what building i looks like, for a picture's alt text.

    Raises ValueError for a missing or unknown factor, a value out of range, or when there is no building i.
    """
    p = {name: int(value) for name, value in _factors.one(FACTORS, factors, i).items()}
    word = {name: factor.names[p[name]] for name, factor in FACTORS.items() if factor.names}
    kind = f"round {word['kind']}" if is_round(p) else word["kind"]
    flat = word["roof"] == "flat"
    things = [
        f"{word['storeys']} storey{'s' if p['storeys'] else ''}",
        "a flat roof" if flat else f"a {word['roof_colour']} {word['roof']} roof",
        f"{word['windows']} windows",
    ]
    optional = {
        "columns": p["columns"],
        "a balcony": p["balcony"] and p["storeys"],
        "a chimney": p["chimney"],
        "battlements": p["crenellations"] and flat,
        f"a wing on the {word['wing']}": p["wing"],
    }
    things += [thing for thing, there in optional.items() if there]
    return f"A {word['material']} {kind} with {', '.join(things[:-1])} and {things[-1]}."
