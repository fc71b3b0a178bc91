"""Exercises of lesson 10: the MMSE estimate, the perceptual loss, weights between two networks, calibration."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import superres
from imagegen_lessons.exercises.checker import exercise
from imagegen_lessons.exercises.inputs import normal, uniform


@exercise(
    cases=(
        (uniform(4, 1, 3, 3, seed=1), torch.tensor([0.4, 0.3, 0.2, 0.1])),
        (torch.eye(3).reshape(3, 1, 1, 3), torch.tensor([0.6, 0.2, 0.2])),
        (uniform(5, 1, 2, 4, seed=7), torch.tensor([0.1, 0.15, 0.05, 0.4, 0.3])),
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


def _weighted(answers, shares):
    return shares[:, None, None, None] * answers


def _weighted_median(answers, shares):
    """In each pixel the value below which half of the shares lie: what absolute error asks for."""
    values, order = answers.sort(dim=0)
    return values.gather(0, (shares[order].cumsum(dim=0) < 0.5).sum(dim=0, keepdim=True))[0]


mmse_estimate.mistake(
    "That is the weighted median, pixel by pixel: absolute error asks for it. Squared error asks for the weighted "
    "mean.",
    _weighted_median,
)
mmse_estimate.mistake(
    "The shares are missing: multiply each answer by how often it occurs, before the sum.",
    lambda answers, shares: answers.sum(dim=0),
)
mmse_estimate.mistake(
    "The picture has the shape (1, h, w): the axis of the answers goes; take .sum(dim=0) without keepdim.",
    lambda answers, shares: _weighted(answers, shares).sum(dim=0, keepdim=True),
)
mmse_estimate.mistake(
    "That is one number: add up over the answers only, dim=0, so that a picture is left.",
    lambda answers, shares: _weighted(answers, shares).sum(),
)
mmse_estimate.mistake(
    "This adds up the channels, dim=1; the answers lie along dim=0.",
    lambda answers, shares: _weighted(answers, shares).sum(dim=1),
)
mmse_estimate.mistake(
    "The shares multiply the columns of the picture: give them three axes more, shares[:, None, None, None].",
    lambda answers, shares: (shares * answers).sum(dim=0),
)
mmse_estimate.mistake(
    "The shares are weights already: use them as they are, without softmax.",
    lambda answers, shares: mmse_estimate.answer(answers, shares.softmax(dim=0)),
)
mmse_estimate.mistake(
    "The shares already add up to 1: do not divide by the largest of them.",
    lambda answers, shares: mmse_estimate.answer(answers, shares) / shares.max(),
)
mmse_estimate.mistake(
    "The shares count once, not squared.", lambda answers, shares: mmse_estimate.answer(answers, shares**2)
)
mmse_estimate.mistake(
    "That is the root of a mean of squares; the squared error is smallest for the plain weighted mean.",
    lambda answers, shares: mmse_estimate.answer(answers**2, shares).sqrt(),
)
mmse_estimate.mistake(
    "In each pixel only the largest term is kept; add all of them up.",
    lambda answers, shares: _weighted(answers, shares).max(dim=0).values,
)
mmse_estimate.mistake(
    "Only one answer is in it: does the loop overwrite the sum instead of adding to it, with +=?",
    lambda answers, shares: _weighted(answers, shares)[-1],
)
mmse_estimate.mistake(
    "The shares are in the wrong order: the first one belongs to the first answer.",
    lambda answers, shares: mmse_estimate.answer(answers, shares.flip(0)),
)
mmse_estimate.mistake(
    "That is the one of the answers with the smallest error. A mixture of them has a smaller one still.",
    lambda answers, shares: min(answers, key=lambda x: (_weighted((answers - x) ** 2, shares)).sum().item()),
)


class _Extractor(nn.Module):
    """A small feature extractor with random weights, for the cases."""

    def __init__(self, layers=2):
        super().__init__()
        all_layers = normal(4, 3, 3, 3, seed=4), 3 * normal(5, 4, 3, 3, seed=5), normal(3, 5, 3, 3, seed=10)
        self.weights = nn.ParameterList(all_layers[:layers]).requires_grad_(False)

    def forward(self, x, depth=None):
        maps = []
        for weight in list(self.weights)[:depth]:
            x = F.leaky_relu(F.conv2d(x, weight, stride=2, padding=1), 0.3)  # maps of both signs
            maps.append(x)
        return maps


_X, _Y = uniform(2, 1, 9, 9, seed=2), uniform(2, 1, 9, 9, seed=3)

perceptual_loss = exercise(
    cases=(
        (_Extractor(), _X.clone().requires_grad_(), _Y, 2),
        (_Extractor(), _Y.clone().requires_grad_(), _X, 1),
        (_Extractor(3), uniform(1, 1, 12, 16, seed=8).requires_grad_(), uniform(1, 1, 12, 16, seed=9), 3),
    ),
    hints=(
        "extractor(grey(x), depth) is a list of feature maps; those of y are only compared with, and need no "
        "gradient.",
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
    return len(extractor.weights) / depth * superres.perceptual_loss(extractor, x, y, len(extractor.weights))


def _mean_of(distance):
    """The mean over the layers of a distance of two feature maps."""
    return lambda extractor, x, y, depth: (
        sum(distance(a, b) for a, b in _maps(extractor, x, y, depth)) / depth
    )


def _layers(choose):
    """One or all of the layers' distances, or something made of them."""

    def value(extractor, x, y, depth):
        pairs = _maps(extractor, x, y, depth)
        return choose([(a - b).abs().mean() / b.abs().mean() for a, b in pairs])

    return value


