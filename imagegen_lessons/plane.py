"""Real and forged points in the plane, what the discriminator thinks of every place, and where the fakes will move.

Drawn with Pillow, because a matplotlib figure per move of a slider is several times slower.
"""

import io
import math

import torch
from PIL import Image, ImageDraw, ImageFont

from imagegen_lessons import images

EXTENT = 2.0  # the picture shows both coordinates from -EXTENT to EXTENT
MOST_ARROWS = 70
CELLS = 80  # the opinion is asked at CELLS x CELLS places
LIKE_FAKE, LIKE_REAL = (
    torch.tensor([0.99, 0.86, 0.72]),
    torch.tensor([0.70, 0.85, 0.98]),
)  # orange and blue tints
INK, ORANGE, GREY = (25, 60, 110), (200, 70, 0), (70, 70, 70)


@torch.no_grad()
def _opinion(D, middle, spread) -> torch.Tensor:
    """Tints (3, CELLS, CELLS) from orange (like a fake) over white to blue (like real)."""
    line = (torch.arange(CELLS) + 0.5) / CELLS * 2 * EXTENT - EXTENT
    y, x = torch.meshgrid(-line, line, indexing="ij")
    score = (D(torch.stack([x, y], dim=-1).reshape(-1, 2)) - middle) / spread
    leaning = torch.tanh(score).reshape(1, CELLS, CELLS)
    tint = torch.where(leaning > 0, LIKE_REAL[:, None, None], LIKE_FAKE[:, None, None])
    return 1 - leaning.abs() * (1 - tint)


def _scale(D, real, fake) -> tuple[float, float]:
    """The score half-way between real and fake, and the scale of the differences: only these matter, not zero."""
    with torch.no_grad():
        a, b = D(real), D(fake if len(fake) else real)
    return float((a.mean() + b.mean()) / 2), float(torch.cat([a, b]).std().clamp(min=1e-3))


def draw(real, fake=None, D=None, arrows=None, size: int = 480) -> bytes:
    """The bytes of a JPEG: `real` (n, 2) as dark rings, `fake` (m, 2) as orange crosses.

    D: a function (n, 2) -> scores (n,) or (n, 1); the background is blue where it leans to real, orange where to
    fake, white where it cannot tell, relative to its own scores for these points.
    arrows: (m, 2), from each fake; the longest is drawn a tenth as long as the picture is wide, and of more than
    MOST_ARROWS only every second, third, … is drawn.
    """
    real, fake = real.detach().cpu(), torch.empty(0, 2) if fake is None else fake.detach().cpu()
    background = torch.ones(3, CELLS, CELLS)
    if D is not None:
        background = _opinion(D, *_scale(D, real, fake))
    fine = 2 * size  # drawn at twice the size and reduced, so that lines and rings are smooth
    canvas = images.to_pil(background).resize((fine, fine), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(canvas)

    def place(points):
        inside = points.clamp(-EXTENT, EXTENT)  # what lies outside is shown at the border
        return ((inside * torch.tensor([1.0, -1.0]) + EXTENT) / (2 * EXTENT) * (fine - 1)).tolist()

    for x, y in place(real):
        _ring(pen, x, y)
    for x, y in place(fake):
        _cross(pen, x, y)
    if arrows is not None and len(fake):
        arrows = arrows.detach().cpu()
        arrows = arrows / arrows.norm(dim=1).max().clamp(min=1e-12) * (0.2 * EXTENT)
        some = slice(None, None, -(-len(fake) // MOST_ARROWS))
        for foot, tip in zip(place(fake[some]), place(fake[some] + arrows[some]), strict=True):
            _arrow(pen, *foot, *tip)
    _legend(pen, fine, with_fakes=len(fake) > 0)

    buffer = io.BytesIO()
    canvas.resize((size, size), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _ring(pen, x, y) -> None:
    pen.ellipse((x - 5, y - 5, x + 5, y + 5), outline=INK, width=2)


def _cross(pen, x, y) -> None:
    pen.line((x - 6, y - 6, x + 6, y + 6), fill=ORANGE, width=3)
    pen.line((x - 6, y + 6, x + 6, y - 6), fill=ORANGE, width=3)


def _arrow(pen, x, y, to_x, to_y) -> None:
    length = math.hypot(to_x - x, to_y - y)
    pen.line((x, y, to_x, to_y), fill=GREY, width=3)
    if length > 4:
        ahead_x, ahead_y = 11 * (to_x - x) / length, 11 * (to_y - y) / length
        left, right = (to_x - ahead_y / 2, to_y + ahead_x / 2), (to_x + ahead_y / 2, to_y - ahead_x / 2)
        pen.polygon([left, right, (to_x + ahead_x, to_y + ahead_y)], fill=GREY)


def _legend(pen, fine: int, with_fakes: bool) -> None:
    y, font = fine - 24, ImageFont.load_default(size=26)
    _ring(pen, 20, y)
    pen.text((34, y), "real", fill=INK, font=font, anchor="lm")
    if with_fakes:
        _cross(pen, 110, y)
        pen.text((124, y), "fake", fill=ORANGE, font=font, anchor="lm")
