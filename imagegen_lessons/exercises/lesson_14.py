"""Exercises of lesson 14: motion in a window, what a cell sees, advection, divergence, over, a loop, an effect."""

import math

import torch
import torch.nn.functional as F

from imagegen_lessons import motion
from imagegen_lessons.exercises.checker import Wrong, exercise, guarded
from imagegen_lessons.exercises.inputs import normal, uniform


def _windows(n, k, seed):
    """Slopes and differences of n windows of k pixels: a motion each, and noise."""
    right, down, noise = normal(n, k, seed=seed), normal(n, k, seed=seed + 1), normal(n, k, seed=seed + 2)
    motions = normal(n, 2, seed=seed + 3)
    return right, down, motions[:, :1] * right + motions[:, 1:] * down + 0.3 * noise


@exercise(
    cases=(
        (torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([[0.0, 1.0, 1.0]]), torch.tensor([[2.0, -1.0, 1.0]])),
        _windows(1, 9, seed=1),
        _windows(5, 25, seed=5),
    ),
    hints=(
        "First five sums over each window: xx = (slope_x * slope_x).sum(dim=1), xy, yy, and xd, yd with the difference.",
        "Cramer's rule: u = (yy * xd - xy * yd) / determinant, with the determinant xx * yy - xy * xy.",
        "v = (xx * yd - xy * xd) / determinant. torch.stack([u, v], dim=1) makes (n, 2).",
    ),
)
def window_motion(slope_x, slope_y, difference):
    """The motion (n, 2), right and down, that fits slope_x · u + slope_y · v = difference (n, k) best in each window."""
    xx, xy, yy = ((p * q).sum(dim=1) for p, q in ((slope_x, slope_x), (slope_x, slope_y), (slope_y, slope_y)))
    xd, yd = (slope_x * difference).sum(dim=1), (slope_y * difference).sum(dim=1)
    determinant = xx * yy - xy * xy
    return torch.stack([yy * xd - xy * yd, xx * yd - xy * xd], dim=1) / determinant[:, None]


def _sums(x, y, d):
    return (x * x).sum(1), (x * y).sum(1), (y * y).sum(1), (x * d).sum(1), (y * d).sum(1)


def _solved(xx, xy, yy, xd, yd, sign=-1):
    return torch.stack([yy * xd - xy * yd, xx * yd - xy * xd], dim=1) / (xx * yy + sign * xy * xy)[:, None]


window_motion.mistake(
    "u and v are exchanged: right comes first, then down.", lambda x, y, d: _solved(*_sums(x, y, d)).flip(1)
)
window_motion.mistake(
    "The motion goes backwards: the right side is a - b, and that is `difference` as it comes.",
    lambda x, y, d: _solved(*_sums(x, y, -d)),
)
window_motion.mistake(
    "The mixed sum xy is left out. An edge that runs aslant has slopes in both directions, and they belong together.",
    lambda x, y, d: torch.stack([(x * d).sum(1) / (x * x).sum(1), (y * d).sum(1) / (y * y).sum(1)], dim=1),
)
window_motion.mistake(
    "The determinant is xx · yy - xy · xy, with a minus.", lambda x, y, d: _solved(*_sums(x, y, d), sign=1)
)
window_motion.mistake(
    "The division by the determinant is missing.",
    lambda x, y, d: (
        _solved(*_sums(x, y, d)) * (_sums(x, y, d)[0] * _sums(x, y, d)[2] - _sums(x, y, d)[1] ** 2)[:, None]
    ),
)
window_motion.mistake(
    "xx and yy are exchanged: for u, xd is multiplied by yy.",
    lambda x, y, d: (
        torch.stack([((s := _sums(x, y, d))[0] * s[3] - s[1] * s[4]), s[2] * s[4] - s[1] * s[3]], dim=1)
        / (s[0] * s[2] - s[1] ** 2)[:, None]
    ),
)
window_motion.mistake(
    "The signs: yy · xd *minus* xy · yd, and xx · yd *minus* xy · xd.",
    lambda x, y, d: (
        torch.stack([((s := _sums(x, y, d))[2] * s[3] + s[1] * s[4]), s[0] * s[4] + s[1] * s[3]], dim=1)
        / (s[0] * s[2] - s[1] ** 2)[:, None]
    ),
)
window_motion.mistake(
    "Multiply first, then add up: the sum of products is not the product of sums.",
    lambda x, y, d: _solved(
        *((p.sum(1) * q.sum(1)) for p, q in ((x, x), (x, y), (y, y), (x, d), (y, d))), sign=-0.5
    ),
)
window_motion.mistake(
    "This solves for each pixel alone, along its slope, and takes the mean. Put the equations of all pixels together.",
    lambda x, y, d: torch.stack([(d * p / (x * x + y * y + 1e-12)).mean(1) for p in (x, y)], dim=1),
)
window_motion.mistake(
    "The shape is (2, n); asked for is (n, 2): torch.stack([u, v], dim=1).",
    lambda x, y, d: _solved(*_sums(x, y, d)).T.clone() if len(x) != 2 else _solved(*_sums(x, y, d)),
)
window_motion.mistake(
    "All windows have got one motion: the sums run over dim=1, within each window.",
    lambda x, y, d: _solved(*_sums(x.reshape(1, -1), y.reshape(1, -1), d.reshape(1, -1))).expand(len(x), 2),
)


