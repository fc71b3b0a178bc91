"""A differently written right answer to every exercise: the checks must accept what is right, not what is ours."""

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


OTHER_ANSWERS = {name: value for name, value in globals().items() if callable(value)}
