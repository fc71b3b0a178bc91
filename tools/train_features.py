"""Trains the bundled feature extractor: `python -m tools.train_features FOLDER…`, with folders of photographs.

A few hundred photographs without labels teach little, so the extractor learns by *distillation* from a teacher:
SqueezeNet 1.0, trained on 1.2 million labelled photographs (ImageNet). The teacher sees every picture at three sizes,
twice as large, as it is and half as large. At each depth a head of the extractor predicts the teacher's feature maps at
the same places. And from each stage of the backbone the pixels must be linearly readable, so that colours are kept.

The teacher is used up to its sixth module only: the last third measures the result in benchmarks/style_features.py.
"""

import math
import sys

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import datasets, images, runtime, training
from imagegen_lessons.networks import features
from imagegen_lessons.synthetic import paintings
from tools.crops import Crops
from tools.train_superres import bundle, of_folders

SIZE, BATCH, STEPS = 96, 16, 5_000
SEEN = ("astronaut", "cat", "china", "coffee", "flower", "hubble", "motorcycle", "retina", "rocket", "tissue")
# What each stage predicts: the teacher's layers that have its number of pixels, as (enlarged by, layer, every so many
# channels).
TARGETS = [
    [(2.0, "conv1", 2)],
    [(1.0, "conv1", 1), (2.0, "fire3", 2)],
    [(1.0, "fire3", 1), (1.0, "fire4", 2)],
    [(1.0, "fire6", 1)],
    [(0.5, "fire6", 2)],
]
# Of the large maps, only every so many positions are compared: it is as good, and faster.
STRIDES = (4, 2, 1, 1, 1)


class Teacher:
    """SqueezeNet at three sizes, each channel divided by its root mean square over `pictures`."""

    def __init__(self, pictures):
        self.network = features.load("squeezenet")
        self.scales = [1.0] * len(TARGETS)
        self.scales = [f.square().mean(dim=(0, 2, 3), keepdim=True).sqrt() + 1e-3 for f in self(pictures)]

    @torch.no_grad()
    def __call__(self, x):
        """The five maps that the heads should predict for x."""
        seen = {}
        for scale in (2.0, 1.0, 0.5):
            size = round(scale * x.shape[-1])
            y = x if scale == 1 else F.interpolate(x, size=size, mode="bilinear", antialias=True)
            for name, f in zip(self.network.names, self.network(y), strict=True):
                seen[scale, name] = f
        result = []
        for k, parts in enumerate(TARGETS):
            size = math.ceil(x.shape[-1] / 2**k)
            maps = [self._fit(seen[scale, name][:, ::every], size) for scale, name, every in parts]
            result.append(torch.cat(maps, dim=1) / self.scales[k])
        return result

    @staticmethod
    def _fit(f, size):
        """Its paddings are other than ours: a row more or less at the end."""
        f = f[..., : size + 1, : size + 1] if f.shape[-1] < size else f[..., :size, :size]
        return f if f.shape[-1] == size else F.interpolate(f, size=(size, size), mode="bilinear")


class Pictures(Crops):
    """Endless batches of crops of every scale, turned, recoloured, blended, with grain."""

    def __init__(self, pictures, seed):
        super().__init__(seed)
        self.pictures = [(p * 255).to(torch.uint8) for p in pictures]  # a quarter of the memory

    def __next__(self):
        return self._recoloured(torch.cat([self._crop() for _ in range(BATCH)])).to(runtime.device())

    def _random(self, low, high, n=None):
        return low + (high - low) * torch.rand(n or BATCH, 1, 1, 1, generator=self.rng)

    def _crop(self):
        picture = self.pictures[self.pick(len(self.pictures))]
        x = self.crop(picture, round(64 * 5.5 ** self._random(0, 1, 1).item()), SIZE)
        return x.transpose(-1, -2) if self.pick(3) == 0 else x

    def _recoloured(self, x):
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


