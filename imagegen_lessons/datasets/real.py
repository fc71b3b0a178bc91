"""Real pictures in memory: digits from scikit-learn; Fashion-MNIST and CIFAR-10, which torchvision downloads."""

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
from imagegen_lessons.datasets.download import TIMEOUT, DownloadError, explained, time_limit

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
    from torchvision.datasets import FashionMNIST

    if root is None:
        data = _torchvision(FashionMNIST, "Fashion-MNIST", train)
        pictures, labels = data.data, data.targets
    else:
        pictures, labels = _own_garments(Path(root), "train" if train else "t10k")
    x = pictures[:limit, None].float() / 255
    if size == 32:
        x = F.pad(x, (2, 2, 2, 2))
    elif size != 28:
        x = images.resize(x, size)
    return x, labels[:limit].long(), GARMENTS


def cifar10(train: bool = True, size: int = 32, limit: int | None = None, root=None, classes=CIFAR10_LABELS):
    """CIFAR-10: x (n, 3, size, size) in [0, 1], labels (n,), and the names of the classes, all ten or those named.

    50,000 small colour photographs for training, 10,000 for testing (Krizhevsky 2009; no licence stated).
    Downloaded (170 MB) when first called; with `root`, a folder that holds `cifar-10-batches-py`, nothing is
    downloaded. Raises DownloadError in one sentence, and ValueError for a class that does not exist.
    """
    from torchvision.datasets import CIFAR10

    if isinstance(classes, str) or not set(classes) <= set(CIFAR10_LABELS):
        raise ValueError(f"classes is a tuple of names out of {', '.join(CIFAR10_LABELS)}, not {classes!r}.")

    if root is None:
        data = _torchvision(CIFAR10, "CIFAR-10", train)
    else:
        try:
            data = CIFAR10(root, train=train)  # checks all files before it opens one
        except RuntimeError:
            raise DownloadError(
                f"There is no complete {CIFAR10.base_folder} in {Path(root).name!r}; leave root out to download it."
            ) from None
    targets = np.array(data.targets)
    chosen = np.isin(targets, [CIFAR10_LABELS.index(name) for name in classes]).nonzero()[0][:limit]
    x = torch.from_numpy(data.data[chosen]).permute(0, 3, 1, 2).float() / 255
    y = torch.tensor([classes.index(CIFAR10_LABELS[target]) for target in targets[chosen]])
    return x if size == 32 else images.resize(x, size), y, classes


def _torchvision(dataset, title: str, train: bool):
    """A dataset of torchvision's, which knows the address and the checksums; downloaded when first asked for.

    It is made in a folder of its own and moved to the cache when it is whole: no half of it is ever taken for it.
    """
    place = runtime.cache_dir() / dataset.__name__
    if not place.is_dir():
        try:
            with (
                time_limit(TIMEOUT),
                tempfile.TemporaryDirectory(prefix=".download-", dir=place.parent) as folder,
            ):
                whole = Path(folder, "whole")
                dataset(whole, download=True)
                for archive in whole.rglob("*.gz"):
                    archive.unlink()
                os.replace(whole, place)
        except (OSError, RuntimeError) as error:
            raise explained(title, error) from None
    try:
        return dataset(place, train=train)
    except (RuntimeError, ValueError, LookupError, AssertionError):  # as torchvision's readers fail
        shutil.rmtree(place, ignore_errors=True)
        raise DownloadError(f"{title} was damaged and is removed; run the cell again to get it.") from None


def _own_garments(root: Path, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (n, 28, 28) and labels (n,) of Fashion-MNIST from the user's own folder."""
    x, y = _read_idx(root, f"{part}-images-idx3-ubyte", 3), _read_idx(root, f"{part}-labels-idx1-ubyte", 1)
    if len(x) != len(y) or y.max(initial=0) > 9 or x.shape[1:] != (28, 28):
        raise DownloadError(f"The {part}-… files in {root.name!r} do not belong together; get both again.")
    return torch.from_numpy(x.copy()), torch.from_numpy(y.copy())


def _read_idx(root: Path, name: str, dimensions: int) -> np.ndarray:
    """The uint8 array in a file of the IDX format (LeCun's MNIST page), packed with gzip or not."""
    files = (f"{name}.gz", name)  # the packed one first, since it carries a checksum
    places = [root / inside / file for file in files for inside in ("", "raw", "FashionMNIST/raw")]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise DownloadError(
            f"There is no {files[0]} in {root.name!r}; leave root out and it will be downloaded."
        )
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        shape = np.frombuffer(data, ">u4", dimensions, offset=4)
        if data[:4] != bytes([0, 0, 8, dimensions]):
            raise ValueError
        return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, ValueError, zlib.error):
        raise DownloadError(f"{path.name} is damaged or incomplete; delete it and get it again.") from None
