"""How close is one set of pictures to another? Fréchet distance, precision and recall, coverage, nearest neighbours.

A set is a tensor (n, ...): n samples, each flattened into d features, for instance the last hidden layer of a
classifier. Raw pixels work as well, but two pictures that look alike can be far apart in pixels.
"""

import math

import torch

# 64 MB in float32. Blocks under 32 MB stay on glibc's heap, which then grows to the size of the whole matrix.
DISTANCES_AT_ONCE = 2**24


def gaussian(features):
    """The mean (d,) and the covariance (d, d) of a set, with n - 1 in the denominator; float64, on the CPU.

    Raises ValueError for fewer than 2 samples, and for inf or NaN.
    """
    x = _vectors(features, "features", at_least=2).cpu().double()
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


def frechet_distance(a, b):
    """The squared Fréchet distance of the Gaussians fitted to two sets: 0 for equal ones. A float, never negative.

    With means mu and covariances C it is |mu_a - mu_b|² + tr(C_a + C_b - 2 (C_a^½ C_b C_a^½)^½)
    (Heusel et al. 2017, section 3; on features of the Inception network it is the "FID"). In squared units of the
    features. Small sets look further apart than they are: compare only figures of equally large sets.
    Raises ValueError for fewer than 2 samples, unequal numbers of features, inf or NaN.
    """
    a, b = _pair(a, b, ("a", "b"), at_least=2)
    (mean_a, cov_a), (mean_b, cov_b) = gaussian(a), gaussian(b)
    # The trace of (M M^T)^½ is the sum of the singular values of M; here M = C_a^½ C_b^½. It spares us the root
    # of a product, whose small eigenvalues drown in rounding.
    overlap = torch.linalg.svdvals(matrix_sqrt(cov_a) @ matrix_sqrt(cov_b)).sum()
    distance = (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap
    return max(0.0, distance.item())


def nearest_neighbours(x, others):
    """For each sample of `x`, its nearest among `others`: (distance (n,), index (n,)); the first one of several.

    Euclidean distances. A sample that is also among the others finds itself, at distance 0.
    Raises ValueError for empty sets, unequal numbers of features, inf or NaN.
    """
    x, others = _pair(x, others, ("x", "others"))
    parts = [distances.min(dim=1) for distances in _distances(x, others)]
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])


def precision(real, fake, k=3):
    """The share of fakes (n, d) inside the ball of at least one real (m, d); points on its surface count as inside.

    Each real's ball reaches to its k-th nearest neighbour among the reals, itself not counted (Kynkäänniemi et al.
    2019, section 2). A real with k exact copies has a ball of radius 0, which holds its copies.
    Raises ValueError unless 1 <= k < number of reals, and as `nearest_neighbours` does.
    """
    real, fake = _pair(real, fake, ("real", "fake"))
    return (_balls_holding(fake, real, _radius(real, k)) > 0).double().mean().item()


def precision_recall(real, fake, k=3):
    """(precision, recall): the share of fakes that look real, and of reals that G could have made (balls of fakes)."""
    return precision(real, fake, k), precision(fake, real, k)


def coverage(real, fake, k=5):
    """The share of the balls of reals (m, d), to their k-th neighbours, that hold at least one fake (n, d).

    About 1 - 0.5^k for two equally large sets from one source (Naeem et al. 2020, section 3). Balls and errors as for
    `precision`.
    """
    real, fake = _pair(real, fake, ("real", "fake"))
    return (nearest_neighbours(real, fake)[0] <= _radius(real, k)).double().mean().item()


def density_coverage(real, fake, k=5):
    """(density, coverage): precision and recall that a few outliers cannot spoil; only reals have balls.

    Density is the mean number of balls in which a fake lies, divided by k: about 1 when both sets come from one
    source; above 1 when the fakes crowd where the reals are dense (Naeem et al. 2020, section 3).
    """
    real, fake = _pair(real, fake, ("real", "fake"))
    density = _balls_holding(fake, real, _radius(real, k)).double().mean().item() / k
    return density, coverage(real, fake, k)


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


def _vectors(features, name, at_least):
    features = torch.as_tensor(features).detach()
    if features.ndim == 0 or len(features) < at_least or features.numel() == 0:
        shape = tuple(features.shape)
        raise ValueError(f"{name} needs at least {at_least} sample(s), but its shape is {shape}.")
    if not features.isfinite().all():
        raise ValueError(f"{name} holds inf or NaN.")
    features = features.reshape(len(features), -1)
    return features if features.dtype == torch.float64 else features.float()


def _pair(a, b, names, at_least=1):
    a, b = _vectors(a, names[0], at_least), _vectors(b, names[1], at_least)
    if a.shape[1] != b.shape[1]:
        d, other = a.shape[1], b.shape[1]
        raise ValueError(f"{names[0]} has {d} features a sample, but {names[1]} has {other}.")
    dtype = torch.promote_types(a.dtype, b.dtype)
    return a.to(dtype), b.to(dtype)


def _distances(x, others):
    """Euclidean distances from some rows of x at a time to all the others: (rows, m), one after another."""
    for rows in x.split(max(1, DISTANCES_AT_ONCE // len(others))):
        # By differences. The faster way, |a|² + |b|² - 2ab, leaves copies far from 0 apart (0.02 for 512 standard
        # normal features), and a surface would be left to chance.
        yield torch.cdist(rows, others, compute_mode="donot_use_mm_for_euclid_dist")


def _radius(centres, k):
    """The distance from each centre to its k-th nearest neighbour: (n,)."""
    if not 1 <= k < len(centres):
        raise ValueError(
            f"The k-th neighbour needs 1 <= k < n, but k is {k} and there are {len(centres)} samples."
        )
    # k + 1, since each is its own nearest, at distance 0.
    return torch.cat([d.topk(k + 1, largest=False).values[:, k] for d in _distances(centres, centres)])


def _balls_holding(x, centres, radius):
    """In how many of the balls does each sample of x lie? (n,)"""
    return torch.cat([(distances <= radius).sum(dim=1) for distances in _distances(x, centres)])
