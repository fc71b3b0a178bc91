"""Exercises of lesson 04: precision, the Fréchet distance, coverage, effective classes, fooling a metric."""

import math

import numpy
import torch

from imagegen_lessons import metrics
from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.differences import brief
from imagegen_lessons.exercises.inputs import normal
from imagegen_lessons.synthetic import points

_RING, _HALF_RING = points.sample("ring", 60, seed=1), points.sample("ring", 60, seed=2).abs()
_SQUARE, _FAR = torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1]]), torch.tensor([[8.0, 9], [9, 9]])

precision = exercise(
    cases=(
        (normal(40, 5, seed=1), 0.8 + normal(30, 5, seed=2), 1),
        (_RING, _HALF_RING + 0.03, 3),
        (_HALF_RING, _RING, 2),
        (2 * normal(30, 4, seed=21), 1 + normal(45, 4, seed=22), 2),
        # Whole numbers, so that a surface is met exactly: the first fake is on one and in no ball.
        (torch.tensor([[0.0, 0], [1, 0], [0, 2], [3, 3]]), torch.tensor([[-1.0, 0], [5, 5], [-3, -3]]), 1),
        (_SQUARE, torch.tensor([[0.5, 0.5], [9, 9]]), 1),  # the first in all balls
        (_SQUARE, _FAR, 1),  # in none
    ),
    hints=(
        "torch.cdist(real, real) holds all distances between reals; each real's smallest one is 0, to itself.",
        "The radii: torch.cdist(real, real).sort(dim=1).values[:, k]. Column 0 is the real itself.",
        "inside = torch.cdist(fake, real) <= radius is (fakes, reals). For which fakes is any of its row True?",
    ),
)(metrics.precision)


def _inside(real, fake, k):
    """(n, m): which fakes lie in which balls; the ball reaches to column k of the sorted distances."""
    return torch.cdist(fake, real) <= _radii(real, k)


def _reached(distance, between_reals, k, sign=1, dim=1):
    """The share of fakes within reach of a real: `distance` (n, m), and what is sorted for the radii, (m, m).

    With dim=0 it is the share of reals that have a fake within reach.
    """
    radius = sign * between_reals.sort(dim=1).values[:, k]
    return (distance <= radius).any(dim=dim).float().mean()


def _within(real, fake, radius, dim=1):
    """The same for given radii."""
    return (torch.cdist(fake, real) <= radius).any(dim=dim).float().mean()


def _radii(real, k):
    return torch.cdist(real, real).sort(dim=1).values[:, k]


@precision.mistake("Balls around fakes, and a share of the reals: that is recall. Exchange the two sets.")
def recall_instead(real, fake, k):
    return metrics.precision(fake, real, k)


@precision.mistake("Each real is its own nearest, so its k-th neighbour is in column k, not in k - 1.")
def counts_itself(real, fake, k):
    return _inside(real, fake, k - 1).any(dim=1).float().mean()


@precision.mistake("This averages over all pairs. First ask for each fake whether it is in any ball.")
def over_all_pairs(real, fake, k):
    return _inside(real, fake, k).float().mean()


@precision.mistake("This counts the fakes in balls; asked is their share, so take the mean.")
def a_count(real, fake, k):
    return _inside(real, fake, k).any(dim=1).sum()


@precision.mistake("Points on the surface are inside: compare with <=, not with <.")
def without_surfaces(real, fake, k):
    return (torch.cdist(fake, real) < _radii(real, k)).any(dim=1).float().mean()


@precision.mistake("k is not always 3: the radii are in column k.")
def always_three(real, fake, k):
    return metrics.precision(real, fake, 3)


@precision.mistake("This is the share of balls that hold a fake. Count fakes, not balls.")
def counts_balls(real, fake, k):
    return metrics.coverage(real, fake, k)


precision.mistake(
    ".any() without dim=1 asks for all fakes at once: is any of them in any ball? Ask for each fake: .any(dim=1).",
    lambda real, fake, k: _inside(real, fake, k).any().float(),
)
precision.mistake(
    "A fake that lies in several balls is counted several times; it counts once: .any(dim=1), or a break in a loop.",
    lambda real, fake, k: _inside(real, fake, k).sum() / len(fake),
)
precision.mistake(
    "This asks that a fake lies in all balls; one is enough: any, not all.",
    lambda real, fake, k: _inside(real, fake, k).all(dim=1).float().mean(),
)
precision.mistake(
    "Only the nearest real's ball is looked at; a fake may lie in the large ball of one further away.",
    lambda real, fake, k: (
        _inside(real, fake, k).gather(1, torch.cdist(fake, real).argmin(dim=1, keepdim=True)).float().mean()
    ),
)