class Student(nn.Module):
    """The extractor's backbone with what only training needs: for each stage a head for the teacher's channels, twice
    as many as the extractor keeps, and a linear probe for the pixels under each position."""

    def __init__(self):
        super().__init__()
        self.extractor = features.FeatureExtractor()
        sizes = list(zip(self.extractor.widths, self.extractor.distilled, strict=True))
        self.heads = nn.ModuleList([nn.Conv2d(width, 2 * channels, 1) for width, channels in sizes])
        self.probes = nn.ModuleList([nn.Conv2d(w, 3 * 4 ** min(k, 3), 1) for k, (w, _) in enumerate(sizes)])
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    @torch.no_grad()
    def finished(self):
        """The extractor with every second channel of the heads: all made its backbone better, but cost time in use."""
        for kept, head in zip(self.extractor.heads, self.heads, strict=True):
            kept.weight.copy_(head.weight[::2])
            kept.bias.copy_(head.bias[::2])
        return self.extractor.eval()


def losses(student, x, wanted, offset):
    """For each stage the errors of its head, as a share of the teacher's own size, and of its probe."""
    result = {}
    for k, (f, w) in enumerate(zip(student.extractor.backbone(x), wanted, strict=True)):
        down, right = (slice(start % STRIDES[k], None, STRIDES[k]) for start in (offset, offset // 4))
        some = (..., down, right)
        f, w = f[some], w[some]
        pixels = F.avg_pool2d(x, 2) if k == 4 else x
        pixels = F.pixel_unshuffle(4 * pixels - 2, 2 ** min(k, 3))[some]
        result[f"stage{k + 1}"] = F.mse_loss(F.relu(student.heads[k](f)), w)
        result[f"pixels{k + 1}"] = 0.3 * F.mse_loss(student.probes[k](f), pixels)
    return result


def learn(folders, seed=0, steps=STEPS):
    """The trained extractor, and the figures for its card."""
    photos = of_folders(folders)
    held_out, photos = photos[::25], [p for k, p in enumerate(photos) if k % 25]
    photos += [datasets.photo(name) for name in SEEN]
    drawn = paintings.gallery(len(photos) // 2, seed=1_000, size=256).split(1)
    batches, device = Pictures([*photos, *drawn], seed), runtime.device()
    teacher = Teacher(torch.cat([next(batches) for _ in range(8)]))
    runtime.seed_everything(seed)
    student = Student().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(student.parameters(), lr=2e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.03)

    def step(x):
        x = x.contiguous(memory_format=torch.channels_last)
        terms = losses(student, x, teacher(x), schedule.last_epoch)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        schedule.step()
        return terms

    history = training.fit(
        step,
        batches,
        steps,
        title="feature_extractor",
        checkpoint=runtime.output_dir()
        / "feature_extractor.safetensors",  # so that it can be stopped and resumed
        parts={"student": student, "optimizer": optimizer, "schedule": schedule, "batches": batches},
        save_every=60,
    )
    extractor = student.finished()
    test = [images.resize(images.crop_centre(p, min(p.shape[-2:])), 192) for p in held_out]
    with torch.no_grad():
        test = torch.cat(test).to(device)
        maps = extractor.backbone(test)
        predicted = [F.relu(head(f)) for head, f in zip(student.heads, maps, strict=True)]
        pairs = zip(predicted, teacher(test), strict=True)
        errors = [round(((f - w).square().sum() / w.square().sum()).item(), 3) for f, w in pairs]
    figures = {"steps": history.steps, "seconds": round(history.seconds)}
    return extractor, {**figures, "relative error on held-out photographs": str(errors)}


def main(folders):
    if not folders:
        raise SystemExit(
            "Say where the photographs are: python -m tools.train_features BSDS500/train T91 (see data/README.md)."
        )
    extractor, figures = learn(folders)
    command = "python -m tools.train_features BSDS500-train T91"
    teacher = "SqueezeNet 1.0 (ImageNet), its layers up to fire6"
    bundle("feature_extractor", command, extractor, {"teacher": teacher, **figures})


if __name__ == "__main__":
    main(sys.argv[1:])
