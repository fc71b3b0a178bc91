"""Radiance fields: a density and a colour everywhere in a box, learned from pictures by volume rendering.

The rendering is that of NeRF (Mildenhall et al. 2020, section 4); a grid in place of its network learns in a minute
what takes a network hours (DVGO, Sun et al. 2022; Plenoxels, Fridovich-Keil et al. 2022).
"""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.settings import whole
from imagegen_lessons.shapes.sdf import check_box, check_points
from imagegen_lessons.shapes.tracing import Camera, rays

WHITE = (1.0, 1.0, 1.0)
THIN = 6.0  # at the start softplus(-6) = 0.0025 for each cell: a fog of which all of the box hides a tenth


def volume_weights(density, steps):
    """How much each sample on a ray is seen, and how much light comes as far as it: weights, transmittance (..., n).

    density (..., n): per metre, from the eye on. steps (..., n): metres that each sample stands for.
    The weights add up to the ray's opacity, at most 1.
    """
    if not isinstance(density, torch.Tensor) or density.shape != steps.shape or not density.dim():
        raise ValueError("Densities and steps are tensors of one shape (..., n): a number for each sample.")
    optical = density * steps
    transmittance = torch.exp(-(optical.cumsum(dim=-1) - optical))  # through all samples before this one
    return transmittance * (1 - torch.exp(-optical)), transmittance


class RadianceGrid(nn.Module):
    """Points (..., 3) to density (...) per metre and colour (..., 3) in [0, 1], on a grid in the box from low to high.

    Between its `resolution`³ points it is interpolated; outside of the box it is empty. The density is a softplus of
    what was interpolated, so that a surface can be sharper than a cell (Sun et al. 2022). Colours do not depend on the
    direction: nothing shines.
    """

    def __init__(self, low, high, resolution=48):
        super().__init__()
        self.low, self.high = check_box(low, high)
        n = whole(resolution, "The resolution", least=2)
        self.dense = n / max(b - a for a, b in zip(self.low, self.high, strict=True))  # cells per metre
        self.values = nn.Parameter(torch.zeros(1, 4, n, n, n))

    def forward(self, p):
        check_points(p)
        ends = zip(p.unbind(-1), self.low, self.high, strict=True)
        where = torch.stack([2 * (part - a) / (b - a) - 1 for part, a, b in ends], dim=-1)
        found = F.grid_sample(self.values, where.reshape(1, -1, 1, 1, 3), align_corners=True)
        found = found.view(4, -1).T.view(*p.shape[:-1], 4)
        inside = (where.abs() <= 1.001).all(dim=-1)
        return self.dense * F.softplus(found[..., 0] - THIN) * inside, torch.sigmoid(found[..., 1:])

    def crossing(self, origins, directions):
        """Where rays enter and leave the box, in metres from their origins: (...), (...); equal where they miss it."""
        enter, leave = torch.zeros_like(origins[..., 0]), torch.full_like(origins[..., 0], torch.inf)
        for o, d, a, b in zip(origins.unbind(-1), directions.unbind(-1), self.low, self.high, strict=True):
            slope = torch.where(d.abs() < 1e-9, 1e-9, d)
            one, other = (a - o) / slope, (b - o) / slope
            enter = torch.maximum(enter, torch.minimum(one, other))
            leave = torch.minimum(leave, torch.maximum(one, other))
        return enter, torch.maximum(enter, leave)


def render_rays(field, origins, directions, samples=64, jitter=False, background=WHITE):
    """What rays (n, 3) see of the field: colours (n, 3) and opacity (n,).

    field: points to density and colour, with the method `crossing` of a RadianceGrid. samples: points on each ray,
    evenly from its entry to its exit, or with `jitter` at random, each in its own piece. background: behind it all.
    Raises ValueError for rays of another shape.
    """
    check_points(origins)
    if origins.dim() != 2 or origins.shape != directions.shape:
        raise ValueError(
            f"Rays are origins and directions (n, 3), not {origins.shape} and {directions.shape}."
        )
    n = whole(samples, "The number of samples")
    enter, leave = field.crossing(origins, directions)
    step = (leave - enter)[:, None] / n
    within = torch.rand(len(origins), n, device=origins.device) if jitter else 0.5
    t = enter[:, None] + (torch.arange(n, device=origins.device) + within) * step
    density, colour = field(origins[:, None] + t[..., None] * directions[:, None])
    weights, _ = volume_weights(density, step.expand_as(density))
    opacity = weights.sum(dim=1)
    behind = torch.stack([(1 - opacity) * part for part in background], dim=-1)
    return (weights[..., None] * colour).sum(dim=1) + behind, opacity


@torch.no_grad()
def render_view(field, camera: Camera, size, samples=96, background=WHITE, device=None, chunk=2**13):
    """The picture (1, 3, h, w) that a camera sees of the field; size: pixels, or (h, w)."""
    origins, directions = rays(camera, size, device)
    pieces = zip(origins.flatten(0, 1).split(chunk), directions.flatten(0, 1).split(chunk), strict=True)
    x = torch.cat([render_rays(field, o, d, samples, background=background)[0] for o, d in pieces])
    return x.view(*origins.shape).permute(2, 0, 1)[None].clamp(0, 1)


def rays_of_views(pictures, cameras):
    """What a field learns from: origins, directions and colours (n, 3) of all pixels of views (k, 3, h, w).

    Raises ValueError where there are no views, or not one camera for each.
    """
    if not isinstance(pictures, torch.Tensor) or pictures.dim() != 4 or pictures.shape[1] != 3:
        raise ValueError("Views are pictures (k, 3, h, w).")
    if not len(pictures) or len(pictures) != len(cameras):
        raise ValueError(
            f"Each view needs its camera: here are {len(pictures)} views and {len(cameras)} cameras."
        )
    if not pictures.isfinite().all():
        raise ValueError("The views hold NaN or inf.")
    seen = [rays(camera, tuple(pictures.shape[2:]), pictures.device) for camera in cameras]
    origins, directions = (torch.stack(part).flatten(0, 2) for part in zip(*seen, strict=True))
    return origins, directions, pictures.permute(0, 2, 3, 1).flatten(0, 2)


def total_variation(values):
    """Mean squared difference between neighbours on a grid (1, c, x, y, z): low where it is smooth. A scalar."""
    return sum(values.diff(dim=axis).square().mean() for axis in (2, 3, 4))
