"""Trains the bundled perceptual network: `python -m tools.train_perceptual FOLDER…`, with folders of photographs.

It begins as the PSNR-oriented `superres_x4`: `python -m tools.train_superres FOLDER…` comes first.
"""

import sys

import torch

from imagegen_lessons import runtime, superres, training
from imagegen_lessons.networks import features
from tools.train_superres import bundle, gain, photographs

STEPS = 6_000


def learn(pictures, seed: int = 0, steps: int = STEPS, path=None) -> tuple[superres.Upscaler, dict]:
    """The network, on the CPU, and its figures. Saved at `path` now and then, it can be stopped and resumed."""
    runtime.seed_everything(seed)
    layout = torch.channels_last
    G = superres.load(4).requires_grad_(True)
    D = superres.PatchDiscriminator().to(runtime.device(), memory_format=layout)
    average = training.EMA(G, decay=0.999)
    trainer = superres.PerceptualTrainer(G, D, features.load("bundled"), average=average)
    groups = [optimizer.param_groups[0] for optimizer in (trainer.opt_g, trainer.opt_d)]
    full = [group["lr"] for group in groups]

    def step(batch):
        for group, lr in zip(groups, full, strict=True):  # constant for half of the steps, then falling
            group["lr"] = lr * min(1.0, 0.05 + 2 * (1 - trainer.d_steps / steps))
        return trainer.step([x.contiguous(memory_format=layout) for x in batch])

    batches = superres.PatchPairs(pictures, 4, size=24, batch=8, seed=seed)
    parts = {"trainer": trainer, "batches": batches}
    history = training.fit(
        step, batches, steps, title="perceptual_x4", checkpoint=path, parts=parts, save_every=60
    )
    network = trainer.average.module.eval().cpu()
    gains = {name: round(gain(network, name, 4), 2) for name in superres.HELD_OUT}
    figures = {"steps": history.steps, "seconds": round(history.seconds)}
    return network, {**figures, "dB over bicubic, held out": str(gains)}


def main(folders: list[str]) -> None:
    if not folders:
        raise SystemExit(
            "Say where the photographs are: python -m tools.train_perceptual BSDS500-train T91 (see data/README.md)."
        )
    path = runtime.output_dir() / "perceptual_x4.safetensors"
    bundle(
        "perceptual_x4",
        "python -m tools.train_perceptual BSDS500-train T91",
        *learn(photographs(folders), path=path),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
