"""Buildings as numbers on a grid of points, each grid stretched to its building, so that all use it fully.

A network that makes buildings makes such numbers; a callable distance, colours and closed meshes come from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from imagegen_lessons.settings import whole
from imagegen_lessons.shapes.mesh import Mesh, marching_cubes
from imagegen_lessons.shapes.sdf import interpolate, within
from imagegen_lessons.synthetic import buildings

REACH = 4.0  # cells: distances are clipped there, for a network need not know what is far
STEP = REACH / 127  # of distances that are stored as int8
COVER = 0.15  # cells by which the mesh of a surface lies on the wall below it


@dataclass(frozen=True, eq=False)  # tensors have no == that says yes or no
class ShapeGrid:
    """One building on s x s x s points, axes x, y, z. It stands on y = 0, with its middle at x = z = 0.

    values: (s, s, s), signed distances, counted in `unit` metres, from -REACH to REACH. scores: (k, s, s, s); the
    surface with the largest is the nearest one. size: (3,), the building's width, height and depth in metres. palette:
    (k, 3), the colours of the k surfaces in [0, 1]. Raises ValueError for shapes that do not fit, NaN, and no size.
    """

    values: Tensor
    scores: Tensor
    size: Tensor
    palette: Tensor

    def __post_init__(self):
        s, k = self.values.shape[-1], len(self.scores)
        shapes = [tuple(x.shape) for x in (self.values, self.scores, self.size, self.palette)]
        if s < 4 or shapes != [(s, s, s), (k, s, s, s), (3,), (k, 3)]:
            raise ValueError(
                "A grid has distances (s, s, s), from s = 4, scores (k, s, s, s), a size (3,) and colours (k, 3), "
                f"not {', '.join(map(str, shapes))}."
            )
        if not all(x.isfinite().all() for x in (self.values, self.scores, self.size, self.palette)):
            raise ValueError("The numbers of a grid must be finite, but some are NaN or infinite.")
        if not (self.size > 0).all():
            raise ValueError(f"The size of a building is above 0, not {self.size.tolist()}.")

    @classmethod
    def of(cls, building, resolution: int = 48, device=None) -> ShapeGrid:
        """The grid of a building as `synthetic.buildings.one` draws it: best with thin=False.

        Raises ValueError for a resolution that is no whole number from 4.
        """
        size = torch.tensor(building.size, device=device)
        points, unit = stretched_points(size, resolution), unit_of(size, resolution)
        with torch.no_grad():
            distance, surface = building.nearest(points)
        palette = building.palette.to(size.device)
        scores = F.one_hot(surface, len(palette)).movedim(-1, 0).float()
        return cls((distance / unit).clamp(-REACH, REACH), scores, size, palette)

    @cached_property
    def cell(self) -> Tensor:
        """Metres between points, (3,) along x, y, z: the outermost cells lie around the building."""
        return cell_of(self.size, len(self.values))

    @cached_property
    def unit(self) -> Tensor:
        """The mean of the three, in which distances are counted. A scalar."""
        return self.cell.mean()

    @cached_property
    def corners(self) -> tuple[tuple, tuple]:
        """(low, high): the first and the last point of the grid, half a cell outside of the building."""
        points = stretched_points(self.size, len(self.values))
        return tuple(points[0, 0, 0].tolist()), tuple(points[-1, -1, -1].tolist())

    def distance(self, p: Tensor) -> Tensor:
        """Signed distance in metres (...,) of points (..., 3): clipped, so far away it is a lower bound."""
        return within(
            lambda q: self.unit * interpolate(self.values[None], q, *self.corners)[0], p, *self.corners
        )

    def surface(self, p: Tensor) -> Tensor:
        """Which surface is nearest, (...,) int64, for points (..., 3)."""
        return interpolate(self.scores, p, *self.corners).argmax(dim=0)

    def colour(self, p: Tensor) -> Tensor:
        """Its colour, (..., 3) in [0, 1]."""
        return self.palette[self.surface(p)]

    def pieces(self) -> int:
        """How many solids there are that do not touch: 1 for a whole building, 0 for an empty grid."""
        import skimage.measure  # takes half a second

        return int(skimage.measure.label((self.values < 0).cpu().numpy(), connectivity=1).max())

    def solid(self, **material) -> Mesh:
        """The whole building as one closed mesh. Raises ValueError where the grid is empty."""
        return self._mesh(self.values, **material)

    def meshes(self, names: tuple[str, ...] = buildings.SURFACES) -> list[Mesh]:
        """Closed meshes, one for each surface that the building has, named and coloured; they fit together.

        The first surface's, the wall, is the whole building, and the others lie on it: so no crack between two of them
        shows what is inside. Raises ValueError for an empty grid, or unless there is a name for each surface.
        """
        if len(names) != len(self.scores):
            raise ValueError(f"There are {len(names)} names for {len(self.scores)} surfaces.")
        colours = [tuple(colour) for colour in self.palette.clamp(0, 1).tolist()]
        meshes = [self.solid(name=names[0], colour=colours[0])]
        for k in range(1, len(names)):
            others = torch.cat([self.scores[:k], self.scores[k + 1 :]]).amax(dim=0)
            # At the border between two surfaces the scores change within a cell, about as a distance does.
            part = torch.maximum(self.values - COVER, others - self.scores[k])
            if (part < 0).any():
                meshes.append(self._mesh(part, name=names[k], colour=colours[k]))
        return meshes

    def _mesh(self, values: Tensor, **material) -> Mesh:
        mesh = marching_cubes(values, 1.0, (0.0, 0.0, 0.0), **material)
        vertices = torch.tensor(self.corners[0]) + mesh.vertices * self.cell.cpu()
        return Mesh(vertices, mesh.faces, mesh.name, mesh.colour, mesh.roughness)


def cell_of(size: Tensor, resolution: int) -> Tensor:
    """Metres between the points of grids for buildings of these sizes (..., 3): one cell is left on each side."""
    return size / (resolution - 2)


def unit_of(size: Tensor, resolution: int) -> Tensor:
    """Their mean, (...,)."""
    return cell_of(size, resolution).mean(dim=-1)


def stretched_points(size: Tensor, resolution: int) -> Tensor:
    """The points (s, s, s, 3) of the grid for a building of this size (3,): the middles of its cells.

    Raises ValueError for a resolution that is no whole number from 4.
    """
    resolution = whole(resolution, "The resolution of a grid", least=4)
    cells = torch.arange(resolution, device=size.device) - 0.5  # the building begins at the second cell
    ahead = cells[:, None] * cell_of(size, resolution)
    ahead = [ahead[:, 0] - size[0] / 2, ahead[:, 1], ahead[:, 2] - size[2] / 2]
    return torch.stack(torch.meshgrid(*ahead, indexing="ij"), dim=-1)


class Grids(NamedTuple):
    """n buildings on grids, in few bytes: distance (n, s, s, s) int8, in STEPs; surface (n, s, s, s) uint8, the nearest
    one; size (n, 3) and palette (n, k, 3), floats."""

    distance: Tensor
    surface: Tensor
    size: Tensor
    palette: Tensor

    def building(self, i: int) -> ShapeGrid:
        """Building i as a ShapeGrid."""
        scores = F.one_hot(self.surface[i].long(), self.palette.shape[1]).movedim(-1, 0).float()
        return ShapeGrid(self.distance[i] * STEP, scores, self.size[i], self.palette[i])


def drawn_grids(factors: dict[str, Tensor], resolution: int = 48) -> Grids:
    """The grids of drawn buildings, without things that are too thin for them. About 0.1 s a building.

    Raises ValueError for factors as `synthetic.buildings.one`, and for a resolution that is no whole number from 4.
    """
    n = len(buildings.label(factors))
    if not n:
        raise ValueError("No buildings, no grids: sample one or more.")
    distance = torch.empty(n, *[whole(resolution, "The resolution of a grid", least=4)] * 3, dtype=torch.int8)
    surface, sizes, palettes = distance.to(torch.uint8), [], []
    for i in range(n):
        grid = ShapeGrid.of(buildings.one(factors, i, thin=False), resolution)
        distance[i] = (grid.values / STEP).round()
        surface[i] = grid.scores.argmax(dim=0)
        sizes.append(grid.size)
        palettes.append(grid.palette)
    return Grids(distance, surface, torch.stack(sizes), torch.stack(palettes))
