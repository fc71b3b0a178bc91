"""Lesson 13's answers are what the package computes, and its open exercise tells good buildings from bad ones."""

import math

import pytest
import torch
from scipy import ndimage

from imagegen_lessons import exercises, shapes
from imagegen_lessons.exercises.checker import Wrong
from imagegen_lessons.exercises.inputs import ball_on_ground
from imagegen_lessons.exercises.lesson_13 import _CLOSED, _OPEN, _RAYS
from imagegen_lessons.synthetic import buildings, plans


def test_the_answers_agree_with_the_package():
    p, half = torch.randn(200, 3), torch.tensor([0.5, 1.0, 1.5])
    torch.testing.assert_close(exercises.box_distance.answer(p, half), shapes.box(p, half))
    torch.testing.assert_close(exercises.positional_encoding.answer(p, 4), shapes.positional_encoding(p, 4))
    traced = exercises.sphere_trace.answer(ball_on_ground, *_RAYS, 100, 40.0)
    torch.testing.assert_close(
        traced, shapes.sphere_trace(ball_on_ground, *_RAYS, 100, 40.0), atol=2e-2, rtol=1e-3
    )
    for _, faces, _ in _CLOSED + _OPEN:
        mesh = shapes.Mesh(torch.randn(int(faces.max()) + 1, 3), faces)
        assert exercises.is_closed.answer(faces) == shapes.is_closed(mesh)


def test_sphere_tracing_finds_exact_depths():
    """The ball, where b² - c is the discriminant of the ray's quadratic equation; else the ground."""
    o, d = _RAYS
    o = o - torch.tensor([0.0, 1.0, 0.0])
    b, c = (o * d).sum(1), (o * o).sum(1) - 1
    ball = torch.where(b * b > c, -b - (b * b - c).clamp(min=0).sqrt(), math.inf)
    ball = torch.where(ball > 0, ball, math.inf)
    ground = torch.where(d[:, 1] < 0, -(o[:, 1] + 1) / d[:, 1], math.inf)
    found = exercises.sphere_trace.answer(ball_on_ground, *_RAYS, 300, 100.0)
    torch.testing.assert_close(found, torch.minimum(ball, ground), atol=1e-3, rtol=1e-4)


def test_cells_that_can_be_reached_are_a_connected_part():
    for seed in range(20):
        walkable = torch.rand(12, 17, generator=torch.Generator().manual_seed(seed)) < 0.6
        start = tuple(walkable.nonzero()[0].tolist())
        parts, _ = ndimage.label(walkable.numpy())
        assert (exercises.reachable.answer(walkable, start).numpy() == (parts == parts[start])).all()


def test_in_drawn_flats_every_floor_is_reached_until_a_door_is_walled_up():
    outside, wall, door, window, entrance = range(5)
    for plan in plans.draw(plans.sample(5, seed=2)):
        start = tuple((plan == entrance).nonzero()[0].tolist())
        walkable = (plan > window) | (plan == door) | (plan == entrance)
        assert torch.equal(exercises.reachable.answer(walkable, start), walkable)
        shut = walkable & (plan != door)
        assert not torch.equal(exercises.reachable.answer(shut, start), shut)
        assert any("cannot be reached" in rule for rule in plans.rules(torch.where(plan == door, wall, plan)))


def test_drawn_buildings_are_buildings():
    factors = buildings.sample(3, seed=4)
    for i in range(3):
        assert "A ray needs" in exercises.my_building.test(buildings.one(factors, i).distance)


def test_the_verdict_measures_the_building():
    """A tower of 4 x 10 x 5 m, and a ball that floats above it."""

    def tower(p):
        return shapes.box(shapes.translate(p, (0, 5, 0)), (2, 5, 2.5))

    def ball(p):
        return shapes.sphere(shapes.translate(p, (0, 13, 0)), 1.5)

    remark = exercises.my_building.test(lambda p: shapes.union(tower(p), ball(p)))
    assert "in 2 pieces, of which 1 float" in remark
    height, ground, volume = (
        float(remark.split(unit)[0].split()[-1]) for unit in (" m high", " m² of ground", " m³")
    )
    assert abs(height - 14.5) < 0.2 and abs(ground - 20) < 1 and abs(volume - 200 - 14) < 10


def test_a_distance_that_is_far_too_small_is_right_and_slow():
    assert "That is many" in exercises.my_building.test(lambda p: 0.05 * exercises.my_building.answer(p))
    assert "That is many" not in exercises.my_building.test(exercises.my_building.answer)


def far_away(p):
    """Large outside of the box, as if nothing could be there: rays that begin outside jump through the house."""
    house = exercises.my_building.answer(p)
    return torch.where((p.abs() < 12).all(dim=1), house, torch.tensor(40.0))


@pytest.mark.parametrize(
    ("attempt", "part"),
    [
        (far_away, "nothing is within 40.0 m"),
        (lambda p: p[:, 1] - 3, "below the ground"),
        (lambda p: shapes.box(shapes.translate(p, (0, 1.5, 0)), (4, 1.5, 3)).square(), "no building"),
        (lambda p: exercises.my_building.answer(p) + 1e-3 * torch.rand(len(p)), "asked without the others"),
        (lambda p: exercises.my_building.answer(1.3 * p), "Divided by 1.3"),
        (lambda p: exercises.my_building.answer(p).tolist(), "not list"),
    ],
)
def test_what_is_no_distance_of_a_building_is_told(attempt, part):
    with pytest.raises(Wrong, match=part):
        exercises.my_building.test(attempt)