precision.mistake(
    "The largest difference of one coordinate is taken (p=inf), and the balls become boxes: torch.cdist as it is.",
    lambda real, fake, k: _reached(
        torch.cdist(fake, real, p=torch.inf), torch.cdist(real, real, p=torch.inf), k
    ),
)
precision.mistake(
    "This divides by the number of reals; it is a share of the fakes, so divide by len(fake).",
    lambda real, fake, k: _inside(real, fake, k).any(dim=1).sum() / len(real),
)
precision.mistake(
    "The distances of the fakes are compared with squared radii. Square both or neither.",
    lambda real, fake, k: _reached(torch.cdist(fake, real), torch.cdist(real, real).square(), k),
)
precision.mistake(
    "The radii are those of the fakes, to their neighbours among the reals. Balls stand around reals and reach to "
    "other reals: torch.cdist(real, real).",
    lambda real, fake, k: _within(real, fake, torch.cdist(fake, real).sort(dim=1).values[:, k, None]),
)
precision.mistake(
    "All balls have one radius here, that of the first real; column k of the sorted distances holds one for each.",
    lambda real, fake, k: _within(real, fake, _radii(real, k)[0]),
)
precision.mistake(
    "This is the share of fakes outside all balls: 1 minus what is asked.",
    lambda real, fake, k: 1 - metrics.precision(real, fake, k),
)
precision.mistake(
    "This is density: in how many balls a fake lies, divided by k. For precision a fake is in some ball or not: any.",
    lambda real, fake, k: metrics.density_coverage(real, fake, k)[0],
)


_A = normal(50, 3, seed=3) @ torch.tensor([[1.0, 0.9, 0.0], [0.0, 0.5, 0.0], [0.3, 0.0, 2.0]])
_B = 0.5 + normal(50, 3, seed=4)

frechet_distance = exercise(
    cases=((_A, _B), (_B, _A), (_A[:, :1], _B[:, :1]), (_A[:30], 3 * _B)),
    hints=(
        "mean, cov = gaussian(a), and the same for b. Four terms: the squared length of the difference of the means, "
        "two traces, and minus twice the trace of a root.",
        "matrix_sqrt refuses cov_a @ cov_b, which is not symmetric; hence the sandwich root @ cov_b @ root.",
        "root = matrix_sqrt(cov_a), and the last term is 2 * matrix_sqrt(...).trace().",
    ),
)(metrics.frechet_distance)


def _sum(a, b, overlap):
    """The Fréchet distance with this in place of the trace of the root; `overlap` gets both covariances."""
    (mean_a, cov_a), (mean_b, cov_b) = metrics.gaussian(a), metrics.gaussian(b)
    return (mean_a - mean_b).square().sum() + (cov_a + cov_b).trace() - 2 * overlap(cov_a, cov_b)


def _sandwich(A, B):
    root = metrics.matrix_sqrt(A)
    return metrics.matrix_sqrt(root @ B @ root)


def _step(a, b):
    """The part of the Fréchet distance that comes from the means."""
    return (a.mean(dim=0) - b.mean(dim=0)).square().sum()


def _spread(A, B):
    """The part of the Fréchet distance that comes from the covariances."""
    return (A + B).trace() - 2 * _sandwich(A, B).trace()


@frechet_distance.mistake("A matrix root is not the root of each number: take matrix_sqrt.")
def root_of_each_number(a, b):  # nan: a covariance may be negative
    return _sum(a, b, lambda A, B: (A.sqrt() @ B @ A.sqrt()).sqrt().trace())


@frechet_distance.mistake("The distance of the means counts squared, like everything else here.")
def unsquared_means(a, b):
    return metrics.frechet_distance(a, b) - _step(a, b) + _step(a, b).sqrt()


@frechet_distance.mistake("The last term counts twice: it is 2 ab in (a - b)² = a² + b² - 2 ab.")
def last_term_once(a, b):
    return (_sum(a, b, lambda A, B: 0) + metrics.frechet_distance(a, b)) / 2


@frechet_distance.mistake("The squared distance is asked for: no root at the end.")
def root_at_the_end(a, b):
    return metrics.frechet_distance(a, b) ** 0.5


