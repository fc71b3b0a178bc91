"""The land of a landscape: hills, mountains, dunes, grass. Each function paints one thing."""

from __future__ import annotations

import torch
from torch import Tensor

from ._landscape_looks import Scene
from ._landscape_noise import noise, step
from ._shapes import Canvas


def ridge(canvas: Canvas, p: Scene, base, high, wide: float, number: int, pointed: float = 0.0) -> Tensor:
    """The line of a row of hills, (n, 1, w): `base` at its foot, up to `high` above, `wide` hills in the picture.

    pointed: 0 for rounded summits to 1 for sharp ones, which are where the noise passes through its middle.
    """
    u = wide * canvas.x + (5 + number) * p.ridge
    large = noise(u, torch.full_like(u, 2.0 * number))
    large = torch.lerp(large, 1 - (2 * large - 1).abs(), pointed)
    small = noise(3.1 * u, torch.full_like(u, 2.0 * number + 1)) - 0.5
    return base - high * (large + (0.06 + 0.22 * p.roughness) * small)


def hills(
    canvas: Canvas, p: Scene, colour: Tensor, base, high, wide: float, number: int, distance: float
) -> None:
    """A row of rounded hills, lit from one side, fading with the distance."""
    line = ridge(canvas, p, base, high, wide, number)
    depth = canvas.y - line
    texture = noise(6 * canvas.x + 4 * p.ridge, 9 * canvas.y)
    light = 0.25 + 0.5 * texture + 0.25 * p.side * canvas.x - 0.3 * depth
    canvas.paint(canvas.cover(-depth), p.faded(p.lit(colour, light.clamp(0, 1)), distance))


def mountains(canvas: Canvas, p: Scene) -> None:
    """Three chains, each nearer and with more to be seen: faces in sun and shade, rock and snow."""
    tall = 0.45 + 0.55 * p.height
    for number, (wide, base, high, distance) in enumerate(
        ((1.7, 0.02, 0.62, 1.1), (1.25, 0.10, 0.80, 0.55), (1.6, 0.24, 0.50, 0.2))
    ):
        high = high * tall
        line = ridge(canvas, p, p.ground + base, high, wide, number, pointed=0.75)
        depth = (canvas.y - line).clamp(min=0)
        # Ribs and gullies run down from the summits, away from the sun: which way they face is sun or shade.
        u = wide * canvas.x + (5 + number) * p.ridge - 0.5 * depth * p.side
        v = 1.6 * depth + 3 * number
        rock_face = noise(1.8 * u, v)
        slope = noise(1.8 * u - 0.12, v) - noise(1.8 * u + 0.12, v)
        fine = noise(6 * u, 4 * v) - 0.5
        light = step(-0.13, 0.13, slope * p.side + 0.20 * fine + 0.02)
        rock = p.lit(p.rock * (0.85 + 0.3 * rock_face).unsqueeze(1), 0.05 + 0.95 * light)
        green = p.lit(p.grass.lerp(p.fir, 0.45), 0.15 + 0.6 * light)
        snow = p.lit(p.white * 1.14, 0.05 + 0.95 * light)
        high_up = (p.ground + base - canvas.y) / high  # 1 at the highest summits
        grown = step(0.50, 0.20, high_up + 0.5 * fine)
        colour = rock.lerp(green, grown.unsqueeze(1))
        snowy = step(-0.05, 0.05, high_up + 0.30 * (rock_face - 0.5) + 0.35 * fine - (1.0 - p.snowline))
        colour = colour.lerp(snow, snowy.unsqueeze(1))
        canvas.paint(canvas.cover(line - canvas.y), p.faded(colour.clamp(0, 1), distance))


def dunes(canvas: Canvas, p: Scene) -> None:
    """Four rows of dunes with sharp crests: one side in the sun, the other in the shade."""
    sand = p.sand.lerp(p.grass, 0.14 + 0.3 * p.is_winter.unsqueeze(1))
    for number, (wide, base, high, distance) in enumerate(
        ((2.6, 0.02, 0.10, 0.9), (1.9, 0.14, 0.22, 0.5), (1.35, 0.36, 0.34, 0.2), (0.8, 0.66, 0.40, 0.0))
    ):
        u = wide * canvas.x + (7 + 3 * number) * p.ridge + 1.3 * number
        bend = 0.35 * torch.sin(0.7 * u + number)
        crest = 1 - torch.sin(u + bend).abs() ** (1.15 - 0.4 * p.roughness)
        line = p.ground + base - high * (0.5 + 0.6 * p.height) * (0.75 * crest + 0.25 * torch.sin(0.43 * u))
        depth = (canvas.y - line).clamp(min=0)
        # The line between the two sides leaves the crest and winds down to the foot.
        wind = u + bend + p.side * depth * (1.6 + 1.2 * torch.sin(4 * depth))
        sunny = step(-0.12, 0.12, torch.sin(2 * wind) * -p.side)
        ripples = noise(3 * canvas.x + 2 * depth, (22 - 4 * number) * canvas.y + 5 * crest) - 0.5
        light = (0.12 + 0.78 * sunny + 0.22 * ripples + 0.10 * (1 - depth)).clamp(0, 1)
        canvas.paint(canvas.cover(line - canvas.y), p.faded(p.lit(sand, light), distance))


def meadow(canvas: Canvas, p: Scene) -> None:
    """Grass in front, with flowers in spring and snow in winter."""
    line = p.ground + 0.30 + 0.05 * torch.sin(1.7 * canvas.x + 6 * p.ridge)
    depth = (canvas.y - line).clamp(min=0)
    far = 1 / (depth + 0.25)
    tufts = 0.4 * noise(2 * canvas.x * far + 3 * p.ridge, 5 * far) + 0.6 * noise(9 * canvas.x * far, 14 * far)
    light = (0.15 + 0.5 * tufts + 0.45 * step(0.6, 0.0, depth)).clamp(0, 1)
    canvas.paint(canvas.cover(line - canvas.y), p.faded(p.lit(p.grass, light), 0.08))
    blooming = (
        (p.season == 0).float()
        * step(0.80, 0.88, noise(16 * canvas.x * far, 26 * far))
        * step(0.02, 0.2, depth)
    )
    canvas.paint(blooming * 0.9, p.lit(p.more_leaves, 0.9))
