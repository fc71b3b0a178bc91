"""The network of one shape: encodings by the formula, points where they are asked for, and a shape that is learned."""

import math

import numpy as np
import torch

from imagegen_lessons import runtime, shapes
from tests.unit.helpers import random, refused

LOW, HIGH = (-2.0, -1.0, -1.5), (2.0, 1.0, 1.5)


def bricks(p):
    """Five thin walls: a shape with detail that a network sees late."""
    walls = [shapes.box(shapes.translate(p, (x, 0, 0)), (0.15, 0.7, 1.0)) for x in (-1.4, -0.7, 0, 0.7, 1.4)]
    return shapes.union(*walls)


def test_the_encoding_is_the_formula():
    p = 2 * random(4, 5, 3) - 1
    x = shapes.positional_encoding(p, 4)
    assert x.shape == (4, 5, 3 + 2 * 3 * 4)
    waves = [wave(math.pi * 2**k * p.numpy()) for wave in (np.sin, np.cos) for k in range(4)]
    np.testing.assert_allclose(x.numpy(), np.concatenate([p.numpy(), *waves], axis=-1), atol=1e-5)
    assert torch.equal(shapes.positional_encoding(p, 0), p)
    assert shapes.positional_encoding(p.double()).dtype == torch.float64


def test_points_lie_in_the_box_and_most_near_the_surface():
    p = shapes.sample_points(bricks, 4000, LOW, HIGH, near=0.75, spread=0.01, rng=runtime.generator(0))
    assert p.shape == (4000, 3) and p.isfinite().all()
    d = bricks(p)
    # a normal distribution of 1 % of 4 metres: its mean size is 0.8 of that, along one direction of three
    assert d[:3000].abs().mean() < 0.04 and d[3000:].abs().mean() > 0.15
    assert 0.3 < (d[:3000] > 0).float().mean() < 0.8  # on both sides
    anywhere = p[3000:]
    assert ((anywhere >= torch.tensor(LOW)) & (anywhere <= torch.tensor(HIGH))).all()
    torch.testing.assert_close(anywhere.mean(0), torch.zeros(3), atol=0.15, rtol=0)
    # All five walls are covered, and the same seed gives the same points.
    assert (torch.histc(p[:3000, 0], 5, -1.75, 1.75) > 300).all()
    again = shapes.sample_points(bricks, 4000, LOW, HIGH, near=0.75, spread=0.01, rng=runtime.generator(0))
    assert torch.equal(p, again)


def learned(frequencies):
    torch.manual_seed(0)
    network = shapes.ShapeMLP(LOW, HIGH, hidden=32, frequencies=frequencies)
    p = shapes.sample_points(bricks, 8000, LOW, HIGH, rng=runtime.generator(0))
    d = bricks(p)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(250):
        k = torch.randint(len(p), (512,))
        loss = (network.inside(p[k]) - d[k]).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network, loss.item()


def test_fourier_features_learn_detail_that_a_plain_network_does_not():
    (network, with_features), (_, without) = learned(4), learned(0)
    assert with_features < 0.6 * without
    p = shapes.grid_points(LOW, HIGH, 16)
    assert (network(p) - bricks(p)).abs().mean() < 0.02 * 4


def test_outside_of_its_box_a_network_is_a_safe_bound():
    network = shapes.ShapeMLP(LOW, HIGH, hidden=8)
    p = 40 * random(200, 3) - 20
    way = (p - torch.minimum(torch.maximum(p, torch.tensor(LOW)), torch.tensor(HIGH))).norm(dim=1)
    d = network(p)
    assert d.shape == (200,) and (d[way > 0] >= way[way > 0] - 1e-5).all()
    assert (network(p.requires_grad_()).sum().backward(), p.grad.isfinite().all())[1]


def test_wrong_arguments_get_one_sentence():
    with refused("floats"):
        shapes.positional_encoding(torch.zeros(3, dtype=torch.int64))
    with refused("frequencies"):
        shapes.positional_encoding(torch.zeros(3), -1)
    with refused("low < high"):
        shapes.ShapeMLP(HIGH, LOW)
    with refused("layers"):
        shapes.ShapeMLP(LOW, HIGH, layers=1)
    with refused(r"\(\.\.\., 3\)"):
        shapes.ShapeMLP(LOW, HIGH)(torch.zeros(4, 2))
    with refused("number of points"):
        shapes.sample_points(bricks, 0, LOW, HIGH)
    with refused("share"):
        shapes.sample_points(bricks, 10, LOW, HIGH, near=2)
    with refused("empty"):
        shapes.sample_points(lambda p: torch.full_like(p[..., 0], 9.0), 100, LOW, HIGH)
    assert len(shapes.sample_points(bricks, 10, LOW, HIGH, near=0)) == 10
