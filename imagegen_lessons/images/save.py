"""Saving: the one way in which the course writes pictures and clips, so that each carries its AI label."""

from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

from imagegen_lessons import runtime
from imagegen_lessons.images.decode import ImageError
from imagegen_lessons.images.tensors import check, to_pil
from imagegen_lessons.provenance import ai_label
from imagegen_lessons.settings import number

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
CLIP_FORMATS = {".gif": "GIF", ".png": "PNG", ".apng": "PNG", ".webp": "WEBP"}
MOST_FRAMES = 600  # all of them are in memory at once


def save(image: torch.Tensor, path) -> Path:
    """Writes one image to `path` (.png, .jpg or .jpeg) with its AI label; returns the path.

    The file is a strip higher than the image, and its metadata, too, say that a program made it. Its folder is made
    where missing, and no half-written file is ever seen. For the pixels alone: `Path.write_bytes(to_bytes(image))`.
    Raises ImageError as `to_pil` and `write` do.
    """
    return write(to_pil(image), path)


def write(picture: Image.Image, path) -> Path:
    """The same for a PIL picture ("L", "RGB", or in a PNG file "RGBA").

    Raises ImageError for another ending, for a picture that cannot be labelled, and where the file cannot be written.
    """
    return _write(lambda format: ai_label.labelled(picture, format), path, FORMATS)


def save_frames(frames, path, fps: float = 12, loop: bool = True) -> Path:
    """Writes frames as an animation to `path` (.gif, .png or .apng, .webp) with its AI label; returns the path.

    frames: (n, channels, height, width), or a list of (channels, height, width), of values in [0, 1]; 1 to 600 of
    them. A fourth channel is alpha, for .png and .webp, and the colours are premultiplied by it. Only these two are
    exact: a GIF has 256 colours. fps: frames a second, 1 to 50. loop: whether it begins again when it ends.
    Raises ImageError for other frames, and as `write` does.
    """
    if not 1 <= number(fps, "The number of frames a second") <= 50:
        raise ImageError(f"A clip shows 1 to 50 frames a second, not {fps}.")
    return _write(
        lambda format: ai_label.labelled_clip(_pictures(frames), format, fps, loop), path, CLIP_FORMATS
    )


def _pictures(frames) -> list[Image.Image]:
    """The checked frames of a clip, for Pillow."""
    if isinstance(frames, torch.Tensor) and frames.dim() != 4:
        raise ImageError(f"A clip has the shape (n, channels, height, width), not {tuple(frames.shape)}.")
    if not isinstance(frames, torch.Tensor | list | tuple):
        raise ImageError(f"A clip is a tensor or a list of frames, not {type(frames).__name__}.")
    if not 0 < len(frames) <= MOST_FRAMES:
        raise ImageError(f"A clip has 1 to {MOST_FRAMES} frames, not {len(frames)}.")
    pictures = [_picture(frame) for frame in frames]
    if len({(picture.size, picture.mode) for picture in pictures}) > 1:
        raise ImageError("The frames of a clip have one size and one number of channels; resize them first.")
    return pictures


def _picture(frame) -> Image.Image:
    """A frame for Pillow, where colours are not premultiplied by alpha."""
    if not isinstance(frame, torch.Tensor) or frame.dim() < 3 or frame.shape[-3] != 4:
        return to_pil(frame)
    colour, alpha = check(frame[..., :3, :, :]), check(frame[..., 3:, :, :])
    picture = to_pil((colour / alpha.clamp(min=1 / 255)).clamp(0, 1))
    picture.putalpha(to_pil(alpha))
    return picture


def _write(encoded: Callable[[str], bytes], path, formats: dict) -> Path:
    """Writes what `encoded` gives for the format that belongs to the file's ending, whole or not at all."""
    path = runtime.as_path(path)
    if path.suffix.lower() not in formats:
        *others, last = formats
        raise ImageError(
            f"The name of the file must end in {', '.join(others)} or {last}, not {path.suffix!r}."
        )
    try:
        runtime.write_atomically(path, encoded(formats[path.suffix.lower()]))
    except ai_label.LabelError as error:
        raise ImageError(str(error)) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ImageError(f"{path.name!r} cannot be written: {reason}.") from None
    return path