@frechet_distance.mistake("On both sides of cov_b stands the root of cov_a, not cov_a itself.")
def sandwich_without_roots(a, b):
    return _sum(a, b, lambda A, B: metrics.matrix_sqrt(A @ B @ A).trace())


@frechet_distance.mistake("A product of two roots is the root of the product only where the axes agree.")
def product_of_roots(a, b):
    return _sum(a, b, lambda A, B: (metrics.matrix_sqrt(A) @ metrics.matrix_sqrt(B)).trace())


frechet_distance.mistake(
    "The last term takes the sum of all numbers of the root; the trace is the sum of the diagonal: .trace().",
    lambda a, b: _sum(a, b, lambda A, B: _sandwich(A, B).sum()),
)


@frechet_distance.mistake("tr is the trace, the sum of the diagonal: .trace() in place of .sum().")
def sums_for_traces(a, b):
    (mean_a, cov_a), (mean_b, cov_b) = metrics.gaussian(a), metrics.gaussian(b)
    return (mean_a - mean_b).square().sum() + (cov_a + cov_b - 2 * _sandwich(cov_a, cov_b)).sum()


frechet_distance.mistake(
    "The squared length stands inside the trace, and is counted once for each feature: close the bracket before it.",
    lambda a, b: metrics.frechet_distance(a, b) + (a.shape[1] - 1) * _step(a, b),
)
frechet_distance.mistake(
    "* multiplies number by number; matrices are multiplied with @.",
    lambda a, b: _sum(a, b, lambda A, B: metrics.matrix_sqrt((R := metrics.matrix_sqrt(A)) * B * R).trace()),
)
frechet_distance.mistake(
    "The means are forgotten: their squared distance comes first.",
    lambda a, b: metrics.frechet_distance(a, b) - _step(a, b),
)
frechet_distance.mistake(
    "This is the distance of the means alone; how the features vary counts as well.", _step
)
frechet_distance.mistake(
    "The sign of the last term: it is subtracted, so that equal sets have distance 0.",
    lambda a, b: _sum(a, b, lambda A, B: -_sandwich(A, B).trace()),
)
frechet_distance.mistake(
    "The mean of the squared differences divides by the number of features; the squared length is their sum.",
    lambda a, b: metrics.frechet_distance(a, b) - (1 - 1 / a.shape[1]) * _step(a, b),
)
frechet_distance.mistake(
    "matrix_sqrt wants a symmetric matrix, and cov_a @ cov_b is none: hence the sandwich root @ cov_b @ root.",
    lambda a, b: _sum(a, b, lambda A, B: metrics.matrix_sqrt(A @ B).trace()),
)


frechet_distance.mistake(
    "Only the diagonals are compared, each feature by itself: the covariances between features are lost. Take the "
    "root of the whole matrices with matrix_sqrt.",
    lambda a, b: _sum(a, b, lambda A, B: (A.diag() * B.diag()).sqrt().sum()),
)
frechet_distance.mistake(
    "The standard deviations of the features are compared, each by itself: a.std(dim=0) does not know which features "
    "vary together. Take covariances and matrix_sqrt.",
    lambda a, b: _step(a, b) + (a.std(dim=0, correction=0) - b.std(dim=0, correction=0)).square().sum(),
)
frechet_distance.mistake(
    "sqrt() takes the root of each number of the sandwich; a matrix root is something else: matrix_sqrt.",
    lambda a, b: _sum(
        a, b, lambda A, B: (metrics.matrix_sqrt(A) @ B @ metrics.matrix_sqrt(A)).clamp(min=0).sqrt().trace()
    ),
)
frechet_distance.mistake(
    "sqrt() takes the root of each number of the product; take the matrix root of the sandwich, with matrix_sqrt.",
    lambda a, b: _sum(a, b, lambda A, B: (A @ B).clamp(min=0).sqrt().trace()),
)
frechet_distance.mistake(
    "The roots of the single numbers of the covariances are multiplied; a matrix root is something else: "
    "matrix_sqrt.",
    lambda a, b: _sum(a, b, lambda A, B: (A.clamp(min=0).sqrt() @ B.clamp(min=0).sqrt()).trace()),
)
frechet_distance.mistake(
    "The last term is the trace of the product itself; its root is missing: matrix_sqrt around the sandwich.",
    lambda a, b: _sum(a, b, lambda A, B: (A @ B).trace()),
)
frechet_distance.mistake(
    "The sandwich has no outer root: matrix_sqrt(root @ cov_b @ root), and then the trace.",
    lambda a, b: _sum(a, b, lambda A, B: (metrics.matrix_sqrt(A) @ A @ B @ metrics.matrix_sqrt(A)).trace()),
)
frechet_distance.mistake(
    "The root is taken of the trace; first the root of the matrix, then its trace.",
    lambda a, b: _sum(a, b, lambda A, B: (A @ B).trace().sqrt()),
)
frechet_distance.mistake(
    "The traces of cov_a and cov_b are missing: three parts belong into the bracket.",
    lambda a, b: metrics.frechet_distance(a, b) - sum(metrics.gaussian(x)[1].trace().item() for x in (a, b)),
)
frechet_distance.mistake(
    "The means are those of all numbers at once; a set has a mean for each feature: mean(dim=0), as gaussian gives.",
    lambda a, b: metrics.frechet_distance(a, b) - _step(a, b) + (a.mean() - b.mean()).square(),
)
frechet_distance.mistake(
    "The distance of the covariances is that of their numbers. The formula has traces and a matrix root instead.",
    lambda a, b: _step(a, b) + (metrics.gaussian(a)[1] - metrics.gaussian(b)[1]).square().sum(),
)
frechet_distance.mistake(
    "The covariances divide by n; gaussian divides by n - 1, as is usual for a sample.",
    lambda a, b: _step(a, b) + _spread(*(metrics.gaussian(x)[1] * (len(x) - 1) / len(x) for x in (a, b))),
)


