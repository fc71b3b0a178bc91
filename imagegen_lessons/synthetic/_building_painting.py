"""Pictures of a building in its garden: camera, light and colours."""

from __future__ import annotations

from math import cos, radians, sin, tan

import torch
import torch.nn.functional as F
from torch import Tensor

from ._building_garden import Garden, garden, meadow, meet_balls, noise, sky
from ._building_looks import SURFACES
from ._building_tracing import Baked

FIELD = radians(32)  # of view
TURN = radians(40)  # of a building whose factor `turn` is 1
RAYS_AT_ONCE = 2**16
GLASS = SURFACES.index("glass")


def paint(building, scene: dict, size: int, angle: float, height: float, device: torch.device) -> Tensor:
    """One picture (3, size, size) of a building, from four rays for each pixel."""
    turn = TURN * scene["turn"]
    surroundings = garden(building, scene["light"], scene["garden"], turn, device)
    origin, rays = camera(building, radians(angle) - turn, radians(height), 2 * size, device)
    baked = Baked(building, device)
    close = 0.4 * tan(FIELD / 2) / size  # of a ray's own pixel
    colours = torch.cat(
        [shade(baked, surroundings, origin, part, close) for part in rays.split(RAYS_AT_ONCE)]
    )
    x = colours.view(2 * size, 2 * size, 3).permute(2, 0, 1)
    return F.avg_pool2d(x[None], 2)[0].clamp(0, 1)


def camera(building, azimuth: float, elevation: float, size: int, device) -> tuple[Tensor, Tensor]:
    """Where the camera is, (3,), and its rays (size², 3), rows from above: so far away that the building fits."""
    back = torch.tensor(
        (sin(azimuth) * cos(elevation), sin(elevation), cos(azimuth) * cos(elevation)), device=device
    )
    right = torch.tensor((cos(azimuth), 0.0, -sin(azimuth)), device=device)
    up = torch.linalg.cross(back, right)
    low, high = building.corners
    corners = torch.cartesian_prod(
        *(torch.tensor(pair, device=device) for pair in zip(low, high, strict=True))
    )
    target = torch.tensor((0.0, 0.47 * high[1], 0.0), device=device)
    across, above, ahead = ((corners - target) @ axis for axis in (right, up, back))
    half = tan(FIELD / 2)
    distance = (torch.maximum(across.abs(), above.abs()) / (0.82 * half) + ahead).max()
    origin = target + distance * back
    origin[1] = origin[1].clamp(min=0.8)
    steps = half * (2 * (torch.arange(size, device=device) + 0.5) / size - 1)
    rays = steps[None, :, None] * right - steps[:, None, None] * up - back
    return origin, F.normalize(rays.view(-1, 3), dim=-1)


def shade(baked: Baked, g: Garden, origin: Tensor, rays: Tensor, close: float) -> Tensor:
    """The colours (n, 3) that rays (n, 3) from one origin see; `close` as in Baked.trace."""
    colour = sky(g, rays)
    depth = baked.trace(origin, rays, close)
    ground = torch.where(rays[:, 1] < -1e-4, -origin[1] / rays[:, 1].clamp(max=-1e-4), float("inf"))
    ball, which = meet_balls(g.balls, origin, rays)
    nearest = torch.minimum(torch.minimum(depth, ground), ball)
    for kind, first in ((0, depth), (1, ground), (2, ball)):
        chosen = ((first == nearest) & nearest.isfinite()).nonzero()[:, 0]
        if not len(chosen):
            continue
        ray = rays[chosen]
        p = origin + first[chosen, None] * ray
        if kind == 0:
            lit = _building(baked, g, p, ray)
        elif kind == 1:
            normal = torch.zeros_like(p)
            normal[:, 1] = 1
            lit = _lit(baked, g, meadow(g, p), p, normal, baked.openness(p, normal))
        else:
            x, y, z, r = g.balls[which[chosen]].unbind(1)
            normal = (p - torch.stack([x, y, z], dim=1)) / r[:, None]
            rough = 0.35 * torch.stack(
                [noise(9 * p[:, k] + k, 8 * p[:, 1 - k] + 7 * p[:, 2]) for k in (0, 1, 0)], 1
            )
            leaves = (
                g.colours[which[chosen]] * (1 + 0.15 * noise(7 * p[:, 0], 7 * p[:, 1] + 5 * p[:, 2]))[:, None]
            )
            lit = _lit(
                baked,
                g,
                leaves,
                p,
                F.normalize(normal + rough, dim=1),
                0.55 + 0.45 * (p[:, 1] / 2).clamp(0, 1),
            )
        air = 1 - torch.exp(-((nearest[chosen] - 45).clamp(min=0)) / 130)
        haze = 0.6 * g.horizon + 0.4 * g.skylight
        colour[chosen] = lit + (haze - lit) * (0.75 * air)[:, None]
    return colour


def _building(baked: Baked, g: Garden, p: Tensor, rays: Tensor) -> Tensor:
    building = baked.building
    normal = baked.normals(p)
    surface, colour = building.look(p)
    lit = _lit(baked, g, colour, p, normal, baked.openness(p, normal))
    glass = (surface == GLASS).nonzero()[:, 0]
    if len(glass):  # it mirrors the sky, and in the evening there is light behind it
        ray, n = rays[glass], normal[glass]
        mirrored = ray - 2 * (ray * n).sum(1, keepdim=True) * n
        reflection = sky(g, mirrored)
        lit[glass] = 0.55 * lit[glass] + 0.38 * reflection
        if g.sun[1] < 0.45:
            lamp = torch.tensor((1.0, 0.80, 0.42), device=p.device)
            lit[glass] = lit[glass] + (lamp - lit[glass]) * 0.7
    return lit


def _lit(baked: Baked, g: Garden, colour: Tensor, p: Tensor, normal: Tensor, open_: Tensor) -> Tensor:
    facing = (normal @ g.sun).clamp(min=0)
    sunlit = torch.zeros_like(facing)
    bright = (facing > 0).nonzero()[:, 0]
    if len(bright):
        start = p[bright] + 0.03 * normal[bright]
        light = baked.sunlit(start, g.sun)
        crowns, _ = meet_balls(g.balls, start, g.sun.expand_as(start))
        sunlit[bright] = light * torch.where(crowns.isfinite(), 0.12, 1.0)
    sky_part = open_ * (0.72 + 0.28 * normal[:, 1])
    bounce = 0.14 * open_ * (0.5 - 0.5 * normal[:, 1])
    meadow_green = torch.tensor((0.8, 0.9, 0.5), device=p.device)
    light = (
        g.sunlight * (0.78 * facing * sunlit)[:, None]
        + g.skylight * sky_part[:, None]
        + meadow_green * bounce[:, None]
    )
    return colour * light
