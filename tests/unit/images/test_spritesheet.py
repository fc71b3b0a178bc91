"""Sprite sheets: what is written comes back, nothing is overwritten, and every refusal is one sentence."""

import json

import pytest
import torch
from PIL import Image

from imagegen_lessons.images import spritesheet
from imagegen_lessons.images.spritesheet import SheetError
from imagegen_lessons.synthetic import sprites

NAMES = [f"sprite {i}" for i in range(5)]


@pytest.fixture
def x():
    return sprites.render(sprites.sample(5, seed=1))


def test_what_is_written_comes_back(x, tmp_path):
    path = spritesheet.save(x, NAMES, tmp_path, columns=3)
    back = spritesheet.load(path)
    assert list(back) == NAMES
    torch.testing.assert_close(torch.stack(list(back.values())), x, atol=1 / 255, rtol=0)


def test_the_files_are_what_an_engine_expects(x, tmp_path):
    path = spritesheet.save(x, NAMES, tmp_path / "new" / "folder", columns=3, title="heroes")
    with Image.open(path) as picture:
        assert (picture.mode, picture.size) == ("RGBA", (72, 48 + 14))  # the label lies below
        assert picture.getpixel((71, 47)) == (0, 0, 0, 0)  # the sixth place is empty
    atlas = json.loads(path.with_suffix(".json").read_text())
    assert atlas["meta"] == {
        "image": "heroes_001.png",
        "format": "RGBA8888",
        "size": {"w": 72, "h": 62},
        "scale": "1",
    }
    assert atlas["frames"]["sprite 4"]["frame"] == {"x": 24, "y": 24, "w": 24, "h": 24}
    assert atlas["frames"]["sprite 4"]["sourceSize"] == {"w": 24, "h": 24}


def test_half_transparent_pixels_are_decided_and_keep_their_colour():
    x = torch.zeros(1, 4, 1, 2)
    x[0, :, 0, 0] = torch.tensor([0.6, 0.3, 0.0, 0.6])  # full red, half green, premultiplied by 0.6
    x[0, :, 0, 1] = torch.tensor([0.4, 0.4, 0.4, 0.4])
    sheet = spritesheet.place(x, 1)
    torch.testing.assert_close(sheet[:, 0].T, torch.tensor([[1, 0.5, 0, 1], [0, 0, 0, 0]]))


def test_nothing_is_overwritten(x, tmp_path):
    (tmp_path / "sprites_001.json").write_text("mine")
    (tmp_path / "sprites_002.png").write_text("mine too")
    path = spritesheet.save(x, NAMES, tmp_path)
    assert path.name == "sprites_003.png"
    assert (tmp_path / "sprites_001.json").read_text() == "mine"
    assert (tmp_path / "sprites_002.png").read_text() == "mine too"
    assert json.loads(path.with_suffix(".json").read_text())["meta"]["image"] == "sprites_003.png"


def test_refusals(x, tmp_path):
    with pytest.raises(SheetError, match=r"shape \(n, 4, height, width\), not \(5, 3, 24, 24\)"):
        spritesheet.save(x[:, :3], NAMES, tmp_path)
    with pytest.raises(SheetError, match="between 0 and 1"):
        spritesheet.save(x * float("nan"), NAMES, tmp_path)
    with pytest.raises(SheetError, match="between 0 and 1"):
        spritesheet.save(2 * x, NAMES, tmp_path)
    with pytest.raises(SheetError, match="5 sprites, but 4 names"):
        spritesheet.save(x, NAMES[:4], tmp_path)
    with pytest.raises(SheetError, match="occurs twice"):
        spritesheet.save(x, NAMES[:4] + NAMES[:1], tmp_path)
    with pytest.raises(SheetError, match="at least 1 column"):
        spritesheet.save(x, NAMES, tmp_path, columns=0)
    with pytest.raises(SheetError, match="title"):
        spritesheet.save(x, NAMES, tmp_path, title="../elsewhere")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_gives_one_sentence(x, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SheetError, match="cannot be written .*: choose another one"):
        spritesheet.save(x, NAMES, tmp_path / "file")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "missing or damaged"),
        ("[]", "missing or damaged"),
        ('{"frames": {"a": {}}}', "missing or damaged"),
        ('{"frames": {"a": {"frame": {"x": 0, "y": 0, "w": 99, "h": 24}}}}', "outside the picture"),
        ('{"frames": {"a": {"frame": {"x": -1, "y": 0, "w": 2, "h": 2}}}}', "outside the picture"),
    ],
)
def test_a_damaged_atlas_gives_one_sentence(x, tmp_path, text, message):
    path = spritesheet.save(x, NAMES, tmp_path, columns=3)
    path.with_suffix(".json").write_text(text)
    with pytest.raises(SheetError, match=message):
        spritesheet.load(path)


def test_a_missing_or_foreign_picture_gives_one_sentence(tmp_path):
    with pytest.raises(SheetError, match="missing or damaged"):
        spritesheet.load(tmp_path / "nowhere.png")
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(SheetError, match="missing or damaged"):
        spritesheet.load(tmp_path / "text.png")
