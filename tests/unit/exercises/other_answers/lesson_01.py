"""Differently written right answers to the exercises of lesson 01, by exercise."""

import torch
import torch.nn.functional as F

from imagegen_lessons.networks import ConvNet


def sgd_step(w, gradient, lr):
    return torch.add(w, gradient, alpha=-lr)


def linear_gradient(x, y, w):
    w = w.clone().requires_grad_()
    return torch.autograd.grad(F.mse_loss(x @ w, y), w)[0]


def output_size(size, kernel, stride, padding):
    return len(range(0, size + 2 * padding - kernel + 1, stride))


def right_by_group(right, group, groups):
    total = torch.bincount(group, minlength=groups)
    hits = torch.bincount(group[right], minlength=groups)
    return [[int(h), int(t)] for h, t in zip(hits, total, strict=True)]


class TinyClassifier(ConvNet):
    def __init__(self):
        super().__init__(channels=3, outputs=1, width=6)

    def forward(self, x):
        return super().forward(x)[:, 0]


ANSWERS = {
    "sgd_step": [sgd_step],
    "linear_gradient": [linear_gradient],
    "output_size": [output_size],
    "right_by_group": [right_by_group],
    "TinyClassifier": [TinyClassifier],
}
