"""Drawn portraits of nobody: endless faces whose every property is a known, named factor.

factors = faces.sample(8, seed=1, smile=1.0, hair_colour="red")
x = faces.render(factors, size=64)          # (8, 3, 64, 64)
"""

from __future__ import annotations

from functools import partial

from torch import Tensor

from . import _chunks, _factors
from ._face_looks import EYE_COLOURS, GLASSES_COLOURS, HAIR_COLOURS, HAIR_STYLES, SKIN_TONES
from ._face_painting import draw
from ._factors import Factor

CLASSES = 72  # 6 skin tones x 6 hair colours x glasses or none


_identity, _expression, _scene = (partial(Factor, group) for group in ("identity", "expression", "scene"))

FACTORS: dict[str, Factor] = {
    "skin_tone": _identity("skin, from dark to light", names=tuple(SKIN_TONES)),
    "undertone": _identity("cool and rosy to warm and golden skin", low=-1),
    "head_width": _identity("narrow to wide head"),
    "head_height": _identity("short to long head"),
    "jaw": _identity("pointed to square jaw"),
    "ear_size": _identity("small to large ears"),
    "eye_colour": _identity("colour of the irises", names=tuple(EYE_COLOURS)),
    "eye_size": _identity("small to large eyes"),
    "eye_spacing": _identity("close-set to wide-set eyes"),
    "eye_slant": _identity("outer corners of the eyes down to up", low=-1),
    "lashes": _identity("faint to strong eyelashes"),
    "brow_thickness": _identity("thin to bushy brows"),
    "nose_width": _identity("narrow to wide nose"),
    "nose_length": _identity("short to long nose"),
    "mouth_width": _identity("narrow to wide mouth"),
    "lip_fullness": _identity("thin to full lips"),
    "lip_colour": _identity("natural to painted lips"),
    "blush": _identity("pale to rosy cheeks"),
    "freckles": _identity("freckles", names=("none", "some", "many"), weights=(7, 2, 1)),
    "hair_colour": _identity("colour of hair, brows and beard", names=tuple(HAIR_COLOURS)),
    "hair_style": _identity("cut of the hair", names=tuple(HAIR_STYLES)),
    "hair_volume": _identity("flat to full hair"),
    "parting": _identity("side to which the hair falls", names=("left", "right")),
    "beard": _identity(
        "facial hair",
        names=("none", "stubble", "moustache", "goatee", "full beard"),
        weights=(14, 2, 1, 1, 2),
    ),
    "glasses": _identity("whether glasses are worn", names=("none", "glasses")),
    "glasses_shape": _identity("shape of the glasses", names=("round", "square", "wide", "cat-eye")),
    "glasses_colour": _identity("colour of the frame", names=tuple(GLASSES_COLOURS)),
    "earrings": _identity("ear rings", names=("none", "studs", "hoops"), weights=(6, 2, 2)),
    "smile": _expression("sad to smiling mouth", low=-1),
    "mouth_open": _expression("closed to open mouth"),
    "brow": _expression("lowered, stern brows to raised, surprised ones", low=-1),
    "eyelid": _expression("closed to open eyes"),
    "gaze_x": _expression("looking to the left or to the right of the picture", low=-1),
    "gaze_y": _expression("looking up or down", low=-1),
    "yaw": _scene("head turned to the left or to the right of the picture", low=-1),
    "nod": _scene("head lifted or lowered", low=-1),
    "tilt": _scene("head leaning to the left or to the right", low=-1),
    "light_x": _scene("light from the left or from the right", low=-1),
    "light_strength": _scene("flat to strong light"),
    "light_warmth": _scene("cool to warm light", low=-1),
    "clothes": _scene("what is worn", names=("jumper", "stripes", "shirt", "hoodie", "dungarees")),
    "clothes_colour": _scene("colour of the clothes, around a circle of colours"),
    "background": _scene("colour of the background, around a circle of colours"),
    "background_style": _scene("what is behind", names=("plain", "disc", "hills", "rays", "dots")),
}
# What makes somebody who they are: the same in all of a person's pictures, whatever the expression and the scene.
IDENTITY = tuple(name for name, factor in FACTORS.items() if factor.group == "identity")


def sample(n: int, seed: int = 0, **fixed) -> dict[str, Tensor]:
    """Draw the factors of n faces, every factor independently and uniformly (rare features by their weights).

    fixed: a factor set to one value (a number or a name) for all, or to a tensor of n values.
    Returns a dict from factor name to a tensor (n,), float32 or int64, on the CPU. The same seed gives the
    same faces everywhere, more faces begin with the same ones, and fixing a factor leaves the others alone.
    Raises ValueError for an unknown factor, a value out of range, or a tensor that has not n values.
    """
    return _factors.sample(FACTORS, n, seed, fixed)


def passports(n: int, seed: int = 0, **fixed) -> dict[str, Tensor]:
    """Draw the factors of n faces as on passport photographs: a plain background, heads turned less.

    A set that a small generator learns more easily; else as `sample`.
    """
    factors = sample(n, seed, **{"background_style": "plain", **fixed})
    for name in ("yaw", "nod", "tilt"):
        if name not in fixed:
            factors[name] = 0.4 * factors[name]
    return factors


def render(factors: dict[str, Tensor], size: int = 32, device=None) -> Tensor:
    """Draw faces from their factors: (n, 3, size, size), float32 in [0, 1], on `device` (the CPU by default).

    size: 16 to 512 pixels. Every factor is a tensor of n values, or one value for all faces.
    Raises ValueError for a missing or unknown factor, a value out of range, or an impossible size.
    """
    return _chunks.render(draw, FACTORS, factors, size, device)


def class_index(factors: dict[str, Tensor]) -> Tensor:
    """Which of the 72 classes of people each face belongs to, (n,) int64: skin tone x hair colour x glasses."""
    return (factors["skin_tone"] * 6 + factors["hair_colour"]) * 2 + factors["glasses"]


def describe(factors: dict[str, Tensor], i: int) -> str:
    """One sentence that says what face i looks like, for a picture's alt text.

    Raises ValueError for a missing or unknown factor, a value out of range, or when there is no face i.
    """
    values = _factors.one(FACTORS, factors, i)

    def word(name: str) -> str:
        return FACTORS[name].names[int(values[name])]

    smile = float(values["smile"])
    mood = "smiling" if smile > 0.3 else "sad-looking" if smile < -0.3 else "calm"
    more = []
    if int(values["beard"]):
        more.append("stubble" if word("beard") == "stubble" else f"a {word('beard')}")
    if int(values["glasses"]):
        more.append(f"{word('glasses_shape')} glasses")
    parts = [f"{word('skin_tone')} skin", HAIR_PHRASES[word("hair_style")].format(word("hair_colour")), *more]
    return f"A {mood} person with {', '.join(parts[:-1])} and {parts[-1]}."


HAIR_PHRASES = {name: style.phrase for name, style in HAIR_STYLES.items()}
