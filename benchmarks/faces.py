"""How many faces a second are drawn, by size and number of threads: `python benchmarks/faces.py`."""

from __future__ import annotations

import os
import platform
import time

import torch

from imagegen_lessons.synthetic import faces


def faces_per_second(size: int, n: int, repeats: int = 5) -> float:
    """The best of a few runs: what else the machine does can only slow it down."""
    factors = faces.sample(n, seed=1)
    faces.render(factors, size)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        faces.render(factors, size)
        best = min(best, time.perf_counter() - start)
    return n / best


def main() -> None:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    cores = os.cpu_count()
    print(f"torch {torch.__version__}, {platform.machine()}, {cores} cores, load before the start {load:.1f}")
    if load > 0.5 * cores:
        print("The machine is busy: figures for several threads will be too low.")
    print("threads   32 px   64 px  128 px   (faces a second)")
    for threads in sorted({1, 2, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        rates = [faces_per_second(size, n) for size, n in ((32, 2048), (64, 512), (128, 128))]
        print(f"{threads:7d} " + " ".join(f"{rate:7.0f}" for rate in rates))


if __name__ == "__main__":
    main()
