"""What makes a training step of lesson 03's GAN fast? `python benchmarks/gan_speed.py`.

All variants take turns, eight steps each, so that whatever else the machine does slows all of them alike.
"""

import time

import torch
from torch import nn

from imagegen_lessons import datasets, gans, runtime
from imagegen_lessons.synthetic import faces

ROUNDS, STEPS = 6, 8


class UpsamplingGenerator(nn.Module):
    """Upsampling and ordinary convolutions in place of transposed ones, with about as many parameters."""

    def __init__(self):
        super().__init__()
        self.project, act = nn.Linear(64, 128 * 16), nn.LeakyReLU(0.2)
        self.net = nn.Sequential(
            *(act, nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 3, padding=1)),
            *(act, nn.Upsample(scale_factor=2), nn.Conv2d(64, 32, 3, padding=1)),
            *(
                act,
                nn.Upsample(scale_factor=2),
                nn.Conv2d(32, 16, 3, padding=1),
                act,
                nn.Conv2d(16, 3, 3, padding=1),
            ),
        )

    def forward(self, z):
        return torch.sigmoid(self.net(self.project(z).unflatten(1, (128, 4, 4))))


class PatchGenerator(nn.Module):
    """Features at 8×8 positions become overlapping patches of 8×8 pixels."""

    def __init__(self):
        super().__init__()
        self.project, act = nn.Linear(64, 128 * 16), nn.LeakyReLU(0.2)
        self.net = nn.Sequential(
            *(act, nn.Conv2d(128, 128, 3, padding=1), act, nn.ConvTranspose2d(128, 64, 4, 2, 1), act),
            *(nn.Conv2d(64, 64, 3, padding=1), act, nn.ConvTranspose2d(64, 3, 8, 4, 2)),
        )

    def forward(self, z):
        return torch.sigmoid(self.net(self.project(z).unflatten(1, (128, 4, 4))))


class PatchDiscriminator(nn.Module):
    """A convolution over overlapping patches of 8×8 pixels first."""

    def __init__(self):
        super().__init__()
        act = nn.LeakyReLU(0.2)
        self.net = nn.Sequential(
            *(
                nn.Conv2d(3, 64, 8, 4, 2),
                act,
                nn.Conv2d(64, 128, 4, 2, 1),
                act,
                nn.Conv2d(128, 128, 3, padding=1),
                act,
            ),
            *(nn.Flatten(), nn.Linear(128 * 16, 1)),
        )

    def forward(self, x):
        return self.net(2 * x - 1)


class TwoBatches(gans.GANTrainer):
    """New fakes for each of the two steps, as in lesson 02's first version."""

    def step(self, real):
        return {"D": self.d_step(real), **self.g_step(real)}


def trainer(
    real, G=gans.Generator, D=gans.Discriminator, kind=gans.GANTrainer, interval=8, size=32, layout=None
):
    layout = layout or torch.contiguous_format
    networks = (network().to(memory_format=layout) for network in (G, D))
    gan = kind(*networks, gans.RELATIVISTIC, latent=64, gamma=1.0, penalty_interval=interval)
    return gan, datasets.Batches(real.to(memory_format=layout), size=size)


def main() -> None:
    real = faces.render(faces.passports(2048, seed=7))
    variants = {
        "as in the lesson": {},
        "penalties at every step": dict(interval=1),
        "new fakes for G's step": dict(kind=TwoBatches),
        "channels last": dict(layout=torch.channels_last),
        "batches of 64": dict(size=64),
        "upsampling": dict(G=UpsamplingGenerator),
        "patches": dict(G=PatchGenerator, D=PatchDiscriminator),
    }
    for threads in sorted({1, 2, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        contenders = {name: trainer(real, **variant) for name, variant in variants.items()}
        seconds = dict.fromkeys(contenders, 0.0)
        for round_ in range(ROUNDS + 1):
            for name, (gan, batches) in contenders.items():
                start = time.perf_counter()
                for _ in range(STEPS):
                    gan.step(next(batches))
                seconds[name] += (time.perf_counter() - start) if round_ else 0.0  # the first warms up
        print(f"{threads} thread{'s' * (threads > 1)}")
        for name, (_, batches) in contenders.items():
            step = seconds[name] / ROUNDS / STEPS
            print(f"  {name:26} {1000 * step:5.1f} ms a step, {batches.size / step:5.0f} images/s")


if __name__ == "__main__":
    runtime.seed_everything(0)
    main()
