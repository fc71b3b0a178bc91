"""Differently written right answers to the exercises of lesson 09, by exercise."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from imagegen_lessons import superres


def cubic_weights(t):
    before = -t / 2 + t**2 - t**3 / 2  # the curve through both pixels with the slopes of their neighbours
    after = (t**3 - t**2) / 2
    left = 1 - 5 / 2 * t**2 + 3 / 2 * t**3
    return torch.stack([before, left, 1 - before - left - after, after], dim=-1)


def psnr(x, y):
    errors = [F.mse_loss(a, b) for a, b in zip(x, y, strict=True)]
    return torch.stack([20 * torch.log10(1 / error.sqrt()) for error in errors])


def ssim_window(x, y):
    values = []
    for a, b in zip(x.flatten(1), y.flatten(1), strict=True):
        (vx, cov), (_, vy) = torch.stack([a, b]).cov(correction=0)
        mx, my = a.mean(), b.mean()
        top = (2 * mx * my + 1e-4) * (2 * cov + 9e-4)
        values.append(top / ((mx.square() + my.square() + 1e-4) * (vx + vy + 9e-4)))
    return torch.stack(values)


def pixel_shuffle(maps, scale):
    n, channels, h, w = maps.shape
    large = torch.empty(n, channels // scale**2, scale * h, scale * w)
    for k in range(scale**2):
        large[..., k // scale :: scale, k % scale :: scale] = maps[:, k :: scale**2]
    return large


def back_projection_step(high, low, scale):
    down, up = 1 / scale, scale  # bicubic interpolation is linear, so both may be enlarged first
    options = dict(mode="bicubic", antialias=True)
    there = F.interpolate(F.interpolate(high, scale_factor=down, **options), scale_factor=up, **options)
    return high + F.interpolate(low, scale_factor=up, **options) - there


def cubic_weights_by_loops(t):
    rows = []
    for place in t.tolist():
        distances = [abs(place - pixel) for pixel in (-1, 0, 1, 2)]
        rows.append(
            [
                1.5 * d**3 - 2.5 * d**2 + 1 if d < 1 else -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
                for d in distances
            ]
        )
    return torch.tensor(rows)


def ssim_in_numpy(x, y):
    values = []
    for a, b in zip(x.numpy(), y.numpy(), strict=True):
        cov = ((a - a.mean()) * (b - b.mean())).mean()
        luminance = (2 * a.mean() * b.mean() + 1e-4) / (a.mean() ** 2 + b.mean() ** 2 + 1e-4)
        values.append(luminance * (2 * cov + 9e-4) / (a.var() + b.var() + 9e-4))
    return np.array(values)


def unflattened(maps, scale):
    squares = maps.unflatten(1, (-1, scale, scale))
    return torch.einsum("ncabhw->nchawb", squares).flatten(4, 5).flatten(2, 3)


ANSWERS = {
    "cubic_weights": [cubic_weights, cubic_weights_by_loops],
    "psnr": [
        psnr,
        lambda x, y: [-10 * math.log10(((a - b) ** 2).mean().item()) for a, b in zip(x, y, strict=True)],
        lambda x, y: -10 * np.log10(((x.numpy() - y.numpy()) ** 2).mean(axis=(1, 2, 3))),
    ],
    "ssim_window": [ssim_window, ssim_in_numpy],
    "pixel_shuffle": [pixel_shuffle, unflattened, F.pixel_shuffle],
    "back_projection_step": [
        back_projection_step,
        lambda high, low, scale: torch.cat(
            [superres.back_projection_step(a[None], b[None], scale) for a, b in zip(high, low, strict=True)]
        ),
    ],
}