coverage = exercise(
    cases=(
        (normal(40, 5, seed=5), 0.5 + normal(30, 5, seed=6), 2),
        (_RING, _HALF_RING, 5),
        (_HALF_RING, _RING, 3),
        # Whole numbers, so that a surface is met exactly.
        (torch.tensor([[0.0, 0], [1, 0], [0, 2], [3, 3]]), torch.tensor([[-1.0, 0], [5, 5], [-3, -3]]), 1),
        (_SQUARE, torch.tensor([[0.5, 0.5], [9, 9]]), 1),  # in all balls
        (_SQUARE, torch.tensor([[-0.5, 0], [9, 9]]), 1),  # in the first ball alone
        (_SQUARE, _FAR, 1),  # in none
    ),
    hints=(
        "The radii are those of precision: around each real, to its k-th nearest neighbour.",
        "torch.cdist(real, fake).min(dim=1).values is each real's distance to its nearest fake.",
        "A ball is covered where that distance is <= its radius; which share of the balls is?",
    ),
)(metrics.coverage)


@coverage.mistake("This is recall: its balls are around the fakes. For coverage they are around the reals.")
def balls_around_fakes(real, fake, k):
    return metrics.precision(fake, real, k)


@coverage.mistake("This is precision, the share of fakes in balls. Asked is the share of balls with fakes.")
def share_of_fakes(real, fake, k):
    return metrics.precision(real, fake, k)


@coverage.mistake("The balls are too small: do not count a real as its own neighbour.")
def small_balls(real, fake, k):
    return _inside(real, fake, k - 1).any(dim=0).float().mean()


@coverage.mistake("The balls are the reals', so divide by the number of reals.")
def divided_by_fakes(real, fake, k):
    return _inside(real, fake, k).any(dim=0).sum() / len(fake)


@coverage.mistake("This is density: it counts in how many balls a fake lies. A ball is covered or not.")
def the_density(real, fake, k):
    return metrics.density_coverage(real, fake, k)[0]


coverage.mistake(
    "Points on the surface are inside: compare with <=, not with <.",
    lambda real, fake, k: (torch.cdist(fake, real) < _radii(real, k)).any(dim=0).float().mean(),
)
coverage.mistake(
    "This counts the covered balls; asked is their share.",
    lambda real, fake, k: _inside(real, fake, k).any(dim=0).sum(),
)
coverage.mistake(
    "Only a real that is some fake's nearest counts here, however far away; asked is whether its ball holds a fake.",
    lambda real, fake, k: len(torch.cdist(fake, real).argmin(dim=1).unique()) / len(real),
)
coverage.mistake(
    ".any() without a dimension asks whether any ball at all holds a fake. Ask for each ball.",
    lambda real, fake, k: _inside(real, fake, k).any().float(),
)
coverage.mistake(
    "A ball with several fakes is counted several times; it counts once: any, or a break in a loop.",
    lambda real, fake, k: _inside(real, fake, k).sum() / len(real),
)
coverage.mistake(
    "A ball is covered when any fake lies in it; here all must.",
    lambda real, fake, k: _inside(real, fake, k).all(dim=0).float().mean(),
)


