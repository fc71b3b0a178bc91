"""How good is what was made? Numbers that a lesson can assert. Every rate comes with its counts."""

import math

import torch


def modes_covered(points, centres, radius, at_least=None):
    """How many blobs does a cloud of points reach?

    `points` (n, d), `centres` (m, d). A point is good when it lies within `radius` of its nearest centre; a blob
    is covered when it holds `at_least` good points (default: a fifth of its fair share, n / m).
    Returns (blobs covered, share of good points, good points per blob (m,)).
    """
    if len(points) == 0:
        raise ValueError("There are no points to judge.")
    at_least = 0.2 * len(points) / len(centres) if at_least is None else at_least
    distance, nearest = torch.cdist(points, centres).min(dim=1)
    good = distance <= radius
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return int((counts >= at_least).sum()), good.float().mean().item(), counts


def sliced_wasserstein(a, b, directions=64):
    """Mean distance that points must travel to turn cloud `a` into `b`, seen along many lines through the plane.

    `a`, `b` are (n, 2), equally many. Along one line the cheapest journey pairs the sorted positions
    (Rabin et al. 2011). In the units of the points; two samples of one shape do not reach 0.
    """
    angle = torch.arange(directions) * (math.pi / directions)
    lines = torch.stack([angle.cos(), angle.sin()])
    return ((a @ lines).sort(dim=0).values - (b @ lines).sort(dim=0).values).abs().mean().item()


def wilson_interval(successes, n, z=1.96):
    """The range in which a rate lies, given `successes` out of `n`: (low, high); z = 1.96 for 95 % (Wilson 1927).

    Right for small n and for rates near 0 and 1, where "rate ± error" leaves [0, 1].
    Raises ValueError unless 0 <= successes <= n and n > 0.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"A rate needs 0 <= successes <= n and n > 0, but got {successes} of {n}.")
    rate = successes / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def class_shares(labels, classes=10):
    """The share of each class among `labels` (n,), whole numbers from 0: (classes,), sums to 1."""
    return torch.bincount(labels, minlength=classes).float() / len(labels)


def total_variation(p, q):
    """How far apart two histograms are: 0 for equal ones, 1 for those without overlap.

    It is the share of one that would have to change class to become the other.
    """
    return 0.5 * (p - q).abs().sum().item()
