"""Photographs and digits come without a network; downloads end well or with one sentence and no broken file."""

import errno
import gzip
import hashlib
import http.server
import pickle
import shutil
import socket
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imagegen_lessons import datasets, images, runtime
from imagegen_lessons.datasets import Batches, DownloadError, download

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
GARMENTS = SHARED / "fashion-mnist"
needs_garments = pytest.mark.skipif(not GARMENTS.is_dir(), reason="needs ../shared/data/fashion-mnist")


@pytest.fixture
def no_network(monkeypatch):
    def blocked(*_):
        raise AssertionError("something asked for the network")

    monkeypatch.setattr(socket.socket, "connect", blocked)
    monkeypatch.setattr(socket, "getaddrinfo", blocked)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def assert_sentence(message: str, *words: str):
    assert "\n" not in message and len(message) < 250 and message.endswith("."), message
    assert ". " not in message, message
    for word in words:
        assert word in message, message


def files_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


# --------------------------------------------------------------------------------------- photos and digits


@pytest.mark.parametrize("name", datasets.PHOTOS)
def test_photos_come_without_a_network(name, no_network):
    entry = datasets.PHOTOS[name]
    assert all((entry.shows, entry.licence, entry.credit))
    x = datasets.photo(name, size=64)
    assert x.shape[:2] == (1, 3) and max(x.shape[2:]) == 64
    assert x.std() > 0.02  # not an empty sheet
    grey = bool((x[:, 0] == x[:, 1]).all())
    assert grey == ("grey" in entry.shows or name == "horse")


def test_photo_keeps_its_size():
    assert datasets.photo("cat").shape == (1, 3, 300, 451)
    with pytest.raises(ValueError) as caught:
        datasets.photo("catt")
    assert_sentence(str(caught.value), "did you mean 'cat'")
    with pytest.raises(ValueError) as caught:
        datasets.photo("zzz")
    assert_sentence(str(caught.value), "PHOTOS")


def test_photo_missing_from_the_library(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError) as caught:
        datasets.photo("cat")
    assert_sentence(str(caught.value), "install scikit-image again")


def test_digits(no_network):
    x, y = datasets.digits()
    assert x.shape == (1797, 1, 8, 8) and x.dtype == torch.float32 and y.dtype == torch.int64
    assert (
        x.min() == 0
        and x.max() == 1
        and y.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    )
    assert datasets.digits(size=16)[0].shape == (1797, 1, 16, 16)


def test_split():
    x, y = torch.arange(100.0), torch.arange(100)
    (x1, y1), (x2, y2) = datasets.split(x, y, test=0.25, seed=3)
    assert len(x1) == 75 and len(x2) == 25
    assert sorted([*y1.tolist(), *y2.tolist()]) == list(range(100))
    assert (x1 == y1).all() and (x2 == y2).all()
    assert (datasets.split(x, y, test=0.25, seed=3)[0][1] == y1).all()
    assert (datasets.split(x, y, test=0.25, seed=4)[0][1] != y1).any()
    train, test = datasets.split(x)
    assert len(train) == 80 and len(test) == 20
    for wrong in (
        lambda: datasets.split(x, y[:5]),
        lambda: datasets.split(x, test=1.5),
        lambda: datasets.split(),
        lambda: Batches(x[:3], size=32),
    ):
        with pytest.raises(ValueError) as caught:
            wrong()
        assert_sentence(str(caught.value))


# ------------------------------------------------------------------------------------------------- batches


