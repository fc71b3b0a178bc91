"""Detectors that look for the traces of a forgery, and the dataset on which they are trained and tested.

A detector takes pictures (n, 3, 64, 64) and gives scores (n, 1), higher for what looks fake.
Drawn faces: no claim about real-world detection.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import networks, runtime, settings
from imagegen_lessons.deepfakes import forgeries
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint

PEOPLE = {"train": 320, "validation": 150, "test": 150}  # disjoint: nobody is in two of them
PER_PERSON = 2
VERSION = (
    1  # raise it when these pictures would come out otherwise: cached files of another version are not read
)


@dataclass(frozen=True)
class ForgeryDataset:
    """Real portraits and forgeries of the same scenes.

    real: (n, 3, 64, 64). fakes: method -> (n, 3, 64, 64). factors: those of the scenes. who: persons from 0, (n,).
    """

    real: torch.Tensor
    fakes: dict[str, torch.Tensor]
    factors: dict[str, torch.Tensor]
    who: torch.Tensor


def load_dataset(part: str = "test") -> ForgeryDataset:
    """The forgery dataset: "train" (640 scenes), "validation" (300, real only) or "test" (300); always the same.

    One camera and one JPEG treatment for real and fake, and no person in two parts. It is made once (in half a
    minute at most, all parts together) and kept in the cache folder; where the file is damaged, it is made anew.
    At quick pace it has a tenth of the people. Raises ValueError for another part.
    """
    if part not in PEOPLE:
        raise ValueError(f"The part is one of {', '.join(PEOPLE)}, not {part!r}.")
    people = PEOPLE[part] if runtime.pace() == "full" else PEOPLE[part] // 10
    factors, who = forgeries.portraits(people, PER_PERSON, seed=10 + list(PEOPLE).index(part))
    methods = () if part == "validation" else forgeries.METHODS
    shape = len(who), 3, forgeries.SIZE, forgeries.SIZE
    pixels = {name: torch.zeros(shape, dtype=torch.uint8) for name in ("real", *methods)}
    path = runtime.cache_dir() / f"forgeries_{part}_{people}_v{VERSION}.safetensors"
    try:
        checkpoint.load(path, **pixels)
    except checkpoint.CheckpointError:
        _fill(pixels, factors)
        checkpoint.save(path, {"made by": f"detectors.load_dataset({part!r})"}, **pixels)
    fakes = {name: x.float() / 255 for name, x in pixels.items()}
    return ForgeryDataset(fakes.pop("real"), fakes, factors, who)


def _fill(pixels: dict[str, torch.Tensor], factors: dict) -> None:
    """Draws, forges and photographs the pictures, in place."""
    scene = faces.render(factors, forgeries.SIZE)
    for number, (name, x) in enumerate(pixels.items()):
        rng = runtime.generator(100 + number)
        clean = scene if name == "real" else forgeries.forge(name, scene, factors, rng)
        x.copy_(forgeries.published(clean, rng) * 255 + 0.5)


def dct_matrix(n: int) -> torch.Tensor:
    """The discrete cosine transform (DCT) as an orthogonal matrix (n, n).

    Row k is cos(π · (2i + 1) · k / (2n)) over the places i, scaled to length 1: a wave with k half-periods.
    Raises ValueError unless n is a whole number from 1.
    """
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"The number of waves is a whole number from 1, not {n!r}.")
    k, i = torch.arange(n)[:, None], torch.arange(n)
    waves = (math.pi * (2 * i + 1) * k / (2 * n)).cos() * math.sqrt(2 / n)
    waves[0] /= math.sqrt(2)
    return waves


def spectrum(x: torch.Tensor, bands: int = 16) -> torch.Tensor:
    """The log-spectrum (DCT) of each picture (n, 3, H, H), averaged over bands · bands squares: (n, bands²).

    From coarse waves (first) to fine ones. `bands` divides H. Raises ValueError for other pictures and bands.
    """
    size = forgeries.check_pictures(x).shape[-1]
    if x.shape[-2] != size or size % settings.whole(bands, "The number of bands"):
        raise ValueError(f"Square pictures are needed, whose side {bands} divides, not {tuple(x.shape)}.")
    waves = dct_matrix(x.shape[-1]).to(x)
    strength = (waves @ x.mean(dim=1) @ waves.T).abs()
    return F.avg_pool2d((strength + 1e-4).log()[:, None], x.shape[-1] // bands).flatten(1)


class ResidualDetector(nn.Module):
    """Pictures (n, 3, 64, 64) → scores (n, 1), from what is left when each pixel was predicted from its neighbours.

    The filter is one of the "spatial rich model" (Fridrich and Kodovský 2012). The residual, in which noise and seams
    stand out and faces hardly do, is limited and goes into lesson 01's network.
    """

    def __init__(self, width: int = 12):
        super().__init__()
        rows = [
            [-1, 2, -2, 2, -1],
            [2, -6, 8, -6, 2],
            [-2, 8, -12, 8, -2],
            [2, -6, 8, -6, 2],
            [-1, 2, -2, 2, -1],
        ]
        self.register_buffer("filter", torch.tensor(rows).float().expand(3, 1, 5, 5) / 12)
        self.net = networks.ConvNet(3, 1, size=forgeries.SIZE, width=width)

    def forward(self, x):
        residual = F.conv2d(x, self.filter, padding=2, groups=3)  # (n, 3, 64, 64)
        return self.net(0.5 + 0.5 * (20 * residual).tanh())


def self_blended(scene: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Each scene (n, 3, 64, 64) with its own face, altered a little, blended into it (Shiohara and Yamasaki 2022).

    The copy has other brightness and colours, is softer and a little displaced; so a detector can learn what a splice
    looks like without having seen one. Raises ValueError for other pictures.
    """
    n = len(forgeries.check_pictures(scene, forgeries.SIZE))
    contrast, shift, blur, share = torch.rand(4, n, 1, 1, 1, generator=rng)
    tint = torch.rand(n, 3, 1, 1, generator=rng)
    copy = scene * (0.9 + 0.2 * contrast) + 0.1 * (shift - 0.5) + 0.08 * (tint - 0.5)
    small = F.interpolate(copy, scale_factor=0.5, mode="bilinear", antialias=True)
    soft = F.interpolate(small, size=scene.shape[-2:], mode="bilinear")
    copy = forgeries.jitter((copy + blur * (soft - copy)).clamp(0, 1), rng, 0.04)
    mask = forgeries.face_mask(n, rng, soft=0.05 + 0.3 * torch.rand((), generator=rng).item())
    return forgeries.alpha_splice(scene, copy, mask * (0.5 + 0.5 * share))


@torch.no_grad()
def scores(detector: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A detector's scores (n,) of pictures (n, 3, 64, 64), in eval mode, on the CPU; above 0 means fake.

    Raises ValueError for pictures of another shape, and for values that are not in [0, 1]: a detector that took them
    would have learned nothing about them.
    """
    x = forgeries.check_pictures(x, forgeries.SIZE).float()
    device = next(detector.parameters()).device
    training, _ = detector.training, detector.eval()
    result = torch.cat([detector(part.to(device))[:, 0].cpu() for part in x.split(128)])
    detector.train(training)
    return result


def load_detector() -> ResidualDetector:
    """The course's detector, bundled: a residual network, trained with JPEG files of many qualities, on the device."""
    detector = checkpoint.load_network("forgery_detector", ResidualDetector())
    return detector.requires_grad_(False).to(runtime.device())
