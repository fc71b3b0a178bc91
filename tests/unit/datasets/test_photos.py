"""Photographs come from the installed libraries, without a network."""

import pytest

from imagegen_lessons import datasets, images, runtime
from tests.unit.helpers import refused


@pytest.mark.parametrize("name", datasets.PHOTOS)
def test_photos_come_without_a_network(name, no_network):
    entry = datasets.PHOTOS[name]
    assert all((entry.shows, entry.licence, entry.credit))
    x = datasets.photo(name, size=64)
    assert x.shape[:2] == (1, 3) and max(x.shape[2:]) == 64
    assert x.std() > 0.02  # not an empty sheet
    grey = bool((x[:, 0] == x[:, 1]).all())
    assert grey == ("grey" in entry.shows or name == "horse")


def test_a_photo_keeps_its_size_and_is_an_image():
    assert images.check(datasets.photo("cat")).shape == (1, 3, 300, 451)
    assert images.check(datasets.photo("coffee", size=32)).shape == (1, 3, 21, 32)


@pytest.mark.parametrize(("name", "words"), [("catt", "did you mean 'cat'"), ("zzz", "PHOTOS")])
def test_a_name_that_is_none_gets_a_hint(name, words):
    with refused(words):
        datasets.photo(name)


def test_a_photo_missing_from_the_library(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with refused("install scikit-image again"):
        datasets.photo("cat")


def test_the_readme_lists_every_photo_and_download():
    text = (runtime.ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for name, entry in datasets.PHOTOS.items():
        assert f"| `{name}` | {entry.shows} | {entry.credit} | {entry.licence} |" in text
    for name, entry in datasets.DOWNLOADS.items():
        assert f'| `datasets.fetch("{name}")` | {entry.title} |' in text and entry.licence in text
