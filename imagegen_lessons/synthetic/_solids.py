"""Solids as signed distance functions: boxes, cylinders, cones and roofs, moved, repeated, united and cut.

A distance is negative inside. It is exact, or where solids are cut or meet in slanting planes a lower bound, so that a
ray may always go as far as it says. Source of the formulas: Quilez, "Distance functions" (2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from math import hypot, pi

import torch
from torch import Tensor

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Solid:
    """A distance function of three coordinates, tensors of one shape, and the box that holds the solid."""

    distance: Callable[[Tensor, Tensor, Tensor], Tensor]
    low: Vector
    high: Vector

    def moved(self, dx: float = 0.0, dy: float = 0.0, dz: float = 0.0) -> Solid:
        by = (dx, dy, dz)
        return Solid(
            lambda x, y, z: self.distance(x - dx, y - dy, z - dz),
            tuple(a + b for a, b in zip(self.low, by, strict=True)),
            tuple(a + b for a, b in zip(self.high, by, strict=True)),
        )

    def turned(self) -> Solid:
        """Mirrored at the plane x = z: what looked to the front (z) looks to the right (x)."""
        return Solid(lambda x, y, z: self.distance(z, y, x), self.low[::-1], self.high[::-1])

    def mirrored(self, x: bool = False, z: bool = False) -> Solid:
        """The solid and its mirror image at x = 0, or at z = 0, or both; it lies on the positive side itself."""
        high = self.high
        low = (-high[0] if x else self.low[0], self.low[1], -high[2] if z else self.low[2])
        return Solid(
            lambda px, y, pz: self.distance(px.abs() if x else px, y, pz.abs() if z else pz), low, high
        )

    def behind(self) -> Solid:
        """What looked to the front looks to the back."""
        (ax, ay, az), (bx, by, bz) = self.low, self.high
        return Solid(lambda x, y, z: self.distance(x, y, -z), (ax, ay, -bz), (bx, by, -az))

    def around(self, count: int) -> Solid:
        """Copies around the axis x = z = 0; the solid itself stands in front of it, and is a sector's width at most."""
        step = 2 * pi / count
        reach = max(hypot(x, z) for x in (self.low[0], self.high[0]) for z in (self.low[2], self.high[2]))

        def distance(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
            r, angle = torch.hypot(x, z), torch.atan2(x, z)
            angle = angle - step * (angle / step).round()
            return self.distance(r * angle.sin(), y, r * angle.cos())

        return Solid(distance, (-reach, self.low[1], -reach), (reach, self.high[1], reach))

    def repeated(self, columns: int, dx: float, rows: int = 1, dy: float = 0.0) -> Solid:
        """Copies side by side, about the solid's own middle x = 0, and rows of them upwards.

        One evaluation whatever their number: a point is folded to its nearest copy, which must be narrower than dx.
        """
        middle = (columns - 1) / 2

        def distance(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
            if columns > 1:
                x = x - dx * ((x / dx + middle).round().clamp(0, columns - 1) - middle)
            if rows > 1:
                y = y - dy * ((y - centre) / dy).round().clamp(0, rows - 1)
            return self.distance(x, y, z)

        centre = (self.low[1] + self.high[1]) / 2
        low = (self.low[0] - middle * dx, *self.low[1:])
        high = (self.high[0] + middle * dx, self.high[1] + (rows - 1) * dy, self.high[2])
        return Solid(distance, low, high)


def box(low: Vector, high: Vector) -> Solid:
    (ax, ay, az), (bx, by, bz) = low, high

    def distance(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        # How far a point lies beyond the sides, in each direction; negative between them.
        x = (x - (ax + bx) / 2).abs() - (bx - ax) / 2
        y = (y - (ay + by) / 2).abs() - (by - ay) / 2
        z = (z - (az + bz) / 2).abs() - (bz - az) / 2
        inside = torch.maximum(torch.maximum(x, y), z).clamp(max=0)
        return (x.clamp(min=0).square() + y.clamp(min=0).square() + z.clamp(min=0).square()).sqrt() + inside

    return Solid(distance, low, high)


def _disc(radius: Tensor, along: Tensor, r: float, half: float) -> Tensor:
    # A cylinder, from a point's distance to the axis and its distance along it to the middle.
    radius, along = radius - r, along.abs() - half
    outside = (radius.clamp(min=0).square() + along.clamp(min=0).square()).sqrt()
    return outside + torch.maximum(radius, along).clamp(max=0)


def cylinder(radius: float, bottom: float, top: float) -> Solid:
    """Upright, about x = z = 0."""
    return Solid(
        lambda x, y, z: _disc(torch.hypot(x, z), y - (bottom + top) / 2, radius, (top - bottom) / 2),
        (-radius, bottom, -radius),
        (radius, top, radius),
    )


def disc(radius: float, height: float, back: float, front: float) -> Solid:
    """A cylinder that looks to the front: about x = 0, y = height, from z = back to front."""
    return Solid(
        lambda x, y, z: _disc(torch.hypot(x, y - height), z - (back + front) / 2, radius, (front - back) / 2),
        (-radius, height - radius, back),
        (radius, height + radius, front),
    )


def arch(width: float, bottom: float, top: float, back: float, front: float) -> Solid:
    """A box with a half disc on it, as high as `top` in all, about x = 0."""
    half = width / 2
    return union(box((-half, bottom, back), (half, top - half, front)), disc(half, top - half, back, front))


def sphere(radius: float, height: float) -> Solid:
    """About x = z = 0, its middle at y = height."""
    return Solid(
        lambda x, y, z: (x.square() + (y - height).square() + z.square()).sqrt() - radius,
        (-radius, height - radius, -radius),
        (radius, height + radius, radius),
    )


def onion(radius: float, height: float, top: float) -> Solid:
    """A sphere drawn out to a point above it: the convex hull of both."""
    length = top - height
    sine = radius / length  # of the angle between the axis and the side
    cosine = (1 - sine * sine) ** 0.5

    def distance(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        r, y = torch.hypot(x, z), y - height
        along = y * cosine - r * sine  # along the side, from where it leaves the sphere
        ball, point = torch.hypot(r, y) - radius, torch.hypot(r, y - length)
        side = r * cosine + y * sine - radius
        return torch.where(along < 0, ball, torch.where(along > length * cosine, point, side))

    return Solid(distance, (-radius, height - radius, -radius), (radius, top, radius))


def cone(radius: float, bottom: float, top: float) -> Solid:
    """Upright, about x = z = 0."""
    height = top - bottom
    slant = hypot(radius, height)

    def distance(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        side = ((torch.hypot(x, z) - radius) * height + (y - bottom) * radius) / slant
        return torch.maximum(side, bottom - y)

    return Solid(distance, (-radius, bottom, -radius), (radius, top, radius))


def gable(half_x: float, half_z: float, bottom: float, top: float) -> Solid:
    """A prism whose ridge runs along x."""
    height, slant = top - bottom, hypot(half_z, top - bottom)

    def distance(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        side = ((z.abs() - half_z) * height + (y - bottom) * half_z) / slant
        return torch.maximum(torch.maximum(side, x.abs() - half_x), bottom - y)

    return Solid(distance, (-half_x, bottom, -half_z), (half_x, top, half_z))


def hip(half_x: float, half_z: float, bottom: float, top: float) -> Solid:
    """Four planes, all equally steep, that meet in a point, or in a ridge along the longer side."""
    height, half = top - bottom, min(half_x, half_z)
    slant = hypot(half, height)

    def distance(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        out = torch.maximum(x.abs() - half_x, z.abs() - half_z)
        return torch.maximum((out * height + (y - bottom) * half) / slant, bottom - y)

    return Solid(distance, (-half_x, bottom, -half_z), (half_x, top, half_z))


def union(*solids: Solid) -> Solid:
    """What lies in any of them."""
    if len(solids) == 1:
        return solids[0]
    return Solid(
        lambda x, y, z: reduce(torch.minimum, (solid.distance(x, y, z) for solid in solids)),
        tuple(map(min, zip(*(solid.low for solid in solids), strict=True))),
        tuple(map(max, zip(*(solid.high for solid in solids), strict=True))),
    )


def difference(solid: Solid, *holes: Solid) -> Solid:
    """What lies in the first and in none of the others."""
    if not holes:
        return solid
    hole = union(*holes)
    return Solid(
        lambda x, y, z: torch.maximum(solid.distance(x, y, z), -hole.distance(x, y, z)), solid.low, solid.high
    )
