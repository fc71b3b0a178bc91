"""Exercises of lesson 04: precision, the Fréchet distance, coverage, effective kinds, fooling a number."""

import torch

from imagegen_lessons import metrics
from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.runtime import generator
from imagegen_lessons.synthetic import points


def _cloud(n: int, d: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    return shift + scale * torch.randn(n, d, generator=generator(seed))


# Whole numbers, so that a rim is met exactly: the first fake is on one and in no ball.
_WHOLE = torch.tensor([[0.0, 0], [1, 0], [0, 2], [3, 3]]), torch.tensor([[-1.0, 0], [5, 5], [-3, -3]]), 1
_RING, _HALF_RING = points.sample("ring", 60, seed=1), points.sample("ring", 60, seed=2).abs()


@exercise(
    cases=(
        (_RING, _HALF_RING + 0.03, 3),
        (_HALF_RING, _RING, 2),
        (_cloud(40, 5, 1), _cloud(30, 5, 2, shift=0.8), 1),
        _WHOLE,
    ),
    hints=(
        "torch.cdist(real, real) holds all distances between reals; each real's smallest one is 0, to itself.",
        "The radii: torch.cdist(real, real).sort(dim=1).values[:, k]. Column 0 is the real itself.",
        "inside = torch.cdist(fake, real) <= radius is (fakes, reals). For which fakes is any of its row True?",
    ),
)
def precision(real, fake, k):
    """The share of fakes (n, d) that lie in the ball of at least one real (m, d); rims count."""
    radius = torch.cdist(real, real).sort(dim=1).values[:, k]  # (m,)
    inside = torch.cdist(fake, real) <= radius  # (n, m)
    return inside.any(dim=1).float().mean()


def _inside(real, fake, k):
    return torch.cdist(fake, real) <= torch.cdist(real, real).sort(dim=1).values[:, k]  # (n, m)


@precision.mistake("Balls around fakes, and a share of the reals: that is recall. Exchange the two sets.")
def recall_instead(real, fake, k):
    return precision.answer(fake, real, k)


@precision.mistake("Each real is its own nearest, so its k-th neighbour is in column k, not in k - 1.")
def counts_itself(real, fake, k):
    return _inside(real, fake, k - 1).any(dim=1).float().mean()


@precision.mistake("This averages over all pairs. First ask for each fake whether it is in any ball.")
def over_all_pairs(real, fake, k):
    return _inside(real, fake, k).float().mean()


@precision.mistake("This counts the fakes in balls; asked is their share, so take the mean.")
def a_count(real, fake, k):
    return _inside(real, fake, k).any(dim=1).sum()


@precision.mistake("Points on the rim are inside: compare with <=, not with <.")
def without_rims(real, fake, k):
    radius = torch.cdist(real, real).sort(dim=1).values[:, k]
    return (torch.cdist(fake, real) < radius).any(dim=1).float().mean()


@precision.mistake("k is not always 3: the radii are in column k.")
def always_three(real, fake, k):
    return precision.answer(real, fake, 3)


@precision.mistake("This is the share of balls that hold a fake. Count fakes, not balls.")
def counts_balls(real, fake, k):
    return coverage.answer(real, fake, k)


_A = _cloud(50, 3, 3) @ torch.tensor([[1.0, 0.9, 0.0], [0.0, 0.5, 0.0], [0.3, 0.0, 2.0]])
_B = _cloud(50, 3, 4, shift=0.5)


@exercise(
    cases=(
        (*metrics.gaussian(_A), *metrics.gaussian(_B)),
        (*metrics.gaussian(_B), *metrics.gaussian(_A)),
        (*metrics.gaussian(_A[:, :1]), *metrics.gaussian(_B[:, :1])),
    ),
    hints=(
        "Four terms: the squared length of mean_a - mean_b, two traces, and minus twice the trace of a root.",
        "matrix_sqrt refuses cov_a @ cov_b, which is not symmetric; hence the sandwich root @ cov_b @ root.",
        "root = metrics.matrix_sqrt(cov_a), and the last term is 2 * metrics.matrix_sqrt(...).trace().",
    ),
)
def frechet_distance(mean_a, cov_a, mean_b, cov_b):
    """The squared Fréchet distance of two Gaussians with means (d,) and covariances (d, d)."""
    root = metrics.matrix_sqrt(cov_a)
    overlap = metrics.matrix_sqrt(root @ cov_b @ root).trace()
    return (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap


@frechet_distance.mistake("A matrix root is not the root of each number: take metrics.matrix_sqrt.")
def root_of_each_number(mean_a, cov_a, mean_b, cov_b):
    overlap = (cov_a.sqrt() @ cov_b @ cov_a.sqrt()).sqrt().trace()  # nan: a covariance may be negative
    return (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap


@frechet_distance.mistake("The distance of the means counts squared, like everything else here.")
def unsquared_means(mean_a, cov_a, mean_b, cov_b):
    return frechet_distance.answer(mean_a, cov_a, mean_a, cov_b) + (mean_a - mean_b).norm()


@frechet_distance.mistake("The last term counts twice: it is 2 ab in (a - b)² = a² + b² - 2 ab.")
def last_term_once(mean_a, cov_a, mean_b, cov_b):
    others = (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace()
    return (others + frechet_distance.answer(mean_a, cov_a, mean_b, cov_b)) / 2


@frechet_distance.mistake("The squared distance is asked for: no root at the end.")
def root_at_the_end(mean_a, cov_a, mean_b, cov_b):
    return frechet_distance.answer(mean_a, cov_a, mean_b, cov_b).sqrt()


@frechet_distance.mistake("On both sides of cov_b stands the root of cov_a, not cov_a itself.")
def sandwich_without_roots(mean_a, cov_a, mean_b, cov_b):
    overlap = metrics.matrix_sqrt(cov_a @ cov_b @ cov_a).trace()
    return (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap


@frechet_distance.mistake("A product of two roots is the root of the product only where the axes agree.")
def product_of_roots(mean_a, cov_a, mean_b, cov_b):
    overlap = (metrics.matrix_sqrt(cov_a) @ metrics.matrix_sqrt(cov_b)).trace()
    return (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap


@exercise(
    cases=(
        (_RING, _HALF_RING, 5),
        (_HALF_RING, _RING, 3),
        (_cloud(40, 5, 5), _cloud(30, 5, 6, shift=0.5), 2),
    ),
    hints=(
        "The radii are those of precision: around each real, to its k-th nearest fellow.",
        "torch.cdist(real, fake).min(dim=1).values is each real's distance to its nearest fake.",
        "A ball is covered where that distance is <= its radius; which share of the balls is?",
    ),
)
def coverage(real, fake, k):
    """The share of the reals' balls that hold at least one fake; reals (m, d), fakes (n, d)."""
    radius = torch.cdist(real, real).sort(dim=1).values[:, k]  # (m,)
    return (torch.cdist(real, fake).min(dim=1).values <= radius).float().mean()


@coverage.mistake("This is recall: its balls are around the fakes. For coverage they are around the reals.")
def balls_around_fakes(real, fake, k):
    return precision.answer(fake, real, k)


@coverage.mistake("This is precision, the share of fakes in balls. Asked is the share of balls with fakes.")
def share_of_fakes(real, fake, k):
    return precision.answer(real, fake, k)


@coverage.mistake("The balls are too small: do not count a real as its own neighbour.")
def small_balls(real, fake, k):
    return _inside(real, fake, k - 1).any(dim=0).float().mean()


@coverage.mistake("The balls are the reals', so divide by the number of reals.")
def divided_by_fakes(real, fake, k):
    return _inside(real, fake, k).any(dim=0).sum() / len(fake)


@coverage.mistake("This is density: it counts in how many balls a fake lies. A ball is covered or not.")
def the_density(real, fake, k):
    return _inside(real, fake, k).sum(dim=1).float().mean() / k


@exercise(
    cases=(
        (torch.tensor([0, 1, 2, 3, 0, 1, 2, 3]), 4),
        (torch.tensor([5, 5, 5, 5, 5, 5, 5, 2]), 72),
        (torch.tensor([0, 0, 1, 1, 1, 3]), 6),
        (torch.tensor([1, 1, 1]), 2),
    ),
    hints=(
        "torch.bincount(labels, minlength=kinds) counts each kind; divided by the number of labels it is p.",
        "0 log 0 counts as 0, but a computer says nan: leave out the kinds that do not occur, p = p[p > 0].",
        "-(p * p.log()).sum() is the entropy; the effective number is its exp.",
    ),
)
def effective_kinds(labels, kinds):
    """The exponential of the entropy of the shares: as many equally frequent kinds would be as diverse."""
    p = torch.bincount(labels, minlength=kinds) / len(labels)
    p = p[p > 0]
    return (-(p * p.log()).sum()).exp()


@effective_kinds.mistake("This counts the kinds that occur; a kind that occurs once should hardly count.")
def counts_kinds(labels, kinds):
    return len(labels.unique())


@effective_kinds.mistake("This is the entropy itself, a logarithm: take its exp.")
def the_entropy(labels, kinds):
    return effective_kinds.answer(labels, kinds).log()


@effective_kinds.mistake("The logarithm must fit the exponential: log with exp, or log2 with 2 to the power.")
def two_bases(labels, kinds):
    return effective_kinds.answer(labels, kinds).log2().exp()


@effective_kinds.mistake("The sum of p log p is negative; a minus belongs before it.")
def without_the_minus(labels, kinds):
    return 1 / effective_kinds.answer(labels, kinds)


@effective_kinds.mistake("1 / Σ p² is another known number, Simpson's. Asked is exp(-Σ p log p).")
def simpsons(labels, kinds):
    return len(labels) ** 2 / torch.bincount(labels).square().sum()


@effective_kinds.mistake("For a kind that does not occur, p log p is 0 times minus infinity: leave it out.")
def nan_for_empty(labels, kinds):
    p = torch.bincount(labels, minlength=kinds) / len(labels)
    return (-(p * p.log()).sum()).exp()


def _verify_fool(attempt):
    for shape, n in (("ring", 400), ("moons", 400), ("ring", 200)):
        real = points.sample(shape, n, seed=4)
        fake = attempt(real.clone())
        if not isinstance(fake, torch.Tensor) or fake.ndim != 2 or fake.shape[1] != 2 or len(fake) < 50:
            got = tuple(fake.shape) if isinstance(fake, torch.Tensor) else type(fake).__name__
            raise Wrong(f"Return at least 50 points, a tensor (n, 2), not {got}.")
        if not fake.isfinite().all():
            raise Wrong("Some points are inf or nan.")
        frechet = metrics.frechet_distance(real, fake)
        close, allowed = metrics.precision_recall(real, fake)[0], 0.02 * real.var(dim=0).sum().item()
        if frechet > allowed:
            too_far = (
                f"On {shape!r} the Fréchet distance is {frechet:.3f}; to fool it, stay below {allowed:.3f}."
            )
            raise Wrong(f"{too_far} It sees the mean and the covariance, so these two must agree.")
        if close > 0.25:
            fooled = (
                f"On {shape!r} Fréchet is fooled ({frechet:.3f}), but {close:.0%} of your points look real"
            )
            raise Wrong(f"{fooled}; at most 25 % may. Put them where no real point is.")


@exercise(
    verify=_verify_fool,
    hints=(
        "distances.gaussian(real) gives the two things that Fréchet sees: mean (2,) and covariance (2, 2).",
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


@fool_frechet.mistake("these two must agree")
def only_the_mean(real):
    return real.mean(dim=0) + 0.01 * torch.randn(200, 2)


@fool_frechet.mistake("of your points look real")
def the_reals_themselves(real):
    return real


@fool_frechet.mistake("a tensor (n, 2)")
def a_single_point(real):
    return real.mean(dim=0)