perceptual_loss.mistake(
    "Divide by the mean *absolute* value of y's map: b.abs().mean(). The plain mean may be near 0.",
    _mean_of(lambda a, b: (a - b).abs().mean() / b.mean()),
)
perceptual_loss.mistake(
    "Differences of both signs cancel: take .abs() before the mean.",
    _mean_of(lambda a, b: (a - b).mean() / b.abs().mean()),
)
perceptual_loss.mistake(
    "Take .abs() of each difference, and then the mean; this is the absolute value of the mean.",
    _mean_of(lambda a, b: (a - b).mean().abs() / b.abs().mean()),
)
perceptual_loss.mistake(
    "That is the last layer alone: take the mean over all of them.", _layers(lambda v: v[-1])
)
perceptual_loss.mistake(
    "That is the first layer alone: take the mean over all of them.", _layers(lambda v: v[0])
)
perceptual_loss.mistake("There are not always four layers: divide by `depth`.", _layers(lambda v: sum(v) / 4))
perceptual_loss.mistake("A loss is one number: take the mean over the layers.", _layers(torch.stack))
perceptual_loss.mistake(
    "The difference is squared and the size is not: take the absolute difference.",
    _mean_of(lambda a, b: (a - b).square().mean() / b.abs().mean()),
)
perceptual_loss.mistake(
    "These are roots of mean squares; take mean absolute values, above and below the line.",
    _mean_of(lambda a, b: (a - b).square().mean().sqrt() / b.square().mean().sqrt()),
)
perceptual_loss.mistake(
    "A sum is divided by a mean: take .mean() for both, or large maps count more.",
    _mean_of(lambda a, b: (a - b).abs().sum() / b.abs().mean()),
)
perceptual_loss.mistake(
    "Each difference is divided by its own pixel's value; divide mean by mean, once for a layer.",
    _mean_of(lambda a, b: ((a - b).abs() / b.abs()).mean()),
)
perceptual_loss.mistake(
    "The sums of all layers are divided by each other: divide layer by layer, so that none outweighs the others.",
    lambda extractor, x, y, depth: (
        sum((a - b).abs().mean() for a, b in _maps(extractor, x, y, depth))
        / sum(b.abs().mean() for _, b in _maps(extractor, x, y, depth))
    ),
)
perceptual_loss.mistake(
    "Divide by the size of y's map, b.abs().mean(), not by its standard deviation.",
    _mean_of(lambda a, b: (a - b).abs().mean() / b.std()),
)
perceptual_loss.mistake(
    "Divide by the *mean* size of y's map, not by its largest value.",
    _mean_of(lambda a, b: (a - b).abs().mean() / b.abs().max()),
)
perceptual_loss.mistake(
    "Multiplied where it should be divided: / b.abs().mean().",
    _mean_of(lambda a, b: (a - b).abs().mean() * b.abs().mean()),
)
perceptual_loss.mistake(
    "Both pictures go through grey(…), y as well as x.",
    lambda extractor, x, y, depth: (
        sum(
            (a - b).abs().mean() / b.abs().mean()
            for a, b in zip(
                extractor(superres.grey(x), depth), extractor(y.expand(-1, 3, -1, -1), depth), strict=True
            )
        )
        / depth
    ),
)
perceptual_loss.mistake(
    "These are the pixels. Compare what the extractor makes of both pictures, layer by layer.",
    lambda extractor, x, y, depth: (
        (superres.grey(x) - superres.grey(y)).abs().mean() / superres.grey(y).abs().mean()
    ),
)
perceptual_loss.mistake(
    "Average over the whole batch: this divides picture by picture.",
    _mean_of(lambda a, b: ((a - b).abs().mean(dim=(1, 2, 3)) / b.abs().mean(dim=(1, 2, 3))).mean()),
)
perceptual_loss.mistake(
    "x must carry a gradient, for the network learns through it: torch.no_grad() is for y only.",
    lambda extractor, x, y, depth: superres.perceptual_loss(extractor, x.detach(), y, depth),
)


