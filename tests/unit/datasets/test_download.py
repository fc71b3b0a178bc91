"""Downloads end well, or with one sentence and no broken file."""

import errno
import hashlib
import shutil
import socket
from pathlib import Path

import pytest

from imagegen_lessons import datasets
from imagegen_lessons.datasets import DownloadError, download

CONTENT = bytes(range(256)) * 400
PAINTINGS = Path(__file__).resolve().parents[4] / "shared" / "style" / "paintings"


@pytest.fixture
def file(cache, server, monkeypatch):
    """Where the one download of the tests lies; `file.address(…)` says how the server misbehaves."""
    server.files["thing.jpg"] = CONTENT

    def address(manner):
        sha256 = hashlib.sha256(CONTENT).hexdigest()
        entry = download.Download("a thing", f"{server.url}/{manner}/thing.jpg", sha256)
        monkeypatch.setattr(download, "DOWNLOADS", {"thing": entry})

    address("good")
    return cache / "thing.jpg", address


def test_a_download_shows_one_line_and_is_kept(file, capsys, server):
    path, _ = file
    assert datasets.fetch("thing") == path and path.read_bytes() == CONTENT
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1 and "a thing: 100 % of 0.1 MB" in captured.out and not captured.err
    server.files.clear()
    assert datasets.fetch("thing") == path, "not asked for again"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("missing", "error 404"),
        ("half", "run"),
        ("changed", "cut off or changed"),
        ("silent", "cannot be reached"),
    ],
)
def test_a_bad_download_leaves_nothing(file, server, monkeypatch, manner, words):
    path, address = file
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    address(manner)
    if manner == "missing":
        server.files.clear()
    with pytest.raises(DownloadError, match=words) as caught:
        datasets.fetch("thing")
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    assert caught.value.__suppress_context__
    assert list(path.parent.iterdir()) == []


def test_without_a_network_one_sentence_says_so(cache, monkeypatch):
    def unreachable(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    for ask in (lambda: datasets.fetch("starry_night"), datasets.fashion_mnist, datasets.cifar10):
        with pytest.raises(DownloadError, match="cannot be reached; connect to the internet"):
            ask()
    assert list(cache.rglob("*")) == []


def test_a_damaged_file_in_the_cache_is_replaced(file):
    path, _ = file
    path.parent.mkdir()
    path.write_bytes(CONTENT[:100])
    assert datasets.fetch("thing").read_bytes() == CONTENT


def test_an_interrupted_download_leaves_nothing(file, monkeypatch):
    def stop(self, count):
        raise KeyboardInterrupt

    monkeypatch.setattr(download._Progress, "update", stop)
    with pytest.raises(KeyboardInterrupt):
        datasets.fetch("thing")
    assert list(file[0].parent.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "cannot be stored")]
)
def test_a_full_disk_and_a_forbidden_folder_are_said(file, monkeypatch, number, words):
    def fail(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(shutil, "move", fail)
    with pytest.raises(DownloadError, match=words):
        datasets.fetch("thing")
    assert list(file[0].parent.iterdir()) == []


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="starry_night"):
        datasets.fetch("nothing")


def test_the_table_is_complete_and_its_checksums_are_those_of_the_files():
    for name, entry in datasets.DOWNLOADS.items():
        assert entry.url.startswith("https://") and len(entry.sha256) == 64 and entry.licence and entry.title
        local = PAINTINGS / entry.url.rpartition("/")[2]
        if local.is_file():
            assert hashlib.sha256(local.read_bytes()).hexdigest() == entry.sha256, name
