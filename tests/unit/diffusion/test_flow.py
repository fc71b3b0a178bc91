"""Flow matching: paths, the loss and its minimum, and what follows from a velocity."""

import math

import pytest
import torch

from imagegen_lessons import diffusion
from imagegen_lessons.runtime import generator
from tests.unit.helpers import refused


@pytest.mark.parametrize("shape", [(5, 2), (5, 3, 4, 4)])
def test_a_path_runs_straight_from_noise_to_data(shape):
    z, x = torch.randn(shape, generator=generator(1)), torch.randn(shape, generator=generator(2))
    t = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    x_t = diffusion.interpolate(x, z, t)
    torch.testing.assert_close(x_t[0], z[0])
    torch.testing.assert_close(x_t[-1], x[-1])
    torch.testing.assert_close(x_t[1], 0.75 * z[1] + 0.25 * x[1])


@pytest.mark.parametrize(
    ("t", "message"),
    [
        (torch.tensor([0.5, 1.5]), r"1\.5 is outside"),
        (torch.tensor([-0.1, 0.5]), r"-0\.1 is outside"),
        (torch.tensor([0.5, math.nan]), "nan is outside"),
        (torch.tensor([0.5]), "1 times for 2 samples"),
        (torch.tensor([[0.5], [0.5]]), r"not torch\.float32 \(2, 1\)"),
        (torch.tensor([0, 1]), "not torch.int64"),
        (0.5, "not 0.5"),
    ],
)
def test_times_that_are_none_get_one_sentence(t, message):
    with refused(message):
        diffusion.interpolate(torch.zeros(2, 3), torch.zeros(2, 3), t)


def test_the_loss_is_the_mean_squared_error_of_the_velocity():
    x, z, t = torch.randn(6, 3), torch.randn(6, 3), torch.rand(6)
    torch.testing.assert_close(diffusion.flow_matching_loss(lambda x_t, t: x - z, x, z, t), torch.tensor(0.0))
    one_off = diffusion.flow_matching_loss(lambda x_t, t: x - z + 1, x, z, t)
    torch.testing.assert_close(one_off, torch.tensor(1.0))


def test_conditions_reach_the_network():
    seen = []
    diffusion.flow_matching_loss(
        lambda x_t, t, y: seen.append(y) or x_t, torch.zeros(2, 3), torch.zeros(2, 3), torch.rand(2), "labels"
    )
    assert seen == ["labels"]


def test_its_minimum_is_the_conditional_mean():
    """Data and noise standard normal: then E[x - z | x_t] is linear in x_t, and known exactly."""
    rng = generator(3)
    x, z, t = (draw(200_000, generator=rng) for draw in (torch.randn, torch.randn, torch.rand))
    x, z = x[:, None], z[:, None]

    def exact(x_t, t):
        t = t[:, None]
        return (2 * t - 1) / (t**2 + (1 - t) ** 2) * x_t

    least = diffusion.flow_matching_loss(exact, x, z, t)
    for other in (
        lambda x_t, t: 1.1 * exact(x_t, t),
        lambda x_t, t: exact(x_t, t) + 0.1,
        lambda x_t, t: 0 * x_t,
    ):
        assert diffusion.flow_matching_loss(other, x, z, t) > least
    expected = (
        1 / (t**2 + (1 - t) ** 2)
    ).mean()  # the variance that is left: 2 - (2t - 1)² / (t² + (1 - t)²)
    torch.testing.assert_close(least, expected, rtol=0.01, atol=0)


def test_both_ends_follow_from_a_velocity_and_back():
    z, x, t = torch.randn(4, 3, 8, 8), torch.randn(4, 3, 8, 8), torch.tensor([0.1, 0.4, 0.7, 1.0])
    x_t, v = diffusion.interpolate(x, z, t), x - z
    x_hat, z_hat = diffusion.predictions(v, x_t, t)
    torch.testing.assert_close(x_hat, x)
    torch.testing.assert_close(z_hat, z, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(diffusion.velocity_from_noise(z, x_t, t), v, rtol=1e-3, atol=1e-4)
    with refused("At time 0"):
        diffusion.velocity_from_noise(z, x_t, torch.zeros(4))


def test_logit_normal_times_are_symmetric_and_inside():
    torch.manual_seed(0)
    t = diffusion.logit_normal(50_000)
    assert t.min() > 0 and t.max() < 1
    assert abs(t.mean().item() - 0.5) < 0.01 and 0.2 < t.std() < 0.22  # more in the middle than uniform, 0.29
    with refused("number of times"):
        diffusion.logit_normal(0)


class Table:
    """Logits that are the same everywhere, and what they were asked."""

    def __init__(self, *logits):
        self.values, self.asked = torch.tensor(logits), []

    def logits(self, x_t, t, *conditions):
        self.asked.append((x_t, t, conditions))
        return self.values[:, None, None].expand(len(x_t), -1, *x_t.shape[2:])


def one_hot(categories, k):
    return torch.nn.functional.one_hot(categories, k).movedim(-1, 1).float()


def test_the_categorical_loss_is_the_cross_entropy_of_the_logits_on_the_path():
    x, z, t = one_hot(torch.tensor([[[0, 1], [1, 1]]]), 3), torch.randn(1, 3, 2, 2), torch.tensor([0.25])
    network = Table(0.0, 1.0, 2.0)
    loss = diffusion.categorical_loss(network, x, z, t, "labels")
    total = math.log(sum(math.exp(v) for v in (0, 1, 2)))
    assert loss.item() == pytest.approx(total - 3 / 4)  # one place of logit 0, three of logit 1
    ((x_t, asked, conditions),) = network.asked
    torch.testing.assert_close(x_t, 0.25 * x + 0.75 * z)
    assert torch.equal(asked, t) and conditions == ("labels",)


def test_its_minimum_are_the_shares_of_the_categories():
    x = one_hot(torch.tensor([0] * 6 + [1] * 3 + [2]).view(1, 2, 5), 3)
    z, t = torch.zeros_like(x), torch.tensor([0.0])

    def loss(*shares):
        return diffusion.categorical_loss(Table(*map(math.log, shares)), x, z, t)

    assert all(loss(0.6, 0.3, 0.1) < loss(*other) for other in ((0.5, 0.3, 0.2), (0.7, 0.2, 0.1)))


@pytest.mark.parametrize("x", [torch.full((1, 2, 2, 2), 0.5), torch.zeros(1, 2, 2, 2), torch.zeros(3)])
def test_maps_that_are_not_one_hot_get_one_sentence(x):
    with refused("One-hot"):
        diffusion.categorical_loss(Table(0.0, 0.0), x, torch.zeros_like(x), torch.zeros(len(x)))
