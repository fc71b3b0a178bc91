"""Shapes as functions: the signed distance of a point to a surface, negative inside (Hart 1996).

Points are tensors (..., 3) in metres: x to the right, y up, z towards the viewer; distances are (...,). A shape stands
around the origin; `translate` takes it elsewhere. The formulas for boxes, prisms and smooth unions are those that
Inigo Quilez collected (iquilezles.org/articles/distfunctions, 2008).
"""

import math

import torch
import torch.nn.functional as F

from imagegen_lessons.settings import number, whole


def check_points(p):
    """Raises a ValueError in one sentence unless `p` holds points (..., 3) of floats."""
    if not isinstance(p, torch.Tensor) or not p.is_floating_point() or p.dim() == 0 or p.shape[-1] != 3:
        kind = f"{p.dtype} {tuple(p.shape)}" if isinstance(p, torch.Tensor) else f"a {type(p).__name__}"
        raise ValueError(f"Points are a tensor of floats of shape (..., 3), not {kind}.")


def check_box(low, high):
    """Two opposite corners of a box as tuples of three floats; a ValueError in one sentence unless low < high."""
    try:
        low, high = tuple(map(float, low)), tuple(map(float, high))
    except (TypeError, ValueError):
        low = high = ()
    # a sum with inf or NaN in it is not below inf
    if (
        len(low) != 3
        or len(high) != 3
        or not all(0 < b - a < float("inf") for a, b in zip(low, high, strict=True))
    ):
        raise ValueError("A box is given by its lower and its upper corner, three numbers each, low < high.")
    return low, high


def length(*parts):
    """The length of vectors whose coordinates are given one by one: its gradient at 0 is 0, not NaN."""
    return torch.stack(parts, dim=-1).norm(dim=-1)


def translate(p, offset):
    """The points as a shape sees them that stands `offset` = (x, y, z) away from the origin."""
    check_points(p)
    return torch.stack([part - by for part, by in zip(p.unbind(-1), offset, strict=True)], dim=-1)


def turn(p, degrees):
    """The points as a shape sees them that was turned about the y axis, counter-clockwise seen from above."""
    check_points(p)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y, z = p.unbind(-1)
    return torch.stack([cos * x - sin * z, y, sin * x + cos * z], dim=-1)


def sphere(p, radius):
    """Distance to a sphere: to its centre, less the radius."""
    check_points(p)
    return p.norm(dim=-1) - radius


def plane(p, normal=(0, 1, 0), offset=0.0):
    """Distance above a plane with this normal of length 1, `offset` metres from the origin; at first the ground."""
    check_points(p)
    return sum(part * along for part, along in zip(p.unbind(-1), normal, strict=True)) - offset


def box(p, half):
    """Distance to a box that reaches `half` = (x, y, z) metres to each side; exact outside and inside."""
    check_points(p)
    beyond = torch.stack([part.abs() - h for part, h in zip(p.unbind(-1), half, strict=True)], dim=-1)
    return beyond.clamp(min=0).norm(dim=-1) + beyond.amax(dim=-1).clamp(max=0)


def extrude(section, beyond):
    """Distance to a prism, from the distance to its cross-section and the one beyond its ends, which are flat."""
    return length(section.clamp(min=0), beyond.clamp(min=0)) + torch.maximum(section, beyond).clamp(max=0)


def cylinder(p, radius, half):
    """Distance to an upright cylinder that reaches `half` metres up and down."""
    check_points(p)
    x, y, z = p.unbind(-1)
    return extrude(length(x, z) - radius, y.abs() - half)


def gable_roof(p, half, height):
    """Distance to a gable roof, a triangular prism that lies on y = 0; its ridge runs along x, at `height`.

    half: (x, z), how far it reaches to each side.
    """
    check_points(p)
    reach, width = half
    x, y, z = p.unbind(-1)
    z = z.abs()  # both slopes are alike
    # The nearest point of the slope, which leads from the eaves (z, y) = (width, 0) up to the ridge (0, height).
    along = (((width - z) * width + y * height) / (width**2 + height**2)).clamp(0, 1)
    slope = length(z - width * (1 - along), y - height * along)
    base = length((z - width).clamp(min=0), y)
    inside = (y > 0) & (z * height + y * width < width * height)
    triangle = torch.where(inside, -1.0, 1.0) * torch.minimum(slope, base)
    return extrude(triangle, x.abs() - reach)


def union(*distances):
    """What is in any of the shapes: the smallest distance. Inside it is a bound: no surface is nearer."""
    if not distances:
        raise ValueError("A union of no shapes is empty; give at least one distance.")
    return torch.stack(torch.broadcast_tensors(*distances)).amin(dim=0)


