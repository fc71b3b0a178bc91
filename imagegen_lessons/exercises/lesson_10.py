"""Exercises of lesson 10 on sharpness: the softest answer, what an eye sees, between two networks."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.exercises.checker import Wrong, exercise, explain
from imagegen_lessons.runtime import generator
from imagegen_lessons.superres import grey


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


@softest_answer.mistake(
    "That is the median, pixel by pixel: absolute error asks for it; squared error asks for the mean."
)
def the_median(answers, shares):
    return answers.median(dim=0).values


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


@perceptual_loss.mistake(
    "The eye expects a grey picture, scaled as it is used to: hand it grey(x) and grey(y)."
)
def without_grey(eye, x, y, depth):
    pairs = zip(eye(x.expand(-1, 3, -1, -1), depth), eye(y.expand(-1, 3, -1, -1), depth), strict=True)
    return sum((a - b).abs().mean() / b.abs().mean() for a, b in pairs) / depth


@perceptual_loss.mistake("Compare the maps by their absolute differences, not by the squared ones.")
def squared(eye, x, y, depth):
    pairs = zip(eye(grey(x), depth), eye(grey(y), depth), strict=True)
    return sum((a - b).square().mean() / b.square().mean() for a, b in pairs) / depth


@perceptual_loss.mistake("Hand `depth` on to the eye, which else shows all its maps: eye(grey(x), depth).")
def all_depths(eye, x, y, depth):
    pairs = list(zip(eye(grey(x)), eye(grey(y)), strict=True))
    return sum((a - b).abs().mean() / b.abs().mean() for a, b in pairs) / len(pairs)


_OTHER_END = "The wrong way round: a share of 0 should give the careful weights."
_HALF_WAY = "This always goes half-way; `share` says how far."
_IN_PLACE = (
    "Your function changes the careful network's own tensors; compute new ones, without lerp_, += or copy_."
)


def _verify_between(attempt):
    for share in (0.25, 0.0, 1.0):
        careful = [torch.ones(2, 3), torch.zeros(4)]
        sharp = [torch.full((2, 3), 3.0), torch.arange(4.0)]
        wanted = {
            part: [(1 - part) * a + part * b for a, b in zip(careful, sharp, strict=True)]
            for part in (share, 1 - share, 0.5)
        }
        before = [a.clone() for a in careful]
        got = attempt(careful, sharp, share)
        if explain(before, careful):
            raise Wrong(_IN_PLACE)
        if not isinstance(got, tuple | list):
            raise Wrong(
                f"Return a list of tensors, not {'nothing' if got is None else 'a ' + type(got).__name__}."
            )
        problem = explain(wanted[share], got)
        if problem:
            advice = _OTHER_END if explain(wanted[1 - share], got) is None else ""
            advice = _HALF_WAY if explain(wanted[0.5], got) is None else advice
            raise Wrong(
                f"For tensors of shapes (2, 3) and (4,) and a share of {share}: {problem} {advice}".strip()
            )


@exercise(
    verify=_verify_between,
    hints=(
        "Take the tensors in pairs: zip(careful, sharp, strict=True).",
        "torch.lerp(a, b, share) is a + share * (b - a).",
    ),
)
def between(careful, sharp, share):
    """The weights of a network between two: lists of tensors in, a list out; share 0 is careful, 1 is sharp."""
    return [torch.lerp(a, b, share) for a, b in zip(careful, sharp, strict=True)]


@between.mistake(_OTHER_END)
def other_end(careful, sharp, share):
    return between.answer(careful, sharp, 1 - share)


@between.mistake(_HALF_WAY)
def half_way(careful, sharp, share):
    return between.answer(careful, sharp, 0.5)


@between.mistake(_IN_PLACE)
def in_place(careful, sharp, share):
    return [a.lerp_(b, share) for a, b in zip(careful, sharp, strict=True)]


@between.mistake("Return a list of tensors, not a generator.")
def one_by_one(careful, sharp, share):
    return (torch.lerp(a, b, share) for a, b in zip(careful, sharp, strict=True))


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
