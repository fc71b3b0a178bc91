"""Buildings on stretched grids: what they say of distances, surfaces and sizes, and meshes that hold together."""

import pytest
import torch
import trimesh

from imagegen_lessons import shapes
from imagegen_lessons.shapes.grid import REACH, STEP, Grids, ShapeGrid, drawn_grids, stretched_points
from imagegen_lessons.synthetic import buildings
from tests.unit.helpers import random, refused

RESOLUTION = 40


class Block:
    """A box of 4 x 6 x 2 metres: surface 1 above 3 metres, surface 0 below."""

    size, corners = (4.0, 6.0, 2.0), ((-2.0, 0.0, -1.0), (2.0, 6.0, 1.0))
    palette = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.1, 0.9]])

    def distance(self, p):
        return shapes.box(shapes.translate(p, (0, 3, 0)), (2, 3, 1))

    def nearest(self, p):
        return self.distance(p), (p[..., 1] > 3).long()


@pytest.fixture(scope="module")
def block():
    return ShapeGrid.of(Block(), RESOLUTION)


@pytest.fixture(scope="module")
def factors():
    """One of each kind, with what is hard for a grid."""
    difficult = dict(chimney=1, columns=1, crenellations=1, balcony=1, wing=torch.tensor([0, 1, 2]))
    return buildings.sample(
        3, seed=5, kind=torch.arange(3), roof=torch.tensor([2, 3, 0]), storeys=2, **difficult
    )


def around(n=4000, seed=0, reach=1.2):
    """Random points in and around the block."""
    low, high = (torch.tensor(corner) for corner in Block.corners)
    middle, half = (low + high) / 2, (high - low) / 2
    return middle + reach * half * (2 * random(n, 3, seed=seed) - 1)


def test_each_grid_is_stretched_to_its_building():
    points = stretched_points(torch.tensor([4.0, 6.0, 2.0]), 12)
    torch.testing.assert_close(points[0, 0, 0], torch.tensor([-2.2, -0.3, -1.1]))  # half a cell outside
    torch.testing.assert_close(points[-1, -1, -1], torch.tensor([2.2, 6.3, 1.1]))
    torch.testing.assert_close(
        points[3, 5, 7], torch.tensor([-2.2 + 3 * 0.4, -0.3 + 5 * 0.6, -1.1 + 7 * 0.2])
    )


def test_near_the_surface_the_distance_is_right_and_far_away_it_is_a_lower_bound(block):
    p = around(reach=1.02)
    exact, found = Block().distance(p), block.distance(p)
    near = exact.abs() < 2 * block.unit
    assert (found - exact)[near].abs().max() < 0.7 * block.unit  # at the corners, which a grid rounds
    assert (found - exact)[near].abs().mean() < 0.05 * block.unit
    far = around(seed=1, reach=12)
    exact, found = Block().distance(far), block.distance(far)
    away = exact > 2 * block.unit
    assert (found <= exact + 0.01)[away].all() and (found > 0)[away].all()


def test_a_ray_meets_it_where_it_meets_the_block(block):
    origins, directions = shapes.rays(shapes.orbit((0, 3, 0), 12, 35, 20), 24)
    exact = shapes.sphere_trace(Block().distance, origins, directions)
    found = shapes.sphere_trace(block.distance, origins, directions)
    met = exact.isfinite() & found.isfinite()
    assert (exact.isfinite() != found.isfinite()).float().mean() < 0.02  # along its outline
    assert (exact - found)[met].abs().median() < 0.01 and met.sum() > 40


def test_surfaces_and_colours_change_where_they_change_on_the_building(block):
    p = around(seed=2)
    clear = (p[:, 1] - 3).abs() > 0.1
    above = p[:, 1] > 3
    assert torch.equal(block.surface(p)[clear], above.long()[clear])
    torch.testing.assert_close(block.colour(p)[clear], Block.palette[above.long()][clear])


def test_its_mesh_is_the_block(block):
    mesh = block.solid(name="block")
    assert shapes.is_closed(mesh) and shapes.stands_on_ground(mesh) and block.pieces() == 1
    assert shapes.volume(mesh) == pytest.approx(4 * 6 * 2, rel=0.02)
    low, high = mesh.vertices.amin(0), mesh.vertices.amax(0)
    torch.testing.assert_close(low, torch.tensor(Block.corners[0]), atol=0.02, rtol=0)
    torch.testing.assert_close(high, torch.tensor(Block.corners[1]), atol=0.02, rtol=0)


