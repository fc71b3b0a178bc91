"""Exercises of lesson 10: the MMSE estimate, the perceptual loss, weights between two networks, calibration."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import superres
from imagegen_lessons.exercises.checker import Wrong, exercise, explain
from imagegen_lessons.exercises.inputs import normal, uniform


@exercise(
    cases=(
        (uniform(4, 1, 3, 3, seed=1), torch.tensor([0.4, 0.3, 0.2, 0.1])),
        (torch.eye(3).reshape(3, 1, 1, 3), torch.tensor([0.6, 0.2, 0.2])),
    ),
    hints=(
        "The best answer for squared error is the mean of all answers, each counted as often as it occurs.",
        "Give `shares` three axes more, so that it multiplies whole pictures: shares[:, None, None, None].",
        "(shares[:, None, None, None] * answers).sum(dim=0)",
    ),
)
def mmse_estimate(answers, shares):
    """The picture (1, h, w) of the smallest expected squared error: answers (k, 1, h, w) occur with shares (k,)."""
    return (shares[:, None, None, None] * answers).sum(dim=0)


@mmse_estimate.mistake("This counts all answers alike; some occur more often than others.")
def the_plain_mean(answers, shares):
    return answers.mean(dim=0)


@mmse_estimate.mistake("This picks the most frequent answer: sharp, but not what squared error asks for.")
def the_likeliest(answers, shares):
    return answers[shares.argmax()]


@mmse_estimate.mistake(
    "That is the median, pixel by pixel: absolute error asks for it; squared for the mean."
)
def the_median(answers, shares):
    return answers.median(dim=0).values


@mmse_estimate.mistake("The shares already add up to 1: do not divide by their number again.")
def divided_again(answers, shares):
    return (shares[:, None, None, None] * answers).mean(dim=0)


class _Extractor(nn.Module):
    """A small feature extractor with random weights, for the cases."""

    def __init__(self):
        super().__init__()
        first = normal(4, 3, 3, 3, seed=4)
        second = 3 * normal(5, 4, 3, 3, seed=5)
        self.weights = nn.ParameterList([first, second]).requires_grad_(False)

    def forward(self, x, depth=2):
        maps = []
        for weight in list(self.weights)[:depth]:
            x = F.relu(F.conv2d(x, weight, stride=2, padding=1))
            maps.append(x)
        return maps


_X, _Y = uniform(2, 1, 9, 9, seed=2), uniform(2, 1, 9, 9, seed=3)

perceptual_loss = exercise(
    cases=(
        (_Extractor(), _X.clone().requires_grad_(), _Y, 2),
        (_Extractor(), _Y.clone().requires_grad_(), _X, 1),
    ),
    hints=(
        "extractor(grey(x), depth) is a list of feature maps; those of y are only compared with, and need no gradient.",
        "For each pair of maps: (a - b).abs().mean() / b.abs().mean(), where b is y's.",
        "Add up over zip(extractor(grey(x), depth), wanted, strict=True), and divide by depth.",
    ),
)(superres.perceptual_loss)


def _maps(extractor, x, y, depth):
    grey = superres.grey
    return list(zip(extractor(grey(x), depth), extractor(grey(y), depth), strict=True))


@perceptual_loss.mistake("Divide each layer's difference by the mean size of y's map; else large maps win.")
def not_relative(extractor, x, y, depth):
    return sum((a - b).abs().mean() for a, b in _maps(extractor, x, y, depth)) / depth


@perceptual_loss.mistake("It is the mean over the layers: divide the sum by `depth`.")
def the_sum(extractor, x, y, depth):
    return depth * superres.perceptual_loss(extractor, x, y, depth)


@perceptual_loss.mistake("This divides by x's maps: then a large x looks close to anything. Divide by y's.")
def by_the_output(extractor, x, y, depth):
    return sum((a - b).abs().mean() / a.abs().mean() for a, b in _maps(extractor, x, y, depth)) / depth


@perceptual_loss.mistake("The extractor expects a grey picture in [0, 1]: hand it grey(x) and grey(y).")
def without_grey(extractor, x, y, depth):
    pairs = zip(*(extractor(z.expand(-1, 3, -1, -1), depth) for z in (x, y)), strict=True)
    return sum((a - b).abs().mean() / b.abs().mean() for a, b in pairs) / depth


@perceptual_loss.mistake("Compare the maps by their absolute differences, not by the squared ones.")
def squared(extractor, x, y, depth):
    pairs = _maps(extractor, x, y, depth)
    return sum((a - b).square().mean() / b.square().mean() for a, b in pairs) / depth


@perceptual_loss.mistake("Hand `depth` on, or the extractor uses all its layers: extractor(grey(x), depth).")
def all_layers(extractor, x, y, depth):
    return superres.perceptual_loss(extractor, x, y, len(extractor.weights))


_OTHER_END = "The wrong way round: a share of 0 should give the weights of the first network."
_HALF_WAY = "This always goes half-way; `share` says how far."
_IN_PLACE = (
    "Your function changes the first network's own tensors; compute new ones, without lerp_, += or copy_."
)


def _verify_interpolation(attempt):
    a = [torch.ones(2, 3), torch.zeros(4)]
    b = [torch.full((2, 3), 3.0), torch.arange(4.0)]

    def at(share):
        return [(1 - share) * x + share * y for x, y in zip(a, b, strict=True)]

    for share in (0.25, 0.0, 1.0, 1.5):
        mine = copy.deepcopy(a)
        got = attempt(mine, b, share)
        if explain(a, mine):
            raise Wrong(_IN_PLACE)
        if not isinstance(got, tuple | list):
            raise Wrong(
                f"Return a list of tensors, not {'nothing' if got is None else 'a ' + type(got).__name__}."
            )
        problem = explain(at(share), got)
        if problem:
            advice = _OTHER_END if explain(at(1 - share), got) is None else ""
            advice = _HALF_WAY if explain(at(0.5), got) is None else advice
            raise Wrong(
                f"For tensors of shapes (2, 3) and (4,) and a share of {share}: {problem} {advice}".strip()
            )


@exercise(
    verify=_verify_interpolation,
    hints=(
        "Take the tensors in pairs: zip(a, b, strict=True).",
        "torch.lerp(x, y, share) is x + share * (y - x).",
    ),
)
def interpolate_weights(a, b, share):
    """The weights between two networks, given as lists of tensors: a list; share 0 gives a, share 1 gives b."""
    return [torch.lerp(x, y, share) for x, y in zip(a, b, strict=True)]


@interpolate_weights.mistake(_OTHER_END)
def other_end(a, b, share):
    return interpolate_weights.answer(a, b, 1 - share)


@interpolate_weights.mistake(_HALF_WAY)
def half_way(a, b, share):
    return interpolate_weights.answer(a, b, 0.5)


@interpolate_weights.mistake(_IN_PLACE)
def in_place(a, b, share):
    return [x.lerp_(y, share) for x, y in zip(a, b, strict=True)]


@interpolate_weights.mistake("Return a list of tensors, not a generator.")
def one_by_one(a, b, share):
    return (torch.lerp(x, y, share) for x, y in zip(a, b, strict=True))


_PREDICTED = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 1], [2, 2, 2, 0], [2, 1, 2, 2], [0, 0, 1, 2]])


@exercise(
    cases=((_PREDICTED, 0.75), (_PREDICTED, 1.0), (_PREDICTED, 0.5)),
    hints=(
        "The majority: predictions.mode(dim=1).values, (n,).",
        "Its share: (predictions == majority[:, None]).float().mean(dim=1); compare it with the threshold.",
        "torch.where(share >= threshold, majority, -1)",
    ),
)
def abstain(predictions, threshold):
    """Of k predictions each (n, k): what most of them say (n,), or -1 where their share is below the threshold."""
    majority = predictions.mode(dim=1).values
    share = (predictions == majority[:, None]).float().mean(dim=1)
    return torch.where(share >= threshold, majority, -1)


@abstain.mistake("This never abstains: where too few of the predictions agree, the answer is -1.")
def always_sure(predictions, threshold):
    return predictions.mode(dim=1).values


@abstain.mistake("A share just at the threshold is enough: compare with >=, not with >.")
def too_strict(predictions, threshold):
    return abstain.answer(predictions, threshold + 1e-6)


@abstain.mistake("This asks how many agree with the first; ask how many agree with the majority.")
def the_first_one(predictions, threshold):
    share = (predictions == predictions[:, :1]).float().mean(dim=1)
    return torch.where(share >= threshold, predictions[:, 0], -1)


@abstain.mistake("Keep all n places: where it abstains the answer is -1, and nothing is left out.")
def only_the_sure(predictions, threshold):
    kept = abstain.answer(predictions, threshold)
    return kept[kept >= 0]


_STD, _ERROR = uniform(2, 24, seed=6) - torch.tensor([[0.0], [0.5]])


def _rms_of_bins(std, error, bins):
    """The root mean square of both in bins of consecutive values: (bins, 2)."""
    return torch.stack([v.reshape(bins, -1).square().mean(dim=1).sqrt() for v in (std, error)], dim=1)


@exercise(
    cases=((_STD, _ERROR, 4), (_STD.flip(0), 2 * _ERROR, 3)),
    hints=(
        "order = std.argsort(), and use it for both: a pixel's deviation and its error must stay together.",
        "x[order].reshape(bins, -1) has a row for each bin.",
        "The size of a row of numbers is its root mean square: .square().mean(dim=1).sqrt().",
    ),
)
def calibration_curve(std, error, bins):
    """Pixels sorted by predicted deviation, in equal bins: (bins, 2), the root mean square of deviation and error."""
    order = std.argsort()
    rows = [v[order].reshape(bins, -1) for v in (std, error)]
    return torch.stack([row.square().mean(dim=1).sqrt() for row in rows], dim=1)


@calibration_curve.mistake(
    "Deviation and error are sorted apart, so they no longer belong together: it looks too good."
)
def sorted_apart(std, error, bins):
    return _rms_of_bins(std.sort().values, error.abs().sort().values, bins)


@calibration_curve.mistake("The bins are not sorted by deviation: each holds a bit of everything.")
def unsorted(std, error, bins):
    return _rms_of_bins(std, error, bins)


@calibration_curve.mistake("Errors of both signs cancel in a mean: take the root of the mean square.")
def plain_means(std, error, bins):
    order = std.argsort()
    return torch.stack([v[order].reshape(bins, -1).mean(dim=1) for v in (std, error)], dim=1)


@calibration_curve.mistake("The size of a bin is its root mean square: square, take the mean, then the root.")
def mean_sizes(std, error, bins):
    return plain_means(std, error.abs(), bins)


@calibration_curve.mistake(
    "The root mean square is for both: also for the deviation, not only for the error."
)
def mean_deviation(std, error, bins):
    curve = calibration_curve.answer(std, error, bins)
    return torch.stack([plain_means(std, error, bins)[:, 0], curve[:, 1]], dim=1)


@calibration_curve.mistake("The bins should hold equally many pixels; these are equally wide.")
def equally_wide(std, error, bins):
    edges = torch.linspace(std.min(), std.max(), bins + 1)[1:-1]
    parts = [torch.bucketize(std, edges) == k for k in range(bins)]
    return torch.stack([torch.stack([v[p].square().mean().sqrt() for v in (std, error)]) for p in parts])
