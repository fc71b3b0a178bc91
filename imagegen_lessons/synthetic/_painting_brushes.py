"""Styles made of strokes: the loaded brush, the pen that hatches, and the comb that rakes floating ink."""

import numpy as np
from scipy.ndimage import gaussian_filter, sobel

from imagegen_lessons.synthetic._painting_canvas import (
    PLAN,
    Sheet,
    grain,
    look_up,
    palette,
    positions,
    scene,
    smooth_noise,
)


def grey(picture: np.ndarray) -> np.ndarray:
    """The lightness of a picture, (size, size)."""
    return picture @ np.array([0.3, 0.59, 0.11])


def flow(rng: np.random.Generator, motif: np.ndarray, swirl: float) -> np.ndarray:
    """The direction of the strokes, (PLAN, PLAN, 2): along the motif's contours, swirling where it has none."""
    light = gaussian_filter(grey(motif), 3)
    dx, dy = sobel(light, 1), sobel(light, 0)
    # Directions that differ by half a turn are the same: they are averaged with their angles doubled.
    contour = [gaussian_filter(v, 5) for v in (dy * dy - dx * dx, -2 * dx * dy)]
    angle = 2 * np.pi * swirl * smooth_noise(rng, PLAN, 3) + rng.uniform(0, np.pi)
    weight = 0.5 * np.mean(np.hypot(*contour))
    double = np.arctan2(contour[1] + weight * np.sin(2 * angle), contour[0] + weight * np.cos(2 * angle))
    return np.stack([np.cos(double / 2), np.sin(double / 2)], -1)


def trace(directions: np.ndarray, start: np.ndarray, length: np.ndarray, steps: int) -> np.ndarray:
    """Paths, (n, steps + 1, 2), that follow the directions from their starts (n, 2) over the lengths (n,)."""
    path, before = [start], look_up(directions, *start.T)
    for _ in range(steps):
        ahead = look_up(directions, *path[-1].T)
        ahead = ahead * np.where((ahead * before).sum(1, keepdims=True) < 0, -1, 1)
        path.append(path[-1] + ahead * length[:, None] / steps)
        before = ahead
    return np.stack(path, 1)


def starts(rng: np.random.Generator, apart: float) -> np.ndarray:
    """Where marks begin, (n, 2), in random order: a grid of squares with one place in each, so none is left bare."""
    n = round(1.1 / apart)
    grid = np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(-1, 2)
    return rng.permutation((grid + rng.random(grid.shape)) / n * 1.1 - 0.05)


def brush(rng: np.random.Generator, size: int) -> np.ndarray:
    """Thick paint: layers of strokes from coarse to fine along the contours; each bristle leaves a furrow."""
    p = palette(rng)
    motif = scene(rng, PLAN, p)
    directions = flow(rng, motif, rng.uniform(0.3, 1.5))
    edges = gaussian_filter(np.hypot(sobel(grey(motif), 0), sobel(grey(motif), 1)), 4)
    busy = (edges / np.quantile(edges, 0.9)).clip(0.25, 1)  # fine strokes are kept for where something is
    sheet, scale = Sheet(size, (0, 0, 0, 0)), rng.uniform(1.0, 1.8)
    sheet.picture(0.8 * gaussian_filter(motif, (4, 4, 0)))
    sheet.image.putalpha(80)  # the ground is thin: the fourth channel is the height of the paint
    across = rng.permutation(np.linspace(-0.5, 0.5, 6))  # no bristle always lies on top
    taper = np.array([0.5, 1, 1, 0.9, 0.5])[:, None]
    for layer, (width, apart) in enumerate(
        scale * np.array([(0.038, 0.028), (0.022, 0.02), (0.012, 0.0155)])
    ):
        start = starts(rng, apart)
        if layer > 0:
            start = start[look_up(busy, *start.T) > rng.random(len(start))]
        lengths = width * rng.uniform(3, 6, len(start))
        paths = trace(directions, start, lengths, 4)
        colours = look_up(motif, *paths[:, 2].T)
        colours = colours * rng.normal(1, 0.09, (len(start), 1)) + rng.normal(0, 0.025, colours.shape)
        along = np.gradient(paths, axis=1)
        normals = along[..., ::-1] * [-1, 1] / (np.linalg.norm(along, axis=2, keepdims=True) + 1e-9)
        tufts = paths[:, None] + normals[:, None] * (across[:, None, None] * width * taper)
        # Bristles touch down and lift off at different places.
        ends = rng.uniform(-0.4, 0.6, (2, len(start), 6, 1))
        tufts[:, :, 0] += ends[0] * along[:, None, 0]
        tufts[:, :, -1] -= ends[1] * along[:, None, -1]
        shades = colours[:, None] + rng.normal(0, 0.045, (len(start), 6, 1))
        heights = rng.random((len(start), 6, 1)) * (1 - np.abs(across[:, None]))
        inks = np.concatenate([shades, heights], 2)
        for k, j in np.ndindex(len(start), 6):
            sheet.line(tufts[k, j], inks[k, j], 0.22 * width)
    painted = sheet.array()
    relief = gaussian_filter(painted[..., 3], 0.0016 * size)
    down, right = np.gradient(relief)
    light = 1 + 0.0044 * size * (down + right)  # it comes from the upper left
    return (painted[..., :3] * light[..., None] * grain(rng, size)).clip(0, 1)


