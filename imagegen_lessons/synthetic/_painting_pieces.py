"""Styles that put a picture together from pieces: stained glass, mosaic and facets."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from imagegen_lessons.synthetic._painting_canvas import (
    Sheet,
    grain,
    look_up,
    palette,
    positions,
    ridge,
    scene,
    smooth_noise,
)

LAYOUT = 320  # pixels of the grid on which tesserae are laid, whatever the size of the picture


def cartoon(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A design of flat shapes: the number of the shape at every pixel, (size, size), and their colours, (n, 3).

    One of four: hills or mountains under a sun, the same behind blossoms, a rose of petals around one point, streams.
    """
    p = palette(rng)
    x, y = positions(size)
    shapes, colours = np.zeros((size, size), np.int32), [p[5]]

    def paint(mask: np.ndarray, colour: np.ndarray) -> None:
        shapes[mask] = len(colours)
        colours.append(colour)

    def rings(at, radii, petals: int, depth: float, tones) -> None:
        far, angle = np.hypot(x - at[0], y - at[1]), np.arctan2(y - at[1], x - at[0])
        turn = rng.uniform(0, 6)
        for k, radius in enumerate(radii):
            scallop = np.abs(np.cos(petals * (angle + turn) / 2)) ** 0.7
            paint(far < radius * (1 - depth * (1 - scallop)), p[tones[k % len(tones)]])
            turn += np.pi / petals

    design = rng.choice(["hills", "blossoms", "rose", "streams"])
    if design == "rose":
        middle, radii = rng.uniform(0.4, 0.6, 2), np.linspace(0.78, 0.13, rng.integers(6, 9))
        rings(middle, radii, rng.integers(5, 10), 0.3, rng.permutation(7))
        rings(middle, [0.06], 1, 0, [rng.choice([4, 5, 6])])
    elif design == "streams":
        field = smooth_noise(rng, size, rng.integers(2, 4)) + rng.uniform(-0.7, 0.7) * x
        tones = rng.permutation(7)
        for k, level in enumerate(np.linspace(field.min(), field.max(), rng.integers(7, 11))[:-1]):
            paint(field > level, p[tones[k % 7]])
    else:
        sun = rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.4)
        beams, tones, sharp = rng.integers(7, 14), rng.permutation([2, 3, 4, 5]), rng.random() < 0.4
        if rng.random() < 0.4:
            turn = np.arctan2(y - sun[1], x - sun[0]) / np.pi + rng.random()
            for k in range(2 * beams):
                paint((turn * beams % (2 * beams)).astype(int) == k, p[tones[k % rng.choice([2, 3])]])
        else:
            rings(sun, np.array([0.95, 0.72, 0.52, 0.35]), beams, rng.choice([0.0, 0.12]), tones)
        rings(sun, np.array([0.2, 0.1]), beams, rng.choice([0.0, 0.25]), [6, rng.choice([3, 4, 5])])
        horizon, order = rng.uniform(0.45, 0.65), rng.permutation(7)
        across, peaks = np.linspace(0, 1, 65), rng.integers(5, 10)
        for k, depth in enumerate(np.linspace(0, 0.8, rng.integers(3, 6))):
            line = ridge(rng)
            if sharp:
                line = np.interp(across, np.linspace(0, 1, peaks), rng.uniform(-1.6, 1, peaks))
            paint(y > np.interp(x, across, horizon + depth * (1 - horizon) + 0.08 * line), p[order[k]])
    if design == "blossoms":
        places = rng.uniform(0.05, 0.95, (60, 2))
        for place in places[apart(places, 0.29)]:
            tones, radius = 1 + rng.permutation(6), rng.uniform(0.13, 0.22)
            rings(place, radius * np.array([1, 0.65]), rng.integers(5, 9), 0.35, tones)
            rings(place, [0.3 * radius], 1, 0, tones[2:])
    return shapes, np.array(colours)


def apart(places: np.ndarray, least: float) -> np.ndarray:
    """Which of the places (n, 2) to keep so that no two are nearer than `least`: the earlier ones go first."""
    keep = np.ones(len(places), bool)
    for i, j in sorted(cKDTree(places).query_pairs(least)):
        keep[j] = keep[j] and not keep[i]
    return keep


def border_distance(shapes: np.ndarray) -> np.ndarray:
    """How far every pixel is from the next border between two shapes, in picture units."""
    border = np.zeros(shapes.shape, bool)
    border[:, 1:] |= shapes[:, 1:] != shapes[:, :-1]
    border[1:] |= shapes[1:] != shapes[:-1]
    return ndimage.distance_transform_edt(~border) / len(shapes)


