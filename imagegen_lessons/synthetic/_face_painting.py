"""How a drawn face is painted: part by part, from back to front."""

from __future__ import annotations

import torch
from torch import Tensor

from . import _face_features as features
from . import _face_hair as hair
from . import _face_scene as scene
from ._face_looks import sitter
from ._shapes import Canvas

EVERYWHERE = (-1, -1, 1, 1)

# What paints a part, the window it may touch (left, top, right, bottom), and who has it (None: everybody).
# Small windows, and leaving out those who have no glasses or beard, are what makes this quick.
PARTS = (
    (scene.background, EVERYWHERE, None),
    (scene.disc, EVERYWHERE, lambda p: p.background_style == 1),
    (scene.hills, (-1, -0.05, 1, 1), lambda p: p.background_style == 2),
    (scene.rays, EVERYWHERE, lambda p: p.background_style == 3),
    (scene.dots, EVERYWHERE, lambda p: p.background_style == 4),
    (hair.hair_behind, EVERYWHERE, None),
    (scene.body, (-1, 0.6, 1, 1), None),
    (scene.stripes, (-1, 0.6, 1, 1), lambda p: p.clothes == 1),
    (scene.dungarees, (-0.6, 0.6, 0.6, 1), lambda p: p.clothes == 4),
    (scene.neck, (-0.4, 0.0, 0.4, 0.9), None),
    (scene.shirt, (-0.5, 0.5, 0.5, 1), lambda p: p.clothes == 2),
    (scene.hoodie, (-0.5, 0.5, 0.5, 1), lambda p: p.clothes == 3),
    (features.ears, (-0.8, -0.3, 0.8, 0.4), None),
    (features.head, (-0.75, -0.85, 0.75, 0.75), None),
    (features.freckles, (-0.6, -0.2, 0.6, 0.5), lambda p: p.freckles > 0),
    (features.nose, (-0.4, -0.25, 0.4, 0.4), None),
    (hair.beard, (-0.7, -0.1, 0.7, 0.85), lambda p: p.beard > 0),
    (features.mouth, (-0.5, 0.0, 0.5, 0.75), None),
    (features.eyes, (-0.6, -0.35, 0.6, 0.3), None),
    (features.brows, (-0.6, -0.5, 0.6, 0.1), None),
    (hair.glasses, (-0.75, -0.4, 0.75, 0.4), lambda p: p.glasses == 1),
    (hair.hair_front, EVERYWHERE, None),
    (hair.earrings, (-0.8, -0.1, 0.8, 0.6), lambda p: p.earrings > 0),
    (scene.light, EVERYWHERE, None),
)


@torch.no_grad()
def draw(factors: dict[str, Tensor], size: int) -> Tensor:
    """Paint one chunk of faces: (n, 3, size, size) in [0, 1], on the device of the factors, (n,) each."""
    everybody = sitter(factors)
    canvas = Canvas.blank(len(factors["smile"]), size, factors["smile"].device)
    for part, box, has in PARTS:
        columns, rows = canvas.columns_and_rows(box)
        view = canvas.image[:, :, rows, columns]
        x, y = canvas.x[..., columns], canvas.y[:, rows]
        if has is None:
            window = Canvas(view.contiguous(), x, y, canvas.pixel)
            part(window, everybody)
            if window.image is not view:
                view.copy_(window.image)
        else:
            chosen = has(everybody).flatten().nonzero()[:, 0]
            if len(chosen):
                window = Canvas(view[chosen], x, y, canvas.pixel)
                part(window, everybody.only(chosen))
                view[chosen] = window.image
    return canvas.image.clamp_(0, 1)
