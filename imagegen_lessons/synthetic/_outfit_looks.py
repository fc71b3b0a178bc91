"""What can be worn and who wears it: colours, cuts, and everything about one figure that no pixel changes."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ._face_looks import CLOTHES, Sitter, around, sitter
from .faces import FACTORS as FACE

# The cloth, the pattern on it, and the trousers or belt that go with it.
COLOURS = {
    "red": ((0.82, 0.17, 0.19), (1.00, 0.90, 0.78), (0.20, 0.25, 0.42)),
    "orange": ((0.97, 0.54, 0.13), (1.00, 0.95, 0.80), (0.24, 0.38, 0.42)),
    "yellow": ((0.99, 0.83, 0.22), (0.76, 0.38, 0.12), (0.30, 0.42, 0.64)),
    "green": ((0.20, 0.60, 0.33), (0.90, 0.96, 0.68), (0.42, 0.31, 0.24)),
    "blue": ((0.18, 0.40, 0.84), (0.86, 0.94, 1.00), (0.76, 0.68, 0.54)),
    "purple": ((0.50, 0.26, 0.66), (0.96, 0.82, 0.96), (0.42, 0.42, 0.50)),
    "pink": ((0.98, 0.60, 0.74), (0.78, 0.16, 0.42), (0.48, 0.28, 0.42)),
    "black": ((0.16, 0.16, 0.20), (0.94, 0.92, 0.88), (0.60, 0.60, 0.64)),
}


@dataclass(frozen=True)
class Garment:
    """The cut of an outfit. Lengths are parts of a limb."""

    sleeve: float  # how much of the arm a sleeve covers
    sleeve_wide: float  # how much wider than the arm it ends
    legs: float  # how much of the leg trousers cover
    chest: float  # how much wider than the body the top is
    skirt: float = 0.0  # how much of the leg a skirt covers
    flare: float = 0.0  # how much wider than the body it ends
    shirt: bool = False  # the top is a pale shirt, and trousers or skirt have the colour and the pattern


GARMENTS = {
    "T-shirt": Garment(0.42, 0.045, 0.86, 0.015),
    "dress": Garment(0.26, 0.055, 0.01, 0.0, skirt=0.50, flare=0.22),
    "coat": Garment(0.84, 0.040, 0.86, 0.03, skirt=0.66, flare=0.09),
    "hoodie": Garment(0.84, 0.050, 0.40, 0.05),
    "dungarees": Garment(0.60, 0.025, 0.86, 0.0, shirt=True),
    "skirt": Garment(0.84, 0.035, 0.01, 0.0, skirt=0.26, flare=0.16, shirt=True),
}


def wearer(factors: dict[str, Tensor]) -> Sitter:
    """From factors, (n,) each, to everything about a figure that does not depend on the pixel."""
    garment = factors["garment"]
    n, device = len(garment), garment.device
    face = {}
    for name, factor in FACE.items():  # what a portrait has and a figure has not rests in its middle
        middle = factor.read(0 if factor.names else (factor.low + factor.high) / 2, name)
        face[name] = factors[name] if name in factors else middle.expand(n).to(device)
    p = sitter(face)
    # Every head is round and has large eyes, and long hair falls behind the shoulders: it hides no clothes.
    for name, value in dict(width=0.56, height=0.54, centre=0.0, eye_x=0.225, eye_half=0.09).items():
        setattr(p, name, torch.full_like(p.smile, value))
    p.cut_end = p.cut_end.clamp(max=0.7)

    for name in factors.keys() - FACE.keys():
        setattr(p, name, factors[name].view(-1, 1, 1).float())
    p.middle = 0.14 * p.position
    p.leg, p.torso = 0.54 + 0.08 * p.body_height, 0.46 + 0.04 * p.body_height
    p.top = 0.87 - p.leg - p.torso  # of the shoulders
    p.half = 0.20 + 0.05 * p.body_width  # half the width of the torso
    p.splay = 0.02 + 0.20 * p.stance  # of the legs, radians
    p.arm, p.thick = 0.42 + 0.04 * p.body_height, 0.060 + 0.02 * p.body_width

    colours = torch.tensor(list(COLOURS.values()), device=device)[factors["colour"]]
    p.cloth, p.ink, p.other = colours[..., None, None].unbind(1)
    p.pale = p.cloth * 0.12 + 0.86
    p.shoes = around(CLOTHES, p.shoe_colour) * 0.8
    for field in fields(Garment):
        values = torch.tensor([float(getattr(cut, field.name)) for cut in GARMENTS.values()], device=device)
        setattr(p, f"wear_{field.name}", values[garment].view(-1, 1, 1))
    return p