coverage.mistake(
    "k is not always 5: the radii are in column k of the sorted distances.",
    lambda real, fake, k: metrics.coverage(real, fake, min(5, len(real) - 1)),
)
coverage.mistake(
    "k is not always 3: the radii are in column k of the sorted distances.",
    lambda real, fake, k: metrics.coverage(real, fake, 3),
)
coverage.mistake(
    "A ball is covered as soon as one fake lies in it; here it needs k.",
    lambda real, fake, k: (_inside(real, fake, k).sum(dim=0) >= k).float().mean(),
)
coverage.mistake(
    "This averages over all pairs. First ask for each ball whether any fake is in it.",
    lambda real, fake, k: _inside(real, fake, k).float().mean(),
)
coverage.mistake(
    "Only the ball of the nearest real is asked for each fake; a fake covers every ball in which it lies.",
    lambda real, fake, k: (
        len({i for i, hit in zip(*_nearest_ball(real, fake, k), strict=True) if hit}) / len(real)
    ),
)
coverage.mistake(
    "This is the share of empty balls: 1 minus what is asked.",
    lambda real, fake, k: 1 - metrics.coverage(real, fake, k),
)


def _mistakes_about_balls(task, dim):
    """Those that precision (dim=1: any ball for each fake) and coverage (dim=0: any fake for each ball) share."""
    task.mistake(
        "The balls are too large: column k of the sorted distances is the k-th neighbour, since column 0 is the real "
        "itself.",
        lambda real, fake, k: _inside(real, fake, min(k + 1, len(real) - 1)).any(dim=dim).float().mean(),
    )
    task.mistake(
        "Each ball has a radius of its own; here all have the mean radius.",
        lambda real, fake, k: _within(real, fake, _radii(real, k).mean(), dim),
    )
    task.mistake(
        "The distances are sums of differences (p=1); a ball is round: torch.cdist as it is.",
        lambda real, fake, k: _reached(
            torch.cdist(fake, real, p=1), torch.cdist(real, real, p=1), k, dim=dim
        ),
    )
    task.mistake(
        "This is in percent; a share goes from 0 to 1.",
        lambda real, fake, k: 100 * _inside(real, fake, k).any(dim=dim).float().mean(),
    )
    task.mistake(
        "The squared distances of the fakes are compared with radii that are not squared. Square both or neither.",
        lambda real, fake, k: _reached(torch.cdist(fake, real).square(), torch.cdist(real, real), k, dim=dim),
    )
    task.mistake(
        "The distances are sorted from the largest down, so the balls reach to far-away reals. Sort upwards.",
        lambda real, fake, k: _reached(
            torch.cdist(fake, real), -torch.cdist(real, real), k, sign=-1, dim=dim
        ),
    )


_mistakes_about_balls(precision, dim=1)
_mistakes_about_balls(coverage, dim=0)


def _nearest_ball(real, fake, k):
    """For each fake the index of the nearest real, and whether the fake lies in its ball."""
    nearest = torch.cdist(fake, real).argmin(dim=1)
    return nearest.tolist(), _inside(real, fake, k)[torch.arange(len(fake)), nearest].tolist()


@exercise(
    cases=(
        (torch.tensor([0, 1, 2, 3, 0, 1, 2, 3]), 4),
        (torch.tensor([5, 5, 5, 5, 5, 5, 5, 2]), 72),
        (torch.tensor([0, 0, 1, 1, 1, 3]), 6),
        (torch.tensor([1, 1, 1]), 2),
    ),
    hints=(
        "torch.bincount(labels, minlength=classes) counts each class; divided by the number of labels it is p.",
        "0 log 0 counts as 0, but a computer says nan: leave out the classes that do not occur, p = p[p > 0].",
        "-(p * p.log()).sum() is the entropy; the effective number is its exp.",
    ),
)
def effective_classes(labels, classes):
    """The exponential of the entropy of the shares: as many equally frequent classes would be as diverse."""
    p = torch.bincount(labels, minlength=classes) / len(labels)
    p = p[p > 0]
    return (-(p * p.log()).sum()).exp()


