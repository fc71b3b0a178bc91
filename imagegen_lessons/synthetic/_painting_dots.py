"""Styles made of dots: the pointillist's, which mix in the eye, and the printer's, which stand in a screen."""

import numpy as np
from scipy.ndimage import gaussian_filter

from imagegen_lessons.synthetic._painting_canvas import PLAN, Sheet, grain, look_up, palette, positions, scene


def dots(rng: np.random.Generator, size: int) -> np.ndarray:
    """Pointillism: touches of nearly pure paint, scattered around the motif's colours, which they mix to from afar."""
    p = palette(rng)
    motif = scene(rng, PLAN, p)
    mean = motif.mean((0, 1))
    vivid = (mean + 1.25 * (motif - mean)).clip(0, 1)
    tubes = np.concatenate([p, p[2:5] * [1.15, 0.95, 0.9], p[2:5] * [0.85, 1.0, 1.2]]).clip(0, 1)
    sheet = Sheet(size, p[rng.choice([5, 6])])
    scale, squash = rng.uniform(1.0, 1.7), rng.uniform(0.75, 1)
    for radius, count in ((0.011, 4200), (0.008, 7000), (0.0055, 6000)):
        at = rng.random((int(count / scale**2), 2)) * 1.04 - 0.02
        wanted = look_up(vivid, *at.T) + rng.normal(0, 0.13, (len(at), 1)) + rng.normal(0, 0.12, (len(at), 3))
        paint = tubes[np.linalg.norm(wanted[:, None] - tubes, axis=2).argmin(1)]
        paint = (0.8 * paint + 0.2 * wanted) * rng.normal(1, 0.08, (len(at), 1))
        sizes = radius * scale * rng.uniform(0.75, 1.2, len(at))
        for (x, y), r, colour in zip(at, sizes, paint, strict=True):
            sheet.disc(x, y, r, colour, squash)
    return (sheet.array() * grain(rng, size, 0.05)).clip(0, 1)


def halftone(rng: np.random.Generator, size: int) -> np.ndarray:
    """A cheap print in bold spot colours: each ink through its own screen of dots, a little out of register."""
    p = palette(rng)
    motif = scene(rng, PLAN, p)
    x, y = positions(size)
    inks, paper = p[[5, 4, 3, 2, 1, 0]], 0.5 * p[6] + 0.5
    # How much of each ink: the nearer the motif's colour, the more.
    near = np.exp(-(np.linalg.norm(motif[:, :, None] - inks, axis=3) ** 2) / 0.03)
    blank = np.exp(-(np.linalg.norm(motif - p[6], axis=2, keepdims=True) ** 2) / 0.03)
    tones = gaussian_filter(near / (near.sum(2, keepdims=True) + blank + 1e-6), (1.5, 1.5, 0))
    tones[..., 0] = tones[..., 0].clip(0.08)  # the lightest ink leaves no paper blank
    picture = np.ones((size, size, 3)) * paper
    pitch, turn = 1 / rng.uniform(40, 70), rng.uniform(0, np.pi / 2)
    for k, ink in enumerate(inks):
        angle = turn + k * np.pi / 6 + rng.normal(0, 0.03)
        c, s = np.cos(angle), np.sin(angle)
        slip = rng.normal(0, 0.0035, 2)
        right, down = x - slip[0], y - slip[1]
        u, v = (right * c + down * s) / pitch, (down * c - right * s) / pitch
        middle_u, middle_v = np.floor(u) + 0.5, np.floor(v) + 0.5
        at_x, at_y = (middle_u * c - middle_v * s) * pitch, (middle_u * s + middle_v * c) * pitch
        tone = look_up(tones[..., k], at_x, at_y)
        radius = 0.57 * np.sqrt(tone)
        edge = (radius - np.hypot(u - middle_u, v - middle_v)) * pitch * size
        cover = (edge + 0.5).clip(0, 1) * (tone > 0.02)
        film = 0.5 * ink + 0.5 * ink * picture
        picture = picture + cover[..., None] * (film - picture)
    return (picture * grain(rng, size, 0.05)).clip(0, 1)
