"""Pictures of a flat in three dimensions: from above as a dolls' house, and from inside. Rays meet boxes exactly."""

from __future__ import annotations

from math import cos, radians, sin, tan

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from ._plan_furniture import CELL, furniture
from ._plan_rooms import FLOOR, HEIGHT, boxes
from ._plan_rules import LIVING, OUTSIDE, SIDE, WINDOW, find_rooms

CUT = 1.3  # metres: the height at which a dolls' house ends
AT_ONCE = 2**21  # rays times boxes
PLANKS, TILES, PLAIN = range(3)
SUN = F.normalize(torch.tensor((-0.55, 0.95, 0.50)), dim=0)
GROUND, TOP = (0.80, 0.84, 0.76), (0.30, 0.31, 0.35)


def above(plan: np.ndarray, size: int, angle: float, height: float) -> Tensor:
    """(3, size, size): walls are cut at CUT, with a dark edge; light comes from a sun and from everywhere."""
    scene = [
        (name, low, (high[0], min(high[1], CUT), high[2]), c)
        for name, low, high, c in boxes(plan)
        if low[1] < CUT
    ]
    scene = [entry for entry in scene if entry[0] != "glass" or entry[2][1] > entry[1][1]]
    filled = np.argwhere(plan != OUTSIDE)
    if not len(filled):
        filled = np.array([[0, 0], [SIDE - 1, SIDE - 1]])
    (r0, c0), (r1, c1) = filled.min(0), filled.max(0) + 1
    a, e = radians(angle), radians(height)
    back = torch.tensor((sin(a) * cos(e), sin(e), cos(a) * cos(e)))
    target = torch.tensor([((c0 + c1) / 2 - SIDE / 2) * CELL, 0.4, ((r0 + r1) / 2 - SIDE / 2) * CELL]).float()
    half = tan(radians(15))
    x, z = (((low - SIDE / 2) * CELL, (high - SIDE / 2) * CELL) for low, high in ((c0, c1), (r0, r1)))
    corners = torch.cartesian_prod(*(torch.tensor(pair).float() for pair in (x, (0.0, CUT), z))) - target
    right = torch.tensor((cos(a), 0.0, -sin(a)))
    up = torch.linalg.cross(back, right)
    reach = torch.maximum((corners @ right).abs(), (corners @ up).abs()) / (0.86 * half) + corners @ back
    return _picture(scene, target + reach.max() * back, right, up, back, half, size, SUN, ceiling=False)


def inside(plan: np.ndarray, size: int) -> Tensor:
    """(3, size, size): from a corner of the largest living room, at a person's height, towards the opposite one."""
    rooms, kinds = find_rooms(plan)
    if not kinds:
        raise ValueError("This plan has no room to look into.")
    areas = [int((rooms == k).sum()) + 1000 * (kind == LIVING) for k, kind in enumerate(kinds, 1)]
    cells = np.argwhere(rooms == 1 + int(np.argmax(areas)))
    # From where it is farthest to its windows, and nothing tall stands in the way; the sun shines in through them.
    beside = ndimage.binary_dilation(rooms == rooms[tuple(cells[0])], np.ones((3, 3)))
    windows = np.argwhere((plan == WINDOW) & beside)
    tall = [(low, high) for _, low, high, _ in furniture(plan) if high[1] > 1.0]
    light = windows.mean(0) if len(windows) else cells.mean(0) - (1, 0)
    free = [at for at in cells.tolist() if not _beside_tall(at, tall)] or cells.tolist()
    eye_cell = max(free, key=lambda at: abs(np.array(at) - light).sum())
    middle = (cells.mean(0) + light) / 2
    eye_at, look_at = ((np.array(at) + 0.5 - SIDE / 2) * CELL for at in (eye_cell, middle))
    eye = torch.tensor([eye_at[1], 1.55, eye_at[0]]).float()
    target = torch.tensor([look_at[1], 1.0, look_at[0]]).float()
    back = F.normalize(eye - target, dim=0)
    right = F.normalize(torch.linalg.cross(torch.tensor((0.0, 1.0, 0.0)), back), dim=0)
    up = torch.linalg.cross(back, right)
    reach = SIDE / 2 * CELL
    scene = [
        *boxes(plan),
        ("ceiling", (-reach, HEIGHT, -reach), (reach, HEIGHT + 0.2, reach), (0.97, 0.96, 0.94)),
    ]
    scene = [box for box in scene if box[0] != "glass"]
    shine = windows[0] - cells.mean(0) if len(windows) else np.array((-1.0, 0.0))
    sun = F.normalize(
        torch.tensor((shine[1] + 0.3 * shine[0], 0.7 * abs(shine).max(), shine[0])).float(), dim=0
    )
    return _picture(scene, eye, right, up, back, tan(radians(36)), size, sun, ceiling=True)


