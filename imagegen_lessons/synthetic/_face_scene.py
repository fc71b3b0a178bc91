"""What is around a drawn face: background, shoulders, clothes. Each function paints one thing."""

from __future__ import annotations

import torch
from torch import Tensor

from ._face_looks import Sitter
from ._shapes import Canvas, arch, circle, ellipse, length, rounded_box


def background(canvas: Canvas, p: Sitter) -> None:
    """Two soft colours from top to bottom, lighter on the side of the light."""
    t = (canvas.y * 0.5 + 0.5 + 0.15 * canvas.x).clamp(0, 1)
    torch.lerp(p.backdrop, p.backdrop_two, t.unsqueeze(1), out=canvas.image)
    canvas.image += (0.10 * p.light * p.light_x * canvas.x + 0.02).unsqueeze(1)


def disc(canvas: Canvas, p: Sitter) -> None:
    """A pale disc behind the head."""
    canvas.paint(canvas.cover(circle(canvas.x, canvas.y + 0.05, 0.84)), p.backdrop * 0.45 + 0.55)


def hills(canvas: Canvas, p: Sitter) -> None:
    """Two rows of hills."""
    x, phase = canvas.x, 6.28 * p.background
    canvas.paint(canvas.cover(0.15 + 0.12 * torch.sin(3 * x + 2 * phase) - canvas.y), p.backdrop_two * 0.92)
    canvas.paint(canvas.cover(0.42 + 0.12 * torch.sin(4 * x - phase) - canvas.y), p.backdrop_two * 0.78)


def rays(canvas: Canvas, p: Sitter) -> None:
    """Rays of light from behind the head."""
    x, y = canvas.x, canvas.y - 0.1
    wave = torch.sin(torch.atan2(x, -y) * 9 + 1.6 * p.background)
    canvas.paint(canvas.cover(wave * length(x, y) / 9) * 0.45, p.backdrop * 0.4 + 0.6)


def dots(canvas: Canvas, p: Sitter) -> None:
    """A pattern of dots."""
    x, y = canvas.x + 0.2 * p.background, canvas.y
    u, v = torch.sin((x + y) * 7.5), torch.sin((x - y) * 7.5)
    canvas.paint(canvas.cover((0.5 - u * u - v * v) / 12) * 0.5, p.backdrop * 0.4 + 0.6)


def _shoulders(canvas: Canvas) -> Tensor:
    return arch(canvas.x, canvas.y, 0.80, 0.66, 0.36)


def body(canvas: Canvas, p: Sitter) -> None:
    """Shoulders in a plain top."""
    light = 1 + 0.35 * p.light * p.light_x * canvas.x - 0.25 * (canvas.y - 0.7)
    canvas.paint(canvas.cover(_shoulders(canvas)), p.cloth * light.unsqueeze(1))


def stripes(canvas: Canvas, p: Sitter) -> None:
    """Stripes across the top."""
    x, y = canvas.x, canvas.y
    wave = torch.sin((y + 0.08 * x * x) * 38) / 38
    canvas.paint(canvas.cover(wave) * canvas.cover(_shoulders(canvas)), p.trim)


def dungarees(canvas: Canvas, p: Sitter) -> None:
    """Two straps and a bib over the top."""
    x, y = canvas.x.abs(), canvas.y
    strap = torch.maximum((x - 0.38 + 0.1 * (0.9 - y)).abs() - 0.075, 0.66 - y)
    bib = torch.maximum(x - 0.42, 0.92 - y)
    canvas.paint(canvas.cover(torch.minimum(strap, bib)), p.trim)
    canvas.paint(canvas.cover(circle(x - 0.37, y - 0.93, 0.03)), p.gold)


def neck(canvas: Canvas, p: Sitter) -> None:
    """Neck and neckline, with the shadow of the chin."""
    x, y = canvas.x, canvas.y
    neckline = ellipse(x, y - 0.66, 0.25, 0.12)
    shape = torch.minimum(rounded_box(x, y - 0.40, 0.19 + 0.03 * p.head_width, 0.32, 0.05), neckline)
    band = torch.maximum(neckline - 0.04, 0.66 - y)
    canvas.paint(canvas.cover(band), p.cloth * 0.70)
    shadow = (1.25 - ((y - 0.58) / 0.16).clamp(0, 1) - 0.8 * p.light_x * x).clamp(0, 1)
    canvas.paint(canvas.cover(shape), p.skin.lerp(p.skin_dark, shadow.unsqueeze(1)))


def shirt(canvas: Canvas, p: Sitter) -> None:
    """The collar and the buttons of a shirt."""
    x, y = canvas.x.abs(), canvas.y
    # Each leaf lies between the neck, the edge that runs to its tip, and its lower edge.
    leaf = torch.maximum(0.24 - x - 0.62 * (y - 0.60), torch.maximum(x - 0.31 + 0.1 * (y - 0.6), 0.60 - y))
    leaf = torch.maximum(leaf, y - 0.95 + 0.60 * x)
    canvas.paint(canvas.cover(leaf - 0.012), p.cloth * 0.75)
    canvas.paint(canvas.cover(leaf), p.cloth * 0.55 + 0.45)
    canvas.paint(canvas.cover(circle(x, y - 0.93, 0.024)), p.cloth * 0.4 + 0.6)


def hoodie(canvas: Canvas, p: Sitter) -> None:
    """A hood around the neck, and its cords."""
    x, y = canvas.x, canvas.y
    ring = ellipse(x, y - 0.66, 0.33, 0.17).abs() - 0.06
    canvas.paint(canvas.cover(torch.maximum(ring, 0.58 - y)), p.cloth * 0.82)
    canvas.paint(canvas.cover(rounded_box(x.abs() - 0.14, y - 0.93, 0.014, 0.10, 0.014)), p.trim * 0.4 + 0.6)


def light(canvas: Canvas, p: Sitter) -> None:
    """Warm or cool light over everything."""
    canvas.image *= p.warmth
