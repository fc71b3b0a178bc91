"""Super-resolution: more pixels than an image has, filled with what a network has learned about images.

A network here takes luma (brightness) to larger luma, for that is where people see detail; `enlarge` adds colours.
The protocol is the field's: low-resolution images are made by antialiased bicubic interpolation, rounded to 8 bits.
"""

import itertools
from contextlib import nullcontext, suppress

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import datasets, images, metrics, runtime, settings
from imagegen_lessons.display import progress
from imagegen_lessons.training import checkpoint

SCALES = 2, 3, 4
# The held-out set: no lesson and no bundled network learns from these photographs.
HELD_OUT = (
    "astronaut", "coffee", "hubble", "microaneurysms", "moon", "page", "retina", "text", "tissue",
)  # fmt: skip
MARGIN = 20  # pixels around a tile: an Upscaler with 8 blocks has a receptive field of 18 to each side
MAX_PIXELS = 200_000_000  # of the enlarged picture: as a tensor 2.4 GB


def check_scale(scale) -> int:
    """The scale, or a ValueError in one sentence unless it is the whole number 2, 3 or 4."""
    if not isinstance(scale, int) or scale not in SCALES:
        raise ValueError(f"The scale can be 2, 3 or 4, not {scale!r}.")
    return scale


def downscale(high: torch.Tensor, scale: int) -> torch.Tensor:
    """The low-resolution image of a camera with fewer pixels: (n, c, H, W) → (n, c, H / scale, W / scale).

    Rows and columns that the scale does not divide are cropped; antialiased bicubic, rounded to 8 bits.
    """
    high = modcrop(high, scale)
    size = high.shape[-2] // scale, high.shape[-1] // scale
    return (images.resize(high, size) * 255).round() / 255


