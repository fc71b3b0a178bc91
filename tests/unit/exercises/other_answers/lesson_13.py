"""Differently written right answers to the exercises of lesson 13, by exercise."""

import math
from collections import Counter, deque

import numpy
import torch
from scipy import ndimage


def box_distance(p, half):
    """The way to the nearest point of the box; inside to the nearest of six walls."""
    nearest = torch.maximum(torch.minimum(p, half), -half)
    walls = torch.cat([half - p, half + p], dim=1).min(dim=1).values
    return torch.where(walls > 0, -walls, (p - nearest).norm(dim=1))


def point_by_point(p, half):
    distances = []
    for beyond in p.abs() - half:
        outside = [part for part in beyond.tolist() if part > 0]
        distances.append(math.hypot(*outside) if outside else beyond.max().item())
    return distances


def sphere_trace(distance, origins, directions, steps=100, far=50.0):
    """Only the rays that are still on their way are asked for."""
    depth = torch.zeros(len(origins))
    found = torch.full((len(origins),), float("inf"))
    going = torch.arange(len(origins))
    for _ in range(steps):
        gap = distance(origins[going] + depth[going, None] * directions[going])
        arrived = gap < 1e-3
        found[going[arrived]] = depth[going[arrived]]
        depth[going] += gap
        going = going[~arrived & (depth[going] < far)]
        if len(going) == 0:
            break
    return found


def ray_by_ray(distance, origins, directions, steps=100, far=50.0):
    depths = []
    for o, d in zip(origins, directions, strict=True):
        t, result = 0.0, math.inf
        for _ in range(steps):
            gap = distance((o + t * d)[None]).item()
            if gap < 1e-3:
                result = t
                break
            t += gap
            if t > far:
                break
        depths.append(result)
    return torch.tensor(depths)


def asks_once_more_at_the_end(distance, origins, directions, steps=100, far=50.0):
    p, depth = origins.clone(), origins.new_zeros(len(origins))
    for _ in range(steps):
        gap = distance(p)
        depth = torch.minimum(depth + gap, torch.tensor(far))
        p = origins + depth.unsqueeze(1) * directions
    depth[distance(p) >= 1e-3] = torch.inf
    depth[depth >= far] = torch.inf
    return depth


def positional_encoding(p, frequencies):
    """All octaves at once: (n, frequencies, 3)."""
    octaves = math.pi * 2.0 ** torch.arange(frequencies)
    angles = (p[:, None, :] * octaves[:, None]).flatten(1)
    return torch.cat([p, angles.sin(), angles.cos()], dim=1)


def cosine_as_sine(p, frequencies):
    columns = [p]
    for shift in (0.0, math.pi / 2):
        for k in range(frequencies):
            columns.append(torch.sin(math.pi * p * 2**k + shift))
    return torch.hstack(columns)


def volume_weights(density, steps):
    """Multiplied from sample to sample, as in NeRF."""
    alpha = 1 - torch.exp(-density * steps)
    before = torch.cumprod(torch.cat([torch.ones_like(alpha[:, :1]), 1 - alpha], dim=1), dim=1)[:, :-1]
    return alpha * before, before


def sample_by_sample(density, steps):
    light, weights, transmittance = torch.ones(len(density)), [], []
    for s, d in zip(density.unbind(1), steps.unbind(1), strict=True):
        after = light * torch.exp(-s * d)
        weights.append(light - after)
        transmittance.append(light)
        light = after
    return torch.stack(weights, dim=1), torch.stack(transmittance, dim=1)


def is_closed(faces):
    """A table of how often each edge leads from corner to corner."""
    n = int(faces.max()) + 1
    table = torch.zeros(n, n, dtype=torch.int64)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        table.index_put_((faces[:, a], faces[:, b]), torch.tensor(1), accumulate=True)
    return table.max() == 1 and torch.equal(table, table.T)


def counts_both_ways(faces):
    edges = Counter((f[i], f[i - 1]) for f in faces.tolist() for i in range(3))
    return all(n == 1 and edges[b, a] == 1 for (a, b), n in list(edges.items()))


def with_numpy(faces):
    edges = numpy.concatenate([faces.numpy()[:, [0, 1]], faces.numpy()[:, [1, 2]], faces.numpy()[:, [2, 0]]])
    ahead, back = (numpy.unique(e, axis=0) for e in (edges, edges[:, ::-1]))
    return numpy.bool_(len(ahead) == len(edges) and (ahead == back).all())


def reachable(walkable, start):
    """One cell after the other, from a queue."""
    reached, queue = torch.zeros_like(walkable), deque([start])
    while queue:
        i, j = queue.popleft()
        if 0 <= i < walkable.shape[0] and 0 <= j < walkable.shape[1] and walkable[i, j] and not reached[i, j]:
            reached[i, j] = True
            queue.extend([(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)])
    return reached


def labelled(walkable, start):
    parts, _ = ndimage.label(walkable.numpy())
    return parts == parts[start]


def convolved(walkable, start):
    cross = torch.tensor([[[[0.0, 1, 0], [1, 1, 1], [0, 1, 0]]]])
    reached = torch.zeros(walkable.shape)
    reached[start] = 1.0
    for _ in range(walkable.numel()):
        reached = (
            torch.nn.functional.conv2d(reached[None, None], cross, padding=1)[0, 0] > 0
        ) * walkable.float()
    return reached


def my_building(p):
    """A round tower with a rounded foot, made without the package."""
    x, y, z = p.T
    radius = torch.sqrt(x * x + z * z + 1e-12)
    tower = torch.maximum(radius - 3, (y - 6).abs() - 6)
    foot = torch.maximum(radius - 4, (y - 0.5).abs() - 0.5)
    blend = (0.5 + 0.5 * (foot - tower)).clamp(0, 1)
    round_edge = torch.lerp(foot, tower, blend) - blend * (1 - blend)
    return torch.maximum(round_edge, -y)


def a_hall_of_thin_walls(p):
    """Hollow, on a grid of columns, with the distance halved for safety."""
    q = p - torch.tensor([0.0, 3.0, 0.0])
    outer = (q.abs() - torch.tensor([7.0, 3.0, 5.0])).amax(dim=1)
    inner = (q.abs() - torch.tensor([6.6, 2.6, 4.6])).amax(dim=1)
    return torch.maximum(outer, -inner) / 2


ANSWERS = {
    "box_distance": [
        box_distance,
        lambda p, half: (
            torch.sqrt(torch.relu(abs(p) - half).pow(2).sum(1))
            + torch.minimum((abs(p) - half).max(dim=1)[0], torch.tensor(0.0))
        ),
        point_by_point,
    ],
    "sphere_trace": [sphere_trace, ray_by_ray, asks_once_more_at_the_end],
    "positional_encoding": [positional_encoding, cosine_as_sine],
    "volume_weights": [
        volume_weights,
        sample_by_sample,
        lambda s, d: (
            (t := torch.exp(-torch.nn.functional.pad((s * d).cumsum(1), (1, 0))))[:, :-1] - t[:, 1:],
            t[:, :-1],
        ),
    ],
    "is_closed": [is_closed, counts_both_ways, with_numpy],
    "reachable": [reachable, labelled, convolved],
    "my_building": [my_building, a_hall_of_thin_walls],
}
