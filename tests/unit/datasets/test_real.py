"""Digits, Fashion-MNIST and CIFAR-10: from the library, from the user's folder, or downloaded by torchvision."""

import gzip
import hashlib
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10, FashionMNIST

from imagegen_lessons import datasets
from imagegen_lessons.datasets import DownloadError, real
from tests.unit.helpers import refused


def test_digits(no_network):
    x, y = datasets.digits()
    assert x.shape == (1797, 1, 8, 8) and x.dtype == torch.float32 and y.dtype == torch.int64
    assert x.min() == 0 and x.max() == 1 and y.bincount().min() == 174 and y.bincount().max() == 183
    assert datasets.digits(size=16)[0].shape == (1797, 1, 16, 16)


def idx(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, dtype=">u4").tobytes()
    return header + values.astype(np.uint8).tobytes()


@pytest.fixture
def garments(tmp_path) -> Path:
    """A small set in the form of Fashion-MNIST."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 30), ("t10k", 20)):
        pictures, labels = rng.integers(0, 256, (n, 28, 28)), np.arange(n) % 10
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pictures)))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return tmp_path


def test_garments_in_every_place_and_form(garments, no_network):
    expected, y, names = datasets.fashion_mnist(root=garments)
    assert expected.shape == (30, 1, 32, 32) and expected.dtype == torch.float32 and y.dtype == torch.int64
    assert expected.min() >= 0 and expected.max() <= 1 and y.tolist() == [*range(10)] * 3
    assert expected[..., :2, :].max() == 0 and names == datasets.GARMENTS
    raw = garments / "elsewhere" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in garments.glob("*.gz"):
        (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    torch.testing.assert_close(datasets.fashion_mnist(root=str(garments / "elsewhere"))[0], expected)
    assert datasets.fashion_mnist(size=16, limit=5, root=garments)[0].shape == (5, 1, 16, 16)


DAMAGE = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "not packed": lambda data: b"<html>404</html>",
    "flipped byte": lambda data: data[:-9] + bytes([data[-9] ^ 0xFF]) + data[-8:],
    "another file": lambda data: gzip.compress(b"hello"),
    "half inside": lambda data: gzip.compress(gzip.decompress(data)[:15]),
    "wrong header": lambda data: gzip.compress(b"\0\0\x0d\3" + gzip.decompress(data)[4:]),
    "boastful header": lambda data: gzip.compress(b"\0\0\x08\3" + b"\xff" * 12 + gzip.decompress(data)[16:]),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
def test_damaged_garments_get_one_sentence(garments, damage, kind, no_network):
    path = garments / f"train-{kind}-ubyte.gz"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with refused(f"{path.name}.*damaged", DownloadError):
        datasets.fashion_mnist(root=garments)
    assert path.exists(), "the user's own file stays"


def test_garments_that_do_not_fit_each_other(garments, no_network):
    labels = garments / "train-labels-idx1-ubyte.gz"
    shutil.copy(garments / "t10k-labels-idx1-ubyte.gz", labels)
    with refused("do not belong together", DownloadError):
        datasets.fashion_mnist(root=garments)
    labels.unlink()
    with refused("There is no train-labels-idx1-ubyte.gz", DownloadError):
        datasets.fashion_mnist(root=garments)


def test_cifar10(cifar, no_network):
    x, y, names = datasets.cifar10(root=cifar)
    assert x.shape == (20, 3, 32, 32) and y.tolist() == [*range(10)] * 2 and names[3] == "cat"
    assert x.min() >= 0 and x.max() <= 1
    assert datasets.cifar10(train=False, size=16, limit=7, root=cifar)[0].shape == (7, 3, 16, 16)
    animals, kinds, names = datasets.cifar10(root=cifar, limit=3, classes=("horse", "cat"))
    assert torch.equal(animals, x[[3, 7, 13]]) and kinds.tolist() == [1, 0, 1] and names == ("horse", "cat")
    for wrong in ("cat", ("cat", "zebra")):
        with refused("classes is a tuple of names"):
            datasets.cifar10(root=cifar, classes=wrong)
    path = cifar / "cifar-10-batches-py" / "data_batch_1"
    path.write_bytes(path.read_bytes()[:-9])
    with refused("no complete cifar-10-batches-py", DownloadError):
        datasets.cifar10(root=cifar)


# --------------------------------------------------------------------------------------------- downloads


@pytest.fixture
def published(server, cifar, garments, monkeypatch):
    """Both small sets on the server; a function says how it misbehaves."""
    packed = list(garments.glob("*.gz"))
    server.files |= {path.name: path.read_bytes() for path in packed}
    archive = cifar / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(cifar / CIFAR10.base_folder, CIFAR10.base_folder)
    server.files["cifar.tar.gz"] = archive.read_bytes()
    md5 = {name: hashlib.md5(data).hexdigest() for name, data in server.files.items()}
    monkeypatch.setattr(FashionMNIST, "resources", [(path.name, md5[path.name]) for path in packed])
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5["cifar.tar.gz"])

    def address(manner):
        monkeypatch.setattr(FashionMNIST, "mirrors", [f"{server.url}/{manner}/"])
        monkeypatch.setattr(CIFAR10, "url", f"{server.url}/{manner}/cifar.tar.gz")

    return address


SETS = {"FashionMNIST": (datasets.fashion_mnist, 30), "CIFAR10": (datasets.cifar10, 20)}


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_downloaded_once(published, server, cache, capfd, name):
    get, n = SETS[name]
    published("good")
    assert len(get()[0]) == n and "100" in capfd.readouterr().err
    assert [path.name for path in cache.iterdir()] == [name] and not list(cache.rglob("*.gz"))
    server.files.clear()
    assert len(get()[0]) == n and len(get(train=False)[0]) == 20


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("manner", ["half", "changed", "silent", "missing"])
def test_a_bad_download_of_a_set_leaves_nothing(published, server, cache, monkeypatch, name, manner):
    monkeypatch.setattr(real, "TIMEOUT", 0.3)
    published(manner)
    if manner == "missing":
        server.files.clear()
    with refused("could not be downloaded", DownloadError):
        SETS[name][0]()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("name", SETS)
def test_a_set_damaged_in_the_cache_is_removed_and_then_downloaded_again(published, cache, name):
    get, n = SETS[name]
    published("good")
    get()
    largest = max((path for path in cache.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    largest.write_bytes(b"")
    with refused("damaged", DownloadError):
        get()
    assert len(get()[0]) == n
