"""How good is the bundled eye for style transfer? Against SqueezeNet, before judges that neither taught nor painted.

python benchmarks/style_eye.py FOLDER [--strengths 3 10 30] [--contents 4] [--styles 5] [--keep PICTURES]

FOLDER holds `photos` and `paintings`. Every photograph is painted after every painting, 256 pixels, once with each eye,
by the same recipe. Then judges look, and none of them has had a say:

- "ImageNet": the last third of SqueezeNet, fire7 to fire9. The bundled eye was taught by the first two thirds, and the
  SqueezeNet that paints here is asked at those alone. Yet fire7 sees what fire6 saw, so this classifier leans to SqueezeNet.
  (The weights are torchvision's, from TORCH_HOME if that is set.)
- "random": a VGG-19 that has learned nothing, the mean of two seeds.
- "patches": no network. All 7×7 patches of colour, at three scales, as sliced Wasserstein distance.

The two networks' style distance is the relative error of the Gram matrices, averaged over layers; the content distance
that of the maps. Every distance is squared, and a share: 1 is as far away as nothing at all. The ratio is of means.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torchvision import models

from imagegen_lessons import images, runtime, style
from imagegen_lessons.networks import features

EYES = ("bundled", "squeezenet")
SCHEDULE = ((64, 60), (128, 60), (256, 80))
SIZE = SCHEDULE[-1][0]


class Network:
    """A classifier with layers: `style` and `content` distances of x to a target, both (1, 3, h, w)."""

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
            spread = b.flatten(2).var(dim=2).mean()
            errors.append(F.mse_loss(style.quantiles(a, count=512), style.quantiles(b, count=512)) / spread)
        return torch.stack(errors).mean().item()


def judges() -> dict:
    learned = models.squeezenet1_0(weights=models.SqueezeNet1_0_Weights.DEFAULT)
    untaught = []
    for seed in (0, 1):
        runtime.seed_everything(seed)
        layers = models.vgg19().features  # torchvision draws its weights after He et al. 2015
        untaught.append(
            features.PretrainedExtractor(
                layers, {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu5_1": 29}
            )
        )
    last_third = features.PretrainedExtractor(learned.features, {"fire7": 9, "fire8": 10, "fire9": 12})
    return {"ImageNet": Network([last_third]), "random": Network(untaught), "patches": Patches()}


def load(folder: Path, count: int) -> dict[str, torch.Tensor]:
    return {path.stem: images.load(path) for path in sorted(folder.glob("*.jpg"))[:count]}


def paint(content, painting, eye, strength: float) -> torch.Tensor:
    canvas = style.StyleTransfer(
        content, painting, eye, style.Recipe(strength, smooth=1.0, schedule=SCHEDULE)
    )
    for _ in range(canvas.recipe.steps):
        canvas.step()
    return canvas.image.cpu()


def painted(
    photos, paintings, strength: float, keep: Path | None
) -> dict[tuple[str, str, str], torch.Tensor]:
    """All of them: (photograph, painting, eye) → picture. With `keep` they are stored there, and not made twice."""
    eyes, pictures = {name: features.load(name) for name in EYES}, {}
    for p, photo in photos.items():
        for s, painting in paintings.items():
            for name, eye in eyes.items():
                path = keep and keep / f"{p}_{s}_{name}_{strength:g}.png"
                if not path or not path.is_file():
                    picture = paint(photo, painting, eye, strength)
                    if path:
                        path.write_bytes(images.to_bytes(picture))  # exactly, without the label
                pictures[p, s, name] = images.load(path) if path else picture
    return pictures


def table(classifier, photos, paintings, pictures) -> list[tuple[str, float, float, float]]:
    """For each painting, the mean over photographs of the distance of the photograph, and of each eye's pictures."""
    rows = []
    for s, painting in paintings.items():
        target = style.fit_in(painting, SIZE)
        ways = [{p: style.fit_in(photo, SIZE) for p, photo in photos.items()}]
        ways += [{p: pictures[p, s, name] for p in photos} for name in EYES]
        rows.append((s, *(sum(classifier.style(x, target) for x in way.values()) / len(way) for way in ways)))
    return rows + [("mean", *(sum(column) / len(rows) for column in list(zip(*rows, strict=True))[1:]))]


def contents(classifier, photos, pictures) -> list[float]:
    """The mean content distance of each eye's pictures to their photographs."""
    far = {name: [] for name in EYES}
    for (p, _, name), picture in pictures.items():
        far[name].append(classifier.content(picture, style.fit_in(photos[p], SIZE)))
    return [sum(values) / len(values) for values in far.values()]


@torch.no_grad()
def report(photos, paintings, pictures) -> None:
    for name, classifier in judges().items():
        print(f"  classifier: {name:12} photograph   bundled  SqueezeNet  ratio")
        for s, photo, ours, theirs in table(classifier, photos, paintings, pictures):
            print(f"    {s:20} {photo:8.3f} {ours:9.3f} {theirs:11.3f} {ours / theirs:6.2f}")
        if hasattr(classifier, "content"):
            ours, theirs = contents(classifier, photos, pictures)
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
