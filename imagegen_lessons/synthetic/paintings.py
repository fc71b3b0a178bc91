"""Paintings in ten styles, strong and unmistakable, as many as you like: drawn by this program alone.

A style is a way of making marks: strokes, dots, leads, hatching. A seed is one picture: its palette, its composition,
the scale and the direction of its marks. Nothing is traced or copied, so they may be used for anything.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType

import numpy as np
import torch

from imagegen_lessons.synthetic._painting_brushes import brush, hatching, marbling
from imagegen_lessons.synthetic._painting_dots import dots, halftone
from imagegen_lessons.synthetic._painting_pieces import facets, glass, mosaic
from imagegen_lessons.synthetic._painting_prints import fields, waves

LARGEST, SMALLEST = 2048, 16
SMALLEST_DRAWN = 256  # smaller ones are drawn larger and averaged: their marks would fall between the pixels

_PAINTERS: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], str]] = {
    "brush": (brush, "thick swirling brush strokes with bristle marks, lit from one side"),
    "dots": (dots, "thousands of dots of pure colour that mix in the eye"),
    "hatching": (hatching, "ink hatching and white chalk over washes on toned paper"),
    "marbling": (marbling, "rings of floating ink, raked by combs into feathers and swirls"),
    "halftone": (halftone, "a print of coloured dot screens, a little out of register"),
    "glass": (glass, "stained glass that glows between dark leads"),
    "mosaic": (mosaic, "small stones laid in rows along the forms, with grout between them"),
    "facets": (facets, "straight-edged facets like a prism, each with its own gradient"),
    "waves": (waves, "a woodblock print of scalloped waves with foam and a dark key line"),
    "fields": (fields, "fields of colour with dry-brushed edges on a visible weave"),
}
STYLES = MappingProxyType({name: line for name, (_, line) in _PAINTERS.items()})


def paint(style: str, seed: int = 0, size: int = 512) -> torch.Tensor:
    """One painting, (1, 3, size, size) in [0, 1]: the same each time for a style and a seed.

    The composition does not depend on the size: a large picture made small is close to a small one.
    Raises ValueError for a style that is not in STYLES, a seed that is not a whole number from 0, or a size that is not
    one from 16 to 2048.
    """
    if not isinstance(style, str) or style not in STYLES:
        raise ValueError(f"There is no style {style!r}: choose one of {', '.join(STYLES)}.")
    _whole("seed", seed, 0)
    _whole("size", size, SMALLEST, LARGEST)
    painter, times = _PAINTERS[style][0], -(-SMALLEST_DRAWN // size)
    rng = np.random.default_rng([seed, *style.encode()])
    picture = torch.from_numpy(painter(rng, times * size).astype(np.float32)).permute(2, 0, 1)[None]
    return torch.nn.functional.avg_pool2d(picture, times).clamp(0, 1)


def gallery(n: int, seed: int = 0, size: int = 256, styles: Sequence[str] | None = None) -> torch.Tensor:
    """n paintings, (n, 3, size, size) in [0, 1], in the given styles (all if None) in turn.

    Painting k is `paint(styles[k % len(styles)], 100_000 * seed + k, size)`: it depends on nothing but seed and k.
    Raises ValueError as `paint` does, and for an n that is not a whole number from 0 or an empty list of styles.
    """
    _whole("n", n, 0)
    _whole("seed", seed, 0)
    _whole("size", size, SMALLEST, LARGEST)
    styles = list(STYLES) if styles is None else list(styles)
    if not styles:
        raise ValueError("A gallery needs at least one style.")
    pictures = [paint(styles[k % len(styles)], 100_000 * seed + k, size) for k in range(n)]
    return torch.cat(pictures) if pictures else torch.zeros(0, 3, size, size)


def describe(style: str, seed: int = 0) -> str:
    """What is to be seen in a painting, in one sentence, for alt text. Raises ValueError as `paint` does."""
    colours = paint(style, seed, SMALLEST)[0].flatten(1).T  # (pixels, 3)
    names = (colours[:, None] - torch.tensor(list(_COLOUR_NAMES.values()))).norm(dim=2).argmin(1)
    common = torch.bincount(names, minlength=len(_COLOUR_NAMES)).argsort(descending=True, stable=True)
    first, second = (list(_COLOUR_NAMES)[k] for k in common[:2])
    return f"A painting, mostly {first} and {second}: {STYLES[style]}."


_COLOUR_NAMES = {
    "black": (0.08, 0.08, 0.1),
    "white": (0.95, 0.94, 0.9),
    "grey": (0.5, 0.5, 0.5),
    "red": (0.75, 0.15, 0.15),
    "orange": (0.9, 0.5, 0.15),
    "yellow": (0.92, 0.82, 0.35),
    "olive": (0.45, 0.45, 0.15),
    "green": (0.15, 0.5, 0.25),
    "turquoise": (0.2, 0.65, 0.65),
    "light blue": (0.6, 0.75, 0.9),
    "blue": (0.15, 0.35, 0.7),
    "dark blue": (0.1, 0.15, 0.35),
    "purple": (0.45, 0.2, 0.55),
    "pink": (0.9, 0.6, 0.7),
    "brown": (0.4, 0.22, 0.12),
}


def _whole(name: str, value: int, low: int, high: int | None = None) -> None:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        span = f"from {low}" + ("" if high is None else f" to {high}")
        raise ValueError(f"{name} must be a whole number {span}, not {value!r}.")
