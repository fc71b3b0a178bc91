"""GAN, VAE and flow of faces with equal time: `python -m benchmarks.generative_models [--seconds 110] [--seeds 3]`

Each gets so many seconds of processor time on one thread, in turns, with the settings of its lesson: lesson 03's GAN;
lesson 11's VAE; an autoencoder for half of the time and then a flow of its latents; an autoencoder with a normal
distribution that has the mean and the covariance of its latents; and the flow of pixels. Learning rates that fall
follow the share of the time that is used. Then 2,000 faces of each are compared with 5,000 held-out ones in the
features of the faces' classifier.
"""

import argparse
import os
import time

import torch
import torch.nn.functional as F

from benchmarks.fashion_gan import rate
from imagegen_lessons import datasets, diffusion, gans, metrics, networks, runtime, training
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint

TURN = 5.0  # seconds
FAKES = 2_000


class GAN:
    def __init__(self, x, seed):
        G, D = gans.Generator(), gans.Discriminator()
        settings = dict(average=training.EMA(G, decay=0.998), gamma=0.3, penalty_interval=8)
        self.gan = gans.GANTrainer(G, D, gans.RELATIVISTIC, latent=64, **settings)
        self.batches = datasets.Batches(x, size=32, seed=seed)

    def step(self, share):
        self.gan.step(next(self.batches))

    def pictures(self, rng):
        return self.gan.average(torch.randn(FAKES, 64, generator=rng))


class VAE:
    """Lesson 11's, with β = 1 or another."""

    beta = 1.0

    def __init__(self, x, seed):
        self.network = diffusion.VAE()
        self.optimizer = torch.optim.Adam(self.network.parameters(), betas=(0.9, 0.99))
        self.batches = datasets.Batches(x, size=16, seed=seed)

    def loss(self, x):
        restored, mean, log_variance = self.network(x)
        error = (restored - x).square().flatten(1).sum(dim=1) / (2 * 0.1**2)
        return (error + self.beta * diffusion.kl_divergence(mean, log_variance)).mean()

    def step(self, share):
        self.optimizer.param_groups[0]["lr"] = rate(share, 4e-3)
        loss = self.loss(next(self.batches))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def pictures(self, rng):
        return self.network.decoder(torch.randn(FAKES, 64, generator=rng))


class VAE10(VAE):
    beta = 10.0


class LatentNormal(VAE):
    """The same networks as an autoencoder, and a normal distribution with the covariance of its latents."""

    def __init__(self, x, seed):
        super().__init__(x, seed)
        self.x = x

    def loss(self, x):
        return F.mse_loss(self.network.decoder(self.network.encode(x)[0]), x)

    @torch.no_grad()
    def encoded(self):
        return torch.cat([self.network.encode(part)[0] for part in self.x.split(1000)])

    def pictures(self, rng):
        z = self.encoded()
        noise = torch.randn(FAKES, 64, generator=rng)
        return self.network.decoder(z.mean(dim=0) + noise @ torch.linalg.cholesky(z.T.cov()).T)


class LatentFlow(LatentNormal):
    """The autoencoder for half of the time, then a flow of its latents."""

    flow = None

    def begin_flow(self):
        z = self.encoded()
        self.centre, self.spread = z.mean(dim=0), z.std(dim=0)
        self.latents = datasets.Batches((z - self.centre) / self.spread, size=128)
        self.flow = diffusion.FlowTrainer(diffusion.VelocityMLP(64, hidden=384, layers=5), 10**6)

    def step(self, share):
        if share < 0.5:
            return super().step(2 * share)
        if self.flow is None:
            self.begin_flow()
        self.flow.optimizer.param_groups[0]["lr"] = rate(2 * share - 1, 2e-3)
        self.flow.step(next(self.latents))

    def pictures(self, rng):
        z = diffusion.sample(self.flow.average, torch.randn(FAKES, 64, generator=rng), 20)
        return self.network.decoder(z * self.spread + self.centre)


class PixelFlow:
    def __init__(self, x, seed):
        network = diffusion.UNet().to(memory_format=torch.channels_last)
        self.flow = diffusion.FlowTrainer(network, 10**6)
        self.batches = datasets.Batches(2 * x - 1, size=16, seed=seed)

    def step(self, share):
        self.flow.optimizer.param_groups[0]["lr"] = rate(share, 3e-3)
        self.flow.step(next(self.batches))

    def pictures(self, rng):
        z = torch.randn(FAKES, 3, 32, 32, generator=rng)
        x = torch.cat([diffusion.sample(self.flow.average, part, 10) for part in z.split(250)])
        return (x / 2 + 0.5).clamp(0, 1)


CONTENDERS = {
    "GAN": GAN,
    "VAE": VAE,
    "VAE, β = 10": VAE10,
    "latent normal": LatentNormal,
    "latent flow": LatentFlow,
    "pixel flow": PixelFlow,
}


def train(contenders: dict, seconds: float) -> dict[str, int]:
    """Turns of some seconds of processor time until each has had its own; returns the steps that each made."""
    used, steps = dict.fromkeys(contenders, 0.0), dict.fromkeys(contenders, 0)
    while min(used.values()) < seconds:
        for name, contender in contenders.items():
            begun = time.process_time()
            while (spent := time.process_time() - begun) < TURN and used[name] + spent < seconds:
                contender.step((used[name] + spent) / seconds)
                steps[name] += 1
            used[name] += time.process_time() - begun
    return steps


@torch.no_grad()
def evaluate(classifier, shown, real, contender) -> str:
    begun = time.process_time()
    x = contender.pictures(runtime.generator(1))
    milliseconds = 1000 * (time.process_time() - begun) / FAKES
    fake, true = classifier.features(x), classifier.features(real)
    classes = metrics.class_coverage(classifier.class_index(x), faces.CLASSES)
    precision, recall = metrics.precision_recall(true[:FAKES], fake)
    near = [
        torch.cdist(x.flatten(1), others.flatten(1)).amin(dim=1) for others in (shown[:FAKES], real[:FAKES])
    ]
    memorised = (near[0] < near[1]).float().mean().item()
    return (
        f"{classes} classes, Fréchet {metrics.frechet_distance(true, fake):.2f}, precision {precision:.2f}, "
        f"recall {recall:.2f}, memorised {memorised:.2f}, {milliseconds:.2f} ms a picture"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=110)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    x = faces.render(faces.passports(12_000, seed=7))
    real = faces.render(faces.passports(5_000, seed=3000))
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    print(
        f"torch {torch.__version__}, 1 thread, load {os.getloadavg()[0]:.1f}, {arguments.seconds:g} s for each"
    )
    for seed in range(arguments.seeds):
        contenders = {}
        for name in arguments.only:
            torch.manual_seed(seed)
            contenders[name] = CONTENDERS[name](x, seed)
        steps = train(contenders, arguments.seconds)
        for name, contender in contenders.items():
            print(
                f"seed {seed}  {name:13} {steps[name]:6} steps  {evaluate(classifier, x, real, contender)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
