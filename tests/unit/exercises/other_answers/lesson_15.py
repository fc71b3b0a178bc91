"""Differently written right answers to the exercises of lesson 15, by exercise."""

import math

import torch
import torch.nn.functional as F


def positive_predictive_value(tpr, fpr, prevalence):
    odds = prevalence / (1 - prevalence) * tpr / fpr
    return odds / (1 + odds)


def roc_points(real, fake, thresholds):
    rates = [[(scores >= t).sum().item() / len(scores) for t in thresholds] for scores in (real, fake)]
    return torch.tensor(rates[0]), torch.tensor(rates[1])


def auc(real, fake):
    return sum(((f > real).sum() + (f == real).sum() / 2) / len(real) for f in fake) / len(fake)


def calibration_error(probability, outcome, bins):
    where = (probability * bins).long().clamp(max=bins - 1)
    off = torch.zeros(bins).index_add(0, where, probability - outcome)
    return off.abs().sum() / len(probability)


def dct_matrix(n):
    place = (torch.arange(n) + 0.5) / n
    waves = torch.outer(torch.arange(n), math.pi * place).cos()
    return F.normalize(waves, dim=1)


def self_blend(scene, gain, shift, mask):
    copy = torch.addcmul(shift, scene, gain).clip(0, 1)
    labels = (torch.arange(2 * len(scene)) >= len(scene)).float().unsqueeze(1)
    return torch.cat([scene, torch.lerp(scene, copy, mask)]), labels


def poisson_sweep(x, donor, mask):
    cross = torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4
    kernel = cross.view(1, 1, 3, 3).expand(x.shape[1], 1, 3, 3)
    new = donor + F.conv2d(x - donor, kernel, padding=1, groups=x.shape[1])
    return x * (1 - mask) + new * mask


ANSWERS = {
    "positive_predictive_value": [positive_predictive_value],
    "roc_points": [roc_points],
    "auc": [auc],
    "calibration_error": [calibration_error],
    "dct_matrix": [dct_matrix],
    "self_blend": [self_blend],
    "poisson_sweep": [poisson_sweep],
}
