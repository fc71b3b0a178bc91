"""Exercises of lesson 15: what an alarm is worth, ROC, AUC, calibration, the DCT, self-blending, Poisson blending."""

import math

import torch

from imagegen_lessons import metrics
from imagegen_lessons.deepfakes import detectors, forgeries
from imagegen_lessons.exercises.checker import exercise
from imagegen_lessons.exercises.inputs import normal, uniform
from imagegen_lessons.runtime import generator


@exercise(
    cases=((0.9, 0.05, 0.01), (1.0, 0.05, 0.5), (0.6, 0.3, 0.2)),
    hints=(
        "Of all pictures, the share tpr * prevalence is fake and flagged. Which share is real and flagged?",
        "Real and flagged: fpr * (1 - prevalence). Divide the fakes by all that are flagged.",
    ),
)
def positive_predictive_value(tpr, fpr, prevalence):
    """The share of flagged pictures that are fake, where the share `prevalence` of all pictures is fake."""
    caught = tpr * prevalence
    return caught / (caught + fpr * (1 - prevalence))


@positive_predictive_value.mistake(
    "This is right only where half of all pictures are fake: weigh both rates by how many there are."
)
def forgets_the_prevalence(tpr, fpr, prevalence):
    return tpr / (tpr + fpr)


@positive_predictive_value.mistake(
    "That is how many of all pictures are fake and flagged; divide it by how many are flagged."
)
def of_all_pictures(tpr, fpr, prevalence):
    return tpr * prevalence


@positive_predictive_value.mistake(
    "Only the share 1 - prevalence of all pictures is real: real and flagged is fpr * (1 - prevalence)."
)
def all_are_real(tpr, fpr, prevalence):
    return tpr * prevalence / (tpr * prevalence + fpr)


@positive_predictive_value.mistake(
    "This is the share of real pictures among the flagged; asked for is the rest."
)
def the_real_ones(tpr, fpr, prevalence):
    return 1 - positive_predictive_value.answer(tpr, fpr, prevalence)


def _scores(seed: int, n: int, shift: float) -> torch.Tensor:
    """Scores with ties: one decimal."""
    return (10 * (normal(n, seed=seed) + shift)).round() / 10


_REAL, _FAKE = _scores(1, 40, 0.0), _scores(2, 30, 1.0)
_THRESHOLDS = torch.tensor([2.0, 1.0, 0.5, 0.0, -4.0])

roc_points = exercise(
    cases=((_REAL, _FAKE, _THRESHOLDS), (_FAKE, _REAL, _THRESHOLDS[1:3])),
    hints=(
        "Compare every score with every threshold at once: real[:, None] >= thresholds is (n, k).",
        "The mean over the pictures (dim 0) of that, as float, is the share flagged at each threshold.",
    ),
)(metrics.roc_points)


@roc_points.mistake("Flagged is what scores at the threshold or above, and this flags what scores below it.")
def flags_the_rest(real, fake, thresholds):
    return tuple((scores[:, None] < thresholds).float().mean(dim=0) for scores in (real, fake))


@roc_points.mistake(
    "A picture that scores just the threshold is flagged as well: compare with >=, not with >."
)
def too_strict(real, fake, thresholds):
    return tuple((scores[:, None] > thresholds).float().mean(dim=0) for scores in (real, fake))


@roc_points.mistake(
    "These are the two rates in the wrong order: false positives, from the real pictures, come first."
)
def swapped(real, fake, thresholds):
    return roc_points.answer(fake, real, thresholds)


@roc_points.mistake("Divide by the number of real pictures, and of fakes, not by the number of all pictures.")
def of_all(real, fake, thresholds):
    n = len(real) + len(fake)
    return tuple((scores[:, None] >= thresholds).float().sum(dim=0) / n for scores in (real, fake))


auc = exercise(
    cases=((_REAL, _FAKE), (_FAKE, _REAL), (torch.zeros(3), torch.zeros(4))),
    hints=(
        "All pairs at once: fake > real[:, None] is (n, m).",
        "Add half of fake == real[:, None], as float, and take the mean.",
    ),
)(metrics.auc)


@auc.mistake("Equal scores decide nothing: a tie counts half, and not nothing.")
def ties_lost(real, fake):
    return (fake > real[:, None]).float().mean()


@auc.mistake("Equal scores decide nothing: a tie counts half, and not a whole win.")
def ties_won(real, fake):
    return (fake >= real[:, None]).float().mean()


