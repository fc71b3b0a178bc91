"""Trains the bundled super-resolution networks: `python -m tools.train_superres FOLDER…`, with folders of photographs.

One network for each scale, from the folders' photographs and those that come with the libraries, but for
superres.HELD_OUT. `--scale 3` trains only that one, so that three processes can train them in parallel.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F

from imagegen_lessons import datasets, images, metrics, runtime, superres, training
from imagegen_lessons.training import checkpoint

STEPS = 40_000
UNFIT = ("clock", "horse")  # blurred by motion, and without any half-tone


def of_folders(folders: list[str]) -> list[torch.Tensor]:
    """All pictures of the folders."""
    files = [file for folder in folders for file in sorted(Path(folder).iterdir())]
    return [images.load(file) for file in files if file.suffix in (".jpg", ".png")]


def photographs(folders: list[str]) -> list[torch.Tensor]:
    """All pictures of the folders, and the libraries' photographs that are not held out."""
    bundled = [name for name in datasets.PHOTOS if name not in (*superres.HELD_OUT, *UNFIT)]
    return of_folders(folders) + [datasets.photo(name) for name in bundled]


def gain(network, name: str, scale: int) -> float:
    """By how many decibels the network beats bicubic interpolation on a bundled photograph."""
    high = superres.modcrop(datasets.photo(name), scale)
    low = metrics.luma_or_grey(superres.downscale(high, scale))
    with torch.no_grad():
        ours, theirs = network(low), superres.bicubic(low, scale)
    ours, theirs, high = (
        x[..., scale:-scale, scale:-scale] for x in (ours, theirs, metrics.luma_or_grey(high))
    )
    return (metrics.psnr(ours, high) - metrics.psnr(theirs, high)).item()


def learn(
    pictures, scale: int, seed: int = 0, steps: int = STEPS, path: Path | None = None
) -> tuple[superres.Upscaler, dict]:
    """A network, on the CPU, and figures for its card. Saved at `path` now and then, it can be stopped and resumed."""
    runtime.seed_everything(seed)
    device, layout = runtime.device(), torch.channels_last
    network = superres.Upscaler(scale).to(device, memory_format=layout)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 2e-3, total_steps=steps, pct_start=0.01, cycle_momentum=False, final_div_factor=100
    )

    def step(batch):
        low, high = batch
        loss = F.l1_loss(network(low.contiguous(memory_format=layout)), high)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.05)
        optimizer.step()
        schedule.step()
        return {"loss": loss}

    batches = superres.PatchPairs(pictures, scale, seed=seed)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule, "batches": batches}
    history = training.fit(
        step, batches, steps, title=f"superres_x{scale}", checkpoint=path, parts=parts, save_every=60
    )
    network = network.eval().cpu()
    gains = {name: round(gain(network, name, scale), 2) for name in superres.HELD_OUT}
    figures = {"steps": history.steps, "seconds": round(history.seconds, 1)}
    return network, {**figures, "dB over bicubic, held out": str(gains)}


def bundle(name: str, command: str, network: torch.nn.Module, figures: dict) -> None:
    """Puts a network among the bundled checkpoints, in half precision: half the bytes, no difference to be seen."""
    card = {
        "command": command,
        "seed": 0,
        "device": runtime.device().type,
        "threads": torch.get_num_threads(),
        "parameters": sum(p.numel() for p in network.parameters()),
        **figures,
    }
    checkpoint.save(runtime.checkpoint_dir() / f"{name}.safetensors", card=card, network=network.half())
    print(card)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", help="folders of photographs (see data/README.md)")
    parser.add_argument("--scale", type=int, choices=superres.SCALES, help="only this one")
    arguments = parser.parse_args()
    pictures = photographs(arguments.folders)
    for scale in [arguments.scale] if arguments.scale else superres.SCALES:
        path = runtime.output_dir() / f"superres_x{scale}.safetensors"
        network, figures = learn(pictures, scale, path=path)
        bundle(f"superres_x{scale}", "python -m tools.train_superres BSDS500-train T91", network, figures)


if __name__ == "__main__":
    main()