def _beside_tall(at: list[int], tall: list) -> bool:
    # Whether a box is less than 0.7 m from the middle of a cell.
    z, x = ((k + 0.5 - SIDE / 2) * CELL for k in at)
    return any(
        max(low[0] - x, x - high[0]) < 0.7 and max(low[2] - z, z - high[2]) < 0.7 for low, high in tall
    )


def _picture(scene, eye, right, up, back, half: float, size: int, sun: Tensor, ceiling: bool) -> Tensor:
    n = 2 * size  # two by two rays for each pixel
    steps = half * (2 * (torch.arange(n) + 0.5) / n - 1)
    rays = F.normalize((steps[None, :, None] * right - steps[:, None, None] * up - back).view(-1, 3), dim=1)
    low, high, colours = (torch.tensor([box[k] for box in scene]) for k in (1, 2, 3))
    tiled = ("floor of kitchen", "floor of bath")
    looks = [TILES if name in tiled else PLANKS if name.startswith("floor") else PLAIN for name, *_ in scene]
    glass = torch.tensor([name == "glass" for name, *_ in scene])
    walls = torch.tensor([name == "wall" for name, *_ in scene])
    world = (low, high, colours, torch.tensor(looks), glass, walls, sun, ceiling)
    parts = rays.split(max(1, AT_ONCE // len(scene)))
    x = torch.cat([_seen(world, eye, part) for part in parts]).view(n, n, 3).permute(2, 0, 1)
    return F.avg_pool2d(x[None], 2)[0].clamp(0, 1)


def _meet(low: Tensor, high: Tensor, origin: Tensor, rays: Tensor) -> tuple[Tensor, Tensor]:
    """Depth at which rays (n, 3) from (3,) or (n, 3) enter the first box, infinite where none; and which box."""
    enter, leave = None, None
    for axis in range(3):
        ray = rays[:, axis : axis + 1]
        inverse = 1 / torch.where(ray.abs() < 1e-7, 1e-7, ray)
        start = origin[..., axis : axis + 1]
        a, b = (low[:, axis] - start) * inverse, (high[:, axis] - start) * inverse
        first, last = torch.minimum(a, b), torch.maximum(a, b)
        enter = first if enter is None else torch.maximum(enter, first)
        leave = last if leave is None else torch.minimum(leave, last)
    depth = torch.where((enter < leave) & (enter > 1e-4), enter, float("inf"))
    return depth.min(1)


def _seen(world, eye: Tensor, rays: Tensor) -> Tensor:
    low, high, colours, looks, glass, walls, towards_sun, ceiling = world
    depth, which = _meet(low, high, eye, rays)
    if ceiling:  # what the windows show
        up = rays[:, 1:2]
        sky = torch.tensor((0.97, 0.98, 1.0)).lerp(torch.tensor((0.55, 0.76, 0.95)), (2.5 * up).clamp(0, 1))
        x = torch.where(up > 0, sky, torch.tensor((0.56, 0.72, 0.42)))
    else:
        x = torch.tensor((0.90, 0.93, 0.96)).expand_as(rays).clone()
        ground = torch.where(rays[:, 1] < 0, (-FLOOR - eye[1]) / rays[:, 1].clamp(max=-1e-6), float("inf"))
        on_ground = (ground < depth).nonzero()[:, 0]
        p = eye + ground[on_ground, None] * rays[on_ground]
        lit = _sunlit(low, high, p + torch.tensor((0.0, 1e-3, 0.0)), glass, towards_sun)
        x[on_ground] = torch.tensor(GROUND) * (0.62 + 0.38 * lit)[:, None]
        depth = torch.where(ground < depth, float("inf"), depth)
    hit = depth.isfinite().nonzero()[:, 0]
    if not len(hit):
        return x
    box, p = which[hit], eye + depth[hit, None] * rays[hit]
    to_side = torch.stack([p - low[box], high[box] - p])  # which of six sides a point lies on
    side = to_side.permute(1, 0, 2).reshape(len(hit), 6).abs().argmin(1)
    normal = torch.zeros_like(p)
    normal[torch.arange(len(hit)), side % 3] = torch.where(side < 3, -1.0, 1.0)
    colour = _pattern(p, colours[box], looks[box], side % 3 == 1)
    if not ceiling:
        edge = walls[box] & (side == 4) & (p[:, 1] > CUT - 1e-3)
        colour = torch.where(edge[:, None], torch.tensor(TOP), colour)
    lit = _sunlit(low, high, p + 2e-3 * normal, glass, towards_sun) * (normal @ towards_sun).clamp(min=0)
    ambient = torch.tensor((0.62, 0.64, 0.68) if not ceiling else (0.90, 0.88, 0.85))
    ambient = (
        ambient
        * (0.86 + 0.14 * normal[:, 1:2] + 0.08 * normal[:, :1])
        * _openness(low, high, p, normal)[:, None]
    )
    sun = torch.tensor((0.62, 0.57, 0.48) if not ceiling else (0.75, 0.62, 0.40))
    x[hit] = colour * (ambient + sun * lit[:, None])
    return x


def _sunlit(low: Tensor, high: Tensor, points: Tensor, glass: Tensor, sun: Tensor) -> Tensor:
    depth, _ = _meet(low[~glass], high[~glass], points, sun.expand_as(points))
    return depth.isinf().float()


def _openness(low: Tensor, high: Tensor, p: Tensor, normal: Tensor) -> Tensor:
    """Ambient occlusion: less light where another box is closer than the steps along the normal are long."""
    closed = torch.zeros_like(p[:, 0])
    for step, weight in ((0.15, 1.2), (0.45, 0.6)):
        q = p + step * normal
        squared = torch.zeros(len(q), len(low))
        for axis in range(3):
            out = torch.maximum(low[:, axis] - q[:, axis : axis + 1], q[:, axis : axis + 1] - high[:, axis])
            squared += out.clamp(min=0).square()
        closed += weight * (step - squared.amin(1).sqrt()).clamp(min=0)
    return (1 - 0.9 * closed).clamp(0.45, 1)


def _pattern(p: Tensor, colour: Tensor, looks: Tensor, level: Tensor) -> Tensor:
    # Boards and tiles, on surfaces that lie level.
    x, z = p[:, 0], p[:, 2]
    board = (z / 0.18).floor()
    joint = ((z / 0.18 - board) < 0.09) | (((x + 0.37 * board) % 1.6) < 0.02)
    shade = 1 + 0.10 * (
        (torch.sin(board * 12.9898 + ((x + 0.37 * board) / 1.6).floor() * 78.233) * 437.5) % 1 - 0.5
    )
    tile = ((x % 0.3) < 0.025) | ((z % 0.3) < 0.025)
    factor = torch.where(looks == PLANKS, shade * (1 - 0.16 * joint.float()), 1 - 0.10 * tile.float())
    return torch.where((level & (looks != PLAIN))[:, None], colour * factor[:, None], colour)
