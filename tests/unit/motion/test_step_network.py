"""The learned step of a fluid: what its form guarantees, what it is trained on, and that it learns."""

import pytest
import torch

from imagegen_lessons import motion
from tests.unit.helpers import random, refused


def perturbed(**settings):
    """A network that does something, whatever that is."""
    torch.manual_seed(0)
    network = motion.FluidNetwork(hidden=8, **settings)
    torch.nn.init.normal_(network.last.weight, std=0.1)
    return network


def some_fluid(n=2, size=32, seed=0):
    """A Fluid as the solver might have made it: without divergence."""
    x = torch.nn.functional.interpolate(
        random(n, 4, size // 8, size // 8, seed=seed), scale_factor=8, mode="bilinear"
    )
    return motion.Fluid(motion.project(4 * x[:, :2]), x[:, 2:3], x[:, 3:])


WIND, FUEL = torch.tensor([0.2, -0.3]), torch.tensor([0.05, 0.1])


def test_a_stream_function_makes_no_divergence_and_turns_around_its_hill():
    stream = random(2, 1, 24, 40).double()
    velocity = motion.from_stream(stream)
    assert velocity.abs().max() > 0.1 and motion.divergence(velocity).abs().max() < 1e-12
    y, x = torch.meshgrid(torch.arange(32.0) - 16, torch.arange(32.0) - 16, indexing="ij")
    hill = torch.exp(-(x**2 + y**2) / 30)[None, None]
    assert motion.curl(motion.from_stream(hill))[0, 0, 16, 16] > 0  # clockwise
    torch.testing.assert_close(
        motion.project(motion.from_stream(hill)), motion.from_stream(hill), atol=1e-6, rtol=0
    )


def test_whatever_it_says_the_network_with_a_stream_function_makes_no_divergence():
    network, plain = perturbed(), perturbed(stream=False)
    fluid = some_fluid()
    with torch.no_grad():
        ours, other = network(fluid, WIND, FUEL), plain(fluid, WIND, FUEL)
    assert ours.velocity.abs().max() > 0.5
    assert motion.divergence(ours.velocity).abs().max() < 3e-6
    assert motion.divergence(other.velocity).abs().mean() > 1e-2


def test_untrained_all_is_carried_along_and_a_little_is_lost():
    fluid = some_fluid()
    after = motion.FluidNetwork()(fluid, WIND, FUEL)
    carrier = fluid.velocity + torch.stack([WIND, 0 * WIND], dim=1)[:, :, None, None]
    carried = motion.advect(motion.to_maps(fluid), 4 * carrier)
    torch.testing.assert_close(after.velocity, motion.project(carried[:, :2]))
    share = torch.sigmoid(torch.tensor(3.0))
    torch.testing.assert_close(after.density, share * carried[:, 2:3])
    torch.testing.assert_close(after.temperature, share * carried[:, 3:])


def test_smoke_and_heat_stay_between_nothing_and_all():
    after = perturbed()(some_fluid(), WIND, FUEL)
    for x in (after.density, after.temperature):
        assert x.min() >= 0 and x.max() <= 1


def test_left_and_right_meet():
    """Moved to the right by a place of the coarsest map, all comes out as before and moved."""
    network, fluid = perturbed(), some_fluid(size=32)
    moved = motion.from_maps(motion.to_maps(fluid).roll(8, -1))
    with torch.no_grad():
        expected = motion.to_maps(network(fluid, WIND, FUEL)).roll(8, -1)
        torch.testing.assert_close(motion.to_maps(network(moved, WIND, FUEL)), expected, atol=1e-4, rtol=1e-4)


def test_wind_and_fuel_are_heard_and_fluids_of_a_batch_do_not_mix():
    network, fluid = perturbed(), some_fluid()
    with torch.no_grad():
        both = network(fluid, WIND, FUEL)
        assert (network(fluid, WIND, 2 * FUEL).velocity - both.velocity).abs().mean() > 1e-4
        assert (network(fluid, -WIND, FUEL).density - both.density).abs().mean() > 1e-3
        one = motion.from_maps(motion.to_maps(fluid)[1:])
        alone = network(one, WIND[1:], FUEL[1:])
    torch.testing.assert_close(both.velocity[1:], alone.velocity, atol=1e-5, rtol=1e-4)


def test_weights_are_few_and_sizes_are_free():
    network = motion.FluidNetwork()
    assert sum(p.numel() for p in network.parameters()) <= 100_000
    fluid = motion.still_air(1, (24, 40))
    assert network(fluid, WIND[:1], FUEL[:1]).velocity.shape == (1, 2, 24, 40)


def test_the_solver_takes_four_steps_each_with_its_own_wind_and_fuel():
    fluid = some_fluid()
    after = motion.to_maps(motion.solver_steps(fluid, WIND, FUEL))
    for k in range(2):
        one = motion.from_maps(motion.to_maps(fluid)[k : k + 1])
        for _ in range(motion.STRIDE):
            one = motion.step(one, buoyancy=FUEL[k].item(), wind=WIND[k].item())
        torch.testing.assert_close(after[k : k + 1], motion.to_maps(one))


def test_fires_are_the_same_for_a_seed_and_burn_below():
    mask, wind, fuel = motion.sample_fires(20, 32, seed=3)
    assert torch.equal(mask, motion.sample_fires(20, 32, seed=3)[0])
    assert torch.equal(mask[:2], motion.sample_fires(2, 32, seed=3)[0])
    assert mask.shape == (20, 1, 32, 32) and set(mask.unique().tolist()) == {0, 1}
    assert mask.sum(dim=(1, 2, 3)).min() >= 1 and mask[..., :16, :].sum() == 0
    assert wind.abs().max() <= 0.4 and fuel.min() >= 0.02 and fuel.max() <= 0.12


def test_a_film_begins_with_its_start_and_is_fed_at_the_mask():
    mask, wind, fuel = motion.sample_fires(2, 32)
    film = motion.film(motion.solver_steps, mask, wind, fuel, frames=3)
    assert film.shape == (2, 3, 4, 32, 32) and film[:, 0].abs().max() == 0
    fed = motion.add_source(motion.from_maps(film[:, 1]), mask)
    torch.testing.assert_close(film[:, 2], motion.to_maps(motion.solver_steps(fed, wind, fuel)))
    again = motion.film(motion.solver_steps, mask, wind, fuel, frames=2, start=motion.from_maps(film[:, 1]))
    torch.testing.assert_close(again, film[:, 1:])


def test_the_loss_is_zero_for_the_truth_and_goes_on_from_its_own_outputs():
    mask, wind, fuel = motion.sample_fires(2, 32)
    film = motion.film(motion.solver_steps, mask, wind, fuel, frames=5)[:, 1:]
    assert motion.film_loss(motion.solver_steps, film, mask, wind, fuel) < 1e-10
    network = perturbed()
    second = motion.film(network, mask, wind, fuel, frames=3, start=motion.from_maps(film[:, 0]))
    weights = torch.tensor([4.0, 4.0, 16.0, 8.0])[:, None, None]
    expected = ((second[:, 1:] - film[:, 1:3]).square() * weights).mean()
    torch.testing.assert_close(motion.film_loss(network, film[:, :3], mask, wind, fuel), expected)


def test_it_learns_the_step():
    torch.manual_seed(0)
    mask, wind, fuel = motion.sample_fires(6, 32)
    film = motion.film(motion.solver_steps, mask, wind, fuel, frames=12)
    network = motion.FluidNetwork(hidden=8)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for k in range(80):
        loss = motion.film_loss(network, film[:, 2 + k % 8 : 5 + k % 8], mask, wind, fuel)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-8:]) < 0.6 * sum(losses[:8])


AIR = motion.still_air(2, 16)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda f: f(motion.still_air(2, (16, 20)), WIND, FUEL), "multiples of 8"),
        (lambda f: f(AIR, WIND[:1], FUEL), "Wind"),
        (lambda f: f(AIR, WIND, 0.1), "Fuel .* not float"),
        (lambda f: f(AIR, WIND, FUEL.long()), "Fuel"),
        (lambda f: f(torch.zeros(2, 4, 16, 16), WIND, FUEL), "Fluid"),
        (lambda _: motion.FluidNetwork(hidden=1), "hidden"),
        (lambda _: motion.sample_fires(0), "number of fires"),
        (lambda _: motion.sample_fires(1, 8), "size of fires"),
        (lambda _: motion.sample_fires(1, seed=-1), "seed"),
        (lambda f: motion.film(f, *motion.sample_fires(2, 16), frames=0), "number of frames"),
    ],
)
def test_what_does_not_fit_is_refused(call, says):
    with refused(says):
        call(motion.FluidNetwork(2))
