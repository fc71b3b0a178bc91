"""Distances between sets: against SciPy, against plain loops, and where the answer is known."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch

from imagegen_lessons import metrics
from imagegen_lessons.metrics import distributions


def normal(n, d, seed=0, dtype=torch.float32):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def exactly(n, mean, covariance):
    """n points whose mean and covariance are exactly these."""
    x = normal(n, len(mean), dtype=torch.float64)
    x = x - x.mean(0)
    x = x @ torch.linalg.inv(torch.linalg.cholesky(x.T @ x / (n - 1))).T
    return mean + x @ torch.linalg.cholesky(covariance).T


# References: loops over points, nothing clever.


def distance(p, q):
    return math.dist(p.tolist(), q.tolist())


def radii_by_loop(x, k):
    others = [[distance(p, q) for j, q in enumerate(x) if j != i] for i, p in enumerate(x)]
    return [sorted(row)[k - 1] for row in others]


def share_in_balls_by_loop(x, centres, k):
    radii = radii_by_loop(centres, k)
    inside = [any(distance(p, c) <= r for c, r in zip(centres, radii, strict=True)) for p in x]
    return sum(inside) / len(inside)


def density_coverage_by_loop(real, fake, k):
    radii = radii_by_loop(real, k)
    table = [[distance(c, p) <= r for p in fake] for c, r in zip(real, radii, strict=True)]
    density = sum(map(sum, table)) / (k * len(fake))
    return density, sum(map(any, table)) / len(real)


# Gaussians


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gaussian_agrees_with_numpy_and_flattens(dtype):
    x = normal(40, 12, dtype=dtype)
    mean, covariance = metrics.gaussian(x.view(40, 3, 2, 2))
    assert mean.dtype == covariance.dtype == torch.float64
    np.testing.assert_allclose(mean, x.double().mean(0))
    np.testing.assert_allclose(covariance, np.cov(x.double().numpy(), rowvar=False), atol=1e-14)


def test_covariance_survives_a_large_offset():
    x = normal(500, 5)
    _, near = metrics.gaussian(x)
    _, far = metrics.gaussian(x.double() + 1e6)
    torch.testing.assert_close(near, far, rtol=1e-8, atol=1e-8)


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


def frechet_by_scipy(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root)


@pytest.mark.parametrize(
    ("n", "m", "d", "rtol"),
    [
        (300, 200, 20, 1e-9),
        (100, 1000, 3, 1e-9),
        (20, 30, 48, 1e-6),
        (2, 100, 8, 1e-6),
    ],  # the last two: few samples
)
def test_frechet_agrees_with_scipy(n, m, d, rtol):
    a, b = normal(n, d) @ normal(d, d, seed=1), normal(m, d, seed=2) + 0.3
    assert metrics.frechet_distance(a, b) == pytest.approx(frechet_by_scipy(a, b), rel=rtol)
    assert metrics.frechet_distance(a, b) == pytest.approx(metrics.frechet_distance(b, a), rel=1e-10)


def test_frechet_where_the_answer_is_known():
    mean = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    variances = torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64)
    a = exactly(50, mean, variances.diag())
    assert metrics.frechet_distance(a, a + torch.tensor([3.0, 4.0, 0.0])) == pytest.approx(
        25
    )  # moved: |step|²
    assert metrics.frechet_distance(a, mean + 3 * (a - mean)) == pytest.approx(
        4 * 14
    )  # (3 - 1)² times the variances
    b = exactly(70, mean, torch.eye(3, dtype=torch.float64))
    assert metrics.frechet_distance(a, b) == pytest.approx((1 - 1) ** 2 + (2 - 1) ** 2 + (3 - 1) ** 2)
    still = torch.zeros(10, 3)  # no spread at all
    assert metrics.frechet_distance(a, still) == pytest.approx(mean.square().sum().item() + 14)
    assert metrics.frechet_distance(still, still + 2) == pytest.approx(12)


def test_frechet_does_not_depend_on_the_axes():
    a, b = normal(200, 10), normal(200, 10, seed=1) * 2
    turn = torch.linalg.qr(normal(10, 10, seed=2, dtype=torch.float64)).Q
    turned = metrics.frechet_distance(a.double() @ turn, b.double() @ turn)
    assert turned == pytest.approx(metrics.frechet_distance(a, b), rel=1e-10)


@pytest.mark.parametrize(("n", "d"), [(100, 5), (10, 60), (2, 3), (50, 50)])
def test_frechet_of_equal_sets_is_zero_and_never_negative(n, d):
    a = normal(n, d) * torch.logspace(0, -6, d)  # eigenvalues from 1 to 1e-12
    assert 0 <= metrics.frechet_distance(a, a) < 1e-12 * d
    assert 0 <= metrics.frechet_distance(a, a.flip(0)) < 1e-12 * d


# Neighbours


@pytest.mark.parametrize(
    "at_once", [1, 7, 2**24]
)  # one row at a time, too; the result is the same to the last digit
def test_nearest_agrees_with_a_loop(monkeypatch, at_once):
    x, others = normal(23, 6), normal(31, 6, seed=1)
    whole = metrics.nearest_neighbours(x, others)
    monkeypatch.setattr(distributions, "DISTANCES_AT_ONCE", at_once)
    far, index = metrics.nearest_neighbours(x, others)
    table = torch.tensor([[distance(p, q) for q in others] for p in x])
    torch.testing.assert_close(far, table.min(1).values)
    assert torch.equal(index, table.argmin(1))
    assert torch.equal(far, whole[0])
    assert torch.equal(index, whole[1])


def test_nearest_takes_the_first_of_several_and_any_shape():
    others = torch.tensor([5.0, 1.0, 1.0, 5.0]).view(4, 1, 1, 1).expand(4, 3, 2, 2)
    far, index = metrics.nearest_neighbours(torch.zeros(2, 3, 2, 2), others)
    assert index.tolist() == [1, 1]
    assert far.tolist() == pytest.approx([math.sqrt(12)] * 2)
    assert metrics.nearest_neighbours(torch.zeros(2), torch.ones(3))[0].tolist() == [
        1,
        1,
    ]  # (n,): one feature each


def test_copies_are_at_distance_zero_however_far_from_the_origin():
    """The fast formula |a|² + |b|² - 2ab fails here: it loses what is small beside |a|²."""
    x = normal(300, 64) + 1000
    order = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    far, index = metrics.nearest_neighbours(x, x[order])
    assert (far == 0).all()
    assert torch.equal(order[index], torch.arange(300))
    assert (torch.cdist(x, x[order], compute_mode="use_mm_for_euclid_dist").min(1).values > 0).any()
    nudged = x.clone()
    nudged[:, 0] += 2**-7  # a hundredth, which float32 can still tell at 1000
    assert (metrics.nearest_neighbours(nudged, x)[0] == 2**-7).all()


def test_ten_thousand_by_ten_thousand_never_at_once(monkeypatch):
    """The table would take 400 MB; its blocks are recorded instead."""
    blocks = []

    def cdist(x, others, **_):
        blocks.append(len(x) * len(others))
        return x[:, :1].expand(len(x), len(others))

    monkeypatch.setattr(torch, "cdist", cdist)
    metrics.nearest_neighbours(torch.zeros(10_000, 2), torch.zeros(10_000, 2))
    assert sum(blocks) == 10**8
    assert max(blocks) <= 2**24


@pytest.mark.parametrize(("n", "m", "d", "k"), [(40, 40, 2, 3), (30, 50, 5, 1), (50, 21, 8, 5), (9, 9, 1, 8)])
def test_precision_recall_density_and_coverage_agree_with_loops(n, m, d, k):
    real, fake = normal(n, d), 0.7 * normal(m, d, seed=1) + 0.5
    expected = share_in_balls_by_loop(fake, real, k), share_in_balls_by_loop(real, fake, k)
    assert metrics.precision_recall(real, fake, k) == pytest.approx(expected)
    assert metrics.density_coverage(real, fake, k) == pytest.approx(density_coverage_by_loop(real, fake, k))


def test_rims_and_copies_count():
    """On a grid everything is tied: the nearest neighbours lie exactly on the rims, many points are copies."""
    generator = torch.Generator().manual_seed(3)
    real, fake = (torch.randint(0, 5, (40, 2), generator=generator).float() for _ in range(2))
    for k in (1, 3, 6):
        expected = share_in_balls_by_loop(fake, real, k), share_in_balls_by_loop(real, fake, k)
        assert metrics.precision_recall(real, fake, k) == pytest.approx(expected)
        assert metrics.density_coverage(real, fake, k) == pytest.approx(
            density_coverage_by_loop(real, fake, k)
        )
    copies = torch.zeros(6, 2)  # balls of radius 0
    assert metrics.precision_recall(copies, copies[:4]) == (1, 1)
    assert metrics.precision_recall(copies, copies + 1e-6) == (0, 0)
    assert metrics.density_coverage(copies, copies + 1e-6) == (0, 0)


def test_a_set_is_covered_by_itself():
    x = normal(100, 16) + 50
    assert metrics.precision_recall(x, x) == (1, 1)
    density, coverage = metrics.density_coverage(x, x, k=5)
    assert density == pytest.approx(6 / 5)  # k neighbours and itself
    assert coverage == 1


def test_known_failures_of_a_generator_are_told_apart():
    real = torch.cat([normal(300, 4), normal(300, 4, seed=1) + 10])  # two kinds
    far, dropped, alike = normal(600, 4, seed=2) - 50, normal(600, 4, seed=3), real[:1].expand(600, 4)
    assert metrics.precision_recall(real, far) == (0, 0)
    assert metrics.density_coverage(real, far) == (0, 0)
    precision, recall = metrics.precision_recall(real, dropped)
    assert precision > 0.9
    assert 0.4 < recall < 0.5
    assert 0.4 < metrics.density_coverage(real, dropped)[1] <= 0.5
    precision, recall = metrics.precision_recall(real, alike)
    assert precision == 1
    assert recall == 1 / 600  # only the one that it copies
    good = torch.cat([normal(300, 4, seed=4), normal(300, 4, seed=5) + 10])
    density, coverage = metrics.density_coverage(real, good)
    assert density == pytest.approx(1, abs=0.15)
    assert coverage == pytest.approx(1 - 0.5**5, abs=0.03)


def test_one_odd_real_spoils_precision_but_not_density():
    real, fake = normal(200, 2), 4 * normal(200, 2, seed=1)
    more = torch.cat([real, torch.tensor([[-60.0, 0.0]])])  # its ball holds about half of the plane
    assert metrics.precision_recall(more, fake)[0] > metrics.precision_recall(real, fake)[0] + 0.15
    change = metrics.density_coverage(more, fake)[0] - metrics.density_coverage(real, fake)[0]
    assert 0 < change <= 1 / 5  # one ball among k


def test_kind_coverage():
    labels = torch.tensor([0, 0, 0, 2, 2, 5])
    assert [metrics.class_coverage(labels, 8, at_least) for at_least in (1, 2, 3, 4)] == [3, 2, 1, 0]
    assert metrics.class_coverage([], 4) == 0
    for wrong in ([8], [-1]):
        with pytest.raises(ValueError, match="from 0 to 7"):
            metrics.class_coverage(wrong, 8)


# What they take and refuse


def test_results_are_plain_floats_and_need_no_gradient():
    a, b = normal(20, 3).requires_grad_(), normal(20, 3, seed=1, dtype=torch.float64)
    results = [
        metrics.frechet_distance(a, b),
        *metrics.precision_recall(a, b),
        *metrics.density_coverage(a, b),
    ]
    assert all(type(result) is float for result in results)
    assert not metrics.nearest_neighbours(a, b)[0].requires_grad


@pytest.mark.parametrize(
    "measure", [metrics.frechet_distance, metrics.precision_recall, metrics.density_coverage]
)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:0], r"needs at least \d sample"),
        (lambda x: x[:, :2], "has 3 features a sample, but"),
        (lambda x: x / 0, "inf or NaN"),
        (lambda x: x * float("nan"), "inf or NaN"),
        (lambda x: x[0, 0], r"needs at least \d sample"),
    ],
)
def test_bad_sets_are_refused_in_a_sentence(measure, change, message):
    good = normal(20, 3)
    with pytest.raises(ValueError, match=message):
        measure(good, change(good))


def test_too_few_samples_are_refused():
    good, one = normal(20, 3), normal(1, 3)
    for call in (
        lambda: metrics.frechet_distance(good, one),
        lambda: metrics.gaussian(one),
    ):
        with pytest.raises(ValueError, match=r"at least 2 sample.*\(1, 3\)"):
            call()
    for k in (0, 20):
        for measure in (metrics.precision_recall, metrics.density_coverage):
            with pytest.raises(ValueError, match=f"k is {k} and there are 20"):
                measure(good, good, k=k)


@pytest.mark.parametrize(
    ("A", "message"),
    [
        (torch.ones(2, 3), "square matrix"),
        (torch.ones(3), "square matrix"),
        (torch.tensor([[1.0, math.inf], [math.inf, 1.0]]), "finite"),
        (torch.tensor([[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (torch.tensor([[1.0, 0.0], [0.0, -1.0]]), "negative eigenvalue, -1"),
    ],
)
def test_matrix_sqrt_refuses_what_has_no_such_root(A, message):
    with pytest.raises(ValueError, match=message):
        metrics.matrix_sqrt(A)
