"""Exercises of lesson 15: what an alarm is worth, ROC, AUC, calibration, the DCT, self-blending, Poisson blending."""

import math

import torch

from imagegen_lessons import metrics
from imagegen_lessons.deepfakes import detectors, forgeries
from imagegen_lessons.exercises.checker import exercise
from imagegen_lessons.exercises.inputs import normal, uniform
from imagegen_lessons.runtime import generator


@exercise(
    cases=((0.9, 0.05, 0.01), (1.0, 0.05, 0.5), (0.6, 0.3, 0.2), (0.7, 0.02, 0.9)),
    hints=(
        "Of all pictures, the share tpr * prevalence is fake and flagged. Which share is real and flagged?",
        "Real and flagged: fpr * (1 - prevalence). Divide the fakes by all that are flagged.",
    ),
)
def positive_predictive_value(tpr, fpr, prevalence):
    """The share of flagged pictures that are fake, where the share `prevalence` of all pictures is fake."""
    caught = tpr * prevalence
    return caught / (caught + fpr * (1 - prevalence))


positive_predictive_value.mistake(
    "This is right only where half of all pictures are fake: weigh both rates by how many there are.",
    lambda tpr, fpr, prevalence: tpr / (tpr + fpr),
)
positive_predictive_value.mistake(
    "That is how many of all pictures are fake and flagged; divide it by how many are flagged.",
    lambda tpr, fpr, prevalence: tpr * prevalence,
)
positive_predictive_value.mistake(
    "Only the share 1 - prevalence of all pictures is real: real and flagged is fpr * (1 - prevalence).",
    lambda tpr, fpr, prevalence: tpr * prevalence / (tpr * prevalence + fpr),
)
positive_predictive_value.mistake(
    "This is the share of real pictures among the flagged; asked for is the rest.",
    lambda tpr, fpr, prevalence: 1 - positive_predictive_value.answer(tpr, fpr, prevalence),
)
positive_predictive_value.mistake(
    "This is in per cent; a share lies between 0 and 1: leave out the 100.",
    lambda tpr, fpr, prevalence: 100 * positive_predictive_value.answer(tpr, fpr, prevalence),
)
positive_predictive_value.mistake(
    "1 - tpr is the share of fakes that slip through; fake and flagged is tpr * prevalence.",
    lambda tpr, fpr, prevalence: positive_predictive_value.answer(1 - tpr, fpr, prevalence),
)
positive_predictive_value.mistake(
    "1 - fpr is the share of real pictures that are left alone; real and flagged is fpr * (1 - prevalence).",
    lambda tpr, fpr, prevalence: positive_predictive_value.answer(tpr, 1 - fpr, prevalence),
)
positive_predictive_value.mistake(
    "The two rates are exchanged: tpr is that of fakes, fpr that of real pictures.",
    lambda tpr, fpr, prevalence: positive_predictive_value.answer(fpr, tpr, prevalence),
)
positive_predictive_value.mistake(
    "The weights are exchanged: `prevalence` is the share of fakes, 1 - prevalence that of real pictures.",
    lambda tpr, fpr, prevalence: positive_predictive_value.answer(tpr, fpr, 1 - prevalence),
)
positive_predictive_value.mistake(
    "These are the odds, fakes for each real picture among the flagged. Divide by all that are flagged, fakes "
    "included.",
    lambda tpr, fpr, prevalence: tpr * prevalence / (fpr * (1 - prevalence)),
)
positive_predictive_value.mistake(
    "This is the share of all pictures that are flagged; which part of them is fake?",
    lambda tpr, fpr, prevalence: tpr * prevalence + fpr * (1 - prevalence),
)
positive_predictive_value.mistake(
    "This is the accuracy, the share of all pictures that are judged rightly. Look at the flagged ones only.",
    lambda tpr, fpr, prevalence: tpr * prevalence + (1 - fpr) * (1 - prevalence),
)
positive_predictive_value.mistake(
    "Do not round: with rare fakes everything is in the later digits.",
    lambda tpr, fpr, prevalence: round(positive_predictive_value.answer(tpr, fpr, prevalence), 2),
)


def _scores(seed: int, n: int, shift: float) -> torch.Tensor:
    """Scores with ties: one decimal."""
    return (10 * (normal(n, seed=seed) + shift)).round() / 10


_REAL, _FAKE = _scores(1, 40, 0.0), _scores(2, 30, 1.0)
_THRESHOLDS = torch.tensor([2.0, 1.0, 0.5, 0.0, -4.0])

