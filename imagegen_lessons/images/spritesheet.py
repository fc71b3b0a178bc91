"""Sprite sheets: many small pictures in one transparent PNG file, and an atlas that says where each one lies.

The atlas is JSON in the form that game engines such as Phaser and PixiJS read:
{"frames": {name: {"frame": {x, y, w, h}, ...}}, "meta": {...}}.
"""

import functools
import json
import math

import torch
from PIL import Image

from imagegen_lessons import runtime
from imagegen_lessons.images.decode import ImageError
from imagegen_lessons.images.save import write
from imagegen_lessons.settings import whole


class SheetError(ValueError):
    """A sprite sheet cannot be made, written or read; the message says why."""


def place(x, columns):
    """Square sprites (n, 4, size, size) in rows of `columns` as one sheet (4, rows * size, columns * size).

    Alpha becomes 0 or 1, with the border at one half; an invisible pixel has no colour, nor has a place that is left
    over. Colours count as premultiplied, as `sprites.render` and what learns from it give them.
    Raises SheetError for other shapes, for values outside [0, 1], and unless columns >= 1.
    """
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        raise SheetError(f"Sprites are a tensor of floats, not {getattr(x, 'dtype', type(x).__name__)}.")
    if x.ndim != 4 or x.shape[1] != 4 or x.shape[2] != x.shape[3] or x.numel() == 0:
        raise SheetError(f"Sprites have the shape (n, 4, size, size), not {tuple(x.shape)}.")
    columns = _whole(columns, "The number of columns")
    x = x.detach().float().cpu()
    if not (x.isfinite().all() and x.min() >= 0 and x.max() <= 1):
        raise SheetError("The values of sprites lie between 0 and 1, and are numbers.")
    alpha = x[:, 3:]
    visible = alpha > 0.5
    colour = torch.where(visible, x[:, :3] / alpha.clamp(min=0.5), 0.0).clamp(max=1)
    x = torch.cat([colour, visible.float()], dim=1)
    rows = math.ceil(len(x) / columns)
    x = torch.cat([x, x.new_zeros(rows * columns - len(x), *x.shape[1:])])
    return torch.cat([torch.cat(list(row), dim=2) for row in x.split(columns)], dim=1)


def _with_checked_counts(frames):
    """`frames` stays the few lines that an exercise asks for; what it is called with is looked at here."""

    @functools.wraps(frames)
    def checked(names, size, columns):
        size, columns = _whole(size, "The size"), _whole(columns, "The number of columns")
        return frames(_names(names), size, columns)

    return checked


@_with_checked_counts
def frames(names, size, columns):
    """name -> {"x": …, "y": …, "w": …, "h": …} for squares of `size` pixels in rows of `columns`; y counts down."""
    return {
        name: {"x": i % columns * size, "y": i // columns * size, "w": size, "h": size}
        for i, name in enumerate(names)
    }


def atlas(names, size, columns, image, sheet_size):
    """Where each of the named sprites lies in the PNG file called `image`, which is `sheet_size` (width, height)."""
    all_of_it = {"x": 0, "y": 0, "w": size, "h": size}
    entries = {
        name: {
            "frame": box,
            "rotated": False,
            "trimmed": False,
            "spriteSourceSize": all_of_it,
            "sourceSize": {"w": size, "h": size},
        }
        for name, box in frames(names, size, columns).items()
    }
    width, height = sheet_size
    meta = {"image": image, "format": "RGBA8888", "size": {"w": width, "h": height}, "scale": "1"}
    return {"frames": entries, "meta": meta}


def save(x, names, folder, columns=8, title="sprites"):
    """Writes title_001.png and title_001.json into `folder`, made where missing; returns the path of the PNG file.

    Below the sprites the PNG file carries the course's AI label, so it is higher than they are. Nothing is
    overwritten: the first number that is free is taken. x and columns: as for `place`; `names`: a different one each.
    Raises SheetError as `place` does, for such names and titles, and when the folder cannot be written.
    """
    sheet = place(x, columns)
    if len(_names(names)) != len(x):
        raise SheetError(f"There are {len(x)} sprites, but {len(names)} names.")
    if not isinstance(title, str) or not title or not all(c.isalnum() or c in "-_ " for c in title):
        raise SheetError(f"A title consists of letters, digits, spaces, - and _; {title!r} does not.")
    pixels = (sheet * 255).round().byte().movedim(0, -1).contiguous().numpy()
    try:
        folder = runtime.as_path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = write(Image.fromarray(pixels), _claimed(folder, title))
        with Image.open(path) as picture:  # higher than the sprites: the label lies below them
            entries = atlas(names, x.shape[2], columns, path.name, picture.size)
        path.with_suffix(".json").write_text(json.dumps(entries, indent=1), encoding="utf-8")
    except ImageError as error:
        raise SheetError(str(error)) from None
    except (OSError, RuntimeError) as error:  # RuntimeError: the home folder "~" is unknown
        reason = getattr(error, "strerror", None) or error
        raise SheetError(f"The folder '{folder}' cannot be written ({reason}): choose another one.") from None
    return path


def load(path):
    """The named sprites of a sheet that `save` wrote: name -> (4, height, width) in [0, 1], in their order.

    Raises SheetError when the PNG file or the atlas beside it is missing or damaged, or they do not fit together.
    """
    path = runtime.as_path(path)
    try:
        with Image.open(path) as picture:
            pixels = torch.frombuffer(bytearray(picture.convert("RGBA").tobytes()), dtype=torch.uint8)
            sheet = pixels.view(picture.height, picture.width, 4).movedim(-1, 0) / 255
        entries = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["frames"]
        boxes = {name: [int(entry["frame"][side]) for side in "xywh"] for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Image.DecompressionBombError):
        raise SheetError(f"{path.name} or its atlas is missing or damaged.") from None
    for name, (x, y, w, h) in boxes.items():
        if min(x, y) < 0 or min(w, h) < 1 or x + w > sheet.shape[2] or y + h > sheet.shape[1]:
            raise SheetError(f"The frame {name!r} lies outside the picture {path.name}.")
    return {name: sheet[:, y : y + h, x : x + w] for name, (x, y, w, h) in boxes.items()}


def _whole(value, what):
    try:
        return whole(value, what)
    except ValueError as error:
        raise SheetError(str(error)) from None


def _names(names):
    """The names as they are. Raises SheetError unless they are a list or tuple of texts, each a different one."""
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise SheetError(f"Names are a list of texts, one for each sprite, not {names!r}.")
    if len(set(names)) != len(names):
        raise SheetError("Every sprite needs a name of its own; one name occurs twice.")
    return names


def _claimed(folder, title):
    """The first free numbered name in the folder; its PNG file now exists, empty, so that nobody else takes it."""
    for number in range(1, 100_000):
        path = folder / f"{title}_{number:03}.png"
        if path.with_suffix(".json").exists():
            continue
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            continue
        return path
    raise OSError(f"it holds too many sheets called {title!r}")
