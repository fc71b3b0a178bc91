"""Phantoms: drawn slices through a body that nobody has, for measuring what an algorithm does to a finding.

factors = phantoms.sample(8, seed=1, lesion="none")
x = phantoms.render(factors, size=96)          # (8, 1, 96, 96)
"""

from __future__ import annotations

import torch
from torch import Tensor

from . import _factors
from ._chunks import draw_in_chunks
from ._factors import Factor

VESSELS = 4
FACTORS: dict[str, Factor] = {
    "body_width": Factor("anatomy", "slim to broad body"),
    "body_height": Factor("anatomy", "flat to deep body"),
    "fat": Factor("anatomy", "thin to thick rim below the skin"),
    "liver_width": Factor("anatomy", "narrow to wide liver, on the left of the picture"),
    "liver_height": Factor("anatomy", "flat to deep liver"),
    "spleen": Factor("anatomy", "small to large spleen, on the right of the picture"),
    "spine": Factor("anatomy", "small to large vertebra"),
    "vessels": Factor("anatomy", "which course the vessels in the liver take"),
    "tilt": Factor("scene", "leaning to the left or to the right", low=-1),
    "brightness": Factor("scene", "dark to bright tissue"),
    "lesion": Factor("finding", "whether there is a round, bright spot in the liver", names=("none", "one")),
    "lesion_x": Factor("finding", "its place in the liver, left to right", low=-1),
    "lesion_y": Factor("finding", "its place in the liver, top to bottom", low=-1),
    "lesion_radius": Factor("finding", "its radius, in hundredths of the picture's side", low=1, high=10),
    "lesion_contrast": Factor("finding", "faint to clear"),
}


def sample(n: int, seed: int = 0, **fixed) -> dict[str, Tensor]:
    """Draw the factors of n phantoms, every factor independently and uniformly.

    fixed: a factor set to one value (a number or a name) for all, or to a tensor of n values.
    Returns a dict from factor name to a tensor (n,), float32 or int64, on the CPU. The same seed gives the same
    phantoms everywhere, and fixing a factor leaves the others alone: so the same body with and without a lesion.
    Raises ValueError for an unknown factor, a value out of range, or a tensor that has not n values.
    """
    return _factors.sample(FACTORS, n, seed, fixed)


def render(factors: dict[str, Tensor], size: int = 96, device=None) -> Tensor:
    """Draw phantoms from their factors: grey (n, 1, size, size), float32 in [0, 1], on `device` (the CPU by default).

    size: 16 to 512 pixels. Every factor is a tensor of n values, or one value for all phantoms.
    Raises ValueError for a missing or unknown factor, a value out of range, or an impossible size.
    """
    return _drawn(factors, size, device, _draw)


def lesion_mask(factors: dict[str, Tensor], size: int = 96, device=None) -> Tensor:
    """Where the lesion is, or would be: (n, 1, size, size), 1 inside it and 0 outside, whether it is there or not.

    Takes what `render` takes and raises what it raises.
    """
    return _drawn(
        factors, size, device, lambda values, size: _lesion(values, *_places(values, size))[:, None]
    )


def _drawn(factors, size, device, draw) -> Tensor:
    if not (isinstance(size, int) and 16 <= size <= 512):
        raise ValueError(f"size must be a whole number from 16 to 512, not {size!r}.")
    device = torch.device(device or "cpu")
    values, n = _factors.read(FACTORS, factors, device)
    return draw_in_chunks(draw, values, n, 1, size, device)


def _places(v: dict[str, Tensor], size: int) -> tuple[Tensor, Tensor, float]:
    """Coordinates x, y (n, size, size) of each pixel in the body's own frame, from -1 to 1, and a pixel's size."""
    line = (torch.arange(size, device=v["tilt"].device) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    angle = 0.15 * v["tilt"][:, None, None]
    return x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin(), 2 / size


def _blob(x, y, cx, cy, rx, ry, pixel) -> Tensor:
    """An ellipse, 1 inside and 0 outside, its border one pixel soft."""
    cx, cy, rx, ry = (torch.as_tensor(a, device=x.device).reshape(-1, 1, 1) for a in (cx, cy, rx, ry))
    far = ((x - cx) / rx).square() + ((y - cy) / ry).square()
    return ((1 - far.clamp(min=1e-6).sqrt()) * torch.minimum(rx, ry) / pixel + 0.5).clamp(0, 1)


def _liver(v: dict[str, Tensor]) -> tuple[Tensor, float, Tensor, Tensor]:
    """Centre and radii of the liver."""
    return (
        -0.32 * torch.ones_like(v["tilt"]),
        -0.05,
        0.30 + 0.08 * v["liver_width"],
        0.32 + 0.08 * v["liver_height"],
    )


def _lesion(v: dict[str, Tensor], x: Tensor, y: Tensor, pixel: float) -> Tensor:
    cx, cy, rx, ry = _liver(v)
    radius = 0.02 * v["lesion_radius"]  # half of the side is 1 here
    spot = _blob(x, y, cx + 0.5 * rx * v["lesion_x"], cy + 0.5 * ry * v["lesion_y"], radius, radius, pixel)
    return spot * _blob(x, y, cx, cy, rx, ry, pixel)  # what would reach beyond the liver is cut off


def _vessels(v: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Thin waving lines, 1 on a line and 0 beside it; each phantom's own course."""
    seen = torch.zeros_like(x)
    for k in range(VESSELS):
        # Far-apart multiples of one number: as good as independent ones, and drawn anew from the factor alone.
        turn, shift, bend = (
            ((v["vessels"] * 97.3 * (k + 1) * m) % 1)[:, None, None] for m in (1.0, 7.7, 31.1)
        )
        angle = 3.1416 * (turn + k / VESSELS)
        along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
        middle = 0.7 * (shift - 0.5) + 0.06 * (12 * along + 6.2832 * bend).sin()
        seen = torch.maximum(seen, (1.5 - (across - middle).abs() / 0.018).clamp(0, 1))
    return seen


def _draw(v: dict[str, Tensor], size: int) -> Tensor:
    x, y, pixel = _places(v, size)
    width, height = 0.78 + 0.14 * v["body_width"], 0.62 + 0.12 * v["body_height"]
    fat = 0.05 + 0.07 * v["fat"]
    liver = _blob(x, y, *_liver(v), pixel)
    vertebra = 0.10 + 0.03 * v["spine"]
    picture = 0.02 * torch.ones_like(x)
    layers = [  # each covers what was drawn before
        (_blob(x, y, 0.0, 0.0, width, height, pixel), 0.62),
        (_blob(x, y, 0.0, 0.0, width - fat, height - fat, pixel), 0.30),
        (_blob(x, y, 0.42, 0.02, 0.14 + 0.06 * v["spleen"], 0.20 + 0.06 * v["spleen"], pixel), 0.48),
        (_blob(x, y, 0.0, height - fat - 0.14, vertebra, vertebra, pixel), 0.9),
        (_blob(x, y, 0.04, height - fat - 0.38, 0.06, 0.06, pixel), 0.7),
        (liver, 0.45),
        (liver * _vessels(v, x + 0.32, y + 0.05), 0.68),
    ]
    for where, shade in layers:
        picture = torch.lerp(picture, torch.full_like(picture, shade), where)
    picture = picture * (0.9 + 0.2 * v["brightness"])[:, None, None]
    there = (v["lesion"] * (0.08 + 0.20 * v["lesion_contrast"]))[:, None, None]
    return (picture + there * _lesion(v, x, y, pixel)).clamp(0, 1)[:, None]
