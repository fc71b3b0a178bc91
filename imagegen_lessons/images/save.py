"""Saving: the one way in which the course writes pictures, so that each carries its AI label."""

from pathlib import Path

import torch
from PIL import Image

from imagegen_lessons import runtime
from imagegen_lessons.images.decode import ImageError
from imagegen_lessons.images.tensors import to_pil
from imagegen_lessons.provenance import ai_label

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


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
    path = runtime.as_path(path)
    if path.suffix.lower() not in FORMATS:
        raise ImageError(f"The name of the file must end in .png, .jpg or .jpeg, not {path.suffix!r}.")
    try:
        runtime.write_atomically(path, ai_label.labelled(picture, FORMATS[path.suffix.lower()]))
    except ai_label.LabelError as error:
        raise ImageError(str(error)) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ImageError(f"{path.name!r} cannot be written: {reason}.") from None
    return path
