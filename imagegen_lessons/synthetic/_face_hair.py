"""Hair, beards and what people wear on their heads. Each function paints one thing."""

from __future__ import annotations

import torch
from torch import Tensor

from ._face_features import face_place, head_place, head_shape
from ._face_looks import Sitter
from ._shapes import Canvas, arch, circle, ellipse, length, rounded_box


def hair_behind(canvas: Canvas, p: Sitter) -> None:
    """The hair behind head and neck, in its own shadow."""
    x, y = head_place(canvas, p)
    x, y = x / p.width, y / p.height
    curls = torch.sin(9 * x + 1.4 * torch.sin(5 * y)) * torch.sin(9 * y + 1.4 * torch.sin(5 * x))
    high = y.clamp(max=0).square()
    cap = ellipse(x - p.cut_sweep * high, y + 0.03, 1 + p.cut_side, 1 + p.cut_top + 0.3 * p.cut_sweep.abs())
    cap = torch.maximum(cap, y - torch.maximum(p.cut_length, p.cut_end).clamp(max=0.6))
    waves = p.cut_wave * (y + 0.2).clamp(0, 1) * torch.sin(8 * y + 0.8 * x)
    half = (p.cut_length + 0.4) / 2
    behind = rounded_box(x + waves, y + 0.4 - half, p.cut_back, half, 0.25 * p.cut_back.minimum(half))
    knot = circle(torch.where(p.cut_knot_x > 0, x.abs(), x) - p.cut_knot_x, y - p.cut_knot_y, p.cut_knot)
    shape = torch.minimum(torch.minimum(cap, behind), knot) - p.cut_curl * curls
    # The front of the hair has the same silhouette and colours: kept for it.
    p.hair_curls, p.hair_shape = curls, shape * p.width
    p.hair_image = _hair_colours(x, y, curls, p, canvas.pixel)
    canvas.paint(canvas.cover(p.hair_shape), p.hair_image * 0.70)


def _hair_colours(x: Tensor, y: Tensor, curls: Tensor, p: Sitter, pixel: float) -> Tensor:
    """Hair with strands or curls, a band of sheen and a lit side: (n, 3, height, width)."""
    far = length(x, y + 0.05)
    spread = (x - 0.3 * p.cut_slant) / (0.45 + far)
    strands = 0.16 * torch.sin(17 * spread) * min(1.0, 0.03 / pixel)
    if pixel < 0.03:  # finer strands than a small picture can show
        strands = strands + 0.14 * torch.sin(61 * spread + (1 + 30 * p.cut_wave) * curls) * min(
            1.0, 0.008 / pixel
        )
    texture = torch.where(p.cut_curl > 0, 0.26 * curls, strands)
    sheen = (1 - ((far - 0.98) / 0.16).square()).clamp_(min=0) * (0.3 - y).clamp(0, 1)
    t = texture + 0.60 * sheen + 0.40 * p.light * (p.light_x * x - 0.4 * y)
    image = p.hair.lerp(p.hair_light, t.clamp(0, 1).unsqueeze(1))
    return image.lerp_(p.hair_dark, (-t).clamp_(0, 1).unsqueeze(1))


def hair_front(canvas: Canvas, p: Sitter) -> None:
    """The hair around the face, and its shadow on the forehead."""
    x, y = head_place(canvas, p)
    u, v = face_place(x, y, p)
    u, v = u / p.width, v / p.height
    # Beside the cheeks the hair thins out towards its end.
    taper = ((v - p.cut_end + 0.40) / 0.40).clamp_(0, 1).square_()
    half = p.cut_open + (1.12 + p.cut_side - p.cut_open) * taper
    edge = v + p.cut_slant * u - p.cut_peak * u.abs() + 0.10 * u * u - 0.4 * p.cut_curl * p.hair_curls
    free = arch(u, edge, half, p.cut_line, p.cut_round) * p.width
    shadow = (1 + free / 0.10).clamp_(0, 1) * (0.75 - 2.5 * v).clamp_(0, 1)
    canvas.paint(shadow * canvas.cover(head_shape(x, y, p)) * 0.45, p.skin_dark)
    front = torch.maximum(p.hair_shape, torch.maximum(-free, (v - p.cut_end) * p.width))
    canvas.paint(canvas.cover(front), p.hair_image)


