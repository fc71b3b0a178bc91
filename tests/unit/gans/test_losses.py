"""Losses, the gradient penalty, and the directions of descent."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from imagegen_lessons import gans

REAL = torch.tensor([2.0, -1.0, 0.5])
FAKE = torch.tensor([-3.0, 0.2, 1.0])


def test_classic_losses_are_cross_entropies():
    one, zero = torch.ones(3), torch.zeros(3)
    expected = cross_entropy(REAL, one) + cross_entropy(FAKE, zero)
    torch.testing.assert_close(gans.d_loss_logistic(REAL, FAKE), expected)
    torch.testing.assert_close(gans.g_loss_non_saturating(REAL, FAKE), cross_entropy(FAKE, one))
    torch.testing.assert_close(gans.g_loss_minimax(REAL, FAKE), -cross_entropy(FAKE, zero))


def test_relativistic_losses_look_only_at_differences():
    d_loss, g_loss = gans.RELATIVISTIC
    torch.testing.assert_close(d_loss(REAL, FAKE), cross_entropy(REAL - FAKE, torch.ones(3)))
    torch.testing.assert_close(g_loss(REAL, FAKE), d_loss(FAKE, REAL))
    torch.testing.assert_close(d_loss(REAL + 7, FAKE + 7), d_loss(REAL, FAKE))


@pytest.mark.parametrize("losses", [gans.MINIMAX, gans.NON_SATURATING, gans.RELATIVISTIC])
def test_losses_stay_finite_where_d_is_certain(losses):
    for loss in losses:
        assert loss(torch.tensor([1e4]), torch.tensor([-1e4])).isfinite()


def test_the_penalty_of_a_linear_score_is_its_slope_squared_and_trains_d():
    slope = torch.tensor([3.0, 4.0], requires_grad=True)
    x = torch.randn(6, 2, requires_grad=True)
    penalty = gans.r1_penalty(x @ slope, x)
    torch.testing.assert_close(penalty, torch.tensor(25.0))
    penalty.backward()
    torch.testing.assert_close(slope.grad, torch.tensor([6.0, 8.0]))


def test_the_penalty_sums_over_all_pixels_of_an_image():
    x = torch.rand(4, 3, 8, 8, requires_grad=True)
    penalty = gans.r1_penalty(x.square().flatten(1).sum(1, keepdim=True), x)
    torch.testing.assert_close(penalty, (2 * x).square().flatten(1).sum(1).mean())


def test_descent_directions_point_where_the_score_rises_whatever_the_batch_size():
    fake = torch.randn(5, 2)

    def D(x):
        return x[:, :1]

    for g_loss, real in [
        (gans.g_loss_minimax, None),
        (gans.g_loss_non_saturating, None),
        (gans.g_loss_relativistic, fake + 1),
    ]:
        direction = gans.descent_directions(D, fake, g_loss, real)
        assert direction.shape == (5, 2) and (direction[:, 0] > 0).all() and (direction[:, 1] == 0).all()
    once, twice = (
        gans.descent_directions(D, x, gans.g_loss_minimax) for x in (fake, torch.cat([fake, fake]))
    )
    torch.testing.assert_close(twice[:5], once)
