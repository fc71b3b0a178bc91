"""The user's own pictures: every picture of a folder."""

from itertools import groupby, zip_longest
from pathlib import Path

import torch

from imagegen_lessons import images, runtime, settings
from imagegen_lessons.display.progress import Progress

# Folders in which programs keep copies and deleted files. Those whose names begin with a dot are left out as well.
NOT_THE_USERS = {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"}


def folder(path, size: int, limit: int | None = None, crops: int = 1) -> torch.Tensor:
    """Your own pictures: every picture in a folder and the folders in it, as x (n, 3, size, size) in [0, 1].

    Sorted by name, cut to the middle square and resized; the first `limit` of them. With `crops` above 1, so many
    squares are cut from each picture instead, as `random_crops` does. Hidden files and folders (whose names begin with
    a dot) and bins are not looked at. Files that cannot be used are left out, and one printed line says how many and
    why. ValueError where none is left, or for a size, a limit or a number of crops below 1.
    """
    return _read(path, size, limit, crops)[0]


def random_crops(picture: torch.Tensor, n: int, size: int, rng: torch.Generator) -> torch.Tensor:
    """n squares of a picture (1, 3, height, width): (n, 3, size, size).

    Their sides are half to all of its shorter side, and they lie anywhere in it.
    """
    height, width = picture.shape[-2:]
    shorter, squares = min(height, width), []
    for scale, down, right in torch.rand(n, 3, generator=rng).tolist():
        side = max(1, round(shorter * (1 + scale) / 2))
        top, left = int(down * (height - side + 1)), int(right * (width - side + 1))
        squares.append(images.resize(picture[..., top : top + side, left : left + side], size))
    return torch.cat(squares)


def folder_with_classes(path, size: int, limit: int | None = None):
    """The same with labels: x, y (n, 1), and the names of the classes, which are the folders directly in `path`.

    With a limit, each class gets its share of it. Where there are not two such folders with pictures, or some pictures
    lie outside of them, y is (n, 0) and there are no names. Raises ValueError as `folder` does.
    """
    x, files = _read(path, size, limit, one_of_each=True)
    names = sorted({file.parts[0] for file in files})
    if len(names) < 2 or any(len(file.parts) == 1 for file in files):
        return x, torch.zeros(len(x), 0, dtype=torch.long), ()
    return x, torch.tensor([[names.index(file.parts[0])] for file in files]), tuple(names)


def _read(path, size, limit, crops=1, one_of_each=False) -> tuple[torch.Tensor, list[Path]]:
    """Pictures, and where in `path` each lay: sorted by name, or one of each folder in turn."""
    path = runtime.as_path(path)
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "does not exist"
        raise ValueError(
            f"There is no folder '{path.absolute()}': it {what}. Check its name, or make it and put pictures in."
        )
    settings.whole(size, "size")
    settings.whole(crops, "crops")
    if limit is not None:
        settings.whole(limit, "limit")
    files = sorted(file.relative_to(path) for file in path.rglob("*") if file.is_file())
    files = [file for file in files if _is_the_users(file)]
    if one_of_each:
        files = _in_turn(files)
    x = torch.empty(min(len(files), limit or len(files)) * crops, 3, size, size)
    used, problems, rng = [], [], runtime.generator(0)
    with Progress("reading pictures") as screen:
        for number, file in enumerate(files):
            if len(used) * crops == len(x):
                break
            if screen.due():
                screen.update(f"{len(used):,} read, {len(files) - number:,} files left", number / len(files))
            try:
                picture = images.load(path / file)
            except images.ImageError as error:
                problems.append(str(error))
                continue
            begin = len(used) * crops
            if crops > 1:
                x[begin : begin + crops] = random_crops(picture, crops, size, rng)
            else:
                x[begin] = images.resize(images.crop_centre(picture, min(picture.shape[-2:])), size)[0]
            used.append(file)
        screen.finish(f"{len(used):,} read from {path.name}")
    if problems:
        print(f"Left out {len(problems)} of {len(problems) + len(used)} files: {' '.join(problems[:2])}")
    if not used:
        raise ValueError(f"The folder '{path.absolute()}' holds no picture that can be used; put some in it.")
    return x[: len(used) * crops], used


def _in_turn(files: list[Path]) -> list[Path]:
    """The first file of each folder, then the second of each, …"""
    groups = [list(group) for _, group in groupby(files, key=lambda file: file.parts[0])]
    return [file for row in zip_longest(*groups) for file in row if file]


def _is_the_users(inside: Path) -> bool:
    return not any(part.startswith(".") or part in NOT_THE_USERS for part in inside.parts)
