"""Exercises of lesson 04: precision, the Fréchet distance, coverage, effective kinds, fooling a number."""

import torch

from imagegen_lessons import distances
from imagegen_lessons.exercise import Wrong, exercise
from imagegen_lessons.runtime import generator
from imagegen_lessons.synthetic import points


def _cloud(n: int, d: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    return shift + scale * torch.randn(n, d, generator=generator(seed))


_RING, _HALF_RING = points.sample("ring", 60, seed=1), points.sample("ring", 60, seed=2).abs()


@exercise(
    cases=(
        (_RING, _HALF_RING + 0.03, 3),
        (_HALF_RING, _RING, 2),
        (_cloud(40, 5, 1), _cloud(30, 5, 2, shift=0.8), 1),
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


@precision.mistake(
    "The balls are around the fakes and you count reals: that is recall. Exchange the two sets."
)
def recall_instead(real, fake, k):
    return precision.answer(fake, real, k)


@precision.mistake(
    "The balls are too small: each real is its own nearest point, so the k-th neighbour is in column k, not k - 1."
)
def counts_itself(real, fake, k):
    radius = torch.cdist(real, real).sort(dim=1).values[:, k - 1]
    return (torch.cdist(fake, real) <= radius).any(dim=1).float().mean()


@precision.mistake("This averages over all pairs. First ask for each fake whether it is in any ball.")
def over_all_pairs(real, fake, k):
    radius = torch.cdist(real, real).sort(dim=1).values[:, k]
    return (torch.cdist(fake, real) <= radius).float().mean()


@precision.mistake("This is the share of balls that hold a fake. Count fakes, not balls.")
def counts_balls(real, fake, k):
    return coverage.answer(real, fake, k)


_A, _B = (
    _cloud(50, 3, 3) @ torch.tensor([[1.0, 0.9, 0.0], [0.0, 0.5, 0.0], [0.3, 0.0, 2.0]]),
    _cloud(50, 3, 4, 0.5),
)


@exercise(
    cases=(
        (*distances.gaussian(_A), *distances.gaussian(_B)),
        (*distances.gaussian(_B), *distances.gaussian(_A)),
        (*distances.gaussian(_A[:, :1]), *distances.gaussian(_B[:, :1])),
    ),
    hints=(
        "Four terms: the squared length of mean_a - mean_b, two traces, and minus twice the trace of a root.",
        "root = distances.matrix_sqrt(cov_a); the matrix to take the last root of is root @ cov_b @ root.",
        "(mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * distances.matrix_sqrt(...).trace()",
    ),
)
def frechet_distance(mean_a, cov_a, mean_b, cov_b):
    """The squared Fréchet distance of two Gaussians with means (d,) and covariances (d, d)."""
    root = distances.matrix_sqrt(cov_a)
    overlap = distances.matrix_sqrt(root @ cov_b @ root).trace()
    return (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap


@frechet_distance.mistake(
    "The root of a matrix is not the root of each of its numbers: take distances.matrix_sqrt."
)
def root_of_each_number(mean_a, cov_a, mean_b, cov_b):
    overlap = (cov_a @ cov_b).diagonal().clamp(min=0).sqrt().sum()
    return (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap


@frechet_distance.mistake("The distance of the means counts squared, like everything else here.")
def unsquared_means(mean_a, cov_a, mean_b, cov_b):
    gap = mean_a - mean_b
    return frechet_distance.answer(mean_a, cov_a, mean_b, cov_b) - gap.square().sum() + gap.norm()


@frechet_distance.mistake("The last term counts twice: it is 2 ab in (a - b)² = a² + b² - 2 ab.")
def last_term_once(mean_a, cov_a, mean_b, cov_b):
    overlap = distances.matrix_sqrt(
        distances.matrix_sqrt(cov_a) @ cov_b @ distances.matrix_sqrt(cov_a)
    ).trace()
    return frechet_distance.answer(mean_a, cov_a, mean_b, cov_b) + overlap


@frechet_distance.mistake(
    "The product of the two roots is not the root of the product, unless both clouds lie along the same axes."
)
def product_of_roots(mean_a, cov_a, mean_b, cov_b):
    overlap = (distances.matrix_sqrt(cov_a) @ distances.matrix_sqrt(cov_b)).trace()
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


@coverage.mistake(
    "This is precision: the share of fakes in balls. Coverage is the share of balls with fakes."
)
def share_of_fakes(real, fake, k):
    return precision.answer(real, fake, k)


@coverage.mistake("The balls are too small: do not count a real as its own neighbour.")
def small_balls(real, fake, k):
    radius = torch.cdist(real, real).sort(dim=1).values[:, k - 1]
    return (torch.cdist(real, fake).min(dim=1).values <= radius).float().mean()


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
    return (effective_kinds.answer(labels, kinds).log() / torch.tensor(2.0).log()).exp()


@effective_kinds.mistake(
    "Here p log p of a kind that does not occur is 0 times minus infinity; leave it out."
)
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
        frechet = distances.frechet(real, fake)
        close, allowed = distances.precision_recall(real, fake)[0], 0.02 * real.var(dim=0).sum().item()
        if frechet > allowed:
            raise Wrong(
                f"On {shape!r} the Fréchet distance is {frechet:.3f}; to fool it, stay below {allowed:.3f}. It sees "
                "the mean and the covariance, so these two must agree."
            )
        if close > 0.3:
            raise Wrong(
                f"On {shape!r} Fréchet is fooled ({frechet:.3f}), but {close:.0%} of your points look real; at most "
                "30 % may. Put them where no real point is."
            )


@exercise(
    verify=_verify_fool,
    hints=(
        "distances.gaussian(real) gives the two things that Fréchet sees: mean (2,) and covariance (2, 2).",
        "If u has mean 0 and covariance 1 (the unit matrix), mean + u @ root has what is wanted; root is the matrix "
        "root of the covariance.",
        "Let half of u be 0 and the other half lie on a circle: of which radius, for a covariance of 1?",
    ),
)
def fool_frechet(real):
    """Points (n, 2) with the mean and covariance of `real` (m, 2), few of which look real."""
    mean, covariance = distances.gaussian(real)
    angle = torch.arange(100) * (2 * torch.pi / 100)
    circle = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)  # radius 2: half the points, variance 1
    u = torch.cat([circle, torch.zeros(100, 2)]).double()
    return (mean + u @ distances.matrix_sqrt(covariance)).float()


@fool_frechet.mistake("these two must agree")
def only_the_mean(real):
    return real.mean(dim=0) + 0.01 * torch.randn(200, 2)


@fool_frechet.mistake("of your points look real")
def the_reals_themselves(real):
    return real


@fool_frechet.mistake("a tensor (n, 2)")
def a_single_point(real):
    return real.mean(dim=0)
