"""What is around a building in a picture: sky and hills, meadow and path, trees and bushes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Per time of day: the sky above, at the horizon; the sun's and the sky's light; where the sun is, in degrees.
LIGHTS = (
    ((0.45, 0.66, 0.90), (0.98, 0.90, 0.80), (1.10, 0.95, 0.78), (0.46, 0.52, 0.64), (-38, 32)),
    ((0.30, 0.56, 0.88), (0.84, 0.93, 0.98), (1.06, 1.00, 0.90), (0.46, 0.53, 0.62), (32, 48)),
    ((0.42, 0.46, 0.74), (1.00, 0.78, 0.58), (1.22, 0.90, 0.62), (0.54, 0.54, 0.66), (42, 24)),
)
GRASS, DRY_GRASS, PATH = (0.46, 0.66, 0.28), (0.66, 0.72, 0.34), (0.86, 0.76, 0.60)
FLOWERS = ((0.98, 0.96, 0.90), (0.98, 0.82, 0.28), (0.92, 0.42, 0.46), (0.70, 0.52, 0.86))
LEAVES = ((0.30, 0.52, 0.22), (0.44, 0.62, 0.26), (0.22, 0.44, 0.28), (0.62, 0.66, 0.26), (0.84, 0.52, 0.24))
BLOSSOMS = ((0.94, 0.66, 0.72), (0.96, 0.88, 0.84))
TRUNK = (0.42, 0.30, 0.22)


@dataclass(frozen=True)
class Garden:
    """Balls (k, 4): x, y, z, radius, with colours (k, 3); and everything that meadow and sky need."""

    balls: Tensor
    colours: Tensor
    seed: float
    entrance: tuple[float, float]
    zenith: Tensor
    horizon: Tensor
    sunlight: Tensor
    skylight: Tensor
    sun: Tensor  # a unit vector towards it


def garden(building, light: int, seed: float, turn: float, device: torch.device) -> Garden:
    """The surroundings of a building: `seed` in [0, 1] chooses trees, hills and clouds; `turn` in radians."""
    rng = torch.Generator().manual_seed(int(seed * 1e6))

    def draw(low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * torch.rand((), generator=rng).item()

    (ax, _, az), (bx, _, bz) = building.corners
    balls, colours = [], []

    def tree(x: float, z: float, size: float) -> None:
        tall = draw() < 0.3  # a poplar
        kinds = LEAVES[:4] if tall else (*LEAVES, *BLOSSOMS)
        leaf = torch.tensor(kinds[int(draw(0, len(kinds) - 1e-3))])
        for k in range(4):  # a trunk of balls
            balls.append((x, 0.2 * size * k, z, (0.16 - 0.015 * k) * size))
            colours.append(torch.tensor(TRUNK))
        for k in range(8):
            if tall:  # smaller and smaller balls
                balls.append((x, size * (0.75 + 0.3 * k), z, size * (0.5 - 0.052 * k)))
            else:
                dx, dy, dz = draw(-0.5, 0.5), draw(0.9, 1.6), draw(-0.5, 0.5)
                balls.append((x + size * dx, size * dy, z + size * dz, size * draw(0.45, 0.7)))
            colours.append(leaf * draw(0.88, 1.1))

    for k in range(6):  # behind the building and beside it
        side = -1 if k % 2 else 1
        if draw() < 0.8:
            x = side * (max(-ax, bx) + draw(1.5, 6.0)) if k < 4 else draw(ax, bx)
            z = draw(az - 3, az + 2) if k < 4 else az - draw(2.5, 5.0)
            tree(x, z, draw(1.1, 2.3))
    for side, edge in ((-1, ax), (1, bx)):  # bushes at the corners
        for k in range(int(draw(0, 3.999))):
            r = draw(0.35, 0.7)
            x = edge + side * (0.7 + 0.9 * k)
            balls.append((x, 0.5 * r, building.entrance[1] + draw(-0.6, 0.4), r))
            colours.append(torch.tensor(LEAVES[int(draw(0, 2.999))]))
    zenith, horizon, sunlight, skylight, (azimuth, elevation) = LIGHTS[light]
    a, e = torch.deg2rad(torch.tensor([float(azimuth), float(elevation)])).tolist()
    a -= turn
    sun = torch.tensor([torch.sin(torch.tensor(a)), 0, torch.cos(torch.tensor(a))]) * torch.cos(
        torch.tensor(e)
    )
    sun[1] = torch.sin(torch.tensor(e))
    return Garden(
        torch.tensor(balls, device=device).view(-1, 4),
        torch.stack(colours).to(device) if colours else torch.zeros(0, 3, device=device),
        seed,
        building.entrance,
        *(torch.tensor(c, device=device) for c in (zenith, horizon, sunlight, skylight)),
        sun.to(device),
    )


def meet_balls(balls: Tensor, origin: Tensor, rays: Tensor) -> tuple[Tensor, Tensor]:
    """Depth (n,) at which rays (n, 3) from (3,) or (n, 3) first meet a ball, infinite where none; and which one."""
    if not len(balls):
        return torch.full_like(rays[:, 0], float("inf")), torch.zeros_like(rays[:, 0], dtype=torch.int64)
    middles, radii = balls[:, :3], balls[:, 3]
    # From the middle of each ball to the origin: along the ray, and squared; (n, k).
    along = (origin * rays).sum(-1, keepdim=True) - rays @ middles.T
    squared = (origin.square().sum(-1, keepdim=True) - 2 * origin @ middles.T) + middles.square().sum(1)
    root = along.square() - squared + radii.square()
    t = -along - root.clamp(min=0).sqrt()
    return torch.where((root > 0) & (t > 1e-3), t, float("inf")).min(1)


def noise(x: Tensor, y: Tensor) -> Tensor:
    """Smooth and irregular, about -1 to 1, over the plane."""
    return (
        torch.sin(1.7 * x + 1.3 * torch.sin(1.1 * y + 0.7))
        + torch.sin(2.3 * y + 1.7 * torch.sin(1.6 * x + 2.1))
        + 0.6 * torch.sin(4.1 * x + 3.7 * y + 2 * torch.sin(2.9 * x - 1.3 * y))
    ) / 2.6


def sky(g: Garden, rays: Tensor) -> Tensor:
    """The colour (n, 3) of the sky, its clouds and the hills, towards rays (n, 3)."""
    up = rays[:, 1].clamp(min=0)
    colour = g.horizon + (g.zenith - g.horizon) * (1 - torch.exp(-4.5 * up))[:, None]
    # Clouds hang on a plane high above.
    far = 1 / (up + 0.12)
    u, v = rays[:, 0] * far + 40 * g.seed, rays[:, 2] * far
    cover = noise(0.9 * u, 1.1 * v) + 0.45 * noise(2.6 * u + 3, 2.9 * v) + 0.2 * noise(6.1 * u, 6.7 * v + 5)
    cloud = torch.sigmoid(7 * (cover - 0.35)) * (up * 9).clamp(max=1)
    white = 0.55 + 0.45 * g.sunlight / g.sunlight.max()
    colour = colour + (white - colour) * (0.8 * cloud)[:, None]
    glow = (rays @ g.sun).clamp(min=0)
    colour = colour + g.sunlight * (0.22 * glow**8 + 0.5 * glow**200)[:, None]
    angle = torch.atan2(rays[:, 0], rays[:, 2])
    for k, (height, blue) in enumerate(((0.075, 0.62), (0.045, 0.36))):
        # Waves that close around the horizon.
        waves = sum(torch.sin(n * angle + 31 * g.seed * (n + k)) / n**0.6 for n in (3, 5, 11 + 4 * k, 23))
        line = height * (1 + 0.3 * waves)
        green = torch.tensor((0.30, 0.46, 0.30), device=rays.device) * (g.skylight + 0.5 * g.sunlight)
        hill = green + (0.55 * g.horizon + 0.45 * g.zenith - green) * blue
        colour = torch.where((rays[:, 1] < line)[:, None], hill, colour)
    return colour.clamp(max=1)


def meadow(g: Garden, points: Tensor) -> Tensor:
    """The colour (n, 3) of the ground at points (n, 3): grass with flowers, and a path to the door."""
    x, z = points[:, 0], points[:, 2]

    def mix(a: Tensor, b: tuple, t: Tensor) -> Tensor:
        return a + (torch.tensor(b, device=a.device) - a) * t[:, None]

    colour = torch.tensor(GRASS, device=points.device).expand_as(points)
    colour = mix(colour, DRY_GRASS, (0.5 + 0.5 * noise(0.35 * x + 11 * g.seed, 0.35 * z)).clamp(0, 1))
    colour = colour * (1 + 0.06 * noise(2.9 * x, 3.1 * z))[:, None]
    cell_x, cell_z = (x / 0.8).floor(), (z / 0.8).floor()
    random = [
        (torch.sin(cell_x * a + cell_z * b) * 9973.7).remainder(1) for a, b in ((12.9, 78.2), (39.3, 11.1))
    ]
    middle = [
        (axis / 0.8 - cell) - 0.25 - 0.5 * u
        for axis, cell, u in zip((x, z), (cell_x, cell_z), random, strict=True)
    ]
    petal = (torch.hypot(*middle) < 0.11).float() * (noise(0.5 * x, 0.5 * z + 7 * g.seed) > 0.05)
    for k, flower in enumerate(FLOWERS):
        colour = mix(colour, flower, petal * ((random[0] * len(FLOWERS)).floor() == k))
    door, front = g.entrance
    bend = 0.5 * torch.sin(0.45 * (z - front)) * ((z - front) / 6).clamp(0, 1)
    strip = ((0.85 - (x - door - bend).abs()) * 9).clamp(0, 1) * (z > front - 0.5)
    slab = 1 + 0.08 * noise(3.1 * x, 2.3 * z)
    path = torch.tensor(PATH, device=points.device) * slab[:, None]
    return (colour + (path - colour) * strip[:, None]).clamp(0, 1)
