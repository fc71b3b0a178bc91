"""Game sprites as pixel art: small heroes, creatures, items and tiles, drawn from known, named factors.

factors = sprites.sample(8, seed=1, kind="knight", palette="ember")
x = sprites.render(factors)                            # (8, 4, 24, 24): red, green, blue, alpha
picture = sprites.on_background(x, (0.4, 0.5, 0.4))    # (8, 3, 24, 24)
"""

from __future__ import annotations

import torch
from torch import Tensor

from imagegen_lessons import images

from . import _factors
from ._chunks import one_thread
from ._factors import Factor
from ._sprite_beings import BEINGS
from ._sprite_sheet import PALETTES, SIZE, SKINS, TRIMS, Sheet
from ._sprite_things import THINGS

DRAWINGS = BEINGS | THINGS
CLASSES = tuple(DRAWINGS)
# Three classes of each group, in this order.
GROUPS = {name: ("character", "creature", "item", "tile")[i // 3] for i, name in enumerate(CLASSES)}
# How a sentence names the four forms of each class.
FORMS = {
    "knight": ("with an open helmet", "with a visor", "with a horned helmet", "with a banded helmet"),
    "mage": ("with a pointed hat", "with a bent hat", "with a tall hat", "with a leaning hat"),
    "ranger": ("with a hood", "with a feathered cap", "with a headband", "with a pointed hood"),
    "slime": ("shaped like a dome", "shaped like a drop", "shaped like a block", "in a puddle"),
    "bat": (
        "with slim ears",
        "with slim ears and arched wings",
        "with big ears",
        "with big ears and arched wings",
    ),
    "ghost": ("with a wavy hem", "with a broadly waved hem", "with a frayed hem", "ending in a wisp"),
    "potion": ("in a round bottle", "in a conical bottle", "in a square bottle", "in a cut-glass bottle"),
    "sword": (
        "with a straight blade",
        "with a curved blade",
        "with a leaf-shaped blade",
        "with a broad blade",
    ),
    "chest": ("with a flat lid", "with a rounded lid", "with a sloping lid", "with a stepped lid"),
    "tree": ("with a round crown", "shaped like a fir", "shaped like a cloud", "tall and slender"),
    "crystal": ("with a branch behind", "with a branch in front", "with two branches", "leaning forward"),
    "mushroom": ("with a round cap", "with a pointed cap", "with a flat cap", "with a bell-shaped cap"),
}
POSES = ("rest", "step", "other step", "action")
NTH = ("first", "second", "third", "fourth")

FACTORS: dict[str, Factor] = {
    "kind": Factor("label", "what it is, its class: one of CLASSES", names=CLASSES),
    "palette": Factor("label", "the colours of its main parts", names=tuple(PALETTES)),
    "pose": Factor("scene", "one of four frames of a small animation", names=POSES),
    "facing": Factor("scene", "the side to which it looks", names=("right", "left")),
    "light": Factor("scene", "where the light comes from", names=("left", "above", "right")),
    "shift_x": Factor("scene", "a pixel to the left, or to the right", names=("left", "middle", "right")),
    "shift_y": Factor("scene", "a pixel up, or down", names=("up", "middle", "down")),
    "width": Factor("build", "slim to broad, in whole pixels"),
    "height": Factor("build", "short to tall, in whole pixels"),
    "amount": Factor("build", "how much: liquid, gold, fruit, spots, beard, shield, ears"),
    "form": Factor(
        "build", "its main shape, such as helmet, hat, blade, bottle or crown: see FORMS", names=NTH
    ),
    "extra": Factor("build", "what is added: plume, beard, hair, horns, stopper, straps or fruit", names=NTH),
    "mark": Factor(
        "build", "the eyes of beings; label, lock or ornament", names=("dots", "bright", "happy", "stern")
    ),
    "trim": Factor("build", "second colour: hair, plume, fittings", names=tuple(TRIMS)),
    "skin": Factor("build", "skin of characters, from dark to light", names=tuple(SKINS)),
}
SPRITES_PER_CHUNK = 256  # enough at once to be quick, in little memory


def sample(n: int, seed: int = 0, **fixed) -> dict[str, Tensor]:
    """Draw the factors of n sprites, every factor independently and uniformly.

    fixed: a factor set to one value (a number or a name) for all, or to a tensor of n values.
    Returns a dict from factor name to a tensor (n,), float32 or int64, on the CPU. The same seed gives the same
    sprites everywhere, more sprites begin with the same ones, and fixing a factor leaves the others alone.
    Raises ValueError for an unknown factor, a value out of range, or a tensor that has not n values.
    """
    return _factors.sample(FACTORS, n, seed, fixed)


@torch.no_grad()
def render(factors: dict[str, Tensor], size: int = SIZE, device=None) -> Tensor:
    """Draw sprites from their factors: (n, 4, size, size), float32 in [0, 1], on `device` (the CPU by default).

    The channels are red, green, blue and alpha. Alpha is 0 or 1, and the colour is 0 where alpha is 0: so it makes
    no difference whether one takes the colours as premultiplied or not.
    size: a multiple of 24 up to 480; pixels become squares. A factor is a tensor of n values, or one value for all.
    Raises ValueError for a missing or unknown factor, a value out of range, or an impossible size.
    """
    if not (isinstance(size, int) and size in range(SIZE, 20 * SIZE + 1, SIZE)):
        raise ValueError(f"size must be a multiple of {SIZE} from {SIZE} to {20 * SIZE}, not {size!r}.")
    device = torch.device(device or "cpu")
    values, n = _factors.read(FACTORS, factors, device)
    x = torch.zeros(n, 4, SIZE, SIZE, device=device)
    with one_thread():
        for number, draw in enumerate(DRAWINGS.values()):
            for chosen in (values["kind"] == number).nonzero()[:, 0].split(SPRITES_PER_CHUNK):
                sheet = Sheet({name: value[chosen] for name, value in values.items()})
                draw(sheet)
                x[chosen] = sheet.finish()
    return x.repeat_interleave(size // SIZE, 2).repeat_interleave(size // SIZE, 3)


def on_background(x: Tensor, colour=(0.36, 0.42, 0.40)) -> Tensor:
    """Lay pictures with alpha on a background: (n, 4, H, W), premultiplied, to (n, 3, H, W), all in [0, 1].

    colour: red, green and blue in [0, 1], or pictures (3, H, W) or (n, 3, H, W). Alpha may lie between 0 and 1,
    as in what a network draws; premultiplied means that the colours are already multiplied by it.
    Raises ValueError when x has not four channels, the background does not fit it, or values are not in [0, 1].
    Source: Porter and Duff 1984, "Compositing digital images", the operator "over".
    """
    if not isinstance(x, Tensor) or x.ndim != 4 or x.shape[1] != 4:
        came = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x must be a tensor (n, 4, height, width), red, green, blue and alpha, not {came}.")
    try:
        behind = torch.as_tensor(colour, device=x.device)
    except (RuntimeError, TypeError, ValueError):
        raise ValueError(
            f"The background must be three numbers or pictures like x, not {colour!r}."
        ) from None
    behind = behind.view(3, 1, 1).float() if behind.shape == (3,) else behind
    if behind.shape not in {(3, 1, 1), (3, *x.shape[2:]), (len(x), 3, *x.shape[2:])}:
        raise ValueError(
            f"The background must be three numbers or pictures like x, not {tuple(behind.shape)}."
        )
    for part in (x[:, :3], x[:, 3:], behind):
        images.check(part)
    return x[:, :3] + (1 - x[:, 3:]) * behind.to(x.dtype)


def label(factors: dict[str, Tensor]) -> Tensor:
    """Class and palette of each sprite, (n, 2) int64: indices into CLASSES and PALETTES.

    Raises ValueError for a missing or unknown factor, or a value out of range.
    """
    return _factors.labels(FACTORS, factors, ("kind", "palette"))


def describe(factors: dict[str, Tensor], i: int) -> str:
    """One sentence that says what sprite i looks like, for a picture's alt text.

    Raises ValueError for a missing or unknown factor, a value out of range, or when there is no sprite i.
    """
    values = _factors.one(FACTORS, factors, i)
    kind, palette, pose, facing = (
        FACTORS[name].names[int(values[name])] for name in ("kind", "palette", "pose", "facing")
    )
    doing = {"rest": "resting", "action": "in action"}.get(pose, "moving")
    being = f", {doing}, facing {facing}" if kind in BEINGS else ""
    return f"A {kind} {FORMS[kind][int(values['form'])]} in {palette} colours{being}."