roc_points = exercise(
    cases=(
        (_REAL, _FAKE, _THRESHOLDS),
        (_FAKE, _REAL, _THRESHOLDS[1:3]),
        (_FAKE[:4], _REAL[:7], _THRESHOLDS[[2, 0, 4]]),
    ),
    hints=(
        "Compare every score with every threshold at once: real[:, None] >= thresholds is (n, k).",
        "The mean over the pictures (dim 0) of that, as float, is the share flagged at each threshold.",
    ),
)(metrics.roc_points)
roc_points.mistake(
    "Flagged is what scores at the threshold or above, and this flags what scores below it.",
    lambda real, fake, thresholds: tuple(
        (scores[:, None] < thresholds).float().mean(dim=0) for scores in (real, fake)
    ),
)
roc_points.mistake(
    "A picture that scores just the threshold is flagged as well: compare with >=, not with >.",
    lambda real, fake, thresholds: tuple(
        (scores[:, None] > thresholds).float().mean(dim=0) for scores in (real, fake)
    ),
)
roc_points.mistake(
    "These are the two rates in the wrong order: false positives, from the real pictures, come first.",
    lambda real, fake, thresholds: roc_points.answer(fake, real, thresholds),
)


@roc_points.mistake("Divide by the number of real pictures, and of fakes, not by the number of all pictures.")
def of_all(real, fake, thresholds):
    n = len(real) + len(fake)
    return tuple((scores[:, None] >= thresholds).float().sum(dim=0) / n for scores in (real, fake))


def _flagged(real, fake, thresholds):
    """Which pictures are flagged at each threshold: (n, k) and (m, k), as numbers."""
    return tuple((scores[:, None] >= thresholds).float() for scores in (real, fake))


roc_points.mistake(
    "These are counts; a rate is their share: the mean, not the sum.",
    lambda *case: tuple(flagged.sum(dim=0) for flagged in _flagged(*case)),
)
roc_points.mistake(
    "A rate lies between 0 and 1, not 100.",
    lambda *case: tuple(100 * flagged.mean(dim=0) for flagged in _flagged(*case)),
)
roc_points.mistake(
    "One rate for each threshold: the mean goes over the pictures (dim 0), not over the thresholds.",
    lambda *case: tuple(flagged.mean(dim=1) for flagged in _flagged(*case)),
)
roc_points.mistake(
    "One rate for each threshold: here one number is left for all of them. Take the mean over dim 0 only.",
    lambda *case: tuple(flagged.mean() for flagged in _flagged(*case)),
)
roc_points.mistake(
    "The second is the rate of missed fakes; the true-positive rate is that of fakes that are flagged.",
    lambda *case: (roc_points.answer(*case)[0], 1 - roc_points.answer(*case)[1]),
)
roc_points.mistake(
    "The first is the rate of real pictures that are left alone; asked for are those that are flagged.",
    lambda *case: (1 - roc_points.answer(*case)[0], roc_points.answer(*case)[1]),
)
roc_points.mistake(
    "Keep the order in which the thresholds are given; here they were sorted.",
    lambda real, fake, thresholds: roc_points.answer(real, fake, thresholds.sort().values),
)
roc_points.mistake(
    "The second is a precision, fakes among the flagged. The true-positive rate is the share of all fakes.",
    lambda *case: (
        roc_points.answer(*case)[0],
        _flagged(*case)[1].sum(dim=0) / sum(flagged.sum(dim=0) for flagged in _flagged(*case)),
    ),
)
roc_points.mistake(
    "Each picture is to be compared with each threshold: scores[:, None] is (n, 1), and (n, 1) >= (k,) gives (n, k).",
    lambda real, fake, thresholds: (real >= thresholds).float() + (fake >= thresholds).float(),
)
roc_points.mistake(
    "Booleans have no mean: .float() first.",
    lambda real, fake, thresholds: (real[:, None] >= thresholds).mean(dim=0),
)
roc_points.mistake(
    "Two tensors (k,) are asked for, the false-positive rates and the true-positive rates, and not k pairs.",
    lambda *case: torch.stack(roc_points.answer(*case), dim=1),
)


