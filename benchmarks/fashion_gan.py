"""Lesson 03's GAN and lesson 11's flow against the DCGAN that most people start from: photographs, equal time.

python -m benchmarks.fashion_gan FOLDER [--seconds 90] [--seeds 3]

FOLDER has Fashion-MNIST's four files, or two folders of photographs of one kind, train and test (CIFAR-10's horses,
say); of these ours learns as tools/train_photographs.py does. All contenders take turns of a few seconds on the same
machine, so that whatever else it does slows all alike, until each has had its time. Then 5,000 pictures of each are
compared with the real test pictures: Fréchet distance in the features of SqueezeNet, a network trained on ImageNet
photographs (torchvision's weights; with TORCH_HOME set to a folder that has them, nothing is downloaded).

DCGAN here is written after the paper (Radford et al. 2015) with the sizes and settings of the example that
comes with PyTorch: 100 latents, 64 maps, batch normalisation, cross-entropy, Adam with 2e-4 and (0.5, 0.999), batches
of 64. It runs with its own size, 64×64 on enlarged pictures, and cut down to 32×32 with as many weights as ours.
"""

import argparse
import math
import os
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import datasets, diffusion, gans, images, metrics, runtime, training
from imagegen_lessons.training import checkpoint
from tools import train_photographs
from tools.train_checkpoints import calming

TURN = 5.0  # seconds
FAKES = 5_000


def weights(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def dcgan_generator(size: int, maps: int, channels: int, latent: int = 100) -> nn.Sequential:
    """Transposed convolutions from 1×1 to size×size, each but the last with batch normalisation and ReLU."""
    widths = [maps * 2**k for k in reversed(range(size.bit_length() - 3))]  # for 64: 512, 256, 128, 64
    layers = [
        nn.ConvTranspose2d(latent, widths[0], 4, 1, 0, bias=False),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
    ]
    for wide, narrow in zip(widths, widths[1:], strict=False):
        layers += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1, bias=False), nn.Tanh())


