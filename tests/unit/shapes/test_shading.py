"""Light: shadows fall where geometry says, corners are darker, and a picture is a picture."""

import math

import pytest
import torch

from imagegen_lessons import images, shapes
from tests.unit.helpers import refused

CAMERA = shapes.orbit((0, 0.7, 0), 6, azimuth=0, elevation=25)


def ball(p):
    return shapes.sphere(shapes.translate(p, (0, 1, 0)), 1.0)


def test_a_shadow_lies_opposite_to_the_sun_and_is_soft_at_its_edge():
    x = torch.linspace(-6, 6, 241)
    p = torch.stack([x, torch.zeros_like(x), torch.zeros_like(x)], dim=-1)
    seen = shapes.shadow(ball, p, sun=(-1, 1, 0), softness=0.06)
    # Rays at 45 degrees that touch the ball of radius 1 around (0, 1, 0) leave the ground at 1 ± sqrt(2).
    edges = 1 - math.sqrt(2), 1 + math.sqrt(2)
    assert (seen[(x > edges[0] + 0.05) & (x < edges[1] - 0.05)] < 0.01).all()
    assert (seen[(x < edges[0] - 0.6) | (x > edges[1] + 0.6)] > 0.99).all()
    edge = seen[(x > edges[1]) & (x < edges[1] + 0.4)]
    assert (edge.diff() >= -1e-3).all() and ((edge > 0.05) & (edge < 0.95)).sum() >= 2


def test_occlusion_is_one_in_the_open_and_lower_in_a_corner():
    def corner(p):
        return torch.minimum(p[:, 1], p[:, 0])  # a floor and a wall

    p = torch.tensor([[5.0, 0, 0], [0.5, 0, 0], [0.1, 0, 0]])
    up = torch.tensor([[0.0, 1, 0]]).expand(3, 3)
    far, near, nearest = shapes.occlusion(corner, p, up).tolist()
    assert far == pytest.approx(1) and far > near > nearest > 0.2


def test_a_picture_shows_sky_ground_shape_and_shadow():
    x = shapes.render(ball, CAMERA, 64, colour=lambda p: torch.ones_like(p) * p.new_tensor([0.9, 0.1, 0.1]))
    assert x.shape == (1, 3, 64, 64) and x.dtype == torch.float32
    images.check(x)
    red, green, blue = x[0]
    assert blue[0, 32] > red[0, 32]  # sky
    assert red[30, 32] > 2 * green[30, 32]  # ball
    assert green[60, 5] > blue[60, 5]  # ground
    # The sun stands on the left: the ball's left is lighter, and its shadow lies on the right.
    assert red[28, 24] > red[28, 40] + 0.1
    assert green[40, 50] < 0.8 * green[40, 14]
    assert torch.equal(
        x,
        shapes.render(ball, CAMERA, 64, colour=lambda p: torch.ones_like(p) * p.new_tensor([0.9, 0.1, 0.1])),
    )


def test_more_samples_only_smooth_the_outlines():
    one, two = (shapes.render(ball, CAMERA, (24, 40), samples=n) for n in (1, 3))
    assert one.shape == two.shape == (1, 3, 24, 40)
    assert ((one - two).abs().amax(1) < 0.02).float().mean() > 0.8


def test_without_ground_and_sky_the_background_is_one_colour():
    x = shapes.render(ball, CAMERA, 32, ground=None, background=(1, 1, 1))
    assert (x[0, :, 0] == 1).all() and (x[0, :, -1] == 1).all() and x[0, :, 16, 16].max() < 1


def test_an_empty_scene_is_sky_and_a_camera_below_the_ground_no_crash():
    nothing = shapes.render(lambda p: torch.full_like(p[:, 0], 1e3), CAMERA, 16, ground=None)
    assert nothing.isfinite().all()
    below = shapes.render(ball, shapes.Camera((0, -1, 6), (0, 1, 0)), 16)
    assert below.isfinite().all()


def test_wrong_arguments_get_one_sentence():
    with refused("sun"):
        shapes.render(ball, CAMERA, 16, sun=(1, -1, 0))
    with refused("size"):
        shapes.render(ball, CAMERA, 0)
    with refused("samples"):
        shapes.render(ball, CAMERA, 16, samples=0)
    with refused("NaN"):
        shapes.render(lambda p: p[:, 0] * torch.nan, CAMERA, 16)
    for wrong in (lambda p: p[:, 0], lambda p: p * torch.nan, lambda p: "red"):
        with refused("colour function"):
            shapes.render(ball, CAMERA, 16, colour=wrong)
