"""The user's own pictures: all of a folder that can be used, and one line about the others."""

import pytest
import torch
from PIL import Image

from imagegen_lessons import datasets
from imagegen_lessons.display import progress
from tests.unit.helpers import refused


def test_folder(tmp_path, capsys):
    for k in range(4):
        Image.new("RGB", (40 + k, 30), (60 * k, 0, 0)).save(tmp_path / f"{k}.png")
    (tmp_path / "more").mkdir()
    Image.new("L", (10, 50), 255).save(tmp_path / "more" / "tall.jpg")
    (tmp_path / ".hidden").write_text("not looked at")
    x = datasets.folder(tmp_path, 16)
    assert x.shape == (5, 3, 16, 16) and capsys.readouterr().out == ""
    assert (x[:4, 0, 8, 8] * 255).round().tolist() == [0, 60, 120, 180]
    (tmp_path / "0.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("Some notes.")
    assert datasets.folder(tmp_path, 16).shape == (4, 3, 16, 16)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "Left out 2 of 6 files" in out and "'0.png' is empty" in out
    assert datasets.folder(str(tmp_path), 16, limit=2).shape == (2, 3, 16, 16)


def test_folders_in_a_folder_are_classes(tmp_path):
    for name, red in (
        ("cats/a", 0),
        ("cats/b", 50),
        ("cats/old/c", 100),
        ("dogs/a", 200),
        ("empty/notes", None),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if red is not None:
            Image.new("RGB", (20, 20), (red, 0, 0)).save(tmp_path / f"{name}.png")
    x, y, names = datasets.folder_with_classes(tmp_path, 8)
    assert names == ("cats", "dogs") and y.tolist() == [[0], [1], [0], [0]]
    assert (x[:, 0, 4, 4] * 255).round().tolist() == [0, 200, 50, 100]
    assert datasets.folder_with_classes(tmp_path, 8, limit=2)[1].tolist() == [[0], [1]]  # one of each
    x, y, names = datasets.folder_with_classes(tmp_path / "cats", 8)
    assert (len(x), y.shape, names) == (3, (3, 0), ())  # two of the three lie in no folder of their own
    assert datasets.folder_with_classes(str(tmp_path / "dogs"), 8)[2] == ()


@pytest.mark.parametrize("shape", [(60, 20), (20, 60)])
def test_pictures_are_cut_to_their_middle_square(tmp_path, shape):
    picture = Image.new("RGB", shape, "red")
    picture.paste("blue", (shape[0] // 2 - 10, shape[1] // 2 - 10, shape[0] // 2 + 10, shape[1] // 2 + 10))
    picture.save(tmp_path / "a.png")
    x = datasets.folder(tmp_path, 16)
    assert x[:, 2].min() > 0.99 and x[:, 0].max() < 0.01


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "no picture"),
        ("none", r"There is no folder '.*none': it does not exist"),
        ("notes.txt", "is a file, not a folder"),
    ],
)
def test_a_folder_without_pictures(tmp_path, name, words):
    (tmp_path / "notes.txt").write_text("Some notes.")
    with refused(words):
        datasets.folder(tmp_path / name, 16)


def test_copies_and_bins_of_programs_are_not_the_users_pictures(tmp_path):
    for name in (
        "cats/a.png",
        "cats/.ipynb_checkpoints/a-checkpoint.png",
        ".Trash-0/files/gone.png",
        ".thumbnails/t.png",
        "__MACOSX/cats/._a.png",
        "@eaDir/a.png/SYNOPHOTO_THUMB_M.png",
        "$RECYCLE.BIN/$R1.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    hidden = tmp_path / ".my pictures"  # asked for by name
    hidden.mkdir()
    Image.new("RGB", (40, 30)).save(hidden / "b.png")
    assert len(datasets.folder(tmp_path, 8)) == 1 and len(datasets.folder(hidden, 8)) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("size", 0), ("size", 8.5), ("limit", 0), ("crops", 0), ("crops", True)]
)
def test_sizes_that_cannot_be_are_refused(tmp_path, name, value):
    with refused(f"{name} is a whole number from 1"):
        datasets.folder(tmp_path, **{"size": 8, name: value})


def test_many_squares_of_each_picture(tmp_path):
    for k, shape in enumerate([(60, 20), (20, 60), (20, 20)]):
        Image.linear_gradient("L").resize(shape).convert("RGB").save(tmp_path / f"{k}.png")
    (tmp_path / "broken.png").write_bytes(b"")
    x = datasets.folder(tmp_path, 16, crops=50)
    assert x.shape == (150, 3, 16, 16) and torch.equal(x, datasets.folder(tmp_path, 16, crops=50))
    dark, light = x[50:100].flatten(1).min(dim=1).values, x[50:100].flatten(1).max(dim=1).values
    assert dark.min() < 0.1 and light.max() > 0.9, "They lie anywhere, up to both ends of a tall picture."
    assert 0.1 < (light - dark).min() < (light - dark).max() < 0.4, (
        "Of a tall picture each shows a sixth to a third."
    )
    assert datasets.folder(tmp_path, 16, limit=2, crops=4).shape == (8, 3, 16, 16)


def test_many_pictures_show_how_far_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress.Progress, "due", lambda self: True)
    for k in range(4):
        Image.new("RGB", (20, 20)).save(tmp_path / f"{k}.png")
    datasets.folder(tmp_path, 8)
    assert "2 read, 2 files left" in capsys.readouterr().err