_CELLS = normal(2, 3, 6, 7, seed=11)

perceive = exercise(
    cases=(
        (F.pad(torch.ones(1, 1, 1, 1), (1, 1, 1, 1)), "constant"),
        (_CELLS, "constant"),
        (_CELLS, "circular"),
        (normal(1, 2, 4, 5, seed=12).requires_grad_(), "circular"),
    ),
    hints=(
        "F.pad(state, (1, 1, 1, 1), mode=padding) puts a rim around; then every neighbour is a slice of it.",
        "Smooth over three rows: x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]. Of that, the column on the right "
        "less the column on the left, divided by 8, is the slope to the right.",
        "For the slope down, smooth over three columns and take the row below less the row above. Then torch.cat.",
    ),
)(motion.perceive)


def _seen(state, padding, smooth=(1, 2, 1), by=8.0, order=(0, 1, 2), sign=1):
    """What a cell sees, with another filter, another factor, another order."""
    x = F.pad(state, (1, 1, 1, 1), mode=padding)
    p, q, r = smooth
    down = p * x[:, :, :-2] + q * x[:, :, 1:-1] + r * x[:, :, 2:]
    across = p * x[..., :-2] + q * x[..., 1:-1] + r * x[..., 2:]
    parts = [
        state,
        sign * (down[..., 2:] - down[..., :-2]) / by,
        sign * (across[:, :, 2:] - across[:, :, :-2]) / by,
    ]
    return torch.cat([parts[i] for i in order], dim=1)


perceive.mistake("The division by 8 is missing.", lambda s, p="constant": _seen(s, p, by=1.0))
perceive.mistake(
    "The slopes have the wrong sign: right less left, and below less above.",
    lambda s, p="constant": _seen(s, p, sign=-1),
)
perceive.mistake(
    "The slopes down come before the slopes to the right. (Or did the two filters change places?)",
    lambda s, p="constant": _seen(s, p, order=(0, 2, 1)),
)
perceive.mistake(
    "The cell itself is missing; it comes first.", lambda s, p="constant": _seen(s, p, order=(1, 2))
)
perceive.mistake(
    "The cell itself comes first, then the slopes.", lambda s, p="constant": _seen(s, p, order=(1, 2, 0))
)
perceive.mistake(
    "The middle row counts twice: 1, 2, 1.", lambda s, p="constant": _seen(s, p, smooth=(1, 1, 1))
)
perceive.mistake(
    "The middle row counts twice: 1, 2, 1. And the sum is divided by 8.",
    lambda s, p="constant": _seen(s, p, smooth=(1, 1, 1), by=6.0),
)
perceive.mistake(
    "These are plain differences of two neighbours; Sobel smooths across first, with 1, 2, 1.",
    lambda s, p="constant": _seen(s, p, smooth=(0, 1, 0), by=2.0),
)
perceive.mistake(
    "`padding` is not used: F.pad(…, mode=padding).", lambda s, p="constant": _seen(s, "constant")
)
perceive.mistake(
    'The opposite side is always the neighbour here; only with padding="circular".',
    lambda s, p="constant": _seen(s, "circular"),
)
perceive.mistake(
    "Around the picture are zeros, or the other side; here the border goes on (replicate).",
    lambda s, p="constant": _seen(s, "replicate"),
)
perceive.mistake(
    "The channels are in another order: for each channel itself, right, down. First come all states, then all slopes to "
    "the right, then all slopes down. (A grouped convolution gives the order that you have.)",
    lambda s, p="constant": torch.stack(_seen(s, p).chunk(3, dim=1), dim=2).flatten(1, 2),
)
perceive.mistake(
    "The three are added up; they stand one after the other: torch.cat(…, dim=1).",
    lambda s, p="constant": sum(_seen(s, p).chunk(3, dim=1)),
)


