"""Differently written right answers to the exercises of lesson 04, by exercise."""

import math
from collections import Counter

import numpy as np
import scipy
import torch


def precision(real, fake, k):
    inside = []
    for y in fake:
        reach = [(real - x).norm(dim=1).topk(k + 1, largest=False).values[-1] for x in real]
        inside.append(any((y - x).norm() <= r for x, r in zip(real, reach, strict=True)))
    return sum(inside) / len(inside)


def frechet_distance(a, b):
    step, (cov_a, cov_b) = a.mean(dim=0) - b.mean(dim=0), [x.T.cov().reshape(2 * x.shape[1:]) for x in (a, b)]
    overlap = torch.linalg.eigvals(cov_a @ cov_b).real.clamp(min=0).sqrt().sum()
    return step @ step + torch.trace(cov_a + cov_b) - 2 * overlap


def coverage(real, fake, k):
    reach = torch.cdist(real, real).kthvalue(k + 1, dim=1).values
    return (torch.cdist(fake, real) <= reach).any(dim=0).double().mean().item()


def effective_classes(labels, classes):
    p = torch.stack([(labels == c).double().mean() for c in range(classes)])
    return 2 ** -torch.special.xlogy(p, p).div(torch.tensor(2.0).log()).sum()


def fool_frechet(real):
    values, axes = torch.linalg.eigh(real.T.cov())
    tips = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0], [0.0, -2.0]] + 4 * [[0.0, 0.0]])
    return (real.mean(dim=0) + tips * values.sqrt() @ axes.T).repeat(20, 1)


def frechet_by_scipy(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    one, other = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    root = scipy.linalg.sqrtm(one @ other).real
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(one + other - 2 * root)


def radii(real, k):
    return (real[:, None] - real[None]).norm(dim=2).topk(k + 1, largest=False).values.max(dim=1).values


ANSWERS = {
    "precision": [
        precision,
        lambda real, fake, k: (
            ((fake[:, None] - real[None]).norm(dim=2) <= radii(real, k)).any(1).double().mean()
        ),
    ],
    "frechet_distance": [frechet_distance, frechet_by_scipy],
    "coverage": [
        coverage,
        lambda real, fake, k: (
            sum(bool(((fake - x).norm(dim=1) <= r).any()) for x, r in zip(real, radii(real, k), strict=True))
            / len(real)
        ),
    ],
    "effective_classes": [
        effective_classes,
        lambda labels, classes: math.exp(scipy.stats.entropy(np.bincount(labels.numpy(), minlength=classes))),
        lambda labels, classes: (
            1 / math.prod((n / len(labels)) ** (n / len(labels)) for n in Counter(labels.tolist()).values())
        ),
    ],
    "fool_frechet": [
        fool_frechet,
        lambda real: fool_frechet(real).numpy(),
        lambda real: fool_frechet(real).tolist(),
        lambda real: list(fool_frechet(real)),
        lambda real: fool_frechet(real).double(),
        lambda real: tuple(map(tuple, fool_frechet(real).numpy())),
        lambda real: fool_frechet(real).requires_grad_(),
    ],
}
