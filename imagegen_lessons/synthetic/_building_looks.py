"""Names, colours and measures of a building: from factors to metres."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("house", "tower", "hall")
STOREYS = ("one", "two", "three", "four")
ROOFS = ("gable", "hip", "flat", "dome")
WINDOWS = ("narrow", "wide", "arched")
MATERIALS = ("plaster", "brick", "stone", "wood")
SURFACES = ("wall", "base", "roof", "glass", "frame", "door", "chimney", "column", "balcony")
THIN = 0.4  # metres: without thin things nothing is thinner, so that a grid of 48³ over SPACE can hold it
# The cube that holds every building, with air around it and some ground below.
SPACE = ((-8.5, -0.5, -8.5), (8.5, 16.5, 8.5))

# Colours of each material, from which the factor wall_colour chooses, and mixes neighbours.
WALLS = {
    "plaster": (
        (0.96, 0.90, 0.78),
        (0.95, 0.78, 0.55),
        (0.93, 0.66, 0.58),
        (0.68, 0.80, 0.88),
        (0.74, 0.84, 0.68),
    ),
    "brick": (
        (0.72, 0.36, 0.27),
        (0.80, 0.46, 0.32),
        (0.62, 0.30, 0.28),
        (0.84, 0.66, 0.46),
        (0.55, 0.36, 0.33),
    ),
    "stone": (
        (0.72, 0.70, 0.66),
        (0.80, 0.74, 0.62),
        (0.60, 0.62, 0.66),
        (0.86, 0.82, 0.74),
        (0.66, 0.58, 0.52),
    ),
    "wood": (
        (0.66, 0.44, 0.28),
        (0.70, 0.24, 0.18),
        (0.42, 0.30, 0.22),
        (0.46, 0.58, 0.60),
        (0.90, 0.84, 0.70),
    ),
}
ROOF_COLOURS = {
    "terracotta": (0.78, 0.36, 0.24),
    "slate": (0.32, 0.36, 0.44),
    "brown": (0.46, 0.30, 0.24),
    "copper": (0.40, 0.66, 0.58),
    "thatch": (0.78, 0.64, 0.38),
}
TRIM_COLOURS = {
    "white": (0.97, 0.96, 0.93),
    "cream": (0.93, 0.86, 0.70),
    "oak": (0.56, 0.38, 0.24),
    "grey": (0.40, 0.43, 0.47),
}
DOORS = (
    (0.72, 0.20, 0.18),
    (0.90, 0.66, 0.22),
    (0.22, 0.46, 0.34),
    (0.18, 0.42, 0.56),
    (0.48, 0.30, 0.48),
)
GLASS, BASE, CHIMNEY = (0.30, 0.42, 0.54), (0.58, 0.56, 0.54), (0.62, 0.38, 0.32)


def between(colours: tuple, t: float) -> tuple[float, float, float]:
    """The colour at t in [0, 1] along a row of colours; what lies between two is mixed."""
    place = t * (len(colours) - 1)
    k = min(int(place), len(colours) - 2)
    return tuple(a + (b - a) * (place - k) for a, b in zip(colours[k], colours[k + 1], strict=True))


def palette(p: dict) -> tuple:
    """The colours of the nine surfaces, for the factors of one building."""
    trim = tuple(TRIM_COLOURS.values())[p["trim_colour"]]
    stone = tuple(0.75 * a + 0.25 * b for a, b in zip(trim, BASE, strict=True))
    colours = {
        "wall": between(WALLS[MATERIALS[p["material"]]], p["wall_colour"]),
        "base": BASE,
        "roof": tuple(ROOF_COLOURS.values())[p["roof_colour"]],
        "glass": GLASS,
        "frame": trim,
        "door": between(DOORS, p["door_colour"]),
        "chimney": CHIMNEY,
        "column": stone,
        "balcony": tuple(0.8 * a for a in trim),
    }
    return tuple(colours[name] for name in SURFACES)


@dataclass(frozen=True)
class Measures:
    """What the parts of a building are made from, in metres; the middle of its main block is x = z = 0."""

    kind: str
    roof: str
    windows: str
    storeys: int
    bays: int
    side_bays: int
    half_x: float
    half_z: float
    storey: float
    slope: float  # height of a roof, of the half depth of the house
    door: str
    round: bool
    thin: bool

    base = 0.4  # height of the plinth

    @property
    def top(self) -> float:
        return self.base + self.storeys * self.storey

    def floor(self, k: int) -> float:
        """Height of the floor of storey k, from 0."""
        return self.base + k * self.storey


def is_round(p: dict) -> bool:
    """Whether it is a round tower; under a gable roof a tower is square."""
    return KINDS[p["kind"]] == "tower" and p["outline"] == 1 and ROOFS[p["roof"]] != "gable"


def measures(p: dict, thin: bool) -> Measures:
    kind = KINDS[p["kind"]]
    widths, depths, storeys, slopes = {
        "house": ((6.2, 9.0), (5.2, 7.0), (2.5, 2.85), (0.55, 0.85)),
        "tower": ((3.6, 4.6), (3.6, 4.6), (2.5, 2.75), (0.95, 1.45)),
        "hall": ((9.0, 12.0), (6.4, 8.4), (2.6, 2.85), (0.35, 0.50)),
    }[kind]

    def metres(limits: tuple[float, float], name: str) -> float:
        return limits[0] + (limits[1] - limits[0]) * p[name]

    is_tower = kind == "tower"
    round_tower = is_round(p)
    half_x = metres(widths, "width") / 2
    half_z = half_x if round_tower else metres(depths, "depth") / 2
    bays = {"house": (2, 3, 4), "tower": (1, 1, 2), "hall": (3, 5, 7)}[kind][p["bays"]]
    side = {"house": (1, 2, 3), "tower": (1, 1, 2), "hall": (2, 3, 4)}[kind][p["bays"]]
    return Measures(
        kind=kind,
        roof=ROOFS[p["roof"]],
        windows=WINDOWS[p["windows"]],
        storeys=p["storeys"] + 1,
        bays=1 if round_tower else bays,
        side_bays=1 if round_tower else side,
        half_x=half_x,
        half_z=half_z,
        storey=metres(storeys, "storey_height"),
        slope=metres(slopes, "slope"),
        door="middle" if is_tower else ("left", "middle", "right")[p["door_place"]],
        round=round_tower,
        thin=thin,
    )
