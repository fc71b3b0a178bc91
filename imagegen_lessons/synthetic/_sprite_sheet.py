"""The drawing board of the sprites: indexed colour, hard pixels, light on every part, a dark outline.

A pixel holds the number of a colour, as on the first game consoles; only at the end does a table turn numbers
into colours. Another table is another palette, and not one line of a drawing changes.
"""

from __future__ import annotations

import torch
from torch import Tensor

SIZE = 24
EMPTY, INK, WHITE, PINK = 0, 1, 2, 3  # single colours
MAIN, SKIN, TRIM, STEEL, WOOD, BONE = 4, 8, 12, 16, 20, 24  # ramps of four: shadow, middle, light, glint

PALETTES = {
    "ember": ("7a1a2c", "d2383a", "f57a4a", "ffc58f"),
    "ocean": ("1b3a86", "2f6fd0", "58aef2", "b5e6ff"),
    "forest": ("1d5a3a", "3a9447", "7cc653", "d2f08c"),
    "royal": ("47237c", "7e44bd", "b27ae6", "e6c4ff"),
    "gold": ("96601a", "e0a526", "fad24a", "fff3a8"),
    "frost": ("7c93b4", "b9cfe2", "e2eff8", "ffffff"),
}
SKINS = {
    "dark": ("5e3626", "87543a", "a36c4a", "c08c66"),
    "brown": ("86543a", "b47a52", "cc9468", "e4b48a"),
    "tan": ("a8693f", "d99c68", "edb987", "fbd7ab"),
    "fair": ("cf8a6c", "f4bf9b", "fdd9ba", "ffeedc"),
}
TRIMS = {
    "copper": ("74301c", "b4582c", "da8244", "f8b678"),
    "silver": ("6f7488", "a3a9ba", "cdd2de", "f2f4fa"),
    "amber": ("8f5a1e", "cf942f", "efc04a", "fff0a0"),
    "ebony": ("211d2b", "3a3446", "565064", "8a8398"),
}
SHARED = ("241a2e", "ffffff", "ef7f8e")  # ink, white, pink
NEUTRALS = (
    ("565d73", "8e97ab", "c2cad6", "f4f7fb"),  # steel
    ("4f2d20", "84502f", "ad7540", "d29f60"),  # wood
    ("b3947c", "e6d0b0", "f8ecd4", "ffffff"),  # bone
)


class Sheet:
    """n sprites on the drawing board, all of one class.

    pixels: (n, 24, 24) uint8, numbers of colours. x (n, 1, 24) and y (n, 24, 1): the middles of the pixels from
    -11.5 to 11.5, y downwards; they carry position and facing, so that a drawing knows of neither. Factors are
    attributes (n, 1, 1); of the continuous ones there are whole steps: broad and tall, 0 to 2, and much, 0 to 3.
    """

    def __init__(self, factors: dict[str, Tensor]):
        vars(self).update({name: value.view(-1, 1, 1) for name, value in factors.items()})
        middles = torch.arange(SIZE, device=self.kind.device) - (SIZE - 1) / 2
        self.ahead = 1 - 2 * self.facing  # -1 for those who look to the left
        self.x = self.ahead * (middles.view(1, 1, -1) - (self.shift_x - 1))
        self.y = middles.view(1, -1, 1) - (self.shift_y - 1)
        self.broad, self.tall = (self.width * 2).round(), (self.height * 2).round()
        self.much = (self.amount * 3).round()
        self.sun = self.ahead * (self.light - 1)  # the light's side, -1, 0 or 1, in the drawing's coordinates
        self.pixels = torch.zeros(len(self.kind), SIZE, SIZE, dtype=torch.uint8, device=self.kind.device)

    def when(self, pose: tuple) -> Tensor:
        """A number for each of the four poses."""
        return torch.tensor(pose, dtype=torch.float32, device=self.kind.device)[self.pose]

    def oval(self, x, y, rx, ry) -> Tensor:
        """An ellipse around (x, y), as a mask (n, 24, 24)."""
        return ((self.x - x) / rx).square() + ((self.y - y) / ry).square() < 1

    def box(self, left, top, right, bottom) -> Tensor:
        """A rectangle, as a mask."""
        return (self.x > left) & (self.x < right) & (self.y > top) & (self.y < bottom)

    def cone(self, x, top, bottom, above, below, lean=0) -> Tensor:
        """A trapezium around x, `above` and `below` being half its widths; lean moves its upper end sideways."""
        part = (bottom - self.y) / (bottom - top)  # 1 at the top
        half = below + (above - below) * part
        return ((self.x - x - lean * part).abs() < half) & (part > 0) & (part < 1)

    def gem(self, x, y, rx, ry) -> Tensor:
        """A rhombus around (x, y), as a mask."""
        return (self.x - x).abs() / rx + (self.y - y).abs() / ry < 1

    def paint(self, mask: Tensor, colour: int | Tensor) -> None:
        """One flat colour, or a colour for each pixel."""
        if isinstance(colour, int):
            self.pixels.masked_fill_(mask, colour)
        else:
            self.pixels = torch.where(mask, colour, self.pixels)

    def solid(self, mask: Tensor, ramp: int, edge: int | None = None) -> None:
        """A lit part: pixels at the rim towards the light are light, those near the far rim dark.

        edge: a colour for a line around the part, where it lies on others.
        """
        if edge is not None:
            self.paint(grow(mask) & (self.pixels > EMPTY), edge)
        light = mask & ~self._towards_light(mask, 1)
        dark = mask & ~self._towards_light(mask, -2)
        self.paint(mask, ramp + 1 + light.to(torch.uint8) - (dark & ~light).to(torch.uint8))

    def _towards_light(self, mask: Tensor, steps: int) -> Tensor:
        """At every pixel: does the mask hold so many steps further towards the light?"""
        above = mask.roll(steps, 1)
        left, right = above.roll(steps, 2), above.roll(-steps, 2)
        return (left & (self.light == 0)) | (above & (self.light == 1)) | (right & (self.light == 2))

    def finish(self) -> Tensor:
        """The sprites with their outlines in colour: (n, 4, 24, 24), red, green, blue and alpha."""
        # What is outside goes, so that the outline is whole wherever the sprite stands.
        self.paint(~self.box(-10, -10, 10, 10), EMPTY)
        self.paint(grow(self.pixels > EMPTY) & (self.pixels == EMPTY), INK)
        n = len(self.pixels)
        chosen = (PALETTES, self.palette), (SKINS, self.skin), (TRIMS, self.trim)
        ramps = [_rgb(table.values())[number.flatten().cpu()] for table, number in chosen]
        fixed = _rgb([("000000", *SHARED), *NEUTRALS])[None].expand(n, -1, -1, -1).flatten(1, 2)
        table = torch.cat([fixed[:, :4], *ramps, fixed[:, 4:]], 1).to(self.pixels.device)  # (n, 28, 3)
        numbers = self.pixels.flatten(1).long()
        rgb = table.gather(1, numbers[..., None].expand(-1, -1, 3)).mT.reshape(n, 3, SIZE, SIZE)
        return torch.cat([rgb, (self.pixels > EMPTY)[:, None]], 1)


def _rgb(rows) -> Tensor:
    """Colours as (number of rows, colours in a row, 3) in [0, 1]."""
    return torch.tensor([[list(bytes.fromhex(colour)) for colour in row] for row in rows]) / 255


def grow(mask: Tensor) -> Tensor:
    """The mask and its neighbours above, below, left and right."""
    grown = mask.clone()
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    grown[:, :, 1:] |= mask[:, :, :-1]
    grown[:, :, :-1] |= mask[:, :, 1:]
    return grown
