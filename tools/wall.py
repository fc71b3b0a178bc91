"""Hangs up what the bundled networks make, for README: `python -m tools.wall`, two minutes.

From above: people by lesson 11's flow, horses by lesson 03's generator of photographs, one person in ten outfits by
lesson 05's, all out of noise; and photographs painted as in lesson 07. Nothing is chosen but the pairs of photograph
and painting: the seeds are the first that were tried.
"""

import itertools

import torch
from torch import nn

from imagegen_lessons import datasets, diffusion, gans, images, runtime, style, training
from imagegen_lessons.networks import features
from imagegen_lessons.synthetic import outfits, paintings
from imagegen_lessons.training import checkpoint

COLUMNS, TILE = 10, 96
# photograph, painting
PAINTED = (("cat", "brush"), ("coffee", "glass"), ("cat", "glass"), ("coffee", "brush"))
SIDE = 240
RECIPE = style.Recipe(strength=8.0, schedule=((60, 60), (120, 60), (240, 80)))


def noise(n: int, *shape: int) -> torch.Tensor:
    return torch.randn(n, *shape, generator=runtime.generator(3))


def people() -> torch.Tensor:
    flow = diffusion.ConditionalUNet((6, 6, 2), widths=(48, 96, 128))
    checkpoint.load_network("faces_flow", flow)
    return (diffusion.sample(flow, noise(2 * COLUMNS, 3, 32, 32), 20) / 2 + 0.5).clamp(0, 1)


def horses() -> torch.Tensor:
    both = nn.ModuleDict({"G": gans.Generator(), "D": gans.Discriminator()})
    return checkpoint.load_network("horses_gan", both)["G"](noise(2 * COLUMNS, 64))


def clothes() -> torch.Tensor:
    sizes = tuple(len(names) for names in outfits.LABELS.values())
    G = checkpoint.load_network("outfits_gan", gans.ConditionalGenerator(sizes))
    labels = torch.stack(
        [torch.arange(COLUMNS) * k % size for k, size in zip((1, 3, 1), sizes, strict=True)], 1
    )
    return G(noise(1, 64).expand(COLUMNS, -1), labels)


def painted() -> torch.Tensor:
    extractor, x = features.load(), []
    for photo, painting in PAINTED:
        content = images.resize(images.crop_centre(datasets.photo(photo), 300), SIDE)
        transfer = style.StyleTransfer(content, paintings.paint(painting, 3, SIDE), extractor, RECIPE)
        training.fit(transfer.step, itertools.count(), RECIPE.steps, title=f"{photo} × {painting}")
        x.append(transfer.image)
    return torch.cat(x)


def wall() -> torch.Tensor:
    """One picture (1, 3, height, width) of all rows."""
    with torch.no_grad():
        small = torch.cat([people(), horses(), clothes()])
    rows = images.grid(images.resize(small, TILE), columns=COLUMNS)
    large = images.grid(painted(), columns=len(PAINTED))
    height = round(large.shape[-2] * rows.shape[-1] / large.shape[-1])
    return torch.cat([rows, images.resize(large, (height, rows.shape[-1]))], dim=-2)


if __name__ == "__main__":
    print(images.save(wall(), runtime.ROOT / "docs" / "pictures" / "wall.jpg"))
