"""A network that holds one shape: points in, signed distance out (DeepSDF, Park et al. 2019)."""

import math

import torch
from torch import nn

from imagegen_lessons.settings import number, whole
from imagegen_lessons.shapes.sdf import check_box, normals, within


def positional_encoding(p, frequencies=6):
    """Points (..., d) with their sines and cosines of k = `frequencies` octaves: (..., d + 2 d k).

    [p, sin(π p), sin(2π p), sin(4π p) …, cos(π p), cos(2π p) …], for p in about [-1, 1]. A network learns slow
    functions first, and what is fast in p is slow in these (Mildenhall et al. 2020, section 5.1; Tancik et al. 2020).
    """
    if not isinstance(p, torch.Tensor) or not p.is_floating_point() or not p.dim():
        raise ValueError("A positional encoding takes a tensor of floats (..., d).")
    octaves = math.pi * 2 ** torch.arange(whole(frequencies, "The number of frequencies", 0), device=p.device)
    angles = (p[..., None, :] * octaves.to(p.dtype)[:, None]).flatten(-2)  # (..., k d)
    return torch.cat([p, angles.sin(), angles.cos()], dim=-1)


class ShapeMLP(nn.Module):
    """Points (..., 3) to signed distances (...) in metres, for a shape in the box from low to high.

    Its longest side is [-1, 1] for the network. frequencies: octaves of the Fourier features; 0 leaves them out.
    Outside of the box, of which it learned nothing, it is a bound; see `within`.
    """

    def __init__(self, low, high, hidden=64, layers=4, frequencies=5):
        super().__init__()
        self.low, self.high = low, high = check_box(low, high)
        self.middle = tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
        self.scale = max(b - a for a, b in zip(low, high, strict=True)) / 2  # metres
        self.frequencies = whole(frequencies, "The number of frequencies", least=0)
        hidden, layers = whole(hidden, "The width"), whole(layers, "The number of layers", least=2)
        sizes = [3 + 6 * self.frequencies] + [hidden] * (layers - 1)
        network = []
        for before, after in zip(sizes, sizes[1:], strict=False):
            network += [nn.Linear(before, after), nn.SiLU()]  # smooth, as is a distance's gradient
        self.network = nn.Sequential(*network, nn.Linear(hidden, 1))

    def forward(self, p):
        return within(self.inside, p, self.low, self.high)

    def inside(self, p):
        """The network itself, for points of the box."""
        parts = zip(p.unbind(-1), self.middle, strict=True)
        q = torch.stack([(part - middle) / self.scale for part, middle in parts], dim=-1)
        return self.scale * self.network(positional_encoding(q, self.frequencies)).squeeze(-1)


@torch.no_grad()
def sample_points(distance, n, low, high, near=0.75, spread=0.02, rng=None, device=None):
    """Points (n, 3) in the box from low to high to learn a distance from: most near the surface, the others anywhere.

    near: the share that is taken to the surface and then pushed off it, by a normal distribution of `spread` times the
    longest side. rng: a torch.Generator. Raises ValueError for wrong numbers, and for a shape without a surface there.
    """
    (low, high), n = check_box(low, high), whole(n, "The number of points")
    near = round(n * number(near, "The share near the surface", low=0, below=1.000001))
    sides = [b - a for a, b in zip(low, high, strict=True)]
    spread = number(spread, "The spread", low=0) * max(sides)

    def anywhere(count):
        u = torch.rand(count, 3, generator=rng, device=device)
        return torch.stack(
            [a + side * part for part, a, side in zip(u.unbind(-1), low, sides, strict=True)], dim=-1
        )

    found = []
    while sum(map(len, found)) < near:
        p = anywhere(2 * near)
        p = p[distance(p).abs().argsort()[:near]]  # the nearer half has the shorter way
        for _ in range(3):  # the normal leads to the surface; a bound of the distance, not all of the way
            p = p - distance(p)[:, None] * normals(distance, p)
        p = p[distance(p).abs() < 0.01 * max(sides)]
        if not len(p):
            raise ValueError("No surface was found in this box: the shape is empty, or elsewhere.")
        found.append(p)
    p = torch.cat(found)[:near] if found else anywhere(0)
    p = p + spread * torch.randn(p.shape, generator=rng, device=device)
    return torch.cat([p, anywhere(n - near)])
