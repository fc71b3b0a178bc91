"""GLB files: read back here, by trimesh and by Khronos' validator; whatever else a file is gets one sentence."""

import io
import json
import shutil
import struct
import subprocess

import numpy as np
import pytest
import torch
import trimesh

from imagegen_lessons import shapes
from imagegen_lessons.provenance import ai_label
from imagegen_lessons.shapes import glb
from tests.unit.helpers import refused

VALIDATOR = """
const path = require("path"), root = require("child_process").execSync("npm root -g").toString().trim();
const data = new Uint8Array(require("fs").readFileSync(0));
require(path.join(root, "gltf-validator")).validateBytes(data).then(r => console.log(JSON.stringify(r.issues)));
"""


def parts():
    walls = trimesh.creation.box((4, 3, 2))
    walls.apply_translation((0, 1.5, 0))
    tower = trimesh.creation.cylinder(0.5, 4, sections=12)
    return [
        shapes.Mesh(
            torch.tensor(np.array(walls.vertices)),
            torch.tensor(np.array(walls.faces)),
            "walls",
            (0.9, 0.8, 0.5),
        ),
        shapes.Mesh(
            torch.tensor(np.array(tower.vertices)),
            torch.tensor(np.array(tower.faces)),
            "tower",
            (0.2, 0, 1),
            0.3,
        ),
    ]


def content(data):
    return json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])


