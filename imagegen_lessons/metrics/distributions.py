"""How close is one set of pictures to another? Fréchet distance, precision and recall, coverage, nearest neighbours.

A set is a tensor (n, ...): n samples, each flattened into d features, for instance the last hidden layer of a
classifier. Raw pixels work as well, but two pictures that look alike can be far apart in pixels.
"""

import math
from functools import wraps

import torch

# 64 MB in float32. Blocks under 32 MB stay on glibc's heap, which then grows to the size of the whole matrix.
DISTANCES_AT_ONCE = 2**24
# By differences. The faster way, |a|² + |b|² - 2ab, leaves copies far from 0 apart (0.02 for 512 standard normal
# features), and a point on the surface of a ball would be left to chance.
EXACT = {"compute_mode": "donot_use_mm_for_euclid_dist"}


def _of_sets(measure):
    """The measure of two sets (n, ...), flattened to (n, d) in one precision; raises ValueError for what is no set."""

    @wraps(measure)
    def checked(a, b, k=measure.__defaults__ and measure.__defaults__[0]):
        a, b = _vectors(a), _vectors(b)
        if a.shape[1] != b.shape[1]:
            raise ValueError(f"One set has {a.shape[1]} features a sample, but the other has {b.shape[1]}.")
        dtype = torch.promote_types(a.dtype, b.dtype)
        a, b = a.to(dtype), b.to(dtype)
        if k is None:
            return measure(a, b)
        if not 1 <= k < len(a):
            raise ValueError(
                f"The k-th neighbour needs 1 <= k < n, but k is {k} and there are {len(a)} samples."
            )
        return measure(a, b, k)

    return checked


def _vectors(features, at_least=1):
    features = torch.as_tensor(features).detach()
    if features.ndim == 0 or len(features) < at_least or features.numel() == 0:
        shape = tuple(features.shape)
        raise ValueError(f"A set needs at least {at_least} sample(s), but its shape is {shape}.")
    if not features.isfinite().all():
        raise ValueError("A set holds inf or NaN.")
    features = features.reshape(len(features), -1)
    return features if features.dtype == torch.float64 else features.float()


def gaussian(features):
    """The mean (d,) and the covariance (d, d) of a set, with n - 1 in the denominator; float64, on the CPU.

    Raises ValueError for fewer than 2 samples, and for inf or NaN.
    """
    x = _vectors(features, at_least=2).cpu().double()
    mean = x.mean(dim=0)
    centred = x - mean
    return mean, centred.T @ centred / (len(x) - 1)


def matrix_sqrt(A):
    """The square root of a symmetric positive semi-definite matrix (d, d): itself such a matrix, float64.

    Raises ValueError where A is not square, not symmetric, has a clearly negative eigenvalue, or inf or NaN.
    """
    A = torch.as_tensor(A).detach().cpu().double()
    if A.ndim != 2 or len(A) != A.shape[-1] or A.numel() == 0 or not A.isfinite().all():
        raise ValueError(f"A square root needs a square matrix of finite numbers, not {tuple(A.shape)}.")
    if (A - A.T).abs().max() > 1e-6 * A.abs().max():
        raise ValueError("This square root is for symmetric matrices only.")
    values, vectors = torch.linalg.eigh((A + A.T) / 2)
    if values[0] < -1e-6 * values.abs().max():
        raise ValueError(f"A negative eigenvalue, {values[0].item():.3g}, has no real square root.")
    # Rounding turns an eigenvalue of 0 into ±1e-16 of the largest, and the root would make 1e-8 of it.
    rounding = len(A) * torch.finfo(A.dtype).eps * values.abs().max()
    roots = torch.where(values > rounding, values, 0.0).sqrt()
    return vectors * roots @ vectors.T


