"""Drawn portraits of nobody: endless faces whose every property is a known, named factor.

factors = faces.sample(8, seed=1, smile=1.0, hair_colour="red")
x = faces.render(factors, size=64)          # (8, 3, 64, 64)
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from ._face_looks import EYE_COLOURS, GLASSES_COLOURS, HAIR_COLOURS, HAIR_STYLES, SKIN_TONES
from ._face_painting import draw

PIXELS_PER_CHUNK = 2**18  # enough at once to be quick, in little memory
KINDS = 72  # 6 skin tones x 6 hair colours x glasses or none


@dataclass(frozen=True)
class Factor:
    """One named property of a face: a number from low to high, or the index of one of its names."""

    group: str  # "identity", "expression" or "scene"
    meaning: str
    low: float = 0.0
    high: float = 1.0
    names: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()  # how often each name is drawn; equally often if empty

    @property
    def kind(self) -> str:
        """What its values are: "choice" (one of the names) or "number"."""
        return "choice" if self.names else "number"

    def read(self, value, name: str) -> Tensor:
        """A value, a name or a tensor of values as float32 or int64; ValueError if it is not possible."""
        if isinstance(value, str):
            if value not in self.names:
                raise ValueError(f"{name} cannot be {value!r}: choose {self.possible()}.")
            value = self.names.index(value)
        value = torch.as_tensor(value).detach()
        value = value.int() if value.dtype == torch.bool else value  # glasses=True
        highest = len(self.names) - 1 if self.names else self.high
        fits = (value >= self.low) & (value <= highest)
        if self.names:
            fits = fits & (value == value.round())
        if not bool(fits.all()):
            wrong = value[~fits].flatten()[0].item()
            raise ValueError(f"{name} cannot be {wrong:g}: choose {self.possible()}.")
        return value.to(torch.int64 if self.names else torch.float32)

    def possible(self) -> str:
        """The possible values, in words."""
        if not self.names:
            return f"a number from {self.low:g} to {self.high:g}"
        return "one of " + ", ".join(f"{i} ({name})" for i, name in enumerate(self.names))

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n random values, each from one random number, so that more faces begin with the same faces."""
        u = torch.rand(n, generator=generator, dtype=torch.float64)
        if not self.names:
            return (self.low + (self.high - self.low) * u).float()
        weights = torch.tensor(self.weights or (1.0,) * len(self.names), dtype=torch.float64)
        return torch.bucketize(u, weights.cumsum(0)[:-1] / weights.sum(), right=True)


def _identity(meaning: str, **kwargs) -> Factor:
    return Factor("identity", meaning, **kwargs)


def _expression(meaning: str, **kwargs) -> Factor:
    return Factor("expression", meaning, **kwargs)


def _scene(meaning: str, **kwargs) -> Factor:
    return Factor("scene", meaning, **kwargs)


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


def sample(n: int, seed: int = 0, **fixed) -> dict[str, Tensor]:
    """Draw the factors of n faces, every factor independently and uniformly (rare features by their weights).

    fixed: a factor set to one value (a number or a name) for all, or to a tensor of n values.
    Returns a dict from factor name to a tensor (n,), float32 or int64, on the CPU. The same seed gives the
    same faces everywhere, more faces begin with the same ones, and fixing a factor leaves the others alone.
    Raises ValueError for an unknown factor, a value out of range, or a tensor that has not n values.
    """
    if n < 0:
        raise ValueError(f"n is the number of faces and cannot be {n}.")
    for name in fixed:
        _check_name(name)
    factors = {}
    for name, factor in FACTORS.items():
        if name in fixed:
            factors[name] = _one_each(factor.read(fixed[name], name), n, name).cpu()
        else:
            factors[name] = factor.draw(n, _generator(name, seed))
    return factors