def hatching(rng: np.random.Generator, size: int) -> np.ndarray:
    """Engraver's lines that bend with the form: more layers in the dark, white chalk in the light, over washes."""
    p = palette(rng)
    motif = scene(rng, PLAN, p)
    light = gaussian_filter(grey(motif), 0.8)
    light = (light.ravel().argsort().argsort() / light.size).reshape(light.shape)  # as much dark as light
    form = 0.06 * rng.uniform(0.6, 1.4) * gaussian_filter(light, 5) + 0.08 * smooth_noise(rng, PLAN, 3)
    paper, ink, second = p[rng.choice([3, 4, 5])], 0.6 * p[0], 0.6 * p[rng.choice([1, 2])]
    sheet = Sheet(size, paper)
    sheet.picture(0.2 * paper + 0.85 * motif)
    angle, gap = rng.uniform(0, np.pi), rng.uniform(0.011, 0.018)
    layers = ((0.0, 0.8, -1, ink), (1.1, 0.55, -1, second), (-0.6, 0.3, -1, ink), (0.4, 0.62, 1, p[6] * 1.04))
    for turn, threshold, sign, colour in layers:
        c, s = np.cos(angle + turn), np.sin(angle + turn)
        for v in np.arange(-0.8, 0.8, gap * rng.uniform(0.9, 1.1)):
            u = np.linspace(-0.75, 0.75, 151) + rng.uniform(0, 0.01)
            line = np.stack([0.5 + u * c - v * s, 0.5 + u * s + v * c], 1)
            bend = look_up(form, *line.T) + rng.normal(0, 0.0003, len(u)).cumsum()
            line = line + bend[:, None] * [-s, c]
            amount = sign * (look_up(light, *line.T) - threshold) + rng.normal(0, 0.02, len(u))
            lifted = rng.random(50) < 0.06  # the pen leaves the paper now and then
            for k in range(0, 148, 3):
                if amount[k : k + 3].min() > 0 and not lifted[k // 3] and np.abs(line[k] - 0.5).max() < 0.55:
                    sheet.line(line[k : k + 4], colour, gap * (0.16 + 0.6 * min(amount[k], 0.5)))
    return (sheet.array() * grain(rng, size, 0.06)).clip(0, 1)


def marbling(rng: np.random.Generator, size: int) -> np.ndarray:
    """Ink on water: stacks of drops push each other aside, combs drag them; every move is undone exactly.

    Source: Lu, Jaffer, Jin, Zhao and Mao, "Mathematical marbling" (2012).
    """
    p = palette(rng)
    x, y = (v.astype(np.float32).ravel() for v in positions(2 * size))
    turns = rng.uniform(0, np.pi) + np.array([0, np.pi / 2, rng.uniform(0, np.pi)])[: rng.integers(1, 4)]
    for turn in turns:
        c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        gap = rng.uniform(0.07, 0.25)
        pull = np.float32(gap * rng.uniform(0.5, 1.3) / np.sqrt(len(turns)))
        phase = ((x * c + y * s) / gap + rng.random()).astype(np.float32)
        if rng.random() < 0.4:
            shift = pull * np.sin(2 * np.pi * phase) * np.float32(0.5)
        else:  # a comb: the ink near its teeth goes with them
            shift = pull * (2 * np.exp(-6 * np.abs(phase % 1 - 0.5)) - 0.6).astype(np.float32)
        x, y = x + s * shift, y - c * shift
    colour, where = np.empty((len(x), 3), np.float32), np.arange(len(x))
    rings = rng.uniform(0.012, 0.026)
    for radius in [*rng.uniform(0.08, 0.26, 22), np.inf]:  # the last drop comes first; the first has no end
        centre = rng.uniform(-0.1, 1.1, 2).astype(np.float32)
        inks = p[rng.permutation(7)[: rng.integers(3, 6)]]
        ring, edge = rng.integers(0, len(inks), 200), np.cumsum(rng.uniform(0.4, 1.6, 200)) * rings
        squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
        inside = squared < radius**2
        which = np.searchsorted(edge.astype(np.float32), np.sqrt(squared[inside])).clip(0, 199)
        colour[where[inside]] = inks[ring[which]]
        x, y, where, squared = (v[~inside] for v in (x, y, where, squared))
        back = np.sqrt(1 - np.float32(radius**2) / squared)
        x, y = centre[0] + (x - centre[0]) * back, centre[1] + (y - centre[1]) * back
    picture = colour.reshape(size, 2, size, 2, 3).mean((1, 3))
    cloud = 0.9 + 0.2 * smooth_noise(rng, size, 12, 4)
    return (picture * cloud[..., None] * grain(rng, size, 0.05)).clip(0, 1)
