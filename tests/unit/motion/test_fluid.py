"""The fluid: each part against SciPy, NumPy and flows that are known; then what smoke must and must not do."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from imagegen_lessons import motion
from tests.unit.helpers import random, refused


def smooth(*shape, seed=0, width=2.0):
    """Random maps without sharp edges, whose sides meet, from about -1 to 1."""
    x = random(*shape, seed=seed).double() - 0.5
    x = scipy.ndimage.gaussian_filter(x.numpy(), (0, 0, width, width), mode="wrap")
    return torch.from_numpy(x / np.abs(x).max())


def disc(column, row, radius, size=64):
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return (torch.hypot(x - column + 0.0, y - row + 0.0) < radius).float()[None, None]


def burning(steps, mask=None, size=64, **settings):
    """Smoke above a source near the ground, after so many steps."""
    fluid, mask = motion.still_air(1, size), disc(31.5, 51.5, 4.2) if mask is None else mask
    for _ in range(steps):
        fluid = motion.step(motion.add_source(fluid, mask), **settings)
    return fluid


def centre(density):
    """The mean column and row of smoke (1, 1, h, w)."""
    mass = density[0, 0] / density.sum()
    rows, columns = (torch.arange(side, dtype=mass.dtype) for side in mass.shape)
    return (mass.sum(0) * columns).sum().item(), (mass.sum(1) * rows).sum().item()


# ---- The parts ------------------------------------------------------------------------------------------------


def test_advection_fetches_what_scipy_finds_upstream():
    x, velocity = random(2, 3, 13, 10), 12 * random(2, 2, 13, 10, seed=1) - 6
    rows, columns = np.mgrid[:13, :10]
    carried = motion.advect(x, velocity)
    for k in range(2):
        up = np.clip(rows - velocity[k, 1].numpy(), 0, 12)
        across = columns - velocity[k, 0].numpy()
        for channel, ours in zip(x[k], carried[k], strict=True):
            # SciPy wraps both ways or none: here rows are clipped before, and never wrap.
            expected = scipy.ndimage.map_coordinates(channel.numpy(), [up, across], order=1, mode="grid-wrap")
            np.testing.assert_allclose(ours, expected, atol=2e-5)


def test_whole_pixels_are_carried_exactly_and_around_the_sides():
    x = random(1, 2, 16, 20)
    wind = torch.zeros(1, 2, 16, 20)
    wind[:, 0] = 23
    torch.testing.assert_close(motion.advect(x, wind), x.roll(3, -1), atol=1e-5, rtol=0)
    falling = torch.zeros(1, 2, 16, 20)
    falling[:, 1] = 2
    expected = torch.cat([x[:, :, :1], x[:, :, :1], x[:, :, :-2]], dim=2)
    torch.testing.assert_close(motion.advect(x, falling), expected, atol=1e-5, rtol=0)


def test_an_even_wind_loses_no_smoke_and_advection_makes_no_new_extremes():
    x, wind = random(1, 1, 32, 32).double(), torch.zeros(1, 2, 32, 32).double()
    wind[:, 0] = 0.37
    assert motion.advect(x, wind).sum() == pytest.approx(x.sum().item())
    stirred = motion.advect(x, 5 * smooth(1, 2, 32, 32))
    assert x.min() <= stirred.min() and stirred.max() <= x.max()


@pytest.mark.parametrize("size", [(64, 64), (48, 33), (31, 40)])
def test_projection_leaves_no_divergence_and_is_done_in_one_go(size):
    velocity = smooth(2, 2, *size).float()
    free = motion.project(velocity)
    assert motion.divergence(velocity).abs().max() > 0.05
    assert motion.divergence(free).abs().max() < 1e-6
    torch.testing.assert_close(motion.project(free), free, atol=1e-6, rtol=0)
    assert free.mean(dim=(2, 3)).abs().max() < 1e-6
    assert free.square().sum() < velocity.square().sum()  # it takes energy away, and adds none


def test_projection_takes_all_of_a_slope_and_nothing_of_an_eddy():
    hill = smooth(1, 1, 40, 40)
    right, down = ((hill.roll(-1, d) - hill.roll(1, d)) / 2 for d in (-1, -2))
    slope, eddy = torch.cat([right, down], 1), torch.cat([down, -right], 1)
    assert motion.divergence(eddy).abs().max() < 1e-12
    torch.testing.assert_close(motion.project(slope + eddy), eddy)


def test_divergence_and_curl_of_known_flows():
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    source, turning = torch.stack([x, y])[None], torch.stack([-y, x])[None]  # to the right below: clockwise
    inside = (..., slice(1, -1), slice(1, -1))
    assert (motion.divergence(source)[inside] == 2).all() and (motion.curl(source)[inside] == 0).all()
    assert (motion.curl(turning)[inside] == 2).all() and (motion.divergence(turning)[inside] == 0).all()


def test_taylor_green_eddies_stand_still_the_better_the_finer_the_pixels():
    """An exact solution of the equations without friction: carried by itself and projected, it does not change."""
    lost = []
    for size in (32, 64):
        angle = 2 * torch.pi * torch.arange(size, dtype=torch.float64) / size
        x, y = angle[None, :], angle[:, None]
        start = torch.stack([torch.sin(x) * torch.cos(y), -torch.cos(x) * torch.sin(y)])[None] * size / 64
        velocity = start
        for _ in range(10):  # the same way, measured in eddies
            # Advection has walls above and below: the eddies are repeated there.
            tall = torch.cat([velocity] * 3, dim=2)
            velocity = motion.project(motion.advect(tall, tall)[:, :, size : 2 * size])
        lost.append(((velocity - start).square().mean() / start.square().mean()).sqrt().item())
    assert lost[0] < 0.15 and lost[1] < 0.6 * lost[0]


@pytest.mark.parametrize("sense", [1, -1])
def test_confinement_pushes_an_eddy_the_way_it_turns(sense):
    y, x = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(41.0) - 20, indexing="ij")
    eddy = sense * torch.stack([-y, x])[None] * torch.exp(-(x**2 + y**2) / 50)
    force = motion.confinement(eddy)
    near = (x**2 + y**2 < 25) & (x**2 + y**2 > 2)
    work = (force * eddy).sum(1)[0]
    assert (work[near] > 0).all()
    along = (force[0, 0] * x + force[0, 1] * y).abs()  # towards the middle or away: nothing
    assert along[near].max() < 0.1 * (force[0].norm(dim=0) * x.hypot(y))[near].max()


# ---- The whole ------------------------------------------------------------------------------------------------


def test_hot_smoke_rises_straight_up_and_stays_symmetric():
    fluid = burning(40)
    column, row = centre(fluid.density)
    assert abs(column - 31.5) < 0.01 and row < 47
    torch.testing.assert_close(fluid.density, fluid.density.flip(-1), atol=1e-3, rtol=0)
    assert fluid.velocity[0, 1, 40, 30:34].max() < -0.5  # up, above the source


def test_cold_smoke_stays_where_it_is():
    fluid, mask = motion.still_air(), disc(32, 32, 6)
    fluid = motion.add_source(fluid, mask, density=0.5, temperature=0)
    for _ in range(5):
        fluid = motion.step(fluid, fading=0.1)
    torch.testing.assert_close(fluid.density, mask * 0.5 * 0.9**5, atol=1e-5, rtol=0)
    assert fluid.velocity.abs().max() == 0


def test_heat_and_smoke_are_lost_each_at_its_rate():
    fluid = motion.add_source(motion.still_air(), disc(32, 32, 6))
    fluid = motion.step(fluid, buoyancy=0, cooling=0.3, fading=0.05)
    assert fluid.temperature.max().item() == pytest.approx(0.7)
    assert fluid.density.max().item() == pytest.approx(0.95)


def test_left_and_right_are_alike_and_meet():
    mask = random(1, 1, 64, 64) * disc(20, 50, 6)
    fluid, mirrored, moved = (
        burning(15, m, wind=w) for m, w in ((mask, 0.3), (mask.flip(-1), -0.3), (mask, 0.3))
    )
    assert torch.equal(fluid.density, moved.density)
    torch.testing.assert_close(mirrored.density.flip(-1), fluid.density, atol=1e-3, rtol=0)
    shifted = burning(15, mask.roll(30, -1), wind=0.3)
    torch.testing.assert_close(shifted.density.roll(-30, -1), fluid.density, atol=1e-3, rtol=0)


def test_the_wind_bends_the_smoke():
    columns = [centre(burning(15, wind=wind).density)[0] for wind in (-0.4, 0, 0.4)]
    assert columns[0] < columns[1] - 1 and columns[2] > columns[1] + 1


@pytest.mark.parametrize("settings", [{}, {"buoyancy": 0.3, "swirl": 0.5}])
def test_three_hundred_steps_stay_within_bounds_and_nothing_comes_in_from_below(settings):
    torch.manual_seed(0)
    fluid = motion.still_air()
    for _ in range(300):
        fluid = motion.add_source(fluid, disc(31.5 + torch.randn(()), 51.5, 4))
        fluid = motion.step(fluid, **settings)
        assert motion.divergence(fluid.velocity).abs().max() < 1e-5
    for x in (fluid.density, fluid.temperature):
        assert x.min() >= 0 and x.max() <= 1
    assert fluid.velocity.abs().max() < 8
    assert fluid.density[..., :2, :].max() < 0.02 and fluid.density[..., 60:, :].max() < 0.05
    assert fluid.density[..., 30:48, :].max() > 0.5  # and it still burns


def test_fluids_of_a_batch_do_not_mix():
    masks = torch.cat([disc(20, 50, 4), disc(40, 45, 6), 0 * disc(1, 1, 1)])
    together = motion.still_air(3, 64)
    for _ in range(10):
        together = motion.step(motion.add_source(together, masks))
    alone = burning(10, masks[1:2])
    torch.testing.assert_close(together.velocity[1:2], alone.velocity, atol=1e-5, rtol=0)
    assert together.velocity[2].abs().max() == 0


def test_a_source_fills_up_and_never_takes_away():
    mask = torch.linspace(0, 1, 64).expand(1, 1, 64, 64)
    once = motion.add_source(motion.still_air(), mask, density=0.8, temperature=0.5)
    torch.testing.assert_close(once.density, 0.8 * mask)
    torch.testing.assert_close(once.temperature, 0.5 * mask)
    again = motion.add_source(once, mask, density=0.1, temperature=0.1)
    assert (again.density >= once.density).all() and (again.temperature >= once.temperature).all()


def test_what_happens_can_be_learned_from():
    mask = disc(31.5, 51.5, 4).requires_grad_()
    burning(8, mask).density[..., 30:44, :].sum().backward()
    assert mask.grad.isfinite().all() and mask.grad.abs().max() > 0


AIR, MASK = motion.still_air(2, (16, 24)), torch.zeros(1, 1, 16, 24)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: motion.still_air(0), "number of fluids"),
        (lambda: motion.still_air(1, 7), "size of a fluid"),
        (lambda: motion.still_air(1, (8, 8, 8)), "height, width"),
        (lambda: motion.Fluid(AIR.density, AIR.density, AIR.density), r"velocity .* \(n, 2, h, w\)"),
        (lambda: motion.Fluid(AIR.velocity, AIR.density[:1], AIR.density), r"density .* \(2, 1, 16, 24\)"),
        (lambda: motion.Fluid(AIR.velocity, AIR.density, None), "temperature .* not NoneType"),
        (lambda: motion.Fluid(AIR.velocity[..., :4], AIR.density[..., :4], AIR.density[..., :4]), "8 × 8"),
        (lambda: motion.add_source(AIR, MASK[..., :9]), r"\(2, 1, 16, 24\), not \(1, 1, 16, 9\)"),
        (lambda: motion.add_source(AIR, MASK.bool()), "floats"),
        (lambda: motion.add_source(AIR, MASK, density=-1), "density"),
        (lambda: motion.step(AIR, cooling=1.5), "Cooling"),
        (lambda: motion.step(AIR, fading=-0.1), "Fading"),
        (lambda: motion.step(AIR, swirl=-1), "Swirl"),
        (lambda: motion.step(AIR, wind="strong"), "Wind"),
        (lambda: motion.step(AIR, buoyancy=float("nan")), "Buoyancy"),
    ],
)
def test_refusals(call, says):
    with refused(says):
        call()
