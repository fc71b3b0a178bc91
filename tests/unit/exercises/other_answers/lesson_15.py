"""Differently written right answers to the exercises of lesson 15, by exercise."""

import collections
import math
from fractions import Fraction

import numpy as np
import scipy.fft
import torch
import torch.nn.functional as F


def positive_predictive_value(tpr, fpr, prevalence):
    odds = prevalence / (1 - prevalence) * tpr / fpr
    return odds / (1 + odds)


def fractions(tpr, fpr, prevalence):
    tpr, fpr, prevalence = map(Fraction, (tpr, fpr, prevalence))
    return tpr * prevalence / (tpr * prevalence + fpr * (1 - prevalence))


def roc_points(real, fake, thresholds):
    rates = [[(scores >= t).sum().item() / len(scores) for t in thresholds] for scores in (real, fake)]
    return torch.tensor(rates[0]), torch.tensor(rates[1])


Rates = collections.namedtuple("Rates", "fpr tpr")


def rates_with_names(real, fake, thresholds):
    fpr, tpr = ((scores.numpy() >= thresholds.numpy()[:, None]).mean(axis=1) for scores in (real, fake))
    return Rates(fpr, tpr)


def auc_from_signs(real, fake):
    return torch.heaviside(fake - real[:, None], torch.tensor(0.5)).mean().item()


def auc(real, fake):
    return sum(((f > real).sum() + (f == real).sum() / 2) / len(real) for f in fake) / len(fake)


def calibration_error(probability, outcome, bins):
    where = (probability * bins).long().clamp(max=bins - 1)
    off = torch.zeros(bins).index_add(0, where, probability - outcome)
    return off.abs().sum() / len(probability)


def edges_belong_to_the_bin_below(probability, outcome, bins):
    probability, outcome, error = probability.numpy(), outcome.numpy(), 0.0
    for k in range(bins):
        inside = (probability > k / bins) & (probability <= (k + 1) / bins) | (k == 0) & (probability == 0)
        if inside.any():
            error += inside.mean() * abs(probability[inside].mean() - outcome[inside].mean())
    return error


def dct_of_the_identity(n):
    return scipy.fft.dct(np.eye(n), norm="ortho", axis=0)


def dct_matrix(n):
    place = (torch.arange(n) + 0.5) / n
    waves = torch.outer(torch.arange(n), math.pi * place).cos()
    return F.normalize(waves, dim=1)


def self_blend(scene, gain, shift, mask):
    copy = torch.addcmul(shift, scene, gain).clip(0, 1)
    labels = (torch.arange(2 * len(scene)) >= len(scene)).float().unsqueeze(1)
    return torch.cat([scene, torch.lerp(scene, copy, mask)]), labels


def blended_in_a_loop(scene, gain, shift, mask):
    pictures = list(scene)
    for x, a, b, m in zip(scene, gain, shift, mask, strict=True):
        pictures.append(x + m * ((a * x + b).clamp(0, 1) - x))
    return torch.stack(pictures), [[0]] * len(scene) + [[1]] * len(scene)


def with_the_lessons_laplacian(x, donor, mask):
    around = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]).expand(3, 1, 3, 3)
    step = F.conv2d(donor - x, around, padding=1, groups=3) / 4
    return torch.where(mask > 0.5, x + step, x)


def in_place_on_a_clone(x, donor, mask):
    new, padded = x.clone(), F.pad(x - donor, (1, 1, 1, 1), mode="replicate")
    mean = (
        padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:] + padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1]
    ) / 4
    inside = mask.bool().expand_as(x)
    new[inside] = (donor + mean)[inside]
    return new


def poisson_sweep(x, donor, mask):
    cross = torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4
    kernel = cross.view(1, 1, 3, 3).expand(x.shape[1], 1, 3, 3)
    new = donor + F.conv2d(x - donor, kernel, padding=1, groups=x.shape[1])
    return x * (1 - mask) + new * mask


ANSWERS = {
    "positive_predictive_value": [positive_predictive_value, fractions],
    "roc_points": [roc_points, rates_with_names],
    "auc": [auc, auc_from_signs],
    "calibration_error": [calibration_error, edges_belong_to_the_bin_below],
    "dct_matrix": [dct_matrix, dct_of_the_identity],
    "self_blend": [self_blend, blended_in_a_loop],
    "poisson_sweep": [poisson_sweep, with_the_lessons_laplacian, in_place_on_a_clone],
}
