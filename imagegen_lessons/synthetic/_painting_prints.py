"""Styles that lay colour on colour: the woodblock print of waves, and fields of scraped paint."""

import numpy as np
from scipy import ndimage

from imagegen_lessons.synthetic._painting_canvas import Sheet, grain, palette, positions, smooth_noise


def fibres(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, along: int, across: int) -> np.ndarray:
    """Noise drawn out along x: `along` bumps in a row, `across` in a column; mean 0, standard deviation about 1.

    Random numbers on a lattice, smoothed by a cubic B-spline, taken at the positions x and y.
    """
    lattice = rng.normal(size=(across + 1, along + 1))
    return 2 * ndimage.map_coordinates(
        lattice, [y * across, x * along], order=3, prefilter=False, mode="wrap"
    )


def waves(rng: np.random.Generator, size: int) -> np.ndarray:
    """A woodblock print of waves: crests with foam, lines that follow them, flat colours, a dark key line."""
    p = palette(rng)
    ink, paper = p[0] * 0.7, 0.5 * p[6] + 0.5 * np.array([0.97, 0.94, 0.86])
    horizon = rng.choice([-0.12, rng.uniform(0.1, 0.36)], p=[0.15, 0.85])
    sheet = Sheet(size, paper)
    sky(sheet, rng, horizon, p, ink, paper)
    rows, scale, stretch = rng.integers(5, 10), rng.uniform(0.75, 1.4), rng.uniform(2.2, 4)
    lean = rng.choice([-1, 1]) * rng.uniform(0.4, 1.3)
    seas, stripe = p[rng.permutation([0, rng.choice([1, 2])])], p[rng.choice([3, 4])]
    depths = np.linspace(0, 1, rows) ** 1.15
    for k, depth in enumerate(depths):
        base, tall = horizon + 0.07 + (1 - horizon) * depth, (0.05 + 0.10 * depth) * scale
        colours = seas[k % 2] * rng.uniform(0.9, 1.15), stripe, ink, paper
        swell(sheet, rng, base, tall, tall * stretch, lean, 1.3 / rows + 0.5 * tall, colours)
    x, y = positions(size)
    wood = fibres(rng, x, y + 0.04 * smooth_noise(rng, size, 3), 3, 130)[..., None]
    return (sheet.array() * (1 + 0.045 * wood) * grain(rng, size, 0.06)).clip(0, 1)


def sky(sheet: Sheet, rng: np.random.Generator, horizon: float, p, ink, paper) -> None:
    """A sky that fades downwards, the sun, perhaps a mountain or snow, and bands of mist with round ends."""
    high, low = p[rng.choice([2, 3, 4])], 0.35 * p[rng.choice([4, 5])] + 0.65 * paper
    for t in np.linspace(0, 1, 40):
        y = t * (horizon + 0.2)
        sheet.polygon([(0, y), (1, y), (1, 1), (0, 1)], high + (low - high) * min(1, 1.6 * t))
    x, y, radius = rng.uniform(0.15, 0.85), rng.uniform(0.06, 0.3), rng.uniform(0.06, 0.13)
    sheet.disc(x, y, radius + 0.003, ink)
    sheet.disc(x, y, radius, max(p[[2, 3, 4, 6]], key=lambda colour: np.abs(colour - high).sum()))
    if rng.random() < 0.5:
        x, y, wide = rng.uniform(0.2, 0.8), horizon - rng.uniform(0.12, 0.22), rng.uniform(0.25, 0.45)
        t = np.linspace(-2, 2, 81)
        slope = np.stack([x + wide * t, y + 0.7 * wide * np.abs(t) ** 0.8], 1)
        sheet.polygon(slope, p[rng.choice([1, 2, 3])])
        cap = slope[np.abs(t) < 0.4]
        teeth = np.linspace(cap[-1], cap[0], 13) + np.outer(np.arange(13) % 2, (0, 0.05 * wide))
        sheet.polygon(np.r_[cap, teeth], paper)
        sheet.line(slope, ink, 0.004)
    for x, y in rng.random((rng.choice([0, 0, 200]), 2)):
        sheet.disc(x, y, 0.003 + 0.004 * y, paper)
    for _ in range(rng.integers(4, 9)):
        middle, y, half = rng.random(), rng.uniform(0, max(horizon, 0) + 0.05), rng.uniform(0.05, 0.15)
        for rim, colour in ((0.003, ink), (0, paper)):
            for step in range(3):
                ends = np.array([(middle - half, y), (middle + half, y)]) + step * np.array((0.04, 0.026))
                sheet.line(ends, colour, 2 * (0.016 + rim))
                for end in ends:
                    sheet.disc(*end, 0.016 + rim, colour)


