"""Volume rendering against formulas and a loop, the grid against scipy, and a field that learns a ball from views."""

import math

import numpy as np
import pytest
import scipy.ndimage
import torch

from imagegen_lessons import shapes
from tests.unit.helpers import random, refused

BOX = (-1.0, -0.5, -2.0), (1.0, 0.5, 2.0)


def test_weights_are_those_of_a_loop():
    density, steps = 3 * random(7, 9).double(), random(7, 9, seed=1).double()
    weights, transmittance = shapes.volume_weights(density, steps)
    light = torch.ones(7, dtype=torch.float64)
    for k in range(9):
        alpha = 1 - torch.exp(-density[:, k] * steps[:, k])
        torch.testing.assert_close(transmittance[:, k], light)
        torch.testing.assert_close(weights[:, k], light * alpha)
        light = light * (1 - alpha)
    torch.testing.assert_close(weights.sum(1) + light, torch.ones(7, dtype=torch.float64))


def test_fog_of_one_density_hides_as_beer_and_lambert_say():
    density, steps = torch.full((50,), 0.7), torch.full((50,), 0.1)
    weights, _ = shapes.volume_weights(density, steps)
    assert weights.sum().item() == pytest.approx(1 - math.exp(-0.7 * 5), rel=1e-5)
    wall, _ = shapes.volume_weights(torch.tensor([0.0, 1e6, 1e6]), torch.ones(3))
    assert wall.tolist() == [0, 1, 0]  # only the first wall is seen
    assert shapes.volume_weights(torch.zeros(5), torch.ones(5))[0].sum() == 0


def test_the_grid_interpolates_as_scipy_does():
    grid = shapes.RadianceGrid(*BOX, resolution=6)
    with torch.no_grad():
        grid.values.copy_(4 * random(1, 4, 6, 6, 6) - 2)
    low, high = np.array(BOX)
    p = torch.tensor(low + (high - low) * np.random.default_rng(0).random((40, 3)), dtype=torch.float32)
    density, colour = grid(p)
    places = ((p.numpy() - low) / (high - low) * 5)[:, ::-1].T  # grid_sample has z first
    raw = [scipy.ndimage.map_coordinates(part, places, order=1) for part in grid.values[0].detach().numpy()]
    expected = np.log1p(np.exp(raw[0] - 6)) * 6 / 4  # softplus, for each of 6 cells on 4 metres
    np.testing.assert_allclose(density.detach().numpy(), expected, rtol=1e-3)
    np.testing.assert_allclose(colour.detach().numpy().T, 1 / (1 + np.exp(-np.array(raw[1:]))), rtol=1e-3)
    assert (grid(p + torch.tensor([5.0, 0, 0]))[0] == 0).all()


def test_rays_cross_the_box_where_geometry_says():
    grid = shapes.RadianceGrid(*BOX, resolution=4)
    o = torch.tensor([[0.0, 0, 5], [-4, 0, 0], [0, 0, 0], [0, 3, 5], [0, 0, 5]])
    d = torch.tensor([[0.0, 0, -1], [1, 0, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]])
    enter, leave = grid.crossing(o, d)
    assert enter[:3].tolist() == pytest.approx([3, 3, 0]) and leave[:3].tolist() == pytest.approx([7, 5, 0.5])
    assert torch.equal(enter[3:], leave[3:])  # past it, and away from it


def test_an_opaque_box_hides_the_background_and_an_empty_one_shows_it():
    grid = shapes.RadianceGrid(*BOX, resolution=4)
    o, d = torch.tensor([[0.0, 0, 5], [0, 3, 5]]), torch.tensor([[0.0, 0, -1], [0, 0, -1]])
    with torch.no_grad():
        grid.values[:, 0] = 50
        grid.values[:, 1] = 9  # red
        grid.values[:, 2:] = -9
    colours, opacity = shapes.render_rays(grid, o, d, background=(0, 0, 1))
    torch.testing.assert_close(colours, torch.tensor([[1.0, 0, 0], [0, 0, 1]]), atol=1e-3, rtol=0)
    torch.testing.assert_close(opacity, torch.tensor([1.0, 0.0]), atol=1e-5, rtol=0)
    with torch.no_grad():
        grid.values[:, 0] = -50
    assert shapes.render_rays(grid, o, d, background=(0, 0, 1))[0].tolist() == [[0, 0, 1], [0, 0, 1]]


def test_total_variation_is_the_mean_of_squared_steps():
    x = random(1, 2, 3, 4, 5).double()
    expected = sum(np.square(np.diff(x.numpy(), axis=axis)).mean() for axis in (2, 3, 4))
    assert shapes.total_variation(x).item() == pytest.approx(expected)


def test_a_field_learns_a_ball_and_shows_it_from_where_nobody_stood():
    def ball(p):
        return shapes.sphere(p, 0.7)

    def colour(p):
        return (0.5 + 0.5 * p).clamp(0, 1)

    cameras = [shapes.orbit((0, 0, 0), 4, 40 * k, (-30, 10, 45)[k % 3], 35) for k in range(9)]
    held_out = shapes.orbit((0, 0, 0), 4, 63, 20, 35)
    views = torch.cat(
        [shapes.render(ball, c, 24, colour, ground=None, background=(1, 1, 1)) for c in [*cameras, held_out]]
    )
    o, d, colours = shapes.rays_of_views(views[:-1], cameras)
    torch.manual_seed(0)
    field = shapes.RadianceGrid((-1, -1, -1), (1, 1, 1), resolution=16)
    optimizer = torch.optim.Adam(field.parameters(), lr=0.5, betas=(0.9, 0.99))

    def decibels():
        return -10 * math.log10((shapes.render_view(field, held_out, 24, 32) - views[-1:]).square().mean())

    before = decibels()
    for _ in range(80):
        k = torch.randint(len(o), (512,))
        x, _ = shapes.render_rays(field, o[k], d[k], samples=24, jitter=True)
        loss = (x - colours[k]).square().mean() + 1e-3 * shapes.total_variation(field.values)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert decibels() > max(24, before + 8)
    x = shapes.render_view(field, held_out, (12, 20))
    assert x.shape == (1, 3, 12, 20) and not x.requires_grad


def test_wrong_arguments_get_one_sentence():
    cameras = [shapes.orbit((0, 0, 0), 4, 0)] * 2
    with refused("0 views"):
        shapes.rays_of_views(torch.zeros(0, 3, 8, 8), [])
    with refused("2 views and 1 cameras"):
        shapes.rays_of_views(torch.zeros(2, 3, 8, 8), cameras[:1])
    with refused("NaN"):
        shapes.rays_of_views(torch.full((2, 3, 8, 8), torch.nan), cameras)
    with refused(r"\(k, 3, h, w\)"):
        shapes.rays_of_views(torch.zeros(2, 8, 8), cameras)
    with refused("one shape"):
        shapes.volume_weights(torch.zeros(3, 4), torch.zeros(3, 5))
    with refused("low < high"):
        shapes.RadianceGrid((1, 1, 1), (0, 0, 0))
    with refused("resolution"):
        shapes.RadianceGrid(*BOX, resolution=1)
    grid = shapes.RadianceGrid(*BOX, resolution=4)
    with refused(r"\(n, 3\)"):
        shapes.render_rays(grid, torch.zeros(2, 2, 3), torch.zeros(2, 2, 3))
    with refused("samples"):
        shapes.render_rays(grid, torch.zeros(2, 3), torch.ones(2, 3), samples=0)
