"""How fast is this machine? The milliseconds of a fixed reference step, by which the seconds of a lesson are scaled.

The limits of a lesson's time hold on 4 cores of a laptop. A slower machine takes longer for the lesson and for the
reference step alike, so that seconds * (REFERENCE_MS / its milliseconds) is what the laptop would take, more or less.
"""

import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

# On the laptop, with the threads that lessons use there (2 of 4 cores). Found backwards: thirteen lessons had taken
# 1,066 s there; with this figure their seconds on a slow and busy machine scale to 1,047 s (each to 0.6 to 1.2 times).
REFERENCE_MS = 9.0


def reference_step_ms(steps: int = 60) -> float:
    """The median time of one training step of a small convolutional network (batch 32, 32 pixels), in milliseconds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 32, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(64, 128, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(128 * 16, 10),
        )  # fmt: skip
        x, y = torch.rand(32, 3, 32, 32), torch.arange(32) % 10
    optimizer = torch.optim.Adam(network.parameters())
    times = []
    for _ in range(steps):
        begin = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(network(x), y).backward()
        optimizer.step()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times[steps // 3 :])  # the first ones warm up


def scaled(seconds: float, milliseconds: float) -> float:
    """Seconds measured where the reference step took so many milliseconds, as they would be on the laptop."""
    return seconds * REFERENCE_MS / milliseconds
