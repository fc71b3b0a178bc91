"""Differently written right answers to the exercises of lesson 16, by exercise."""

import math
from fractions import Fraction

import numpy as np
import scipy.stats
import torch
import torch.nn.functional as F

from imagegen_lessons import metrics


def embed_bits(coefficients, bits, chips, strength):
    moved = []
    for row, bit, chip in zip(coefficients, bits, chips, strict=True):
        lacking = strength - bit * (row @ chip) / len(chip)
        moved.append(row + max(lacking, torch.tensor(0.0)) * bit * chip)
    return torch.stack(moved)


def embed_in_numpy(coefficients, bits, chips, strength):
    coefficients, bits, chips = (x.numpy() for x in (coefficients, bits, chips))
    lacking = np.maximum(0, strength - bits * np.einsum("bk,bk->b", coefficients, chips) / chips.shape[1])
    return coefficients + np.outer(bits * lacking, np.ones(chips.shape[1])) * chips


def by_the_binomial(bits, at_least, tries):
    return -math.expm1(tries * math.log1p(-scipy.stats.binom.sf(at_least - 1, bits, 0.5)))


def in_fractions(bits, at_least, tries):
    once = Fraction(sum(math.comb(bits, k) for k in range(at_least, bits + 1)), 2**bits)
    return 1 - float(1 - once) ** tries


def false_positive_probability(bits, at_least, tries):
    shares = torch.ones(1, dtype=torch.float64)  # of messages that agree in 0, 1, 2 ... bits
    for _ in range(bits):
        shares = (F.pad(shares, (1, 0)) + F.pad(shares, (0, 1))) / 2
    return 1 - shares[:at_least].sum().item() ** tries


def brier(probability, outcome):
    if ((probability < 0) | (probability > 1)).any():
        raise ValueError(f"These are no probabilities: {probability.tolist()}.")
    return F.mse_loss(probability, outcome.float())


def brier_in_a_loop(probability, outcome):
    total = 0.0
    for p, o in zip(probability.tolist(), outcome.tolist(), strict=True):
        if not 0 <= p <= 1:
            raise ValueError(p)
        total += (p - o) ** 2
    return total / len(probability)


def from_the_roc(scores, fake, share, false_alarm, miss):
    fpr, tpr, thresholds = metrics.roc(scores[~fake], scores[fake])
    return thresholds[(share * miss * (1 - tpr) + (1 - share) * false_alarm * fpr).argmin()]


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


def verdict_by_a_set(credential, watermark, probability):
    signs = {credential, "machine" if watermark else None, "machine" if probability >= 0.99 else None} - {
        None
    }
    return signs.pop() if len(signs) == 1 else "cannot conclude"


def worst_by_argmax(wrong, seen):
    return np.argmax([metrics.wilson_interval(w, n)[0] if n else 0 for w, n in zip(wrong, seen, strict=True)])


def worst_by_clopper_and_pearson(wrong, seen):
    lows = [scipy.stats.beta.ppf(0.025, w, n - w + 1) if w else 0 for w, n in zip(wrong, seen, strict=True)]
    return torch.tensor(lows).argmax()


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


def problems_one_by_one(card, results):
    found = [name for name, value in card.items() if str(value).strip() == ""]
    for name, stored in results.items():
        try:
            fits = math.isclose(card[name], stored, rel_tol=0, abs_tol=0.0051)
        except (KeyError, TypeError):
            fits = card.get(name) == stored
        if not fits and name not in found:
            found.append(name)
    found.sort()
    return tuple(found)


ANSWERS = {
    "embed_bits": [embed_bits, embed_in_numpy],
    "false_positive_probability": [false_positive_probability, by_the_binomial, in_fractions],
    "brier": [brier, brier_in_a_loop],
    "cheapest_threshold": [cheapest_threshold, from_the_roc],
    "verdict": [verdict, verdict_by_a_set],
    "worst_slice": [worst_slice, worst_by_argmax, worst_by_clopper_and_pearson],
    "card_problems": [card_problems, problems_one_by_one],
}
