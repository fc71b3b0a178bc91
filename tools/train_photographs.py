"""Trains the bundled generator of photographs: `python -m tools.train_photographs [--folder FOLDER] [--steps N]`.

It learns from CIFAR-10's 5,000 horses, which are downloaded, or from a folder with photographs of one kind. As there
are few, D sees them, real and fake, through random changes, each in half of the pictures (lesson 04). Networks and rate
are lesson 03's; with the penalty of the bundled faces, ten times as strong, photographs stayed mush.
"""

import argparse

import torch

from imagegen_lessons import datasets, gans, runtime, training
from tools.train_checkpoints import calmer_in_the_end, resumable
from tools.train_superres import bundle

WIDTH, STEPS = 64, 24_000
CHANGES = ("mirror", "translate")


class AugmentedTrainer(gans.GANTrainer):
    """D scores every picture after a random change of its own."""

    change = gans.Augment(CHANGES, 0.5)

    def score(self, x, *conditions):
        return self.D(self.change(x), *conditions)


def new_trainer(device) -> AugmentedTrainer:
    """The networks, untrained, and their trainer."""
    G, D = gans.Generator(width=WIDTH).to(device), gans.Discriminator(width=WIDTH // 2).to(device)
    settings = dict(average=training.EMA(G, decay=0.999), gamma=0.1, penalty_interval=8)
    return AugmentedTrainer(G, D, gans.RELATIVISTIC, latent=64, **settings)


def learn(x, steps: int, seed: int = 0, name: str = "horses_gan"):
    """G (its running average) and D after so many steps on photographs x (n, 3, 32, 32), and figures for their card."""
    runtime.seed_everything(seed)
    device = runtime.device()
    gan = new_trainer(device)
    batches = datasets.Batches(x, size=32, seed=seed, device=device)
    step = calmer_in_the_end(gan, steps)
    history = training.fit(step, batches, steps, **resumable(name, gan=gan))
    both = torch.nn.ModuleDict({"G": gan.average.module, "D": gan.D}).eval().cpu()
    return both, {"steps": steps, "seconds": round(history.seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", help="photographs of one kind, instead of CIFAR-10's horses")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    x = datasets.folder(arguments.folder, 32) if arguments.folder else datasets.world("horses").x
    network, figures = learn(x, runtime.steps(full=arguments.steps, quick=5))
    bundle("horses_gan", "python -m tools.train_photographs", network, {"photographs": len(x), **figures})


if __name__ == "__main__":
    main()
