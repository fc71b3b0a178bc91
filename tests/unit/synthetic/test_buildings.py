"""Drawn buildings: distances that may be trusted, all classes, one size of space, pictures that show the factors."""

import re

import pytest
import scipy.ndimage
import torch

from imagegen_lessons.synthetic import _solids, buildings
from tests.unit.helpers import refused

WALL, BASE, ROOF, GLASS, FRAME, DOOR, *_ = range(9)
EVERY_CLASS = {
    "kind": torch.arange(48) // 16,
    "storeys": torch.arange(48) // 4 % 4,
    "roof": torch.arange(48) % 4,
}


def some(factors, chosen):
    return {name: value[chosen] for name, value in factors.items()}


def grid_between(low, high, cell):
    axes = [torch.arange(a - 0.5, b + 0.5, cell) for a, b in zip(low, high, strict=True)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def grid(resolution):
    """The middles of the cells of SPACE, (resolution, resolution, resolution, 3): axes x, y, z, in this order."""
    steps = (torch.arange(resolution) + 0.5) / resolution
    axes = [a + (b - a) * steps for a, b in zip(*buildings.SPACE, strict=True)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def test_samples_are_repeatable_and_fixing_one_factor_leaves_the_others_alone():
    few, many = buildings.sample(20, seed=3), buildings.sample(60, seed=3)
    assert all(torch.equal(few[name], many[name][:20]) for name in buildings.FACTORS)
    fixed = buildings.sample(20, seed=3, kind="tower", width=0.5)
    assert (fixed["kind"] == 1).all() and (fixed["width"] == 0.5).all()
    assert all(torch.equal(few[name], fixed[name]) for name in few if name not in ("kind", "width"))


def test_labels_are_kind_storeys_and_roof_and_all_classes_occur():
    factors = buildings.sample(2_000, seed=1)
    label = buildings.label(factors)
    assert torch.equal(label, torch.stack([factors[name] for name in ("kind", "storeys", "roof")], dim=1))
    index = buildings.class_index(factors)
    assert len(index.unique()) == buildings.CLASSES == 48 and index.max() == 47
    assert buildings.class_index(buildings.sample(48, **EVERY_CLASS)).tolist() == list(range(48))


@pytest.mark.parametrize(
    ("solid", "volume"),
    [
        (_solids.box((-1, 0, -0.5), (1, 1.5, 0.5)), 3.0),
        (_solids.cylinder(0.8, 0.2, 1.4), torch.pi * 0.64 * 1.2),
        (_solids.disc(0.7, 1.0, -0.4, 0.6), torch.pi * 0.49),
        (_solids.sphere(0.9, 1.0), 4 / 3 * torch.pi * 0.729),
        (_solids.cone(0.9, 0.0, 1.8), torch.pi * 0.81 * 0.6),
        (_solids.gable(1.0, 0.8, 0.0, 1.0), 1.6),
        (_solids.hip(0.9, 0.9, 0.0, 1.2), 1.8**2 * 0.4),
        (_solids.arch(1.0, 0.0, 1.5, -0.5, 0.5), 1.0 + torch.pi / 8),
        (_solids.difference(_solids.sphere(1.0, 0.0), _solids.box((-2, -2, -2), (2, 0, 2))), torch.pi * 2 / 3),
        (_solids.box((-0.1, 0, -0.1), (0.1, 0.2, 0.1)).repeated(4, 0.5, 3, 0.4), 12 * 0.008),
        (_solids.box((-0.1, 0, 0.7), (0.1, 1, 0.9)).around(6), 6 * 0.04),
        (_solids.box((0.3, 0, 0.2), (0.6, 1, 0.9)).mirrored(x=True, z=True), 4 * 0.21),
    ],
    ids=["box", "cylinder", "disc", "sphere", "cone", "gable", "hip", "arch", "cut", "repeated", "around", "mirrored"],
)  # fmt: skip
def test_solids_have_their_volume_their_box_and_distances_that_never_overstep(solid, volume):
    cell = 0.04
    p = grid_between(solid.low, solid.high, cell)
    d = solid.distance(*p.unbind(-1))
    inside = d < 0
    assert inside.sum() * cell**3 == pytest.approx(volume, rel=0.06)
    assert ((p[inside] > torch.tensor(solid.low)) & (p[inside] < torch.tensor(solid.high))).all()
    # How far the nearest inner point of the grid is can never be less than the distance.
    true = torch.from_numpy(scipy.ndimage.distance_transform_edt(~inside.numpy())).float() * cell
    assert (d - true)[~inside].max() < 1e-5
    assert (true - d)[~inside].median() < 0.1  # and the bound is no empty one


def test_an_onion_is_the_hull_of_its_ball_and_its_point():
    onion = _solids.onion(1.0, 0.0, 2.0)
    points = torch.tensor([[0.0, 3.0, 0], [0, -2, 0], [2, -1, 0], [0, 0, 0], [0.75**0.5, 0.5, 0]])
    expected = torch.tensor([1.0, 1.0, 5**0.5 - 1, -1.0, 0.0])  # the last is where the side touches the ball
    torch.testing.assert_close(onion.distance(*points.unbind(-1)), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("thin", [True, False])
def test_rays_never_overstep_a_building(thin):
    factors = buildings.sample(6, seed=2, kind=torch.arange(6) % 3)
    for i in range(6):
        building = buildings.one(factors, i, thin)
        cell = 0.2
        p = grid_between(*building.corners, cell)
        d = building.distance(p)
        outside = d >= 0
        true = torch.from_numpy(scipy.ndimage.distance_transform_edt(outside.numpy())).float() * cell
        assert (d - true)[outside].max() < 1e-4
        assert ((true - d)[outside] < 0.5).float().mean() > 0.8  # near what it should be


def test_every_class_stands_on_the_ground_in_the_middle_of_space_in_one_piece():
    low, high = map(torch.tensor, buildings.SPACE)
    p = grid(48)
    factors = buildings.sample(48, seed=0, **EVERY_CLASS)
    for i in range(48):
        building = buildings.one(factors, i, thin=False)
        a, b = map(torch.tensor, building.corners)
        assert abs(a[1]) < 1e-6 and (a[::2] + b[::2]).abs().max() < 1e-4
        assert (a > low + 0.4).all() and (b < high - 0.4).all()
        inside = building.distance(p) < 0
        _, pieces = scipy.ndimage.label(inside.numpy())
        assert pieces == 1, buildings.describe(factors, i)
        assert inside[:, 2].sum() > 30  # just above the ground


def test_no_building_leaves_space_whatever_its_factors():
    numbers = [name for name, factor in buildings.FACTORS.items() if not factor.names]
    low, high = map(torch.tensor, buildings.SPACE)
    for value in (0.0, 1.0):
        factors = buildings.sample(
            144, seed=3, **{k: v.repeat(3) for k, v in EVERY_CLASS.items()}, **dict.fromkeys(numbers, value)
        )
        for i in range(144):
            a, b = map(torch.tensor, buildings.one(factors, i).corners)
            assert (a > low + 0.4).all() and (b < high - 0.4).all()


def test_more_storeys_are_higher_and_the_roof_is_on_top():
    factors = buildings.sample(4, seed=1, storeys=torch.arange(4))
    factors = {name: value if name == "storeys" else value[:1].expand(4) for name, value in factors.items()}
    heights = torch.tensor([buildings.one(factors, i).size[1] for i in range(4)])
    assert (heights.diff() > 2.4).all() and (heights.diff() < 3).all()


def test_surfaces_are_found_where_they_are():
    factors = buildings.sample(
        40, seed=7, columns="none", balcony="none", kind="house", chimney="none", wing="none"
    )
    for i in range(40):
        building = buildings.one(factors, i)
        x, z = building.entrance
        (ax, _, az), (bx, top, bz) = building.corners
        at = torch.tensor([[x, 1.4, z - 0.1], [x, -0.2, z + 0.4], [0, top + 0.1, 0]])
        surface = building.surface(at)
        assert surface[0] == DOOR and surface[1] == BASE
        assert surface[2] in (ROOF, WALL, FRAME)
        if factors["roof"][i] == 1:
            assert surface[2] == ROOF


def test_parts_together_are_the_building_and_have_the_colours_of_the_palette():
    factors = buildings.sample(5, seed=4)
    p = grid(12)
    for i in range(5):
        building = buildings.one(factors, i)
        each = torch.stack([part.distance(p) for part in building.parts])
        d, surface = building.nearest(p)
        assert torch.equal(each.amin(0), d) and torch.equal(d, building.distance(p))
        index = torch.tensor([part.surface for part in building.parts])
        assert torch.equal(index[each.argmin(0)], surface)
        assert (
            building.palette.shape == (9, 3) and building.palette.min() >= 0 and building.palette.max() <= 1
        )
        for part in building.parts:
            assert buildings.SURFACES[part.surface] == part.name
            assert building.palette[part.surface].tolist() == pytest.approx(part.colour)
        colour = building.colour(p)
        assert colour.shape == p.shape and colour.min() >= 0 and colour.max() <= 1


NEEDS = {
    "outline": {"kind": "tower", "roof": "hip"},
    "door_place": {"kind": "house"},
    "crenellations": {"roof": "flat"},
    "slope": {"roof": "gable"},
    "balcony": {"storeys": "three"},
    "shutters": {"kind": "house", "bays": "few", "windows": "narrow"},
    "bays": {"kind": "hall"},
    "depth": {"outline": "square"},
    "door_colour": {"kind": "hall", "columns": "none", "roof": "flat", "storeys": "one", "turn": 0.0},
}


@pytest.mark.parametrize("name", buildings.FACTORS)
def test_every_factor_changes_the_building_or_its_picture(name):
    factor = buildings.FACTORS[name]
    factors = buildings.sample(2, seed=6, **NEEDS.get(name, {}))
    values = (0, len(factor.names) - 1) if factor.names else (factor.low, factor.high)
    if factor.group in ("label", "form"):
        p = grid(24)
        drawn = ([buildings.one({**factors, name: value}, i) for i in range(2)] for value in values)
        x, other = (torch.stack([b.distance(p) for b in both]).clamp(-1, 1) for both in drawn)
    else:
        factors = some(factors, slice(1))
        x, other = (buildings.render({**factors, name: value}, 24) for value in values)
    assert ((x - other).abs().flatten(1).amax(1) > 0.05).all()


def test_pictures_are_repeatable_and_independent_of_their_neighbours():
    factors = buildings.sample(3, seed=1)
    x = buildings.render(factors, 24)
    assert x.shape == (3, 3, 24, 24) and x.dtype == torch.float32 and x.min() >= 0 and x.max() <= 1
    assert torch.equal(buildings.render(some(factors, slice(1, 2)), 24), x[1:2])
    assert buildings.render(buildings.sample(0), 24).shape == (0, 3, 24, 24)
    torch.testing.assert_close(buildings.render(factors, 24, angle=360.0), x, atol=0.02, rtol=0)
    assert (buildings.render(factors, 24, angle=90.0) - x).abs().mean() > 0.03


def test_the_whole_building_is_in_the_picture():
    """The frame of the picture shows garden and sky: it does not change with the walls' colour."""
    factors = buildings.sample(3, seed=9, kind=torch.arange(3), material="plaster", light="noon")
    x, other = (buildings.render({**factors, "wall_colour": value, "roof_colour": k}, 32, angle=20.0)
                for value, k in ((0.0, 0), (1.0, 1)))  # fmt: skip
    change = (x - other).abs().amax(1)
    edge = torch.cat([change[:, 0], change[:, -1], change[:, :, 0], change[:, :, -1]], dim=1)
    assert edge.max() < 0.02 < change.amax((1, 2)).min()


def test_windows_are_lit_in_the_evening():
    fixed = dict(
        kind="hall", windows="wide", turn=0.0, material="plaster", wall_colour=0.75, trim_colour="grey"
    )
    factors = buildings.sample(1, seed=2, **fixed)
    noon, evening = (buildings.render({**factors, "light": light}, 48) for light in ("noon", "evening"))

    def warm(x):
        return ((x[:, 0] > 0.75) & (x[:, 2] < 0.62) & (x[:, 1] > 0.55))[:, 12:40, 8:42].float().mean()

    assert warm(evening) > 0.01 > 4 * warm(noon)


def test_descriptions_are_one_sentence_about_what_is_there():
    factors = buildings.sample(80, seed=1)
    for i in range(80):
        assert re.fullmatch(r"A [^{}.]*\.", buildings.describe(factors, i))
    fixed = dict(
        kind="tower", roof="hip", outline="round", storeys="four", balcony="balcony", material="stone"
    )
    fixed |= dict(roof_colour="slate", windows="narrow", columns="none", chimney="none", wing="left")
    says = "A stone round tower with four storeys, a slate hip roof, narrow windows, a balcony and a wing on the left."
    assert buildings.describe(buildings.sample(1, **fixed), 0) == says


def test_what_cannot_be_gets_one_clear_sentence():
    factors = buildings.sample(2)
    for fixed, says in (
        ({"kind": "castle"}, "kind cannot be 'castle'"),
        ({"width": 2.0}, "width cannot be 2"),
        ({"doors": 1}, "no factor 'doors'"),
    ):
        with refused(says):
            buildings.sample(2, **fixed)
    with refused("no building|no picture 2"):
        buildings.one(factors, 2)
    for size in (8, 513, 24.0, None):
        with refused("size"):
            buildings.render(factors, size)
    with refused("height"):
        buildings.render(factors, 24, height=0)
    for angle in (float("nan"), float("inf"), "left"):
        with refused("angle"):
            buildings.render(factors, 24, angle=angle)
    for points in (torch.zeros(4, 2), torch.zeros(4, 3).long(), [[0.0, 0, 0]], None):
        with refused("Points are a tensor"):
            buildings.one(factors, 0).distance(points)
    with refused("missing"):
        buildings.label({})
