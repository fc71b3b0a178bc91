"""What comes of thirty, a hundred, a thousand photographs? From scratch, with augmentation, from a trained generator.

python -m benchmarks.little_data FOLDER [--seeds 3] [--steps 2000] [--pictures FOLDER]

FOLDER has two folders of photographs of one kind, train and test (CIFAR-10's cats, say). Each way has the same
networks, batches and steps; the third begins with both networks of the bundled generator of horses. Then 2,000 pictures
of the running average are compared with the test pictures: Fréchet distance in SqueezeNet's features (as in
fashion_gan.py), and *memorised*: how many are nearer, in pixels, to one of the training pictures than to any of as many
unseen ones (where nothing is memorised, half).
"""

import argparse
from pathlib import Path

import torch

from benchmarks.fashion_gan import squeezenet
from imagegen_lessons import datasets, gans, images, metrics, runtime
from imagegen_lessons.training import checkpoint
from tools.train_photographs import new_trainer

COUNTS = (30, 100, 1000)
WAYS = {  # name -> the changes through which D sees pictures, their probability, and whether from horses
    "from scratch": ((), 0.0, False),
    "with augmentation": (("mirror", "colour", "translate", "cutout"), 0.6, False),
    "from horses, with augmentation": (("mirror", "colour", "translate", "cutout"), 0.6, True),
}
MANY = 2_000


def trained(x, way: str, seed: int, steps: int):
    """The running average of G after so many steps on photographs x (n, 3, 32, 32)."""
    torch.manual_seed(seed)
    changes, probability, from_horses = WAYS[way]
    gan = new_trainer("cpu")
    gan.change = gans.Augment(changes, probability) if changes else lambda x: x
    if from_horses:
        checkpoint.load_network("horses_gan", torch.nn.ModuleDict({"G": gan.G, "D": gan.D}))
        gan.average.module.load_state_dict(gan.G.state_dict())
    batches = datasets.Batches(x, size=32, seed=seed)
    for _ in range(steps):
        gan.step(next(batches))
    return gan.average


def memorised(fake, shown, unseen) -> float:
    near = [torch.cdist(fake.flatten(1), x.flatten(1)).amin(dim=1) for x in (shown, unseen)]
    return (near[0] < near[1]).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--pictures", help="a folder for a sheet of each generator's pictures")
    arguments = parser.parse_args()
    everything = datasets.folder(arguments.folder / "train", 32)
    features = squeezenet()
    real = features(datasets.folder(arguments.folder / "test", 32))
    for n in COUNTS:
        print(f"{n} photographs themselves: {metrics.frechet_distance(real, features(everything[:n])):,.0f}")
        for seed in range(arguments.seeds):
            order = torch.randperm(len(everything), generator=runtime.generator(seed))
            shown, unseen = everything[order[:n]], everything[order[n : 2 * n]]
            for way in WAYS:
                G = trained(shown, way, seed, arguments.steps)
                z = torch.randn(MANY, 64, generator=runtime.generator(1))
                with torch.no_grad():
                    fake = torch.cat([G(part) for part in z.split(250)])
                distance, copied = (
                    metrics.frechet_distance(real, features(fake)),
                    memorised(fake, shown, unseen),
                )
                print(f"{n:5}  seed {seed}  {way:31} {distance:9,.0f}  memorised {copied:.2f}", flush=True)
                if arguments.pictures:
                    name = f"{n}_{way}_{seed}.png".replace(" ", "_").replace(",", "")
                    images.save(images.grid(fake[:60], columns=12), f"{arguments.pictures}/{name}")


if __name__ == "__main__":
    main()
