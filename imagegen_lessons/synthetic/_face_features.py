"""The drawn face itself: head, ears, cheeks, nose, mouth, eyes and brows. Each function paints one thing."""

from __future__ import annotations

import torch
from torch import Tensor

from ._face_looks import Sitter
from ._shapes import Canvas, blob, circle, ellipse, length

FRECKLES = ((0.20, 0.13), (0.26, 0.17), (0.32, 0.13), (0.23, 0.22), (0.30, 0.22), (0.36, 0.18), (0.06, 0.12))


def head_place(canvas: Canvas, p: Sitter) -> tuple[Tensor, Tensor]:
    """Coordinates around the middle of the head, leaning with it."""
    x, y = canvas.x, canvas.y - 0.6
    return p.cos * x + p.sin * y, p.cos * y - p.sin * x + (0.6 - p.centre)


def face_place(x: Tensor, y: Tensor, p: Sitter) -> tuple[Tensor, Tensor]:
    """From head to face coordinates: features sit on a cylinder that turns, and move when the head nods."""
    radius = 1.12 * p.width
    depth = (radius * radius - x * x).clamp_(min=0).sqrt_()
    return x * p.turn_cos - depth * p.turn_sin, y - 0.05 * p.nod


def head_shape(x: Tensor, y: Tensor, p: Sitter) -> Tensor:
    """Signed distance to the head: an ellipse whose lower half narrows to a chin, or squares to a jaw."""
    y = y / p.height
    low = y.clamp(0, 1)
    x = x / (p.width * (1 - (0.20 - 0.14 * p.jaw) * low * low))
    xx, yy = x * x, y * y
    slope = ((xx + yy).sqrt_() / p.width).clamp_(min=0.1)
    return (xx + yy - (0.1 + 0.45 * p.jaw) * low * xx * yy - 1) / (2 * slope)


def ears(canvas: Canvas, p: Sitter) -> None:
    """Both ears; a turning head hides one."""
    x, y = head_place(canvas, p)
    x, y = (x + 0.05 * p.yaw).abs() - p.width * 0.985, y - 0.06
    size = 0.75 + 0.4 * p.ear_size
    canvas.paint(canvas.cover(ellipse(x, y, 0.085 * size, 0.14 * size)), p.skin.lerp(p.skin_dark, 0.15))
    canvas.paint(canvas.cover(ellipse(x - 0.01, y - 0.01, 0.045 * size, 0.085 * size)) * 0.6, p.skin_dark)


def head(canvas: Canvas, p: Sitter) -> None:
    """The head, shaded by the light, with rosy cheeks."""
    x, y = head_place(canvas, p)
    u, v = face_place(x, y, p)
    t = p.light * (p.light_x * 1.2 * x / p.width - 0.38 * y / p.height)
    skin = p.skin.lerp(p.skin_light, (t - 0.08).clamp_(0, 1).unsqueeze(1))
    skin.lerp_(p.skin_dark, (-0.05 - t).clamp_(0, 1).unsqueeze(1))
    cheeks = (0.20 + 0.50 * p.blush + 0.25 * p.happy) * blob(u.abs() - 0.29, v - 0.19, 0.19, 0.15)
    skin.lerp_(p.rosy, cheeks.unsqueeze(1))
    canvas.paint(canvas.cover(head_shape(x, y, p)), skin)


def freckles(canvas: Canvas, p: Sitter) -> None:
    """Freckles on nose and cheeks."""
    u, v = face_place(*head_place(canvas, p), p)
    spots = torch.zeros_like(u)
    for i, (x, y) in enumerate(FRECKLES):
        # The right half is the left one a little displaced: faces are only nearly symmetrical.
        shift = 0.012 * (-1) ** i * torch.where(u > 0, 1.0, -1.0)
        spot = circle(u.abs() - x + shift, v - y, 0.006 + 0.006 * p.freckles)
        spots = torch.maximum(spots, canvas.cover(spot))
    canvas.paint(spots * (0.15 + 0.3 * p.freckles), p.skin_dark * 0.85)


def nose(canvas: Canvas, p: Sitter) -> None:
    """The nose: a side in shadow, a lit tip and the line beneath it."""
    u, v = face_place(*head_place(canvas, p), p)
    half = 0.055 + 0.045 * p.nose_width
    u, v = u - 0.05 * p.yaw, v - 0.16 - 0.05 * p.nose_length
    side = blob(u + 0.05 * p.light_x, v + 0.05, half * 1.15, 0.13)
    canvas.paint(side * (0.25 + 0.25 * p.light), p.skin_dark)
    canvas.paint(blob(u - 0.012 * p.light_x, v + 0.02, half * 0.7, 0.06) * 0.75, p.skin_light)
    below = v - 0.035 * (1 - (u / half).square())
    line = length((u.abs() - half * 0.8).clamp(min=0), below) - max(0.012, 0.4 * canvas.pixel)
    canvas.paint(canvas.cover(line) * 0.85, p.skin_dark * 0.78)


