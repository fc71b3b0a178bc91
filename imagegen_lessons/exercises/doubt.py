"""Exercises of lesson 10 on doubt: abstaining, calibration."""

import torch

from imagegen_lessons.exercise import exercise
from imagegen_lessons.runtime import generator

_READ = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 1], [2, 2, 2, 0], [2, 1, 2, 2], [0, 0, 1, 2]])


@exercise(
    cases=((_READ, 0.75), (_READ, 1.0), (_READ, 0.5)),
    hints=(
        "The majority: answers.mode(dim=1).values, (n,).",
        "Its share: (answers == majority[:, None]).float().mean(dim=1); compare it with the threshold.",
        "torch.where(share >= threshold, majority, -1)",
    ),
)
def abstain(answers, threshold):
    """For answers (n, k) of k guesses: the majority's (n,), or -1 where its share is below the threshold."""
    majority = answers.mode(dim=1).values
    share = (answers == majority[:, None]).float().mean(dim=1)
    return torch.where(share >= threshold, majority, -1)


@abstain.mistake("This never abstains: where too few of the guesses agree, the answer is -1.")
def always_sure(answers, threshold):
    return answers.mode(dim=1).values


@abstain.mistake("A share just at the threshold is enough: compare with >=, not with >.")
def too_strict(answers, threshold):
    return abstain.answer(answers, threshold + 1e-6)


@abstain.mistake("This asks how many agree with the first guess; ask how many agree with the majority.")
def the_first_one(answers, threshold):
    share = (answers == answers[:, :1]).float().mean(dim=1)
    return torch.where(share >= threshold, answers[:, 0], -1)


@abstain.mistake("Keep all n places: where it abstains the answer is -1, and nothing is left out.")
def only_the_sure(answers, threshold):
    majority = answers.mode(dim=1).values
    return majority[(answers == majority[:, None]).float().mean(dim=1) >= threshold]


_SPREAD, _ERROR = torch.rand(2, 24, generator=generator(6)) - torch.tensor([[0.0], [0.5]])


@exercise(
    cases=((_SPREAD, _ERROR, 4), (_SPREAD.flip(0), 2 * _ERROR, 3)),
    hints=(
        "order = spread.argsort(), and use it for both: a pixel's spread and its error must stay together.",
        "x[order].reshape(bins, -1) has a row for each bin.",
        "The size of a row of numbers is its root mean square: .square().mean(dim=1).sqrt().",
    ),
)
def calibration_curve(spread, error, bins):
    """Pixels sorted by predicted spread, in equal bins: (bins, 2), the root mean square of spread and of error."""
    order = spread.argsort()
    return torch.stack(
        [v[order].reshape(bins, -1).square().mean(dim=1).sqrt() for v in (spread, error)], dim=1
    )


@calibration_curve.mistake(
    "Spread and error are sorted apart, so they no longer belong together: it looks too good."
)
def sorted_apart(spread, error, bins):
    both = spread.sort().values, error.abs().sort().values
    return torch.stack([v.reshape(bins, -1).square().mean(dim=1).sqrt() for v in both], dim=1)


@calibration_curve.mistake("The bins are not sorted by spread: each holds a bit of everything.")
def unsorted(spread, error, bins):
    return torch.stack([v.reshape(bins, -1).square().mean(dim=1).sqrt() for v in (spread, error)], dim=1)


@calibration_curve.mistake("Errors of both signs cancel in a mean: take the root of the mean square.")
def plain_means(spread, error, bins):
    order = spread.argsort()
    return torch.stack([v[order].reshape(bins, -1).mean(dim=1) for v in (spread, error)], dim=1)


@calibration_curve.mistake(
    "The size of a bin is its root mean square, of both: square, take the mean, then the root."
)
def mean_sizes(spread, error, bins):
    order = spread.argsort()
    return torch.stack([v[order].reshape(bins, -1).abs().mean(dim=1) for v in (spread, error)], dim=1)


@calibration_curve.mistake("The root mean square is for both: also for the spread, not only for the error.")
def mean_spread(spread, error, bins):
    curve = calibration_curve.answer(spread, error, bins)
    return torch.stack([mean_sizes(spread, error, bins)[:, 0], curve[:, 1]], dim=1)


@calibration_curve.mistake("The bins should hold equally many pixels; these are equally wide.")
def equally_wide(spread, error, bins):
    edges = torch.linspace(spread.min(), spread.max(), bins + 1)[1:-1]
    parts = [torch.bucketize(spread, edges) == k for k in range(bins)]
    return torch.stack([torch.stack([v[p].square().mean().sqrt() for v in (spread, error)]) for p in parts])
