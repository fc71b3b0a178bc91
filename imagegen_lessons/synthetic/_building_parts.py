"""What a building is put together from: its blocks, porch, balcony and chimney."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from ._building_looks import THIN, Measures
from ._building_openings import Kit, door, door_place, windows
from ._building_roofs import roof
from ._solids import Solid, box, cylinder, difference, gable, union


def solids(m: Measures, p: dict) -> tuple[Kit, tuple[float, float]]:
    """All solids of a building, one for each surface that it has, and x and z of its door."""
    parts = block(m, shutters=bool(p["shutters"]), battlements=bool(p["crenellations"]))
    front = door(m)
    at = door_place(m)
    _add(parts, {name: s.moved(dx=at, dz=m.half_z) for name, s in front.items() if name != "hole"})
    if "hole" in front:
        parts["wall"] = [difference(union(*parts["wall"]), front["hole"].moved(dx=at, dz=m.half_z))]
    if p["columns"]:
        _add(parts, columns(m, at))
    if p["balcony"] and m.storeys > 1:
        _add(parts, gallery(m) if m.kind == "tower" else balcony(m, at))
    if p["chimney"]:
        _add(parts, chimney(m))
    if p["wing"]:
        side = -1 if p["wing"] == 1 else 1
        small, offset = wing(m)
        for name, group in block(small, shutters=bool(p["shutters"]), battlements=False).items():
            parts[name] += [s.moved(dx=side * offset) for s in group]
    whole = {name: union(*group) for name, group in parts.items()}
    everything = union(*whole.values())
    middle = [-(a + b) / 2 for a, b in zip(everything.low, everything.high, strict=True)]
    entrance = (at + middle[0], m.half_z + middle[2])
    return {name: s.moved(dx=middle[0], dz=middle[2]) for name, s in whole.items()}, entrance


def _add(parts: dict[str, list], more: Kit) -> None:
    for name, solid in more.items():
        parts[name].append(solid)


def block(m: Measures, shutters: bool, battlements: bool) -> dict[str, list]:
    """Walls with windows on all four sides, a plinth and a roof."""
    x, z = m.half_x, m.half_z
    if m.round:
        body, plinth = cylinder(x, 0, m.top), cylinder(x + 0.12, 0, m.base)
    else:
        body, plinth = (
            box((-x, 0, -z), (x, m.top, z)),
            box((-x - 0.12, 0, -z - 0.12), (x + 0.12, m.base, z + 0.12)),
        )
    parts, holes = defaultdict(list), []
    for kit in windows(m, shutters):
        for name, solid in kit.items():
            (holes if name == "hole" else parts[name]).append(solid)
    parts["wall"].append(difference(body, *holes))
    parts["base"].append(plinth)
    if m.kind != "house" and m.storeys > 1 and m.thin:  # a cornice between the storeys
        y = m.floor(m.storeys - 1) if m.kind == "hall" else m.floor(1)
        band = (
            cylinder(x + 0.08, y - 0.1, y + 0.1)
            if m.round
            else box((-x - 0.08, y - 0.1, -z - 0.08), (x + 0.08, y + 0.1, z + 0.08))
        )
        parts["frame"].append(band)
    _add(parts, roof(m, battlements))
    return parts


def wing(m: Measures) -> tuple[Measures, float]:
    """The measures of a lower building at the side, and how far its middle is from the main one's."""
    half_x = {"house": 1.5, "tower": 2.2, "hall": 1.5}[m.kind]
    small = replace(
        m,
        kind="house",
        storeys=max(1, m.storeys - 1) if m.kind != "tower" else 1,
        storey=m.storey * (0.85 if m.storeys == 1 else 1),
        half_x=half_x + 0.25,
        half_z=0.72 * m.half_z,
        bays=2 if m.kind == "tower" else 1,
        side_bays=1,
        roof="hip" if m.roof == "dome" else m.roof,
        slope=0.8 if m.kind == "tower" else m.slope,
        door="none",
        round=False,
    )
    return small, m.half_x + half_x - 0.25


