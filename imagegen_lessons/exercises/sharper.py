"""Exercises of lesson 10 on sharpness: the softest answer, what an eye sees, between two networks."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.exercise import Wrong, exercise, explain
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
