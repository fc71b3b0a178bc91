"""The sky of a landscape and its weather, from colours and stars to mist and rain. Each function paints one thing."""

from __future__ import annotations

import torch

from ._landscape_looks import Scene
from ._landscape_noise import noise, numbers, step
from ._shapes import Canvas, circle, length

STARS = 9  # cells from the middle to the edge, with a star in each


def heavens(canvas: Canvas, p: Scene) -> None:
    """Three colours from the horizon up, and the glow around sun or moon."""
    up = ((p.ground - canvas.y) / (p.ground + 1)).clamp(0, 1).unsqueeze(1)
    lower = p.skyline.lerp(p.middle, step(0, 0.5, up))
    canvas.image[:] = lower.lerp(p.zenith, step(0.35, 1.1, up))
    distance = length(canvas.x - p.sun_px, canvas.y - p.sun_y)
    strength = (0.55 - 0.15 * p.is_day - 0.25 * p.is_night * (1.4 - p.moon)) * (1 - 0.8 * p.rain)
    canvas.paint(strength * (-2.6 * distance).exp(), p.sun)


def stars(canvas: Canvas, p: Scene) -> None:
    """A star in each cell of a grid, most of them faint, fewer towards the horizon."""
    u, v = STARS * (canvas.x + 2 * p.clouds), STARS * canvas.y
    cell = u.floor() * 31 + v.floor() * 57 + 4096
    x, y = u - u.floor() - 0.1 - 0.8 * numbers(cell, 0), v - v.floor() - 0.1 - 0.8 * numbers(cell, 1)
    radius = STARS * max(0.006, 0.6 * canvas.pixel)
    brightness = (
        numbers(cell, 2) ** 4 * step(0.0, 0.5, p.ground - canvas.y) * (1 - p.rain) * (1 - 0.7 * p.mist)
    )
    canvas.paint((1.3 - length(x, y) / radius).clamp(0, 1) * brightness, p.white)


def sun(canvas: Canvas, p: Scene) -> None:
    """The disc of the sun."""
    disc = canvas.cover(circle(canvas.x - p.sun_px, canvas.y - p.sun_y, 0.085 + 0.045 * (1 - p.is_day)))
    canvas.paint(disc * (1 - p.rain) * (1 - 0.5 * p.mist), p.sun * 0.75 + 0.25)


def moon(canvas: Canvas, p: Scene) -> None:
    """The moon, and the shadow that makes it a crescent."""
    x, y, radius = canvas.x - p.sun_px, canvas.y - p.sun_y, 0.105
    disc = canvas.cover(circle(x, y, radius))
    shadow = circle(x + (0.30 + 1.9 * p.moon) * radius, y + 0.25 * radius, radius)
    seas = 1 - 0.16 * step(0.5, 0.8, noise(9 * x + 3, 9 * y + 5))
    clear = (1 - 0.9 * p.rain) * (1 - 0.5 * p.mist)
    canvas.paint(0.10 * disc * clear, p.sun)
    canvas.paint(disc * (1 - canvas.cover(shadow)) * clear, p.sun * seas.unsqueeze(1))


def clouds(canvas: Canvas, p: Scene) -> None:
    """Clouds that grow smaller towards the horizon, lit from the side of the sun."""
    height = p.ground - canvas.y
    near = 1 / (height.clamp(min=0) + 0.35)
    u, v = 0.85 * canvas.x * near + 12 * p.clouds, 2.2 * near + 5 * p.clouds
    density = noise(u, v)
    thick = step(1 - p.cover, 1.35 - p.cover, density) * step(0.0, 0.25, height)
    towards = torch.tanh(3 * (p.sun_px - canvas.x)) * 0.12
    lit = (0.45 + 2.0 * (density - noise(u + towards, v + 0.16)) - 0.25 * thick).clamp(0, 1)
    day = (1 - 0.72 * p.is_night).unsqueeze(1)
    bright = p.sun.lerp(p.skyline, 0.25) * day + p.middle * 0.5 * (1 - day)
    dark = (p.middle * 0.80 + p.zenith * 0.12) * (1 - 0.25 * p.rain.unsqueeze(1))
    bright = bright.lerp(dark * 1.25, 0.75 * p.rain.unsqueeze(1))
    canvas.paint(0.92 * thick, dark.lerp(bright, lit.unsqueeze(1)).clamp(0, 1))


def mist(canvas: Canvas, p: Scene) -> None:
    """A bank of mist that lies over the land."""
    bank = torch.exp(-(((canvas.y - p.ground - 0.12) / 0.22) ** 2)) * noise(
        1.2 * canvas.x + 8 * p.clouds, 2 * canvas.y
    )
    canvas.paint(0.75 * p.mist * bank, p.skyline)


def rain(canvas: Canvas, p: Scene) -> None:
    """Slanting streaks of rain, or flakes of snow in winter."""
    streaks = step(0.66, 0.95, noise(50 * (canvas.x + 0.18 * canvas.y) + 9 * p.clouds, 2.5 * canvas.y))
    flakes = torch.zeros_like(streaks)
    for column, cells in ((0, 7), (3, 11)):  # near and far ones
        v = cells * (canvas.y + 2)
        u = cells * (canvas.x + 4) + 8 * p.clouds + numbers(v.floor() * 7, 7)  # rows are not in line
        cell = u.floor() * 31 + v.floor() * 57
        x, y = (
            u - u.floor() - 0.2 - 0.6 * numbers(cell, column),
            v - v.floor() - 0.2 - 0.6 * numbers(cell, column + 1),
        )
        radius = 0.05 + 0.13 * numbers(cell, column + 2) ** 2
        flakes = torch.maximum(flakes, (1.4 - (x * x + y * y).sqrt() / radius).clamp(0, 1))
    strength = torch.where(p.is_winter > 0, 0.8 * flakes, 0.16 * streaks)
    canvas.paint(strength, p.white.lerp(p.skyline, 0.3))
