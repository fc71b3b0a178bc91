"""GLB files: as trimesh and Khronos' validator read them, labelled, small; what cannot be saved gets one sentence."""

import io
import json
import shutil
import struct
import subprocess

import numpy as np
import pytest
import trimesh

from imagegen_lessons import shapes
from imagegen_lessons.provenance import ai_label
from tests.unit.helpers import refused

VALIDATOR = """
const path = require("path"), root = require("child_process").execSync("npm root -g").toString().trim();
const data = new Uint8Array(require("fs").readFileSync(0));
require(path.join(root, "gltf-validator")).validateBytes(data).then(r => console.log(JSON.stringify(r.issues)));
"""


def mesh_of(reference, *material):
    return shapes.Mesh(np.array(reference.vertices), np.array(reference.faces), *material)


def parts():
    """Walls that stand on the ground, 3 metres high, and a tower of a finer mesh."""
    walls = trimesh.creation.box((4, 3, 2))
    walls.apply_translation((0, 1.5, 0))
    tower = trimesh.creation.cylinder(0.5, 4, sections=12)
    tower.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))
    tower.apply_translation((2, 2, 0))
    return [mesh_of(walls, "walls", (0.5, 0.8, 0)), mesh_of(tower, "Türmchen", (0.2, 0.02, 1), 0.3)]


def read(data):
    """The scene as trimesh reads it, with every vertex left where it is."""
    return trimesh.load_scene(io.BytesIO(data), file_type="glb", process=False)


def description(data):
    return json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])


def test_trimesh_reads_the_same_parts(tmp_path):
    path = shapes.save_glb(parts(), tmp_path / "new" / "house.glb")
    assert path.read_bytes() == shapes.to_glb(parts()), "the same meshes give the same bytes"
    assert [p.name for p in path.parent.iterdir()] == ["house.glb"]
    scene = read(path.read_bytes())
    assert list(scene.geometry) == ["walls", "Türmchen"]
    for mesh in parts():
        found = scene.geometry[mesh.name]
        assert np.array_equal(found.vertices, mesh.vertices) and np.array_equal(found.faces, mesh.faces)
        assert found.is_watertight and found.volume == pytest.approx(shapes.volume(mesh))


def test_y_is_up_and_the_unit_is_the_metre():
    scene = read(shapes.to_glb(parts()))
    assert np.allclose(scene.bounds, [[-2, 0, -1], [2.5, 4, 1]])
    assert all(np.array_equal(scene.graph[name][0], np.eye(4)) for name in scene.graph.nodes_geometry)


def test_each_part_has_its_name_look_and_colour_in_linear_light():
    """The colours by hand: a screen's half is 21 % of its light (sRGB, IEC 61966-2-1)."""
    scene = read(shapes.to_glb(parts()))
    light = {"walls": (0.2140, 0.6038, 0, 1), "Türmchen": (0.0331, 0.02 / 12.92, 1, 1)}
    for mesh in parts():
        material = scene.geometry[mesh.name].visual.material
        assert material.name == mesh.name
        assert np.abs(np.array(material.baseColorFactor) / 255 - light[mesh.name]).max() <= 0.5 / 255 + 1e-4
        assert (material.roughnessFactor, material.metallicFactor) == (mesh.roughness, 0)


def test_parts_of_one_name_are_all_there():
    tower = parts()[1]
    scene = read(shapes.to_glb([tower, shapes.Mesh(tower.vertices + 5, tower.faces, tower.name)]))
    first, second = scene.geometry.values()
    assert np.allclose(second.vertices - first.vertices, 5)
    assert second.visual.material.roughnessFactor != first.visual.material.roughnessFactor


def test_the_label_is_in_the_metadata():
    content = description(shapes.to_glb(parts()))
    assert content["asset"]["generator"] == "imagegen_lessons" and content["asset"]["version"] == "2.0"
    for extras in (content["asset"]["extras"], content["scenes"][0]["extras"]):
        assert extras["comment"] == ai_label.COMMENT
        assert extras["digitalSourceType"].endswith(ai_label.SOURCE)


def test_khronos_validator_finds_nothing():
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node is not installed here.")
    ball = shapes.to_mesh(lambda p: shapes.sphere(p, 0.8), (-1, -1, -1), (1, 1, 1), 12)
    run = subprocess.run(
        ["node", "-e", VALIDATOR], input=shapes.to_glb([*parts(), ball]), capture_output=True, timeout=60
    )
    if b"Cannot find module" in run.stderr:
        pytest.skip("gltf-validator is not installed: npm install --global gltf-validator.")
    issues = json.loads(run.stdout)
    assert issues["numErrors"] == issues["numWarnings"] == 0, issues["messages"]


def test_a_building_of_48_cells_is_below_one_megabyte():
    """A mesh of that grid has the more triangles the larger its surface: here a ball that fills it."""
    ball = shapes.to_mesh(lambda p: shapes.sphere(p, 0.99), (-1, -1, -1), (1, 1, 1), 48)
    assert len(shapes.to_glb(ball)) < 1e6


def test_what_cannot_be_saved_gets_one_sentence(tmp_path):
    walls = parts()[0]
    with refused("open", shapes.GLBError):
        shapes.save_glb([walls, shapes.Mesh(walls.vertices, walls.faces[1:])], tmp_path / "a.glb")
    with refused("no mesh", shapes.GLBError):
        shapes.save_glb([], tmp_path / "a.glb")
    with refused("must end in .glb", shapes.GLBError):
        shapes.save_glb(walls, tmp_path / "a.obj")
    (tmp_path / "file").write_text("")
    with refused("cannot be written", shapes.GLBError):
        shapes.save_glb(walls, tmp_path / "file" / "a.glb")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
