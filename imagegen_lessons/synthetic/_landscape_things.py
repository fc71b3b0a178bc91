"""What stands or flies in a landscape: trees, towers, a hut, pyramids, birds. Each function paints one thing."""

from __future__ import annotations

import torch

from ._landscape_ground import hills
from ._landscape_looks import Scene
from ._landscape_noise import noise, numbers, step
from ._landscape_water import SHORE
from ._shapes import Canvas


def trees(canvas: Canvas, p: Scene, base, tall, wide: float, number: int, distance: float) -> None:
    """A row of trees on a strip of grass, firs and others: `wide` trees from the middle to the edge."""
    foot = base + 0.04 * torch.sin(2.3 * canvas.x + 5 * p.ridge + number)
    u = wide * canvas.x + (3 + number) * p.ridge + 512
    canvas.paint(canvas.cover(foot - canvas.y), p.faded(p.lit(p.grass.lerp(p.fir, 0.5), 0.3), distance))
    for neighbour in (-1, 1, 0):
        cell = u.floor() + neighbour
        key = cell + 101 * number
        x = u - cell - 0.5 - 0.5 * (numbers(key, 0) - 0.5)  # from the stem, in widths of a cell
        up = (foot + 0.02 - canvas.y) / (
            tall * (0.62 + 0.38 * numbers(key, 1))
        )  # 0 at the foot, 1 at the top
        half = 0.44 + 0.22 * numbers(key, 2)
        saw = 6 * up - (6 * up).floor()
        fir = half * (1 - up) * (1.02 - 0.34 * saw) - x.abs()
        rough = noise(7 * u, 7 * wide * canvas.y) - 0.5
        crown = (
            half * (1 - ((x / half) ** 2 + ((up - 0.60) / 0.42) ** 2).clamp(min=1e-6).sqrt()) + 0.22 * rough
        )
        stem = torch.minimum(0.05 - x.abs(), 0.5 - up)
        is_fir = (numbers(key, 3) < 0.25 + 0.6 * p.roughness).float()
        inside = torch.where(is_fir > 0, fir, torch.maximum(crown, stem))
        inside = torch.minimum(inside, torch.minimum(up, 1.02 - up))
        light = (0.42 + 0.55 * p.side * x / half + 0.7 * rough + 0.25 * (up - 0.5)).clamp(0, 1)
        leaves = p.leaves.lerp(p.more_leaves, step(0.35, 0.65, numbers(key, 4)).unsqueeze(1))
        snow = p.is_winter * step(0.45, 0.75, noise(5 * u, 6 * wide * canvas.y) + 0.3 * x * p.side)
        needles = p.fir.lerp(p.white, snow.unsqueeze(1))
        colour = p.lit(torch.where(is_fir.unsqueeze(1) > 0, needles, leaves), light)
        wood = p.lit(p.rock * 0.6, 0.3)
        colour = torch.where(((stem > crown) & (is_fir == 0)).unsqueeze(1), wood, colour)
        canvas.paint(canvas.cover(-inside / wide), p.faded(colour, distance))


def woods(canvas: Canvas, p: Scene) -> None:
    """Wooded hills in the distance and three rows of trees, with air between them."""
    tall = 0.20 + 0.22 * p.height
    hills(canvas, p, p.leaves.lerp(p.fir, 0.6), p.ground + 0.04, 0.30 * (0.4 + p.height), 1.1, 4, 0.9)
    trees(canvas, p, p.ground + 0.06, 0.7 * tall, 8.5, 1, 0.6)
    trees(canvas, p, p.ground + 0.15, 1.1 * tall, 5.5, 2, 0.32)
    trees(canvas, p, p.ground + 0.29, 1.7 * tall, 3.4, 3, 0.10)