def glass(rng: np.random.Generator, size: int) -> np.ndarray:
    """Stained glass: pieces are cells of a jittered Voronoi diagram, cut along the shapes of a design.

    It is cut at twice the size and averaged, so that the leads are smooth.
    """
    fine, rows = 2 * size, rng.integers(9, 17)
    shapes, colours = cartoon(rng, fine)
    sites = (np.indices((rows, rows)) + rng.uniform(0.08, 0.92, (2, rows, rows))).reshape(2, -1) / rows
    marks = np.zeros((fine, fine), np.int32)
    marks[tuple((sites * fine).astype(int))] = np.arange(1, rows**2 + 1)
    nearest = ndimage.distance_transform_edt(marks == 0, return_distances=False, return_indices=True)
    cell = marks[tuple(nearest)]
    lead = rng.uniform(0.0035, 0.0055)
    far = np.minimum(border_distance(cell), border_distance(shapes) / rng.uniform(1.2, 1.6))
    cover = ((lead * (0.7 + 0.6 * smooth_noise(rng, fine, 14)) - far) * fine + 0.5).clip(0, 1)

    variants = 97  # of glass: its thickness, and seldom another colour than the design has there
    lightness, mixed = rng.normal(1, 0.16, (variants, 1)), rng.choice([0, 0, 0, 0, 0.15, 1], (variants, 1))
    other, own = colours[rng.integers(len(colours), size=variants)], colours[:, None]
    panes = ((own + mixed * (other - own)) * lightness).clip(0, 1).astype(np.float32)
    pane = panes[shapes, (cell * 31 + shapes * 17) % variants]
    pane, cover, far = (v.reshape(size, 2, size, 2, -1).mean((1, 3)) for v in (pane, cover, far))

    x, y = positions(size)
    turn, sun = rng.uniform(0, np.pi), rng.uniform((0.2, 0.1), (0.8, 0.6))
    waviness = 18 * (x * np.cos(turn) + y * np.sin(turn)) + 6 * smooth_noise(rng, size, 5)
    cloudy, specks = smooth_noise(rng, size, 24, 3), smooth_noise(rng, size, 110)
    light = 0.55 + 0.35 * np.exp(-((x - sun[0]) ** 2 + (y - sun[1]) ** 2) / 0.25) + 0.35 * cloudy
    light += 0.14 * cloudy * np.sin(2 * np.pi * waviness)
    light = light[..., None] * (0.78 + 0.22 * (far / 0.02).clip(0, 1)) + 0.25 * (specks > 0.985)[..., None]
    metal = 0.07 + 0.12 * (1 - far / lead).clip(0, 1) ** 3 * cloudy[..., None]
    picture = (1 - cover) * (1.25 * light * pane**1.15).clip(0, 1) + cover * metal
    glow = ndimage.gaussian_filter(picture**2, (0.012 * size, 0.012 * size, 0))
    return 1 - (1 - picture) * (1 - 0.45 * glow)


def mosaic(rng: np.random.Generator, size: int) -> np.ndarray:
    """Mosaic: square tesserae in rows that follow the outlines of a design, small ones in the gaps.

    The rows are level lines of the distance to the nearest outline (compare Hausner, "Simulating decorative
    mosaics", 2001).
    """
    shapes, colours = cartoon(rng, LAYOUT)
    side, far, rows = rng.uniform(0.02, 0.032), border_distance(shapes), []
    for level in np.arange(0.52 * side, far.max(), 1.02 * side):
        for line in find_contours(far, level):
            along = np.r_[0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))] / LAYOUT
            at = np.arange(0.5 * side, along[-1], 1.04 * side)
            before, middle, after = (
                np.stack([np.interp(at + shift * side, along, v) for v in line.T[::-1]], 1) / LAYOUT
                for shift in (-0.3, 0, 0.3)
            )
            rows.append(np.c_[middle + 0.5 / LAYOUT, after - before])
    tiles = np.concatenate(rows)
    tiles = tiles[apart(tiles[:, :2], 0.74 * side)]
    filler = rng.random((9000, 4)) - (0, 0, 0.5, 0.5)
    room = cKDTree(tiles[:, :2]).query(filler[:, :2])[0]
    order = np.argsort(-room)[: np.sum(room > 0.64 * side)]  # where most room is first
    filler = filler[order][apart(filler[order, :2], 0.5 * side)]

    grout = 0.5 * min(colours, key=np.sum) + rng.choice([0.05, 0.12, 0.35])
    sheet = Sheet(size, grout)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * 0.5
    for group, scale in ((filler, 0.8), (tiles, 1.04)):
        tint = rng.normal(1, 0.11, (len(group), 1)) * rng.choice([1, 1, 1, 1, 1.25], (len(group), 1))
        stone = colours[look_up(shapes, *group.T[:2])] * tint + rng.normal(0, 0.035, (len(group), 3))
        jitter = rng.uniform(-0.07, 0.07, (len(group), 4, 2))
        for (px, py, dx, dy), colour, shift in zip(group, stone, jitter, strict=True):
            turned = np.array([(dx, dy), (-dy, dx)]) / max(np.hypot(dx, dy), 1e-9)
            tile = scale * side * (corners + shift) @ turned
            sheet.polygon((px, py) + 1.06 * tile, grout)
            sheet.polygon((px, py) + 0.88 * tile, 0.72 * colour)
            sheet.polygon((px, py) + 0.80 * tile - 0.04 * side, colour)
    light = 0.9 + 0.2 * smooth_noise(rng, size, 4)
    return (sheet.array() * light[..., None] * grain(rng, size, 0.10)).clip(0, 1)


