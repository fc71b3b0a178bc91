"""How the bundled eye learned to see: `python -m tools.train_features FOLDER…`, with folders of photographs.

A few hundred photographs without labels teach little. So the eye has a teacher: SqueezeNet 1.0, which learned from 1.2
million labelled ones (ImageNet). The teacher looks at every picture at three sizes, twice as large, as it is and half
as large, and at each depth the eye learns to report what the teacher sees at the same places. It must not forget the
picture over that: from each stage of its trunk, the pixels must be linearly readable.

The teacher shows only the first two thirds of itself, up to its sixth module. The last third is the classifier in
benchmarks/style_eye.py, and neither teaches nor paints.
"""

import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import datasets, images, runtime, training
from imagegen_lessons.networks import features
from imagegen_lessons.synthetic import paintings
from imagegen_lessons.training import checkpoint
from tools.crops import Pieces

SIZE, BATCH, STEPS = 96, 16, 5_000
SEEN = ("astronaut", "cat", "china", "coffee", "flower", "hubble", "motorcycle", "retina", "rocket", "tissue")
LAYERS = {"conv1": 1, "fire3": 4, "fire4": 5, "fire6": 8}  # where they are in torchvision's `features`
# What each stage of the eye reports: the teacher's layers that have its number of pixels, as (enlarged by, layer,
# every so many channels).
REPORTS = [
    [(2.0, "conv1", 2)],
    [(1.0, "conv1", 1), (2.0, "fire3", 2)],
    [(1.0, "fire3", 1), (1.0, "fire4", 2)],
    [(1.0, "fire6", 1)],
    [(0.5, "fire6", 2)],
]
# Of the large maps, only every so many positions are compared: it is as good, and faster.
SPARSE = (4, 2, 1, 1, 1)


