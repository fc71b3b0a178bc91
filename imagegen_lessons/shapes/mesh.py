"""Triangle meshes: marching cubes, and the questions one asks before a mesh leaves the house."""

from dataclasses import dataclass

import torch

from imagegen_lessons.settings import number
from imagegen_lessons.shapes.sdf import on_grid


@dataclass(frozen=True, eq=False)  # tensors have no == that says yes or no
class Mesh:
    """Triangles of one material. Seen from outside, the corners of each go round counter-clockwise.

    vertices: (n, 3) float32, metres, y up. faces: (m, 3) int64, rows of `vertices`. colour: red, green, blue in [0, 1]
    as on a screen. roughness: 0 a mirror, 1 chalk. Raises ValueError for an empty or broken mesh.
    """

    vertices: torch.Tensor
    faces: torch.Tensor
    name: str = "mesh"
    colour: tuple[float, float, float] = (0.8, 0.8, 0.8)
    roughness: float = 0.9

    def __post_init__(self):
        vertices, faces = torch.as_tensor(self.vertices), torch.as_tensor(self.faces)
        if vertices.dim() != 2 or faces.dim() != 2 or vertices.shape[1:] != (3,) or faces.shape[1:] != (3,):
            raise ValueError(
                f"A mesh has vertices (n, 3) and faces (m, 3), not {tuple(vertices.shape)} and {tuple(faces.shape)}."
            )
        if not len(vertices) or not len(faces):
            raise ValueError(f"The mesh {self.name!r} is empty.")
        if faces.is_floating_point():
            raise ValueError(f"The faces of {self.name!r} are whole numbers: rows of its vertices.")
        if not vertices.isfinite().all():
            raise ValueError(f"The mesh {self.name!r} has vertices that are NaN or inf.")
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError(f"The mesh {self.name!r} has faces whose corners are not among its vertices.")
        if len(self.colour) != 3 or not all(0 <= part <= 1 for part in self.colour):
            raise ValueError(f"A colour is red, green and blue in [0, 1], not {self.colour!r}.")
        # frozen, so that what was checked stays as it is
        object.__setattr__(self, "roughness", number(self.roughness, "The roughness", low=0, below=1.000001))
        object.__setattr__(self, "colour", tuple(float(part) for part in self.colour))
        object.__setattr__(self, "vertices", vertices.detach().cpu().float().contiguous())
        object.__setattr__(self, "faces", faces.detach().cpu().long().contiguous())


def marching_cubes(values, spacing, origin, **material) -> Mesh:
    """The surface where a distance on a grid is 0 (Lorensen and Cline 1987), always closed.

    values: (nx, ny, nz), negative inside. spacing: metres between points of the grid. origin: its first point.
    material: name, colour and roughness of the mesh. What reaches the edge of the grid is cut off there, flat.
    Raises ValueError for NaN, and where the grid holds no surface.
    """
    import skimage.measure  # takes half a second

    values = torch.as_tensor(values).detach().cpu().float()
    if values.dim() != 3 or min(values.shape) < 2 or not values.isfinite().all():
        raise ValueError(
            "Marching cubes takes distances (nx, ny, nz), two or more a side, without NaN and inf."
        )
    spacing = number(spacing, "The spacing of the grid", low=1e-9)
    if not (values < 0).any():
        raise ValueError("No point of the grid is inside the shape: it is empty, or finer than the grid.")
    # A point exactly on the surface would give triangles without an area.
    values = torch.where(values.abs() < 1e-6 * spacing, 1e-6 * spacing, values)
    outside = (
        1e4 * spacing
    )  # around the grid nothing is inside, and so far away that the cut runs along its edge
    values = torch.nn.functional.pad(values, (1,) * 6, value=outside)
    vertices, faces, _, _ = skimage.measure.marching_cubes(values.numpy(), 0.0)
    low = torch.tensor(origin, dtype=torch.float64)
    vertices = low + spacing * (torch.from_numpy(vertices.copy()).double() - 1)
    return Mesh(vertices, torch.from_numpy(faces.astype("int64")), **material)


def to_mesh(distance, low, high, cells=48, device=None, **material) -> Mesh:
    """The surface of a distance function within a box, by marching cubes; see `on_grid` and `marching_cubes`."""
    return marching_cubes(*on_grid(distance, low, high, cells, device), **material)


def edges(mesh: Mesh):
    """The three directed edges of each face: (3 m, 2)."""
    a, b, c = mesh.faces.unbind(1)
    return torch.cat([torch.stack(pair, dim=1) for pair in ((a, b), (b, c), (c, a))])


def is_closed(mesh: Mesh) -> bool:
    """Does each edge belong to two faces that run along it in opposite directions? Then the mesh has an inside."""
    ahead = edges(mesh)
    if (ahead[:, 0] == ahead[:, 1]).any():
        return False
    n = len(mesh.vertices)
    ahead, back = ahead[:, 0] * n + ahead[:, 1], ahead[:, 1] * n + ahead[:, 0]
    once = len(ahead.unique()) == len(ahead)  # a second face along an edge would go through a third
    return once and torch.equal(ahead.sort().values, back.sort().values)


def volume(mesh: Mesh) -> float:
    """Cubic metres inside a closed mesh, by the divergence theorem; negative where its faces look inwards.

    Each face spans a pyramid with the origin, and those that look away from it count, the others are taken off.
    """
    if not is_closed(mesh):
        raise ValueError(f"The mesh {mesh.name!r} is open, so it has no volume.")
    a, b, c = mesh.vertices.double()[mesh.faces].unbind(1)
    return (torch.linalg.cross(a, b) * c).sum().item() / 6


def stands_on_ground(mesh: Mesh, tolerance=0.05) -> bool:
    """Is its lowest point at y = 0, give or take `tolerance` metres?"""
    return abs(mesh.vertices[:, 1].min().item()) <= number(tolerance, "The tolerance", low=0)
