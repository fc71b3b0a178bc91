"""How a drawn person is painted: background, body, clothes and head, part by part, from back to front."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from . import _face_features as features
from . import _face_hair as hair
from ._face_looks import Sitter
from ._outfit_looks import GARMENTS, wearer
from ._shapes import Canvas, blob, circle, ellipse, length, rounded_box

HEAD = 0.53  # the size of a head, compared with that of a portrait
PERIOD = 0.25  # of a pattern: four pixels of a picture of 32


class Stencil(Canvas):
    """A canvas that notes, in place of colours, how much of each pixel shows what is painted with `note` 1."""

    note = 0.0

    def paint(self, coverage: Tensor, colour: Tensor) -> None:
        coverage = coverage.unsqueeze(1)
        self.image.mul_(1 - coverage).add_(coverage * self.note)


def _place(canvas: Canvas, p: Sitter) -> tuple[Tensor, Tensor]:
    """Coordinates from the middle of the body outwards, as both halves are alike, and from its shoulders down."""
    return (canvas.x - p.middle).abs(), canvas.y - p.top


def _leg_place(canvas: Canvas, p: Sitter) -> tuple[Tensor, Tensor]:
    """Coordinates across a leg and down along it."""
    x, y = _place(canvas, p)
    return _turned(x - 0.52 * p.half, y - p.torso, p.splay)


def _arm_place(canvas: Canvas, p: Sitter) -> tuple[Tensor, Tensor]:
    """Coordinates across an arm and down along it."""
    x, y = _place(canvas, p)
    raised = torch.where(canvas.x > p.middle, p.right_arm, p.left_arm)
    # Squared: arms hang more often than they wave.
    return _turned(x - p.half + 0.035, y - 0.085, 0.38 + 1.75 * raised.square())


def _turned(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    sin, cos = angle.sin(), angle.cos()
    return x * cos - y * sin, x * sin + y * cos


def _tube(x: Tensor, y: Tensor, end, half, half_end) -> Tensor:
    """Signed distance to a limb or a sleeve, from a round start at the origin to a straight `end`."""
    t = (y / end).clamp(0, 1)
    return torch.maximum(length(x, y - end * t) - half - (half_end - half) * t, y - end)


def _piece(x: Tensor, y: Tensor, top, bottom, half_top, half_bottom, corner) -> Tensor:
    """Signed distance to a piece of cloth, from `top` to `bottom`, that widens on its way."""
    t = ((y - top) / (bottom - top)).clamp(0, 1)
    half = half_top + (half_bottom - half_top) * t
    return rounded_box(x, y - (top + bottom) / 2, half, (bottom - top) / 2, corner)


def _soft(canvas: Canvas, p: Sitter, distance: Tensor, colour: Tensor) -> None:
    """Paint something soft: darker towards its edges, lighter on the side of the light."""
    edge = (1 + distance / 0.06).clamp(0, 1).square()
    light = 1.03 - 0.24 * edge + 0.25 * p.light_x * (canvas.x - p.middle)
    canvas.paint(canvas.cover(distance), (colour * light.unsqueeze(1)).clamp_(0, 1))


def _cloth(canvas: Canvas, p: Sitter) -> Tensor:
    """The coloured cloth with its pattern: (n, 3, height, width)."""
    x, y = 2 * math.pi / PERIOD * (canvas.x - p.middle), 2 * math.pi / PERIOD * (canvas.y - p.top - 0.02)
    stripes, columns = (canvas.cover(wave * PERIOD / 6) for wave in (y.cos(), x.cos()))
    # Rows of dots are offset, and divided by the root of 2 their nearest neighbours, too, are a period apart.
    dots = canvas.cover((0.30 - (x / 1.414).cos() * ((y - 1.25) / 1.414).cos()) * PERIOD / 4)
    checks = (stripes + columns) / 2
    ink = torch.where(p.pattern == 1, stripes, torch.where(p.pattern == 2, dots, checks))
    return p.cloth.lerp(p.ink, torch.where(p.pattern == 0, 0.0, ink).unsqueeze(1))


def background(canvas: Canvas, p: Sitter) -> None:
    """A soft colour, paler above, and the shadow on the floor."""
    colour = (p.backdrop * 0.60 + 0.365) + (p.backdrop * 0.15 - 0.165) * canvas.y
    canvas.paint(torch.ones_like(canvas.x), colour)
    canvas.paint(blob(canvas.x - p.middle, canvas.y - 0.89, 0.62, 0.11) * 0.55, p.backdrop * 0.45)


def body(canvas: Canvas, p: Sitter) -> None:
    """Legs, shoes and neck."""
    x, y = _leg_place(canvas, p)
    _soft(canvas, p, _tube(x, y, p.leg - 0.05, p.thick * 1.25, p.thick), p.skin)
    x, y = _place(canvas, p)
    foot_x, foot_y = 0.52 * p.half + p.leg * p.splay.sin() + 0.03, p.torso + p.leg * p.splay.cos()
    shoe = rounded_box(x - foot_x, y - foot_y + 0.045, p.thick + 0.045, 0.055, 0.05)
    _soft(canvas, p, torch.maximum(shoe, y - foot_y + 0.005), p.shoes)
    canvas.paint(canvas.cover(_piece(x, y, -0.12, 0.15, 0.085, 0.12, 0.02)), p.skin_dark)


def clothes(canvas: Canvas, p: Sitter) -> None:
    """Trousers (so short that a skirt hides them, where there are none), top and skirt."""
    cloth, shirt = _cloth(canvas, p), p.wear_shirt.unsqueeze(1) > 0
    x, y = _leg_place(canvas, p)
    half = p.thick * 1.25 + 0.03
    trousers = _tube(x, y, p.wear_legs * p.leg, half, half)
    _soft(canvas, p, trousers, torch.where(shirt, cloth, p.other))
    x, y = _place(canvas, p)
    half = p.half + p.wear_chest
    top = torch.maximum(_piece(x, y, 0.0, 1.1 * p.torso, half - 0.03, half, 0.07), -_collar(x, y))
    _soft(canvas, p, top, torch.where(shirt, p.pale, cloth))
    hem = p.torso + p.wear_skirt * p.leg
    skirt = _piece(x, y - 0.25 * x * x, 0.62 * p.torso, hem, p.half - 0.01, p.half + p.wear_flare, 0.03)
    _soft(canvas, p, torch.where(p.wear_skirt > 0, skirt, 1.0), cloth)


def _collar(x: Tensor, y: Tensor) -> Tensor:
    return ellipse(x, y, 0.13, 0.07)


def belt(canvas: Canvas, p: Sitter) -> None:
    """The belt of dress and skirt."""
    x, y = _place(canvas, p)
    _soft(canvas, p, rounded_box(x, y - 0.66 * p.torso, p.half + 0.005, 0.032, 0.02), p.other)


def coat(canvas: Canvas, p: Sitter) -> None:
    """The shirt below, lapels, a seam and buttons."""
    x, y = _place(canvas, p)
    opening = x - 0.13 + 0.62 * y
    canvas.paint(canvas.cover(torch.maximum(torch.maximum(opening, -y), -_collar(x, y))), p.pale)
    lapel = torch.maximum((opening - 0.04).abs() - 0.05, (y - 0.145).abs() - 0.125)
    _soft(canvas, p, lapel, p.other)
    seam = torch.maximum(x - 0.010, torch.maximum(0.22 - y, y - p.torso - p.wear_skirt * p.leg))
    canvas.paint(canvas.cover(seam) * 0.6, p.cloth * 0.5)
    for i in range(3):
        canvas.paint(canvas.cover(circle(canvas.x - p.middle - 0.06, y - 0.3 - 0.13 * i, 0.028)), p.other)


def hoodie(canvas: Canvas, p: Sitter) -> None:
    """Hood, cords and pocket."""
    x, y = _place(canvas, p)
    hood = torch.maximum(ellipse(x, y - 0.01, 0.25, 0.11), -_collar(x, y + 0.02))
    pocket = _piece(x, y, 0.66 * p.torso, 0.97 * p.torso, 0.09, 0.17, 0.02)
    _soft(canvas, p, torch.minimum(hood, pocket), p.cloth * 0.8)
    canvas.paint(canvas.cover(rounded_box(x - 0.06, y - 0.18, 0.014, 0.07, 0.014)), p.pale)


def dungarees(canvas: Canvas, p: Sitter) -> None:
    """Straps, bib and seat."""
    x, y = _place(canvas, p)
    strap = torch.maximum((x - 0.15 + 0.1 * y).abs() - 0.04, (y - 0.12).abs() - 0.13)
    bib = _piece(x, y, 0.19, p.torso, 0.16, p.half + 0.01, 0.03)
    seat = _piece(x, y, 0.75 * p.torso, p.torso + 0.07, p.half + 0.01, p.half + 0.02, 0.03)
    _soft(canvas, p, torch.minimum(torch.minimum(strap, bib), seat), _cloth(canvas, p))
    canvas.paint(canvas.cover(circle(x - 0.125, y - 0.22, 0.025)), p.gold)


def arms(canvas: Canvas, p: Sitter) -> None:
    """Arms and hands."""
    x, y = _arm_place(canvas, p)
    hand = circle(x, y - p.arm + p.thick, 1.1 * p.thick)
    _soft(canvas, p, torch.minimum(_tube(x, y, p.arm - p.thick, p.thick, p.thick), hand), p.skin)


def sleeves(canvas: Canvas, p: Sitter) -> None:
    """Both sleeves."""
    x, y = _arm_place(canvas, p)
    sleeve = _tube(x, y, p.wear_sleeve * p.arm, p.thick + 0.02, p.thick + p.wear_sleeve_wide)
    _soft(canvas, p, sleeve, torch.where(p.wear_shirt.unsqueeze(1) > 0, p.pale, _cloth(canvas, p)))


def eyes(canvas: Canvas, p: Sitter) -> None:
    """Button eyes with a spark of light."""
    x, y = features.head_place(canvas, p)
    e, y = (x - 0.05 * p.gaze_x).abs() - p.eye_x, y - 0.06
    canvas.paint(canvas.cover(ellipse(e, y, 0.104, 0.128)) * 0.85, p.white)
    canvas.paint(canvas.cover(ellipse(e, y - 0.008, 0.084, 0.106)), p.hair_dark * 0.2 + 0.04)
    spark = canvas.cover(circle(e - 0.02 * p.light_x, y + 0.035, 0.030))
    canvas.paint(spark * min(1.0, 0.04 / canvas.pixel), p.white)  # a full one would make small eyes grey


def _on_head(part):
    """A part of a portrait, painted at the size and place of the head."""

    def paint(canvas: Canvas, p: Sitter) -> None:
        x, y = (canvas.x - p.middle) / HEAD, (canvas.y - p.top - 0.04) / HEAD + p.height
        part(type(canvas)(canvas.image, x, y, canvas.pixel / HEAD), p)

    return paint


def _wear(*garments: str):
    """Who wears one of these: from everybody to a mask (n,)."""
    ways = torch.tensor([name in garments for name in GARMENTS])
    return lambda p: ways.to(p.garment.device)[p.garment.long()]


HAIR_BOX, FACE_BOX = (-0.75, -1, 0.75, 0.35), (-0.55, -0.85, 0.55, -0.03)
BODY_BOX, TORSO_BOX, ARM_BOX = (-0.7, -0.35, 0.7, 1), (-0.5, -0.4, 0.5, 0.8), (-0.95, -0.65, 0.95, 0.5)

# What paints a part, whether it is worn, the window it may touch (left, top, right, bottom), and who has it.
PARTS = (
    (background, False, (-1, -1, 1, 1), None),
    (_on_head(hair.hair_behind), False, HAIR_BOX, None),
    (body, False, BODY_BOX, None),
    (clothes, True, BODY_BOX, None),
    (belt, True, TORSO_BOX, _wear("dress", "skirt")),
    (coat, True, TORSO_BOX, _wear("coat")),
    (hoodie, True, TORSO_BOX, _wear("hoodie")),
    (dungarees, True, TORSO_BOX, _wear("dungarees")),
    (arms, False, ARM_BOX, None),
    (sleeves, True, ARM_BOX, None),
    *(
        (_on_head(part), False, FACE_BOX, None)
        for part in (features.ears, features.head, eyes, features.mouth, features.brows)
    ),
    (_on_head(hair.glasses), False, FACE_BOX, lambda p: p.glasses == 1),
    (_on_head(hair.hair_front), False, HAIR_BOX, None),
)


@torch.no_grad()
def draw(factors: dict[str, Tensor], size: int, stencil: bool = False) -> Tensor:
    """Paint one chunk of figures: (n, 3, size, size) in [0, 1], on the device of the factors, (n,) each.

    With `stencil`, how much of each pixel shows clothes: (n, 1, size, size) in [0, 1].
    """
    everybody = wearer(factors)
    canvas = Canvas.blank(len(factors["garment"]), size, factors["garment"].device)
    canvas.image = canvas.image[:, : 1 if stencil else 3].zero_()
    kind = Stencil if stencil else Canvas
    for part, worn, box, has in PARTS:
        columns, rows = canvas.columns_and_rows(box)
        chosen = slice(None) if has is None else has(everybody).flatten()
        view = canvas.image[:, :, rows, columns]
        window = kind(view[chosen].contiguous(), canvas.x[..., columns], canvas.y[:, rows], canvas.pixel)
        window.note = float(worn)
        part(window, everybody if has is None else everybody.only(chosen))
        view[chosen] = window.image
    return canvas.image.clamp_(0, 1)