def test_the_second_surface_lies_on_the_first(block):
    lower, upper = block.meshes(("lower", "upper"))
    assert (lower.name, upper.name) == ("lower", "upper") and lower.colour == pytest.approx((0.9, 0.1, 0.1))
    assert shapes.is_closed(upper) and upper.vertices[:, 1].min().item() == pytest.approx(3, abs=0.1)
    outer = upper.vertices.amax(0)
    assert (outer > lower.vertices.amax(0)).all()  # by part of a cell
    torch.testing.assert_close(outer, torch.tensor(Block.corners[1]), atol=0.04, rtol=0)


def test_drawn_buildings_keep_their_form_on_a_grid(factors):
    grids = drawn_grids(factors, RESOLUTION)
    assert [tuple(x.shape) for x in grids] == [(3, 40, 40, 40), (3, 40, 40, 40), (3, 3), (3, 9, 3)]
    for i in range(3):
        building, grid = buildings.one(factors, i, thin=False), grids.building(i)
        torch.testing.assert_close(grid.size, torch.tensor(building.size))
        p = torch.tensor(building.size) * (1.1 * random(3000, 3, seed=i) - torch.tensor([0.55, 0.05, 0.55]))
        exact, surface = building.nearest(p)
        near = exact.abs() < 2 * grid.unit
        assert (grid.distance(p) - exact)[near].abs().mean() < 0.1 * grid.unit
        assert ((grid.distance(p) < 0) == (exact < 0)).float().mean() > 0.97
        assert (grid.surface(p) == surface)[near].float().mean() > 0.9
        assert grid.pieces() == 1


def test_each_surface_of_a_drawn_building_becomes_a_closed_mesh(factors):
    grid = drawn_grids(factors, RESOLUTION).building(2)
    meshes = grid.meshes()
    there = {buildings.SURFACES[k] for k in grid.scores.argmax(0)[grid.values < -0.5].unique().tolist()}
    names = {mesh.name for mesh in meshes}
    assert there <= names and {"wall", "roof", "glass", "door"} <= names
    for mesh in meshes:
        assert trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), process=False).is_watertight
    assert shapes.stands_on_ground(meshes[0])
    assert len(shapes.to_glb(meshes)) < 1e6


def test_more_grids_begin_with_the_same_ones_and_lose_little(factors):
    few, many = drawn_grids(buildings.sample(1, seed=2), 16), drawn_grids(buildings.sample(2, seed=2), 16)
    assert all(torch.equal(a, b[:1]) for a, b in zip(few, many, strict=True))
    exact = ShapeGrid.of(buildings.one(buildings.sample(1, seed=2), 0, thin=False), 16)
    restored = few.building(0)
    assert (
        restored.values - exact.values
    ).abs().max() <= STEP / 2 + 1e-6 and exact.values.abs().max() <= REACH
    assert torch.equal(restored.scores.argmax(0), exact.scores.argmax(0))


def test_pieces_are_counted():
    values = torch.ones(8, 8, 8)
    values[1:3, 1:3, 1:3] = values[5:7, 5:7, 1:3] = -1
    ones = torch.ones(3)
    for some, count in ((values, 2), (torch.ones(8, 8, 8), 0), (values.minimum(values.flip(2)), 4)):
        assert ShapeGrid(some, torch.ones(1, 8, 8, 8), ones, torch.ones(1, 3)).pieces() == count


def test_what_is_no_grid_gets_one_sentence(block):
    values, scores, size, palette = block.values, block.scores, block.size, block.palette
    for parts, message in (
        ((values[:5], scores, size, palette), r"\(s, s, s\)"),
        ((values, scores, size[:2], palette), r"a size \(3,\)"),
        ((values, scores, size, palette[:1]), "colours"),
        ((values * torch.nan, scores, size, palette), "finite"),
        ((values, scores, size - 3, palette), "above 0"),
    ):
        with refused(message):
            ShapeGrid(*parts)
    with refused("2 surfaces"):
        block.meshes()
    with refused("empty"):
        ShapeGrid(values.abs() + 1, scores, size, palette).solid()
    for resolution in (3, 2.5):
        with refused("resolution"):
            ShapeGrid.of(Block(), resolution)
    with refused("sample one or more"):
        drawn_grids(buildings.sample(0))
    assert isinstance(drawn_grids(buildings.sample(1), 8), Grids)
