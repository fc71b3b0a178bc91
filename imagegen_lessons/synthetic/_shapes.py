"""Shapes as signed distance functions, drawn in batches with anti-aliased edges.

Coordinates run from -1 to 1, x to the right and y downwards, whatever the size of the picture. A signed
distance is negative inside a shape. What describes a shape is a number, or one a picture: shape (n, 1, 1).
"""

from __future__ import annotations

import torch
from torch import Tensor


class Canvas:
    """A batch of pictures, or a window of it, with the coordinates of its pixels.

    image: (n, 3, height, width); x: (1, 1, width); y: (1, height, 1); pixel: the width of a pixel.
    """

    def __init__(self, image: Tensor, x: Tensor, y: Tensor, pixel: float):
        self.image, self.x, self.y, self.pixel = image, x, y, pixel

    @classmethod
    def blank(cls, n: int, size: int, device: torch.device) -> Canvas:
        """An empty canvas of n square pictures."""
        centres = (torch.arange(size, device=device) + 0.5) * (2 / size) - 1
        image = torch.empty(n, 3, size, size, device=device)
        return cls(image, centres.view(1, 1, -1), centres.view(1, -1, 1), 2 / size)

    def cover(self, distance: Tensor) -> Tensor:
        """How much of each pixel a shape covers, 0 to 1, from its signed distance."""
        return (distance * (-1 / self.pixel)).add_(0.5).clamp_(0, 1)

    def paint(self, coverage: Tensor, colour: Tensor) -> None:
        """Mix a colour, (n, 3, 1, 1) or (n, 3, height, width), into the picture where coverage is above 0."""
        self.image.lerp_(colour, coverage.unsqueeze(1))

    def columns_and_rows(self, box: tuple[float, float, float, float]) -> tuple[slice, slice]:
        """The columns and rows of the window (left, top, right, bottom)."""
        size = self.image.shape[-1]
        left, top, right, bottom = (round((edge + 1) / 2 * size) for edge in box)
        return slice(max(left, 0), right), slice(max(top, 0), bottom)


def length(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean length; quicker on a CPU than torch.hypot, which also guards against overflow."""
    return (x * x).addcmul(y, y).sqrt_()


def ellipse(x: Tensor, y: Tensor, rx: Tensor | float, ry: Tensor | float) -> Tensor:
    """Signed distance to an ellipse around the origin, exact to first order at its edge."""
    x, y = x / rx, y / ry
    square = x * x + y * y
    slope = length(x / rx, y / ry).clamp_(min=1e-3)
    return (square - 1) / (2 * slope)


def circle(x: Tensor, y: Tensor, radius: Tensor | float) -> Tensor:
    """Signed distance to a circle around the origin."""
    return length(x, y) - radius


def rounded_box(x: Tensor, y: Tensor, half_width, half_height, corner) -> Tensor:
    """Signed distance to a rectangle around the origin with rounded corners."""
    x = x.abs() - (half_width - corner)
    y = y.abs() - (half_height - corner)
    inside = torch.maximum(x, y).clamp_(max=0)
    return length(x.clamp_(min=0), y.clamp_(min=0)) + inside - corner


def arch(x: Tensor, y: Tensor, half_width, top, corner) -> Tensor:
    """Signed distance to a rectangle with rounded shoulders that starts at `top` and has no lower end."""
    x = x.abs() - (half_width - corner)
    y = top + corner - y
    inside = torch.maximum(x, y).clamp_(max=0)
    return length(x.clamp_(min=0), y.clamp_(min=0)) + inside - corner


def blob(x: Tensor, y: Tensor, rx: Tensor | float, ry: Tensor | float) -> Tensor:
    """A soft spot: 1 in the middle, falling smoothly to 0 on the ellipse."""
    x, y = x / rx, y / ry
    return (1 - x * x - y * y).clamp_(min=0).square_()
