"""What people look like: palettes, hair cuts, and everything about one face that no pixel changes."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

SKIN_TONES = {
    "very dark": (0.36, 0.23, 0.17),
    "dark": (0.48, 0.30, 0.21),
    "brown": (0.62, 0.41, 0.28),
    "tan": (0.78, 0.56, 0.39),
    "light": (0.92, 0.72, 0.57),
    "fair": (0.98, 0.85, 0.76),
}
HAIR_COLOURS = {
    "black": (0.11, 0.10, 0.14),
    "brown": (0.37, 0.22, 0.13),
    "red": (0.74, 0.30, 0.11),
    "blond": (0.92, 0.75, 0.40),
    "grey": (0.74, 0.74, 0.77),
    "blue": (0.23, 0.40, 0.80),
}
EYE_COLOURS = {
    "dark brown": (0.24, 0.13, 0.08),
    "brown": (0.45, 0.26, 0.12),
    "hazel": (0.56, 0.43, 0.18),
    "green": (0.28, 0.52, 0.30),
    "blue": (0.22, 0.48, 0.78),
    "grey": (0.45, 0.52, 0.58),
}
GLASSES_COLOURS = {
    "black": (0.10, 0.10, 0.12),
    "blue": (0.16, 0.30, 0.72),
    "red": (0.75, 0.16, 0.18),
    "gold": (0.80, 0.62, 0.25),
    "teal": (0.08, 0.45, 0.48),
}
# Circles of colours that sit well behind and below a face; a factor in [0, 1] runs around one.
BACKGROUNDS = (
    (0.56, 0.76, 0.86), (0.55, 0.80, 0.74), (0.70, 0.82, 0.60), (0.93, 0.86, 0.60), (0.96, 0.75, 0.55),
    (0.93, 0.62, 0.55), (0.92, 0.67, 0.74), (0.76, 0.66, 0.85), (0.60, 0.66, 0.88),
)  # fmt: skip
CLOTHES = (
    (0.16, 0.26, 0.44), (0.12, 0.43, 0.50), (0.25, 0.50, 0.33), (0.86, 0.69, 0.25), (0.85, 0.44, 0.25),
    (0.72, 0.22, 0.25), (0.80, 0.45, 0.58), (0.48, 0.32, 0.58), (0.90, 0.88, 0.83), (0.30, 0.31, 0.35),
)  # fmt: skip


@dataclass(frozen=True)
class HairStyle:
    """The silhouette of a cut, in units of the head: its sides at x = -1 and 1, its top at y = -1."""

    phrase: str  # how a sentence names it
    top: float  # height of the hair above the head
    side: float  # its width beside the head
    end: float  # how far down the hair beside the face reaches
    line: float  # where the forehead begins
    open: float  # half the width of the face left free
    round: float = 0.5  # how round the hairline is
    slant: float = 0.0  # a side parting: the hairline falls to one side
    peak: float = 0.0  # a middle parting: the hairline falls to both sides
    sweep: float = 0.0  # the top leans to one side
    back: float = 0.5  # half the width of the hair behind the neck
    length: float = 0.1  # how far down it reaches
    wave: float = 0.0  # waves of the falling hair
    curl: float = 0.0  # size of curls
    knot: float = 0.0  # radius of a bun
    knot_x: float = 0.0  # where it sits; mirrored, so there are two of them unless at 0
    knot_y: float = 0.0


HAIR_STYLES = {
    "buzz cut": HairStyle("a {} buzz cut", 0.05, 0.03, 0.05, -0.55, 0.86, 0.50),
    "short": HairStyle("short {} hair", 0.17, 0.08, 0.12, -0.45, 0.87, 0.35, slant=0.24, sweep=0.05),
    "quiff": HairStyle("a {} quiff", 0.25, 0.05, 0.10, -0.52, 0.90, 0.3, slant=-0.14, sweep=0.17),
    "fringe": HairStyle("a {} fringe", 0.17, 0.11, 0.30, -0.33, 0.86, 0.14, slant=0.06, back=0.9, length=0.5),
    "bob": HairStyle("a {} bob", 0.17, 0.16, 0.75, -0.36, 0.80, 0.2, back=1.17, length=0.80),
    "long": HairStyle("long {} hair", 0.14, 0.10, 3, -0.70, 0.80, 0.4, peak=0.45, back=1.10, length=1.75),
    "wavy": HairStyle("wavy {} hair", 0.18, 0.16, 3, -0.50, 0.80, 0.4, 0.3, back=1.18, length=1.5, wave=0.06),
    "curly": HairStyle("curly {} hair", 0.24, 0.20, 0.62, -0.42, 0.82, 0.4, back=1.22, length=0.7, curl=0.07),
    "afro": HairStyle("a {} afro", 0.32, 0.38, 0.35, -0.52, 0.88, 0.5, back=1.25, length=0.35, curl=0.045),
    "bun": HairStyle("{} hair in a bun", 0.11, 0.05, 0.15, -0.60, 0.88, 0.6, knot=0.30, knot_y=-1.24),
    "two buns": HairStyle(
        "{} hair in two buns", 0.12, 0.07, 0.25, -0.38, 0.86, peak=0.2, knot=0.33, knot_x=0.72, knot_y=-0.98
    ),
}


class Sitter:
    """Who sits for a portrait: attributes of shape (n, 1, 1), colours of shape (n, 3, 1, 1)."""

    def __init__(self, **attributes: Tensor):
        vars(self).update(attributes)

    def only(self, chosen: Tensor) -> Sitter:
        """Some of the sitters, by their indices; an attribute is picked when it is first asked for."""
        return _Some(self, chosen)


class _Some(Sitter):
    def __init__(self, everybody: Sitter, chosen: Tensor):
        self._everybody, self._chosen = everybody, chosen

    def __getattr__(self, name: str) -> Tensor:
        value = getattr(self._everybody, name)[self._chosen]
        setattr(self, name, value)
        return value


def sitter(factors: dict[str, Tensor]) -> Sitter:
    """From factors, (n,) each, to everything about a face that does not depend on the pixel."""
    device = factors["smile"].device
    p = Sitter(**{name: value.view(-1, 1, 1).float() for name, value in factors.items()})

    def pick(table: dict, name: str) -> Tensor:
        return torch.tensor(list(table.values()), device=device)[factors[name]][:, :, None, None]

    def rgb(*colour: float) -> Tensor:
        return torch.tensor(colour, device=device).view(1, 3, 1, 1).expand(len(p.smile), 3, 1, 1)

    p.width, p.height = 0.455 + 0.09 * p.head_width, 0.55 + 0.09 * p.head_height
    p.centre = 0.26 - 0.5 * p.height  # a longer head goes up and down from here
    angle, turn = 0.15 * p.tilt, 0.40 * p.yaw
    p.cos, p.sin, p.turn_cos, p.turn_sin = angle.cos(), angle.sin(), turn.cos(), turn.sin()
    p.eye_x = 0.185 + 0.035 * p.eye_spacing
    p.eye_half = 0.102 + 0.028 * p.eye_size
    # Most people keep their eyes open and their mouths shut: the factors are even, these are not.
    p.lids = 1 - (1 - p.eyelid) ** 3
    p.happy = p.smile.clamp(min=0)
    p.opening = 0.9 * p.mouth_open**2 + 0.14 * p.happy  # a broad smile shows teeth
    p.mouth_y = 0.195 + 0.03 * p.nose_length + 0.25 * p.height
    p.light = 0.20 + 0.90 * p.light_strength

    p.white, p.gold, p.tongue = rgb(0.99, 0.99, 0.97), rgb(0.93, 0.76, 0.36), rgb(0.80, 0.36, 0.36)
    p.skin = (pick(SKIN_TONES, "skin_tone") + p.undertone[..., None] * rgb(0.012, 0.010, -0.030)).clamp(0, 1)
    p.skin_dark = p.skin * rgb(0.72, 0.62, 0.62)
    p.skin_light = p.skin + (1 - p.skin) * rgb(0.42, 0.36, 0.28)
    p.rosy = p.skin * rgb(0.85, 0.72, 0.74) + rgb(0.16, 0.05, 0.045)
    natural = p.skin * rgb(0.80, 0.53, 0.52) + rgb(0.17, 0.05, 0.07)
    p.lips = natural.lerp(natural * 0.30 + rgb(0.80, 0.08, 0.20) * 0.70, p.lip_colour[..., None] ** 2)
    p.hair = pick(HAIR_COLOURS, "hair_colour")
    p.hair_dark = p.hair * rgb(0.55, 0.52, 0.55)
    p.hair_light = p.hair + (1 - p.hair) * 0.30
    p.iris = pick(EYE_COLOURS, "eye_colour")
    p.frame = pick(GLASSES_COLOURS, "glasses_colour")
    p.cloth, p.trim = around(CLOTHES, p.clothes_colour), around(CLOTHES, (p.clothes_colour + 0.38) % 1.0)
    p.backdrop = around(BACKGROUNDS, p.background)
    p.backdrop_two = around(BACKGROUNDS, (p.background + 0.16) % 1.0)
    p.warmth = 1 + p.light_warmth[..., None] * rgb(0.05, 0.01, -0.07)

    names = [field.name for field in fields(HairStyle)][1:]
    for name in names:
        values = torch.tensor([float(getattr(style, name)) for style in HAIR_STYLES.values()], device=device)
        setattr(p, f"cut_{name}", values[factors["hair_style"]].view(-1, 1, 1))
    side, fuller = 2 * p.parting - 1, 0.6 + 0.8 * p.hair_volume
    p.cut_slant, p.cut_sweep = p.cut_slant * side, p.cut_sweep * side
    p.cut_top, p.cut_side = p.cut_top * fuller, p.cut_side * fuller
    return p


def around(colours: tuple, position: Tensor) -> Tensor:
    """A colour between neighbours on a circle of colours: (n, 1, 1) in [0, 1] to (n, 3, 1, 1)."""
    table = torch.tensor(colours, device=position.device)
    place = position.view(-1) * len(colours)
    first = place.floor().long() % len(colours)
    part = (place - place.floor()).unsqueeze(1)
    return table[first].lerp(table[(first + 1) % len(colours)], part)[:, :, None, None]