def modcrop(high: torch.Tensor, scale: int) -> torch.Tensor:
    """The image without the last rows and columns that the scale does not divide."""
    height, width = (side // check_scale(scale) * scale for side in high.shape[-2:])
    if not height or not width:
        have = " × ".join(str(side) for side in high.shape[-2:])
        raise ValueError(
            f"A picture of {have} pixels cannot be downscaled by {scale}: nothing would be left."
        )
    return high[..., :height, :width]


def bicubic(low: torch.Tensor, scale: int) -> torch.Tensor:
    """(n, c, h, w) → (n, c, scale · h, scale · w) with Keys' kernel, a = −0.5; not clamped, so that it stays linear.

    PyTorch has that kernel only where antialiasing is asked for (else a = −0.75), though enlarging needs none.
    """
    if low.dim() != 4 or not low.is_floating_point():
        raise ValueError(
            f"Floats of the shape (n, c, h, w) are enlarged, not {low.dtype} of {tuple(low.shape)}."
        )
    return F.interpolate(low, scale_factor=check_scale(scale), mode="bicubic", antialias=True)


class Upscaler(nn.Module):
    """Luma (n, 1, h, w) → (n, 1, scale · h, scale · w): bicubic interpolation plus a learned residual.

    All layers work at low resolution; the last one gives each pixel scale² values, and the pixel shuffle lays them out
    as a square (sub-pixel convolution, Shi et al. 2016). The residual (Kim et al. 2016) comes from residual blocks
    (He et al. 2016; without normalisation, Lim et al. 2017) and is 0 before training.
    """

    def __init__(self, scale: int = 3, width: int = 32, blocks: int = 8):
        super().__init__()
        self.scale = check_scale(scale)
        self.conv_in = nn.Conv2d(1, width, kernel_size=3, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(width) for _ in range(blocks))
        self.conv_out = nn.Conv2d(width, scale**2, kernel_size=3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def forward(self, low):
        h = self.conv_in(metrics.check_luma(low) - 0.5)  # (n, width, h, w)
        for block in self.blocks:
            h = h + block(h)
        return bicubic(low, self.scale) + F.pixel_shuffle(self.conv_out(h), self.scale)


class ResidualBlock(nn.Module):
    """Two convolutions, (n, width, h, w) → the same shape, to be added to what came in."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.second = nn.Conv2d(width, width, kernel_size=3, padding=1)
        with torch.no_grad():  # a dozen of these add up: each begins small
            self.second.weight *= 0.3

    def forward(self, h):
        return self.second(F.leaky_relu(self.first(h), 0.1))


def self_ensemble(network):
    """A function that runs `network` on the 8 rotated and mirrored forms of an image.

    The mean of the outputs, turned back (Timofte et al. 2016, "enhanced prediction"): 8 times the work.
    """

    def ensemble(low):
        outputs = []
        for turn in range(4):
            for mirror in (False, True):
                x = low.rot90(turn, (-2, -1))
                y = network(x.flip(-1) if mirror else x)
                outputs.append((y.flip(-1) if mirror else y).rot90(-turn, (-2, -1)))
        return torch.stack(outputs).mean(dim=0)

    return ensemble


def back_projection_step(high, low, scale):
    """One step of back-projection: `high` (n, c, scale · h, scale · w) moved towards agreeing with `low`."""
    downscaled = F.interpolate(high, size=low.shape[-2:], mode="bicubic", antialias=True)
    return high + bicubic(low - downscaled, scale)


def back_project(high: torch.Tensor, low: torch.Tensor, scale: int, steps: int = 10) -> torch.Tensor:
    """`high` (n, c, scale · h, scale · w) moved until it downscales to `low` (n, c, h, w) (Irani and Peleg 1991).

    After 10 steps no pixel of the downscaled image is further off than a quarter of an 8-bit step.
    """
    if tuple(high.shape[-2:]) != tuple(scale * side for side in low.shape[-2:]):
        raise ValueError(f"{tuple(high.shape)} is not {scale} times as large as {tuple(low.shape)}.")
    for _ in range(settings.whole(steps, "The number of steps", least=0)):
        high = back_projection_step(high, low, scale)
    return high


def enlarge(picture: torch.Tensor, scale: int, network=None, *, tile: int = 384, title: str | None = None):
    """An image (n, c, h, w), c = 1 or 3, `scale` times as large: (n, c, scale · h, scale · w) in [0, 1], on the CPU.

    `network`, the bundled one by default, takes luma (n, 1, h, w) to (n, 1, scale · h, scale · w), on the device.
    Colours are interpolated. The network sees tiles of `tile` pixels and 20 more on each side, so that memory stays
    small and there are no seams; where a GPU's memory is full, tiles are halved. `title` shows a progress line. The
    stop button leaves the remaining tiles interpolated. Raises ImageError for what is no image, ValueError for a wrong
    scale, a network of another scale, a result of more than 200 million pixels, or where a GPU's memory stays full.
    """
    picture = images.check(picture).detach().cpu().float()
    picture = picture if picture.dim() == 4 else picture[None]
    pixels = check_scale(scale) ** 2 * len(picture) * picture[0, 0].numel()
    if pixels > MAX_PIXELS:
        raise ValueError(
            f"Enlarged {scale} times, the picture would have {pixels / 1e6:.0f} million pixels, and "
            f"{MAX_PIXELS // 10**6} million are the limit; make it smaller first."
        )
    tile = settings.whole(tile, "The side of a tile, in pixels,")
    network = load(scale) if network is None else network
    if not callable(network):
        raise TypeError(f"The network is a module or function, as superres.load gives it, not {network!r}.")
    large = bicubic(picture, scale)
    corners = [(y, x) for y in range(0, picture.shape[-2], tile) for x in range(0, picture.shape[-1], tile)]
    with (
        progress.StopButton() as stop,
        progress.Progress(title) if title else nullcontext() as screen,
        torch.no_grad(),
    ):
        for done, (y, x) in enumerate(corners, start=1):
            _upscale_tile(large, picture, scale, network, y, x, tile)
            if screen and (screen.due() or done == len(corners)):
                screen.update(f"{done} of {len(corners)} tiles", done / len(corners))
            if stop.pressed and done < len(corners):
                print(f"Stopped after {done} of {len(corners)} tiles; the others are interpolated.")
                break
    return large.clamp_(0, 1)


def _upscale_tile(large, picture, scale, network, y, x, tile) -> None:
    """Gives one tile of the interpolated image the network's luma; in parts where memory is full."""
    with suppress(torch.OutOfMemoryError):
        return _replace_luma(large, picture, scale, network, y, x, tile)
    # Here, outside of the block, the memory that the failed try held is free again.
    if tile < 32:
        raise ValueError(
            "The GPU's memory is full: shut down the kernels of other notebooks, or restart this one."
        )
    torch.cuda.empty_cache()
    half = tile // 2  # of an odd tile, the parts overlap by a pixel, and the second adds nothing there
    for top, left in itertools.product((y, y + half), (x, x + half)):
        if top < picture.shape[-2] and left < picture.shape[-1]:
            _upscale_tile(large, picture, scale, network, top, left, tile - half)


def _replace_luma(large, picture, scale, network, y, x, tile) -> None:
    top, left = max(0, y - MARGIN), max(0, x - MARGIN)
    around = picture[..., top : y + tile + MARGIN, left : x + tile + MARGIN]
    luma = network(_luma(around).to(runtime.device())).cpu()
    if luma.shape[-2:] != tuple(scale * side for side in around.shape[-2:]):
        raise ValueError(
            f"The network does not make pictures {scale} times as large: give one for this scale."
        )
    part = large[..., scale * y : scale * (y + tile), scale * x : scale * (x + tile)]
    inside = (slice(scale * (side - start), None) for side, start in ((y, top), (x, left)))
    luma = luma[..., *inside][..., : part.shape[-2], : part.shape[-1]]
    # The same step up in red, green and blue changes the luma and leaves the colour as it is.
    part += (luma - _luma(part)) / metrics.LUMA_RANGE


def _luma(picture):
    """Its luma; that of a grey picture is the same with one channel as with three."""
    return metrics.luma(picture.expand(-1, 3, -1, -1))


class PatchPairs(datasets.RandomStream):
    """Endless batches (low, high) of luma: random patches of images at low and high resolution, on the device.

    low (batch, 1, size, size), high (batch, 1, scale · size, scale · size). `pictures` is a list of (n, c, H, W) of any
    size, or a batch; each comes at three sizes, and each patch rotated and mirrored in one of eight ways. `state_dict`
    holds the rng, so that training resumes exactly. Raises ValueError where no image is large enough.
    """

    def __init__(self, pictures, scale: int, size: int = 24, batch: int = 16, seed: int = 0):
        super().__init__(seed)
        self.scale, self.size = check_scale(scale), settings.whole(size, "The size of a patch")
        self.batch = settings.whole(batch, "The number of patches in a batch")
        self.pairs = []
        for picture in map(images.check, pictures):
            for zoom in (1.0, 0.8, 0.6):
                sides = [round(zoom * side) for side in picture.shape[-2:]]
                if min(sides) >= scale * size:
                    high = modcrop(images.resize(picture, tuple(sides)), scale)
                    # half precision: half the memory, and a tenth of the rounding to 8 bits
                    both = (metrics.luma(x).half() for x in (downscale(high, scale), high))
                    self.pairs += zip(*(x.reshape(-1, 1, *x.shape[-2:]) for x in both), strict=True)
        if not self.pairs:
            raise ValueError(f"No picture has {scale * size} pixels on each side; use larger ones.")
        self.areas = torch.tensor([float(low.numel()) for low, _ in self.pairs])

    def __next__(self) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.multinomial(self.areas, self.batch, replacement=True, generator=self.rng)
        patches = [self._patch(*self.pairs[k]) for k in chosen.tolist()]
        # not blocking: else each step would wait until the GPU has done the one before
        device = runtime.device()
        return tuple(torch.stack(p).float().to(device, non_blocking=True) for p in zip(*patches, strict=True))

    def _patch(self, low, high):
        """The same random square of both, rotated and mirrored in the same way."""
        top, left = (self.pick(side - self.size + 1) for side in low.shape[-2:])
        turn, mirror = self.pick(4), self.pick(2)
        pair = []
        for picture, k in ((low, 1), (high, self.scale)):
            patch = picture[..., k * top : k * (top + self.size), k * left : k * (left + self.size)]
            patch = patch.rot90(turn, (-2, -1))
            pair.append(patch.flip(-1) if mirror else patch)
        return pair


def load(scale: int = 3) -> Upscaler:
    """The bundled network for a scale, trained for 40,000 steps (`tools/train_superres.py`), on the device."""
    return load_bundled(f"superres_x{scale}", scale)


def load_bundled(name: str, scale: int) -> Upscaler:
    """A bundled network for a scale by its name, frozen, on the device."""
    network = checkpoint.load_network(name, Upscaler(scale)).requires_grad_(False)
    # channels_last: on a CPU, convolutions are faster with a pixel's channels side by side
    return network.to(runtime.device(), memory_format=torch.channels_last)
