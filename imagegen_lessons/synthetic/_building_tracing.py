"""Sphere tracing of a building: where rays meet it, which way its surface looks there, and what shades it.

Its distances are baked on a grid once. Rays take their long steps on the grid, and ask the building itself only
where they are close to it. Hart 1996, "Sphere tracing".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CELL = 0.4  # metres
SLACK = 0.32  # by so much, at most, does the grid overstate a distance between its points
AIR = 1.2  # metres around the building that the grid covers


class Baked:
    """A building's distances on a grid of cells, and rays through it."""

    def __init__(self, building, device: torch.device):
        self.building = building
        low, high = (torch.tensor(corner, device=device) for corner in building.corners)
        self.low, self.high = low - AIR, high + AIR
        counts = ((self.high - self.low) / CELL).ceil().int() + 1
        axes = [
            torch.linspace(a, b, n, device=device)
            for a, b, n in zip(self.low.tolist(), self.high.tolist(), counts.tolist(), strict=True)
        ]
        points = torch.stack(torch.meshgrid(*axes[::-1], indexing="ij"), dim=-1).flip(
            -1
        )  # z, y, x for grid_sample
        self.values = building.distance(points)[None, None]

    def __call__(self, points: Tensor) -> Tensor:
        """Distances (n,) at points (n, 3), interpolated; outside of the grid those of its border."""
        place = 2 * (points - self.low) / (self.high - self.low) - 1
        return F.grid_sample(
            self.values, place[None, None, None], padding_mode="border", align_corners=True
        ).view(-1)

    def entry(self, origin: Tensor, rays: Tensor) -> tuple[Tensor, Tensor]:
        """How far along each ray (n, 3) from an origin, (3,) or (n, 3), the grid begins and ends."""
        inverse = 1 / torch.where(rays.abs() < 1e-9, 1e-9, rays)
        a, b = (self.low - origin) * inverse, (self.high - origin) * inverse
        return torch.minimum(a, b).amax(1).clamp(min=0), torch.maximum(a, b).amin(1)

    def trace(self, origin: Tensor, rays: Tensor, close: float, steps: int = 34) -> Tensor:
        """Depth (n,) along rays (n, 3) from one origin (3,); infinite where they miss.

        A ray has arrived where its distance is less than `close` times its depth: a part of a pixel.
        """
        t, end = self.entry(origin, rays)
        depth = torch.full_like(t, float("inf"))
        active = (t < end).nonzero()[:, 0]
        for _ in range(steps):
            if not len(active):
                break
            p = origin + t[active, None] * rays[active]
            d = self(p) - SLACK
            near = (d < SLACK / 2).nonzero()[:, 0]
            d[near] = self.building.distance(p[near])
            hit = d < close * t[active]
            depth[active[hit]] = t[active[hit]]
            t[active] += d
            active = active[~hit & (t[active] < end[active])]
        return depth

    def normals(self, points: Tensor, step: float = 0.012) -> Tensor:
        """Unit normals (n, 3) of the surface at points (n, 3), by differences."""
        here = self.building.distance(points)
        ahead = [
            self.building.distance(points + offset) for offset in step * torch.eye(3, device=points.device)
        ]
        return F.normalize(torch.stack([d - here for d in ahead], dim=-1), dim=-1)

    def sunlit(self, points: Tensor, sun: Tensor, steps: int = 26) -> Tensor:
        """How much of the sun reaches points (n, 3): 0 in the shadow, 1 in the light, between in its soft edge."""
        light = torch.ones_like(points[:, 0])
        t = torch.full_like(light, 0.35)
        active = torch.arange(len(light), device=light.device)
        for _ in range(steps):
            p = points[active] + t[active, None] * sun
            inside = ((p >= self.low) & (p <= self.high)).all(1)
            # A ray that has not reached the grid yet goes to where it begins.
            start, end = self.entry(p, sun.expand_as(p))
            ahead = start < end
            d = torch.where(inside, self(p), start + 0.02)
            light[active] = torch.where(
                inside, torch.minimum(light[active], 0.5 + 7 * d / t[active]), light[active]
            )
            t[active] += d.clamp(min=0.12)
            active = active[ahead & (light[active] > 0)]
            if not len(active):
                break
        return light.clamp(0, 1)

    def openness(self, points: Tensor, normals: Tensor) -> Tensor:
        """Ambient occlusion (n,): 1 where all of the sky is open to points (n, 3), less in corners."""
        closed = 0.0
        for height, weight in ((0.3, 0.9), (0.7, 0.5), (1.1, 0.3)):
            closed = closed + weight * (height - self(points + height * normals)).clamp(min=0)
        return (1 - 0.75 * closed).clamp(0.25, 1)
