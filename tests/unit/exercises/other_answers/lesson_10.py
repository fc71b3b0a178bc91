"""Differently written right answers to the exercises of lesson 10, by exercise."""

import torch
import torch.nn.functional as F

from imagegen_lessons import superres


def mmse_estimate(answers, shares):
    return torch.einsum("k,kchw->chw", shares, answers)


def perceptual_loss(extractor, x, y, depth):
    with torch.no_grad():
        wanted = extractor(superres.grey(y), depth)
    maps = extractor(superres.grey(x), depth)
    return torch.stack([F.l1_loss(a, b) / b.abs().mean() for a, b in zip(maps, wanted, strict=True)]).mean()


def interpolate_weights(a, b, share):
    return [(1 - share) * x + share * y for x, y in zip(a, b, strict=True)]


def abstain(predictions, threshold):
    votes = F.one_hot(predictions).sum(dim=1)
    most, winner = votes.max(dim=1)
    return winner.where(most >= threshold * predictions.shape[1], torch.tensor(-1))


def calibration_curve(std, error, bins):
    rows = torch.stack([std, error], dim=1)[std.argsort()]
    return torch.stack([part.pow(2).mean(dim=0).sqrt() for part in rows.chunk(bins)])


ANSWERS = {
    "mmse_estimate": [mmse_estimate],
    "perceptual_loss": [perceptual_loss],
    "interpolate_weights": [interpolate_weights],
    "abstain": [abstain],
    "calibration_curve": [calibration_curve],
}