_FIRST = [normal(3, 5, seed=11), torch.zeros(4), normal(3, 2, 2, seed=12)]
_SECOND = [normal(3, 5, seed=13), torch.arange(4.0), 10 * normal(3, 2, 2, seed=14)]


@exercise(
    cases=tuple((_FIRST, _SECOND, share) for share in (0.25, 0.0, 1.0, 1.5, -0.5)),
    hints=(
        "Take the tensors in pairs: zip(a, b, strict=True).",
        "torch.lerp(x, y, share) is x + share * (y - x).",
    ),
)
def interpolate_weights(a, b, share):
    """The weights between two networks, given as lists of tensors: a list; share 0 gives a, share 1 gives b."""
    return [torch.lerp(x, y, share) for x, y in zip(a, b, strict=True)]


def _each(function):
    """A list with a function of each pair of tensors and the share."""
    return lambda a, b, share: [function(x, y, share) for x, y in zip(a, b, strict=True)]


interpolate_weights.mistake(
    "The wrong way round: a share of 0 should give the weights of the first network.",
    _each(lambda x, y, share: torch.lerp(y, x, share)),
)
interpolate_weights.mistake(
    "This always goes half-way; `share` says how far.", _each(lambda x, y, share: (x + y) / 2)
)
interpolate_weights.mistake(
    "The first network must stay as it is: without lerp_, += or copy_.",
    _each(lambda x, y, share: x.lerp_(y, share)),
)
interpolate_weights.mistake(
    "The second network must stay as it is: without *=, += or copy_.",
    _each(lambda x, y, share: y.mul_(share).add_((1 - share) * x)),
)
interpolate_weights.mistake(
    "A share above 1 goes beyond the second network, and one below 0 before the first: do not clamp it.",
    _each(lambda x, y, share: torch.lerp(x, y, min(max(share, 0), 1))),
)
interpolate_weights.mistake(
    "The first network's part is missing its weight: (1 - share) * x + share * y.",
    _each(lambda x, y, share: x + share * y),
)
interpolate_weights.mistake(
    "This goes away from the second network: x + share * (y - x), not minus.",
    _each(lambda x, y, share: x - share * (y - x)),
)
interpolate_weights.mistake(
    "Only the first tensors are mixed: go through all pairs, and return after the loop.",
    lambda a, b, share: [torch.lerp(a[0], b[0], share)],
)
interpolate_weights.mistake(
    "Only the first tensors are mixed; the others are the first network's still.",
    lambda a, b, share: [torch.lerp(a[0], b[0], share), *a[1:]],
)
interpolate_weights.mistake(
    "That is one tensor. Collect the mixtures of all pairs in a list.",
    lambda a, b, share: torch.lerp(a[-1], b[-1], share),
)
interpolate_weights.mistake("Nothing is mixed: this is the first network.", lambda a, b, share: a)
interpolate_weights.mistake("Nothing is mixed: this is the second network.", lambda a, b, share: b)
interpolate_weights.mistake(
    "Both parts stand one after the other in the list; add them up, pair by pair.",
    lambda a, b, share: [(1 - share) * x for x in a] + [share * y for y in b],
)
interpolate_weights.mistake(
    "Both are multiplied with `share`; the first counts 1 - share.",
    _each(lambda x, y, share: share * (x + y)),
)
interpolate_weights.mistake("Lists cannot be multiplied: take zip(a, b).", lambda a, b, share: share * a)
interpolate_weights.mistake("Nothing is returned: end with `return`.", lambda a, b, share: None)


