"""What all styles share: colours that go together, soft noise, things to draw with, and a motif to paint.

Positions are in picture units, (x, y) from (0, 0), the upper left corner, to (1, 1). Every random number is drawn
before a size in pixels plays a part, so that the same generator gives the same picture at every size.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy.special import erf

PLAN = 256  # pixels of the motif that a style looks at, whatever the size of the picture

# The hues of seven colours from dark to light, in degrees of OKLCH (30 red, 90 yellow, 145 green, 260 blue).
SCHEMES = {
    "sunset": (290, 320, 350, 20, 45, 65, 90),
    "sea": (265, 250, 225, 30, 200, 180, 95),
    "earth": (40, 30, 45, 245, 70, 85, 95),
    "garden": (160, 150, 5, 140, 350, 110, 100),
    "night": (275, 265, 255, 50, 245, 85, 95),
    "autumn": (20, 35, 150, 45, 60, 220, 90),
    "orchard": (300, 250, 145, 25, 130, 75, 100),
}
# The same, starting from any hue: offsets from it.
FREE_SCHEMES = {
    "analogous with an accent": (-40, -25, -10, 180, 10, 30, 45),
    "complementary": (0, 8, 180, -8, 172, 10, 188),
    "triad": (0, 10, 120, 240, 5, 125, 235),
    "split complementary": (0, 150, 10, 210, -10, 160, 200),
}
OKLAB_TO_LMS = np.array([[1, 0.3963, 0.2158], [1, -0.1056, -0.0639], [1, -0.0895, -1.2915]])
LMS_TO_RGB = np.array([[4.0767, -3.3077, 0.2310], [-1.2684, 2.6098, -0.3413], [-0.0042, -0.7034, 1.7076]])


def from_oklch(lightness: float, chroma: float, hue: float) -> np.ndarray:
    """An sRGB colour (3,) in [0, 1] from OKLCH, less colourful where the screen has no such colour.

    Lightness is in [0, 1], the hue in degrees. Source: Ottosson, "A perceptual color space for image
    processing" (2020).
    """
    for weaker in np.linspace(1, 0, 21):
        angle = np.deg2rad(hue)
        a, b = weaker * chroma * np.cos(angle), weaker * chroma * np.sin(angle)
        lab = np.array([lightness, a, b])
        linear = LMS_TO_RGB @ (OKLAB_TO_LMS @ lab) ** 3
        if linear.min() > -0.002 and linear.max() < 1.002:
            break
    linear = linear.clip(0, 1)
    return np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def palette(rng: np.random.Generator) -> np.ndarray:
    """Seven colours that go together, (7, 3) in [0, 1], from dark to light.

    Their lightness climbs evenly in OKLCH, the middle ones are the most colourful, and their hues follow one of
    SCHEMES, turned by a few degrees, or one of FREE_SCHEMES, turned by any angle.
    """
    fixed = rng.random() < 0.6
    schemes = list((SCHEMES if fixed else FREE_SCHEMES).values())
    hues = np.array(schemes[rng.integers(len(schemes))]) + rng.uniform(-12, 12) + rng.normal(0, 5, 7)
    hues = hues + (0 if fixed else rng.uniform(0, 360))
    lightness = np.linspace(rng.uniform(0.20, 0.32), rng.uniform(0.90, 0.96), 7) + rng.normal(0, 0.015, 7)
    chroma = rng.uniform(0.13, 0.21) * np.array([0.5, 0.75, 1, 1.05, 1, 0.8, 0.35])
    return np.stack([from_oklch(*colour) for colour in zip(lightness, chroma, hues, strict=True)])


def smooth_noise(rng: np.random.Generator, size: int, cells: int, octaves: int = 1) -> np.ndarray:
    """Soft noise, (size, size): every value from 0 to 1 is about equally frequent; `cells` bumps in a row.

    Random numbers on a lattice, smoothed by a cubic B-spline. Each further octave is twice as fine, half as strong.
    """
    total, power = np.zeros((size, size)), 0.0
    for octave in range(octaves):
        n = cells * 2**octave
        lattice = rng.random((n + 3, n + 3))
        distance = np.abs((np.arange(size)[:, None] + 0.5) / size * n + 1 - np.arange(n + 3))
        near, far = (1 - distance).clip(0), (2 - distance).clip(0)
        spline = (far**3 - 4 * near**3) / 6
        total += 0.5**octave * (spline @ (lattice - 0.5) @ spline.T)
        power += 0.25**octave
    return 0.5 + 0.5 * erf(total / (0.14 * np.sqrt(2 * power)))


def positions(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The x and y of every pixel's middle, (size, size) each."""
    middle = (np.arange(size) + 0.5) / size
    return tuple(np.meshgrid(middle, middle))