def columns(m: Measures, at: float) -> Kit:
    """A house's porch, a hall's portico over two storeys, or columns at a tower's corners."""
    r = 0.16 if m.kind == "house" else 0.26
    r = r if m.thin else max(r, THIN / 2 + 0.02)
    if m.kind == "tower":
        top = m.top + (0.1 if m.roof in ("flat", "dome") else -0.55)  # below the eaves
        shaft = union(cylinder(r + 0.06, 0, top), cylinder(r + 0.2, 0, m.base + 0.1))
        if m.round:
            return {"column": shaft.moved(dz=m.half_x).around(8)}
        return {"column": shaft.moved(dx=m.half_x, dz=m.half_z).mirrored(x=True, z=True)}
    if m.kind == "house":
        half, depth, top, count = 1.25, 1.5, m.base + 2.45, 2
    else:
        half, depth, top, count = min(0.62 * m.half_x, 3.8), 2.0, m.floor(min(m.storeys, 2)) - 0.5, 4
        at = 0.0 if m.door == "middle" else max(-m.half_x + half, min(at, m.half_x - half))
    spacing = 2 * (half - r - 0.1) / (count - 1)
    foot, head = (box((-r - 0.09, y, -r - 0.09), (r + 0.09, y + 0.2, r + 0.09)) for y in (m.base, top - 0.2))
    shaft = union(cylinder(r, m.base, top), foot, head)
    shafts = shaft.repeated(count, spacing).moved(at, 0, m.half_z + depth - r - 0.12)
    beam = 0.3 if m.kind == "house" else 0.5
    lintel = box((-half, top, -0.3), (half, top + beam, depth)).moved(at, 0, m.half_z)
    floor = box((-half, 0, -0.3), (half, m.base, depth + 0.1))
    steps = [floor, box((-half - 0.3, 0, -0.3), (half + 0.3, m.base / 2, depth + 0.45))]
    rise = 0.5 * half
    tympanum = (
        gable(depth / 2 + 0.2, half, 0, rise).turned().moved(at, top + beam, m.half_z + depth / 2 - 0.2)
    )
    t = 0.22 if m.thin else THIN
    over = gable(depth / 2 + 0.4, half + 0.3, -0.3 * rise / half, rise).turned()
    cover = difference(
        over.moved(dy=t), gable(depth, half + 0.3, -0.3 * rise / half, rise).turned().moved(dy=-0.02)
    )
    return {
        "column": union(shafts, lintel, tympanum),
        "base": union(*steps).moved(at, 0, m.half_z),
        "roof": cover.moved(at, top + beam, m.half_z + depth / 2 - 0.3),
    }


def _railing(width: float, depth: float, y: float, thin: bool, back: bool) -> Solid:
    # Around a rectangle in front of z = 0; with `back` all around.
    t, height = (0.08, 0.9) if thin else (THIN, 0.9)
    low, high = (-width / 2, y, -depth if back else -1.0), (width / 2, y + height, depth)
    whole, hollow = box(low, high), box((low[0] + t, y - 1, low[2] + t), (high[0] - t, y + 2, high[2] - t))
    ring = difference(whole, hollow)
    if not thin:
        return ring
    # Cut away all but the rail and the posts.
    count = max(2, int(width / 0.28))
    gap = box((-0.09, y + 0.1, low[2] - 1), (0.09, y + height - 0.1, depth + 1)).repeated(
        count, (width - 0.1) / count
    )
    side = max(2, int(2 * depth / 0.28))
    across = box((-0.09, y + 0.1, -width), (0.09, y + height - 0.1, width)).repeated(
        side, (2 * depth - 0.1) / side
    )
    return difference(ring, gap, across.turned())


def balcony(m: Measures, at: float) -> Kit:
    """In front of the second storey, above the door."""
    width, depth = (2.8, 1.3) if m.kind == "house" else (3.6, 1.3)
    half = width / 2
    at = max(-m.half_x + half, min(at, m.half_x - half))
    y = m.floor(1)
    slab = box((-half, y - (0.2 if m.thin else THIN), -0.3), (half, y, depth))
    parts = [slab, _railing(width, depth, y, m.thin, back=False)]
    if m.thin:
        parts.append(box((half - 0.35, y - 0.5, -0.3), (half - 0.15, y - 0.1, 0.8)).mirrored(x=True))
    return {"balcony": union(*parts).moved(at, 0, m.half_z)}


def gallery(m: Measures) -> Kit:
    """All around a tower, on its last floor."""
    y, reach = m.floor(m.storeys - 1) + 0.1, m.half_x + 0.75
    if m.round:
        slab, ring = cylinder(reach, y - 0.35, y), cylinder(reach, y - 0.35, y + 0.85)
        t = 0.1 if m.thin else THIN
        rail = difference(ring, cylinder(reach - t, y - 1, y + 2))
        if m.thin:
            rail = difference(rail, box((-0.11, y + 0.1, reach - 1), (0.11, y + 0.72, reach + 1)).around(40))
        return {"balcony": union(slab, rail)}
    depth = m.half_z + 0.75
    slab = box((-reach, y - 0.35, -depth), (reach, y, depth))
    return {"balcony": union(slab, _railing(2 * reach, depth, y, m.thin, back=True))}


def chimney(m: Measures) -> Kit:
    """On the roof, beside its middle, with a cap."""
    half, x, z = (0.34, 0.55 * m.half_x, 0.3 * m.half_z)
    tall = {"flat": 1.5, "dome": 1.3}.get(m.roof, 0.78 * m.slope * m.half_z + 0.6)
    top = m.top + min(tall, 3.4)
    cap = box((-half - 0.1, top - 0.3, -half - 0.1), (half + 0.1, top - 0.12, half + 0.1))
    shaft = box((-half, m.top - 0.5, -half), (half, top, half))
    return {"chimney": (union(shaft, cap) if m.thin else shaft).moved(x, 0, z)}