auc = exercise(
    cases=(
        (_REAL, _FAKE),
        (_FAKE, _REAL),
        (torch.zeros(3), torch.zeros(4)),
        (3 * normal(9, seed=5).square() - 2, 3 * normal(5, seed=6).square() - 1.5),
        (torch.tensor([0.0, 1.0]), torch.tensor([1.001])),
    ),
    hints=(
        "All pairs at once: fake > real[:, None] is (n, m).",
        "Add half of fake == real[:, None], as float, and take the mean.",
    ),
)(metrics.auc)
auc.mistake(
    "Equal scores decide nothing: a tie counts half, and not nothing.",
    lambda real, fake: (fake > real[:, None]).float().mean(),
)
auc.mistake(
    "Equal scores decide nothing: a tie counts half, and not a whole win.",
    lambda real, fake: (fake >= real[:, None]).float().mean(),
)
auc.mistake(
    "Upside down: count the pairs in which the fake scores higher.",
    lambda real, fake: 1 - auc.answer(real, fake),
)
auc.mistake(
    "Compare each fake with every real picture, not with the mean of the real ones.",
    lambda real, fake: (fake > real.mean()).float().mean(),
)
auc.mistake(
    "Compare each fake with every real picture, not with their median.",
    lambda real, fake: (fake > real.median()).float().mean(),
)
auc.mistake(
    "All pairs count, each fake with each real picture: here only those at the same place were compared.",
    lambda real, fake: torch.heaviside(fake[: len(real)] - real[: len(fake)], torch.tensor(0.5)).mean(),
)
auc.mistake(
    "These are wins; divide by the number of pairs, or take the mean.",
    lambda real, fake: auc.answer(real, fake) * len(real) * len(fake),
)
auc.mistake(
    "A share lies between 0 and 1: leave out the 100.", lambda real, fake: 100 * auc.answer(real, fake)
)
auc.mistake(
    "Here a win counts +1 and a defeat -1 (Gini's coefficient). A win counts 1, a tie ½, a defeat 0.",
    lambda real, fake: (fake - real[:, None]).sign().mean(),
)
auc.mistake(
    "A win counts whole; only a tie counts half.",
    lambda real, fake: ((fake > real[:, None]).float() + (fake == real[:, None]).float()).mean() / 2,
)
auc.mistake(
    "Equal means exactly equal: here scores that are only near each other count as a tie.",
    lambda real, fake: auc.answer((10 * real).round(), (10 * fake).round()),
)
auc.mistake(
    "By how much the scores differ plays no role, only which one is higher.",
    lambda real, fake: fake.mean() - real.mean(),
)
auc.mistake(
    "One number over all pairs: here there is one for each fake.",
    lambda real, fake: ((fake - real[:, None]).sign() + 1).mean(dim=0) / 2,
)
auc.mistake(
    "This is the share that is judged rightly at the threshold 0. The AUC needs no threshold: compare pairs.",
    lambda real, fake: ((fake > 0).float().mean() + (real <= 0).float().mean()) / 2,
)


_RNG = generator(3)
_PROBABILITY = torch.rand(60, generator=_RNG)
_OUTCOME = (torch.rand(60, generator=_RNG) < _PROBABILITY**2).float()
_EDGES = torch.tensor([0.0, 0.55, 1.0, 1.0, 0.2]), torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0])
_EDGE = torch.tensor([0.5, 0.5, 0.5, 0.2]), torch.tensor([1.0, 0, 0, 1]), 4  # in either bin, but in one only
_NARROW = 0.3 + 0.3 * _PROBABILITY

calibration_error = exercise(
    cases=((_PROBABILITY, _OUTCOME, 5), (_NARROW, 1 - _OUTCOME, 10), (*_EDGES, 4), (*_EDGES, 8), _EDGE),
    hints=(
        "The bin of each probability: (probability * bins).long().clamp(max=bins - 1).",
        "In each bin that is not empty: the distance between probability[inside].mean() and outcome[inside].mean().",
        "Weigh each distance by inside.float().mean(), the share of all pictures that fall there, and add up.",
    ),
)(metrics.calibration_error)


def _bins(probability, outcome, bins, where=None):
    """For each bin that holds anything: its share of all, and how far it is off."""
    where = (probability * bins).long().clamp(max=bins - 1) if where is None else where
    parts = [where == k for k in range(bins + 1) if (where == k).any()]
    off = torch.stack([(probability[part] - outcome[part]).mean() for part in parts])
    return torch.stack([part.float().mean() for part in parts]), off


