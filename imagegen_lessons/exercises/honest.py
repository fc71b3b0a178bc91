"""Exercises of lesson 13 on honest figures: what an alarm is worth, ROC and AUC, calibration."""

import torch

from imagegen_lessons.exercise import exercise
from imagegen_lessons.runtime import generator


@exercise(
    cases=((0.9, 0.05, 0.01), (1.0, 0.05, 0.5), (0.6, 0.3, 0.2)),
    hints=(
        "Of all pictures, the share tpr * prevalence is fake and flagged. Which share is real and flagged?",
        "Real and flagged: fpr * (1 - prevalence). Divide the fakes by all that are flagged.",
    ),
)
def worth_of_an_alarm(tpr, fpr, prevalence):
    """The share of flagged pictures that are fake, where the share `prevalence` of all pictures is fake."""
    caught = tpr * prevalence
    return caught / (caught + fpr * (1 - prevalence))


@worth_of_an_alarm.mistake(
    "This is right only where half of all pictures are fake: weigh both rates by how many there are."
)
def forgets_the_base_rate(tpr, fpr, prevalence):
    return tpr / (tpr + fpr)


@worth_of_an_alarm.mistake(
    "That is how many of all pictures are fake and flagged; divide it by how many are flagged."
)
def of_all_pictures(tpr, fpr, prevalence):
    return tpr * prevalence


@worth_of_an_alarm.mistake(
    "Only the share 1 - prevalence of all pictures is real: real and flagged is fpr * (1 - prevalence)."
)
def all_are_real(tpr, fpr, prevalence):
    return tpr * prevalence / (tpr * prevalence + fpr)


@worth_of_an_alarm.mistake("This is the share of innocents among the flagged; the rest is what is asked for.")
def the_innocents(tpr, fpr, prevalence):
    return 1 - worth_of_an_alarm.answer(tpr, fpr, prevalence)


def _said(seed: int, n: int, shift: float) -> torch.Tensor:
    """Scores with ties: one decimal."""
    return ((10 * (torch.randn(n, generator=generator(seed)) + shift)).round()) / 10


_REAL, _FAKE = _said(1, 40, 0.0), _said(2, 30, 1.0)
_AT = torch.tensor([2.0, 1.0, 0.5, 0.0, -4.0])


@exercise(
    cases=((_REAL, _FAKE, _AT), (_FAKE, _REAL, _AT[1:3])),
    hints=(
        "Compare every score with every threshold at once: real[:, None] >= thresholds is (n, k).",
        "The mean over the pictures (dim 0) of that, as float, is the share flagged at each threshold.",
    ),
)
def roc_points(real, fake, thresholds):
    """False- and true-positive rate, a pair of tensors (k,), of scores (n,) and (m,).

    Flagged is what scores the threshold or more."""
    fpr, tpr = ((scores[:, None] >= thresholds).float().mean(dim=0) for scores in (real, fake))
    return fpr, tpr


@roc_points.mistake("Flagged is what scores at the threshold or above, and this flags what scores below it.")
def flags_the_rest(real, fake, thresholds):
    return tuple((scores[:, None] < thresholds).float().mean(dim=0) for scores in (real, fake))


@roc_points.mistake(
    "A picture that scores just the threshold is flagged as well: compare with >=, not with >."
)
def too_strict(real, fake, thresholds):
    return tuple((scores[:, None] > thresholds).float().mean(dim=0) for scores in (real, fake))


@roc_points.mistake(
    "These are the two rates in the wrong order: false positives, from the reals, come first."
)
def swapped(real, fake, thresholds):
    return roc_points.answer(fake, real, thresholds)


@roc_points.mistake("Divide by the number of reals, and of fakes, not by the number of all pictures.")
def of_all(real, fake, thresholds):
    n = len(real) + len(fake)
    return tuple((scores[:, None] >= thresholds).float().sum(dim=0) / n for scores in (real, fake))


