"""Exercises of lesson 10: the softest answer, what an eye sees, between two networks, abstaining, calibration."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.exercise import exercise
from imagegen_lessons.runtime import generator
from imagegen_lessons.sharp import grey


def _random(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(seed))


@exercise(
    cases=(
        (_random(4, 1, 3, 3, seed=1), torch.tensor([0.4, 0.3, 0.2, 0.1])),
        (torch.eye(3).reshape(3, 1, 1, 3), torch.tensor([0.6, 0.2, 0.2])),
    ),
    hints=(
        "The best answer for squared error is the mean of all answers, each counted as often as it occurs.",
        "Give `shares` three axes more, so that it multiplies whole pictures: shares[:, None, None, None].",
        "(shares[:, None, None, None] * answers).sum(dim=0)",
    ),
)
def softest_answer(answers, shares):
    """The picture (1, h, w) of the smallest expected squared error: answers (k, 1, h, w) occur with shares (k,)."""
    return (shares[:, None, None, None] * answers).sum(dim=0)


@softest_answer.mistake("This counts all answers alike; some occur more often than others.")
def the_plain_mean(answers, shares):
    return answers.mean(dim=0)


@softest_answer.mistake("This picks the most frequent answer: sharp, but not what squared error asks for.")
def the_likeliest(answers, shares):
    return answers[shares.argmax()]


@softest_answer.mistake("The shares already add up to 1: add up, and do not divide by their number again.")
def divided_again(answers, shares):
    return (shares[:, None, None, None] * answers).mean(dim=0)


class _Eye(nn.Module):
    """A small eye with random weights, for the cases."""

    def __init__(self):
        super().__init__()
        weights = (
            torch.randn(4, 3, 3, 3, generator=generator(4)),
            torch.randn(5, 4, 3, 3, generator=generator(5)),
        )
        self.weights = nn.ParameterList(3.0**k * w for k, w in enumerate(weights)).requires_grad_(False)

    def forward(self, x, depth=2):
        maps = []
        for weight in list(self.weights)[:depth]:
            x = F.relu(F.conv2d(x, weight, stride=2, padding=1))
            maps.append(x)
        return maps


_SEEN = _random(2, 1, 9, 9, seed=2), _random(2, 1, 9, 9, seed=3)


@exercise(
    cases=(
        (_Eye(), _SEEN[0].clone().requires_grad_(), _SEEN[1], 2),
        (_Eye(), _SEEN[1].clone().requires_grad_(), _SEEN[0], 1),
    ),
    hints=(
        "eye(grey(x), depth) is a list of maps; the maps of y are only compared with and need no gradient.",
        "For each pair of maps: (a - b).abs().mean() / b.abs().mean(), where b is y's.",
        "Add up over zip(eye(grey(x), depth), wanted, strict=True), and divide by depth.",
    ),
)
def perceptual_loss(eye, x, y, depth=4):
    """How differently an eye sees luma x and y: the mean over its maps of |difference| / mean size of y's map."""
    with torch.no_grad():
        wanted = eye(grey(y), depth)
    pairs = zip(eye(grey(x), depth), wanted, strict=True)
    return sum((a - b).abs().mean() / b.abs().mean() for a, b in pairs) / depth


@perceptual_loss.mistake(
    "Each map's difference should be divided by the mean size of y's map; else the loud maps win."
)
def not_relative(eye, x, y, depth):
    pairs = zip(eye(grey(x), depth), eye(grey(y), depth), strict=True)
    return sum((a - b).abs().mean() for a, b in pairs) / depth


@perceptual_loss.mistake("It is the mean over the maps: divide the sum by `depth`.")
def the_sum(eye, x, y, depth):
    return depth * perceptual_loss.answer(eye, x, y, depth)


@perceptual_loss.mistake("This divides by x's maps: then a loud x looks close to anything. Divide by y's.")
def by_the_answer(eye, x, y, depth):
    pairs = zip(eye(grey(x), depth), eye(grey(y), depth), strict=True)
    return sum((a - b).abs().mean() / a.abs().mean() for a, b in pairs) / depth


@perceptual_loss.mistake("without .item() or .detach()")
def without_gradient(eye, x, y, depth):
    return perceptual_loss.answer(eye, x, y, depth).detach()


_WEIGHTS = [torch.ones(2, 3), torch.zeros(4)], [torch.full((2, 3), 3.0), torch.arange(4.0)]


@exercise(
    cases=((*_WEIGHTS, 0.25), (*_WEIGHTS, 0.0), (*_WEIGHTS, 1.0)),
    hints=(
        "Take the tensors in pairs: zip(careful, sharp, strict=True).",
        "torch.lerp(a, b, share) is a + share * (b - a).",
    ),
)
def between(careful, sharp, share):
    """The weights of a network between two: lists of tensors in, a list out; share 0 is careful, 1 is sharp."""
    return [torch.lerp(a, b, share) for a, b in zip(careful, sharp, strict=True)]


@between.mistake("The wrong way round: a share of 0 should give the careful weights.")
def other_end(careful, sharp, share):
    return between.answer(careful, sharp, 1 - share)


@between.mistake("This always goes half-way; `share` says how far.")
def half_way(careful, sharp, share):
    return between.answer(careful, sharp, 0.5)


_READ = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 1], [2, 2, 0, 0], [2, 1, 2, 2], [0, 0, 1, 2]])


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


_SPREAD, _ERROR = _random(24, seed=6), _random(24, seed=7) - 0.5


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