@effective_classes.mistake(
    "This counts the classes that occur; a class that occurs once should hardly count."
)
def counts_classes(labels, classes):
    return len(labels.unique())


@effective_classes.mistake("This is the entropy itself, a logarithm: take its exp.")
def the_entropy(labels, classes):
    return effective_classes.answer(labels, classes).log()


@effective_classes.mistake(
    "The logarithm must fit the exponential: log with exp, or log2 with 2 to the power."
)
def two_bases(labels, classes):
    return effective_classes.answer(labels, classes).log2().exp()


@effective_classes.mistake("The sum of p log p is negative; a minus belongs before it.")
def without_the_minus(labels, classes):
    return 1 / effective_classes.answer(labels, classes)


@effective_classes.mistake("1 / Σ p² is another known number, Simpson's. Asked is exp(-Σ p log p).")
def simpsons(labels, classes):
    return len(labels) ** 2 / torch.bincount(labels).square().sum()


@effective_classes.mistake(
    "For a class that does not occur, p log p is 0 times minus infinity: leave it out."
)
def nan_for_empty(labels, classes):
    p = torch.bincount(labels, minlength=classes) / len(labels)
    return (-(p * p.log()).sum()).exp()


effective_classes.mistake(
    "This is 1 over the largest share: it forgets all other classes.",
    lambda labels, classes: len(labels) / torch.bincount(labels).max(),
)
effective_classes.mistake(
    "The shares are missing: divide the counts by the number of labels, so that they add up to 1.",
    lambda labels, classes: (
        (-(c := torch.bincount(labels)[torch.bincount(labels) > 0]) * c.log()).sum().exp()
    ),
)
effective_classes.mistake(
    "The p before the logarithm is missing: each logarithm counts with its class's share.",
    lambda labels, classes: (-(p := torch.bincount(labels) / len(labels))[p > 0].log().mean()).exp(),
)


effective_classes.mistake(
    "The result is divided by the number of classes; asked is a number of classes, from 1 to `classes`.",
    lambda labels, classes: effective_classes.answer(labels, classes) / classes,
)
effective_classes.mistake(
    "log10 does not fit exp: take log, the natural logarithm.",
    lambda labels, classes: (effective_classes.answer(labels, classes).log() / math.log(10)).exp(),
)
effective_classes.mistake(
    "The entropy is a sum over the classes; here stands the mean of p log p.",
    lambda labels, classes: (-(_shares(labels) * _shares(labels).log()).mean()).exp(),
)
effective_classes.mistake(
    "The entropy is a sum over the classes that occur; here it is divided by the number of all classes.",
    lambda labels, classes: (effective_classes.answer(labels, classes).log() / classes).exp(),
)
effective_classes.mistake(
    "2 to the power of an entropy in natural logarithms: the base must fit. exp goes with log, 2 ** with log2.",
    lambda labels, classes: 2 ** effective_classes.answer(labels, classes).log(),
)
effective_classes.mistake(
    "The entropy is divided by its largest value, log(classes). Asked is exp of the entropy itself.",
    lambda labels, classes: effective_classes.answer(labels, classes).log() / math.log(classes),
)
effective_classes.mistake(
    "The entropy is divided by log(classes) before exp. Asked is exp of the entropy itself.",
    lambda labels, classes: (effective_classes.answer(labels, classes).log() / math.log(classes)).exp(),
)
effective_classes.mistake(
    "This is the entropy in bits; asked is 2 to the power of it, or exp of the natural one.",
    lambda labels, classes: effective_classes.answer(labels, classes).log2(),
)
effective_classes.mistake(
    "The counts are divided by the number of classes; a share is divided by the number of labels.",
    lambda labels, classes: _exp_of_entropy(torch.bincount(labels) / classes),
)
effective_classes.mistake(
    "The shares are those of softmax, which takes exp of the counts. Divide the counts by their sum.",
    lambda labels, classes: _exp_of_entropy(torch.bincount(labels, minlength=classes).float().softmax(dim=0)),
)
for _small in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
    effective_classes.mistake(
        f"The shares of classes that do not occur become {_small} here, so they count a little. Leave them out.",
        lambda x, classes, eps=_small: _exp_of_entropy(torch.bincount(x, minlength=classes) / len(x) + eps),
    )
effective_classes.mistake(
    "exp comes last: add up all p log p, and take exp once, of minus the sum.",
    lambda labels, classes: (-_shares(labels) * _shares(labels).log()).exp().sum(),
)