def look_up(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The values of a square field, (size, size) or (size, size, channels), at positions in picture units."""
    size = len(field)
    row, column = (np.clip(np.asarray(v) * size, 0, size - 1).astype(int) for v in (y, x))
    return field[row, column]


def grain(rng: np.random.Generator, size: int, strength: float = 0.03) -> np.ndarray:
    """The tooth of paper or canvas, (size, size, 1) around 1, to multiply a picture by."""
    fibres = 0.6 * smooth_noise(rng, size, 220) + 0.4 * smooth_noise(rng, size, 90)
    return (1 + strength * (2 * fibres - 1))[..., None]


class Sheet:
    """A square to draw on in picture units, anti-aliased: it is kept at twice the size and averaged in the end.

    A colour has as many numbers in [0, 1] as the ground has, 3 or 4 (the fourth may be anything, say a height).
    """

    def __init__(self, size: int, ground=(0.0, 0.0, 0.0)) -> None:
        self.scale = 2 * size
        self.image = Image.new("RGB" if len(ground) == 3 else "RGBA", (2 * size,) * 2, self.ink(ground))
        self.pen = ImageDraw.Draw(self.image)

    @staticmethod
    def ink(colour) -> tuple[int, ...]:
        return tuple(int(255 * min(max(c, 0), 1) + 0.5) for c in colour)

    def place(self, points) -> list[float]:
        return (np.asarray(points) * self.scale).ravel().tolist()

    def polygon(self, points, colour) -> None:
        """A filled polygon with corners (n, 2)."""
        self.pen.polygon(self.place(points), self.ink(colour))

    def line(self, points, colour, width: float) -> None:
        """A line through (n, 2) points; its width, too, is in picture units."""
        self.pen.line(self.place(points), self.ink(colour), max(1, round(width * self.scale)))

    def disc(self, x: float, y: float, radius: float, colour, squash: float = 1.0) -> None:
        """A filled disc, or an ellipse whose height is `squash` times its width."""
        box = (x - radius, y - radius * squash, x + radius, y + radius * squash)
        self.pen.ellipse(self.place(box), self.ink(colour))

    def picture(self, picture: np.ndarray) -> None:
        """A whole picture, (any size, the same, 3), drawn over everything."""
        pixels = Image.fromarray((255 * picture.clip(0, 1)).astype(np.uint8))
        self.image.paste(pixels.resize(self.image.size, Image.Resampling.BICUBIC).convert(self.image.mode))

    def array(self) -> np.ndarray:
        """The drawing, (size, size, channels) in [0, 1]."""
        pixels, n = np.asarray(self.image), self.scale // 2
        return pixels.reshape(n, 2, n, 2, -1).mean((1, 3), dtype=np.float32) / 255


def ridge(rng: np.random.Generator) -> np.ndarray:
    """A soft line of hills (65,) around 0, at most about 1 high."""
    x = np.linspace(0, 1, 65)
    return sum(np.sin(2 * np.pi * (f * x + rng.random())) / f for f in rng.uniform(0.5, 3.5, 3)) / 1.6


def blossom(sheet: Sheet, rng: np.random.Generator, x: float, y: float, radius: float, colours) -> None:
    """A flower with round petals, a little from the side."""
    petals, squash, turn = rng.integers(5, 9), rng.uniform(0.6, 1), rng.uniform(0, 6)
    for angle in turn + np.arange(petals) * 2 * np.pi / petals:
        place = x + 0.6 * radius * np.cos(angle), y + 0.6 * radius * squash * np.sin(angle)
        sheet.disc(*place, 0.45 * radius, colours[0] * rng.uniform(0.85, 1.1), squash)
    sheet.disc(x, y, 0.3 * radius, colours[1], squash)


def scene(rng: np.random.Generator, size: int, colours: np.ndarray | None = None) -> np.ndarray:
    """A motif, (size, size, 3): sky and sun, and under them hills, mountains, the sea, a town, trees or flowers.

    Made of flat shapes in the given colours (as from `palette`, which is called if there are none), softly shaded.
    """
    p = palette(rng) if colours is None else colours
    horizon, sun_x, sun_y = rng.uniform(0.35, 0.65), rng.uniform(0.15, 0.85), rng.uniform(0.1, 0.38)
    sky = p[rng.permutation([2, 4, 5, 1])[:2]] if rng.random() < 0.6 else p[[5, 4]]
    sheet = Sheet(size, sky[0])
    for t in np.linspace(0, 1, 120):
        sheet.polygon([(0, t * horizon), (1, t * horizon), (1, 1), (0, 1)], (1 - t) * sky[0] + t * sky[1])
    light = rng.uniform(0.05, 0.11)
    for t in np.linspace(1, 0, 5):
        sheet.disc(sun_x, sun_y, light * (1 + 1.2 * t), t * sky[0] + (1 - t) * p[6])
    for _ in range(rng.integers(0, 7)):
        x, y, width = rng.random(), rng.uniform(0, horizon), rng.uniform(0.05, 0.16)
        for shift in width * rng.uniform(-1, 1, 9):
            puff = 0.15 * width + rng.uniform(0.1, 0.35) * (width - abs(shift))
            sheet.disc(x + shift, y - 0.5 * puff, puff, p[rng.choice([5, 6, 6])], 0.6)
    MOTIFS[rng.choice(list(MOTIFS))](sheet, rng, p, horizon, sun_x)
    shade = 0.8 + 0.4 * smooth_noise(rng, size, 5, 3)
    return (sheet.array() * shade[..., None]).clip(0, 1)


def hills(sheet: Sheet, rng: np.random.Generator, p, horizon: float, sun_x: float) -> None:
    """Rows of hills with furrows and trees, from the far ones to the near."""
    order, x = rng.permutation(6), np.linspace(0, 1, 65)
    for k, depth in enumerate(np.linspace(0, 0.8, 6)):
        y = horizon + depth * (1 - horizon) + (0.09 - 0.05 * depth) * ridge(rng)
        sheet.polygon([(0, 1.5), *np.stack([x, y], 1), (1, 1.5)], p[order[k]])
        for shift in np.arange(0.02, 0.14, rng.uniform(0.018, 0.04)):  # furrows
            furrow = y + shift * (1 + np.linspace(0, rng.uniform(-0.5, 1), 65))
            sheet.line(np.stack([x, furrow], 1), p[order[(k + 2) % 6]], 0.006)
        for at in rng.integers(0, 65, rng.integers(0, 5)):
            tall, tree = rng.uniform(0.03, 0.07) * (1 + depth), p[rng.choice([0, 1, order[k - 1]])]
            sheet.disc(x[at], y[at] - 0.6 * tall, 0.5 * tall, tree, rng.uniform(1, 2.2))


def mountains(sheet: Sheet, rng: np.random.Generator, p, horizon: float, sun_x: float) -> None:
    """Peaks with snow, a light side and a dark one, behind low hills."""
    sides = rng.permutation([1, 2, 3, 4])
    for row, depth in enumerate(np.linspace(0, 0.7, 4)):
        foot = horizon + (depth + 0.2) * (1 - horizon)
        for x in rng.permutation(np.linspace(0, 1, 5) + rng.uniform(-0.1, 0.1, 5)):
            tall, wide = rng.uniform(0.16, 0.34) * (1 - 0.4 * depth), rng.uniform(0.2, 0.3)
            top, snow = np.array([x + rng.normal(0, 0.04), foot - tall]), rng.uniform(0.2, 0.45)
            left, middle, right = np.array([x, foot]) + [(-0.8 * wide, 0), (0.1 * wide, 0.1), (wide, 0)]
            for corner, shade in ((left, 1.0), (right, 0.55)):
                sheet.polygon([top, corner, corner + [0, 1], middle + [0, 1], middle], shade * p[sides[row]])
                cap = [top, top + snow * (corner - top), top + 0.6 * snow * (middle - top)]
                sheet.polygon(cap, p[6] * (0.5 + 0.5 * shade))
    hills(sheet, rng, p, rng.uniform(0.75, 0.9), sun_x)


def sea(sheet: Sheet, rng: np.random.Generator, p, horizon: float, sun_x: float) -> None:
    """Water with glints under the sun, and sails."""
    deep, shallow = p[rng.choice([0, 1])], p[rng.choice([2, 3])]
    for t in np.linspace(0, 1, 80):
        y = horizon + t * (1 - horizon)
        sheet.polygon([(0, y), (1, y), (1, 1), (0, 1)], t * deep + (1 - t) * shallow)
    for t in np.sort(rng.random(220)):
        glint = rng.random() < 0.4
        x = sun_x + rng.normal(0, 0.04 + 0.1 * t) if glint else rng.random()
        colour = p[rng.choice([5, 6])] if glint else p[rng.integers(1, 6)]
        sheet.disc(x, horizon + t * (1 - horizon), (0.01 + 0.05 * t) * rng.uniform(0.6, 1.6), colour, 0.16)
    for x in rng.random(rng.integers(1, 5)):
        tall, y, sail = rng.uniform(0.06, 0.2), horizon + rng.uniform(0.0, 0.2), p[rng.choice([3, 6, 6])]
        sheet.polygon([(x, y), (x, y - tall), (x + 0.55 * tall, y)], sail)
        sheet.polygon([(x - 0.4 * tall, y), (x + 0.6 * tall, y), (x + 0.4 * tall, y + 0.18 * tall)], p[0])


def town(sheet: Sheet, rng: np.random.Generator, p, horizon: float, sun_x: float) -> None:
    """Rows of houses with lit and dark windows."""
    for row, depth in enumerate(np.linspace(0, 0.9, 5)):
        x, base = -rng.uniform(0, 0.1), horizon + (depth + 0.25) * (1 - horizon)
        while x < 1:
            wide, tall = rng.uniform(0.07, 0.15), rng.uniform(0.12, 0.32)
            wall, roof, top = p[rng.integers(1, 6)], p[rng.choice([0, 2, 3])], base - tall
            sheet.polygon([(x, top), (x + wide, top), (x + wide, 1), (x, 1)], wall * (0.8 + 0.05 * row))
            peak = x + wide * rng.choice([0, 0.5, 0.5, 1]), top - 0.6 * wide * rng.uniform(0.4, 1.2)
            sheet.polygon([(x, top), peak, (x + wide, top)], roof)
            lit = p[rng.choice([0, 6], 12)]
            for k, (i, j) in enumerate(np.ndindex(3, 4)):
                u, v = x + wide * (0.18 + 0.27 * i), top + 0.03 + 0.05 * j
                sheet.polygon([(u, v), (u + 0.018, v), (u + 0.018, v + 0.028), (u, v + 0.028)], lit[k])
            x += wide


def trees(sheet: Sheet, rng: np.random.Generator, p, horizon: float, sun_x: float) -> None:
    """Trunks with crowns of many colours, on hills."""
    hills(sheet, rng, p, horizon, sun_x)
    for depth in np.linspace(0.1, 1, 9):
        x, foot = rng.random(), horizon + depth * (1 - horizon)
        wide, lean = 0.012 + 0.03 * depth, rng.uniform(-0.1, 0.1)
        top, trunk = foot - rng.uniform(0.3, 0.5) - 0.2 * depth, p[rng.choice([0, 0, 1, 6])]
        sheet.polygon([(x - wide, foot), (x + wide, foot), (x + lean, top)], trunk)
        leaf = p[rng.choice([1, 2, 3, 4, 5], 40)]
        for k, (u, v) in enumerate(rng.normal(0, 0.065 + 0.03 * depth, (40, 2))):
            sheet.disc(x + lean + u, top + v, rng.uniform(0.015, 0.045), leaf[k], 0.8)


def flowers(sheet: Sheet, rng: np.random.Generator, p, horizon: float, sun_x: float) -> None:
    """A meadow whose flowers grow towards the viewer."""
    hills(sheet, rng, p, horizon - 0.1, sun_x)
    green, petals = p[rng.choice([0, 1])], rng.permutation([2, 3, 4, 5, 6])[:3]
    sheet.polygon([(0, horizon), (1, horizon), (1, 1), (0, 1)], green)
    for depth in np.sort(rng.random(90)):
        x, y, radius = rng.random(), horizon + depth * (1 - horizon), 0.012 + 0.07 * depth**1.5
        bend = x + rng.normal(0, 0.02), y + 3 * radius
        sheet.line([(x, y), bend], p[rng.choice([1, 2])], 0.25 * radius)
        blossom(
            sheet, rng, x, y, radius * rng.uniform(0.8, 1.3), p[[rng.choice(petals), rng.choice([0, 5, 6])]]
        )


MOTIFS = {
    "hills": hills,
    "mountains": mountains,
    "the sea": sea,
    "a town": town,
    "trees": trees,
    "flowers": flowers,
}
