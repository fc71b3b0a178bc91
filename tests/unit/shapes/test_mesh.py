"""Meshes: closed or open as they are, volumes and normals as geometry and trimesh have them."""

import math

import numpy as np
import pytest
import torch
import trimesh

from imagegen_lessons import shapes
from tests.unit.helpers import random, refused


def cube(**material):
    box = trimesh.creation.box((1, 2, 3))
    return shapes.Mesh(torch.tensor(np.array(box.vertices)), torch.tensor(np.array(box.faces)), **material)


def with_faces(mesh, faces):
    return shapes.Mesh(mesh.vertices, faces)


def house(p):
    walls = shapes.box(shapes.translate(p, (0, 1, 0)), (1.5, 1, 1))
    window = shapes.box(shapes.translate(p, (0, 1, 1)), (0.4, 0.4, 0.3))
    roof = shapes.gable_roof(shapes.translate(p, (0, 2, 0)), (1.7, 1.2), 0.9)
    return shapes.union(shapes.difference(walls, window), roof)


@pytest.mark.parametrize("cells", [24, 48])
def test_marching_cubes_find_a_sphere(cells):
    mesh = shapes.to_mesh(
        lambda p: shapes.sphere(shapes.translate(p, (1, 2, 3)), 0.8), (0, 1, 2), (2, 3, 4), cells
    )
    wrong = (mesh.vertices - torch.tensor([1.0, 2, 3])).norm(dim=1) - 0.8
    assert wrong.abs().max() < 0.05 * 2 / cells
    assert shapes.is_closed(mesh)
    assert shapes.volume(mesh) == pytest.approx(4 / 3 * math.pi * 0.8**3, rel=6 / cells**2)


def test_a_house_becomes_a_closed_mesh_that_stands_on_the_ground():
    mesh = shapes.to_mesh(house, (-2, 0, -2), (2, 3, 2), 40, name="house", colour=(1, 0, 0))
    assert shapes.is_closed(mesh) and shapes.stands_on_ground(mesh)
    assert mesh.vertices[:, 1].min().item() == pytest.approx(0, abs=1e-3)  # cut by the grid, and flat
    exact = 3 * 2 * 2 - 0.8 * 0.8 * 0.3 + 3.4 * 2.4 * 0.9 / 2
    assert shapes.volume(mesh) == pytest.approx(exact, rel=0.02)
    assert mesh.name == "house" and mesh.colour == (1, 0, 0)
    reference = trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), process=False)
    assert reference.is_watertight and reference.is_winding_consistent
    assert reference.volume == pytest.approx(shapes.volume(mesh), rel=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_any_values_give_a_closed_mesh(seed):
    """Noise touches the edge of the grid, meets itself in corners, and is exactly 0 here and there."""
    values = random(9, 8, 7, seed=seed) - 0.5
    values[random(9, 8, 7, seed=seed + 10) < 0.2] = 0.0
    assert shapes.is_closed(shapes.marching_cubes(values, 0.5, (0, 0, 0)))
    solid = shapes.marching_cubes(torch.full((4, 5, 6), -1.0), 0.5, (0, 0, 0))
    assert shapes.is_closed(solid) and shapes.volume(solid) == pytest.approx(1.5 * 2 * 2.5, rel=1e-2)


def test_closed_means_each_edge_twice_in_opposite_directions():
    mesh = cube()
    assert shapes.is_closed(mesh)
    assert not shapes.is_closed(with_faces(mesh, mesh.faces[1:]))  # a hole
    turned = mesh.faces.clone()
    turned[0] = turned[0].flip(0)
    assert not shapes.is_closed(with_faces(mesh, turned))  # one face looks inwards
    assert not shapes.is_closed(with_faces(mesh, torch.cat([mesh.faces, mesh.faces])))  # every face twice
    assert not shapes.is_closed(with_faces(mesh, torch.cat([mesh.faces, torch.tensor([[0, 0, 1]])])))
    assert shapes.is_closed(with_faces(mesh, mesh.faces.flip(1)))  # inside out, but closed


def test_volume_has_a_sign_and_does_not_care_where_the_mesh_is():
    mesh = cube()
    away = shapes.Mesh(mesh.vertices + torch.tensor([10.0, 20, -5]), mesh.faces)
    assert shapes.volume(mesh) == pytest.approx(6) and shapes.volume(away) == pytest.approx(6, rel=1e-5)
    assert shapes.volume(with_faces(mesh, mesh.faces.flip(1))) == pytest.approx(-6)
    with refused("open"):
        shapes.volume(with_faces(mesh, mesh.faces[1:]))


def test_standing_is_neither_floating_nor_sunk():
    for height, stands in ((1.0, True), (1.03, True), (1.2, False), (0.8, False)):
        mesh = shapes.Mesh(cube().vertices + torch.tensor([0, height, 0]), cube().faces)
        assert shapes.stands_on_ground(mesh) == stands


def test_broken_meshes_get_one_sentence():
    v, f = cube().vertices, cube().faces
    for vertices, faces, message in (
        (v[:0], f, "empty"),
        (v, f[:0], "empty"),
        (v * torch.nan, f, "NaN"),
        (v, f + 1, "corners"),
        (v, f - 1, "corners"),
        (v, f.float(), "whole numbers"),
        (v[:, :2], f, r"\(n, 3\)"),
    ):
        with refused(message):
            shapes.Mesh(vertices, faces)
    for colour in ((1, 2, 0), (0, 0), (0, 0, float("nan"))):
        with refused("colour"):
            shapes.Mesh(v, f, colour=colour)
    with refused("roughness"):
        shapes.Mesh(v, f, roughness=2)


def test_grids_without_a_surface_get_one_sentence():
    with refused("empty"):
        shapes.marching_cubes(torch.ones(4, 4, 4), 0.1, (0, 0, 0))
    with refused("NaN"):
        shapes.marching_cubes(torch.full((4, 4, 4), torch.nan), 0.1, (0, 0, 0))
    with refused("nx, ny, nz"):
        shapes.marching_cubes(torch.ones(4, 4), 0.1, (0, 0, 0))
    with refused("spacing"):
        shapes.marching_cubes(-torch.ones(4, 4, 4), 0, (0, 0, 0))
