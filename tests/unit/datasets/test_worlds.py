"""Worlds by name: pictures, labels and their names fit together, offline where it is promised."""

from functools import partial

import pytest
import torch

from imagegen_lessons import datasets, images
from imagegen_lessons.datasets import worlds
from imagegen_lessons.synthetic import faces, paintings
from tests.unit.helpers import refused

DRAWN = ("faces", "landscapes", "art", "sprites")


def fits(world, n, size, channels=3):
    assert world.x.shape == (n, channels, size, size) and world.x.dtype == torch.float32
    assert world.x.min() >= 0 and world.x.max() <= 1
    assert world.y.shape == (n, len(world.names)) and world.y.dtype == torch.int64
    for column, names in zip(world.y.T, world.names, strict=True):
        assert column.min() >= 0 and column.max() < len(names)


@pytest.fixture(autouse=True)
def few_paintings(monkeypatch):
    monkeypatch.setattr(worlds, "PAINTINGS", 1)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("size", [32, 48])
def test_drawn_worlds_need_no_network_and_repeat(name, size, no_network):
    first = datasets.world(name, 60, size)
    fits(first, 60, size)
    again, other = datasets.world(name, 60, size), datasets.world(name, 60, size, seed=8)
    assert torch.equal(first.x, again.x) and torch.equal(first.y, again.y)
    assert not torch.equal(first.x, other.x)


def test_faces_are_lesson_03s():
    world = datasets.world("faces", 10)
    assert torch.equal(world.x, faces.render(faces.passports(10, seed=7)))


def test_a_piece_of_a_painting_is_labelled_with_its_style():
    world = datasets.world("art", 300)
    small = images.resize(paintings.gallery(10, 7, 256), 32).mean(dim=(2, 3))  # the mean colours of the ten
    nearest = torch.cdist(world.x.mean(dim=(2, 3)), small).argmin(dim=1)
    assert (nearest == world.y[:, 0]).float().mean() > 0.4  # chance: a tenth
    assert world.names == (tuple(paintings.STYLES),)


def test_sprites_lie_in_the_middle():
    x = datasets.world("sprites", 5, 50).x
    ground = torch.tensor(worlds.GROUND)
    for edge in (x[:, :, 0], x[:, :, -1], x[:, :, :, 0], x[:, :, :, -1]):
        torch.testing.assert_close(edge, ground[:, None].expand_as(edge))


def test_animals_keep_their_kind(monkeypatch, cifar):
    x = datasets.cifar10(root=cifar)[0]
    monkeypatch.setattr(worlds, "cifar10", partial(datasets.cifar10, root=cifar))
    horses = datasets.world("horses")
    fits(horses, 2, 32)
    assert torch.equal(horses.x, x[7::10]) and horses.names == (("horse",),)
    animals = datasets.world("animals", 10, 16)
    fits(animals, 10, 16)
    names = [animals.names[0][k] for k in animals.y[:, 0]]
    assert names == ["bird", "cat", "deer", "dog", "frog", "horse", "bird", "cat", "deer", "dog"]


def test_garments_and_ones_own_pictures(monkeypatch, tmp_path):
    real = (torch.rand(20, 1, 32, 32), torch.arange(20) % 10, datasets.GARMENTS)
    monkeypatch.setattr(worlds, "fashion_mnist", lambda size, limit: real)
    fits(datasets.world("garments"), 20, 32, channels=1)
    images.save(torch.rand(1, 3, 40, 50), tmp_path / "mine.png")
    own = datasets.world("folder", path=tmp_path)
    fits(own, 1, 32)
    assert own.names == ()
    images.save(torch.rand(1, 3, 40, 50), tmp_path / "cats" / "a.png")
    images.save(torch.rand(1, 3, 40, 50), tmp_path / "dogs" / "b.png")
    (tmp_path / "mine.png").unlink()
    own = datasets.world("folder", path=tmp_path)
    fits(own, 2, 32)
    assert own.names == (("cats", "dogs"),) and own.y.tolist() == [[0], [1]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fotos",), "There is no world 'fotos': choose one of faces, landscapes"),
        ((None,), "There is no world None"),
        (("faces", 0), "number of pictures"),
        (("landscapes", 5, 8), "size must be"),
        (("sprites", 5, 20), "too small"),
        (("folder", 5, 32), "There is no folder"),
    ],
)
def test_what_is_no_world_gets_one_sentence(arguments, says):
    with refused(says):
        datasets.world(*arguments)
