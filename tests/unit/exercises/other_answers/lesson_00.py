"""Differently written right answers to the exercises of lesson 00, by exercise."""

import numpy
import torch
import torch.nn.functional as F


def luminance(x):
    return torch.einsum("c,nchw->nhw", torch.tensor([0.299, 0.587, 0.114]), x).unsqueeze(1)


def crop_centre(x, size):
    height, width = x.shape[-2:]
    rows = torch.arange(size) + (height - size) // 2
    columns = torch.arange(size) + (width - size) // 2
    return x[:, :, rows][:, :, :, columns]


def downsample(x, factor):
    return F.avg_pool2d(x, factor)


def sharpen_kernel(amount):
    kernel = torch.full((3, 3), -amount / 9)
    kernel[1, 1] += 1 + amount
    return kernel


def my_filter(x):
    return 1 - x.flip(-1)


def crop_by_narrow(x, size):
    top, left = int((x.shape[2] - size) / 2), int((x.shape[3] - size) / 2)
    return x.narrow(2, top, size).narrow(3, left, size)


ANSWERS = {
    "luminance": [
        luminance,
        lambda x: F.conv2d(x, torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)),
        lambda x: torch.stack([0.299 * r + 0.587 * g + 0.114 * b for r, g, b in x]).unsqueeze(1),
        lambda x: (x.numpy() * numpy.array([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(
            axis=1, keepdims=True
        ),
    ],
    "crop_centre": [crop_centre, crop_by_narrow],
    "downsample": [
        downsample,
        lambda x, factor: x.unfold(2, factor, factor).unfold(3, factor, factor).mean(dim=(-1, -2)),
        lambda x, factor: (
            sum(x[..., i::factor, j::factor] for i in range(factor) for j in range(factor)) / factor**2
        ),
    ],
    "sharpen_kernel": [
        sharpen_kernel,
        lambda amount: [[-amount / 9] * 3, [-amount / 9, 1 + 8 * amount / 9, -amount / 9], [-amount / 9] * 3],
    ],
    "my_filter": [
        my_filter,
        lambda x: (
            (x - x.amin(dim=(2, 3), keepdim=True))
            / (x.amax(dim=(2, 3), keepdim=True) - x.amin(dim=(2, 3), keepdim=True))
        ),
        lambda x: ((x.double() - 0.5) * 2 + 0.5).clamp(0, 1),
        lambda x: (x + 0.05 * torch.randn_like(x)).clamp(0, 1),
        lambda x: x.clamp(0.1, 0.9),
    ],
}
