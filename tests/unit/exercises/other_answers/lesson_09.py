"""Differently written right answers to the exercises of lesson 09, by exercise."""

import torch
import torch.nn.functional as F


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


ANSWERS = {
    "cubic_weights": [cubic_weights],
    "psnr": [psnr],
    "ssim_window": [ssim_window],
    "pixel_shuffle": [pixel_shuffle],
    "back_projection_step": [back_projection_step],
}