_MAP, _FLOW = uniform(2, 3, 6, 9, seed=13), 2 * normal(2, 2, 6, 9, seed=14)
_POINT = F.pad(torch.ones(1, 1, 1, 1), (2, 3, 2, 2))  # one bright pixel in 5 × 6


def _everywhere(right, down, height, width):
    return torch.tensor([right, down]).view(1, 2, 1, 1).repeat(1, 1, height, width)


advect = exercise(
    cases=(
        (_POINT, _everywhere(1.0, 0.0, 5, 6)),
        (_POINT, _everywhere(0.5, -0.25, 5, 6)),
        (_MAP[:1], _everywhere(-3.5, 2.0, 6, 9)),
        (_MAP, _FLOW),
        (_MAP, 10 * _FLOW),
    ),
    hints=(
        "Pixel (column, row) fetches what is at (column - velocity to the right, row - velocity down). "
        "torch.meshgrid, or motion.optical_flow.pixel_positions(x), gives columns and rows.",
        "Left and right meet: column % width. Between the last column and the first there must be something to mix: "
        "x with its first column once more at its end, torch.cat([x, x[..., :1]], dim=-1), has width + 1 columns.",
        "grid_sample counts from -1 to 1: column * 2 / width - 1 (of width + 1 columns), row * 2 / (height - 1) - 1, "
        'stacked in the last dimension; padding_mode="border", align_corners=True.',
    ),
)(motion.advect)


def _advected(x, velocity, sign=-1.0, swap=False, wrap=True, wrap_rows=False, times=1.0, **options):
    """Advection in another direction, with other borders, or with other settings of grid_sample."""
    height, width = x.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height) + 0.0, torch.arange(width) + 0.0, indexing="ij")
    u, v = velocity.flip(1).unbind(1) if swap else velocity.unbind(1)
    column, row = columns + sign * times * u, rows + sign * times * v
    if wrap:
        column, x = column.remainder(width), torch.cat([x, x[..., :1]], dim=-1)
    if wrap_rows:
        row, x = row.remainder(height), torch.cat([x, x[:, :, :1]], dim=-2)
    grid = torch.stack([column * 2 / (x.shape[-1] - 1) - 1, row * 2 / (x.shape[-2] - 1) - 1], dim=-1)
    options = {"mode": "bilinear", "padding_mode": "border", "align_corners": True} | options
    return F.grid_sample(x, grid, **options)


advect.mistake(
    "It moves against the flow: what comes to p was at p *minus* velocity.",
    lambda x, v: _advected(x, v, sign=1.0),
)
advect.mistake(
    "Right and down are exchanged: velocity[:, 0] goes to the right, along columns (the last dimension of x).",
    lambda x, v: _advected(x, v, swap=True),
)
advect.mistake(
    "Left and right do not meet: what comes from beyond the left side comes from the right, column % width.",
    lambda x, v: _advected(x, v, wrap=False),
)
advect.mistake(
    'Left and right do not meet, and beyond the picture are zeros: column % width, and padding_mode="border".',
    lambda x, v: _advected(x, v, wrap=False, padding_mode="zeros"),
)
advect.mistake(
    'Above and below the border goes on, padding_mode="border"; here zeros come in.',
    lambda x, v: _advected(x, v, padding_mode="zeros"),
)
advect.mistake(
    "Above and below do not meet; only left and right do.", lambda x, v: _advected(x, v, wrap_rows=True)
)
advect.mistake(
    'Between pixels it is interpolated, mode="bilinear"; this takes the nearest one.',
    lambda x, v: _advected(x, v, mode="nearest"),
)
advect.mistake(
    "With align_corners=False, -1 and 1 are the picture's edges; your coordinates are those of the pixels' middles.",
    lambda x, v: _advected(x, v, align_corners=False),
)
advect.mistake("It moves only half as far.", lambda x, v: _advected(x, v, times=0.5))
advect.mistake("It moves twice as far.", lambda x, v: _advected(x, v, times=2.0))


