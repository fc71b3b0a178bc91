"""The worlds that a generator can learn, by name: drawn ones, real ones, and the user's own folder."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from imagegen_lessons import images, runtime, settings
from imagegen_lessons.datasets.folder import folder_with_classes
from imagegen_lessons.datasets.real import cifar10, fashion_mnist
from imagegen_lessons.synthetic import faces, landscapes, paintings, sprites

WORLDS = {
    "faces": "drawn people, as if for passport photographs",
    "landscapes": "drawn mountains, seas, deserts, woods and cities, by day and by night",
    "art": "pieces of drawn paintings in ten styles",
    "sprites": "drawn characters, creatures, items and tiles of a game",
    "garments": "photographs of garments (Fashion-MNIST, a download of 31 MB)",
    "horses": "photographs of horses (CIFAR-10, a download of 170 MB)",
    "cats": "photographs of cats (CIFAR-10, too)",
    "animals": "photographs of birds, cats, deer, dogs, frogs and horses (CIFAR-10, too)",
    "folder": "your own pictures",
}
CIFAR10_WORLDS = {
    "horses": ("horse",),
    "cats": ("cat",),
    "animals": ("bird", "cat", "deer", "dog", "frog", "horse"),
}
FRONT = dict(pose="rest", facing="right", light="left", shift_x="middle", shift_y="middle")  # an easier world
GROUND = (0.20, 0.25, 0.25)  # on which sprites lie
PAINTINGS, CANVAS = 6, 256  # of each style, in pixels


class World(NamedTuple):
    """Pictures x (n, channels, size, size) in [0, 1], labels y (n, k), and the names of each label's values.

    k is 0 where nothing is known about the pictures.
    """

    x: Tensor
    y: Tensor
    names: tuple[tuple[str, ...], ...]


def world(name: str, n: int = 16_000, size: int = 32, *, seed: int = 7, path="my_pictures") -> World:
    """n pictures of one of WORLDS; fewer where a real one has not so many. The same seed gives the same pictures.

    path: the folder for "folder". Raises ValueError for another name, an n below 1, a size that cannot be drawn, and a
    folder without pictures; DownloadError where a real world cannot be had.
    """
    if name not in WORLDS:
        raise ValueError(f"There is no world {name!r}: choose one of {', '.join(WORLDS)}.")
    settings.whole(n, "The number of pictures")
    if name == "faces":
        return _drawn(faces, faces.passports(n, seed), ("skin_tone", "hair_colour", "glasses"), size)
    if name == "landscapes":
        return _drawn(landscapes, landscapes.sample(n, seed), ("place", "time"), size)
    if name == "sprites":
        return _sprites(n, seed, size)
    if name == "art":
        return _pieces_of_paintings(n, seed, size)
    if name == "garments":
        x, y, names = fashion_mnist(size=size, limit=n)
        return World(x, y[:, None], (names,))
    if name in CIFAR10_WORLDS:
        x, y, names = cifar10(size=size, limit=n, classes=CIFAR10_WORLDS[name])
        return World(x, y[:, None], (names,))
    x, y, names = folder_with_classes(path, size, limit=n)
    return World(x, y, (names,) if names else ())


def _drawn(module, factors, labels, size) -> World:
    y = torch.stack([factors[label] for label in labels], dim=1)
    return World(module.render(factors, size), y, tuple(module.FACTORS[label].names for label in labels))


def _sprites(n, seed, size) -> World:
    """Sprites of 24 pixels, or of a multiple of it, in the middle of a picture of this size."""
    inside = size // sprites.SIZE * sprites.SIZE
    if inside < sprites.SIZE:
        raise ValueError(f"Sprites have {sprites.SIZE} pixels or more: a picture of {size!r} is too small.")
    factors = sprites.sample(n, seed, **FRONT)
    left = (size - inside) // 2
    around = (left, size - inside - left) * 2
    x = sprites.on_background(F.pad(sprites.render(factors, inside), around), GROUND)
    return World(x, sprites.label(factors), (sprites.CLASSES, tuple(sprites.PALETTES)))


def _pieces_of_paintings(n, seed, size) -> World:
    """Squares cut out of paintings at random places, from a quarter to three quarters as wide as the painting."""
    whole = paintings.gallery(PAINTINGS * len(paintings.STYLES), seed, max(CANVAS, 2 * size))
    rng, width = runtime.generator(seed), whole.shape[-1]
    which = torch.randint(len(whole), (n,), generator=rng)
    sides = (width * (0.25 + 0.5 * torch.rand(n, generator=rng))).long()
    places = torch.rand(n, 2, generator=rng)
    x = torch.empty(n, 3, size, size)
    for k, (painting, side) in enumerate(zip(which.tolist(), sides.tolist(), strict=True)):
        top, left = (places[k] * (width - side)).long().tolist()
        x[k] = images.resize(whole[painting : painting + 1, :, top : top + side, left : left + side], size)[0]
    return World(x, which[:, None] % len(paintings.STYLES), (tuple(paintings.STYLES),))