class Teacher:
    """SqueezeNet, asked at three sizes, each channel divided by its root mean square over `pictures`."""

    def __init__(self, pictures: torch.Tensor):
        self.layers = features.load("squeezenet")
        self.scales = [1.0] * len(REPORTS)
        self.scales = [f.square().mean(dim=(0, 2, 3), keepdim=True).sqrt() + 1e-3 for f in self(pictures)]

    @torch.no_grad()
    def __call__(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What the eye should report of x: five maps."""
        seen = {}
        for scale in (2.0, 1.0, 0.5):
            size = round(scale * x.shape[-1])
            y = x if scale == 1 else F.interpolate(x, size=size, mode="bilinear", antialias=True)
            for name, f in zip(self.layers.names, self.layers(y), strict=True):
                seen[scale, name] = f
        return [
            torch.cat(
                [self._fit(seen[scale, name][:, ::every], k, x.shape[-1]) for scale, name, every in parts], 1
            )
            / self.scales[k]
            for k, parts in enumerate(REPORTS)
        ]

    @staticmethod
    def _fit(f: torch.Tensor, stage: int, size: int) -> torch.Tensor:
        """Its paddings are other than ours: a row more or less at the end."""
        n = math.ceil(size / 2**stage)
        f = f[..., : n + 1, : n + 1] if f.shape[-1] < n else f[..., :n, :n]
        return f if f.shape[-1] == n else F.interpolate(f, size=(n, n), mode="bilinear")


class Pictures(Pieces):
    """Endless batches of pieces of pictures, of every scale, turned, recoloured, blended, with grain."""

    def __init__(self, pictures: list[torch.Tensor], seed: int):
        super().__init__(seed)
        self.pictures = [(p * 255).to(torch.uint8) for p in pictures]  # a quarter of the memory

    def __next__(self) -> torch.Tensor:
        return self._recoloured(torch.cat([self._piece() for _ in range(BATCH)])).to(runtime.device())

    def _random(self, low: float, high: float, n: int | None = None) -> torch.Tensor:
        return low + (high - low) * torch.rand(n or BATCH, 1, 1, 1, generator=self.rng)

    def _piece(self) -> torch.Tensor:
        picture = self.pictures[self.pick(len(self.pictures))]
        x = self.cut(picture, round(64 * 5.5 ** self._random(0, 1, 1).item()), SIZE)
        return x.transpose(-1, -2) if self.pick(3) == 0 else x

    def _recoloured(self, x: torch.Tensor) -> torch.Tensor:
        """A random mix of the three colours (for most a slight one), other contrast, some blends, some grain."""
        amount = torch.tensor([0.0, 0.08, 0.35])[torch.randint(3, (BATCH, 1, 1), generator=self.rng)]
        mix = torch.eye(3) + amount * torch.randn(BATCH, 3, 3, generator=self.rng)
        mean = x.mean(dim=(2, 3), keepdim=True)
        x = torch.einsum("nij,njhw->nihw", mix, x - mean) + mean
        x = (x - 0.5) * self._random(0.6, 1.5) + 0.5 + self._random(-0.15, 0.15)
        share = self._random(0.3, 0.7)
        x = torch.where(self._random(0, 1) < 0.2, share * x + (1 - share) * x.roll(1, 0), x)
        grain = self._random(0, 0.25) * (self._random(0, 1) < 0.25)
        return (x + grain * torch.randn(x.shape, generator=self.rng)).clamp(0, 1)


class Learner(nn.Module):
    """The eye's trunk, and what it is examined with: per stage a head for the teacher's channels, twice as many as the
    eye will keep, and a linear reader of the pixels under each position: colours that cannot be read are forgotten."""

    def __init__(self):
        super().__init__()
        self.extractor = features.FeatureExtractor()
        sizes = list(zip(features.FeatureExtractor.widths, features.FeatureExtractor.reports, strict=True))
        self.heads = nn.ModuleList([nn.Conv2d(width, 2 * reports, 1) for width, reports in sizes])
        self.readers = nn.ModuleList([nn.Conv2d(w, 3 * 4 ** min(k, 3), 1) for k, (w, _) in enumerate(sizes)])
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    @torch.no_grad()
    def graduate(self) -> features.FeatureExtractor:
        """The eye with every second channel of the heads: all made its trunk better, but would slow every painting."""
        for ours, taught in zip(self.extractor.heads, self.heads, strict=True):
            ours.weight.copy_(taught.weight[::2])
            ours.bias.copy_(taught.bias[::2])
        return self.extractor.eval()


def losses(
    learner: Learner, x: torch.Tensor, wanted: list[torch.Tensor], offset: int
) -> dict[str, torch.Tensor]:
    """What is wrong with each stage's report, as a share of the teacher's own size, and with what is read off it."""
    result = {}
    for k, (f, w) in enumerate(zip(learner.extractor.trunk(x), wanted, strict=True)):
        some = (
            ...,
            slice(offset % SPARSE[k], None, SPARSE[k]),
            slice(offset // 4 % SPARSE[k], None, SPARSE[k]),
        )
        f, w = f[some], w[some]
        pixels = F.avg_pool2d(x, 2) if k == 4 else x
        pixels = F.pixel_unshuffle(4 * pixels - 2, 2 ** min(k, 3))[some]
        result[f"stage{k + 1}"] = F.mse_loss(F.relu(learner.heads[k](f)), w)
        result[f"pixels{k + 1}"] = 0.3 * F.mse_loss(learner.readers[k](f), pixels)
    return result


def learn(folders: list[str], seed: int = 0, steps: int = STEPS) -> tuple[features.FeatureExtractor, dict]:
    photos = [
        images.load(f)
        for folder in folders
        for f in sorted(Path(folder).iterdir())
        if f.suffix in (".jpg", ".png")
    ]
    held_out, photos = photos[::25], [p for k, p in enumerate(photos) if k % 25]
    photos += [datasets.photo(name) for name in SEEN]
    drawn = paintings.gallery(len(photos) // 2, seed=1_000, size=256).split(1)
    batches, device = Pictures([*photos, *drawn], seed), runtime.device()
    teacher = Teacher(torch.cat([next(batches) for _ in range(8)]))
    runtime.seed_everything(seed)
    learner = Learner().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=2e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.03)

    def step(x):
        x = x.contiguous(memory_format=torch.channels_last)
        terms = losses(learner, x, teacher(x), schedule.last_epoch)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        schedule.step()
        return terms

    saving = dict(
        checkpoint=runtime.output_dir() / "feature_extractor.safetensors",
        parts={"learner": learner, "optimizer": optimizer, "schedule": schedule, "batches": batches},
        save_every=60,
    )
    history = training.fit(step, batches, steps, title="feature_extractor", **saving)
    extractor = learner.graduate()
    test = torch.cat([images.resize(images.crop_centre(p, min(p.shape[-2:])), 192) for p in held_out]).to(
        device
    )
    with torch.no_grad():
        said = [F.relu(head(f)) for head, f in zip(learner.heads, extractor.trunk(test), strict=True)]
        pairs = zip(said, teacher(test), strict=True)
        missed = [round(((f - w).square().sum() / w.square().sum()).item(), 3) for f, w in pairs]
    figures = {"steps": history.steps, "seconds": round(history.seconds)}
    return extractor, {**figures, "missed on held-out photographs": str(missed)}


def main(folders: list[str]) -> None:
    if not folders:
        raise SystemExit(
            "Say where the photographs are: python -m tools.train_features BSDS500/train T91 (see data/README.md)."
        )
    extractor, figures = learn(folders)
    card = {
        "command": "python -m tools.train_features BSDS500-train T91",
        "seed": 0,
        "device": runtime.device().type,
        "threads": torch.get_num_threads(),
        "parameters": sum(p.numel() for p in extractor.parameters()),
        "teacher": "SqueezeNet 1.0 (ImageNet), its layers up to fire6",
        **figures,
    }
    # Half precision: half the bytes, and no difference that could be seen.
    checkpoint.save(
        runtime.checkpoint_dir() / "feature_extractor.safetensors", card=card, network=extractor.half()
    )
    print(card)


if __name__ == "__main__":
    main(sys.argv[1:])