def towers(canvas: Canvas, p: Scene, base, tall, wide: float, number: int, distance: float) -> None:
    """A row of houses and towers with windows, lit in the evening."""
    u = wide * canvas.x + (3 + number) * p.ridge + 512
    cell = u.floor()
    key = cell + 211 * number
    x = u - cell - 0.5
    middle = 1.25 - 0.9 * (canvas.x * 0.8 - 0.3 * p.side) ** 2  # higher towers in the middle of the city
    top = tall * middle * (0.25 + 0.75 * numbers(key, 0) ** (0.6 + 1.2 * p.roughness))
    up = base - canvas.y
    body = torch.minimum(0.36 + 0.12 * numbers(key, 1) - x.abs(), (top - up) * wide)
    narrow = torch.minimum(0.22 - x.abs(), (1.16 * top - up) * wide)
    spire = torch.minimum((1.45 * top - up) * 0.16 / top.clamp(min=0.05) - x.abs(), (up - 0.8 * top) * wide)
    kind = numbers(key, 2)
    inside = torch.maximum(body, torch.where(kind < 0.35, narrow, torch.where(kind > 0.85, spire, body)))
    light = (0.5 + 1.1 * p.side * x).clamp(0, 1)
    tone = 0.55 + 0.5 * numbers(key, 3)
    wall = p.lit((p.rock * 1.25).lerp(p.sand, 0.5 * numbers(key, 4).unsqueeze(1)) * tone.unsqueeze(1), light)
    column, row = 5 * x + 20, 26 * up * wide / 6
    pane = [step(0.30, 0.42, 0.72 - (v - v.floor() - 0.5).abs()) for v in (column, row)]
    glass = pane[0] * pane[1] * canvas.cover(0.10 / wide - body / wide)
    window = numbers(key * 7 + column.floor() * 13 + row.floor() * 29 + 4096, 5)
    dark = 1 - p.is_day
    lamp = (window < 0.08 + 0.34 * p.is_night + 0.20 * dark).float() * dark
    wall = wall.lerp(p.lit(p.middle, 0.6), 0.35 * glass.unsqueeze(1))
    colour = p.faded(wall.clamp(0, 1), distance).lerp(p.lights, (0.92 * glass * lamp).unsqueeze(1))
    canvas.paint(canvas.cover(-inside / wide), colour)


def city(canvas: Canvas, p: Scene) -> None:
    """Hills behind two rows of towers."""
    tall = 0.28 + 0.34 * p.height
    hills(canvas, p, p.grass.lerp(p.fir, 0.5), p.ground + 0.02, 0.22, 0.9, 5, 1.0)
    towers(canvas, p, p.ground + 0.20, 1.15 * tall, 9.0, 1, 0.55)
    towers(canvas, p, p.ground + 0.26, 0.85 * tall, 6.0, 2, 0.22)
    hills(canvas, p, p.leaves.lerp(p.fir, 0.4), p.ground + 0.30, 0.08, 4.0, 6, 0.12)


def cabin(canvas: Canvas, p: Scene) -> None:
    """A hut with a lit window and a thread of smoke."""
    x, y = canvas.x + 0.45 * p.side, canvas.y - (p.ground + SHORE - 0.035)
    wall = torch.maximum(x.abs() - 0.095, y.abs() - 0.06)
    roof = torch.maximum((y + 0.06).abs() - 0.075 + x.abs() * 0.62, y + 0.055)
    wood, tiles = p.rock.lerp(p.sand, 0.5) * 0.75, p.more_leaves.lerp(p.rock, 0.6) * 0.8
    smoke = torch.exp(-(((x - 0.05 - 0.06 * torch.sin(9 * y)) / (0.012 - 0.10 * y.clamp(max=0))) ** 2))
    smoke = smoke * step(-0.45, -0.10, y) * (y < -0.10).float()
    canvas.paint(0.45 * smoke, p.skyline.lerp(p.white, 0.3))
    canvas.paint(canvas.cover(wall), p.lit(wood, 0.35 + 0.4 * (p.side * x * 8).clamp(-1, 1)))
    canvas.paint(canvas.cover(roof), p.lit(tiles.lerp(p.white, p.is_winter.unsqueeze(1)), 0.6))
    window = torch.maximum((x.abs() - 0.045).abs() - 0.02, (y - 0.005).abs() - 0.022)
    canvas.paint(canvas.cover(window), p.lit(p.middle, 0.7).lerp(p.lights, 1 - p.is_day.unsqueeze(1)))


def pyramids(canvas: Canvas, p: Scene) -> None:
    """Two pyramids, one side of each in the sun."""
    for place, high, distance in ((0.15, 0.26, 0.5), (0.55, 0.38, 0.28)):
        x, y = canvas.x + place * p.side, canvas.y - (p.ground + 0.12)
        shape = torch.maximum(-y - high + x.abs() * 1.25, y)
        sunny = step(-0.015, 0.015, (x + 0.22 * (y + high) * p.side) * p.side)
        canvas.paint(canvas.cover(0.6 * shape), p.faded(p.lit(p.sand, 0.1 + 0.85 * sunny), distance))


def birds(canvas: Canvas, p: Scene) -> None:
    """Seven birds on the wing."""
    for k, (right, down) in enumerate(
        ((0, 0), (0.14, 0.07), (-0.13, 0.08), (0.28, 0.12), (-0.25, 0.17), (0.05, 0.19), (0.4, 0.22))
    ):
        x = canvas.x + 0.40 * p.side - right
        y = canvas.y - (p.ground - 0.62) - down
        wing = 0.055 - 0.004 * k
        bent = y + 0.55 * x.abs() - 9 * x * x
        shape = torch.maximum(bent.abs() - 0.009 * (1.2 - x.abs() / wing), x.abs() - wing)
        canvas.paint(canvas.cover(shape), p.lit(p.rock * 0.35, 0.2))
