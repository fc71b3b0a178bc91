"""Super-resolution: how near to the original, by the field's protocol and beside published figures.

python -m benchmarks.superres FOLDER… [--seeds 0 1 2] [--seconds 90] [--rounded]

Each test picture is cropped to sides that the scale divides, downscaled (antialiased bicubic, 8 bits), enlarged, and
compared in luma (BT.601), grey ones as they are, without a border of `scale` pixels. `--rounded`: the enlarged luma is
rounded to 8 bits first, as a file would be. A folder holds pictures of any size; where there are some for each scale
(`…_x3.png`, as in Set5), only those are used.

Ours: the bundled networks, alone and as self-ensembles, and the lesson's own (outputs/my_upscaler.safetensors;
where that is missing, one is trained here for about 90 seconds, on the photographs of the libraries alone).

`--seeds` trains the lesson's network anew with each seed, for about `--seconds`, and reports its steps.
"""

import argparse
import os
from pathlib import Path

import torch

from imagegen_lessons import images, metrics, runtime, superres
from imagegen_lessons.training import checkpoint
from tools import train_superres

PUBLISHED = {  # on Set5, PSNR/SSIM: FSRCNN (Dong et al. 2016), VDSR (Kim et al. 2016)
    "FSRCNN, published": ("12 K", {2: "37.00 .9558", 3: "33.16 .9140", 4: "30.72 .8660"}),
    "VDSR, published": ("665 K", {2: "37.53 .9587", 3: "33.66 .9213", 4: "31.35 .8838"}),
}


def pictures(folder: Path, scale: int) -> list[torch.Tensor]:
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in (".png", ".jpg", ".bmp")]
    of_this_scale = [file for file in files if file.stem.endswith(f"_x{scale}")]
    return [superres.modcrop(images.load(file), scale) for file in of_this_scale or files]


@torch.no_grad()
def score(network, highs: list[torch.Tensor], scale: int, rounded: bool = False) -> tuple[float, float]:
    """PSNR in dB and SSIM, the means over the pictures."""
    values = []
    for high in highs:
        low = metrics.luma_or_grey(superres.downscale(high, scale))
        y = metrics.luma_or_grey(high)
        black, white = (0, 1) if torch.equal(y, high[:, :1]) else (16 / 255, 235 / 255)
        large = network(low.to(runtime.device())).cpu().clamp(black, white)
        large = (255 * large).round() / 255 if rounded else large
        large, y = (x[..., scale:-scale, scale:-scale] for x in (large, y))
        values.append(torch.stack([metrics.psnr(large, y), metrics.ssim(large, y)]))
    return tuple(torch.cat(values, dim=1).mean(dim=1).tolist())


def parameters(network) -> int:
    return sum(p.numel() for p in network.parameters())


def train(seed: int, seconds: float) -> tuple[superres.Upscaler, str]:
    """The lesson's recipe on the photographs of the libraries, for about so long; and what it took, in words."""
    photographs = train_superres.photographs([])
    _, trial = train_superres.learn(photographs, 3, seed, steps=60)  # says how many steps there is time for
    network, figures = train_superres.learn(photographs, 3, seed, round(seconds * 60 / trial["seconds"]))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    words = f"{figures['steps']:,} steps in {figures['seconds']} s, load {load:.1f}"
    return network.to(runtime.device()), words


def own(seconds: float) -> tuple[superres.Upscaler, str]:
    """What lesson 09 left in the student's folder; or else it is trained now."""
    file = runtime.output_dir() / "my_upscaler.safetensors"
    if not file.is_file():
        return train(0, seconds)
    network = checkpoint.load_network(file, superres.Upscaler(3)).requires_grad_(False)
    return network.to(runtime.device()), f"from {file.name}"


def table(folder: Path, seconds: float, rounded: bool) -> None:
    highs = {scale: pictures(folder, scale) for scale in superres.SCALES}
    counts = ", ".join(f"{len(highs[scale])} for ×{scale}" for scale in highs)
    mine, words = own(seconds)
    print(f"\n{folder.name}: pictures: {counts}. The lesson's own: {words}.\n")
    bundled = {scale: superres.load(scale) for scale in superres.SCALES}
    for scale in bundled:
        file = runtime.checkpoint_dir() / f"superres_x{scale}.safetensors"
        print(f"Bundled ×{scale}: {file.stat().st_size:,} bytes, {checkpoint.card(file)}")
    size = f"{parameters(mine) / 1000:.0f} K"
    rows = {
        "bicubic": ("0", {scale: lambda low, scale=scale: superres.bicubic(low, scale) for scale in highs}),
        "the lesson's own": (size, {3: mine}),
        "the lesson's own, self-ensemble": (size, {3: superres.self_ensemble(mine)}),
        "bundled": (f"{parameters(bundled[3]) / 1000:.0f} K", bundled),
        "bundled, self-ensemble": (
            "the same",
            {scale: superres.self_ensemble(bundled[scale]) for scale in bundled},
        ),
    }
    print("\n| PSNR SSIM | parameters | ×2 | ×3 | ×4 |\n|---|---|---|---|---|")
    for name, (size, networks) in rows.items():
        cells = [
            score(networks[scale], highs[scale], scale, rounded) if scale in networks else ()
            for scale in highs
        ]
        texts = ["{:.2f} {:.4f}".format(*cell).replace(" 0.", " .") if cell else "" for cell in cells]
        print(f"| {name} | {size} | {' | '.join(texts)} |", flush=True)
    for name, (size, cells) in PUBLISHED.items() if folder.name == "Set5" else ():
        print(f"| {name} | {size} | {' | '.join(cells.values())} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="folders of test pictures, such as Set5")
    parser.add_argument("--seeds", nargs="+", type=int, help="train the lesson's network anew with each")
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--rounded", action="store_true", help="compare what an 8-bit file would hold")
    chosen = parser.parse_args()
    print(f"torch {torch.__version__}, threads: {torch.get_num_threads()}")
    for folder in chosen.folders:
        if not chosen.seeds:
            table(folder, chosen.seconds, chosen.rounded)
        for seed in chosen.seeds or ():
            network, words = train(seed, chosen.seconds)
            psnr, ssim = score(network, pictures(folder, 3), 3, chosen.rounded)
            print(f"{folder.name} ×3, seed {seed}: {psnr:.2f} dB, {ssim:.4f}; {words}", flush=True)


if __name__ == "__main__":
    main()
