"""Light on a traced shape: the sun with its shadows, the sky's own light, and less of it in corners.

Colours come and go as they are seen on a screen, in [0, 1]; light adds up in between, where twice as much is twice.
"""

import torch

from imagegen_lessons.settings import whole
from imagegen_lessons.shapes.sdf import normals
from imagegen_lessons.shapes.tracing import Camera, rays, sphere_trace, unit

SUN = (-0.55, 0.65, 0.60)  # towards the sun: from the left, from above, from the viewer's side
LAWN = (0.45, 0.55, 0.30)
PLASTER = (0.86, 0.83, 0.78)
SUNLIGHT, SKYLIGHT = (3.6, 3.0, 2.2), (0.50, 0.66, 0.92)  # warm and cool; red, green, blue
ZENITH, HORIZON = (0.30, 0.52, 0.83), (0.84, 0.90, 0.95)
GAMMA = 2.2
CONTRAST = 0.03  # between neighbouring pixels: from there on there is an edge
AHEAD = 0.02  # metres a ray starts off the surface, or it would meet the surface it comes from


def _rgb(colour, like):
    """Three numbers as a colour (..., 3) that goes with the points `like`, made where they are."""
    return torch.stack([torch.full_like(like[..., 0], part) for part in colour], dim=-1)


def sky(directions):
    """The colour of a clear sky in these directions (..., 3): pale at the horizon, blue above."""
    height = directions[..., 1:2].clamp(min=0)
    return torch.lerp(_rgb(HORIZON, directions), _rgb(ZENITH, directions), 1 - (1 - height).pow(2.5))


@torch.no_grad()
def shadow(distance, p, sun=SUN, softness=0.06, reach=60.0, steps=40):
    """How much of the sun is seen from points (n, 3): 1 in the light, 0 in shadow, between them at its soft edge.

    A ray goes towards the sun; how narrowly it passes a shape, seen from the point, says how much of the sun's disc
    is hidden (Quilez 2010). `softness`: the radius of that disc, one metre away; the true sun's is 0.005.
    """
    d = _rgb(unit(sun), p)
    seen, left = torch.ones_like(p[:, 0]), torch.arange(len(p), device=p.device)
    t = torch.full_like(seen, AHEAD)
    for _ in range(whole(steps, "The number of steps")):
        if not len(left):
            break
        gap = distance(p[left] + t[:, None] * d[left])
        seen[left] = torch.minimum(seen[left], (gap / (softness * t)).clamp(0, 1))
        t = t + gap.clamp(min=AHEAD)
        on = (seen[left] > 0.01) & (t < reach)
        t, left = t[on], left[on]
    return seen * seen * (3 - 2 * seen)  # smooth at both ends


@torch.no_grad()
def occlusion(distance, p, n, reach=1.0, samples=5):
    """How open the space above points (n, 3) with normals n is: 1 in the open, towards 0 in a narrow corner.

    Along the normal the distance grows as fast as the way, unless another surface is near (Evans 2006).
    """
    hidden = 0
    for k in range(1, whole(samples, "The number of samples") + 1):
        h = reach * k / samples
        hidden = hidden + (1 - distance(p + h * n) / h).clamp(0, 1) / samples
    return 1 - 0.8 * hidden


@torch.no_grad()
def shade(distance, p, n, colour, sun=SUN, reach=1.0, earth=LAWN, scene=None):
    """The colour (n, 3) in which points with these normals and this colour (n, 3) are seen.

    distance: what throws shadows; scene: what hides the sky, where that is more (the ground). earth: the colour that
    the ground throws back from below. reach: metres within which another surface takes light away.
    """
    towards = _rgb(unit(sun), p)
    facing = (n * towards).sum(dim=-1).clamp(min=0)
    lit = torch.zeros_like(facing)
    lit[facing > 0] = shadow(distance, (p + AHEAD * n)[facing > 0], sun)
    up = 0.5 + 0.5 * n[:, 1:2]
    ambient = _rgb(SKYLIGHT, p) * (0.25 + 0.75 * up) + 0.9 * _rgb(earth, p).pow(GAMMA) * (1 - up)
    light = _rgb(SUNLIGHT, p) * (facing * lit)[:, None]
    light = light + ambient * occlusion(scene or distance, p, n, reach)[:, None]
    return _film(colour.clamp(0, 1).pow(GAMMA) * light)


