"""Differently written right answers to the exercises of lesson 01, by exercise."""

import math

import torch

from imagegen_lessons.networks import ConvNet


def sgd_step(w, gradient, lr):
    return torch.add(w, gradient, alpha=-lr)


def linear_gradient(x, y, w):
    total = torch.zeros_like(w)
    for example, truth in zip(x, y, strict=True):
        total += 2 * ((example * w).sum() - truth) * example
    return total / len(x)


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
    "sgd_step": [sgd_step, lambda w, gradient, lr: (w.double() - lr * gradient.double()).numpy()],
    "linear_gradient": [
        linear_gradient,
        lambda x, y, w: (2 * x * (x @ w - y)[:, None]).mean(dim=0),
        lambda x, y, w: torch.einsum("nk,n->k", x, 2 / len(y) * (torch.einsum("nk,k->n", x, w) - y)),
        lambda x, y, w: 2 * x.numpy().T @ (x.numpy() @ w.numpy() - y.numpy()) / len(y),
    ],
    "output_size": [
        output_size,
        lambda s, k, stride, padding: math.floor((s + 2 * padding - k) / stride + 1),
    ],
    "right_by_group": [
        right_by_group,
        lambda right, group, groups: torch.stack(
            [torch.stack([right[group == g].sum(), (group == g).sum()]) for g in range(groups)]
        ),
        lambda right, group, groups: [
            (
                sum(r and k == g for r, k in zip(right.tolist(), group.tolist(), strict=True)),
                group.tolist().count(g),
            )
            for g in range(groups)
        ],
    ],
    "TinyClassifier": [TinyClassifier],
}