def intersection(*distances):
    """What is in all of the shapes: the largest distance. Outside it is a bound only."""
    if not distances:
        raise ValueError("An intersection of no shapes is everywhere; give at least one distance.")
    return torch.stack(torch.broadcast_tensors(*distances)).amax(dim=0)


def difference(a, b):
    """What is in `a` and not in `b`: a hole, a window, a door. A bound only."""
    return torch.maximum(a, -b)


def smooth_union(a, b, k):
    """A union whose inner edges are rounded over `k` metres: Quilez' quadratic polynomial."""
    k = number(k, "The width of the rounding", low=1e-9)
    near = (k - (a - b).abs()).clamp(min=0) / k
    return torch.minimum(a, b) - k / 4 * near.square()


def normals(distance, p, step=1e-3):
    """Directions of length 1 in which the distance at p (..., 3) grows fastest, by central differences: (..., 3)."""
    check_points(p)
    around = step * torch.eye(3, dtype=p.dtype, device=p.device)
    slope = distance(p[..., None, :] + around) - distance(p[..., None, :] - around)  # (..., 3): along x, y, z
    return F.normalize(slope, dim=-1)


def grid_points(low, high, cells, device=None):
    """Points of a regular grid between two corners: (nx, ny, nz, 3), with `cells` cells along the longest side.

    Cells are cubes: the other sides have as many as fit them, and the grid reaches beyond `high` by part of a cell.
    """
    (low, high), cells = check_box(low, high), whole(cells, "The number of cells", least=2)
    edge = max(b - a for a, b in zip(low, high, strict=True)) / cells
    # 1e-6: a side of 2.0000001 cells has two
    counts = [int(-(-((b - a) / edge - 1e-6) // 1)) for a, b in zip(low, high, strict=True)]
    axes = [a + edge * torch.arange(n + 1, device=device) for a, n in zip(low, counts, strict=True)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def on_grid(distance, low, high, cells, device=None, chunk=2**17):
    """A distance at the points of such a grid, without gradient: (values (nx, ny, nz), spacing, origin).

    The three are what `marching_cubes` and `from_grid` take.
    """
    points = grid_points(low, high, cells, device)
    with torch.no_grad():
        values = torch.cat([distance(part) for part in points.flatten(0, 2).split(chunk)])
    spacing = (points[1, 0, 0, 0] - points[0, 0, 0, 0]).item()
    return values.view(points.shape[:3]), spacing, tuple(points[0, 0, 0].tolist())


def within(distance, p, low, high):
    """A distance that is only known in the box from low to high, at points (..., 3) anywhere: outside a safe bound.

    Outside it is sqrt(way² + d²) with the way to the box and the distance d there: no point of the box that is d or
    more from there is nearer, because a box is convex. What touches the box's side is cut off there.
    """
    check_points(p)
    ends = zip(p.unbind(-1), low, high, strict=True)
    there = torch.stack([part.clamp(a, b) for part, a, b in ends], dim=-1)
    d, way = distance(there), (p - there).norm(dim=-1)
    return torch.where(way > 0, length(way, d.clamp(min=0)), d)


def interpolate(values, p, low, high):
    """Values (k, nx, ny, nz) on a grid from low to high, at points (..., 3): (k, ...), trilinear.

    Outside of the grid they are those at its edge.
    """
    check_points(p)
    ends = zip(p.unbind(-1), low, high, strict=True)
    x, y, z = (2 * (part - a) / (b - a) - 1 for part, a, b in ends)
    where = torch.stack([z, y, x], dim=-1).reshape(1, -1, 1, 1, 3)  # grid_sample has the last axis first
    found = F.grid_sample(values[None], where, padding_mode="border", align_corners=True)
    return found.view(len(values), *p.shape[:-1])


def from_grid(values, spacing, origin):
    """The distance function of values (nx, ny, nz) on a grid, interpolated between its points (trilinear).

    Outside of the grid it is a bound; see `within`.
    """
    values = torch.as_tensor(values)
    if values.dim() != 3 or min(values.shape) < 2 or not values.isfinite().all():
        raise ValueError(
            "A grid of distances is of shape (nx, ny, nz), two points or more a side, without NaN."
        )
    low = tuple(map(float, origin))
    high = tuple(a + spacing * (n - 1) for a, n in zip(low, values.shape, strict=True))
    return lambda p: within(lambda q: interpolate(values[None], q, low, high)[0], p, low, high)


def bake(distance, low, high, cells=112, device=None):
    """The same distance, looked up on a grid: quick to render many times, and without what is finer than a cell."""
    return from_grid(*on_grid(distance, low, high, cells, device))