def swell(
    sheet: Sheet, rng, base: float, tall: float, length: float, lean: float, deep: float, colours
) -> None:
    """A row of waves that lean over, striped along their backs, with foam and spray on their crests.

    base: y of the troughs; tall, length: of a wave; lean: to the right if above 0; deep: how far down the stripes go.
    """
    body, stripe, ink, paper = colours
    n = int(1.6 / length) + 2
    u = np.arange(48 * n) / 48
    height = (rng.choice([0.6, 0.8, 1, 1.1, 1.6], n) * rng.uniform(0.9, 1.1, n))[u.astype(int)]
    crest = (0.5 - 0.5 * np.cos(2 * np.pi * u)) ** 1.4
    start = -0.3 - rng.random() * length

    def line(down: float) -> np.ndarray:
        """The line of the water (points, 2), at 0, or one below it that is flatter, to 1."""
        h = height * crest * (1 - 0.5 * down)
        x = start + length * u + 0.9 * lean * tall * h.clip(0, 1.2) ** 2 * (1 - down)
        return np.stack([x, base - tall * h + down * (deep - 0.35 * tall * h)], 1)

    top = line(0)
    sheet.polygon(np.r_[top, [[1.5, 1.2], [-0.5, 1.2]]], body)
    stripes = max(5, round(deep / max(0.014, tall * rng.uniform(0.14, 0.25))))
    for k in range(1, stripes):
        edges = line(k / stripes), line((k + 0.3 + 0.2 * (k % 2)) / stripes)
        colour = stripe if k % 2 else 0.6 * stripe + 0.4 * paper
        sheet.polygon(np.r_[edges[0], edges[1][::-1]], colour)
    sheet.line(top, ink, 0.005)
    foamy = (crest > 0.45) & (u % 1 > 0.42 if lean > 0 else u % 1 < 0.58)
    radii = tall * height[foamy] * rng.uniform(0.04, 0.11, foamy.sum())
    radii = np.maximum(radii, 0.7 * np.hypot(*np.gradient(top, axis=0)[foamy].T))  # so that they overlap
    discs = np.c_[top[foamy] + rng.normal(0, 0.045 * tall, (len(radii), 2)), radii]
    for rim, colour in ((0.004, ink), (0, paper)):  # all rims first, so that they join to one line
        for x, y, radius in discs:
            sheet.disc(x, y, radius + rim, colour)
    for x, y, radius in discs[::2]:
        sheet.disc(x, y + 0.2 * radius, 0.75 * radius, 0.6 * stripe + 0.4 * paper)
        sheet.disc(x, y, 0.7 * radius, paper)
    for x, y in top[foamy & (crest > 0.8)][::4]:  # spray
        for far, angle in zip(rng.exponential(0.45 * tall, 2), rng.uniform(-np.pi, 0, 2), strict=True):
            x_far = x + far * np.cos(angle) + np.sign(lean) * 0.3 * tall
            sheet.disc(x_far, y + far * np.sin(angle), 0.001 + tall * rng.uniform(0.012, 0.035), paper)


def fields(rng: np.random.Generator, size: int) -> np.ndarray:
    """Colour fields: paint dragged over paint with a wide dry blade, and the canvas that shows through."""
    p = palette(rng)
    x, y = positions(size)
    wavy = y + 0.03 * smooth_noise(rng, size, 3)
    rows = [0.7 * fibres(rng, x, wavy, 4, 190) + 0.6 * fibres(rng, x, wavy, 2, 45) for _ in range(3)]
    blots = [0.6 * fibres(rng, x, y, 5, 7) + 0.55 * fibres(rng, x, wavy, 30, 200) for _ in range(3)]
    picture = np.ones((size, size, 1)) * p[rng.choice([0, 1, 3, 6])]
    paint = np.zeros((size, size))  # how thick it lies

    def lay(box, colour, load: float, across: bool) -> None:
        """Drag a colour, or a picture, over the box (left, right, top, bottom); streaks stay free of it."""
        nonlocal picture, paint
        left, right, top, bottom = box
        up, aside = rng.choice([-1, 1], 2)
        streaks, blot = (noises[rng.integers(3)][::up, ::aside] for noises in (rows, blots))
        streaks, blot = (streaks.T, blot.T) if across else (streaks, blot)
        edge = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y)) / 0.03
        cover = (2.2 * (0.8 * streaks + 0.8 * blot + load + np.minimum(3 * edge, 0) + 0.4)).clip(0, 1)
        tint = colour * (1 + 0.08 * streaks + 0.06 * blot)[..., None]
        picture = picture + cover[..., None] * (tint - picture)
        paint = paint + cover * (0.5 + 0.22 * streaks - paint)

    number = rng.integers(2, 5)
    cuts = np.r_[0.02, np.sort(rng.dirichlet(np.full(number, 5.0)).cumsum()[:-1]), 0.98]
    for top, bottom in zip(cuts[:-1], cuts[1:], strict=True):
        split = rng.choice([0.98, 0.98, 0.3, 0.62])
        for left, right in ((0.02, split), (split, 0.98)):
            if right - left > 0.1:
                tone, across = rng.integers(7), rng.random() < 0.3
                tones = tone, tone + 1 if tone < 6 else 4, rng.integers(7)  # near in lightness, and any
                for tone, load in zip(tones, (1.6, 0.2, -0.5), strict=True):
                    lay((left + 0.01, right - 0.01, top + 0.01, bottom - 0.01), p[tone], load, across)
    for _ in range(rng.integers(5, 9)):  # a blade draws what lies there along, or brings a new colour
        left, top = rng.uniform(-0.1, 0.6), rng.uniform(0, 0.92)
        box = left, left + rng.uniform(0.3, 0.7), top, top + rng.uniform(0.04, 0.14)
        column = picture[:, min(size - 1, max(0, int(left * size)))][:, None]
        lay(box, column if rng.random() < 0.5 else p[rng.integers(7)], 0.5, False)
    slope = np.diff(ndimage.gaussian_filter(paint, 0.0015 * size), axis=0, prepend=0.3) * size
    light = 1 - (0.008 * slope).clip(-0.3, 0.3)
    threads = 2 * np.pi * 120
    weave = np.sin(threads * x) * np.sin(threads * y) * 0.16 * (0.9 - paint).clip(0, 1)
    picture = (picture * (light + weave)[..., None] * grain(rng, size, 0.07)).clip(0, 1)
    return picture.transpose(1, 0, 2) if rng.random() < 0.35 else picture
