"""Does lesson 03's recipe work in every world, with every seed?

python -m benchmarks.worlds [--fashion FOLDER] [--horses FOLDER] [--seeds 10] [--steps 1600] [WORLD …]

FASHION is a folder with Fashion-MNIST's four files, HORSES one with photographs; without them they are downloaded.
For each world a classifier learns the labels first. Then G is trained with each seed, and 2,000 of its pictures are
examined: how much they differ from each other (as a share of what real ones do), how many classes occur, how often the
rarest one does (1: as often as if all were alike), and the Fréchet distance to held-out pictures in the classifier's
features; where there are no labels, of the pixels of 8 × 8 pictures. Two and a half minutes a seed on one core.
With more than 5,000 steps the bundled generators' recipe is taken (tools/train_checkpoints.py): a stronger penalty,
which falls together with the rate in the second half.
"""

import argparse
import math

import torch
import torch.nn.functional as F

from imagegen_lessons import datasets, gans, images, metrics, networks, runtime, training
from tools.train_checkpoints import calmer_in_the_end

WORLDS = ("faces", "garments", "digits", "sprites", "landscapes", "horses")
HELD_OUT, MANY = 2_000, 2_000


def load(name: str, arguments):
    """Pictures (n, channels, 32, 32), labels (n, k), and how many values each label has."""
    if name == "digits":
        x, y = datasets.digits(32)
        return x, y[:, None], [10]
    if name == "garments" and arguments.fashion:
        x, y, names = datasets.fashion_mnist(root=arguments.fashion, limit=20_000)
        return x, y[:, None], [len(names)]
    if name == "horses" and arguments.horses:
        x = datasets.folder(arguments.horses, 32)
        return x, torch.zeros(len(x), 0, dtype=torch.long), []
    x, y, names = datasets.world(name, 18_000)
    return x, y, [len(values) for values in names if len(values) > 1]


def combined(labels, sizes):
    """One class for each combination of labels (n, k): (n,)."""
    classes = torch.zeros(len(labels), dtype=torch.long)
    for size, column in zip(sizes, labels.T, strict=False):
        classes = classes * size + column
    return classes


def classifier_of(x, y, sizes, steps: int = 1200):
    """A small network that learned to tell the labels of these pictures."""
    torch.manual_seed(0)
    network = networks.ConvNet(x.shape[1], sum(sizes), size=32, width=16)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps)
    batches = datasets.Batches(x, y, size=64)
    for _ in range(steps):
        pictures, labels = next(batches)
        scores = network(pictures).split(sizes, dim=1)
        loss = sum(F.cross_entropy(score, label) for score, label in zip(scores, labels.T, strict=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def look(network, x, sizes):
    """Features (n, d) and classes (n,); without labels 8 × 8 pixels, and one class."""
    if network is None:
        return images.resize(x, 8).flatten(1), torch.zeros(len(x), dtype=torch.long)
    maps = torch.cat([network.features(part) for part in x.split(100)])
    labels = torch.stack([part.argmax(1) for part in network.linear(maps).split(sizes, dim=1)], dim=1)
    return maps.unflatten(1, (-1, 16)).mean(dim=2), combined(labels, sizes)


def generator(x, seed: int, steps: int):
    """The running average of lesson 03's G, trained as there."""
    torch.manual_seed(seed)
    G, D = gans.Generator(channels=x.shape[1]), gans.Discriminator(channels=x.shape[1])
    long = steps > 5_000
    decay, gamma = (0.999, 1.0) if long else (0.998, 0.3)
    settings = dict(average=training.EMA(G, decay=decay), gamma=gamma, penalty_interval=8)
    gan = gans.GANTrainer(G, D, gans.RELATIVISTIC, latent=64, **settings)
    step = calmer_in_the_end(gan, steps) if long else gan.step
    batches = datasets.Batches(x, size=32, seed=seed)
    for _ in range(steps):
        step(next(batches))
    return gan.average


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help=", ".join(WORLDS))
    parser.add_argument("--fashion")
    parser.add_argument("--horses")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--pictures", help="a folder for a sheet of each generator's pictures, and of all")
    arguments = parser.parse_args()
    sheet = []
    for name in arguments.worlds or WORLDS:
        x, y, sizes = load(name, arguments)
        order = torch.randperm(len(x), generator=runtime.generator(0))
        x, y, classes = x[order], y[order], math.prod(sizes)
        held_out = min(HELD_OUT, len(x) // 5)
        real, truth, x, y = x[:held_out], y[:held_out], x[held_out:], y[held_out:]
        network = classifier_of(x, y, sizes) if sizes else None
        features, seen = look(network, real, sizes)
        right = (seen == combined(truth, sizes)).float().mean().item()
        print(
            f"{name}: {len(x):,} pictures of {classes} classes; the classifier is right in {right:.1%}",
            flush=True,
        )
        for seed in range(arguments.seeds):
            G = generator(x, seed, arguments.steps)
            z = torch.randn(MANY, 64, generator=runtime.generator(1))
            with torch.no_grad():
                fake = torch.cat([G(part) for part in z.split(100)])
            found, seen = look(network, fake, sizes)
            counts = torch.bincount(seen, minlength=classes)
            spread = fake.std(dim=0).mean() / real.std(dim=0).mean()
            print(
                f"  seed {seed}: spread {spread:.2f}, {int((counts > 0).sum())} of {classes} classes, the rarest "
                f"{counts.min() / MANY * classes:.2f}, distance {metrics.frechet_distance(features, found):.2f}",
                flush=True,
            )
            if arguments.pictures:
                images.save(images.grid(fake[:60], columns=12), f"{arguments.pictures}/{name}_{seed}.png")
            if seed == 0:
                sheet.append(images.resize(fake[:12], 72).expand(-1, 3, -1, -1))
    if arguments.pictures:  # a row for each world
        images.save(images.grid(torch.cat(sheet), columns=12), f"{arguments.pictures}/worlds.jpg")


if __name__ == "__main__":
    main()