def render(factors: dict[str, Tensor], size: int = 32, device=None) -> Tensor:
    """Draw faces from their factors: (n, 3, size, size), float32 in [0, 1], on `device` (the CPU by default).

    size: 16 to 512 pixels. Every factor is a tensor of n values, or one value for all faces.
    Raises ValueError for a missing or unknown factor, a value out of range, or an impossible size.
    """
    if not (isinstance(size, int) and 16 <= size <= 512):
        raise ValueError(f"size must be a whole number from 16 to 512, not {size!r}.")
    for name in factors:
        _check_name(name)
    missing = [name for name in FACTORS if name not in factors]
    if missing:
        raise ValueError(f"These factors are missing: {', '.join(missing)}; start from faces.sample(n).")
    values = {name: factor.read(factors[name], name) for name, factor in FACTORS.items()}
    n = max((v.numel() for v in values.values() if v.ndim), default=1)
    if any(v.ndim and v.numel() == 0 for v in values.values()):
        n = 0
    device = torch.device(device or "cpu")
    values = {name: _one_each(v, n, name).to(device) for name, v in values.items()}
    return _draw_in_chunks(values, n, size, device)


def _draw_in_chunks(values: dict[str, Tensor], n: int, size: int, device: torch.device) -> Tensor:
    x = torch.empty(n, 3, size, size, device=device)
    chunk = max(1, PIXELS_PER_CHUNK // size**2)

    def draw_chunk(start: int) -> None:
        x[start : start + chunk] = draw({name: v[start : start + chunk] for name, v in values.items()}, size)

    starts = range(0, n, chunk)
    threads = torch.get_num_threads()
    if device.type != "cpu" or len(starts) < 2 or threads < 2:
        for start in starts:
            draw_chunk(start)
        return x
    # Each thread draws whole chunks on its own. Left to torch, the threads would share each of many small
    # operations and wait for each other after it: less than half as fast where others use the machine too.
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(draw_chunk, starts))  # list: so that an error in a thread is raised here
    finally:
        torch.set_num_threads(threads)
    return x


def kind(factors: dict[str, Tensor]) -> Tensor:
    """Which of the 72 kinds of person each face is, (n,) int64: skin tone x hair colour x glasses."""
    return (factors["skin_tone"] * 6 + factors["hair_colour"]) * 2 + factors["glasses"]


def describe(factors: dict[str, Tensor], i: int) -> str:
    """One sentence that says what face i looks like, for a picture's alt text."""

    def word(name: str) -> str:
        return FACTORS[name].names[int(factors[name][i])]

    smile = float(factors["smile"][i])
    mood = "smiling" if smile > 0.3 else "sad-looking" if smile < -0.3 else "calm"
    more = []
    if int(factors["beard"][i]):
        more.append("stubble" if word("beard") == "stubble" else f"a {word('beard')}")
    if int(factors["glasses"][i]):
        more.append(f"{word('glasses_shape')} glasses")
    parts = [f"{word('skin_tone')} skin", HAIR_PHRASES[word("hair_style")].format(word("hair_colour")), *more]
    return f"A {mood} person with {', '.join(parts[:-1])} and {parts[-1]}."


HAIR_PHRASES = {name: style.phrase for name, style in HAIR_STYLES.items()}


def _generator(name: str, seed: int) -> torch.Generator:
    # A random stream for each factor: new factors, or fixed ones, never change what the others draw.
    # torch's CPU generator uses 32 bits of its seed, so four bytes of a hash mix name and seed well.
    digest = hashlib.sha256(f"{name}/{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "big"))


def _check_name(name: str) -> None:
    if name not in FACTORS:
        raise ValueError(f"There is no factor {name!r}: choose from {', '.join(FACTORS)}.")


def _one_each(value: Tensor, n: int, name: str) -> Tensor:
    if value.ndim == 0:
        return value.expand(n).clone()
    if value.shape != (n,):
        raise ValueError(f"{name} needs one value or {n} values, but its shape is {tuple(value.shape)}.")
    return value