@calibration_error.mistake(
    "That is the middle of the bin; compare with the mean of what was said there: probability[inside].mean()."
)
def middle_of_the_bin(probability, outcome, bins):
    where = (probability * bins).long().clamp(max=bins - 1)
    return calibration_error.answer((where + 0.5) / bins, outcome, bins)


@calibration_error.mistake("The gap itself is asked for, its absolute value and not its square.")
def squared(probability, outcome, bins):
    share, off = _bins(probability, outcome, bins)
    return (share * off.square()).sum()


calibration_error.mistake(
    "A bin that holds few pictures counts less: weigh by the share that falls there.",
    lambda probability, outcome, bins: _bins(probability, outcome, bins)[1].abs().mean(),
)


@calibration_error.mistake(
    "Too sure here and too shy there must not cancel: take the absolute value in each bin."
)
def cancelled(probability, outcome, bins):
    share, off = _bins(probability, outcome, bins)
    return (share * off).sum().abs()


calibration_error.mistake(
    "Compare within a bin the two means; each picture by itself is never calibrated.",
    lambda probability, outcome, bins: (probability - outcome).abs().mean(),
)


@calibration_error.mistake(
    "A probability of exactly 1 belongs to the last bin; here it falls out: clamp(max=bins - 1)."
)
def loses_the_sure(probability, outcome, bins):
    share, off = _bins(probability[probability < 1], outcome[probability < 1], bins)
    return (share * off.abs()).sum() * (probability < 1).float().mean()


def _weighted(share, off):
    return (share * off.abs()).sum()


calibration_error.mistake(
    "These are bins - 1 bins. Their edges are one more than they: torch.linspace(0, 1, bins + 1).",
    lambda probability, outcome, bins: _weighted(*_bins(probability, outcome, bins - 1)),
)
calibration_error.mistake(
    "The bins go from 0 to 1, and not from the smallest to the largest probability.",
    lambda p, outcome, bins: _weighted(
        *_bins(p, outcome, bins, ((p - p.min()) / (p.max() - p.min()) * (bins - 1e-4)).long())
    ),
)
calibration_error.mistake(
    "A bin without any picture has no mean: pass over it.",
    lambda probability, outcome, bins: sum(
        (where.float().mean() * (probability[where].mean() - outcome[where].mean()).abs())
        for where in ((probability * bins).long().clamp(max=bins - 1) == k for k in range(bins))
    ),
)
calibration_error.mistake(
    "This is the gap of the worst bin; the expected error is their mean, weighted by how many pictures are there.",
    lambda *case: _bins(*case)[1].abs().max(),
)
calibration_error.mistake(
    "Dividing by the number of bins weighs all alike, empty ones too: weigh by the share that falls into each.",
    lambda probability, outcome, bins: _bins(probability, outcome, bins)[1].abs().sum() / bins,
)
calibration_error.mistake(
    "A gap is a distance: take the absolute value in each bin, before adding up.",
    lambda probability, outcome, bins: (probability - outcome).mean(),
)
calibration_error.mistake(
    "The number of bins is an argument; here it is always 10.",
    lambda probability, outcome, bins: _weighted(*_bins(probability, outcome, 10)),
)
calibration_error.mistake(
    "Bins are equally wide, and not equally full: the number of the bin is (probability * bins).long().",
    lambda probability, outcome, bins: sum(
        (probability[part].mean() - outcome[part].mean()).abs() * len(part) / len(outcome)
        for part in probability.argsort().chunk(bins)
    ),
)
calibration_error.mistake(
    "Rounding shifts the bins by half a bin: cut off instead, (probability * bins).long().",
    lambda probability, outcome, bins: _weighted(
        *_bins(probability, outcome, bins, (probability * bins).round().long())
    ),
)
calibration_error.mistake(
    "These are pictures; the weight of a bin is its share of all: divide by len(probability).",
    lambda probability, outcome, bins: _weighted(*_bins(probability, outcome, bins)) * len(outcome),
)
calibration_error.mistake(
    "The mean of the gaps is asked for, without squares and root.",
    lambda *case: (_bins(*case)[0] * _bins(*case)[1].square()).sum().sqrt(),
)
calibration_error.mistake(
    "An error lies between 0 and 1: leave out the 100.",
    lambda *case: 100 * _weighted(*_bins(*case)),
)
calibration_error.mistake(
    "A probability of exactly 0 belongs to the first bin; here it falls out: begin with >= 0.",
    lambda probability, outcome, bins: (
        _weighted(*_bins(probability[probability > 0], outcome[probability > 0], bins))
        * (probability > 0).float().mean()
    ),
)
calibration_error.mistake(
    "This turns what is below one half round. Here the probability is that of a fake; compare it as it is.",
    lambda probability, outcome, bins: _weighted(
        *_bins(probability.maximum(1 - probability), ((probability > 0.5) == outcome).float(), bins)
    ),
)


