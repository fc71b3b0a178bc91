"""Plots for something that runs: curves over the steps of training, and points with D's scores behind them."""

import io
import math
from itertools import cycle

import numpy
import torch
from PIL import Image, ImageDraw, ImageFont

from imagegen_lessons import images
from imagegen_lessons.display import show

POINTS = 400  # a curve on the screen has hardly more
MAX_BYTES = 60_000  # of one picture of curves, because it stays in the notebook
WIDTH, HEIGHT = 460, 280  # pixels, of the curves; a sample stands beside them
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#000000")  # Okabe & Ito: for all eyes
STYLES = ("-", "--", ":", "-.")  # and never colour alone

EXTENT = 2.0  # a picture of points shows both coordinates from -EXTENT to EXTENT
CELLS = 80  # D is asked at CELLS x CELLS places
MOST_ARROWS = 70
LIKE_FAKE, LIKE_REAL = (
    torch.tensor([0.99, 0.86, 0.72]),
    torch.tensor([0.70, 0.85, 0.98]),
)  # orange and blue tints
INK, ORANGE, GREY = (25, 60, 110), (200, 70, 0), (70, 70, 70)


def describe_curves(values: dict[str, list[float]], sample=None) -> str:
    """Alt text for `draw_curves`: where each curve starts and ends, means over a twentieth of the steps."""
    parts = []
    for name, series in values.items():
        y = _means(series)[1]
        if len(y):
            few = max(1, len(y) // 20)
            parts.append(f"{name} from {y[:few].mean():.3g} to {y[-few:].mean():.3g}")
    steps = max((len(series) for series in values.values()), default=0)
    curves = f"Curves over {steps:,} steps: {', '.join(parts)}." if parts else "No curves."
    if sample is None:
        return curves
    several = isinstance(sample, torch.Tensor) and len(sample) > 1
    beside = f"{len(sample)} images" if several else "a picture"
    return f"{curves} Beside them {beside} after the last of these steps."


def draw_curves(values: dict[str, list[float]], sample=None) -> bytes:
    """Draws one curve per name over the steps, and `sample` beside them, as the bytes of a PNG or JPEG file.

    `values`: name -> one number per step, NaN where there is none. Long series are shown as means of neighbouring
    steps. `sample`: images (n, C, H, W) in [0, 1], a matplotlib Figure, or the bytes of a picture file.
    """
    pictures = [_to_pil(_figure(values))] if values else []
    if sample is not None:
        pictures.append(_sample_to_pil(sample))
    size = sum(p.width for p in pictures) or 1, max((p.height for p in pictures), default=1)
    canvas = Image.new("RGB", size, "white")
    left = 0
    for picture in pictures:
        canvas.paste(picture, (left, (size[1] - picture.height) // 2))
        left += picture.width
    drawing = show.with_palette(canvas, colours=128)
    for quality in (85, 60, 30):  # only noise, as from an untrained network, needs the coarser ones
        buffer = io.BytesIO()
        canvas.save(buffer, "JPEG", quality=quality, subsampling=0)  # thin lines need full colour resolution
        if buffer.tell() <= MAX_BYTES:
            break
    return min(drawing, buffer.getvalue(), key=len)


def _means(series) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Steps and values of one curve, without gaps, as means over neighbours once they are more than POINTS."""
    y = numpy.asarray(series, dtype=float)
    there = numpy.isfinite(y)
    x, y = numpy.arange(1, len(y) + 1)[there], y[there]
    if len(y) <= POINTS:
        return x, y
    starts = numpy.linspace(0, len(y), POINTS, endpoint=False).astype(int)
    counts = numpy.diff(numpy.append(starts, len(y)))
    return numpy.add.reduceat(x, starts) / counts, numpy.add.reduceat(y, starts) / counts


def _running_mean(y):
    window = numpy.ones(max(1, len(y) // 20))
    return numpy.convolve(y, window, "same") / numpy.convolve(numpy.ones_like(y), window, "same")


def _figure(values):
    """The curves as a matplotlib figure: each faintly, with its running mean and, in the legend, its last mean."""
    from matplotlib import style
    from matplotlib.figure import Figure  # used without pyplot, a figure is freed with its last reference

    with style.context("default"):  # whatever style the notebook has set
        # A tenth of a pixel more: before 3.11, matplotlib cuts 4.6 inches × 100 = 459.999… down to 459 pixels.
        figure = Figure(figsize=((WIDTH + 0.1) / 100, (HEIGHT + 0.1) / 100), dpi=100)
        axes = figure.add_axes((0.12, 0.17, 0.58, 0.78), xlabel="step")
        curves = {name: _means(series) for name, series in values.items()}
        curves = {name: (x, y) for name, (x, y) in curves.items() if len(y)}
        for (name, (x, y)), colour, line in zip(curves.items(), cycle(COLOURS), cycle(STYLES), strict=False):
            mean = _running_mean(y)
            axes.plot(x, y, color=colour, alpha=0.3, linewidth=0.8)
            axes.plot(x, mean, color=colour, linestyle=line, linewidth=1.8, label=f"{name}\n{mean[-1]:.3g}")
        if curves:
            _set_limits(axes, *map(numpy.concatenate, zip(*curves.values(), strict=True)))
            legend = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "frameon": False, "fontsize": 9}
            axes.legend(**legend, handlelength=2.6, labelspacing=0.8)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _set_limits(axes, x, y) -> None:
    """Limits by percentiles, so that one outlier does not flatten all the rest; a log scale for wide ranges."""
    low, high = numpy.percentile(y, [1, 99])
    if low > 0 and high / low > 50:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.3, high * 1.3)
    else:
        margin = 0.06 * (high - low) or 0.5
        axes.set_ylim(low - margin, high + margin)
    axes.set_xlim(1, max(2, x.max()))


def _to_pil(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(numpy.asarray(canvas.buffer_rgba())).convert("RGB")


def _sample_to_pil(sample):
    """`sample` in a size that fits beside the curves; small images are enlarged by a whole factor, sharp."""
    if isinstance(sample, torch.Tensor):
        x = sample.detach().float().cpu().nan_to_num().clamp(0, 1)  # an untrained network may leave the range
        columns = math.ceil(math.sqrt(len(x) * x.shape[-2] / x.shape[-1]))
        scale = max(1, round(HEIGHT / (math.ceil(len(x) / columns) * x.shape[-2])))
        picture = images.to_pil(images.grid(show.enlarge(x, scale), columns=columns))
    elif isinstance(sample, bytes):
        picture = Image.open(io.BytesIO(sample)).convert("RGB")
    else:
        picture = _to_pil(sample)
    picture.thumbnail((WIDTH, 1.3 * HEIGHT), Image.Resampling.LANCZOS)
    return picture


def draw_points(real, fake=None, D=None, arrows=None, size: int = 480, scale: float | None = None) -> bytes:
    """The bytes of a JPEG: `real` (n, 2) as dark rings, `fake` (m, 2) as orange crosses.

    D: a function (n, 2) -> scores (n,) or (n, 1); the background is blue where it leans to real, orange where to
    fake, white where it cannot tell, relative to its own scores for these points. `scale`: the difference of scores
    that is nearly full colour; by default their spread, so that even a flat D shows colours.
    arrows: (m, 2), from each fake; the longest is drawn a tenth as long as the picture is wide, and of more than
    MOST_ARROWS only every second, third, … is drawn.
    """
    # Drawn with Pillow: a matplotlib figure for every move of a slider takes two to three times as long.
    real, fake = real.detach().cpu(), torch.empty(0, 2) if fake is None else fake.detach().cpu()
    background = torch.ones(3, CELLS, CELLS) if D is None else _background(D, real, fake, scale)
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


@torch.no_grad()
def _background(D, real, fake, scale) -> torch.Tensor:
    """Tints (3, CELLS, CELLS) from orange (D leans to fake) over white to blue (to real)."""
    # Only differences of scores count, so white is half-way between real and fake, not at zero.
    a, b = D(real), D(fake if len(fake) else real)
    middle = (a.mean() + b.mean()) / 2
    scale = torch.cat([a, b]).std().clamp(min=1e-3) if scale is None else scale
    line = (torch.arange(CELLS) + 0.5) / CELLS * 2 * EXTENT - EXTENT
    y, x = torch.meshgrid(-line, line, indexing="ij")
    leaning = torch.tanh((D(torch.stack([x, y], dim=-1).reshape(-1, 2)) - middle) / scale)
    leaning = leaning.reshape(1, CELLS, CELLS)
    tint = torch.where(leaning > 0, LIKE_REAL[:, None, None], LIKE_FAKE[:, None, None])
    return 1 - leaning.abs() * (1 - tint)


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
