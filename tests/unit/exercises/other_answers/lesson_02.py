"""Differently written right answers to the exercises of lesson 02, by exercise."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from imagegen_lessons.synthetic import points


def optimal_discriminator_score(p_real, p_fake):
    return torch.logit(p_real / (p_real + p_fake))


def d_loss_hinge(real_score, fake_score):
    return (1 - real_score).clamp(min=0).mean() + torch.maximum(1 + fake_score, torch.tensor(0.0)).mean()


def slopes(score):
    p = 1 / (1 + torch.exp(-score))
    return torch.stack([-p, p - 1])


def blobs_covered(points, centres, radius, at_least):
    return sum(int(((points - c).square().sum(dim=1) <= radius**2).sum()) >= at_least for c in centres)


def my_shape(n):
    return torch.rand(n, 2) * 2 - 1


ANSWERS = {
    "optimal_discriminator_score": [
        optimal_discriminator_score,
        lambda p_real, p_fake: p_real.log() - p_fake.log(),
        lambda p_real, p_fake: np.log(p_real.numpy() / p_fake.numpy()),
    ],
    "d_loss_hinge": [
        d_loss_hinge,
        lambda r, f: F.relu(1 - r).sum() / r.numel() + F.relu(1 + f).sum() / f.numel(),
        lambda r, f: torch.where(r < 1, 1 - r, 0 * r).mean() + torch.where(f > -1, 1 + f, 0 * f).mean(),
    ],
    "slopes": [
        slopes,
        lambda score: [-(score.exp() / (1 + score.exp())), -(1 / (1 + score.exp()))],
        lambda score: (-torch.sigmoid(score).numpy(), torch.sigmoid(score).numpy() - 1),
    ],
    "blobs_covered": [
        blobs_covered,
        lambda p, c, radius, at_least: (
            ((p[:, None] - c[None]).norm(dim=2) <= radius).sum(0).ge(at_least).sum()
        ),
        lambda p, c, radius, at_least: sum(
            sum(math.dist(a, b) <= radius + 1e-6 for a in p.tolist()) >= at_least for b in c.tolist()
        ),
    ],
    "my_shape": [
        my_shape,
        lambda n: points.word("HI", n, seed=None),
        lambda n: points.sample("heart", n, seed=None),
    ],
}
