"""Image tensors: checking, resizing, cropping, joining, and their way to PIL and to the bytes of a file.

An image is a float32 tensor (batch, channels, height, width) with values in [0, 1].
"""

import io
import math

import torch
import torch.nn.functional as F
from PIL import Image

from imagegen_lessons.images.decode import ImageError
from imagegen_lessons.settings import number, whole

TOLERANCE = 1e-4  # how far rounding may carry a value out of [0, 1]


def check(image: torch.Tensor) -> torch.Tensor:
    """Returns the image unchanged, or raises ImageError with what is wrong with it and how to mend it.

    An image is a floating-point tensor (C, H, W) or (batch, C, H, W), C = 1 or 3, finite, in [0, 1].
    """
    if not isinstance(image, torch.Tensor):
        raise ImageError(f"An image must be a torch tensor, not {type(image).__name__}; see images.load.")
    if not image.is_floating_point():
        raise ImageError(f"An image holds floats in [0, 1], not {image.dtype}; use image.float() / 255.")
    shape = tuple(image.shape)
    if image.dim() not in (3, 4):
        raise ImageError(f"An image has the shape (channels, height, width) or (batch, …), not {shape}.")
    if image.shape[-3] not in (1, 3):
        hint = "; use image.movedim(-1, -3)" if image.shape[-1] in (1, 3) else ""
        raise ImageError(f"An image has 1 or 3 channels, third from the end, but the shape is {shape}{hint}.")
    if image.numel() == 0:
        raise ImageError(f"This image has no pixels: its shape is {shape}.")
    low, high = (bound.item() for bound in image.detach().aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ImageError("The image has values that are not finite (nan or inf); look at what made it.")
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        hint = "use image.clamp(0, 1)"
        if low >= -1 - TOLERANCE and high <= 1 + TOLERANCE:
            hint = "if it is in [-1, 1], use (image + 1) / 2"
        elif low >= 0 and 2 < high <= 255:
            hint = "if it counts to 255, use image / 255"
        raise ImageError(f"The values must be in [0, 1], but go from {low:.3g} to {high:.3g}; {hint}.")
    return image


def to_pil(image: torch.Tensor) -> Image.Image:
    """One image (C, H, W) or (1, C, H, W) as a PIL picture: "RGB", or "L" where it has one channel."""
    x = check(image)
    if x.dim() == 4 and len(x) != 1:
        raise ImageError(f"This is a batch of {len(x)} images; take one of them, or join them with grid.")
    x = x.detach().cpu().float().reshape(x.shape[-3:])
    # + 0.5: round, do not cut. One channel at a time: a large picture need not be copied as floats.
    channels = (channel.clamp(0, 1).mul_(255).add_(0.5).to(torch.uint8) for channel in x)
    return Image.fromarray(torch.stack(tuple(channels), dim=-1).squeeze(-1).numpy())


def to_bytes(image: torch.Tensor, format: str = "PNG", quality: int = 90) -> bytes:
    """One image as the bytes of a "PNG" (exact) or "JPEG" (`quality` 1 to 95) file, without metadata."""
    if format not in ("PNG", "JPEG"):
        raise ImageError(f"The format can be 'PNG' or 'JPEG', not {format!r}.")
    if not 1 <= whole(quality, "The quality") <= 95:
        raise ImageError(f"The quality is a whole number from 1 to 95, not {quality}.")
    buffer = io.BytesIO()
    to_pil(image).save(buffer, format, **({"quality": quality, "optimize": True} if format == "JPEG" else {}))
    return buffer.getvalue()


def resize(image: torch.Tensor, size: int | tuple[int, int], mode: str = "bicubic") -> torch.Tensor:
    """The image resized to `size`, a square's side or (height, width); antialiased, clamped to [0, 1].

    `mode`: "bicubic", "bilinear" or "nearest" (which repeats or skips pixels).
    """
    x = check(image)
    size = _height_width(size)
    if mode not in ("bicubic", "bilinear", "nearest"):
        raise ImageError(f"The mode can be 'bicubic', 'bilinear' or 'nearest', not {mode!r}.")
    resized = F.interpolate(x.reshape(-1, *x.shape[-3:]), size=size, mode=mode, antialias=mode != "nearest")
    return resized.clamp(0, 1).view(*x.shape[:-2], *size)


def crop_centre(image: torch.Tensor, size: int | tuple[int, int]) -> torch.Tensor:
    """The middle of the image, `size` pixels: a square's side or (height, width)."""
    check(image)
    height, width = _height_width(size)
    top, left = image.shape[-2] - height, image.shape[-1] - width
    if top < 0 or left < 0:
        have = f"{image.shape[-2]} × {image.shape[-1]}"
        raise ImageError(f"A piece of {height} × {width} does not fit into {have}; resize the image first.")
    return image[..., top // 2 : top // 2 + height, left // 2 : left // 2 + width]


def _height_width(size) -> tuple[int, int]:
    pair = tuple(size) if isinstance(size, list | tuple) else (size, size)
    if len(pair) != 2 or not all(type(side) is int and side > 0 for side in pair):
        raise ImageError(f"A size is a positive whole number or a pair (height, width), not {size!r}.")
    return pair


def batch(images) -> torch.Tensor:
    """Images (n, C, H, W), (C, H, W) or a list of equal-sized ones as one checked batch (n, C, H, W) on the CPU."""
    parts = [
        check(image).detach().cpu().float()
        for image in (images if isinstance(images, list | tuple) else [images])
    ]
    if len({part.shape[-2:] for part in parts}) != 1:
        raise ImageError("Images of one size are needed, and at least one; resize or crop them first.")
    channels = max(part.shape[-3] for part in parts)
    return torch.cat([part.reshape(-1, *part.shape[-3:]).expand(-1, channels, -1, -1) for part in parts])


def grid(images, columns: int | None = None, gap: int = 2, background: float = 1.0) -> torch.Tensor:
    """Images (as in `batch`) side by side in rows: one image (1, 3, H', W').

    `columns`: default about the square root of n. `gap`: pixels between them, of grey level `background`.
    """
    x = batch(images).expand(-1, 3, -1, -1)
    n, _, height, width = x.shape
    columns = math.ceil(math.sqrt(n)) if columns is None else min(n, whole(columns, "The number of columns"))
    gap = whole(gap, "The gap, in pixels,", least=0)
    if not 0 <= number(background, "The background") <= 1:
        raise ImageError(f"The background is a grey level from 0 (black) to 1 (white), not {background}.")
    rows = math.ceil(n / columns)
    sheet = x.new_full((1, 3, rows * (height + gap) - gap, columns * (width + gap) - gap), background)
    for k, image in enumerate(x):
        top, left = (k // columns) * (height + gap), (k % columns) * (width + gap)
        sheet[0, :, top : top + height, left : left + width] = image
    return sheet