def cut(polygon: np.ndarray, normal: np.ndarray, offset: float) -> list[np.ndarray]:
    """The two parts of a convex polygon (n, 2): where normal · point is less than the offset, and where more."""
    side, parts = polygon @ normal - offset, ([], [])
    for k, (a, b) in enumerate(zip(polygon, np.roll(polygon, -1, 0), strict=True)):
        s, t = side[k], side[(k + 1) % len(side)]
        for part, sign in zip(parts, (-1, 1), strict=True):
            if s * sign >= 0:
                part.append(a)
            if s * t < 0:
                part.append(a + (b - a) * s / (s - t))
    return [np.array(part).reshape(-1, 2) for part in parts]


def facets(rng: np.random.Generator, size: int) -> np.ndarray:
    """Facets: a motif seen as through a prism, cut up by straight lines, each piece shaded across by itself."""
    p = palette(rng)
    motif = scene(rng, 256, p)
    angles = rng.uniform(0, np.pi) + np.array([0, rng.uniform(0.5, 0.8), rng.uniform(1.2, 1.7), 2.4])

    def normal() -> np.ndarray:
        angle = rng.choice(angles) + rng.normal(0, 0.05) + rng.choice([0, np.pi])
        return np.array([-np.sin(angle), np.cos(angle)])

    largest = rng.uniform(0.004, 0.012)
    waiting, pieces = [np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)], []
    while waiting:
        polygon = waiting.pop()
        (a, b), (c, d) = polygon.T, np.roll(polygon, 1, 0).T
        if abs(a @ d - b @ c) / 2 < largest * rng.uniform(0.4, 2.5):
            pieces.append(polygon)
        else:
            through, across = rng.dirichlet(np.full(len(polygon), 3.0)) @ polygon, normal()
            waiting += [part for part in cut(polygon, across, through @ across) if len(part) > 2]
    sheet = Sheet(size, p[0])
    for polygon in pieces:
        across, at = normal(), polygon.mean(0) + rng.normal(0, 0.03, 2)
        colour = p[rng.integers(1, 7)] if rng.random() < 0.2 else look_up(motif, *at)
        low, high = np.quantile(polygon @ across, (0, 1))
        levels = np.linspace(low, high, max(4, round((high - low) / 0.008)))
        shades = np.linspace(rng.uniform(0.3, 0.75), rng.uniform(1.1, 1.6), len(levels))
        for level, shade in zip(levels, shades + rng.normal(0, 0.025, len(levels)), strict=True):
            part = cut(polygon, across, level)[1]
            if len(part) > 2:
                lit = (colour + 0.03) * min(shade, 1) + 0.6 * max(shade - 1, 0) * (p[6] - colour)
                sheet.polygon(part, lit)
    for polygon in pieces:
        if rng.random() < 0.6:
            sheet.line(polygon[:2], p[rng.choice([0, 0, 6])], rng.choice([0.002, 0.003, 0.005]))
    picture = sheet.array()
    x, y = positions(size)
    for _ in range(7):  # great planes of light and shadow across the pieces, sharp on one side
        (u, v), at = normal(), rng.uniform(0.15, 0.85, 2)
        off = (x - at[0]) * u + (y - at[1]) * v
        plane = (off * size + 0.5).clip(0, 1) * np.exp(-off.clip(0) / rng.uniform(0.06, 0.2))
        lit, dim = 1 - (1 - picture) ** (1 + plane[..., None]), picture * (1 - 0.4 * plane[..., None])
        picture = lit if rng.random() < 0.6 else dim
    brushed = 0.92 + 0.16 * smooth_noise(rng, size, 40, 2)
    return (picture * brushed[..., None] * grain(rng, size, 0.05)).clip(0, 1)
