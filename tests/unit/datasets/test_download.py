"""Downloads end well, or with one sentence and no broken file."""

import errno
import hashlib
import shutil
import socket

import pytest

from imagegen_lessons import datasets
from imagegen_lessons.datasets import DownloadError, download
from tests.unit.helpers import refused

CONTENT = bytes(range(256)) * 400


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
    [("missing", "error 404"), ("half", "run"), ("changed", "changed"), ("silent", "cannot be reached")],
)
def test_a_bad_download_leaves_nothing(file, server, monkeypatch, manner, words):
    path, address = file
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    address(manner)
    if manner == "missing":
        server.files.clear()
    with refused(words, DownloadError):
        datasets.fetch("thing")
    assert list(path.parent.iterdir()) == []


def test_without_a_network_one_sentence_says_so(cache, monkeypatch):
    def unreachable(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    for ask in (lambda: datasets.fetch("starry_night"), datasets.fashion_mnist, datasets.cifar10):
        with refused("cannot be reached", DownloadError):
            ask()
    assert list(cache.rglob("*")) == []


def test_a_damaged_file_in_the_cache_is_replaced(file):
    path, _ = file
    path.parent.mkdir()
    path.write_bytes(CONTENT[:100])
    assert datasets.fetch("thing").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("failure", "error", "words"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (OSError(errno.ENOSPC, "no"), DownloadError, "disk is full"),
        (OSError(errno.EACCES, "no"), DownloadError, "cannot be stored"),
    ],
)
def test_an_interruption_a_full_disk_and_a_forbidden_folder_leave_nothing(
    file, monkeypatch, failure, error, words
):
    def fail(*_):
        raise failure

    monkeypatch.setattr(shutil, "move", fail)
    with refused(words, error):
        datasets.fetch("thing")
    assert list(file[0].parent.iterdir()) == []


def test_an_unknown_name_lists_the_known_ones():
    with refused("starry_night"):
        datasets.fetch("nothing")


def test_the_table_is_complete():
    for entry in datasets.DOWNLOADS.values():
        assert entry.url.startswith("https://") and len(entry.sha256) == 64 and entry.licence and entry.title
