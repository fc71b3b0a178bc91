"""Effects for use: smoke and fire as pictures, laid over others, in clips that loop.

A picture with alpha is (n, 4, h, w) in [0, 1], its colours premultiplied by alpha.
"""

import torch

from imagegen_lessons.settings import number, whole

# Glowing bodies become red first, green next, blue last: the heat at which each begins and at which it is full.
GLOW = ((0.05, 0.45), (0.3, 0.75), (0.6, 1.0))


def smoke(density, colour=(0.9, 0.9, 0.9), thickness=2.0):
    """Densities (n, 1, h, w) as pictures with alpha; light fades in smoke as Beer and Lambert say."""
    thickness = number(thickness, "The thickness of smoke", 0)
    if len(colour) != 3 or not all(0 <= number(value, "A part of a colour") <= 1 for value in colour):
        raise ValueError(f"A colour is three numbers (red, green, blue) from 0 to 1, not {colour}.")
    alpha = 1 - torch.exp(-thickness * _one_channel(density, "Densities").clamp(min=0))
    return torch.cat([value * alpha for value in colour] + [alpha], dim=1)


def fire(temperature):
    """Temperatures (n, 1, h, w) as pictures with alpha: from dark red by orange and yellow to white."""
    heat = _one_channel(temperature, "Temperatures")
    parts = [((heat - cold) / (hot - cold)).clamp(0, 1) for cold, hot in GLOW]
    return torch.cat(
        [*parts, parts[0]], dim=1
    )  # red is never less than the others: what glows hides what is behind


def _one_channel(x, what):
    if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.dim() != 4 or x.shape[1] != 1:
        have = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
        raise ValueError(f"{what} are a tensor of floats (n, 1, h, w), not {have}.")
    return x


def over(front, back):
    """A picture with alpha before another: (n, 4, h, w) over (n, 3, h, w) or (n, 4, h, w), which keeps its channels.

    Source: Porter and Duff 1984. Raises ValueError for other shapes.
    """
    shapes = [tuple(getattr(x, "shape", ())) for x in (front, back)]
    if any(len(shape) != 4 for shape in shapes) or shapes[0][1] != 4 or shapes[1][1] not in (3, 4):
        raise ValueError(f"(n, 4, h, w) is laid over 3 or 4 channels, not {shapes[0]} over {shapes[1]}.")
    if shapes[0][2:] != shapes[1][2:] or (len(front) != len(back) and 1 not in (len(front), len(back))):
        raise ValueError(f"Front and back have one size and number, not {shapes[0]} and {shapes[1]}.")
    return front[:, : back.shape[1]] + (1 - front[:, 3:]) * back


def make_loop(frames, overlap):
    """A clip (t, c, h, w) without a seam, `overlap` frames shorter: its end fades into its beginning.

    Raises ValueError unless the overlap is at most half of the clip.
    """
    overlap = whole(overlap, "The overlap")
    if not isinstance(frames, torch.Tensor) or frames.dim() != 4 or len(frames) < 2 * overlap:
        raise ValueError(
            f"A clip (t, c, h, w) of at least {2 * overlap} frames is needed, twice the overlap."
        )
    share = torch.arange(1, overlap + 1, dtype=frames.dtype, device=frames.device) / (overlap + 1)
    blend = torch.lerp(frames[-overlap:], frames[:overlap], share[:, None, None, None])
    return torch.cat([blend, frames[overlap:-overlap]])


def seam(frames):
    """The step from the last frame to the first, measured in the clip's median step; up to 1 nobody sees it.

    frames (t, c, h, w), at least three; a step is the mean absolute difference. A still clip has no seam: 0.
    """
    if not isinstance(frames, torch.Tensor) or frames.dim() != 4 or len(frames) < 3:
        raise ValueError("A clip of at least three frames (t, c, h, w) is needed.")
    steps = (frames - frames.roll(1, 0)).abs().mean(dim=(1, 2, 3))
    if steps[0] == 0:
        return 0.0
    return (steps[0] / steps[1:].median()).item()