def edited(change):
    """The file with its description changed by `change`, which is called with it."""
    data = shapes.to_glb(parts())
    length = struct.unpack_from("<I", data, 12)[0]
    description = content(data)
    change(description)
    text = json.dumps(description).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    head = struct.pack("<IIIII", 0x46546C67, 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    return head + text + rest


def test_what_is_saved_is_read_back(tmp_path):
    path = shapes.save_glb(parts(), tmp_path / "new" / "house.glb")
    for before, after in zip(parts(), shapes.load_glb(path), strict=True):
        assert torch.equal(before.vertices, after.vertices) and torch.equal(before.faces, after.faces)
        assert (before.name, before.roughness) == (after.name, after.roughness)
        assert after.colour == pytest.approx(before.colour)
    assert [p.name for p in path.parent.iterdir()] == ["house.glb"]


def test_trimesh_reads_the_same_parts_and_materials():
    scene = trimesh.load(io.BytesIO(shapes.to_glb(parts())), file_type="glb")
    assert sorted(scene.geometry) == ["tower", "walls"]
    for mesh in parts():
        found = scene.geometry[mesh.name]
        assert found.is_watertight and found.volume == pytest.approx(shapes.volume(mesh))
        material = found.visual.material
        linear = np.array([*np.array(mesh.colour) ** 2.2, 1])
        assert np.abs(np.array(material.baseColorFactor) / 255 - linear).max() < 0.01
        assert material.roughnessFactor == pytest.approx(mesh.roughness) and material.metallicFactor == 0


def test_a_file_of_trimesh_is_read(tmp_path):
    (tmp_path / "box.glb").write_bytes(trimesh.creation.box((1, 2, 3)).export(file_type="glb"))
    (mesh,) = shapes.load_glb(tmp_path / "box.glb")
    assert shapes.volume(mesh) == pytest.approx(6)


def test_the_label_is_in_the_metadata():
    description = content(shapes.to_glb(parts()))
    for extras in (description["asset"]["extras"], description["scenes"][0]["extras"]):
        assert extras["comment"] == ai_label.COMMENT
        assert extras["digitalSourceType"].endswith(ai_label.SOURCE)


def test_khronos_validator_finds_nothing(tmp_path):
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
    with refused("open"):
        shapes.save_glb([walls, shapes.Mesh(walls.vertices, walls.faces[1:])], tmp_path / "a.glb")
    with refused("no mesh"):
        shapes.save_glb([], tmp_path / "a.glb")
    with refused(".glb"):
        shapes.save_glb(walls, tmp_path / "a.obj")
    (tmp_path / "file").write_text("")
    with refused("cannot be written"):
        shapes.save_glb(walls, tmp_path / "file" / "a.glb")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def nan_vertices():
    data = bytearray(shapes.to_glb(parts()))
    start = 20 + struct.unpack_from("<I", data, 12)[0] + 8
    struct.pack_into("<f", data, start, float("nan"))
    return bytes(data)


BROKEN = {
    "text": (lambda: b"just some text that is no model at all", "no GLB"),
    "nothing": (lambda: b"", "no GLB"),
    "cut": (lambda: shapes.to_glb(parts())[:-40], "incomplete"),
    "old": (lambda: b"glTF" + struct.pack("<IIII", 1, 20, 0, 0), "version"),
    "no JSON": (lambda: b"glTF" + struct.pack("<IIII", 2, 24, 4, 0x4E4F534A) + b"{{{{", "no JSON"),
    "deep": (
        lambda: edited(lambda c: None)[:12] + struct.pack("<II", 8, 0x4E4F534A) + b"[" * 8,
        "incomplete|JSON",
    ),
    "NaN": (nan_vertices, "NaN"),
    "uri": (lambda: edited(lambda c: c["buffers"][0].update(uri="file:///etc/passwd")), "other files"),
    "picture": (lambda: edited(lambda c: c.update(images=[{"uri": "http://a.b/c.png"}])), "other files"),
    "packed": (lambda: edited(lambda c: c.update(extensionsRequired=["KHR_draco"])), "KHR_draco"),
    "moved": (lambda: edited(lambda c: c["nodes"][0].update(scale=[1, 1, 2])), "transforms"),
    "lines": (lambda: edited(lambda c: c["meshes"][0]["primitives"][0].update(mode=1)), "triangles"),
    "no mesh": (lambda: edited(lambda c: c.update(meshes=[])), "no mesh"),
    "too many": (lambda: edited(lambda c: c["accessors"][0].update(count=10**9)), "more numbers"),
    "negative": (lambda: edited(lambda c: c["bufferViews"][0].update(byteOffset=-8)), "more numbers"),
    "huge": (lambda: edited(lambda c: c["bufferViews"][0].update(byteLength=10**9)), "more numbers"),
    "halves": (lambda: edited(lambda c: c["accessors"][0].update(count=1.5)), "damaged"),
    "wrong index": (lambda: edited(lambda c: c["accessors"][1].update(bufferView=77)), "damaged"),
    "a list": (lambda: edited(lambda c: c.update(meshes=[3])), "damaged"),
    "two corners": (lambda: edited(lambda c: c["accessors"][1].update(count=4)), "three corners"),
    "colour": (
        lambda: edited(
            lambda c: c["materials"][0]["pbrMetallicRoughness"].update(baseColorFactor=["red"] * 3)
        ),
        "damaged",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_good_file_gets_one_sentence(tmp_path, name):
    data, message = BROKEN[name]
    (tmp_path / "a.glb").write_bytes(data())
    with refused(message, shapes.GLBError):
        shapes.load_glb(tmp_path / "a.glb")


def test_missing_and_large_files_get_one_sentence(tmp_path):
    with refused("cannot be read", shapes.GLBError):
        shapes.load_glb(tmp_path / "no.glb")
    shapes.save_glb(parts(), tmp_path / "a.glb")
    with refused("larger than", shapes.GLBError):
        shapes.load_glb(tmp_path / "a.glb", max_bytes=100)


def test_a_small_file_cannot_unfold_into_a_large_one(tmp_path, monkeypatch):
    (tmp_path / "a.glb").write_bytes(edited(lambda c: c.update(meshes=c["meshes"] * 1000)))
    monkeypatch.setattr(glb, "MAX_BYTES", 10_000)
    with refused("more triangles", shapes.GLBError):
        shapes.load_glb(tmp_path / "a.glb")
