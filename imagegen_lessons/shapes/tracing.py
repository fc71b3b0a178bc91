"""Cameras, rays and sphere tracing: where a ray meets a shape that is only known by its distance (Hart 1996)."""

import math
from dataclasses import dataclass

import torch

from imagegen_lessons.settings import number, whole
from imagegen_lessons.shapes.sdf import check_points

CLOSE = 3e-5  # metres: from there on a ray has met the surface
GRAZING = 1e-3  # of the depth, a fraction of a pixel: enough for a ray that creeps along a wall


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: where it is, what it looks at, and its field of view from top to bottom, in degrees.

    Raises ValueError unless `eye` and `target` are different points and not above each other, 1 <= degrees < 170.
    """

    eye: tuple[float, float, float]
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    degrees: float = 40.0

    def __post_init__(self):
        number(self.degrees, "The field of view", low=1, below=170)
        if len(self.eye) != 3 or len(self.target) != 3:
            raise ValueError("A camera's eye and target are points: three numbers each.")
        x, _, z = (b - a for a, b in zip(self.eye, self.target, strict=True))
        if not 1e-6 < math.hypot(x, z) < float("inf"):
            raise ValueError(
                "A camera looks at a target that is not straight above or below it; move the eye."
            )

    @property
    def distance(self) -> float:
        return math.dist(self.eye, self.target)

    def axes(self):
        """Its right, its up and its forward, as three unit vectors."""
        forward = unit([b - a for a, b in zip(self.eye, self.target, strict=True)])
        right = unit([-forward[2], 0.0, forward[0]])  # the cross product of forward and (0, 1, 0)
        return right, _cross(right, forward), forward


def unit(v):
    """Three numbers as a vector of length 1."""
    length = math.hypot(*v)
    return [part / length for part in v]


def _cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def orbit(target, distance, azimuth, elevation=20.0, degrees=40.0) -> Camera:
    """A camera on a sphere around `target`: azimuth 0 is in front of it (+z), 90 to its right; both in degrees.

    Raises ValueError unless the distance is positive and -90 < elevation < 90.
    """
    distance = number(distance, "The distance of the camera", low=1e-6)
    up = math.radians(number(elevation, "The elevation", low=-89.9, below=89.91))
    around = math.radians(number(azimuth, "The azimuth"))
    out = (math.sin(around) * math.cos(up), math.sin(up), math.cos(around) * math.cos(up))
    return Camera(
        tuple(c + distance * part for c, part in zip(target, out, strict=True)), tuple(target), degrees
    )


def rays(camera: Camera, size, device=None):
    """One ray through the middle of each pixel: origins and directions of length 1, both (h, w, 3).

    size: pixels, one number for a square picture, or (h, w).
    """
    height, width = (
        whole(side, "The size of a picture") for side in (size if isinstance(size, tuple) else (size, size))
    )
    reach = math.tan(math.radians(camera.degrees) / 2)  # of the picture's upper edge, one metre away
    up = reach * (1 - (2 * torch.arange(height, device=device)[:, None] + 1) / height)
    right = reach * ((2 * torch.arange(width, device=device)[None, :] + 1) / width - 1) * (width / height)
    directions = torch.stack([right * r + up * u + f for r, u, f in zip(*camera.axes(), strict=True)], dim=-1)
    directions = directions / directions.norm(dim=-1, keepdim=True)
    origins = torch.stack([torch.full_like(directions[..., 0], part) for part in camera.eye], dim=-1)
    return origins, directions


@torch.no_grad()
def sphere_trace(distance, origins, directions, steps=128, far=100.0, caution=1.0):
    """How far each ray goes until it meets the surface: depth (...), inf where it meets nothing within `far` metres.

    Each step is as long as the distance, for no surface is nearer. A ray that went too far, because a network only
    estimates the distance, comes back: inside, the distance is negative. `caution` below 1 shortens the steps.
    `far` is one number, or one for each ray (...).
    Raises ValueError for wrong shapes, and for a distance that is NaN.
    """
    check_points(origins)
    if origins.shape != directions.shape:
        raise ValueError(
            f"Each ray has an origin and a direction, not {origins.shape} and {directions.shape}."
        )
    number(caution, "The caution", low=0.01, below=1.000001)
    o, d = origins.reshape(-1, 3), directions.reshape(-1, 3)
    far = torch.as_tensor(far, dtype=o.dtype, device=o.device).expand(origins.shape[:-1]).reshape(-1)
    depth = torch.full_like(o[:, 0], torch.inf)
    t, left = torch.zeros_like(depth), torch.arange(len(o), device=o.device)  # of the rays that still go on
    for step in range(whole(steps, "The number of steps")):
        gap = distance(o + t[:, None] * d)
        if step == 0 and gap.isnan().any():
            raise ValueError(
                "The distance is NaN where the rays begin: the function, or its network, is broken."
            )
        t = (t + caution * gap).clamp(min=0)
        met = gap.abs() < CLOSE
        depth[left[met]] = t[met]
        on = ~met & (t < far)
        o, d, t, gap, left, far = o[on], d[on], t[on], gap[on], left[on], far[on]
        if not len(left):
            break
    close = gap < CLOSE + GRAZING * t  # also where the camera stands inside a wall
    depth[left[close]] = t[close]
    return depth.view(origins.shape[:-1])