def _shares(labels):
    p = torch.bincount(labels) / len(labels)
    return p[p > 0]


def _exp_of_entropy(p):
    p = p[p > 0]
    return (-(p * p.log()).sum()).exp()


def _points(answer) -> torch.Tensor:
    """The points that an attempt returned, whatever holds them: a tensor, an array, or a list of pairs."""
    wish = "Return points, a tensor (n, 2)"
    if answer is None:
        raise Wrong(f"{wish}, not None. Does your function end with `return`?")
    if isinstance(answer, list | tuple) and any(isinstance(row, torch.Tensor) for row in answer):
        try:
            answer = torch.stack([torch.as_tensor(row) for row in answer])
        except (TypeError, ValueError, RuntimeError):
            raise Wrong(f"{wish}: the rows of your {type(answer).__name__} differ in length.") from None
    try:
        fake = torch.as_tensor(numpy.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer))
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"{wish}, not {brief(answer)}, which is no table of numbers.") from None
    if fake.ndim != 2 or fake.shape[1] != 2:
        raise Wrong(f"{wish}, not {tuple(fake.shape)}.")
    if fake.is_complex() or fake.dtype == torch.bool:
        raise Wrong(f"{wish} of real numbers, not of {fake.dtype}.")
    return fake.float()


def _verify_fool(attempt):
    worst = 0.0
    for shape, n in (("ring", 400), ("moons", 400), ("ring", 200)):
        real = points.sample(shape, n, seed=4)
        fake = attempt(real.clone())
        fake = _points(fake)
        if not 50 <= len(fake) <= 5000:
            raise Wrong(
                f"Return from 50 to 5,000 points, not {len(fake):,}: no more are needed, and all are compared."
            )
        if not fake.isfinite().all():
            raise Wrong(
                "Some points are inf or nan. Is something divided by 0, or the root of a negative number taken?"
            )
        distance, allowed = metrics.frechet_distance(real, fake), 0.02 * real.var(dim=0).sum().item()
        if distance > allowed:
            off = (real.mean(dim=0) - fake.mean(dim=0)).square().sum().item()
            which = (
                "Most of it is the mean."
                if off > distance / 2
                else "Their mean is right; the covariance is not yet."
            )
            raise Wrong(
                f"On {shape!r} the Fréchet distance is {distance:.3f}; to fool it, stay below {allowed:.3f}. "
                f"It sees the mean and the covariance, so these two must agree. {which}"
            )
        close = metrics.precision(real, fake)
        worst = max(worst, close)
        if close > 0.25:
            raise Wrong(
                f"On {shape!r} the Fréchet distance is fooled ({distance:.3f}), but {close:.0%} of your points look "
                "real; at most 25 % may. Put them where no real point is."
            )
    return f"At most {worst:.0%} of your points look real, and the Fréchet distance notices nothing."


@exercise(
    verify=_verify_fool,
    hints=(
        "metrics.gaussian(real) gives the two things that Fréchet sees: mean (2,) and covariance (2, 2).",
        "If u has mean 0 and the unit matrix as covariance, mean + u @ matrix_sqrt(covariance) is wanted.",
        "Let half of u be 0 and the other half lie on a circle: of which radius, for a covariance of 1?",
    ),
)
def fool_frechet(real):
    """Points (n, 2) with the mean and covariance of `real` (m, 2), few of which look real."""
    mean, covariance = metrics.gaussian(real)
    angle = torch.arange(100) * (2 * torch.pi / 100)
    circle = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)  # radius 2: half the points, variance 1
    u = torch.cat([circle, torch.zeros(100, 2)]).double()
    return (mean + u @ metrics.matrix_sqrt(covariance)).float()


@fool_frechet.mistake("the covariance is not yet")
def only_the_mean(real):
    return real.mean(dim=0) + 0.01 * torch.randn(200, 2)


@fool_frechet.mistake("of your points look real")
def the_reals_themselves(real):
    return real


@fool_frechet.mistake("a tensor (n, 2)")
def a_single_point(real):
    return real.mean(dim=0)


fool_frechet.mistake("not 20", lambda real: real[:20])
fool_frechet.mistake("not 10,000", lambda real: real.mean(dim=0).expand(10_000, 2))
fool_frechet.mistake("Most of it is the mean", lambda real: real + 1)
fool_frechet.mistake("inf or nan", lambda real: (real - 10).sqrt())
