"""Exercises of lesson 04: precision, the Fréchet distance, coverage, effective classes, fooling a metric."""

import torch

from imagegen_lessons import metrics
from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.inputs import normal
from imagegen_lessons.synthetic import points

_RING, _HALF_RING = points.sample("ring", 60, seed=1), points.sample("ring", 60, seed=2).abs()

precision = exercise(
    cases=(
        (_RING, _HALF_RING + 0.03, 3),
        (_HALF_RING, _RING, 2),
        (normal(40, 5, seed=1), 0.8 + normal(30, 5, seed=2), 1),
        # Whole numbers, so that a surface is met exactly: the first fake is on one and in no ball.
        (torch.tensor([[0.0, 0], [1, 0], [0, 2], [3, 3]]), torch.tensor([[-1.0, 0], [5, 5], [-3, -3]]), 1),
    ),
    hints=(
        "torch.cdist(real, real) holds all distances between reals; each real's smallest one is 0, to itself.",
        "The radii: torch.cdist(real, real).sort(dim=1).values[:, k]. Column 0 is the real itself.",
        "inside = torch.cdist(fake, real) <= radius is (fakes, reals). For which fakes is any of its row True?",
    ),
)(metrics.precision)


def _inside(real, fake, k):
    """(n, m): which fakes lie in which balls; the ball reaches to column k of the sorted distances."""
    return torch.cdist(fake, real) <= torch.cdist(real, real).sort(dim=1).values[:, k]


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
    radius = torch.cdist(real, real).sort(dim=1).values[:, k]
    return (torch.cdist(fake, real) < radius).any(dim=1).float().mean()


@precision.mistake("k is not always 3: the radii are in column k.")
def always_three(real, fake, k):
    return metrics.precision(real, fake, 3)


@precision.mistake("This is the share of balls that hold a fake. Count fakes, not balls.")
def counts_balls(real, fake, k):
    return metrics.coverage(real, fake, k)


precision.mistake(
    "This asks that a fake lies in all balls; one is enough: any, not all.",
    lambda real, fake, k: _inside(real, fake, k).all(dim=1).float().mean(),
)
precision.mistake(
    "The balls are too large: column k of the sorted distances is the k-th neighbour, since column 0 is the real "
    "itself.",
    lambda real, fake, k: _inside(real, fake, k + 1).any(dim=1).float().mean(),
)
precision.mistake(
    "Each ball has a radius of its own; here all have the mean radius.",
    lambda real, fake, k: (
        (torch.cdist(fake, real) <= torch.cdist(real, real).sort(dim=1).values[:, k].mean())
        .any(dim=1)
        .float()
        .mean()
    ),
)
precision.mistake(
    "The distances are sums of differences (p=1); a ball is round: torch.cdist as it is.",
    lambda real, fake, k: (
        (torch.cdist(fake, real, p=1) <= torch.cdist(real, real, p=1).sort(dim=1).values[:, k])
        .any(dim=1)
        .float()
        .mean()
    ),
)
precision.mistake(
    "Only the nearest real's ball is looked at; a fake may lie in the large ball of one further away.",
    lambda real, fake, k: (
        _inside(real, fake, k).gather(1, torch.cdist(fake, real).argmin(dim=1, keepdim=True)).float().mean()
    ),
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


@frechet_distance.mistake("A matrix root is not the root of each number: take matrix_sqrt.")
def root_of_each_number(a, b):  # nan: a covariance may be negative
    return _sum(a, b, lambda A, B: (A.sqrt() @ B @ A.sqrt()).sqrt().trace())


@frechet_distance.mistake("The distance of the means counts squared, like everything else here.")
def unsquared_means(a, b):
    step = a.mean(dim=0) - b.mean(dim=0)
    return metrics.frechet_distance(a, b) - step.square().sum() + step.norm()


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
    "The means are forgotten: their squared distance comes first.",
    lambda a, b: metrics.frechet_distance(a, b) - (a.mean(dim=0) - b.mean(dim=0)).square().sum(),
)
frechet_distance.mistake(
    "This is the distance of the means alone; how the features vary counts as well.",
    lambda a, b: (a.mean(dim=0) - b.mean(dim=0)).square().sum(),
)
frechet_distance.mistake(
    "The sign of the last term: it is subtracted, so that equal sets have distance 0.",
    lambda a, b: _sum(a, b, lambda A, B: -_sandwich(A, B).trace()),
)
frechet_distance.mistake(
    "The mean of the squared differences divides by the number of features; the squared length is their sum.",
    lambda a, b: (
        metrics.frechet_distance(a, b)
        - (a.mean(dim=0) - b.mean(dim=0)).square().sum()
        + (a.mean(dim=0) - b.mean(dim=0)).square().mean()
    ),
)
frechet_distance.mistake(
    "matrix_sqrt wants a symmetric matrix, and cov_a @ cov_b is none: hence the sandwich root @ cov_b @ root.",
    lambda a, b: _sum(a, b, lambda A, B: metrics.matrix_sqrt(A @ B).trace()),
)


coverage = exercise(
    cases=(
        (_RING, _HALF_RING, 5),
        (_HALF_RING, _RING, 3),
        (normal(40, 5, seed=5), 0.5 + normal(30, 5, seed=6), 2),
        # Whole numbers, so that a surface is met exactly.
        (torch.tensor([[0.0, 0], [1, 0], [0, 2], [3, 3]]), torch.tensor([[-1.0, 0], [5, 5], [-3, -3]]), 1),
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
    lambda real, fake, k: (
        (torch.cdist(fake, real) < torch.cdist(real, real).sort(dim=1).values[:, k]).any(dim=0).float().mean()
    ),
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
    "A ball is covered when any fake lies in it; here all must.",
    lambda real, fake, k: _inside(real, fake, k).all(dim=0).float().mean(),
)


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


def _verify_fool(attempt):
    worst = 0.0
    for shape, n in (("ring", 400), ("moons", 400), ("ring", 200)):
        real = points.sample(shape, n, seed=4)
        fake = attempt(real.clone())
        if not isinstance(fake, torch.Tensor) or fake.ndim != 2 or fake.shape[1] != 2:
            got = tuple(fake.shape) if isinstance(fake, torch.Tensor) else type(fake).__name__
            raise Wrong(f"Return points, a tensor (n, 2), not {got}.")
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
