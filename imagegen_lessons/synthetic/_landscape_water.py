"""Water in a landscape: the sea with its beach and a boat, a lake. Each function paints one thing."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ._landscape_ground import hills
from ._landscape_looks import Scene
from ._landscape_noise import noise, step
from ._shapes import Canvas, ellipse

SHORE = 0.30  # how far below the horizon a lake begins


def sea(canvas: Canvas, p: Scene) -> None:
    """A coast in the distance, water that shows the sky and the path of the sun, and a beach."""
    hills(
        canvas,
        p,
        p.rock.lerp(p.grass, 0.5),
        p.ground + 0.03,
        0.36 * (p.height - 0.15).clamp(min=0.05),
        0.8,
        7,
        0.75,
    )
    depth = (canvas.y - p.ground).clamp(min=0)
    far = 1 / (depth + 0.09)
    swell = noise(0.55 * canvas.x * far + 4 * p.ridge, 2.3 * far)
    blue = p.zenith.lerp(p.middle, 0.35) * torch.tensor((0.75, 1.02, 1.0), device=depth.device).view(
        1, 3, 1, 1
    )
    water = p.skyline.lerp(p.middle, 0.5).lerp(blue, step(0.0, 0.75, depth).unsqueeze(1))
    rough = (0.20 + 0.35 * p.roughness) * step(0, 0.3, depth)
    water = water * (1 + rough * (swell - 0.55)).unsqueeze(1)
    path = torch.exp(-(((canvas.x - p.sun_px) / (0.07 + 0.34 * depth)) ** 2)) * step(0.42, 0.72, swell)
    path = path * (0.85 - 0.35 * p.is_day) * (1 - 0.9 * p.rain) * (1 - 0.6 * p.mist)
    crests = step(0.80, 0.92, swell) * step(0.05, 0.4, depth) * 0.35 * p.roughness
    water = water.lerp(p.sun, path.unsqueeze(1)).lerp(p.lit(p.white, 0.8), crests.unsqueeze(1))
    canvas.paint(canvas.cover(p.ground - canvas.y), water.clamp(0, 1))
    slope = -p.side * (0.25 + 0.5 * p.height)
    line = 0.78 + slope * canvas.x + 0.05 * torch.sin(3 * canvas.x + 6 * p.ridge)
    depth = canvas.y - line
    canvas.paint(0.8 * canvas.cover(depth.abs() - 0.022), p.lit(p.white, 0.9).clamp(0, 1))
    grains = noise(14 * canvas.x, 22 * canvas.y)
    beach = p.sand.lerp(p.white, 0.15 + 0.5 * p.is_winter.unsqueeze(1))
    light = (0.35 + 0.4 * grains + 0.5 * step(0.0, 0.12, depth) - 0.2).clamp(0, 1)
    canvas.paint(canvas.cover(-depth), p.lit(beach, light))


def boat(canvas: Canvas, p: Scene) -> None:
    """A boat with two sails."""
    x, y = canvas.x + 0.35 * p.side, canvas.y - (p.ground + 0.13)
    hull = torch.maximum(ellipse(x, y, 0.13, 0.055), -y)
    main = torch.maximum(torch.maximum(-(x - 0.006), (x - 0.006) * 2.6 + (-y - 0.32)), y + 0.02)
    jib = torch.maximum(torch.maximum(x + 0.006, -(x + 0.006) * 3.0 + (-y - 0.27)), y + 0.02)
    canvas.paint(canvas.cover(hull), p.lit(p.more_leaves * 0.7, 0.5))
    canvas.paint(canvas.cover(main), p.lit(p.white, 0.95).clamp(0, 1))
    canvas.paint(canvas.cover(jib), p.lit(p.white * 0.92, 0.6).clamp(0, 1))


def lake(canvas: Canvas, p: Scene) -> None:
    """Still water that mirrors everything above its shore, darker, with ripples."""
    shore = p.ground + SHORE + 0.02
    depth = (canvas.y - shore).clamp(min=0)
    far = 1 / (depth + 0.12)
    ripple = noise(0.8 * canvas.x * far + 3 * p.ridge, 2.6 * far) - 0.5
    y = shore - depth * 1.05 + 0.10 * depth * ripple
    x = canvas.x + 0.05 * ripple * depth
    x, y = torch.broadcast_tensors(x, y)
    mirrored = F.grid_sample(
        canvas.image, torch.stack([x, y], dim=3), padding_mode="reflection", align_corners=False
    )
    tint = p.zenith.lerp(p.middle, 0.4) * 0.9
    water = mirrored.lerp(tint, (0.14 + 0.35 * depth).clamp(0, 0.5).unsqueeze(1)) * (
        1 + 0.16 * ripple
    ).unsqueeze(1)
    canvas.paint(canvas.cover(shore - canvas.y), water.clamp(0, 1))
    gleam = torch.exp(-((depth / 0.012) ** 2)) * (canvas.y > shore).float()
    canvas.paint(0.35 * gleam, p.skyline)
