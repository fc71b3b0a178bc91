"""What makes lesson 11's flow of faces good in a minute? `python benchmarks/flow.py [--seconds 110] [--seeds 3] [NAME]`

Every variant gets the same processor time on one thread: the cost of a step is measured first, with all variants in
turns, and gives the number of steps, over which the learning rate rises and falls. Then 2,000 faces of each, after 10
and 20 steps of Euler and 5 of Heun, are compared with 5,000 held-out ones, in the features of the faces' classifier.
"""

import argparse
import os
import time

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import datasets, diffusion, metrics, networks, runtime, training
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint

ROUNDS, TURN = 5, 6  # turns for each variant, and steps in a turn, to measure what a step costs


class Velocity(diffusion.UNet):
    """Predicts the velocity itself."""

    def forward(self, x_t, t):
        return self.denoise(x_t, t)


class Patches(nn.Module):
    """Squares of 4 × 4 pixels become channels, and there are two resolutions instead of three."""

    def __init__(self, width=64, deep=128, condition=64):
        super().__init__()
        self.time = nn.Sequential(
            nn.Linear(32, condition), nn.SiLU(), nn.Linear(condition, condition), nn.SiLU()
        )
        self.conv_in = nn.Conv2d(48, width, 3, padding=1)
        self.block, self.down = (
            diffusion.Block(width, width, condition),
            nn.Conv2d(width, deep, 3, 2, padding=1),
        )
        self.middle1, self.middle2 = (diffusion.Block(deep, deep, condition) for _ in range(2))
        self.up, self.norm_out = diffusion.Block(deep + width, width, condition), nn.GroupNorm(8, width)
        self.conv_out = nn.Conv2d(width, 48, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)

    def denoise(self, x_t, t):
        condition = self.time(diffusion.time_embedding(t))
        fine = self.block(self.conv_in(F.pixel_unshuffle(x_t, 4)), condition)
        h = self.middle2(self.middle1(self.down(fine), condition), condition)
        h = self.up(torch.cat([F.interpolate(h, scale_factor=2), fine], dim=1), condition)
        return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), 4)

    forward = diffusion.UNet.forward  # the velocity leads to what `denoise` predicts


# name -> (network, size of a batch, learning rate, distribution of the times)
VARIANTS = {
    "as in the lesson": (diffusion.UNet, 16, 3e-3, diffusion.logit_normal),
    "predicts the velocity": (Velocity, 16, 3e-3, diffusion.logit_normal),
    "uniform times": (diffusion.UNet, 16, 3e-3, torch.rand),
    "batches of 32": (diffusion.UNet, 32, 3e-3, diffusion.logit_normal),
    "narrow at 16 × 16": (lambda: diffusion.UNet(widths=(16, 48, 96)), 16, 3e-3, diffusion.logit_normal),
    "wide at 4 × 4": (lambda: diffusion.UNet(widths=(32, 96, 128)), 16, 3e-3, diffusion.logit_normal),
    "patches of 4 × 4": (Patches, 16, 3e-3, diffusion.logit_normal),
    "rate 1.5e-3": (diffusion.UNet, 16, 1.5e-3, diffusion.logit_normal),
    "rate 6e-3": (diffusion.UNet, 16, 6e-3, diffusion.logit_normal),
}


class Contender:
    """A variant in training."""

    def __init__(self, x, name, steps, seed=0):
        build, size, lr, self.times = VARIANTS[name]
        torch.manual_seed(seed)
        network = build().to(memory_format=torch.channels_last)
        self.flow = diffusion.FlowTrainer(network, steps, lr=lr, average=training.EMA(network, decay=0.995))
        self.batches = datasets.Batches(x, size=size, seed=seed)

    def step(self):
        x, flow = next(self.batches), self.flow
        loss = diffusion.flow_matching_loss(flow.network, x, torch.randn_like(x), self.times(len(x)))
        flow.descend(loss)


def cost_of_a_step(x, names) -> dict[str, float]:
    """Seconds of processor time, the median of turns that all variants take one after the other."""
    contenders = {name: Contender(x, name, 1000) for name in names}
    seconds = {name: [] for name in names}
    for _ in range(ROUNDS + 1):
        for name, contender in contenders.items():
            start = time.process_time()
            for _ in range(TURN):
                contender.step()
            seconds[name].append((time.process_time() - start) / TURN)
    return {name: sorted(values[1:])[ROUNDS // 2] for name, values in seconds.items()}


@torch.no_grad()
def measure(classifier, real, network) -> str:
    z = torch.randn(2_000, 3, 32, 32, generator=runtime.generator(1))
    texts = []
    for name, step, steps in (
        ("Euler 10", diffusion.euler_step, 10),
        ("Euler 20", diffusion.euler_step, 20),
        ("Heun 5", diffusion.heun_step, 5),
    ):
        x = torch.cat([diffusion.sample(network, part, steps, step=step) for part in z.split(250)])
        x = (x / 2 + 0.5).clamp(0, 1)
        classes = metrics.class_coverage(classifier.class_index(x), faces.CLASSES)
        texts.append(
            f"{name}: {classes} classes, {metrics.frechet_distance(real, classifier.features(x)):.2f}"
        )
    return " · ".join(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="variants; by default all")
    parser.add_argument("--seconds", type=float, default=110)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    names = arguments.names or list(VARIANTS)
    torch.set_num_threads(1)
    x = faces.render(faces.passports(12_000, seed=7))
    x = (2 * x - 1).to(memory_format=torch.channels_last)
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    with torch.no_grad():
        real = classifier.features(faces.render(faces.passports(5_000, seed=3000)))
    print(
        f"torch {torch.__version__}, 1 thread, load {os.getloadavg()[0]:.1f}, {arguments.seconds:g} s for each"
    )
    costs = cost_of_a_step(x, names)
    for seed in range(arguments.seeds):
        for name in names:
            steps = round(arguments.seconds / costs[name])
            contender, start = Contender(x, name, steps, seed), time.process_time()
            for _ in range(steps):
                contender.step()
            spent = time.process_time() - start
            weights = sum(p.numel() for p in contender.flow.network.parameters())
            found = measure(classifier, real, contender.flow.average)
            print(
                f"seed {seed}  {name:22} {weights:9,} weights {steps:5} steps {spent:4.0f} s  {found}",
                flush=True,
            )


if __name__ == "__main__":
    main()