@advect.mistake(
    "Between the last column and the first there is nothing to mix, and the border goes on there. Put the first column "
    "once more at the end: torch.cat([x, x[..., :1]], dim=-1)."
)
def _no_bridge(x, velocity):
    height, width = x.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height) + 0.0, torch.arange(width) + 0.0, indexing="ij")
    column, row = (columns - velocity[:, 0]).remainder(width), rows - velocity[:, 1]
    grid = torch.stack([column * 2 / (width - 1) - 1, row * 2 / (height - 1) - 1], dim=-1)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=True)


@advect.mistake("The velocity is rounded to whole pixels; between pixels one interpolates.")
def _whole_pixels(x, velocity):
    return _advected(x, velocity.round())


advect.mistake("Nothing has moved.", lambda x, v: x.clone())


divergence = exercise(
    cases=(
        (_everywhere(1.0, 2.0, 4, 5) * torch.arange(5.0),),
        (normal(2, 2, 5, 7, seed=15),),
        (normal(1, 2, 6, 4, seed=16).requires_grad_(),),
    ),
    hints=(
        "x.roll(-1, dims=-1) brings the right neighbour of each pixel to its place, x.roll(1, dims=-1) the left one.",
        "Half of right less left of channel 0, plus half of below less above of channel 1. velocity[:, :1] keeps the "
        "dimension of the channels.",
    ),
)(motion.divergence)


def _half(x, dim):
    return (x.roll(-1, dim) - x.roll(1, dim)) / 2


def _clipped(x, dim):
    """Central differences in which the border goes on."""
    padded = F.pad(x, (1, 1, 0, 0) if dim == -1 else (0, 0, 1, 1), mode="replicate")
    n = x.shape[dim]
    return (padded.narrow(dim, 2, n) - padded.narrow(dim, 0, n)) / 2


divergence.mistake(
    "Right and left neighbour are two pixels apart: half of their difference.",
    lambda v: 2 * _half(v[:, :1], -1) + 2 * _half(v[:, 1:], -2),
)
divergence.mistake(
    "The channels are exchanged: channel 0 (to the right) changes along columns, channel 1 (down) along rows.",
    lambda v: _half(v[:, 1:], -1) + _half(v[:, :1], -2),
)
divergence.mistake(
    "This is the curl, how fast each pixel turns. Divergence adds the slope to the right of channel 0 and the slope down "
    "of channel 1.",
    lambda v: _half(v[:, 1:], -1) - _half(v[:, :1], -2),
)
divergence.mistake(
    "The two slopes are added, not subtracted.", lambda v: _half(v[:, :1], -1) - _half(v[:, 1:], -2)
)
divergence.mistake(
    "Both slopes are taken the wrong way: right less left, below less above.",
    lambda v: -_half(v[:, :1], -1) - _half(v[:, 1:], -2),
)
divergence.mistake(
    "This takes each pixel and its next neighbour (forward differences); take those on both sides.",
    lambda v: v[:, :1].roll(-1, -1) - v[:, :1] + v[:, 1:].roll(-1, -2) - v[:, 1:],
)
divergence.mistake(
    "This takes each pixel and the one before (backward differences); take those on both sides.",
    lambda v: v[:, :1] - v[:, :1].roll(1, -1) + v[:, 1:] - v[:, 1:].roll(1, -2),
)
divergence.mistake(
    "All sides meet: the left neighbour of the first column is the last one. Here the border goes on; `roll` goes round.",
    lambda v: _clipped(v[:, :1], -1) + _clipped(v[:, 1:], -2),
)
divergence.mistake(
    "The dimension of the channels is gone: velocity[:, :1] keeps it.",
    lambda v: _half(v[:, 0], -1) + _half(v[:, 1], -2),
)
divergence.mistake(
    "These are the two slopes; add them.",
    lambda v: torch.cat([_half(v[:, :1], -1), _half(v[:, 1:], -2)], dim=1),
)
divergence.mistake(
    "The sign says whether more flows out or in; here it is lost.",
    lambda v: (_half(v[:, :1], -1) + _half(v[:, 1:], -2)).abs(),
)
divergence.mistake(
    "Both channels are taken along columns; channel 1 flows down, so its slope is along rows.",
    lambda v: _half(v, -1).sum(dim=1, keepdim=True),
)


