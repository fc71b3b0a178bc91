"""How good is the bundled feature extractor for style transfer? Against SqueezeNet, by measures that took no part.

python benchmarks/style_features.py FOLDER [--strengths 3 10 30] [--contents 4] [--styles 5] [--keep PICTURES]

FOLDER holds `photos` and `paintings`. Every photograph gets the style of every painting, at 256 pixels, once with each
extractor, by the same recipe. Then it is measured by what neither taught nor was optimised for:

- "ImageNet": the last third of SqueezeNet, fire7 to fire9. The bundled extractor was distilled from the first two
  thirds, and the SqueezeNet that is compared uses those alone. Yet fire7 sees what fire6 saw, so this measure leans to
  SqueezeNet. (The weights are torchvision's, from TORCH_HOME if that is set.)
- "random": a VGG-19 without training, the mean of two seeds.
- "patches": no network. All 7×7 patches of colour, at three scales, as sliced Wasserstein distance.

The two networks' style distance is the relative error of the Gram matrices, averaged over layers; the content distance
that of the feature maps. Every distance is squared, and a share: 1 is as far away as nothing at all. The ratio is of
means.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torchvision import models

from imagegen_lessons import images, runtime, style
from imagegen_lessons.networks import features

EXTRACTORS = ("bundled", "squeezenet")
SCHEDULE = ((64, 60), (128, 60), (256, 80))
SIZE = SCHEDULE[-1][0]


class Network:
    """`style` and `content` distances of x to a target, both (1, 3, h, w), in the layers of networks."""

    def __init__(self, networks: list[features.PretrainedExtractor]):
        self.networks = [network.eval().requires_grad_(False) for network in networks]

    def _mean_error(self, x, target, statistic) -> float:
        errors = [
            style.relative_error(statistic(f), statistic(g)).item()
            for network in self.networks
            for f, g in zip(*(network(y, len(network.names)) for y in (x, target)), strict=True)
        ]
        return sum(errors) / len(errors)

    def style(self, x, target) -> float:
        return self._mean_error(x, target, style.gram_matrix)

    def content(self, x, target) -> float:
        return self._mean_error(x, target, lambda f: f)


class Patches:
    """Sliced Wasserstein distance (Rabin et al. 2011) of patches: sorted along random directions, then compared."""

    def __init__(self, scales: int = 3, side: int = 7, directions: int = 128):
        self.scales = scales
        self.directions = torch.randn(directions, 3, side, side, generator=runtime.generator(0))
        self.directions /= self.directions.flatten(1).norm(dim=1)[:, None, None, None]

    def style(self, x, target) -> float:
        errors = []
        for scale in range(self.scales):
            a, b = (F.conv2d(F.avg_pool2d(y, 2**scale), self.directions) for y in (x, target))
            variance = b.flatten(2).var(dim=2).mean()
            errors.append(F.mse_loss(style.quantiles(a, count=512), style.quantiles(b, count=512)) / variance)
        return torch.stack(errors).mean().item()


def measures() -> dict:
    learned = models.squeezenet1_0(weights=models.SqueezeNet1_0_Weights.DEFAULT)
    untrained = []
    for seed in (0, 1):
        runtime.seed_everything(seed)
        layers = models.vgg19().features  # torchvision draws its weights after He et al. 2015
        untrained.append(
            features.PretrainedExtractor(
                layers, {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu5_1": 29}
            )
        )
    last_third = features.PretrainedExtractor(learned.features, {"fire7": 9, "fire8": 10, "fire9": 12})
    return {"ImageNet": Network([last_third]), "random": Network(untrained), "patches": Patches()}


def load(folder: Path, count: int) -> dict[str, torch.Tensor]:
    return {path.stem: images.load(path) for path in sorted(folder.glob("*.jpg"))[:count]}


def transfer(content, painting, extractor, strength: float) -> torch.Tensor:
    recipe = style.Recipe(strength, smooth=1.0, schedule=SCHEDULE)
    result = style.StyleTransfer(content, painting, extractor, recipe)
    for _ in range(recipe.steps):
        result.step()
    return result.image.cpu()


def painted(
    photos, paintings, strength: float, keep: Path | None
) -> dict[tuple[str, str, str], torch.Tensor]:
    """All: (photograph, painting, extractor) → picture. With `keep` they are stored there, and not made twice."""
    extractors, pictures = {name: features.load(name) for name in EXTRACTORS}, {}
    for p, photo in photos.items():
        for s, painting in paintings.items():
            for name, extractor in extractors.items():
                path = keep and keep / f"{p}_{s}_{name}_{strength:g}.png"
                if not path or not path.is_file():
                    picture = transfer(photo, painting, extractor, strength)
                    if path:
                        path.write_bytes(images.to_bytes(picture))  # exactly, without the AI label
                pictures[p, s, name] = images.load(path) if path else picture
    return pictures


def table(measure, photos, paintings, pictures) -> list[tuple[str, float, float, float]]:
    """For each painting, the mean distances of the photographs and of each extractor's pictures."""
    rows = []
    for s, painting in paintings.items():
        target = style.fit_in(painting, SIZE)
        ways = [{p: style.fit_in(photo, SIZE) for p, photo in photos.items()}]
        ways += [{p: pictures[p, s, name] for p in photos} for name in EXTRACTORS]
        rows.append((s, *(sum(measure.style(x, target) for x in way.values()) / len(way) for way in ways)))
    return rows + [("mean", *(sum(column) / len(rows) for column in list(zip(*rows, strict=True))[1:]))]


def contents(measure, photos, pictures) -> list[float]:
    """The mean content distance of each extractor's pictures to their photographs."""
    far = {name: [] for name in EXTRACTORS}
    for (p, _, name), picture in pictures.items():
        far[name].append(measure.content(picture, style.fit_in(photos[p], SIZE)))
    return [sum(values) / len(values) for values in far.values()]


@torch.no_grad()
def report(photos, paintings, pictures) -> None:
    for name, measure in measures().items():
        print(f"  measure: {name:12} photograph   bundled  SqueezeNet  ratio")
        for s, photo, ours, theirs in table(measure, photos, paintings, pictures):
            print(f"    {s:20} {photo:8.3f} {ours:9.3f} {theirs:11.3f} {ours / theirs:6.2f}")
        if hasattr(measure, "content"):
            ours, theirs = contents(measure, photos, pictures)
            print(f"    {'content':20}          {ours:9.3f} {theirs:11.3f} {ours / theirs:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--strengths", type=float, nargs="+", default=[10.0])
    parser.add_argument("--contents", type=int, default=4)
    parser.add_argument("--styles", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    photos = load(chosen.folder / "photos", chosen.contents)
    paintings = load(chosen.folder / "paintings", chosen.styles)
    for strength in chosen.strengths:
        pictures = painted(photos, paintings, strength, chosen.keep)
        print(f"strength {strength:g}, {len(photos)} photographs × {len(paintings)} paintings", flush=True)
        report(photos, paintings, pictures)


if __name__ == "__main__":
    main()
