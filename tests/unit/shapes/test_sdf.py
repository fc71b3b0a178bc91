"""Signed distances against the nearest of many points on the surface, and against what is known of each shape."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial import KDTree

from imagegen_lessons import shapes
from tests.unit.helpers import random, refused

HALF, RADIUS = (1.0, 0.5, 0.75), 0.8
REACH, WIDTH, HEIGHT = 1.0, 0.6, 0.5  # of the roof
FINE = 0.01  # metres between neighbouring points of a surface


def lattice(a, b, c, d):
    """Points of the flat piece with corners a, b, c, d in turn, FINE apart."""
    a, b, d = np.array(a, float), np.array(b, float), np.array(d, float)
    u, v = (np.linspace(0, 1, int(np.linalg.norm(e) / FINE) + 2) for e in (b - a, d - a))
    return (a + u[:, None, None] * (b - a) + v[None, :, None] * (d - a)).reshape(-1, 3)


def box_surface():
    x, y, z = HALF
    faces = []
    for axis, h in enumerate(HALF):
        for side in (-h, h):
            others = [k for k in range(3) if k != axis]
            corner = np.zeros((4, 3))
            corner[:, axis] = side
            corner[:, others] = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * np.array(HALF)[others]
            faces.append(lattice(*corner))
    return np.concatenate(faces)


def cylinder_surface():
    angle = np.linspace(0, 2 * np.pi, int(2 * np.pi * RADIUS / FINE), endpoint=False)
    ring = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], -1)
    wall = [RADIUS * ring + [0, y, 0] for y in np.linspace(-0.5, 0.5, 101)]
    lids = [r * ring + [0, y, 0] for y in (-0.5, 0.5) for r in np.linspace(0, RADIUS, 81)]
    return np.concatenate(wall + lids)


def roof_surface():
    near, far = (
        [(x, 0, z) for x in (-REACH, REACH) for z in (WIDTH,)],
        [(x, 0, -WIDTH) for x in (-REACH, REACH)],
    )
    ridge = [(x, HEIGHT, 0) for x in (-REACH, REACH)]
    sheets = [lattice(near[0], near[1], far[1], far[0])]
    sheets += [lattice(edge[0], edge[1], ridge[1], ridge[0]) for edge in (near, far)]
    for x in (-REACH, REACH):  # a gable: every lattice point of its frame that lies below the slopes
        wall = lattice((x, 0, -WIDTH), (x, 0, WIDTH), (x, HEIGHT, WIDTH), (x, HEIGHT, -WIDTH))
        sheets.append(wall[wall[:, 1] / HEIGHT + np.abs(wall[:, 2]) / WIDTH <= 1])
    return np.concatenate(sheets)


SOLIDS = {
    "box": (lambda p: shapes.box(p, HALF), box_surface),
    "cylinder": (lambda p: shapes.cylinder(p, RADIUS, 0.5), cylinder_surface),
    "gable_roof": (lambda p: shapes.gable_roof(p, (REACH, WIDTH), HEIGHT), roof_surface),
}


@pytest.mark.parametrize("name", SOLIDS)
def test_solids_are_exact_outside_and_inside(name):
    distance, surface = SOLIDS[name]
    p = 4 * random(4000, 3).double() - 2
    d = distance(p).numpy()
    nearest = KDTree(surface()).query(p)[0]
    assert (d < 0).sum() > 30 and (d > 0).sum() > 1000
    assert (np.abs(d) <= nearest + 1e-9).all()  # no point of the surface is nearer than it says
    assert (nearest <= np.hypot(d, FINE)).all()  # and one is as near, up to the mesh of the lattice


def test_known_distances():
    p = torch.tensor([[0.0, 0, 0], [3, 4, 0], [0, 2, 0]])
    torch.testing.assert_close(shapes.sphere(p, 2.0), torch.tensor([-2.0, 3, 0]))
    torch.testing.assert_close(shapes.plane(p), torch.tensor([0.0, 4, 2]))
    torch.testing.assert_close(shapes.plane(p, (1, 0, 0), 1.0), torch.tensor([-1.0, 2, -1]))
    torch.testing.assert_close(shapes.box(p, (1, 1, 1)), torch.tensor([-1.0, 13**0.5, 1]))


def test_a_shape_moves_and_turns_the_way_it_says():
    p = torch.tensor([[5.0, 1, 0], [0, 1, -5]])
    assert shapes.sphere(shapes.translate(p, (5, 1, 0)), 1.0).tolist() == pytest.approx([-1, 50**0.5 - 1])
    # From above, x to the right and the viewer below: counter-clockwise leads from +x to -z.
    post = shapes.box(shapes.translate(shapes.turn(p, 90), (5, 1, 0)), (1, 0.5, 0.5))
    assert post[1] < 0 < post[0]


def test_union_intersection_and_difference_hold_the_right_points():
    p = 4 * random(2000, 3) - 2
    a, b = shapes.sphere(p, 1.2), shapes.box(p, (1.5, 0.5, 1))
    assert torch.equal(shapes.union(a, b) < 0, (a < 0) | (b < 0))
    assert torch.equal(shapes.intersection(a, b) < 0, (a < 0) & (b < 0))
    assert torch.equal(shapes.difference(a, b) < 0, (a < 0) & ~(b <= 0))


def test_a_smooth_union_rounds_only_where_both_are_near():
    a, b = 2 * random(1000) - 1, 2 * random(1000, seed=1) - 1
    smooth, sharp = shapes.smooth_union(a, b, 0.3), shapes.union(a, b)
    far = (a - b).abs() >= 0.3
    torch.testing.assert_close(smooth[far], sharp[far])
    assert (smooth[~far] < sharp[~far]).all() and (sharp - smooth).max() <= 0.3 / 4 + 1e-6
    both = torch.tensor([0.1])  # where both are equal it is a quarter of k below them
    torch.testing.assert_close(shapes.smooth_union(both, both, 0.3), both - 0.075)
    # It meets the sharp union without a corner: the slope at |a - b| = k is that of the minimum.
    x = torch.tensor([0.3 - 1e-4], requires_grad=True)
    shapes.smooth_union(torch.zeros(1), x, 0.3).backward()
    assert abs(x.grad.item()) < 1e-3


def test_normals_point_outwards_as_the_gradient_does():
    p = 2 * random(500, 3) - 1
    torch.testing.assert_close(
        shapes.normals(lambda p: shapes.sphere(p, 0.5), p), p / p.norm(dim=1, keepdim=True), atol=2e-3, rtol=0
    )
    p = (4 * random(500, 3, seed=1) - 2).double().requires_grad_()
    exact = torch.autograd.grad(shapes.gable_roof(p, (1, 0.6), 0.5).sum(), p)[0]
    found = shapes.normals(lambda p: shapes.gable_roof(p, (1, 0.6), 0.5), p.detach(), step=1e-6)
    alike = (exact * found).sum(dim=1)
    assert (alike > 0.999).float().mean() > 0.99  # elsewhere the point lies on a ridge of the distance


def test_gradients_are_finite_on_edges_and_axes():
    p = torch.tensor(
        [[0.0, 0, 0], [1, 0.5, 0.75], [0, 0.5, 0], [1, 0, 0.6], [0, 0.5, 0.75]], requires_grad=True
    )
    for distance, _ in SOLIDS.values():
        assert torch.autograd.grad(distance(p).sum(), p)[0].isfinite().all()


def test_a_grid_gives_back_the_distance_it_was_made_of():
    low, high = (-2, -1, -1.5), (2, 1, 1.5)
    values, spacing, origin = shapes.on_grid(lambda p: shapes.sphere(p, 0.7), low, high, cells=40)
    assert values.shape == (41, 21, 31) and spacing == pytest.approx(0.1) and origin == low
    again = shapes.from_grid(values, spacing, origin)
    p = shapes.grid_points(low, high, 40)
    torch.testing.assert_close(again(p), values, atol=1e-5, rtol=0)
    p = 2 * random(500, 3) - 1
    torch.testing.assert_close(again(p), shapes.sphere(p, 0.7), atol=0.02, rtol=0)
    # Outside of the grid it is a bound that a sphere tracer can trust, and never 0.
    p = 12 * random(500, 3, seed=1) - 6
    assert (again(p) <= shapes.sphere(p, 0.7) + 0.02).all()
    outside = (p.abs() > torch.tensor(high)).any(dim=1)
    assert (again(p)[outside] > 0.2).all()
    assert again(torch.tensor([[5.0, 0, 0]])).item() == pytest.approx(math.hypot(3, 1.3), abs=1e-3)


def test_a_baked_shape_looks_like_the_shape():
    ball = shapes.bake(lambda p: shapes.sphere(p, 0.7), (-1, -1, -1), (1, 1, 1), 40)
    o, d = shapes.rays(shapes.Camera((1.0, 2, 3), degrees=25), 32)
    exact = shapes.sphere_trace(lambda p: shapes.sphere(p, 0.7), o, d)
    inside = (o - (o * d).sum(-1, keepdim=True) * d).norm(dim=-1) < 0.65
    torch.testing.assert_close(shapes.sphere_trace(ball, o, d)[inside], exact[inside], atol=5e-3, rtol=0)


def test_what_touches_the_side_of_a_grid_is_cut_off_there():
    ball = shapes.from_grid(*shapes.on_grid(lambda p: shapes.sphere(p, 1.0), (-2, 0, -2), (2, 2, 2), 40))
    below = torch.tensor([[0.0, -0.5, 0], [0.3, -2, 0]])
    torch.testing.assert_close(ball(below), torch.tensor([0.5, 2.0]))


def test_wrong_arguments_get_one_sentence():
    p = torch.zeros(4, 3)
    for wrong in (torch.zeros(4, 2), torch.zeros(4, 3, dtype=torch.int64), [[0, 0, 0]]):
        with refused(r"\(\.\.\., 3\)"):
            shapes.sphere(wrong, 1.0)
    for nothing in (shapes.union, shapes.intersection):
        with refused("no shapes"):
            nothing()
    with refused("rounding"):
        shapes.smooth_union(p[:, 0], p[:, 0], 0)
    for low, high in (((0, 0, 0), (1, 0, 1)), ((0, 0), (1, 1)), ((0, 0, float("nan")), (1, 1, 1)), (0, 1)):
        with refused("low < high"):
            shapes.grid_points(low, high, 8)
    with refused("cells"):
        shapes.grid_points((0, 0, 0), (1, 1, 1), 0)
    for values in (torch.zeros(3, 3), torch.full((2, 2, 2), float("nan")), torch.zeros(1, 4, 4)):
        with refused("grid of distances"):
            shapes.from_grid(values, 1.0, (0, 0, 0))
