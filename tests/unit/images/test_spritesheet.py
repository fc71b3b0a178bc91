"""Sprite sheets: what is written comes back, nothing is overwritten, and what cannot be done is refused."""

import json

import pytest
import torch
from PIL import Image

from imagegen_lessons.images import spritesheet
from imagegen_lessons.images.spritesheet import SheetError
from imagegen_lessons.synthetic import sprites
from tests.unit.helpers import refused

NAMES = [f"sprite {i}" for i in range(5)]


@pytest.fixture
def x():
    return sprites.render(sprites.sample(5, seed=1))


def test_what_is_written_comes_back_and_is_what_an_engine_expects(x, tmp_path):
    path = spritesheet.save(x, NAMES, tmp_path / "new" / "folder", columns=3, title="heroes")
    back = spritesheet.load(path)
    assert list(back) == NAMES
    torch.testing.assert_close(torch.stack(list(back.values())), x, atol=1 / 255, rtol=0)
    with Image.open(path) as picture:
        assert (picture.mode, picture.size) == ("RGBA", (72, 48 + 14))  # the AI label lies below
        assert picture.getpixel((71, 47)) == (0, 0, 0, 0)  # the sixth place is empty
    atlas = json.loads(path.with_suffix(".json").read_text())
    size = {"w": 72, "h": 62}
    assert atlas["meta"] == {"image": "heroes_001.png", "format": "RGBA8888", "size": size, "scale": "1"}
    assert atlas["frames"]["sprite 2"]["frame"] == {"x": 48, "y": 0, "w": 24, "h": 24}
    assert atlas["frames"]["sprite 2"]["sourceSize"] == {"w": 24, "h": 24}


def test_half_transparent_pixels_are_decided_and_keep_their_colour():
    x = torch.zeros(1, 4, 2, 2)
    x[0, :, 0, 0] = torch.tensor([0.6, 0.3, 0.0, 0.6])  # full red, half green, premultiplied by 0.6
    x[0, :, 0, 1] = torch.tensor([0.4, 0.4, 0.4, 0.4])
    sheet = spritesheet.place(x, 1)
    torch.testing.assert_close(sheet[:, 0].T, torch.tensor([[1, 0.5, 0, 1], [0, 0, 0, 0]]))


def test_nothing_is_overwritten(x, tmp_path):
    theirs = tmp_path / "sprites_001.json", tmp_path / "sprites_002.png"
    for file in theirs:
        file.write_text("mine")
    path = spritesheet.save(x, NAMES, tmp_path)
    assert path.name == "sprites_003.png"
    assert all(file.read_text() == "mine" for file in theirs)
    assert json.loads(path.with_suffix(".json").read_text())["meta"]["image"] == "sprites_003.png"


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda x: x[:, :, 1:], {}, r"not \(5, 4, 23, 24\)"),
        (lambda x: 2 * x, {}, "between 0 and 1"),
        (lambda x: x[:4], {}, "4 sprites, but 5 names"),
        (lambda x: x, {"names": NAMES[:4] + NAMES[:1]}, "occurs twice"),
        (lambda x: x[0], {}, r"not \(4, 24, 24\)"),
        (lambda x: (255 * x).byte(), {}, "floats, not torch.uint8"),
        (lambda x: list(x), {}, "floats, not list"),
        (lambda x: x * float("nan"), {}, "numbers"),
        (lambda x: x, {"names": None}, "list of texts"),
        (lambda x: x, {"names": "abcde"}, "list of texts"),
        (lambda x: x, {"names": [1, 2, 3, 4, 5]}, "list of texts"),
        *((lambda x: x, {"columns": wrong}, "number of columns") for wrong in (0, -1, 1.5, "3", [3], True)),
        *((lambda x: x, {"title": wrong}, "title") for wrong in ("../elsewhere", "", 3, None)),
    ],
)
def test_what_is_no_sheet_is_refused_before_anything_is_written(x, tmp_path, change, options, message):
    with refused(message, SheetError):
        spritesheet.save(change(x), **{"names": NAMES, "folder": tmp_path} | options)
    assert not list(tmp_path.iterdir())


def test_frames_that_cannot_be_laid_out():
    for size, columns in ((24, 0), (24, "3"), (24, 1.5), (0, 3), (2.5, 3)):
        with refused("whole number", SheetError):
            spritesheet.frames(NAMES, size, columns)
    with refused("list of texts", SheetError):
        spritesheet.frames("abc", 24, 2)


def test_folders_and_files_that_are_none(x, tmp_path):
    (tmp_path / "text.png").write_text("neither a folder nor a picture")
    with refused("choose another one", SheetError):
        spritesheet.save(x, NAMES, tmp_path / "text.png")
    for name in ("nowhere.png", "text.png"):
        with refused("missing or damaged", SheetError):
            spritesheet.load(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "damaged"),
        ('{"frames": {"a": {}}}', "damaged"),
        ('{"frames": {"a": {"frame": {"x": 0, "y": 0, "w": 99, "h": 24}}}}', "outside"),
        ('{"frames": {"a": {"frame": {"x": -1, "y": 0, "w": 2, "h": 2}}}}', "outside"),
    ],
)
def test_a_damaged_atlas(x, tmp_path, text, message):
    path = spritesheet.save(x, NAMES, tmp_path, columns=3)
    path.with_suffix(".json").write_text(text)
    with refused(message, SheetError):
        spritesheet.load(path)