def test_batches_cover_each_epoch_in_another_order():
    batches = Batches(torch.arange(12), size=4)
    epochs = [torch.cat([next(batches) for _ in range(3)]).tolist() for _ in range(3)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert iter(batches) is batches


def test_batches_keep_tensors_together_and_leave_out_the_rest():
    batches = Batches(torch.arange(10), torch.arange(10) * 2, size=4)
    x, y = next(batches)
    assert x.shape == (4,) and (y == 2 * x).all()
    seen = [next(batches)[0] for _ in range(1)] + [x]
    assert len(set(torch.cat(seen).tolist())) == 8
    assert batches.step == 2 and next(batches)[0].shape == (4,)


def test_batches_depend_on_their_seed_alone():
    torch.manual_seed(1)
    one = [next(Batches(torch.arange(50), size=10, seed=5))]
    torch.manual_seed(2)
    assert (next(Batches(torch.arange(50), size=10, seed=5)) == one[0]).all()
    assert (next(Batches(torch.arange(50), size=10, seed=6)) != one[0]).any()
    state = torch.get_rng_state()
    next(Batches(torch.arange(50), size=10))
    assert (torch.get_rng_state() == state).all()  # the student's own draws are not disturbed


@pytest.mark.parametrize("steps", [0, 1, 3, 5, 7])
def test_batches_resume_exactly(steps):
    x = torch.rand(20, 1, 4, 4)
    first, second = Batches(x, size=6, seed=2, flip=True), Batches(x, size=6, seed=2, flip=True)
    for _ in range(steps):
        next(first)
    next(second)
    second.load_state_dict(first.state_dict())
    for _ in range(9):
        torch.testing.assert_close(next(first), next(second), rtol=0, atol=0)


def test_batches_flip_half_of_the_pictures():
    x = torch.zeros(400, 3, 2, 2)
    x[..., 0] = 1
    labels = torch.arange(400)
    flipped, same = next(Batches(x, labels, size=400, flip=True))
    share = (flipped[:, 0, 0, 1] == 1).float().mean()
    assert 0.4 < share < 0.6 and sorted(same.tolist()) == labels.tolist()
    assert (x[..., 0] == 1).all()


@pytest.mark.parametrize(
    "tensors,size",
    [((torch.zeros(5),), 6), ((torch.zeros(5),), 0), ((torch.zeros(5), torch.zeros(4)), 2), ((), 2)],
)
def test_batches_that_cannot_be(tensors, size):
    with pytest.raises(ValueError) as caught:
        Batches(*tensors, size=size)
    assert_sentence(str(caught.value))


# ----------------------------------------------------------------------------------------------- downloads


class Server(http.server.BaseHTTPRequestHandler):
    """A server on this machine that misbehaves as the address asks."""

    content = bytes(range(256)) * 400

    def do_GET(self):
        if self.path == "/missing":
            return self.send_error(404)
        if self.path == "/silent":
            time.sleep(1.5)
            return None
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        data = self.content
        if self.path == "/half":
            data = data[: len(data) // 2]
        elif self.path == "/changed":
            data = data[:-1] + b"x"
        self.wfile.write(data)
        return None

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


CHECKSUM = "sha256:" + hashlib.sha256(Server.content).hexdigest()


def test_download_shows_one_line_and_keeps_the_file(address, tmp_path, capsys):
    path = download.retrieve(f"{address}/good", tmp_path / "new" / "data.bin", CHECKSUM, "the data")
    assert path.read_bytes() == Server.content and files_in(tmp_path) == ["data.bin"]
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "the data: 100 % of 0.1 MB" in out
    download.retrieve("http://127.0.0.1:9/never", path, CHECKSUM, "the data")  # not asked for again
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "page,words",
    [
        ("/missing", "answered with error 404"),
        ("/half", "broke off"),
        ("/changed", "arrived cut off or changed"),
        ("/silent", "cannot be reached"),
    ],
)
def test_bad_download_leaves_nothing(address, tmp_path, monkeypatch, page, words):
    monkeypatch.setattr(download, "TIMEOUT", (0.5, 0.5))
    with pytest.raises(DownloadError) as caught:
        download.retrieve(address + page, tmp_path / "data.bin", CHECKSUM, "the data")
    assert_sentence(str(caught.value), words)
    assert caught.value.__cause__ is None and (
        caught.value.__suppress_context__ or not caught.value.__context__
    )
    assert list(tmp_path.iterdir()) == []


def test_offline(cache, monkeypatch):
    def unreachable(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    for ask in (lambda: datasets.fetch("starry_night"), datasets.fashion_mnist, datasets.cifar10):
        with pytest.raises(DownloadError) as caught:
            ask()
        assert_sentence(str(caught.value), "cannot be reached", "connect to the internet")
    assert files_in(cache) == []


def test_damaged_file_in_the_cache_is_replaced(address, tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(Server.content[:100])
    with pytest.raises(DownloadError):
        download.retrieve(f"{address}/half", path, CHECKSUM, "the data")
    assert not path.exists()  # a damaged file is of no use to anyone
    path.write_bytes(Server.content[:100])
    assert download.retrieve(f"{address}/good", path, CHECKSUM, "the data").read_bytes() == Server.content


def test_interrupted_download_leaves_nothing(address, tmp_path, monkeypatch):
    def stop(self, count):
        raise KeyboardInterrupt

    monkeypatch.setattr(download._Progress, "update", stop)
    with pytest.raises(KeyboardInterrupt):
        download.retrieve(f"{address}/good", tmp_path / "data.bin", CHECKSUM, "the data")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_and_forbidden_folder(address, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError) as caught:
        download.retrieve(f"{address}/good", tmp_path / "file" / "data.bin", CHECKSUM, "the data")
    assert_sentence(str(caught.value), "cannot be stored")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download.os, "replace", full)
    with pytest.raises(DownloadError) as caught:
        download.retrieve(f"{address}/good", tmp_path / "data.bin", CHECKSUM, "the data")
    assert_sentence(str(caught.value), "disk is full")
    assert files_in(tmp_path) == ["file"]


def test_fetch(cache, address, monkeypatch):
    entry = download.Download("a thing", f"{address}/good.jpg", CHECKSUM.partition(":")[2], "CC0")
    monkeypatch.setattr(download, "DOWNLOADS", {"thing": entry})
    assert datasets.fetch("thing") == cache / "thing.jpg"
    with pytest.raises(ValueError) as caught:
        datasets.fetch("nothing")
    assert_sentence(str(caught.value), "thing")


def test_download_registry():
    for name, entry in datasets.DOWNLOADS.items():
        assert entry.url.startswith("https://") and len(entry.sha256) == 64 and entry.licence and entry.title
        local = SHARED / "style" / "paintings" / entry.url.rpartition("/")[2]
        if local.is_file():
            assert download.intact(local, f"sha256:{entry.sha256}"), name


# --------------------------------------------------------------------------------- Fashion-MNIST, CIFAR-10


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


@needs_garments
def test_real_garments(no_network):
    x, y, names = datasets.fashion_mnist(root=GARMENTS)
    assert names == datasets.GARMENTS
    assert x.shape == (20_000, 1, 32, 32) and y.shape == (20_000,) and len(names) == 10
    assert x.dtype == torch.float32 and y.dtype == torch.int64 and x.min() == 0 and x.max() == 1
    assert names[y[0]] == "boot" and x[..., :2, :].max() == 0 and y.bincount().min() > 1800
    x, y, _ = datasets.fashion_mnist(train=False, size=28, root=GARMENTS, limit=500)
    assert x.shape == (500, 1, 28, 28) and names[y[0]] == "boot" and names[y[1]] == "pullover"


@needs_garments
def test_checksums_are_those_of_the_real_files():
    from torchvision.datasets import FashionMNIST

    file = "t10k-labels-idx1-ubyte.gz"  # the one file of the real set that is here unchanged
    assert download.intact(GARMENTS / file, f"md5:{dict(FashionMNIST.resources)[file]}")


def test_garments_in_every_place_and_form(garments, no_network):
    expected = datasets.fashion_mnist(root=garments)[0]
    raw = garments / "elsewhere" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in garments.glob("*.gz"):
        (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    torch.testing.assert_close(datasets.fashion_mnist(root=str(garments / "elsewhere"))[0], expected)
    assert datasets.fashion_mnist(size=16, limit=5, root=garments)[0].shape == (5, 1, 16, 16)


def test_garments_from_the_cache_need_no_network(garments, cache, no_network, monkeypatch):
    from torchvision.datasets import FashionMNIST

    raw = cache / "FashionMNIST" / "raw"
    shutil.copytree(garments, raw, ignore=lambda *_: ["cache"])
    checksums = [(p.name, hashlib.md5(p.read_bytes()).hexdigest()) for p in raw.iterdir()]
    monkeypatch.setattr(FashionMNIST, "resources", checksums)
    assert len(datasets.fashion_mnist()[0]) == 30 and len(datasets.fashion_mnist(train=False)[0]) == 20


def half_of(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


DAMAGE = {
    "empty": lambda data: b"",
    "half": half_of,
    "one byte short": lambda data: data[:-1],
    "flipped byte": flipped,
    "not packed": lambda data: b"<html>404</html>",
    "another file": lambda data: gzip.compress(b"hello"),
    "half inside": lambda data: gzip.compress(half_of(gzip.decompress(data))),
    "wrong header": lambda data: gzip.compress(b"\0\0\x0d\3" + gzip.decompress(data)[4:]),
    "boastful header": lambda data: gzip.compress(b"\0\0\x08\3" + b"\xff" * 12 + gzip.decompress(data)[16:]),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
def test_damaged_garments_get_one_sentence(garments, damage, kind, no_network):
    path = garments / f"train-{kind}-ubyte.gz"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(DownloadError) as caught:
        datasets.fashion_mnist(root=garments)
    assert_sentence(str(caught.value), path.name, "damaged or incomplete")
    assert caught.value.__suppress_context__ and path.exists()  # the user's own file stays


def test_garments_that_do_not_fit_each_other(garments, no_network):
    shutil.copy(garments / "t10k-labels-idx1-ubyte.gz", garments / "train-labels-idx1-ubyte.gz")
    with pytest.raises(DownloadError) as caught:
        datasets.fashion_mnist(root=garments)
    assert_sentence(str(caught.value), "do not belong together")
    (garments / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DownloadError) as caught:
        datasets.fashion_mnist(root=garments)
    assert_sentence(str(caught.value), "There is no train-labels-idx1-ubyte.gz")


@pytest.fixture
def cifar(tmp_path, monkeypatch) -> Path:
    """A small set in the form of CIFAR-10, known to torchvision by its checksums."""
    from torchvision.datasets import CIFAR10

    place = tmp_path / "own" / CIFAR10.base_folder
    place.mkdir(parents=True)

    def write(name, content):
        (place / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((place / name).read_bytes()).hexdigest()]

    pictures = np.random.default_rng(0).integers(0, 256, (20, 3072), dtype=np.uint8)
    batch = {"data": pictures, "labels": [k % 10 for k in range(20)]}
    monkeypatch.setattr(CIFAR10, "train_list", [write("data_batch_1", batch)])
    monkeypatch.setattr(CIFAR10, "test_list", [write("test_batch", batch)])
    meta = write("batches.meta", {"label_names": list(datasets.CIFAR10_LABELS)})
    monkeypatch.setattr(CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    return place.parent


def test_cifar10(cifar, no_network):
    x, y, names = datasets.cifar10(root=cifar)
    assert x.shape == (20, 3, 32, 32) and y.tolist() == [*range(10)] * 2 and names[3] == "cat"
    assert x.min() >= 0 and x.max() <= 1
    assert datasets.cifar10(train=False, size=16, limit=7, root=cifar)[0].shape == (7, 3, 16, 16)
    path = cifar / "cifar-10-batches-py" / "data_batch_1"
    path.write_bytes(half_of(path.read_bytes()))
    with pytest.raises(DownloadError) as caught:
        datasets.cifar10(root=cifar)
    assert_sentence(str(caught.value), "no complete cifar-10-batches-py")


def test_cifar10_download(cifar, cache, address, monkeypatch):
    from torchvision.datasets import CIFAR10

    archive = cifar / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(cifar / CIFAR10.base_folder, CIFAR10.base_folder)
    monkeypatch.setattr(Server, "content", archive.read_bytes())
    monkeypatch.setattr(CIFAR10, "url", f"{address}/good")
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    assert len(datasets.cifar10()[0]) == 20
    assert files_in(cache) == ["batches.meta", "data_batch_1", "test_batch"]
    (cache / "CIFAR10" / CIFAR10.base_folder / "test_batch").write_bytes(b"")
    with pytest.raises(DownloadError) as caught:
        datasets.cifar10()
    assert_sentence(str(caught.value), "damaged", "run the cell again")
    assert len(datasets.cifar10()[0]) == 20


# ---------------------------------------------------------------------------------------- your own pictures


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


def test_folder_without_pictures(tmp_path):
    for path, words in ((tmp_path, "no picture"), (tmp_path / "none", "There is no folder")):
        with pytest.raises(ValueError) as caught:
            datasets.folder(path, 16)
        assert_sentence(str(caught.value), words)


def test_photos_are_images():
    assert images.check(datasets.photo("coffee", size=32)).shape == (1, 3, 21, 32)


def test_readme_lists_every_picture_and_download():
    text = (runtime.ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for name, entry in datasets.PHOTOS.items():
        assert f"| `{name}` | {entry.shows} | {entry.credit} | {entry.licence} |" in text
    for name, entry in datasets.DOWNLOADS.items():
        assert f'| `datasets.fetch("{name}")` | {entry.title} |' in text and entry.licence in text