@_of_sets
def frechet_distance(a, b):
    """The squared Fréchet distance of the Gaussians fitted to two sets: 0 for equal ones. A float, never negative.

    With means mu and covariances C it is |mu_a - mu_b|² + tr(C_a + C_b - 2 (C_a^½ C_b C_a^½)^½)
    (Heusel et al. 2017, section 3; on features of the Inception network it is the "FID"). In squared units of the
    features. Small sets look further apart than they are: compare only figures of equally large sets.
    Raises ValueError for fewer than 2 samples, unequal numbers of features, inf or NaN.
    """
    (mean_a, cov_a), (mean_b, cov_b) = gaussian(a), gaussian(b)
    # The trace of (M M^T)^½ is the sum of the singular values of M; here M = C_a^½ C_b^½. It spares us the root
    # of a product, whose small eigenvalues drown in rounding.
    overlap = torch.linalg.svdvals(matrix_sqrt(cov_a) @ matrix_sqrt(cov_b)).sum()
    distance = (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap
    return max(0.0, distance.item())


@_of_sets
def nearest_neighbours(x, others):
    """For each sample of `x`, its nearest among `others`: (distance (n,), index (n,)); the first one of several.

    Euclidean distances. A sample that is also among the others finds itself, at distance 0.
    Raises ValueError for empty sets, unequal numbers of features, inf or NaN.
    """
    rows = x.split(max(1, DISTANCES_AT_ONCE // len(others)))  # some at a time: never the whole table at once
    parts = [torch.cdist(some, others, **EXACT).min(dim=1) for some in rows]
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])


@_of_sets
def precision(real, fake, k=3):
    """The share of fakes (n, d) inside the ball of at least one real (m, d), which reaches to its k-th neighbour.

    Neighbours are other reals; a point on the surface is inside (Kynkäänniemi et al. 2019, section 2). A real with k
    exact copies has a ball of radius 0, which holds its copies.
    Raises ValueError unless 1 <= k < number of reals, and as `nearest_neighbours` does.
    """
    exact = {"compute_mode": "donot_use_mm_for_euclid_dist"}  # the faster way leaves copies a little apart
    radius = torch.cdist(real, real, **exact).kthvalue(k + 1, dim=1).values  # each is its own nearest: k + 1
    inside = torch.cdist(fake, real, **exact) <= radius  # (n, m)
    return inside.any(dim=1).double().mean().item()


def precision_recall(real, fake, k=3):
    """(precision, recall): the share of fakes that look real, and of reals that G could have made (balls of fakes)."""
    return precision(real, fake, k), precision(fake, real, k)


@_of_sets
def coverage(real, fake, k=5):
    """The share of the balls of reals (m, d), to their k-th neighbours, that hold at least one fake (n, d).

    About 1 - 0.5^k for two equally large sets from one source (Naeem et al. 2020, section 3). Balls and errors as for
    `precision`.
    """
    exact = {"compute_mode": "donot_use_mm_for_euclid_dist"}  # the faster way leaves copies a little apart
    radius = torch.cdist(real, real, **exact).kthvalue(k + 1, dim=1).values  # each is its own nearest: k + 1
    inside = torch.cdist(fake, real, **exact) <= radius  # (n, m)
    return inside.any(dim=0).double().mean().item()


@_of_sets
def density_coverage(real, fake, k=5):
    """(density, coverage): precision and recall that a few outliers cannot spoil; only reals have balls.

    Density is the mean number of balls in which a fake lies, divided by k: about 1 when both sets come from one
    source; above 1 when the fakes crowd where the reals are dense (Naeem et al. 2020, section 3).
    """
    radius = torch.cdist(real, real, **EXACT).kthvalue(k + 1, dim=1).values
    inside = torch.cdist(fake, real, **EXACT) <= radius
    return inside.sum(dim=1).double().mean().item() / k, inside.any(dim=0).double().mean().item()


def class_coverage(labels, classes, at_least=1):
    """How many of so many classes occur at least so often among `labels` (n,), whole numbers from 0? An int.

    Raises ValueError for a label that is not one of the classes.
    """
    labels = torch.as_tensor(labels).long().flatten()
    if ((labels < 0) | (labels >= classes)).any():
        raise ValueError(f"Labels must be whole numbers from 0 to {classes - 1}.")
    return int((torch.bincount(labels, minlength=classes) >= at_least).sum())


def mode_coverage(points, centres, radius, at_least=None):
    """How many modes does a set of points reach? (modes covered, share of good points, good points a mode (m,)).

    `points` (n, d), `centres` of the modes (m, d). A point is good when it lies within `radius` of its nearest centre;
    a mode is covered when it holds `at_least` good points (default: a fifth of its fair share, n / m).
    """
    if len(points) == 0:
        raise ValueError("There are no points to count.")
    at_least = 0.2 * len(points) / len(centres) if at_least is None else at_least
    distance, nearest = torch.cdist(points, centres).min(dim=1)
    good = distance <= radius
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return int((counts >= at_least).sum()), good.float().mean().item(), counts


def sliced_wasserstein(a, b, directions=64):
    """Mean distance that points must travel to turn set `a` into `b`, seen along many lines through the plane.

    `a`, `b` are (n, 2), equally many. Along one line the cheapest journey pairs the sorted positions
    (Rabin et al. 2011). In the units of the points; two samples of one shape do not reach 0.
    """
    angle = torch.arange(directions) * (math.pi / directions)
    lines = torch.stack([angle.cos(), angle.sin()])
    return ((a @ lines).sort(dim=0).values - (b @ lines).sort(dim=0).values).abs().mean().item()


def class_frequencies(labels, classes=10):
    """The share of each class among `labels` (n,), whole numbers from 0: (classes,), sums to 1."""
    return torch.bincount(labels, minlength=classes).float() / len(labels)


def total_variation(p, q):
    """How far apart two histograms are, 0 to 1: the share of one that must change class to become the other."""
    return 0.5 * (p - q).abs().sum().item()
