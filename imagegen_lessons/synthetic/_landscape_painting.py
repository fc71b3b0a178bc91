"""How a drawn landscape is painted: part by part, from back to front."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from . import _landscape_ground as ground
from . import _landscape_sky as sky
from . import _landscape_things as things
from . import _landscape_water as water
from ._landscape_looks import PLACES, scene
from ._shapes import Canvas

MOUNTAINS, SEA, DESERT, WOODS, CITY = range(len(PLACES))
FINE = 256  # pixels; up to here pictures are drawn at twice the size and averaged, for the sake of windows and leaves

# What paints a part, and who has it (None: everybody).
PARTS = (
    (sky.heavens, None),
    (sky.stars, lambda p: p.is_night == 1),
    (sky.sun, lambda p: p.is_night == 0),
    (sky.moon, lambda p: p.is_night == 1),
    (sky.clouds, None),
    (ground.mountains, lambda p: p.place == MOUNTAINS),
    (ground.dunes, lambda p: p.place == DESERT),
    (things.woods, lambda p: p.place == WOODS),
    (things.city, lambda p: p.place == CITY),
    (water.sea, lambda p: p.place == SEA),
    (things.pyramids, lambda p: (p.place == DESERT) & (p.life == 2)),
    (water.boat, lambda p: (p.place == SEA) & (p.life == 2)),
    (ground.meadow, lambda p: (p.place != SEA) & (p.place != DESERT)),
    (things.cabin, lambda p: (p.place != SEA) & (p.place != DESERT) & (p.life == 2)),
    (things.birds, lambda p: p.life == 1),
    (sky.mist, lambda p: p.mist == 1),
    (water.lake, lambda p: (p.place != SEA) & (p.water == 1)),
    (sky.rain, lambda p: p.rain == 1),
)


@torch.no_grad()
def draw(factors: dict[str, Tensor], size: int) -> Tensor:
    """Paint one chunk of landscapes: (n, 3, size, size) in [0, 1], on the device of the factors, (n,) each."""
    everybody = scene(factors)
    times = 2 if size <= FINE else 1
    canvas = Canvas.blank(len(everybody.mood), times * size, everybody.mood.device)
    for part, has in PARTS:
        if has is None:
            part(canvas, everybody)
            continue
        chosen = has(everybody).flatten().nonzero()[:, 0]
        if len(chosen):
            some = Canvas(canvas.image[chosen], canvas.x, canvas.y, canvas.pixel)
            part(some, everybody.only(chosen))
            canvas.image[chosen] = some.image
    return avg_pool2d(canvas.image, times).clamp_(0, 1)
