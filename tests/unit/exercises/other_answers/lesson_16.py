"""Differently written right answers to the exercises of lesson 16, by exercise."""

import math

import torch
import torch.nn.functional as F

from imagegen_lessons import metrics


def embed_bits(coefficients, bits, chips, strength):
    moved = []
    for row, bit, chip in zip(coefficients, bits, chips, strict=True):
        lacking = strength - bit * (row @ chip) / len(chip)
        moved.append(row + max(lacking, torch.tensor(0.0)) * bit * chip)
    return torch.stack(moved)


def false_positive_probability(bits, at_least, tries):
    shares = torch.ones(1, dtype=torch.float64)  # of messages that agree in 0, 1, 2 ... bits
    for _ in range(bits):
        shares = (F.pad(shares, (1, 0)) + F.pad(shares, (0, 1))) / 2
    return 1 - shares[:at_least].sum().item() ** tries


def brier(probability, outcome):
    if ((probability < 0) | (probability > 1)).any():
        raise ValueError(f"These are no probabilities: {probability.tolist()}.")
    return F.mse_loss(probability, outcome.float())


def cheapest_threshold(scores, fake, share, false_alarm, miss):
    options = torch.cat([scores.unique(), torch.tensor([math.inf])]).flip(0)
    flagged = scores >= options[:, None]
    cost = share * miss * (~flagged[:, fake]).float().mean(dim=1)
    cost = cost + (1 - share) * false_alarm * flagged[:, ~fake].float().mean(dim=1)
    return options[(cost <= cost.min() + 1e-9).nonzero()[0, 0]].item()


def verdict(credential, watermark, probability):
    match (credential, bool(watermark) or probability >= 0.99):
        case ("camera", False):
            return "camera"
        case ("machine", _) | (None, True):
            return "machine"
    return "cannot conclude"


def worst_slice(wrong, seen):
    filled = [i for i, n in enumerate(seen) if n > 0]
    return max(filled, key=lambda i: metrics.wilson_interval(wrong[i], seen[i])[0])


def card_problems(card, results):
    problems = []
    for name in sorted({*card, *results}):
        said, stored = card.get(name), results.get(name)
        if isinstance(said, str) and said.strip() == "":
            problems.append(name)
        elif name in results and said != stored:
            close = isinstance(stored, float) and isinstance(said, float) and abs(said - stored) < 0.0051
            problems += [] if close else [name]
    return problems


ANSWERS = {
    "embed_bits": [embed_bits],
    "false_positive_probability": [false_positive_probability],
    "brier": [brier],
    "cheapest_threshold": [cheapest_threshold],
    "verdict": [verdict],
    "worst_slice": [worst_slice],
    "card_problems": [card_problems],
}
