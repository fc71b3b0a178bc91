"""How the bundled sharp network learned: `python -m tools.train_perceptual FOLDER…`, after `python -m tools.train_superres FOLDER…`."""

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
    game = superres.PerceptualTrainer(G, D, features.load("bundled"))
    game.average = training.EMA(G, decay=0.999)
    groups = [optimizer.param_groups[0] for optimizer in (game.opt_g, game.opt_d)]
    full = [group["lr"] for group in groups]

    def step(batch):
        for group, lr in zip(
            groups, full, strict=True
        ):  # full speed for half of the time, then ever smaller steps
            group["lr"] = lr * min(1.0, 0.05 + 2 * (1 - game.d_steps / steps))
        return game.step([x.contiguous(memory_format=layout) for x in batch])

    batches = superres.PatchPairs(pictures, 4, size=24, batch=8, seed=seed)
    parts = {"game": game, "batches": batches}
    history = training.fit(
        step, batches, steps, title="perceptual_x4", checkpoint=path, parts=parts, save_every=60
    )
    network = game.average.module.eval().cpu()
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