def mouth(canvas: Canvas, p: Sitter) -> None:
    """Lips around a curve that smiles, and teeth and tongue between them."""
    u, v = face_place(*head_place(canvas, p), p)
    half = (0.140 + 0.060 * p.mouth_width) * (1 + 0.35 * p.happy)
    t = (u / half).square()
    lens = 1 - t
    v = v - p.mouth_y + 0.14 * p.smile * (t - 0.45)
    lower = 0.15 * p.opening * lens
    full = 0.026 + 0.028 * p.lip_fullness
    bow = 1 - 0.25 * (1 - (u / 0.05).square()).clamp(min=0)
    ends = u.abs() - half
    lips = torch.maximum(-full * 0.9 * lens * bow - v, v - lower - full * 1.15 * lens)
    canvas.paint(canvas.cover(torch.maximum(lips, ends)), p.lips)
    gloss = blob(u - 0.03 * p.light_x, v - lower - 0.6 * full, half * 0.5, full * 0.45)
    canvas.paint(gloss * 0.35, p.lips * 0.65 + 0.35)
    line = max(0.012, 0.42 * canvas.pixel) * (0.4 + 0.6 * lens)
    inside = torch.maximum(-v - 0.01 * p.opening, v - lower) - line
    inside = canvas.cover(torch.maximum(inside, ends - 0.004))
    canvas.paint(inside, p.lips * 0.30)
    tongue = canvas.cover(ellipse(u, v - 0.17 * p.opening, half * 0.55, 0.02 + 0.06 * p.opening))
    canvas.paint(inside * tongue * (6 * p.opening - 0.5).clamp(0, 1), p.tongue * 0.6 + p.lips * 0.4)
    teeth = canvas.cover(v - (0.035 + 0.015 * p.smile) * lens) * (12 * p.opening - 0.2).clamp(0, 1)
    teeth = teeth * (1 + 0.8 * p.smile.clamp(max=0))
    canvas.paint(inside * teeth, p.white)


def eyes(canvas: Canvas, p: Sitter) -> None:
    """Whites, irises, pupils, highlights and lids; both eyes at once, by mirroring."""
    u, v = face_place(*head_place(canvas, p), p)
    e = u.abs() - p.eye_x  # from the middle of an eye, outwards
    v = v + 0.16 * p.eye_slant * e
    t = (e / p.eye_half).square()
    bend = 1 - t * (0.45 + 0.55 * t)
    low = p.eye_half * (0.72 - 0.24 * p.happy)
    lid = bend * torch.lerp(low * 0.75, -0.86 * p.eye_half, p.lids)
    ends = e.abs() - p.eye_half
    eye = canvas.cover(torch.maximum(torch.maximum(lid - v, v - low * bend), ends))
    canvas.paint(blob(e, v + 0.01, p.eye_half * 1.45, p.eye_half * 1.5) * 0.28, p.skin_dark)
    canvas.paint(eye, p.white * (1 - 0.24 * (1 - (v - lid) / 0.06).clamp(0, 1)).unsqueeze(1))

    x = torch.where(u > 0, e, -e) - 0.045 * p.gaze_x  # the gaze is not mirrored
    y = v - 0.030 * p.gaze_y * p.lids + 0.004
    radius = 0.062 + 0.010 * p.eye_size
    far = length(x, y)
    glow = 1 + 0.45 * (y / radius).clamp(-1, 1) - 2 * (far / radius - 0.78).clamp(0, 0.25)
    canvas.paint(canvas.cover(far - radius) * eye, (p.iris * glow.unsqueeze(1)).clamp_(0, 1))
    canvas.paint(canvas.cover(far - radius * 0.50) * eye, p.iris * 0.15)
    spark = circle(x - 0.020 * p.light_x - 0.006, y + 0.024, max(0.018, 0.30 * canvas.pixel))
    canvas.paint(canvas.cover(spark) * eye * 0.95, p.white)

    lash = 0.010 + 0.013 * p.lashes * (0.6 + 0.8 * (e / p.eye_half).clamp(0, 1.2))
    line = length(ends.clamp(min=0), v - lid) - lash.clamp(min=0.32 * canvas.pixel)
    canvas.paint(canvas.cover(line) * (0.72 + 0.24 * p.lashes), p.hair_dark * 0.25 + p.skin * 0.06)
    crease = (v - lid + 0.042).abs() - 0.006
    canvas.paint(canvas.cover(crease) * (1 - t).clamp(0, 1) * 0.45 * p.lids, p.skin_dark * 0.85)


def brows(canvas: Canvas, p: Sitter) -> None:
    """The brows, which say most about a mood."""
    u, v = face_place(*head_place(canvas, p), p)
    half = p.eye_half + 0.012
    e = u.abs() - p.eye_x - 0.005
    t = e / half
    raised = p.brow.clamp(min=0)
    middle = -0.175 - 0.05 * p.brow + (0.42 * p.brow - 0.20 * raised - 0.12 * p.eye_slant) * e
    middle = middle + 0.032 * t * t + 0.02 * raised * (t * t - 0.5)
    thick = (0.014 + 0.018 * p.brow_thickness) * (1.05 - 0.40 * t.clamp(-1, 1))
    shape = length((e.abs() - half * 0.9).clamp(min=0), v - middle) - thick.clamp(min=0.40 * canvas.pixel)
    canvas.paint(canvas.cover(shape) * 0.92, p.hair.lerp(p.hair_dark, 0.45))
