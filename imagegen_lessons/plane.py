"""Real and forged points in the plane, what the discriminator thinks of every place, and where the fakes will move.

Drawn with Pillow, because a matplotlib figure per move of a slider is several times slower.
"""

import io

import torch
from PIL import Image, ImageDraw

from imagegen_lessons import images

EXTENT = 2.0  # the picture shows both coordinates from -EXTENT to EXTENT
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
        a, b = D(real), D(fake)
    return float((a.mean() + b.mean()) / 2), float(torch.cat([a, b]).std().clamp(min=1e-3))


def draw(real, fake=None, D=None, arrows=None, size: int = 480) -> bytes:
    """The bytes of a JPEG: `real` (n, 2) as dark rings, `fake` (m, 2) as orange crosses.

    D: a function (n, 2) -> scores (n,) or (n, 1); the background is blue where it leans to real, orange where to
    fake, white where it cannot tell. arrows: (m, 2), from each fake; the longest is drawn a tenth as long as the
    picture is wide.
    """
    real, fake = real.detach().cpu(), torch.empty(0, 2) if fake is None else fake.detach().cpu()
    background = torch.ones(3, CELLS, CELLS)
    if D is not None:
        background = _opinion(D, *_scale(D, real, fake))
    canvas = images.to_pil(background).resize((size, size), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(canvas)

    def place(points):
        inside = points.clamp(-EXTENT, EXTENT)  # what lies outside is shown at the border
        return ((inside * torch.tensor([1.0, -1.0]) + EXTENT) / (2 * EXTENT) * (size - 1)).tolist()

    for x, y in place(real):
        pen.ellipse((x - 2.5, y - 2.5, x + 2.5, y + 2.5), outline=INK)
    if arrows is not None:
        length = arrows.norm(dim=1).max().clamp(min=1e-12)
        tips = place(fake + arrows.detach().cpu() / length * (0.2 * EXTENT))
        for (x, y), tip in zip(place(fake), tips, strict=True):
            pen.line((x, y, *tip), fill=GREY, width=1)
    for x, y in place(fake):
        pen.line((x - 3, y - 3, x + 3, y + 3), fill=ORANGE, width=2)
        pen.line((x - 3, y + 3, x + 3, y - 3), fill=ORANGE, width=2)
    pen.text((6, size - 16), "o real   x fake" if len(fake) else "o real", fill=GREY)
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