dct_matrix = exercise(
    cases=((4,), (7,), (1,), (16,)),
    hints=(
        "k = torch.arange(n)[:, None] and i = torch.arange(n) give all pairs at once: k down, i across.",
        "The waves: (math.pi * (2 * i + 1) * k / (2 * n)).cos(). Then each row is made 1 long.",
        "Multiply by math.sqrt(2 / n), and divide row 0 by math.sqrt(2).",
    ),
)(detectors.dct_matrix)


def _cosines(n, angle=None):
    k, i = torch.arange(n)[:, None], torch.arange(n)
    return (math.pi * ((2 * i + 1) * k / (2 * n) if angle is None else angle(i, k))).cos()


def _waves(n, angle):
    """The matrix with other angles, over π; its rows scaled as they should be."""
    return _cosines(n, angle) * torch.where(torch.arange(n) == 0, 1.0, math.sqrt(2))[:, None] / math.sqrt(n)


@dct_matrix.mistake("Row 0 is √2 too long: it is constant, so that its squares add up to more than a wave's.")
def long_first_row(n):
    return _cosines(n) * math.sqrt(2 / n)


@dct_matrix.mistake("The first wave is the constant one: k begins at 0.")
def without_the_constant(n):
    k, i = torch.arange(1, n + 1)[:, None], torch.arange(n)
    return (math.pi * (2 * i + 1) * k / (2 * n)).cos() * math.sqrt(2 / n)


