"""Windows and doors of a building: what is cut out of a wall, and what stands in the hole."""

from __future__ import annotations

from ._building_looks import THIN, Measures
from ._solids import Solid, arch, box, difference, union

Kit = dict[str, Solid]  # what stands at one place, by surface; "hole" is cut out of the wall


def window(m: Measures, spacing: float, shutters: bool) -> tuple[Kit, float]:
    """One window, its middle at x = 0, its sill at y = 0, in a wall that looks to the front at z = 0; its width."""
    share, most, height = {"narrow": (0.5, 0.75, 1.3), "wide": (0.72, 1.6, 1.2), "arched": (0.6, 1.0, 1.5)}[
        m.windows
    ]
    w = max(min(most, share * spacing), 0.5)
    h = min(height * (1.12 if m.kind == "hall" else 1), m.storey - 1.05)
    if not m.thin:
        w = max(w, THIN + 0.15)

    def shape(more: float, back: float, front: float) -> Solid:
        if m.windows == "arched":
            return arch(w + 2 * more, -more, h + more, back, front)
        return box((-w / 2 - more, -more, back), (w / 2 + more, h + more, front))

    if not m.thin:
        return {"glass": shape(0.0, -0.5, 0.1)}, w
    bars = (
        box((-0.035, 0, -0.2), (0.035, h, -0.07)),
        box((-w / 2, 0.6 * h, -0.2), (w / 2, 0.6 * h + 0.07, -0.07)),
    )
    sill = box((-w / 2 - 0.18, -0.16, -0.1), (w / 2 + 0.18, -0.06, 0.18))
    kit = {
        "hole": shape(0.0, -0.18, 0.4),
        "glass": shape(0.02, -0.4, -0.12),
        "frame": union(difference(shape(0.1, -0.2, 0.06), shape(-0.06, -1, 1)), *bars, sill),
    }
    room = min(w / 2, (spacing - w) / 2 - 0.14)
    if shutters and room > 0.22:
        kit["door"] = box((w / 2 + 0.1, 0, -0.05), (w / 2 + 0.1 + room, h, 0.08)).mirrored(x=True)
    return kit, w


def windows(m: Measures, shutters: bool) -> list[Kit]:
    """All windows of a block, in as few repeated solids as can be."""
    kits = []
    dx = 2 * (m.half_x - 0.3) / m.bays
    front, w = window(m, dx, shutters)
    sill = m.floor(0) + 0.9
    if m.storeys > 1:
        rows = {name: s.repeated(m.bays, dx, m.storeys - 1, m.storey) for name, s in front.items()}
        kits.append(
            {name: s.moved(dy=sill + m.storey, dz=m.half_z).mirrored(z=True) for name, s in rows.items()}
        )
    ground = {name: s.repeated(m.bays, dx).moved(dy=sill, dz=m.half_z) for name, s in front.items()}
    kits.append({name: s.behind() for name, s in ground.items()})
    # In front the door takes the place of the windows that it would touch.
    places = [dx * (k - (m.bays - 1) / 2) for k in range(m.bays)]
    clear = 0.85 + w / 2
    at = door_place(m)
    for group in (
        [x for x in places if m.door == "none" or x < at - clear],
        [x for x in places if m.door != "none" and x > at + clear],
    ):
        if group:
            middle = (group[0] + group[-1]) / 2
            kits.append(
                {name: s.repeated(len(group), dx).moved(middle, sill, m.half_z) for name, s in front.items()}
            )
    dz = 2 * (m.half_z - 0.3) / m.side_bays
    side, _ = window(m, dz, shutters)
    rows = {name: s.repeated(m.side_bays, dz, m.storeys, m.storey) for name, s in side.items()}
    kits.append({name: s.moved(dy=sill, dz=m.half_x).turned().mirrored(x=True) for name, s in rows.items()})
    return kits


def door_place(m: Measures) -> float:
    """Where along the front the middle of the door is."""
    dx = 2 * (m.half_x - 0.3) / m.bays
    outer = dx * (m.bays - 1) / 2
    return {"left": -outer, "right": outer}.get(m.door, 0.0)


def door(m: Measures) -> Kit:
    """A door with two steps, at x = 0 in a wall that looks to the front at z = 0; a hall's is a double door."""
    w, y = (1.7 if m.kind == "hall" else 1.15), m.base
    top = y + (2.1 if m.kind != "hall" else 2.2)

    def shape(more: float, back: float, front: float) -> Solid:
        if m.windows == "arched":
            return arch(w + 2 * more, y - 0.1, top + more + 0.15, back, front)
        return box((-w / 2 - more, y - 0.1, back), (w / 2 + more, top + more, front))

    back = -0.5 if not m.round else -0.9
    if not m.thin:
        step = box((-w / 2 - 0.3, 0, back), (w / 2 + 0.3, y, 0.6))
        return {"door": shape(0, back, 0.15), "base": step}
    steps = [
        box((-w / 2 - 0.3 - d, 0, -0.5), (w / 2 + 0.3 + d, y - h, 0.5 + d))
        for d, h in ((0, 0.02), (0.3, 0.22))
    ]
    kit = {
        "hole": shape(0, -0.2, 0.4),
        "door": shape(0.02, back, -0.12),
        "frame": difference(shape(0.14, -0.25, 0.08), shape(-0.04, -1, 1)),
        "base": union(*steps),
    }
    bar = box((-0.03, y, -0.2), (0.03, top, -0.09)) if m.kind == "hall" else None
    pane = box((-0.22, y + 1.25, -0.3), (0.22, y + 1.75, -0.1))
    kit["glass"] = pane.moved(dx=0.42).mirrored(x=True) if m.kind == "hall" else pane
    if bar:
        kit["frame"] = union(kit["frame"], bar)
    return kit