def _film(light):
    """Light as a screen shows it: what is very bright comes near to white and never beyond (Reinhard 2002)."""
    return (light * (1 + light / 9) / (1 + light)).clamp(0, 1).pow(1 / GAMMA)


@torch.no_grad()
def render(
    distance,
    camera: Camera,
    size=128,
    colour=None,
    *,
    sun=SUN,
    ground=LAWN,
    background=None,
    samples=3,
    device=None,
):
    """A picture (1, 3, h, w) in [0, 1] of the shape in daylight.

    distance: points (n, 3) to (n,). colour: points (n, 3) to colours (n, 3) in [0, 1]; without it, all is plaster.
    size: pixels, or (h, w). ground: the colour of the ground at y = 0, or None for no ground.
    background: a colour in place of the sky. samples: rays for a pixel on an edge, across and down.
    Raises ValueError for wrong numbers, and for a distance or colour that is NaN or has another shape.
    """
    if len(sun) != 3 or not sun[1] > 0:
        raise ValueError(f"The sun's direction is three numbers, the second (up) above 0, not {sun!r}.")
    samples = whole(samples, "The number of samples")
    origins, directions = rays(camera, size, device)
    height, width = origins.shape[:2]

    def seen(o, d):
        return _seen(distance, o, d, camera, colour, sun, ground, background)

    x = seen(origins.flatten(0, 1), directions.flatten(0, 1)).view(height, width, 3)
    edge = _edges(x)
    if samples > 1 and edge.any():  # elsewhere, more rays would see the same
        fine = (
            part.unflatten(0, (height, samples)).unflatten(2, (width, samples))
            for part in rays(camera, (samples * height, samples * width), device)
        )
        o, d = (part.transpose(1, 2)[edge].reshape(-1, 3) for part in fine)
        x[edge] = seen(o, d).view(-1, samples**2, 3).mean(dim=1)
    return x.permute(2, 0, 1)[None].clamp(0, 1)


def _edges(x):
    """The pixels (h, w) of a picture (h, w, 3) that differ from a neighbour."""
    edge = torch.zeros_like(x[..., 0], dtype=torch.bool)
    down, across = ((x.diff(dim=axis).abs().amax(dim=-1) > CONTRAST) for axis in (0, 1))
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    return edge


def _seen(distance, o, d, camera, colour, sun, ground, background):
    """The colours (n, 3) that rays from o (n, 3) in the directions d (n, 3) see."""
    down = torch.full_like(d[:, 0], torch.inf)
    if ground is not None and camera.eye[1] > 0:  # where a ray meets the ground is known at once
        down = torch.where(d[:, 1] < 0, -o[:, 1] / d[:, 1].clamp(max=-1e-9), down)
    depth = sphere_trace(distance, o, d, steps=64, far=down.clamp(max=4 * camera.distance))
    flat = down < depth
    depth = torch.minimum(depth, down)

    x = _rgb(background, d) if background is not None else sky(d)
    met = depth < torch.inf
    if not met.any():
        return x
    flat, p = flat[met], o[met] + depth[met, None] * d[met]
    n, albedo = torch.zeros_like(p), torch.empty_like(p)
    n[flat, 1] = 1.0
    n[~flat] = normals(distance, p[~flat])
    if ground is not None:
        albedo[flat] = _rgb(ground, p[flat])
    albedo[~flat] = _checked(colour, p[~flat]) if colour is not None else _rgb(PLASTER, p[~flat])

    def scene(p):
        return torch.minimum(distance(p), p[:, 1]) if ground is not None else distance(p)

    near = shade(distance, p, n, albedo, sun, camera.distance / 16, ground or PLASTER, scene)
    # The ground fades into the horizon instead of ending in a line.
    haze = 1 - torch.exp(-(depth[met, None] / (5 * camera.distance)).pow(2))
    x[met] = torch.lerp(near, x[met], haze)
    return x


def _checked(colour, p):
    """What a function says are the colours of points (n, 3), if it is that."""
    found = colour(p)
    if not isinstance(found, torch.Tensor) or found.shape != p.shape or not found.isfinite().all():
        raise ValueError(
            f"A colour function gives (n, 3) finite numbers for points (n, 3), here {tuple(p.shape)}."
        )
    return found.to(p.dtype)
