"""Real pictures in memory: what comes with the libraries, what is downloaded when asked, the user's own."""

import gzip
import os
import shutil
import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from imagegen_lessons import images, runtime
from imagegen_lessons.datasets import download

# A lesson imports only `datasets`, so what these two offer is offered here as well.
from imagegen_lessons.datasets.download import DOWNLOADS, DownloadError, fetch  # noqa: F401
from imagegen_lessons.datasets.photos import PHOTOS, photo  # noqa: F401

GARMENTS = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")


CIFAR10_LABELS = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def digits(size: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """1,797 real handwritten digits: x (1797, 1, size, size) in [0, 1], and their labels 0 to 9 (1797,).

    They are 8×8 pictures with 17 grey levels; another `size` is interpolated. Source: scikit-learn's
    `load_digits`, the test part of UCI's "Optical Recognition of Handwritten Digits" (Alpaydin, Kaynak 1998).
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    x = torch.from_numpy(data.images).float()[:, None] / 16
    return x if size == 8 else images.resize(x, size), torch.from_numpy(data.target).long()


def fashion_mnist(train: bool = True, size: int = 32, limit: int | None = None, root=None):
    """Fashion-MNIST: x (n, 1, size, size) in [0, 1], labels (n,), and the names of the ten garments.

    60,000 pictures for training, 10,000 for testing (Xiao et al. 2017, MIT licence). Size 28 is the
    original, 32 has two black pixels added around it, others are interpolated. Downloaded (31 MB) when first
    called; with `root`, your own folder that holds the four files, or torchvision's folder, nothing is
    downloaded. Raises DownloadError in one sentence.
    """
    part = "train" if train else "t10k"
    names = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
    paths = [_find(Path(root), name) for name in names] if root is not None else _fetch_fashion(names)
    pictures, labels = _read_idx(paths[0], 3), _read_idx(paths[1], 1)
    if len(pictures) != len(labels) or labels.max(initial=0) > 9 or pictures.shape[1:] != (28, 28):
        raise DownloadError(f"{paths[0].name} and {paths[1].name} do not belong together; get both again.")
    x = torch.from_numpy(pictures[:limit].copy())[:, None].float() / 255
    if size == 32:
        x = F.pad(x, (2, 2, 2, 2))
    elif size != 28:
        x = images.resize(x, size)
    return x, torch.from_numpy(labels[:limit].astype(np.int64)), GARMENTS


def _fetch_fashion(names: list[str]) -> list[Path]:
    from torchvision.datasets import FashionMNIST  # it knows the addresses and checksums

    place = runtime.cache_dir() / "FashionMNIST" / "raw"
    checksums = dict(FashionMNIST.resources)
    return [
        download.retrieve(
            FashionMNIST.mirrors[0] + file, place / file, f"md5:{checksums[file]}", f"Fashion-MNIST ({file})"
        )
        for file in (f"{name}.gz" for name in names)
    ]


def _find(root: Path, name: str) -> Path:
    for file in (f"{name}.gz", name):  # the packed one first, since it carries a checksum
        for inside in ("", "FashionMNIST/raw", "raw"):
            if (root / inside / file).is_file():
                return root / inside / file
    raise DownloadError(f"There is no {name}.gz in {root.name!r}; leave root out and it will be downloaded.")


def _read_idx(path: Path, dimensions: int) -> np.ndarray:
    """The uint8 array in a file of the IDX format (LeCun's MNIST page), packed with gzip or not."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        shape = np.frombuffer(data, ">u4", dimensions, offset=4)
        if data[:4] != bytes([0, 0, 8, dimensions]):
            raise ValueError
        return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, ValueError, zlib.error):
        raise DownloadError(f"{path.name} is damaged or incomplete; delete it and get it again.") from None


def cifar10(train: bool = True, size: int = 32, limit: int | None = None, root=None):
    """CIFAR-10: x (n, 3, size, size) in [0, 1], labels (n,), and the names of the ten classes.

    50,000 small colour photographs for training, 10,000 for testing (Krizhevsky 2009; no licence stated).
    Downloaded (170 MB) when first called; with `root`, a folder that holds `cifar-10-batches-py`, nothing is
    downloaded. Raises DownloadError in one sentence.
    """
    from torchvision.datasets import CIFAR10

    place = Path(root) if root is not None else _fetch_cifar10()
    try:
        data = CIFAR10(place, train=train)  # checks all files before it opens one
    except RuntimeError:
        if root is None:
            shutil.rmtree(place, ignore_errors=True)
            raise DownloadError(
                "CIFAR-10 was damaged and is removed; run the cell again to get it."
            ) from None
        raise DownloadError(
            f"There is no complete {CIFAR10.base_folder} in {place.name!r}; leave root out to download it."
        ) from None
    x = torch.from_numpy(data.data[:limit]).permute(0, 3, 1, 2).float() / 255
    return x if size == 32 else images.resize(x, size), torch.tensor(data.targets[:limit]), CIFAR10_LABELS


def _fetch_cifar10() -> Path:
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import extract_archive

    place = runtime.cache_dir() / "CIFAR10"
    if not (place / CIFAR10.base_folder).is_dir():
        archive = download.retrieve(
            CIFAR10.url, place / CIFAR10.filename, f"md5:{CIFAR10.tgz_md5}", "CIFAR-10"
        )
        try:
            with tempfile.TemporaryDirectory(prefix=".unpack-", dir=place) as inside:
                extract_archive(str(archive), inside)
                os.replace(Path(inside) / CIFAR10.base_folder, place / CIFAR10.base_folder)
        except OSError as error:
            raise DownloadError(f"CIFAR-10 cannot be unpacked: {error.strerror or error}.") from None
        archive.unlink()
    return place
