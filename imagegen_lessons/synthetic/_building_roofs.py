"""Roofs: gabled, hipped, flat with a parapet, and domes; what a block carries above its last storey."""

from __future__ import annotations

from ._building_looks import THIN, Measures
from ._solids import Solid, box, cone, cylinder, difference, gable, hip, onion, sphere, union


def roof(m: Measures, battlements: bool) -> dict[str, Solid]:
    """The solids of a block's roof by surface; its walls end at m.top."""
    if m.roof == "gable":
        return gabled(m)
    if m.roof == "flat":
        return flat(m, battlements)
    if m.roof == "hip":
        return {"roof": pointed(m, m.slope)}
    return onion_dome(m) if m.kind == "tower" else dome(m)


def gabled(m: Measures) -> dict[str, Solid]:
    """Two slabs that reach over the walls, and the walls' triangles below them; the ridge runs along x."""
    rise, over = m.slope * m.half_z, 0.4
    thick = 0.26 if m.thin else 0.5
    triangle = gable(m.half_x, m.half_z, m.top - 0.05, m.top + rise)
    low = m.top - over * m.slope
    slabs = difference(
        gable(m.half_x + 0.35, m.half_z + over, low, m.top + rise).moved(dy=thick),
        gable(m.half_x + 1, m.half_z + over, low - 1e-3, m.top + rise).moved(dy=-0.02),
    )
    if not m.thin:
        return {"wall": triangle, "roof": slabs}
    ridge = box(
        (-m.half_x - 0.38, m.top + rise + thick - 0.16, -0.1),
        (m.half_x + 0.38, m.top + rise + thick + 0.04, 0.1),
    )
    return {"wall": triangle, "roof": union(slabs, ridge)}


def pointed(m: Measures, slope: float) -> Solid:
    """Four planes, or a cone over a round tower, that reach over the walls."""
    over = 0.35
    half = min(m.half_x, m.half_z) + over
    low = m.top - 0.05
    if m.round:
        return cone(half, low, low + slope * half)
    return hip(m.half_x + over, m.half_z + over, low, low + slope * half)


def flat(m: Measures, battlements: bool) -> dict[str, Solid]:
    """A cornice, a platform and a parapet, with battlements on it."""
    x, z, y = m.half_x + 0.18, m.half_z + 0.18, m.top
    t, height = (0.25 if m.thin else THIN), 0.7
    if m.round:
        around, hollow = cylinder(x, y - 0.3, y + height), cylinder(x - t, y, y + 2)
        cornice = cylinder(x + 0.12, y - 0.3, y - 0.08)
        merlon = box((-0.35, y + height - 0.1, x - t), (0.35, y + height + 0.5, x)).around(8)
    else:
        around = box((-x, y - 0.3, -z), (x, y + height, z))
        hollow = box((-x + t, y, -z + t), (x - t, y + 2, z - t))
        cornice = box((-x - 0.12, y - 0.3, -z - 0.12), (x + 0.12, y - 0.08, z + 0.12))
        merlon = union(_merlons(x, z, y + height, t), _merlons(z, x, y + height, t).turned())
    parts = {"wall": difference(around, hollow), "frame": cornice}
    deck = (
        cylinder(x - 0.05, y - 0.2, y + 0.06)
        if m.round
        else box((-x + 0.05, y - 0.2, -z + 0.05), (x - 0.05, y + 0.06, z - 0.05))
    )
    parts["roof"] = deck
    if battlements:
        parts["wall"] = union(parts["wall"], merlon)
    elif m.thin:  # a coping
        cap = 0.06
        rim = (
            cylinder(x + cap, y + height, y + height + 0.1)
            if m.round
            else box((-x - cap, y + height, -z - cap), (x + cap, y + height + 0.1, z + cap))
        )
        parts["frame"] = union(cornice, difference(rim, hollow))
    return parts


def _merlons(x: float, z: float, y: float, t: float) -> Solid:
    # Along the front and the back, corners included.
    count = max(3, round(2 * x / 1.25))
    half = 0.36
    tooth = box((-half, y - 0.1, z - t), (half, y + 0.5, z))
    return tooth.repeated(count, (2 * x - 2 * half) / (count - 1)).mirrored(z=True)


def dome(m: Measures) -> dict[str, Solid]:
    """A gentle roof, and in its middle a drum with a dome and a lantern."""
    low = pointed(m, 0.25)
    r = 0.5 * m.half_z if m.kind == "house" else 0.46 * m.half_z
    y = m.top + 0.25 * m.half_z + 0.35
    drum = cylinder(r, m.top, y)
    ball = sphere(r * 1.04, y)
    tip = y + r
    lantern = cylinder(0.22 if m.thin else THIN / 2 + 0.05, tip - 0.3, tip + 0.35)
    parts = {
        "wall": drum,
        "roof": union(low, difference(ball, box((-9, 0, -9), (9, y, 9))), cone(0.4, tip + 0.3, tip + 0.8)),
        "frame": union(cylinder(r + 0.1, y - 0.12, y + 0.06), lantern) if m.thin else lantern,
    }
    if m.thin:
        parts["glass"] = box((-0.16, y - 0.75, r - 0.3), (0.16, y - 0.25, r + 0.03)).around(8)
    return parts


def onion_dome(m: Measures) -> dict[str, Solid]:
    """An onion on a cornice."""
    r = 0.94 * min(m.half_x, m.half_z)
    height = m.top + 0.3 * r
    body = onion(r, height, height + (1.25 + 0.2 * m.slope) * r)
    x, z, y = m.half_x + 0.15, m.half_z + 0.15, m.top
    cornice = cylinder(x, y - 0.25, y + 0.12) if m.round else box((-x, y - 0.25, -z), (x, y + 0.12, z))
    return {"roof": difference(body, box((-9, 0, -9), (9, y - 0.2, 9))), "frame": cornice}
