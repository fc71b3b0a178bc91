"""Samplers: their order against an exact solution, guidance, inpainting, variations, DDIM, and clear sentences."""

import math

import pytest
import torch

from imagegen_lessons import diffusion
from imagegen_lessons.runtime import generator
from tests.unit.helpers import refused


def growth(x, t):
    """dx/dt = x: from z at time 0 to e · z at time 1."""
    return x


def label_velocity(x, t, y=None):
    """Leads everything to the first label; without labels (-1) it stands still."""
    y = torch.full((len(x), 1), -1) if y is None else y
    return torch.where(y < 0, 0.0, y.float()).expand_as(x)


@pytest.mark.parametrize(("step", "order"), [(diffusion.euler_step, 1), (diffusion.heun_step, 2)])
def test_the_error_falls_with_the_order_of_the_method(step, order):
    z = torch.ones(1, 1, dtype=torch.float64)
    errors = [abs(diffusion.sample(growth, z, n, step=step).item() - math.e) for n in (20, 40)]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.1)


def test_a_path_has_all_points_and_may_begin_later():
    z = torch.ones(3, 2)
    way = diffusion.trajectory(growth, z, 4)
    assert len(way) == 5 and torch.equal(way[0], z)
    torch.testing.assert_close(way[2], z * 1.25**2)
    late = diffusion.sample(lambda x, t: torch.ones_like(x), z, 3, start=0.25)
    torch.testing.assert_close(late, z + 0.75)


def test_a_path_needs_no_gradient():
    network = torch.nn.Linear(2, 2)
    assert not diffusion.sample(lambda x, t: network(x), torch.zeros(1, 2), 2).requires_grad


@pytest.mark.parametrize("steps", [0, -1, 2.5, True, "many"])
def test_steps_are_a_whole_number_from_1(steps):
    for sampler in (
        lambda: diffusion.sample(growth, torch.zeros(1, 2), steps),
        lambda: diffusion.inpaint(growth, torch.zeros(1, 2), torch.ones(1, 2), steps),
        lambda: diffusion.vary(growth, torch.zeros(1, 2), 0.5, steps),
    ):
        with refused("number of steps"):
            sampler()


@pytest.mark.parametrize("start", [-0.1, 1.0, math.nan, "now"])
def test_the_start_lies_before_the_end(start):
    with refused("time to start"):
        diffusion.sample(growth, torch.zeros(1, 2), 2, start=start)


def test_guidance_begins_at_free_and_goes_beyond():
    free, conditional = torch.tensor([1.0]), torch.tensor([3.0])
    assert [diffusion.guidance(free, conditional, s).item() for s in (0, 1, 2)] == [1, 3, 5]


@pytest.mark.parametrize(("scale", "end"), [(0, 0.0), (1, 2.0), (3, 6.0)])
def test_a_guided_velocity_asks_with_labels_and_without(scale, end):
    y = torch.full((5, 1), 2)
    x = diffusion.sample(diffusion.guided(label_velocity, y, scale), torch.zeros(5, 3), 4)
    torch.testing.assert_close(x, torch.full((5, 3), end))


@pytest.mark.parametrize("scale", [1e9, -1, math.nan, math.inf, "much", True])
def test_a_scale_that_is_none_gets_one_sentence(scale):
    with refused("scale of guidance"):
        diffusion.guided(label_velocity, torch.zeros(1, 1, dtype=torch.long), scale)


def towards_white(x, t):
    """A flow whose data are all 1."""
    return (1 - x) / (1 - t).view(-1, *[1] * (x.dim() - 1)).clamp(min=0.01)


@pytest.mark.parametrize("mask_shape", [(8, 8), (1, 8, 8), (2, 3, 8, 8)])
def test_inpainting_leaves_what_is_visible_and_fills_the_rest(mask_shape):
    x = torch.randn(2, 3, 8, 8, generator=generator(1))
    mask = torch.ones(mask_shape)
    mask[..., 2:5, :] = 0
    filled = diffusion.inpaint(towards_white, x, mask, 10, rng=generator(2))
    visible = mask.bool().expand_as(x)
    assert torch.equal(filled[visible], x[visible])
    assert (filled[~visible] - 1).abs().max() < 0.05
    again = diffusion.inpaint(towards_white, x, mask.bool(), 10, rng=generator(2))
    assert torch.equal(filled, again)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.ones(9, 9), "does not fit"),
        (torch.ones(5, 2, 3, 8, 8), "does not fit"),
        (torch.full((8, 8), 0.5), "1 where the picture is visible"),
        (torch.full((8, 8), math.nan), "1 where the picture is visible"),
        ([[1]], "not a list"),
    ],
)
def test_a_mask_that_is_none_gets_one_sentence(mask, message):
    with refused(message):
        diffusion.inpaint(towards_white, torch.zeros(2, 3, 8, 8), mask, 2)


def test_variations_keep_less_with_more_strength():
    x = torch.zeros(200, 4)
    torch.manual_seed(0)
    moved = [diffusion.vary(lambda x, t: 0 * x, x, s).std().item() for s in (0.1, 0.5, 1.0)]
    assert moved == pytest.approx([0.1, 0.5, 1.0], rel=0.1)
    for strength in (0, -0.1, 1.1, math.nan, "half"):
        with refused("strength"):
            diffusion.vary(growth, x, strength)


def test_ddim_is_eulers_method_in_other_variables():
    """One network, used as DDPM uses it and as flow matching does, goes the same way."""
    torch.manual_seed(1)
    network = diffusion.VelocityMLP(3).double()
    mixtures = [(math.cos(a), math.sin(a)) for a in torch.linspace(1.5, 0, 12).tolist()]
    z = torch.randn(6, 3, dtype=torch.float64)
    ddim, euler = z, z / sum(mixtures[0])
    with torch.no_grad():
        for now, then in zip(mixtures, mixtures[1:], strict=False):
            t, t_then = (signal / (signal + sigma) for signal, sigma in (now, then))
            times = torch.full((6,), t, dtype=torch.float64)
            x_t = ddim / sum(now)
            noise = diffusion.predictions(network(x_t, times), x_t, times)[1]
            ddim = diffusion.ddim_step(noise, ddim, now, then)
            euler = diffusion.euler_step(network, euler, times, t_then - t)
    torch.testing.assert_close(ddim, euler, rtol=1e-9, atol=1e-9)
