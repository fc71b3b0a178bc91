"""Drawn people who try on clothes: who they are and what they wear are known factors, for a fitting room.

factors = outfits.sample(8, seed=1, garment="coat", pattern="dots")
x = outfits.render(factors, size=64)          # (8, 3, 64, 64)
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from . import _chunks, _factors, faces
from ._factors import Factor
from ._outfit_looks import COLOURS, GARMENTS
from ._outfit_painting import draw

LABELS = {
    "garment": tuple(GARMENTS),
    "colour": tuple(COLOURS),
    "pattern": ("plain", "stripes", "dots", "checks"),
}
LIKE_FACES = ("skin_tone", "hair_colour", "hair_style", "blush", "gaze_x", "tilt", "light_x", "background")
FACTORS: dict[str, Factor] = {
    **{name: replace(faces.FACTORS[name], group="person") for name in LIKE_FACES},
    "glasses": Factor("person", "whether glasses are worn", names=("none", "glasses"), weights=(3, 1)),
    "smile": Factor("person", "calm to smiling mouth"),
    "body_width": Factor("person", "slim to broad body"),
    "body_height": Factor("person", "short to tall body"),
    "left_arm": Factor("person", "arm on the left of the picture, hanging to raised"),
    "right_arm": Factor("person", "arm on the right of the picture, hanging to raised"),
    "stance": Factor("person", "feet together to apart"),
    "shoe_colour": Factor("person", "colour of the shoes, around a circle of colours"),
    "position": Factor("person", "place in the picture, left to right", low=-1),
    "garment": Factor("outfit", "what is worn", names=LABELS["garment"]),
    "colour": Factor("outfit", "colour of the main piece", names=LABELS["colour"]),
    "pattern": Factor("outfit", "pattern of the main piece", names=LABELS["pattern"]),
}


def sample(n: int, seed: int = 0, **fixed) -> dict[str, Tensor]:
    """Draw the factors of n people, every factor independently and uniformly (glasses for one in four).

    fixed: a factor set to one value (a number or a name) for all, or to a tensor of n values.
    Returns a dict from factor name to a tensor (n,), float32 or int64, on the CPU. The same seed gives the
    same people everywhere, more people begin with the same ones, and fixing a factor leaves the others alone.
    Raises ValueError for an unknown factor, a value out of range, or a tensor that has not n values.
    """
    return _factors.sample(FACTORS, n, seed, fixed)


def render(factors: dict[str, Tensor], size: int = 32, device=None) -> Tensor:
    """Draw people from their factors: (n, 3, size, size), float32 in [0, 1], on `device` (the CPU by default).

    size: 16 to 512 pixels. Every factor is a tensor of n values, or one value for everybody.
    Raises ValueError for a missing or unknown factor, a value out of range, or an impossible size.
    """
    return _drawn(factors, size, device, stencil=False)


def garment_mask(factors: dict[str, Tensor], size: int = 32, device=None) -> Tensor:
    """Where these people's clothes can show, whatever they put on: (n, 1, size, size) in [0, 1].

    At 0, nothing depends on garment, colour or pattern: there, the same person is the same in every outfit.
    Takes what `render` takes and raises what it raises.
    """
    _factors.check_names(FACTORS, factors)
    worn = [_drawn({**factors, "garment": name}, size, device, stencil=True) for name in GARMENTS]
    return torch.stack(worn).amax(0)


def _drawn(factors: dict[str, Tensor], size: int, device, stencil: bool) -> Tensor:
    paint = partial(draw, stencil=stencil)
    return _chunks.render(paint, FACTORS, factors, size, device, channels=1 if stencil else 3)


def label(factors: dict[str, Tensor]) -> Tensor:
    """What each person wears, (n, 3) int64: the indices of garment, colour and pattern in LABELS.

    Raises ValueError for a missing or unknown factor, or a value out of range.
    """
    return _factors.labels(FACTORS, factors, tuple(LABELS))


def describe(factors: dict[str, Tensor], i: int) -> str:
    """One sentence that says what person i looks like and wears, for a picture's alt text.

    Raises ValueError for a missing or unknown factor, a value out of range, or when there is no person i.
    """
    values = _factors.one(FACTORS, factors, i)
    word = {name: f.names[int(values[name])] for name, f in FACTORS.items() if f.names}
    mood = "smiling" if float(values["smile"]) > 0.3 else "calm"
    hair = faces.HAIR_PHRASES[word["hair_style"]].format(word["hair_colour"])
    looks = [f"{word['skin_tone']} skin", hair] + ["glasses"] * (word["glasses"] != "none")
    article = "" if word["garment"] == "dungarees" else "an " if word["colour"] == "orange" else "a "
    pattern = "" if word["pattern"] == "plain" else f" with {word['pattern']}"
    worn = f"{article}{word['colour']} {word['garment']}{pattern}"
    return f"A {mood} person with {', '.join(looks[:-1])} and {looks[-1]}, wearing {worn}."