def _premultiplied(*shape, seed):
    """Pictures with alpha, some of it 0 and 1."""
    alpha = (1.4 * uniform(shape[0], 1, *shape[2:], seed=seed) - 0.2).clamp(0, 1)
    return torch.cat([alpha * uniform(shape[0], 3, *shape[2:], seed=seed + 1), alpha], dim=1)


_FRONT = _premultiplied(2, 4, 5, 6, seed=20)

over = exercise(
    cases=(
        (
            torch.tensor([0.5, 0.25, 0.0, 0.5]).view(1, 4, 1, 1),
            torch.tensor([0.2, 0.4, 0.6]).view(1, 3, 1, 1),
        ),
        (_FRONT, uniform(2, 3, 5, 6, seed=22)),
        (_FRONT, _premultiplied(2, 4, 5, 6, seed=23)),
        (_FRONT, uniform(1, 3, 5, 6, seed=25)),
    ),
    hints=(
        "The front lets 1 - alpha of what is behind through; alpha is front[:, 3:], (n, 1, h, w).",
        "The front's colours are multiplied by alpha already: front + (1 - alpha) * back. With three channels behind, "
        "take three of the front: front[:, : back.shape[1]].",
    ),
)(motion.over)


def _let_through(front, back, alpha=None):
    return front[:, : back.shape[1]] + (1 - (front[:, 3:] if alpha is None else alpha)) * back


over.mistake(
    "The front is multiplied by alpha once more; its colours are premultiplied.",
    lambda front, back: front[:, 3:] * front[:, : back.shape[1]] + (1 - front[:, 3:]) * back,
)
over.mistake(
    "Nothing of the back is hidden: it is multiplied by 1 - alpha.",
    lambda front, back: front[:, : back.shape[1]] + back,
)
over.mistake(
    "Nothing of the back is hidden, and the sum is cut off at 1: the back is multiplied by 1 - alpha.",
    lambda front, back: (front[:, : back.shape[1]] + back).clamp(0, 1),
)
over.mistake(
    "The back is multiplied by alpha; what the front lets through is 1 - alpha.",
    lambda front, back: front[:, : back.shape[1]] + front[:, 3:] * back,
)
over.mistake(
    "The back is cut out only where the front is fully opaque; between 0 and 1 it shines through in part.",
    lambda front, back: torch.where(front[:, 3:] > 0, front[:, : back.shape[1]], back),
)
over.mistake(
    "At one half the alpha is rounded: 0 or 1. Soft edges need all values between.",
    lambda front, back: _let_through(front, back, (front[:, 3:] > 0.5).float()),
)
over.mistake(
    "The back is missing where the front lets through.", lambda front, back: front[:, : back.shape[1]].clone()
)
over.mistake(
    "The back has three channels, and so has the result: front[:, :3].",
    lambda front, back: (
        front
        + (1 - front[:, 3:])
        * (back if back.shape[1] == 4 else torch.cat([back, torch.ones_like(back[:, :1])], 1))
    ),
)
over.mistake(
    "Where the back has alpha, the result has it, too: it keeps four channels.",
    lambda front, back: front[:, :3] + (1 - front[:, 3:]) * back[:, :3],
)
over.mistake(
    "The alpha of the result is that of the back; what the front hides is hidden as well: front + (1 - alpha) * back "
    "holds for alpha, too.",
    lambda front, back: torch.cat(
        [_let_through(front, back)[:, :3], back[:, 3:].expand(len(front), -1, -1, -1)], dim=1
    ),
)
over.mistake(
    "The front is divided by its alpha; it stays premultiplied.",
    lambda front, back: front[:, : back.shape[1]] / front[:, 3:].clamp(min=1e-6) + (1 - front[:, 3:]) * back,
)


_CLIP = uniform(9, 3, 2, 4, seed=30)
_LINE = torch.arange(8.0).view(-1, 1, 1, 1) / 10

make_loop = exercise(
    cases=((_LINE, 3), (_CLIP, 2), (_CLIP, 1), (_CLIP, 4), (_CLIP[:8], 4)),
    hints=(
        "The end is frames[-overlap:], the beginning frames[:overlap]; both have `overlap` frames.",
        "share = torch.arange(1, overlap + 1) / (overlap + 1), as (overlap, 1, 1, 1), says how much of the beginning: "
        "(1 - share) * end + share * beginning.",
        "Then the rest: torch.cat([blend, frames[overlap:-overlap]]).",
    ),
)(motion.make_loop)


