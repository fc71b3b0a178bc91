"""Which change repairs lesson 03's game? One at a time, three seeds each: `python benchmarks/gan_ablation.py [steps]`.

About half an hour on one core. Every row is the same two networks, the same pictures and the same number of steps.
"""

import sys

import torch

from imagegen_lessons import datasets, gans, metrics, networks, runtime, training
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint

USUAL = dict(lr=2e-4, betas=(0.5, 0.999))  # DCGAN's
OURS = dict(lr=2e-3, betas=(0.0, 0.99))
RECIPES = {
    "settings of 2015": dict(losses=gans.NON_SATURATING, **USUAL),
    "  with our Adam": dict(losses=gans.NON_SATURATING, **OURS),
    "  our Adam, pairing": dict(losses=gans.RELATIVISTIC, **OURS),
    "  our Adam, penalties": dict(losses=gans.NON_SATURATING, gamma=0.3, **OURS),
    "  pairing, penalties": dict(losses=gans.RELATIVISTIC, gamma=0.3, **USUAL),
    "all three": dict(losses=gans.RELATIVISTIC, gamma=0.3, **OURS),
}


def figures(classifier, features, G) -> str:
    with torch.no_grad():
        fake = torch.cat([G(z) for z in torch.randn(2000, 64, generator=runtime.generator(1)).split(250)])
    kinds = metrics.class_coverage(classifier.class_index(fake), faces.CLASSES)
    with torch.no_grad():
        return (
            f"{kinds:2} kinds, Fréchet {metrics.frechet_distance(features, classifier.features(fake)):5.2f}"
        )


def main(steps: int) -> None:
    real = faces.render(faces.passports(16_000, seed=7))
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    with torch.no_grad():
        features = classifier.features(faces.render(faces.passports(5_000, seed=99)))
    for seed in range(3):  # the seeds outside: whatever else the machine does meets all recipes
        for name, recipe in RECIPES.items():
            torch.manual_seed(seed)
            game = gans.GANTrainer(gans.Generator(), gans.Discriminator(), latent=64, **recipe)
            game.penalty_every, game.average = 8, training.EMA(game.G, decay=0.998)
            batches = datasets.Batches(real, size=32, seed=seed)
            for _ in range(steps):
                game.step(next(batches))
            average = figures(classifier, features, game.average)
            print(
                f"seed {seed}  {name:22} {average} · G itself: {figures(classifier, features, game.G)}",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 2000)