def beard(canvas: Canvas, p: Sitter) -> None:
    """Stubble, moustache, goatee or full beard."""
    x, y = head_place(canvas, p)
    u, v = face_place(x, y, p)
    mouth = v - p.mouth_y
    stubble = p.beard == 1
    depth = torch.where(stubble, -0.01, 0.03)  # stubble stays on the skin
    full = torch.maximum(head_shape(x, y, p) - depth, 0.20 - v + 0.5 * (0.36 - u.abs()))
    full = torch.maximum(full, -ellipse(u, mouth - 0.005, 0.15, 0.06 + 0.05 * p.opening))
    chin = ellipse(u, mouth - 0.19, 0.13, 0.11)
    lip = torch.maximum(ellipse(u, mouth + 0.035, 0.175, 0.06), mouth + 0.015 - 1.2 * u * u)
    shape = torch.where(p.beard == 2, lip, torch.where(p.beard == 3, chin, full))
    shape = torch.where(p.beard == 4, torch.minimum(shape, lip), shape)
    strands = 0.05 * torch.sin(40 * u + 9 * v).unsqueeze(1) * min(1.0, 0.03 / canvas.pixel)
    grown = p.hair.lerp(p.hair_dark, 0.25)
    colour = torch.where(stubble[..., None], p.skin_dark * 0.6 + p.hair_dark * 0.25, grown)
    canvas.paint(canvas.cover(shape) * torch.where(stubble, 0.35, 0.95), colour * (1 + strands))


def glasses(canvas: Canvas, p: Sitter) -> None:
    """Glasses: rims, bridge, temples and a glint."""
    x, y = head_place(canvas, p)
    u, v = face_place(x, y, p)
    e, v = u.abs() - p.eye_x - 0.012, v - 0.012
    round_, square, cat = p.glasses_shape == 0, p.glasses_shape == 1, p.glasses_shape == 3
    wide = torch.where(round_, 0.150, torch.where(square, 0.155, 0.165))
    tall = torch.where(round_, 0.150, torch.where(square, 0.135, 0.110))
    corner = torch.where(round_, 0.149, torch.where(square, 0.05, 0.085))
    v = v + torch.where(cat, 0.30, 0.0) * e.clamp(min=0)
    lens = rounded_box(e, v, wide, tall, corner)
    weight = max(0.016, 0.40 * canvas.pixel)
    pane = canvas.cover(lens)
    canvas.paint(pane * 0.20, p.white)
    canvas.paint(canvas.cover((0.7 * e + 0.7 * v + 0.05).abs() - 0.022) * pane * 0.35, p.white)
    bridge = torch.maximum((v + 0.03 - 0.6 * u * u).abs() - weight, u.abs() - (p.eye_x - wide + 0.02))
    reach = torch.maximum(p.eye_x + wide - u.abs(), x.abs() - 0.97 * p.width)
    temple = torch.maximum((v + 0.035).abs() - weight, reach)
    canvas.paint(canvas.cover(torch.minimum(lens.abs() - weight, torch.minimum(bridge, temple))), p.frame)


def earrings(canvas: Canvas, p: Sitter) -> None:
    """Studs or hoops."""
    x, y = head_place(canvas, p)
    x = (x + 0.05 * p.yaw).abs() - p.width
    y = y - 0.165 - 0.056 * p.ear_size
    hoop = circle(x, y - 0.06, 0.065).abs() - 0.013
    canvas.paint(canvas.cover(torch.where(p.earrings == 1, circle(x, y, 0.030), hoop)), p.gold)
