"""The user's own pictures: every picture of a folder."""

from pathlib import Path

import torch

from imagegen_lessons import images


def folder(path, size: int, limit: int | None = None) -> torch.Tensor:
    """Your own pictures: every picture in a folder and the folders in it, as x (n, 3, size, size) in [0, 1].

    Sorted by name, cut to the middle square and resized; the first `limit` of them. Files that cannot be
    used are left out, and one printed line says how many and why. ValueError where none is left.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        raise ValueError(f"There is no folder {path.name!r}; check its name, or make it and put pictures in.")
    pictures, problems = [], []
    for file in sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")):
        if len(pictures) == limit:
            break
        try:
            x = images.load(file)
        except images.ImageError as error:
            problems.append(str(error))
            continue
        pictures.append(images.resize(images.crop_centre(x, min(x.shape[-2:])), size))
    if problems:
        print(f"Left out {len(problems)} of {len(problems) + len(pictures)} files: {' '.join(problems[:2])}")
    if not pictures:
        raise ValueError(f"The folder {path.name!r} holds no picture that can be used; put some in it.")
    return torch.cat(pictures)