@auc.mistake("Upside down: count the pairs in which the fake scores higher.")
def upside_down(real, fake):
    return 1 - auc.answer(real, fake)


@auc.mistake("Compare each fake with every real picture, not with the mean of the real ones.")
def with_the_mean(real, fake):
    return (fake > real.mean()).float().mean()


_RNG = generator(3)
_PROBABILITY = torch.rand(60, generator=_RNG)
_OUTCOME = (torch.rand(60, generator=_RNG) < _PROBABILITY**2).float()
_EDGES = torch.tensor([0.0, 0.5, 1.0, 1.0, 0.25]), torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0])

calibration_error = exercise(
    cases=((_PROBABILITY, _OUTCOME, 5), (_PROBABILITY, 1 - _OUTCOME, 10), (*_EDGES, 4), (*_EDGES, 8)),
    hints=(
        "The bin of each probability: (probability * bins).long().clamp(max=bins - 1).",
        "In each bin that is not empty: the distance between probability[inside].mean() and outcome[inside].mean().",
        "Weigh each distance by inside.float().mean(), the share of all pictures that fall there, and add up.",
    ),
)(metrics.calibration_error)


def _bins(probability, outcome, bins):
    """For each bin that holds anything: its share of all, and how far it is off."""
    where = (probability * bins).long().clamp(max=bins - 1)
    parts = [where == k for k in range(bins) if (where == k).any()]
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


@calibration_error.mistake("A bin that holds few pictures counts less: weigh by the share that falls there.")
def all_bins_alike(probability, outcome, bins):
    return _bins(probability, outcome, bins)[1].abs().mean()


@calibration_error.mistake(
    "Too sure here and too shy there must not cancel: take the absolute value in each bin."
)
def cancelled(probability, outcome, bins):
    share, off = _bins(probability, outcome, bins)
    return (share * off).sum().abs()


@calibration_error.mistake("Compare within a bin the two means; each picture by itself is never calibrated.")
def each_by_itself(probability, outcome, bins):
    return (probability - outcome).abs().mean()


@calibration_error.mistake(
    "A probability of exactly 1 belongs to the last bin; here it falls out: clamp(max=bins - 1)."
)
def loses_the_sure(probability, outcome, bins):
    share, off = _bins(probability[probability < 1], outcome[probability < 1], bins)
    return (share * off.abs()).sum() * (probability < 1).float().mean()


dct_matrix = exercise(
    cases=((4,), (7,), (1,)),
    hints=(
        "k = torch.arange(n)[:, None] and i = torch.arange(n) give all pairs at once: k down, i across.",
        "The waves: (math.pi * (2 * i + 1) * k / (2 * n)).cos(). Then each row is made 1 long.",
        "Multiply by math.sqrt(2 / n), and divide row 0 by math.sqrt(2).",
    ),
)(detectors.dct_matrix)


def _cosines(n):
    k, i = torch.arange(n)[:, None], torch.arange(n)
    return (math.pi * (2 * i + 1) * k / (2 * n)).cos()


@dct_matrix.mistake("Row 0 is √2 too long: it is constant, so that its squares add up to more than a wave's.")
def long_first_row(n):
    return _cosines(n) * math.sqrt(2 / n)


@dct_matrix.mistake("The first wave is the constant one: k begins at 0.")
def without_the_constant(n):
    k, i = torch.arange(1, n + 1)[:, None], torch.arange(n)
    return (math.pi * (2 * i + 1) * k / (2 * n)).cos() * math.sqrt(2 / n)


@dct_matrix.mistake("All rows but the first are √2 too short: a wave's squares are a half on average.")
def too_short(n):
    return _cosines(n) / math.sqrt(n)


@dct_matrix.mistake("Each row should be 1 long: the sum of its squares is 1.")
def not_scaled(n):
    return _cosines(n)


@dct_matrix.mistake("Waves are rows here, and in your matrix they are columns: k goes down, i across.")
def columns(n):
    return dct_matrix.answer(n).T.contiguous()


@dct_matrix.mistake("The wave is taken in the middle of each pixel: 2 * i + 1, not 2 * i.")
def at_the_edges(n):
    k, i = torch.arange(n)[:, None], torch.arange(n)
    waves = (math.pi * 2 * i * k / (2 * n)).cos() * math.sqrt(2 / n)
    waves[0] /= math.sqrt(2)
    return waves


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