def _looped(frames, overlap, shares=None, rest=None, first=None):
    """A loop with other shares, or another rest."""
    share = torch.arange(1, overlap + 1) / (overlap + 1) if shares is None else shares
    blend = torch.lerp(frames[-overlap:], frames[:overlap], share.view(-1, 1, 1, 1))
    return torch.cat([blend, frames[overlap:-overlap] if rest is None else rest])


make_loop.mistake(
    "The shares are turned round: the blend begins with the end of the clip, and goes over into its beginning.",
    lambda x, n: _looped(x, n, torch.arange(n, 0, -1) / (n + 1)),
)
make_loop.mistake(
    "The first share is 1 / (overlap + 1), not 0: else the clip's last frames come in full once more.",
    lambda x, n: _looped(x, n, torch.arange(n) / n),
)
make_loop.mistake(
    "The shares are (k + 1) / (overlap + 1); with (k + 1) / overlap the last of them is a plain frame.",
    lambda x, n: _looped(x, n, torch.arange(1, n + 1) / n),
)
make_loop.mistake(
    "The shares run from 0 to 1 with both ends; none of the mixtures is a plain frame: (k + 1) / (overlap + 1).",
    lambda x, n: _looped(x, n, torch.linspace(0, 1, n)),
)
make_loop.mistake(
    "All mixtures are half and half; the share of the beginning grows.",
    lambda x, n: _looped(x, n, torch.full((n,), 0.5)),
)
make_loop.mistake(
    "The last frames come again after they have faded away: the rest ends `overlap` frames before the end.",
    lambda x, n: _looped(x, n, rest=x[n:]),
)
make_loop.mistake(
    "The first frames come again, after the blend: the rest begins with frame `overlap`.",
    lambda x, n: _looped(x, n, rest=x[:-n]),
)
make_loop.mistake(
    "The blend stands at the end. The result begins with it.", lambda x, n: _looped(x, n).roll(-n, 0)
)
make_loop.mistake(
    "The end is cut off, and nothing is blended: the jump is still there.", lambda x, n: x[:-n].clone()
)
make_loop.mistake(
    "To and fro makes a loop without a jump, but time runs backwards in half of it. Asked for is a cross-fade.",
    lambda x, n: torch.cat([x, x.flip(0)[1:-1]]),
)
make_loop.mistake(
    "Only the blend is returned; the rest of the clip follows it.", lambda x, n: _looped(x, n)[:n]
)
make_loop.mistake(
    "The end runs backwards in the blend: frames[-overlap:] in its own order.",
    lambda x, n: _looped(torch.cat([x[:-n], x[-n:].flip(0)]), n),
)


_TIMES = 24  # frames in which an effect is looked at


def _frame(attempt, t, height, width):
    """What the attempt gives at a time, when it is a frame."""
    frame = guarded(attempt, t, height, width)
    if not isinstance(frame, torch.Tensor) or not frame.is_floating_point():
        raise Wrong(
            f"A frame is a tensor of floats, not {type(frame).__name__ if not hasattr(frame, 'dtype') else frame.dtype}."
        )
    if tuple(frame.shape) != (4, height, width):
        raise Wrong(
            f"For height={height} and width={width} a frame has the shape (4, {height}, {width}), not {tuple(frame.shape)}."
        )
    if not frame.isfinite().all():
        raise Wrong(f"At t = {t:.2f} there are NaN or inf in the frame.")
    low, high = frame.aminmax()
    if low < -1e-4 or high > 1 + 1e-4:
        raise Wrong(
            f"The values lie between 0 and 1; at t = {t:.2f} they go from {low:.2f} to {high:.2f}: .clamp(0, 1)."
        )
    return frame.detach().float()


