"""The user's own pictures: every picture of a folder."""

from pathlib import Path

import torch

from imagegen_lessons import images, runtime
from imagegen_lessons.display.progress import Progress

# Folders in which programs keep copies and deleted files. Those whose names begin with a dot are left out as well.
NOT_THE_USERS = {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"}


def folder(path, size: int, limit: int | None = None) -> torch.Tensor:
    """Your own pictures: every picture in a folder and the folders in it, as x (n, 3, size, size) in [0, 1].

    Sorted by name, cut to the middle square and resized; the first `limit` of them. Hidden files and folders (whose
    names begin with a dot) and bins are not looked at. Files that cannot be used are left out, and one printed line
    says how many and why. ValueError where none is left, or for a size below 1.
    """
    path = runtime.as_path(path)
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "does not exist"
        raise ValueError(
            f"There is no folder '{path.absolute()}': it {what}. Check its name, or make it and put pictures in."
        )
    if not isinstance(size, int) or size < 1 or (limit is not None and limit < 1):
        raise ValueError(f"size and limit are whole numbers from 1, not {size!r} and {limit!r}.")
    files = sorted(
        file for file in path.rglob("*") if file.is_file() and _is_the_users(file.relative_to(path))
    )
    x = torch.empty(min(len(files), limit or len(files)), 3, size, size)
    found, problems = 0, []
    with Progress("reading pictures") as screen:
        for number, file in enumerate(files):
            if found == len(x):
                break
            if screen.due():
                screen.update(f"{found:,} read, {len(files) - number:,} files left", number / len(files))
            try:
                picture = images.load(file)
            except images.ImageError as error:
                problems.append(str(error))
                continue
            x[found] = images.resize(images.crop_centre(picture, min(picture.shape[-2:])), size)[0]
            found += 1
        screen.finish(f"{found:,} read from {path.name}")
    if problems:
        print(f"Left out {len(problems)} of {len(problems) + found} files: {' '.join(problems[:2])}")
    if not found:
        raise ValueError(f"The folder '{path.absolute()}' holds no picture that can be used; put some in it.")
    return x[:found]


def _is_the_users(inside: Path) -> bool:
    return not any(part.startswith(".") or part in NOT_THE_USERS for part in inside.parts)
