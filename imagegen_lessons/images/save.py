"""Saving: the one way in which the course writes pictures, each with its AI label (`provenance.ai_label`)."""

from pathlib import Path

import torch
from PIL import Image

from imagegen_lessons import runtime
from imagegen_lessons.images.decode import ImageError
from imagegen_lessons.images.tensors import to_pil
from imagegen_lessons.provenance import ai_label


def write(picture: Image.Image, path) -> Path:
    """Writes the labelled picture to `path` (.png, .jpg or .jpeg), its folder made where missing; returns the path.

    Written beside its place and then moved there, so that no half-written file is ever seen.
    Raises ImageError as `labelled` does, for other names, and where the file cannot be written.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in ai_label.FORMATS:
        raise ImageError(f"The name of the file must end in .png, .jpg or .jpeg, not {path.suffix!r}.")
    try:
        data = ai_label.labelled(picture, ai_label.FORMATS[path.suffix.lower()])
        runtime.write_atomically(path, data)
    except ai_label.LabelError as error:
        raise ImageError(str(error)) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ImageError(f"{path.name!r} cannot be written: {reason}.") from None
    return path


def save(image: torch.Tensor, path) -> Path:
    """Writes one image to `path` (.png, .jpg or .jpeg) with its label (`labels`); returns the path.

    The file is a strip higher than the image, and says in its metadata, too, that a program made it. Its folder is made
    where missing, and no half-written file is ever seen. For the pixels alone: `Path.write_bytes(to_bytes(image))`.
    """
    return save.write(to_pil(image), path)
