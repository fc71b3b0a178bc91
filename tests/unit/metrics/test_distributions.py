"""Distances between sets: against SciPy, against plain loops, and where the answer is known."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch

from imagegen_lessons import metrics
from imagegen_lessons.metrics import distributions
from imagegen_lessons.runtime import generator
from imagegen_lessons.synthetic import points
from tests.unit.helpers import refused

SETS = (
    metrics.frechet_distance,
    metrics.precision,
    metrics.precision_recall,
    metrics.coverage,
    metrics.density_coverage,
)


def normal(n, d, seed=0, dtype=torch.float32):
    return torch.randn(n, d, generator=generator(seed), dtype=dtype)


def exactly(n, mean, covariance):
    """n points whose mean and covariance are exactly these."""
    x = normal(n, len(mean), dtype=torch.float64)
    x = x - x.mean(0)
    x = x @ torch.linalg.inv(torch.linalg.cholesky(x.T @ x / (n - 1))).T
    return mean + x @ torch.linalg.cholesky(covariance).T


# References: loops over points, nothing clever.


def distance(p, q):
    return math.dist(p.tolist(), q.tolist())


def inside_by_loop(x, centres, k):
    """Which samples lie in which balls: a list of balls, each a list of True and False."""
    near = [sorted(distance(c, q) for j, q in enumerate(centres) if j != i) for i, c in enumerate(centres)]
    return [[distance(c, p) <= row[k - 1] for p in x] for c, row in zip(centres, near, strict=True)]


def agree_with_loops(real, fake, k):
    fakes_in_balls, reals_in_balls = inside_by_loop(fake, real, k), inside_by_loop(real, fake, k)
    precision, recall = (
        sum(map(any, zip(*inside, strict=True))) / len(inside[0])
        for inside in (fakes_in_balls, reals_in_balls)
    )
    density = sum(map(sum, fakes_in_balls)) / (k * len(fake))
    coverage = sum(map(any, fakes_in_balls)) / len(real)
    assert metrics.precision_recall(real, fake, k) == pytest.approx((precision, recall))
    assert metrics.density_coverage(real, fake, k) == pytest.approx((density, coverage))


# Gaussians and the Fréchet distance


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gaussian_agrees_with_numpy_and_flattens(dtype):
    x = normal(40, 12, dtype=dtype)
    mean, covariance = metrics.gaussian(x.view(40, 3, 2, 2))
    assert mean.dtype == covariance.dtype == torch.float64
    np.testing.assert_allclose(mean, x.double().mean(0))
    np.testing.assert_allclose(covariance, np.cov(x.double().numpy(), rowvar=False), atol=1e-14)
    _, far = metrics.gaussian(x.double() + 1e6)  # survives a large offset
    torch.testing.assert_close(covariance, far, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("rank", [30, 7, 1, 0])
def test_matrix_sqrt_squares_to_the_matrix(rank):
    x = normal(30, rank, dtype=torch.float64)
    A = x @ x.T
    root = metrics.matrix_sqrt(A)
    torch.testing.assert_close(root @ root, A, rtol=1e-12, atol=1e-11)
    torch.testing.assert_close(root, root.T)
    assert torch.linalg.matrix_rank(root) == rank
    if rank == 30:
        np.testing.assert_allclose(root, scipy.linalg.sqrtm(A.numpy()), atol=1e-8)


@pytest.mark.parametrize(  # the last two: few samples
    ("n", "m", "d", "rtol"),
    [(300, 200, 20, 1e-9), (100, 1000, 3, 1e-9), (20, 30, 48, 1e-6), (2, 100, 8, 1e-6)],
)
def test_frechet_agrees_with_scipy_and_does_not_depend_on_order_or_axes(n, m, d, rtol):
    a = normal(n, d, dtype=torch.float64) @ normal(d, d, seed=1, dtype=torch.float64)
    b = normal(m, d, seed=2, dtype=torch.float64) + 0.3
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = (a.mean(0) - b.mean(0)).square().sum().item() + np.trace(cov_a + cov_b - 2 * root)
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=rtol)
    turn = torch.linalg.qr(normal(d, d, seed=3, dtype=torch.float64)).Q
    for other in (metrics.frechet_distance(b, a), metrics.frechet_distance(a @ turn, b @ turn)):
        assert other == pytest.approx(metrics.frechet_distance(a, b), rel=1e-9)


def test_frechet_where_the_answer_is_known():
    mean = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    variances = torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64)
    a, constant = exactly(50, mean, variances.diag()), torch.zeros(10, 3)
    shifted, wider = a + torch.tensor([3.0, 4.0, 0.0]), mean + 3 * (a - mean)
    assert metrics.frechet_distance(a, shifted) == pytest.approx(25)  # the step, squared
    assert metrics.frechet_distance(a, wider) == pytest.approx(4 * 14)  # (3 - 1)² times the variances
    b = exactly(70, mean, torch.eye(3, dtype=torch.float64))
    assert metrics.frechet_distance(a, b) == pytest.approx((1 - 1) ** 2 + (2 - 1) ** 2 + (3 - 1) ** 2)
    assert metrics.frechet_distance(a, constant) == pytest.approx(mean.square().sum().item() + 14)
    assert metrics.frechet_distance(constant, constant + 2) == pytest.approx(12)


@pytest.mark.parametrize(("n", "d"), [(100, 5), (10, 60), (2, 3), (50, 50)])
def test_frechet_of_equal_sets_is_zero_and_never_negative(n, d):
    a = normal(n, d) * torch.logspace(0, -6, d)  # eigenvalues from 1 to 1e-12
    for same in (a, a.flip(0)):
        assert 0 <= metrics.frechet_distance(a, same) < 1e-12 * d


# Neighbours and balls


@pytest.mark.parametrize("at_once", [1, 7, 2**24])  # one row at a time, too; the same to the last digit
def test_nearest_neighbours_agree_with_a_loop_and_compute_few_distances_at_once(monkeypatch, at_once):
    x, others = normal(23, 6), normal(31, 6, seed=1)
    whole = metrics.nearest_neighbours(x, others)
    cdist, blocks = torch.cdist, []

    def recorded(x, others, **options):
        blocks.append(len(x) * len(others))
        return cdist(x, others, **options)

    monkeypatch.setattr(torch, "cdist", recorded)
    monkeypatch.setattr(distributions, "DISTANCES_AT_ONCE", at_once)
    far, index = metrics.nearest_neighbours(x, others)
    assert sum(blocks) == 23 * 31 and max(blocks) <= max(at_once, 31)
    table = torch.tensor([[distance(p, q) for q in others] for p in x])
    torch.testing.assert_close(far, table.min(1).values)
    assert torch.equal(index, table.argmin(1))
    assert torch.equal(far, whole[0]) and torch.equal(index, whole[1])


def test_the_first_of_several_neighbours_and_any_shape():
    others = torch.tensor([5.0, 1.0, 1.0, 5.0]).view(4, 1, 1, 1).expand(4, 3, 2, 2)
    far, index = metrics.nearest_neighbours(torch.zeros(2, 3, 2, 2), others)
    assert index.tolist() == [1, 1] and far.tolist() == pytest.approx([math.sqrt(12)] * 2)
    assert metrics.nearest_neighbours(torch.zeros(2), torch.ones(3))[0].tolist() == [1, 1]  # one feature each


def test_copies_are_at_distance_zero_however_far_from_the_origin():
    """The fast formula |a|² + |b|² - 2ab fails here: it loses what is small beside |a|²."""
    x = normal(300, 64) + 1000
    order = torch.randperm(300, generator=generator(0))
    far, index = metrics.nearest_neighbours(x, x[order])
    assert (far == 0).all() and torch.equal(order[index], torch.arange(300))
    nudged = x.clone()
    nudged[:, 0] += 2**-7  # a hundredth, which float32 can still tell at 1000
    assert (metrics.nearest_neighbours(nudged, x)[0] == 2**-7).all()


@pytest.mark.parametrize(("n", "m", "d", "k"), [(40, 40, 2, 3), (30, 50, 5, 1), (50, 21, 8, 5), (9, 9, 1, 8)])
def test_precision_recall_density_and_coverage_agree_with_loops(n, m, d, k):
    agree_with_loops(normal(n, d), 0.7 * normal(m, d, seed=1) + 0.5, k)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_points_on_the_surface_of_a_ball_are_inside(k):
    """On a grid everything is tied: the nearest neighbours lie exactly on the surface, many points are copies."""
    rng = generator(3)
    agree_with_loops(*(torch.randint(0, 5, (40, 2), generator=rng).float() for _ in range(2)), k)
    copies = torch.zeros(8, 2)  # their balls have the radius zero
    assert metrics.precision_recall(copies, copies, k) == (1, 1)
    assert metrics.precision_recall(copies, copies + 1e-6, k) == (0, 0)


def test_known_failures_of_a_generator_are_told_apart():
    real = torch.cat([normal(300, 4), normal(300, 4, seed=1) + 10])  # two modes
    far, dropped, alike = normal(600, 4, seed=2) - 50, normal(600, 4, seed=3), real[:1].expand(600, 4)
    assert metrics.precision_recall(real, far) == metrics.density_coverage(real, far) == (0, 0)
    precision, recall = metrics.precision_recall(real, dropped)
    assert precision > 0.9 and 0.4 < recall < 0.5
    assert 0.4 < metrics.coverage(real, dropped) <= 0.5
    assert metrics.precision_recall(real, alike) == (1, 1 / 600)  # only the one that it copies
    good = torch.cat([normal(300, 4, seed=4), normal(300, 4, seed=5) + 10])
    density, coverage = metrics.density_coverage(real, good)
    assert density == pytest.approx(1, abs=0.15) and coverage == pytest.approx(1 - 0.5**5, abs=0.03)


# Classes and modes


def test_class_coverage_and_frequencies():
    labels = torch.tensor([0, 0, 0, 2, 2, 5])
    assert [metrics.class_coverage(labels, 8, at_least) for at_least in (1, 2, 3, 4)] == [3, 2, 1, 0]
    assert metrics.class_coverage([], 4) == 0
    for wrong in ([8], [-1]):
        with refused("from 0 to 7"):
            metrics.class_coverage(wrong, 8)
    shares = metrics.class_frequencies(torch.tensor([0, 0, 1, 3]), classes=4)
    assert shares.tolist() == [0.5, 0.25, 0.0, 0.25]
    assert metrics.total_variation(shares, torch.full((4,), 0.25)) == 0.25


def test_mode_coverage_and_sliced_wasserstein_on_the_ring():
    centres, a = points.ring_centres(), points.sample("ring", 4000, 1)
    assert metrics.mode_coverage(a, centres, 0.18)[0] == 8
    covered, good, counts = metrics.mode_coverage(centres[:1].repeat(100, 1), centres, 0.18)
    assert (covered, good, counts.tolist()) == (1, 1.0, [100] + [0] * 7)
    mostly_one = torch.cat([centres[:1].repeat(93, 1), centres[1:]])  # one point in a mode does not cover it
    assert metrics.mode_coverage(mostly_one, centres, 0.18)[0] == 1
    assert metrics.sliced_wasserstein(a, points.sample("ring", 4000, 2)) < 0.05
    moved = metrics.sliced_wasserstein(a, a + torch.tensor([1.0, 0.0]))
    assert moved == pytest.approx(2 / math.pi, abs=0.01)


# What they take and refuse


def test_results_are_plain_floats_and_need_no_gradient():
    a, b = normal(20, 3).requires_grad_(), normal(20, 3, seed=1, dtype=torch.float64)
    results = [measure(a, b) for measure in SETS]
    flat = [r for result in results for r in (result if isinstance(result, tuple) else (result,))]
    assert all(type(result) is float for result in flat)
    assert not metrics.nearest_neighbours(a, b)[0].requires_grad


@pytest.mark.parametrize("measure", SETS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:0], r"at least \d sample"),
        (lambda x: x[:, :2], "3 features a sample, but"),
        (lambda x: x * float("nan"), "inf or NaN"),
    ],
)
def test_what_is_no_set_is_refused(measure, change, message):
    good = normal(20, 3)
    with refused(message):
        measure(good, change(good))


def test_too_few_samples_are_refused():
    good, one = normal(20, 3), normal(1, 3)
    for measure, sets in ((metrics.frechet_distance, (good, one)), (metrics.gaussian, (one,))):
        with refused("at least 2 sample"):
            measure(*sets)
    for measure in SETS[1:]:
        for k in (0, 20):
            with refused(f"k is {k}"):
                measure(good, good, k=k)


@pytest.mark.parametrize(
    ("A", "message"),
    [
        (torch.ones(3), "square matrix"),
        (torch.tensor([[1.0, math.inf], [math.inf, 1.0]]), "finite"),
        (torch.tensor([[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (torch.tensor([[1.0, 0.0], [0.0, -1.0]]), "negative eigenvalue, -1"),
    ],
)
def test_matrix_sqrt_refuses_what_has_no_such_root(A, message):
    with refused(message):
        metrics.matrix_sqrt(A)