def dcgan_discriminator(size: int, maps: int, channels: int) -> nn.Sequential:
    """Strided convolutions from size×size to one score; batch normalisation in all but the first and the last."""
    widths = [maps * 2**k for k in range(size.bit_length() - 3)]
    layers = [nn.Conv2d(channels, maps, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for narrow, wide in zip(widths, widths[1:], strict=False):
        layers += [nn.Conv2d(narrow, wide, 4, 2, 1, bias=False), nn.BatchNorm2d(wide), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False), nn.Flatten())


def initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


class Theirs:
    def __init__(self, x, size: int, g_maps: int, d_maps: int, seed: int):
        torch.manual_seed(seed)
        channels = x.shape[1]
        self.G, self.D = dcgan_generator(size, g_maps, channels), dcgan_discriminator(size, d_maps, channels)
        self.G.apply(initialise)
        self.D.apply(initialise)
        self.opt_g = torch.optim.Adam(self.G.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(self.D.parameters(), lr=2e-4, betas=(0.5, 0.999))
        x = 2 * (x if size == x.shape[-1] else images.resize(x, size)) - 1
        self.batches = datasets.Batches(x, size=64, seed=seed)

    def step(self, share: float) -> None:
        real = next(self.batches)
        one, zero = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = self.G(torch.randn(len(real), 100, 1, 1))
        score = F.binary_cross_entropy_with_logits
        self.opt_d.zero_grad()
        score(self.D(real), one).backward()
        score(self.D(fake.detach()), zero).backward()
        self.opt_d.step()
        self.opt_g.zero_grad()
        score(self.D(fake), one).backward()
        self.opt_g.step()

    @torch.no_grad()
    def pictures(self) -> dict[str, torch.Tensor]:
        """In training mode, as the example shows its samples, and in evaluation mode: the better one counts."""
        both = {}
        for name, mode in (("batch statistics", True), ("running statistics", False)):
            self.G.train(mode)
            latents = torch.randn(FAKES, 100, 1, 1, generator=runtime.generator(1))
            x = torch.cat([(self.G(z) + 1) / 2 for z in latents.split(100)])
            both[name] = images.resize(x, 32) if x.shape[-1] != 32 else x
        self.G.train()
        return both


class Ours:
    def __init__(self, x, seed: int):
        torch.manual_seed(seed)
        self.G, self.D = gans.Generator(channels=x.shape[1]), gans.Discriminator(channels=x.shape[1])
        settings = dict(average=training.EMA(self.G, decay=0.998), gamma=0.3, penalty_interval=8)
        self.gan = gans.GANTrainer(self.G, self.D, gans.RELATIVISTIC, latent=64, **settings)
        self.batches = datasets.Batches(x, size=64, seed=seed)

    def step(self, share: float) -> None:
        self.gan.step(next(self.batches))

    @torch.no_grad()
    def pictures(self) -> dict[str, torch.Tensor]:
        latents = torch.randn(FAKES, 64, generator=runtime.generator(1))
        return {"average": torch.cat([self.gan.average(z) for z in latents.split(250)])}


class OursOfPhotographs(Ours):
    """As tools/train_photographs.py trains: D sees random changes, rate and penalty fall in the second half."""

    def __init__(self, x, seed: int):
        torch.manual_seed(seed)
        self.gan = train_photographs.new_trainer("cpu")
        self.G, self.D = self.gan.G, self.gan.D
        self.calm = calming(self.gan)
        self.batches = datasets.Batches(x, size=32, seed=seed)

    def step(self, share: float) -> None:
        self.calm(share)
        super().step(share)


def rate(share: float, peak: float) -> float:
    """A learning rate that rises over the first twentieth of the time, and falls to 0 with a cosine."""
    return peak * min(1.0, share / 0.05) * (1 + math.cos(math.pi * min(1.0, share))) / 2


class Flow:
    """Lesson 11's U-Net and settings; the rate follows the share of the time that is used."""

    def __init__(self, x, seed: int):
        torch.manual_seed(seed)
        network = diffusion.UNet(channels=x.shape[1]).to(memory_format=torch.channels_last)
        self.flow = diffusion.FlowTrainer(network, steps=10**6)  # whose own rate is overwritten below
        self.batches = datasets.Batches(2 * x - 1, size=16, seed=seed)
        self.shape = x.shape[1:]

    def step(self, share: float) -> None:
        self.flow.optimizer.param_groups[0]["lr"] = rate(share, 3e-3)
        self.flow.step(next(self.batches))

    @torch.no_grad()
    def pictures(self) -> dict[str, torch.Tensor]:
        z = torch.randn(FAKES, *self.shape, generator=runtime.generator(1))
        x = torch.cat([diffusion.sample(self.flow.average, part, 10) for part in z.split(250)])
        return {"average, 10 steps of Euler": (x / 2 + 0.5).clamp(0, 1)}


def squeezenet():
    from torchvision.models import squeezenet1_0

    network = squeezenet1_0(weights="DEFAULT").eval().features
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    @torch.no_grad()
    def features(x: torch.Tensor) -> torch.Tensor:
        """Pictures (n, 1 or 3, 32, 32) to 512 features each: enlarged to 96, the last maps averaged."""
        parts = []
        for part in x.split(250):
            large = (
                F.interpolate(part, size=96, mode="bicubic", antialias=True).clamp(0, 1).expand(-1, 3, -1, -1)
            )
            parts.append(network((large - mean) / std).mean(dim=(2, 3)))
        return torch.cat(parts)

    return features


@torch.no_grad()
def bundled() -> torch.Tensor:
    """Pictures by the bundled generator of photographs, which had an hour."""
    both = nn.ModuleDict({"G": gans.Generator(), "D": gans.Discriminator()})
    G = checkpoint.load_network("horses_gan", both)["G"]
    return torch.cat([G(z) for z in torch.randn(FAKES, 64, generator=runtime.generator(1)).split(250)])


def train(contenders: dict, seconds: float) -> dict[str, int]:
    """Turns of a few seconds until each has had its time; returns the steps that each made."""
    used, steps = dict.fromkeys(contenders, 0.0), dict.fromkeys(contenders, 0)
    while min(used.values()) < seconds:
        for name, contender in contenders.items():
            turn = min(TURN, seconds - used[name])
            start = time.perf_counter()
            while time.perf_counter() - start < turn:
                contender.step(min(1.0, (used[name] + time.perf_counter() - start) / seconds))
                steps[name] += 1
            used[name] += max(0.0, time.perf_counter() - start) if turn > 0 else 0.0
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", help="a folder for a sheet of each contender's pictures")
    arguments = parser.parse_args()
    folder, ours = Path(arguments.folder), Ours
    if (folder / "train").is_dir():
        x, test, ours = (
            datasets.folder(folder / "train", 32),
            datasets.folder(folder / "test", 32),
            OursOfPhotographs,
        )
    else:
        x, _, _ = datasets.fashion_mnist(root=folder)
        test, _, _ = datasets.fashion_mnist(train=False, root=folder)
    features = squeezenet()
    real = features(test)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
    lowest = metrics.frechet_distance(real, features(x[:FAKES]))
    print(
        f"{len(x):,} training pictures; their own distance from the {len(test):,} for testing: {lowest:.0f}"
    )
    if ours is OursOfPhotographs:
        print(
            f"the bundled generator of horses: {metrics.frechet_distance(real, features(bundled())):,.0f}",
            flush=True,
        )
    for seed in range(arguments.seeds):
        contenders = {
            "DCGAN 64×64": Theirs(x, 64, 64, 64, seed),
            "DCGAN 32×32": Theirs(x, 32, 28, 32, seed),
            "lesson 03": ours(x, seed),
            "lesson 11": Flow(x, seed),
        }
        if seed == 0:
            for name, c in contenders.items():
                parts = [c.flow.network] if isinstance(c, Flow) else [c.G, c.D]
                print(f"  {name}: {' and '.join(f'{weights(part):,}' for part in parts)} weights")
        steps = train(contenders, arguments.seconds)
        for name, contender in contenders.items():
            sets = contender.pictures()
            found = {how: metrics.frechet_distance(real, features(fake)) for how, fake in sets.items()}
            text = ", ".join(f"{value:,.0f} ({how})" for how, value in found.items())
            print(f"seed {seed}  {name:25} {steps[name]:5} steps, Fréchet distance {text}", flush=True)
            if arguments.pictures:
                best = sets[min(found, key=found.get)]
                images.save(
                    images.grid(best[:64], columns=16),
                    f"{arguments.pictures}/{name}_{seed}.png".replace(" ", "_"),
                )


if __name__ == "__main__":
    main()