@self_blend.mistake("First times the gain, then the shift: gain · scene + shift, not gain · (scene + shift).")
def shifted_first(scene, gain, shift, mask):
    return self_blend.answer(scene, gain, gain * shift, mask)


@self_blend.mistake("The other order: the untouched scenes come first, then the blended ones.")
def blended_first(scene, gain, shift, mask):
    return tuple(value.roll(len(scene), dims=0) for value in self_blend.answer(scene, gain, shift, mask))


@self_blend.mistake("The wrong way round: inside the mask (1) belongs the altered copy, outside the scene.")
def inside_out(scene, gain, shift, mask):
    return self_blend.answer(scene, gain, shift, 1 - mask)


@self_blend.mistake(
    "That is another person's face. The point is that a picture is blended with its own copy, and no other."
)
def somebody_else(scene, gain, shift, mask):
    x, y = self_blend.answer(scene, gain, shift, mask)
    copy = (scene * gain + shift).clamp(0, 1).roll(1, dims=0)
    return torch.cat([scene, forgeries.alpha_splice(scene, copy, mask)]), y


@self_blend.mistake("The whole picture is altered: no border is left to be found. Blend by the mask.")
def everywhere(scene, gain, shift, mask):
    return self_blend.answer(scene, gain, shift, torch.ones_like(mask))


@self_blend.mistake("The labels are the wrong way round: 0 for the untouched scenes, 1 for the blended.")
def labels_swapped(scene, gain, shift, mask):
    x, y = self_blend.answer(scene, gain, shift, mask)
    return x, 1 - y


_INSIDE = torch.zeros(1, 1, 7, 6)
_INSIDE[..., 2:5, 1:4] = 1.0


@exercise(
    cases=(
        (uniform(2, 3, 7, 6, seed=5), uniform(2, 3, 7, 6, seed=6), _INSIDE),
        (uniform(1, 1, 7, 6, seed=7), uniform(1, 1, 7, 6, seed=8), _INSIDE),
    ),
    hints=(
        "The pixel above each pixel is x.roll(1, dims=-2); what comes round at the edge lies outside the mask.",
        "around(x): the mean of x.roll(±1, dims=-1) and x.roll(±1, dims=-2).",
        "Inside belongs around(x) + donor - around(donor), outside x: blend with the mask.",
    ),
)
def poisson_sweep(x, donor, mask):
    """One sweep of Poisson blending (Jacobi's method). Where the mask (0 or 1) is 1, a pixel of x becomes the mean of
    its four neighbours in x, plus how much the donor's pixel differs from the mean of its own four; elsewhere x stays.
    All pixels at once, from the old x; nothing is clamped."""

    def around(z):
        return (z.roll(1, -1) + z.roll(-1, -1) + z.roll(1, -2) + z.roll(-1, -2)) / 4

    return torch.where(mask > 0.5, around(x) + donor - around(donor), x)


def _around(z):
    return (z.roll(1, -1) + z.roll(-1, -1) + z.roll(1, -2) + z.roll(-1, -2)) / 4


@poisson_sweep.mistake("This only smooths x: the donor's differences to its neighbours must be added.")
def without_the_donor(x, donor, mask):
    return torch.where(mask > 0.5, _around(x), x)


@poisson_sweep.mistake(
    "That is a plain splice: only the donor's differences are taken over, not its colours."
)
def plain_splice(x, donor, mask):
    return torch.where(mask > 0.5, donor, x)


@poisson_sweep.mistake(
    "The neighbours' new values are used already. That even gets there faster, but asked for is the old x throughout."
)
def pixel_by_pixel(x, donor, mask):
    x, wanted = x.clone(), donor - _around(donor)
    for row, column in (mask[0, 0] > 0.5).nonzero().tolist():
        x[..., row, column] = _around(x)[..., row, column] + wanted[..., row, column]
    return x


@poisson_sweep.mistake("Nothing is clamped here: a sweep may leave the range of a picture on its way.")
def clamped(x, donor, mask):
    return poisson_sweep.answer(x, donor, mask).clamp(0, 1)


@poisson_sweep.mistake("Outside the mask x must stay as it is.")
def all_over(x, donor, mask):
    return _around(x) + donor - _around(donor)


@poisson_sweep.mistake("The donor's difference has the wrong sign: its pixel, minus the mean around it.")
def wrong_sign(x, donor, mask):
    return torch.where(mask > 0.5, _around(x) - donor + _around(donor), x)
