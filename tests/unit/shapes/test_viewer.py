"""The interactive view: what the script unpacks is the mesh, the HTML is small and safe, and it needs no network."""

import base64
import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from imagegen_lessons import shapes
from tests.unit.helpers import refused, tags

ALT = "A house with a tower."
NASTY = "\"><script>alert(1)</script> & 'house'"


def parts():
    ball = shapes.to_mesh(
        lambda p: shapes.sphere(p, 0.8), (-1, -1, -1), (1, 1, 1), 16, colour=(0.9, 0.3, 0.2)
    )
    box = shapes.to_mesh(
        lambda p: shapes.box(shapes.translate(p, (3, 1, 0)), (1, 1, 1)), (1.5, -0.5, -1.5), (4.5, 2.5, 1.5), 8
    )
    return [ball, box]


def unpacked(html):
    """The meshes of a view, taken out of the HTML as the script takes them."""
    scene, packed = re.search(r'\("\w+", (\{.*\}), "([A-Za-z0-9+/=]+)"\)</script>$', html).groups()
    scene = json.loads(scene)
    steps = np.frombuffer(zlib.decompress(base64.b64decode(packed)), "<u2")
    numbers = np.cumsum(steps.astype(np.int64)) % 65536
    for part in scene["parts"]:
        n, m = part["vertices"], part["faces"]
        places, faces, numbers = numbers[: 3 * n], numbers[3 * n : 3 * (n + m)], numbers[3 * (n + m) :]
        vertices = np.array(scene["low"]) + np.array(scene["size"]) * places.reshape(3, n).T / 65535
        yield vertices, faces.reshape(3, m).T, part["colour"]
    assert not len(numbers)


def test_the_numbers_in_the_view_are_the_meshes():
    found = list(unpacked(shapes.view_html(parts(), ALT)))
    for mesh, (vertices, faces, colour) in zip(parts(), found, strict=True):
        np.testing.assert_allclose(vertices, mesh.vertices.numpy(), atol=2e-4)
        assert np.array_equal(faces, mesh.faces.numpy())
        assert colour == pytest.approx(mesh.colour, abs=1e-3)


def test_a_still_picture_stands_there_until_the_script_runs():
    html = shapes.view_html(parts(), ALT, torch.rand(1, 3, 40, 64))
    (picture,) = [attributes for tag, attributes in tags(html) if tag == "img"]
    assert (
        picture["alt"] == ALT and picture["class"] == "still" and picture["src"].startswith("data:image/jpeg")
    )
    assert ALT in shapes.view_html(parts(), ALT)  # without a picture, the words


def test_alt_text_cannot_break_out_of_the_html():
    html = shapes.view_html(parts(), NASTY, torch.rand(1, 3, 40, 64))
    found = tags(html)
    assert [tag for tag, _ in found] == ["figure", "img", "figcaption", "script"]
    assert found[0][1]["data-alt"] == NASTY == found[1][1]["alt"]


def test_the_view_is_small_needs_no_network_and_is_the_same_again():
    ball = shapes.to_mesh(lambda p: shapes.sphere(p, 0.99), (-1, -1, -1), (1, 1, 1), 48)
    html = shapes.view_html(ball, ALT)
    assert len(html) < 150_000
    assert html == shapes.view_html(ball, ALT) != shapes.view_html(ball, ALT + " Again.")
    assert not re.search(r"https?:|fetch\(|import\(|XMLHttp|<iframe|<link", html)


def test_the_script_is_javascript():
    if not shutil.which("node"):
        pytest.skip("Node is not installed here.")
    script = Path(shapes.__file__).parent / "viewer.js"
    subprocess.run(["node", "--check", script], check=True, timeout=60)


def test_outside_a_notebook_the_alt_text_is_printed(capsys):
    shapes.view(parts(), ALT)
    assert ALT in capsys.readouterr().out


def test_wrong_arguments_get_one_sentence():
    with refused("alt text"):
        shapes.view(parts(), " ")
    with refused("no mesh"):
        shapes.view([], ALT)
    with refused("azimuth"):
        shapes.view(parts(), ALT, azimuth="front")
    with refused("size"):
        shapes.view(parts(), ALT, size=(0, 100))
    rough = torch.rand(60_000, 3)
    with refused("room for 300"):
        shapes.view(shapes.Mesh(rough, torch.randint(60_000, (100_000, 3))), ALT)
    with refused("70000 vertices"):
        shapes.view(shapes.Mesh(torch.rand(70_000, 3), torch.tensor([[0, 1, 2]])), ALT)
