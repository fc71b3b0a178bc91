"""Super-resolution: milliseconds for the luma of one picture of 1280×720, and memory.

python benchmarks/superres_speed.py [--rounds 15]

Ours for each scale against FSRCNN (Dong et al. 2016: d = 56, s = 12, m = 4, then a transposed convolution 9×9) and a
network of VDSR's size (Kim et al. 2016: 20 layers of 64 channels, at the size of the result), all with random weights,
which cost as much as trained ones; and bicubic interpolation. All take turns; medians, each in the faster of two memory
layouts. Memory is what one picture adds to what the process holds, each method in a process of its own (Linux only).
"""

import argparse
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import torch
from torch import nn

from imagegen_lessons import runtime, superres

HEIGHT, WIDTH = 720, 1280  # of the result; at ×3 two columns less


class FSRCNN(nn.Module):
    """Feature extraction, shrinking, mapping, expanding at low resolution; one transposed convolution enlarges."""

    def __init__(self, scale: int, d: int = 56, s: int = 12, m: int = 4):
        super().__init__()
        layers = [nn.Conv2d(1, d, 5, padding=2), nn.PReLU(d), nn.Conv2d(d, s, 1), nn.PReLU(s)]
        for _ in range(m):
            layers += [nn.Conv2d(s, s, 3, padding=1), nn.PReLU(s)]
        layers += [nn.Conv2d(s, d, 1), nn.PReLU(d)]
        enlarging = nn.ConvTranspose2d(d, 1, 9, stride=scale, padding=4, output_padding=scale - 1)
        self.layers = nn.Sequential(*layers, enlarging)

    def forward(self, low):
        return self.layers(low)


class VDSR(nn.Module):
    """Bicubic interpolation first, then all layers at high resolution."""

    def __init__(self, scale: int, width: int = 64, depth: int = 20):
        super().__init__()
        self.scale = scale
        widths = [1, *[width] * (depth - 1), 1]
        layers = []
        for narrow, wide in zip(widths, widths[1:], strict=False):
            layers += [nn.Conv2d(narrow, wide, 3, padding=1), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, low):
        large = superres.bicubic(low, self.scale)
        return large + self.layers(large)


class Bicubic(nn.Module):
    def __init__(self, scale: int):
        super().__init__()
        self.forward = partial(superres.bicubic, scale=scale)


METHODS = {
    f"{name} ×{scale}": (kind, scale)
    for name, kind, scales in (
        ("bicubic", Bicubic, superres.SCALES),
        ("FSRCNN", FSRCNN, superres.SCALES),
        ("ours", superres.Upscaler, superres.SCALES),
        ("VDSR's size", VDSR, (3,)),  # the same for each scale
    )
    for scale in scales
}
LAYOUTS = torch.contiguous_format, torch.channels_last


def build(name: str, layout) -> tuple[nn.Module, torch.Tensor]:
    """The network and a low-resolution picture for it."""
    runtime.seed_everything(0)
    kind, scale = METHODS[name]
    low = torch.rand(1, 1, HEIGHT // scale, WIDTH // scale)
    return kind(scale).eval().to(memory_format=layout), low


@torch.no_grad()
def race(rounds: int) -> dict[tuple, float]:
    """Milliseconds, the median of so many pictures, of each method in each layout."""
    racers = {(name, layout): build(name, layout) for name in METHODS for layout in LAYOUTS}
    seconds = {key: [] for key in racers}
    for turn in range(rounds + 1):
        for key, (network, low) in racers.items():
            if key[0].startswith("VDSR") and turn > 3:
                continue  # seconds each: three are enough
            start = time.perf_counter()
            large = network(low)
            if turn:  # the first one warms up
                seconds[key].append(time.perf_counter() - start)
            assert large.shape[-1] == low.shape[-1] * METHODS[key[0]][1]
    return {key: 1000 * statistics.median(values) for key, values in seconds.items()}


def held(what: str) -> float:
    """Megabytes of this process, "VmRSS" now or "VmHWM" at most; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(what))


@torch.no_grad()
def memory(name: str) -> float:
    """Megabytes that one picture adds, at most, to what this process holds."""
    network, low = build(name, torch.channels_last)
    network(low[..., :8, :8])  # what PyTorch needs once, for any picture
    Path("/proc/self/clear_refs").write_text("5")  # forget the most so far
    before = held("VmRSS")
    network(low)
    return held("VmHWM") - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--memory", choices=METHODS, help="only this method's memory, in MB")
    chosen = parser.parse_args()
    if chosen.memory:
        print(memory(chosen.memory))
        return
    print(f"torch {torch.__version__}, threads: {torch.get_num_threads()}\n")
    middle = race(chosen.rounds)
    print("| method | parameters | ms | the other layout | MB |\n|---|---|---|---|---|")
    for name in METHODS:
        quick, slow = sorted(middle[name, layout] for layout in LAYOUTS)
        count = sum(p.numel() for p in build(name, LAYOUTS[0])[0].parameters())
        command = [sys.executable, __file__, "--memory", name]
        added = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(f"| {name} | {count:,} | {quick:.0f} | {slow:.0f} | {added:.0f} |", flush=True)


if __name__ == "__main__":
    main()