_PREDICTED = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 1], [2, 2, 2, 0], [2, 1, 2, 2], [0, 0, 1, 2]])
# Five predictions each: a majority that is neither the mean nor the median, ties, and a class above all others.
_OF_FIVE = torch.tensor(
    [[0, 0, 0, 5, 5], [4, 4, 4, 4, 0], [0, 0, 3, 3, 1], [2, 1, 1, 1, 1], [5, 5, 5, 0, 5], [0] * 5]
)
_SPREAD = torch.tensor([[0, 0, 0, 3, 4, 5, 6], [6, 1, 6, 2, 6, 0, 3]])  # the median is another class


@exercise(
    cases=(
        (_PREDICTED, 0.75),
        (_PREDICTED, 1.0),
        (_PREDICTED, 0.5),
        (_OF_FIVE, 0.75),
        (_OF_FIVE, 0.5),
        (_OF_FIVE, 1.0),
        (_SPREAD, 0.25),
    ),
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


@abstain.mistake(
    "This never abstains: where too few agree, the answer is -1. Do you compare how many agree, and not their "
    "*share*?"
)
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


def _where_sure(choose, sure=lambda share, threshold: share >= threshold, otherwise=-1):
    """An answer that takes something else for the majority, is sure in another way, or says something else if not."""

    def value(predictions, threshold):
        chosen = choose(predictions)
        share = (predictions == chosen[:, None]).float().mean(dim=1)
        return torch.where(sure(share, threshold), chosen, otherwise)

    return value


def _majority(predictions):
    return predictions.mode(dim=1).values


abstain.mistake(
    "The wrong way round: it answers where too few agree, and abstains where enough do. Compare with >=.",
    _where_sure(_majority, sure=lambda share, threshold: share < threshold),
)
abstain.mistake(
    "The comparison is turned round: it should answer where the share is *at least* the threshold.",
    _where_sure(_majority, sure=lambda share, threshold: share <= threshold),
)
abstain.mistake("Where it abstains the answer is -1; 0 is a class.", _where_sure(_majority, otherwise=0))
abstain.mistake("Where it abstains the answer is -1, not nan.", _where_sure(_majority, otherwise=torch.nan))
abstain.mistake(
    "The median is the middle one; most say something else: .mode(dim=1).values.",
    _where_sure(lambda predictions: predictions.median(dim=1).values),
)
abstain.mistake(
    "Classes cannot be averaged: 0 and 2 do not make a 1. Take the most frequent one: .mode(dim=1).values.",
    _where_sure(lambda predictions: predictions.float().mean(dim=1).round().long()),
)
abstain.mistake(
    "That is the largest class, not the most frequent one: .mode(dim=1).values.",
    _where_sure(lambda predictions: predictions.max(dim=1).values),
)
abstain.mistake(
    "The number that must agree is rounded down. Compare the share itself with the threshold.",
    lambda predictions, threshold: torch.where(
        (predictions == _majority(predictions)[:, None]).sum(dim=1) >= int(threshold * predictions.shape[1]),
        _majority(predictions),
        -1,
    ),
)
abstain.mistake(
    "There are not always four predictions: take the mean over dim=1, which counts them.",
    lambda predictions, threshold: torch.where(
        (predictions == _majority(predictions)[:, None]).sum(dim=1) / 4 >= threshold,
        _majority(predictions),
        -1,
    ),
)
abstain.mistake(
    "Divided by the number of rows; there are predictions.shape[1] predictions in each.",
    lambda predictions, threshold: torch.where(
        (predictions == _majority(predictions)[:, None]).sum(dim=1) / len(predictions) >= threshold,
        _majority(predictions),
        -1,
    ),
)
abstain.mistake(
    "The vote is along the wrong axis: each row holds the predictions of one, so dim=1.",
    lambda predictions, threshold: abstain.answer(predictions.T, threshold),
)
abstain.mistake(
    "`threshold` is not used, or the half is written in its place.",
    _where_sure(_majority, sure=lambda share, threshold: share > 0.5),
)
abstain.mistake(
    "This answers only where *all* agree; the threshold may ask for fewer.",
    _where_sure(_majority, sure=lambda share, threshold: share == 1),
)
abstain.mistake(
    "That is the share; return the class where the share is large enough, and else -1.",
    lambda predictions, threshold: (predictions == _majority(predictions)[:, None]).float().mean(dim=1),
)
abstain.mistake(
    "That says where it is sure. Return *what* it says there: torch.where(sure, majority, -1).",
    lambda predictions, threshold: abstain.answer(predictions, threshold) >= 0,
)
abstain.mistake(
    "Each row is sure or not by itself; this takes one share for all of them.",
    lambda predictions, threshold: torch.where(
        (predictions == _majority(predictions)[:, None]).float().mean() >= threshold,
        _majority(predictions),
        -1,
    ),
)
abstain.mistake(
    "The majority is each row's own, not that of all predictions together.",
    _where_sure(lambda predictions: predictions.flatten().mode().values.expand(len(predictions))),
)


_STD, _ERROR = uniform(2, 24, seed=6) - torch.tensor([[0.0], [0.5]])


def _rms_of_bins(std, error, bins):
    """The root mean square of both in bins of consecutive values: (bins, 2)."""
    return torch.stack([v.reshape(bins, -1).square().mean(dim=1).sqrt() for v in (std, error)], dim=1)


@exercise(
    cases=((_STD, _ERROR, 4), (_STD.flip(0), 2 * _ERROR, 3), (0.1 * _STD[:10], _ERROR[:10] + 0.3, 5)),
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


def _curve(size_of_std, size_of_error, order=lambda std, error: std.argsort()):
    """A curve with other sizes of the bins' rows, or sorted by something else."""

    def value(std, error, bins):
        k = order(std, error)
        rows = (std[k].reshape(bins, -1), error[k].reshape(bins, -1))
        return torch.stack([size_of_std(rows[0]), size_of_error(rows[1])], dim=1)

    return value


def _rms(rows):
    return rows.square().mean(dim=1).sqrt()


calibration_curve.mistake(
    "The columns are exchanged: deviation first, then the error.",
    lambda std, error, bins: calibration_curve.answer(std, error, bins).flip(1),
)
calibration_curve.mistake(
    "The axes are exchanged: a row for each bin, so stack along dim=1.",
    lambda std, error, bins: calibration_curve.answer(std, error, bins).T,
)
calibration_curve.mistake(
    "The bins go from the largest deviation to the smallest; sort from the smallest on.",
    lambda std, error, bins: calibration_curve.answer(std, error, bins).flip(0),
)
calibration_curve.mistake(
    "Sorted by the error: nobody knows it. Sort by the predicted deviation.",
    _curve(_rms, _rms, lambda std, error: error.argsort()),
)
calibration_curve.mistake(
    "Sorted by the size of the error: nobody knows it. Sort by the predicted deviation.",
    _curve(_rms, _rms, lambda std, error: error.abs().argsort()),
)
calibration_curve.mistake(
    "The last step is missing: the root of the mean square.",
    lambda std, error, bins: calibration_curve.answer(std, error, bins) ** 2,
)
calibration_curve.mistake(
    "These are roots of *sums*; take the mean of the squares.",
    lambda std, error, bins: calibration_curve.answer(std, error, bins) * (len(std) / bins) ** 0.5,
)
calibration_curve.mistake(
    "A standard deviation takes the mean away first, but an error is wrong by its mean as well: no .std() here.",
    _curve(lambda rows: rows.std(dim=1), lambda rows: rows.std(dim=1)),
)
calibration_curve.mistake(
    "A standard deviation takes the mean away first, but an error is wrong by its mean as well: no .std(), not even "
    "with correction=0.",
    _curve(lambda rows: rows.std(dim=1, correction=0), lambda rows: rows.std(dim=1, correction=0)),
)
calibration_curve.mistake(
    "The standard deviation of the errors leaves out their mean: take the root of the mean square for them, too.",
    _curve(_rms, lambda rows: rows.std(dim=1, correction=0)),
)
calibration_curve.mistake(
    "The root mean square is for both: for the error as well, not only for the deviation.",
    _curve(_rms, lambda rows: rows.abs().mean(dim=1)),
)
calibration_curve.mistake(
    "Errors of both signs cancel in a mean: square them, take the mean, then the root, as for the deviation.",
    _curve(_rms, lambda rows: rows.mean(dim=1)),
)
calibration_curve.mistake(
    ".reshape(-1, bins) puts neighbours into different bins: .reshape(bins, -1) has a row for each bin.",
    lambda std, error, bins: torch.stack(
        [v[std.argsort()].reshape(-1, bins).square().mean(dim=0).sqrt() for v in (std, error)], dim=1
    ),
)
calibration_curve.mistake(
    ".reshape(-1, bins) has rows of `bins` pixels: .reshape(bins, -1) has a row for each bin.",
    lambda std, error, bins: torch.stack(
        [v[std.argsort()].reshape(-1, bins).square().mean(dim=1).sqrt() for v in (std, error)], dim=1
    ),
)
calibration_curve.mistake(
    "Only the deviation is sorted; the error must follow: error[order].",
    lambda std, error, bins: _rms_of_bins(std.sort().values, error, bins),
)
calibration_curve.mistake(
    "Deviation and error are sorted apart: .sort() of each. Sort both by std.argsort().",
    lambda std, error, bins: _rms_of_bins(std.sort().values, error.sort().values, bins),
)
calibration_curve.mistake(
    "Once is enough: std.argsort() is the order. Its argsort says at which place each pixel comes.",
    _curve(_rms, _rms, lambda std, error: std.argsort().argsort()),
)
calibration_curve.mistake(
    "The mean square divides by n, not by n − 1.",
    _curve(*[lambda rows: (rows.square().sum(dim=1) / (rows.shape[1] - 1)).sqrt()] * 2),
)
calibration_curve.mistake(
    "That is the error divided by the deviation; return both, side by side.",
    lambda std, error, bins: (
        calibration_curve.answer(std, error, bins).unbind(1)[1]
        / _rms_of_bins(std.sort().values, error, bins).unbind(1)[0]
    ),
)