def _verify_effect(attempt):
    clip = torch.stack([_frame(attempt, k / _TIMES, 48, 64) for k in range(_TIMES)])
    _frame(attempt, 0.5, 40, 32)
    if not torch.equal(clip[5], _frame(attempt, 5 / _TIMES, 48, 64)):
        raise Wrong(
            "Asked twice for the same time it gives two frames: use a generator with a seed of its own."
        )
    colour, alpha = clip[:, :3], clip[:, 3:]
    if (colour > alpha + 1e-3).any():
        raise Wrong(
            "A colour is larger than its alpha. Colours are premultiplied: multiply them by alpha before you stack them."
        )
    if alpha.amax() < 0.1:
        raise Wrong("Nothing is to be seen: alpha is below 0.1 everywhere.")
    if alpha.amin() > 0.9:
        raise Wrong(
            "It hides everything, at all times: an effect leaves something of what lies behind (alpha near 0)."
        )
    steps = (clip[1:] - clip[:-1]).abs().mean(dim=(1, 2, 3))
    if steps.max() < 1e-5:
        raise Wrong("It stands still: the frames do not depend on t.")
    seam = motion.seam(clip)
    if seam > 1.5:
        raise Wrong(
            f"From the last frame to the first it jumps, {seam:.1f} times as far as in its other steps. At t = 1 it must be "
            "where it was at t = 0: sin and cos of 2 · π · t are."
        )
    if steps.max() > 8 * steps.median() + 1e-3:
        raise Wrong(
            f"Between two frames it jumps, {steps.max() / steps.median():.0f} times as far as in the others."
        )
    return (
        f"It covers {alpha.mean():.0%} of the picture on average, its frames differ by {steps.mean():.3f}, and it loops "
        f"with a seam of {seam:.2f} (up to 1 nobody sees it)."
    )


@exercise(
    verify=_verify_effect,
    hints=(
        "x = torch.linspace(-1, 1, width)[None] and y = torch.linspace(-1, 1, height)[:, None] are the pixels' places. "
        "A soft spot at (a, b) is torch.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.02); let a and b move with sin and cos "
        "of 2 · π · t.",
        "Its brightness is the alpha, clamped to 1. The colour is alpha times three numbers: torch.stack([alpha, "
        "0.7 * alpha, 0.2 * alpha, alpha]). Begin with the answer that `solution` shows.",
    ),
)
def my_effect(t, height, width):
    """A frame (4, height, width) at time t of a loop from 0 to 1: premultiplied colours, and alpha, from 0 to 1."""
    x, y = torch.linspace(-1, 1, width)[None], torch.linspace(-1, 1, height)[:, None]
    light = torch.zeros(height, width)
    for k in range(12):  # a comet on a circle: twelve spots, the later the weaker
        angle = 2 * math.pi * t - 0.12 * k
        spot = (x - 0.6 * math.cos(angle)) ** 2 + (y - 0.6 * math.sin(angle)) ** 2
        light = light + (1 - k / 12) * torch.exp(-spot / 0.01)
    alpha = light.clamp(max=1)
    return torch.stack([alpha, 0.7 * alpha, 0.2 * alpha, alpha])


def _ours(t, height, width):
    return my_effect.answer(t, height, width)


my_effect.mistake("premultiplied", lambda t, h, w: torch.cat([torch.ones(3, h, w), _ours(t, h, w)[3:]]))
my_effect.mistake(
    "It jumps", lambda t, h, w: _ours(1.0 if t > 0.5 else 0.0, h, w) if t else 0 * _ours(t, h, w)
)
my_effect.mistake("From the last frame to the first", lambda t, h, w: _ours(t / 2, h, w))
my_effect.mistake("It stands still", lambda t, h, w: _ours(0.0, h, w))
my_effect.mistake("the shape (4, 48, 64)", lambda t, h, w: _ours(t, h, w)[:3])
my_effect.mistake("the shape (4, 40, 32)", lambda t, h, w: _ours(t, 48, 64))
my_effect.mistake("from 0.00 to 2.00", lambda t, h, w: 2 * _ours(t, h, w))
my_effect.mistake("not torch.uint8", lambda t, h, w: (255 * _ours(t, h, w)).byte())
my_effect.mistake("It hides everything", lambda t, h, w: torch.cat([_ours(t, h, w)[:3], torch.ones(1, h, w)]))
my_effect.mistake("Nothing is to be seen", lambda t, h, w: 0.05 * _ours(t, h, w))
my_effect.mistake("Asked twice", lambda t, h, w: _ours(t, h, w) * (0.9 + 0.1 * torch.rand(())))
my_effect.mistake("NaN or inf", lambda t, h, w: _ours(t, h, w) / (t * torch.ones(())) * t)