@exercise(
    cases=((_REAL, _FAKE), (_FAKE, _REAL), (torch.zeros(3), torch.zeros(4))),
    hints=(
        "All pairs at once: fake > real[:, None] is (n, m).",
        "Add half of fake == real[:, None], as float, and take the mean.",
    ),
)
def area_under_roc(real, fake):
    """How often a fake (m,) scores higher than a real picture (n,), over all pairs; a tie counts half."""
    return ((fake > real[:, None]).float() + 0.5 * (fake == real[:, None]).float()).mean()


@area_under_roc.mistake("Equal scores are a coin toss: a tie counts half, and not nothing.")
def ties_lost(real, fake):
    return (fake > real[:, None]).float().mean()


@area_under_roc.mistake("Equal scores are a coin toss: a tie counts half, and not a whole win.")
def ties_won(real, fake):
    return (fake >= real[:, None]).float().mean()


@area_under_roc.mistake("Upside down: count the pairs in which the fake scores higher.")
def upside_down(real, fake):
    return 1 - area_under_roc.answer(real, fake)


@area_under_roc.mistake("Compare each fake with every real picture, not with the mean of the real ones.")
def with_the_mean(real, fake):
    return (fake > real.mean()).float().mean()


_DICE = generator(3)
_STATED = torch.rand(60, generator=_DICE)
_HAPPENED = (torch.rand(60, generator=_DICE) < _STATED**2).float()
_EDGES = torch.tensor([0.0, 0.5, 1.0, 1.0, 0.25]), torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0])


@exercise(
    cases=((_STATED, _HAPPENED, 5), (_STATED, 1 - _HAPPENED, 10), (*_EDGES, 4)),
    hints=(
        "The bin of each probability: (probability * bins).long().clamp(max=bins - 1).",
        "In each bin that is not empty: the distance between probability[inside].mean() and outcome[inside].mean().",
        "Weigh each distance by inside.float().mean(), the share of all pictures that fall there, and add up.",
    ),
)
def calibration_gap(probability, outcome, bins):
    """The mean distance of stated probability (n,) and frequency, over equally wide bins weighted by their counts."""
    where = (probability * bins).long().clamp(max=bins - 1)
    gap = torch.zeros(())
    for k in range(bins):
        inside = where == k
        if inside.any():
            gap = gap + inside.float().mean() * (probability[inside].mean() - outcome[inside].mean()).abs()
    return gap


def _bins(probability, outcome, bins):
    """For each bin that holds anything: its share of all, and how far it is off."""
    where = (probability * bins).long().clamp(max=bins - 1)
    parts = [where == k for k in range(bins) if (where == k).any()]
    off = torch.stack([(probability[part] - outcome[part]).mean() for part in parts])
    return torch.stack([part.float().mean() for part in parts]), off


@calibration_gap.mistake(
    "That is the middle of the bin; compare with the mean of what was said there: probability[inside].mean()."
)
def middle_of_the_bin(probability, outcome, bins):
    where = (probability * bins).long().clamp(max=bins - 1)
    return calibration_gap.answer((where + 0.5) / bins, outcome, bins)


@calibration_gap.mistake("The gap itself is asked for, its absolute value and not its square.")
def squared(probability, outcome, bins):
    share, off = _bins(probability, outcome, bins)
    return (share * off.square()).sum()


@calibration_gap.mistake("A bin that holds few pictures counts less: weigh by the share that falls there.")
def all_bins_alike(probability, outcome, bins):
    return _bins(probability, outcome, bins)[1].abs().mean()


@calibration_gap.mistake(
    "Too sure here and too shy there must not cancel: take the absolute value in each bin."
)
def cancelled(probability, outcome, bins):
    share, off = _bins(probability, outcome, bins)
    return (share * off).sum().abs()


@calibration_gap.mistake("Compare within a bin the two means; each picture by itself is never calibrated.")
def each_by_itself(probability, outcome, bins):
    return (probability - outcome).abs().mean()


@calibration_gap.mistake(
    "A probability of exactly 1 belongs to the last bin; here it falls out: clamp(max=bins - 1)."
)
def loses_the_sure(probability, outcome, bins):
    share, off = _bins(probability[probability < 1], outcome[probability < 1], bins)
    return (share * off.abs()).sum() * (probability < 1).float().mean()
