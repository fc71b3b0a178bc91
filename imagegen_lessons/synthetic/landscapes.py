"""Drawn landscapes of nowhere: mountains, seas, deserts, woods and cities, from known, named factors.

factors = landscapes.sample(8, seed=1, place="mountains", time="sunset")
x = landscapes.render(factors, size=256)          # (8, 3, 256, 256)
"""

from __future__ import annotations

from functools import partial

from torch import Tensor

from . import _chunks, _factors
from ._factors import Factor
from ._landscape_looks import PLACES, SEASONS, TIMES, WEATHERS
from ._landscape_painting import draw

CLASSES = len(PLACES) * len(TIMES)

_label, _light, _land = (partial(Factor, group) for group in ("label", "light", "land"))

FACTORS: dict[str, Factor] = {
    "place": _label("what is to be seen", names=PLACES),
    "time": _label("time of day", names=TIMES),
    "season": _light("season: leaves, grass, and how far down the snow lies", names=SEASONS),
    "weather": _light("weather", names=WEATHERS, weights=(4, 3, 2, 1)),
    "mood": _light("which colours the time of day has, from cool to warm"),
    "sun_x": _light("sun or moon to the left or to the right", low=-1),
    "sun_height": _light("sun or moon low or high"),
    "moon": _light("phase of the moon at night, from a crescent to full"),
    "clouds": _light("which clouds, of endlessly many"),
    "haze": _light("clear to hazy air: how fast the distance fades"),
    "horizon": _land("low to high horizon"),
    "ridge": _land("which line the hills draw, of endlessly many"),
    "height": _land("low to high mountains, dunes, trees and houses"),
    "roughness": _land("gentle to rugged forms"),
    "water": _land("a lake in front that mirrors what is behind it", names=("none", "lake")),
    "life": _land("what moves or dwells there", names=("none", "birds", "home")),
}


def sample(n: int, seed: int = 0, **fixed) -> dict[str, Tensor]:
    """Draw the factors of n landscapes, every factor independently and uniformly (the weather by its weights).

    fixed: a factor set to one value (a number or a name) for all, or to a tensor of n values.
    Returns a dict from factor name to a tensor (n,), float32 or int64, on the CPU. The same seed gives the
    same landscapes everywhere, more begin with the same ones, and fixing a factor leaves the others alone.
    Raises ValueError for an unknown factor, a value out of range, or a tensor that has not n values.
    """
    return _factors.sample(FACTORS, n, seed, fixed)


def render(factors: dict[str, Tensor], size: int = 32, device=None) -> Tensor:
    """Draw landscapes from their factors: (n, 3, size, size), float32 in [0, 1], on `device` (the CPU by default).

    size: 16 to 512 pixels. Every factor is a tensor of n values, or one value for all.
    Raises ValueError for a missing or unknown factor, a value out of range, or an impossible size.
    """
    return _chunks.render(draw, FACTORS, factors, size, device)


def label(factors: dict[str, Tensor]) -> Tensor:
    """Place and time of day of each landscape, (n, 2) int64: indices into PLACES and TIMES.

    Raises ValueError for a missing or unknown factor, or a value out of range.
    """
    return _factors.labels(FACTORS, factors, ("place", "time"))


def describe(factors: dict[str, Tensor], i: int) -> str:
    """One sentence that says what landscape i looks like, for a picture's alt text.

    Raises ValueError for a missing or unknown factor, a value out of range, or when there is no landscape i.
    """
    values = _factors.one(FACTORS, factors, i)
    place, time, season, weather = (
        FACTORS[name].names[int(values[name])] for name in ("place", "time", "season", "weather")
    )
    lake = " behind a lake" if int(values["water"]) and place != "sea" else ""
    when = {"day": "by day", "night": "at night"}.get(time, f"at {time}")
    air = {"clear": "under a clear sky", "clouds": "under clouds", "mist": "in mist", "rain": "in the rain"}
    falling = "in falling snow" if (season, weather) == ("winter", "rain") else air[weather]
    return f"A landscape, {PHRASES[place]}{lake}, in {season} {when}, {falling}."


PHRASES = {
    "mountains": "mountains",
    "sea": "the sea with a coast in the distance",
    "desert": "dunes of a desert",
    "woods": "woods",
    "city": "the towers of a city in the distance",
}
