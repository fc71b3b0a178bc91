"""Differently written right answers to the exercises of lesson 00, by exercise."""

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


ANSWERS = {
    "luminance": [luminance],
    "crop_centre": [crop_centre],
    "downsample": [downsample],
    "sharpen_kernel": [sharpen_kernel],
    "my_filter": [my_filter],
}
