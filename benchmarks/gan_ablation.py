"""Which change improves lesson 03's GAN? One at a time, three seeds each: `python benchmarks/gan_ablation.py [steps]`.

About half an hour on one core. Every row is the same two networks, the same pictures and the same number of steps.
"""

import sys

import torch
import torch.nn.functional as F

from imagegen_lessons import datasets, gans, metrics, networks, runtime, training
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint


class Plain(gans.Generator):
    """Lesson 03's G without the blur, and with the usual sigmoid at the end."""

    blur, end = staticmethod(lambda h: h), staticmethod(torch.sigmoid)

    def forward(self, z):
        h = F.leaky_relu(self.project(z).unflatten(1, self.start), 0.2)
        h = F.leaky_relu(self.up1(h), 0.2)
        h = F.leaky_relu(self.up2(h), 0.2)
        return self.end(self.to_rgb(F.leaky_relu(self.blur(self.up3(h)), 0.2)))


class Blurred(Plain):
    blur = staticmethod(gans.blur)


class Softsign(Plain):
    end = staticmethod(lambda h: (F.softsign(2 * h) + 1) / 2)


DCGAN = dict(lr=2e-4, betas=(0.5, 0.999))
OURS = dict(lr=2e-3, betas=(0.0, 0.99))
# The losses, the weight of the penalties, Adam's settings, and G where it is another.
RECIPES = {
    "DCGAN's settings": (gans.NON_SATURATING, 0.0, DCGAN),
    "  with our Adam": (gans.NON_SATURATING, 0.0, OURS),
    "  our Adam, relativistic": (gans.RELATIVISTIC, 0.0, OURS),
    "  our Adam, penalties": (gans.NON_SATURATING, 0.3, OURS),
    "  relativistic, penalties": (gans.RELATIVISTIC, 0.3, DCGAN),
    "all three": (gans.RELATIVISTIC, 0.3, OURS),
    "  sigmoid, no blur": (gans.RELATIVISTIC, 0.3, OURS, Plain),
    "  sigmoid, blur": (gans.RELATIVISTIC, 0.3, OURS, Blurred),
    "  softsign, no blur": (gans.RELATIVISTIC, 0.3, OURS, Softsign),
}


@torch.no_grad()
def figures(classifier, features, G) -> str:
    fake = torch.cat([G(z) for z in torch.randn(2000, 64, generator=runtime.generator(1)).split(250)])
    classes = metrics.class_coverage(classifier.class_index(fake), faces.CLASSES)
    distance = metrics.frechet_distance(features, classifier.features(fake))
    return f"{classes:2} classes, Fréchet distance {distance:5.2f}"


def main(steps: int) -> None:
    real = faces.render(faces.passports(16_000, seed=7))
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    with torch.no_grad():
        features = classifier.features(faces.render(faces.passports(5_000, seed=99)))
    for seed in range(3):  # the seeds outside: whatever else the machine does meets all recipes
        for name, (losses, gamma, settings, *other) in RECIPES.items():
            torch.manual_seed(seed)
            G, D = (other or [gans.Generator])[0](), gans.Discriminator()
            optimizers = gans.adam(G, **settings), gans.adam(D, **settings)
            average = training.EMA(G, decay=0.998)
            options = dict(optimizers=optimizers, average=average, gamma=gamma, penalty_interval=8)
            gan = gans.GANTrainer(G, D, losses, latent=64, **options)
            batches = datasets.Batches(real, size=32, seed=seed)
            for _ in range(steps):
                gan.step(next(batches))
            found = [figures(classifier, features, network) for network in (average, G)]
            print(f"seed {seed}  {name:26} {found[0]} · G itself: {found[1]}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 2000)
