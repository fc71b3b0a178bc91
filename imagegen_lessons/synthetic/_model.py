"""A shape in three dimensions as a union of parts, each of one surface and colour."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ._solids import Solid


@dataclass(frozen=True)
class Part:
    """All that shows one surface: its name, index, RGB colour, and distance(points (..., 3)) -> (...,)."""

    name: str
    surface: int
    colour: tuple[float, float, float]
    solid: Solid

    def distance(self, points: Tensor) -> Tensor:
        return self.solid.distance(*coordinates(points))

    @property
    def corners(self) -> tuple[tuple, tuple]:
        """(low, high): the box that holds the part."""
        return self.solid.low, self.solid.high


@dataclass(frozen=True)
class Model:
    """A union of parts. Points are tensors (..., 3) of floats, in metres, on any device."""

    parts: tuple[Part, ...]
    palette: Tensor  # (number of surfaces, 3): the colour of each

    @property
    def corners(self) -> tuple[tuple, tuple]:
        """(low, high): the box that holds it, three metres each."""
        low, high = zip(*(part.corners for part in self.parts), strict=True)
        return tuple(map(min, zip(*low, strict=True))), tuple(map(max, zip(*high, strict=True)))

    @property
    def size(self) -> tuple[float, float, float]:
        """Width, height and depth of that box."""
        return tuple(b - a for a, b in zip(*self.corners, strict=True))

    def distance(self, points: Tensor) -> Tensor:
        """Signed distance, (...,), negative inside: exact, or a lower bound, so that sphere tracing never oversteps."""
        x, y, z = coordinates(points)
        d = self.parts[0].solid.distance(x, y, z)
        for part in self.parts[1:]:
            d = torch.minimum(d, part.solid.distance(x, y, z))
        return d

    def nearest(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The distance (...,) and the index (...,) of the surface that is nearest."""
        x, y, z = coordinates(points)
        distance = self.parts[0].solid.distance(x, y, z)
        surface = torch.full_like(distance, self.parts[0].surface, dtype=torch.int64)
        for part in self.parts[1:]:
            d = part.solid.distance(x, y, z)
            surface.masked_fill_(d < distance, part.surface)
            distance = torch.minimum(distance, d)
        return distance, surface

    def surface(self, points: Tensor) -> Tensor:
        """The index of the surface that is nearest, (...,) int64."""
        return self.nearest(points)[1]

    def colour(self, points: Tensor) -> Tensor:
        """The colour of the nearest surface, (..., 3) in [0, 1]."""
        return self.palette.to(points.device)[self.surface(points)]


def coordinates(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x, y and z of points (..., 3); ValueError for what is something else."""
    if not isinstance(points, Tensor) or not points.is_floating_point() or points.shape[-1:] != (3,):
        came = (
            f"{points.dtype} {tuple(points.shape)}" if isinstance(points, Tensor) else type(points).__name__
        )
        raise ValueError(f"Points are a tensor of floats (..., 3), in metres, not {came}.")
    return tuple(axis.contiguous() for axis in points.unbind(-1))
