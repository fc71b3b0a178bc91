"""Cameras and sphere tracing: depths against exact ones, and cameras against the geometry that they promise."""

import math

import pytest
import torch

from imagegen_lessons import shapes
from tests.unit.helpers import refused

CAMERA = shapes.Camera((3.0, 2.0, 4.0), (0.2, 0.1, -0.1), 45)


def exact_sphere(o, d, radius):
    b, c = (o * d).sum(-1), (o * o).sum(-1) - radius**2
    root = b * b - c
    return torch.where(root >= 0, -b - root.clamp(min=0).sqrt(), torch.inf)


def exact_box(o, d, half):
    half = torch.tensor(half, dtype=o.dtype)
    ends = torch.stack([(-half - o) / d, (half - o) / d])  # where the ray enters and leaves each slab
    enters, leaves = ends.amin(0).amax(-1), ends.amax(0).amin(-1)
    return torch.where(enters <= leaves, enters, torch.inf)


def exact_plane(o, d):
    return torch.where(d[..., 1] < 0, -o[..., 1] / d[..., 1], torch.inf)


SOLIDS = {
    "sphere": (lambda p: shapes.sphere(p, 0.9), lambda o, d: exact_sphere(o, d, 0.9)),
    "box": (lambda p: shapes.box(p, (1.0, 0.4, 0.7)), lambda o, d: exact_box(o, d, (1.0, 0.4, 0.7))),
    "plane": (lambda p: shapes.plane(p), exact_plane),
}


@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("caution", [1.0, 0.6])
def test_depth_agrees_with_the_exact_one(name, caution):
    distance, exact = SOLIDS[name]
    o, d = shapes.rays(CAMERA, 64)
    wanted = exact(o, d)
    wanted[wanted > 20] = torch.inf
    depth = shapes.sphere_trace(distance, o, d, steps=300, far=20, caution=caution)
    hit, expected = depth.isfinite(), wanted.isfinite()
    assert expected.float().mean() > 0.1
    assert (hit != expected).sum() <= 6  # rays that only just touch an outline
    both = hit & expected
    wrong = (depth - wanted)[both].abs()
    assert (wrong > 1e-3).sum() <= 6 and wrong.quantile(0.99) < 1e-3


def test_a_lower_bound_is_never_overstepped():
    """A difference's distance is too small near the cut: more steps, the same depth."""
    o, d = shapes.rays(CAMERA, 48)

    def bowl(p):
        return shapes.difference(shapes.sphere(p, 1.0), shapes.box(shapes.translate(p, (0, 1, 0)), (2, 1, 2)))

    depth = shapes.sphere_trace(bowl, o, d, steps=200)
    flat = exact_plane(o, d)
    on_cut = (o + flat[..., None] * d).norm(dim=-1) < 0.99
    torch.testing.assert_close(depth[on_cut], flat[on_cut], atol=1e-3, rtol=0)
    assert on_cut.sum() > 50


def test_a_ray_that_went_too_far_comes_back():
    o, d = shapes.rays(CAMERA, 32)
    exact = exact_sphere(o, d, 0.9)
    depth = shapes.sphere_trace(lambda p: 1.3 * shapes.sphere(p, 0.9), o, d)  # what a network may say
    inside = (o - (o * d).sum(-1, keepdim=True) * d).norm(dim=-1) < 0.6  # others skip the rim
    torch.testing.assert_close(depth[inside], exact[inside], atol=1e-3, rtol=0)


def test_rays_end_at_far_which_may_differ_from_ray_to_ray():
    o = torch.zeros(3, 3)
    d = torch.tensor([[0.0, 0, -1]]).expand(3, 3)
    depth = shapes.sphere_trace(lambda p: p[:, 2] + 5, o, d, far=torch.tensor([4.0, 6.0, 100.0]))
    assert depth[0] == torch.inf or depth[0] == pytest.approx(5, abs=1e-3)
    assert depth[1:].tolist() == pytest.approx([5, 5], abs=1e-3)
    away = shapes.sphere_trace(lambda p: p[:, 2] + 5, o, -d, far=50)
    assert away.isinf().all()


def test_a_camera_inside_a_wall_sees_the_wall():
    o, d = torch.zeros(2, 3), torch.eye(3)[:2]
    assert shapes.sphere_trace(lambda p: shapes.sphere(p, 1.0), o, d).tolist() == [0, 0]


def test_rays_go_through_the_middle_of_pixels_and_are_of_length_one():
    o, d = shapes.rays(shapes.Camera((0, 0, 5), (0, 0, 0), 90), (33, 65))
    assert o.shape == d.shape == (33, 65, 3)
    torch.testing.assert_close(d.norm(dim=-1), torch.ones(33, 65))
    torch.testing.assert_close(d[16, 32], torch.tensor([0.0, 0, -1]), atol=1e-6, rtol=0)
    assert d[0, 32, 1] > 0 and d[16, -1, 0] > 0  # up is up and right is right
    # The edge of the picture is 45 degrees up, the middle of its outermost pixel half a pixel less.
    assert (d[0, 32, 1] / -d[0, 32, 2]).item() == pytest.approx(32 / 33)


def test_the_camera_is_a_rotation_and_upright():
    right, up, forward = torch.tensor(CAMERA.axes(), dtype=torch.float64)
    axes = torch.stack([right, up, -forward])
    torch.testing.assert_close(axes @ axes.T, torch.eye(3, dtype=torch.float64))
    assert torch.det(axes) > 0 and right[1] == 0 and up[1] > 0


def test_orbit_stands_where_it_says():
    front, right, above = (shapes.orbit((1, 2, 3), 10, *angles) for angles in ((0, 0), (90, 0), (0, 60)))
    assert front.eye == pytest.approx((1, 2, 13)) and right.eye == pytest.approx((11, 2, 3))
    assert above.eye == pytest.approx((1, 2 + 10 * math.sin(math.radians(60)), 8))
    assert above.distance == pytest.approx(10)


def test_wrong_cameras_and_rays_get_one_sentence():
    with refused("straight above"):
        shapes.Camera((0, 5, 0))
    with refused("straight above"):
        shapes.Camera((float("nan"), 5, 1))
    with refused("three numbers"):
        shapes.Camera((0, 5), (1, 1, 1))
    with refused("field of view"):
        shapes.Camera((0, 5, 5), degrees=180)
    with refused("elevation"):
        shapes.orbit((0, 0, 0), 5, 0, 90)
    with refused("distance"):
        shapes.orbit((0, 0, 0), 0, 0)
    with refused("size"):
        shapes.rays(CAMERA, 0)
    o, d = shapes.rays(CAMERA, 4)
    with refused("origin and a direction"):
        shapes.sphere_trace(lambda p: p[:, 0], o, d[:2])
    with refused("NaN"):
        shapes.sphere_trace(lambda p: p[:, 0] * torch.nan, o, d)
    with refused("steps"):
        shapes.sphere_trace(lambda p: p[:, 0], o, d, steps=0)