dct_matrix.mistake(
    "All rows but the first are √2 too short: a wave's squares are a half on average.",
    lambda n: _cosines(n) / math.sqrt(n),
)
dct_matrix.mistake("Each row should be 1 long: the sum of its squares is 1.", lambda n: _cosines(n))
dct_matrix.mistake(
    "Waves are rows here, and in your matrix they are columns: k goes down, i across.",
    lambda n: dct_matrix.answer(n).T.contiguous(),
)
dct_matrix.mistake(
    "The wave is taken in the middle of each pixel: 2 * i + 1, not 2 * i.",
    lambda n: _waves(n, lambda i, k: 2 * i * k / (2 * n)),
)
dct_matrix.mistake(
    "Python divides by 2 and then multiplies by n: put 2 * n in parentheses, / (2 * n).",
    lambda n: _waves(n, lambda i, k: (2 * i + 1) * k / 2 * n),
)
dct_matrix.mistake(
    "The waves are twice as fast as they should be: divide by 2 * n, not by n.",
    lambda n: _waves(n, lambda i, k: (2 * i + 1) * k / n),
)
dct_matrix.mistake(
    "π is missing in the cosine.", lambda n: _waves(n, lambda i, k: (2 * i + 1) * k / (2 * n) / math.pi)
)
dct_matrix.mistake(
    "3.14 is not π, and with fast waves it shows: math.pi.",
    lambda n: _waves(n, lambda i, k: (2 * i + 1) * k / (2 * n) * 3.14 / math.pi),
)
dct_matrix.mistake(
    "This takes the sine; these waves are cosines.",
    lambda n: _waves(n, lambda i, k: (2 * i + 1) * k / (2 * n) - 0.5),
)
dct_matrix.mistake(
    "Multiplication comes first: (2 * i + 1) in parentheses, times k.",
    lambda n: _waves(n, lambda i, k: (2 * i + k) / (2 * n)),
)
dct_matrix.mistake(
    "Pixel 0 has its middle at 0.5: 2 * i + 1, and not 2 * i - 1.",
    lambda n: _waves(n, lambda i, k: (2 * i - 1) * k / (2 * n)),
)
dct_matrix.mistake(
    "Here k runs across and i down: exchange them, k = torch.arange(n)[:, None].",
    lambda n: _waves(n, lambda i, k: (2 * k + 1) * i / (2 * n)),
)
dct_matrix.mistake(
    "A length is the root of the sum of squares: multiply by math.sqrt(2 / n), not by 2 / n.",
    lambda n: dct_matrix.answer(n) * math.sqrt(2 / n),
)
dct_matrix.mistake(
    "Here each column is 1 long; rows should be: the squares are added over i (dim 1).",
    lambda n: torch.nn.functional.normalize(_cosines(n), dim=0),
)
dct_matrix.mistake(
    "The first column is divided by √2; the first row should be, waves[0].",
    lambda n: long_first_row(n) / torch.where(torch.arange(n) == 0, math.sqrt(2), 1.0),
)
dct_matrix.mistake(
    "Row 0 must be divided by the root of 2, not by 2.",
    lambda n: dct_matrix.answer(n) / torch.where(torch.arange(n) == 0, math.sqrt(2), 1.0)[:, None],
)
dct_matrix.mistake(
    "// cuts the fraction off before the cosine is taken: divide with /.",
    lambda n: _waves(n, lambda i, k: (2 * i + 1) * k // (2 * n)),
)


_SCENE, _MASK = uniform(4, 3, 6, 6, seed=1), (2 * uniform(4, 1, 6, 6, seed=2) - 0.5).clamp(0, 1)
_GAIN, _SHIFT = 0.6 + 0.9 * uniform(4, 1, 1, 1, seed=3), 0.4 * uniform(4, 3, 1, 1, seed=4) - 0.2


@exercise(
    cases=((_SCENE, _GAIN, _SHIFT, _MASK), (_SCENE[:2].flip(-1), _GAIN[2:], _SHIFT[2:], _MASK[:2])),
    hints=(
        "The altered copy is (scene * gain + shift).clamp(0, 1).",
        "Blend as for a splice: the copy where the mask is 1, the scene where it is 0.",
        "Stack the untouched scenes and the blended ones with torch.cat, and give them 0 and 1.",
    ),
)
def self_blend(scene, gain, shift, mask):
    """Untouched scenes (n, 3, h, w), then each with its own copy, gain · scene + shift in [0, 1], blended in by the
    mask (n, 1, h, w); and labels: a pair of (2 n, 3, h, w) and (2 n, 1), 0 for untouched and 1 for blended."""
    copy = (scene * gain + shift).clamp(0, 1)
    blended = forgeries.alpha_splice(scene, copy, mask)
    n = len(scene)
    return torch.cat([scene, blended]), torch.cat([torch.zeros(n, 1), torch.ones(n, 1)])


@self_blend.mistake("The copy leaves the range of a picture: clamp it to 0 to 1 before blending.")
def out_of_range(scene, gain, shift, mask):
    _, y = self_blend.answer(scene, gain, shift, mask)
    return torch.cat([scene, forgeries.alpha_splice(scene, scene * gain + shift, mask)]), y


@self_blend.mistake("Clamp the copy before blending; afterwards it is too late, since the mask is soft.")
def clamped_afterwards(scene, gain, shift, mask):
    x, y = out_of_range(scene, gain, shift, mask)
    return x.clamp(0, 1), y


self_blend.mistake(
    "First times the gain, then the shift: gain · scene + shift, not gain · (scene + shift).",
    lambda scene, gain, shift, mask: self_blend.answer(scene, gain, gain * shift, mask),
)
self_blend.mistake(
    "The other order: the untouched scenes come first, then the blended ones.",
    lambda scene, gain, shift, mask: tuple(
        value.roll(len(scene), dims=0) for value in self_blend.answer(scene, gain, shift, mask)
    ),
)
self_blend.mistake(
    "The wrong way round: inside the mask (1) belongs the altered copy, outside the scene.",
    lambda scene, gain, shift, mask: self_blend.answer(scene, gain, shift, 1 - mask),
)


@self_blend.mistake(
    "That is another person's face. The point is that a picture is blended with its own copy, and no other."
)
def somebody_else(scene, gain, shift, mask):
    x, y = self_blend.answer(scene, gain, shift, mask)
    copy = (scene * gain + shift).clamp(0, 1).roll(1, dims=0)
    return torch.cat([scene, forgeries.alpha_splice(scene, copy, mask)]), y


self_blend.mistake(
    "The whole picture is altered: no border is left to be found. Blend by the mask.",
    lambda scene, gain, shift, mask: self_blend.answer(scene, gain, shift, torch.ones_like(mask)),
)


@self_blend.mistake("The labels are the wrong way round: 0 for the untouched scenes, 1 for the blended.")
def labels_swapped(scene, gain, shift, mask):
    x, y = self_blend.answer(scene, gain, shift, mask)
    return x, 1 - y


def _added(scene, gain, shift, mask):
    """The scene, and the copy's share laid on top of it."""
    _, y = self_blend.answer(scene, gain, shift, mask)
    return torch.cat([scene, scene + mask * (scene * gain + shift).clamp(0, 1)]), y


self_blend.mistake(
    "The labels need a second dimension, as the scores have: (2 n, 1), not (2 n,).",
    lambda *case: (self_blend.answer(*case)[0], self_blend.answer(*case)[1][:, 0]),
)
self_blend.mistake("First the pictures, then the labels.", lambda *case: self_blend.answer(*case)[::-1])
self_blend.mistake(
    "Only the blended ones are here; the untouched scenes come before them, with the label 0.",
    lambda scene, *rest: tuple(part[len(scene) :] for part in self_blend.answer(scene, *rest)),
)
self_blend.mistake(
    "First all untouched scenes, then all blended ones: here they take turns.",
    lambda scene, *rest: tuple(
        part.unflatten(0, (2, len(scene))).transpose(0, 1).flatten(0, 1)
        for part in self_blend.answer(scene, *rest)
    ),
)
self_blend.mistake(
    "torch.cat joins them one behind the other; torch.stack makes a new dimension.",
    lambda scene, *rest: tuple(
        part.unflatten(0, (2, len(scene))) for part in self_blend.answer(scene, *rest)
    ),
)
self_blend.mistake(
    "The mask is soft, and its values between 0 and 1 mix the two: do not round it.",
    lambda scene, gain, shift, mask: self_blend.answer(scene, gain, shift, mask.round()),
)
self_blend.mistake(
    "Where the copy comes in, the scene must go out: scene * (1 - mask) + copy * mask.", _added
)
self_blend.mistake(
    "The gain is missing: gain · scene + shift.",
    lambda scene, gain, shift, mask: self_blend.answer(scene, torch.ones_like(gain), shift, mask),
)
self_blend.mistake(
    "The shift is missing: gain · scene + shift.",
    lambda scene, gain, shift, mask: self_blend.answer(scene, gain, 0 * shift, mask),
)
self_blend.mistake(
    "The shift has the wrong sign: it is added.",
    lambda scene, gain, shift, mask: self_blend.answer(scene, gain, -shift, mask),
)
self_blend.mistake(
    "Each channel has a shift of its own; here all have their mean.",
    lambda scene, gain, shift, mask: self_blend.answer(scene, gain, shift.mean(dim=1, keepdim=True), mask),
)
self_blend.mistake(
    "The copy is clamped at 1 only: no value may lie below 0 either.",
    lambda scene, gain, shift, mask: (
        torch.cat([scene, forgeries.alpha_splice(scene, (scene * gain + shift).clamp(max=1), mask)]),
        self_blend.answer(scene, gain, shift, mask)[1],
    ),
)
self_blend.mistake(
    "Each picture has a gain, a shift and a mask of its own; here all have those of the first.",
    lambda scene, *rest: self_blend.answer(scene, *(part[:1].expand_as(part) for part in rest)),
)


_INSIDE = torch.zeros(2, 1, 7, 6)  # another place in each picture, and never at the border
_INSIDE[0, :, 2:5, 1:4] = 1.0
_INSIDE[1, :, 1:6, 3:5] = 1.0
_PAIR = uniform(2, 3, 7, 6, seed=5), uniform(2, 3, 7, 6, seed=6)


def _around(z):
    return (z.roll(1, -1) + z.roll(-1, -1) + z.roll(1, -2) + z.roll(-1, -2)) / 4


@exercise(
    cases=((*_PAIR, _INSIDE), tuple(part[1:].transpose(2, 3) for part in (*_PAIR, _INSIDE))),
    hints=(
        "The pixel above each pixel is x.roll(1, dims=-2); what comes round at the edge lies outside the mask.",
        "around(x): the mean of x.roll(±1, dims=-1) and x.roll(±1, dims=-2).",
        "Inside belongs around(x) + donor - around(donor), outside x: blend with the mask.",
    ),
)
def poisson_sweep(x, donor, mask):
    """One sweep of Poisson blending (Jacobi's method). Where the mask (0 or 1) is 1, a pixel of x becomes the mean of
    its four neighbours in x, plus how much the donor's pixel differs from the mean of its own four; elsewhere x stays.
    All pixels at once, from the old x; nothing is clamped. x, donor: (n, 3, h, w). mask: (n, 1, h, w), 0 at the border.
    """

    def around(z):
        return (z.roll(1, -1) + z.roll(-1, -1) + z.roll(1, -2) + z.roll(-1, -2)) / 4

    return torch.where(mask > 0.5, around(x) + donor - around(donor), x)


poisson_sweep.mistake(
    "This only smooths x: the donor's differences to its neighbours must be added.",
    lambda x, donor, mask: torch.where(mask > 0.5, _around(x), x),
)
poisson_sweep.mistake(
    "That is a plain splice: only the donor's differences are taken over, not its colours.",
    lambda x, donor, mask: torch.where(mask > 0.5, donor, x),
)


@poisson_sweep.mistake(
    "The neighbours' new values are used already. That even gets there faster, but asked for is the old x throughout."
)
def pixel_by_pixel(x, donor, mask):
    x, wanted = x.clone(), donor - _around(donor)
    for n, row, column in (mask[:, 0] > 0.5).nonzero().tolist():
        x[n, :, row, column] = _around(x)[n, :, row, column] + wanted[n, :, row, column]
    return x


poisson_sweep.mistake(
    "Nothing is clamped here: a sweep may leave the range of a picture on its way.",
    lambda x, donor, mask: poisson_sweep.answer(x, donor, mask).clamp(0, 1),
)
poisson_sweep.mistake(
    "Outside the mask x must stay as it is.", lambda x, donor, mask: _around(x) + donor - _around(donor)
)
poisson_sweep.mistake(
    "The donor's difference has the wrong sign: its pixel, minus the mean around it.",
    lambda x, donor, mask: torch.where(mask > 0.5, _around(x) - donor + _around(donor), x),
)


def _swept(new):
    """A sweep that puts new(x, donor) inside the mask."""
    return lambda x, donor, mask: torch.where(mask > 0.5, new(x, donor), x)


poisson_sweep.mistake(
    "The mean of the four neighbours: divide their sum by 4, in x and in the donor.",
    _swept(lambda x, donor: 4 * _around(x) + donor - 4 * _around(donor)),
)
poisson_sweep.mistake(
    "The donor's pixel is compared with the *mean* around it; 4 · pixel - sum of the neighbours is four times that.",
    _swept(lambda x, donor: _around(x) + 4 * (donor - _around(donor))),
)
poisson_sweep.mistake(
    "Four neighbours: above, below, left and right. Here there are only those in the row.",
    _swept(lambda x, donor: donor + ((x - donor).roll(1, -1) + (x - donor).roll(-1, -1)) / 2),
)
poisson_sweep.mistake(
    "A pixel is none of its own neighbours: the mean goes over four pixels and not over five.",
    _swept(lambda x, donor: donor + (4 * _around(x - donor) + x - donor) / 5),
)
poisson_sweep.mistake("Subtract around(donor) as well.", _swept(lambda x, donor: _around(x) + donor))
poisson_sweep.mistake(
    "The mean around replaces the pixel of x; it is not added to it.",
    _swept(lambda x, donor: x + _around(x) + donor - _around(donor)),
)
poisson_sweep.mistake(
    "x and donor are exchanged: the neighbours are those of x, the differences the donor's.",
    lambda x, donor, mask: poisson_sweep.answer(donor, x, mask),
)
poisson_sweep.mistake(
    "The wrong way round: where the mask is 1 the pixels change, elsewhere x stays.",
    lambda x, donor, mask: poisson_sweep.answer(x, donor, 1 - mask),
)
poisson_sweep.mistake(
    "Outside the mask nothing is left: add x * (1 - mask).",
    lambda x, donor, mask: mask * poisson_sweep.answer(x, donor, mask),
)
poisson_sweep.mistake(
    "These are two sweeps; one is asked for.",
    lambda x, donor, mask: poisson_sweep.answer(poisson_sweep.answer(x, donor, mask), donor, mask),
)
poisson_sweep.mistake(
    "Height and width are the last two dimensions; roll over -2 and -1.",
    _swept(
        lambda x, donor: donor + sum((x - donor).roll(step, dim) for step in (1, -1) for dim in (0, 1)) / 4
    ),
)
poisson_sweep.mistake(
    "Each picture has a mask of its own; here all have the first one's.",
    lambda x, donor, mask: poisson_sweep.answer(x, donor, mask[:1].expand_as(mask)),
)
