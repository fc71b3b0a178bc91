"""Frame interpolation: a small network that finds the frame between two others."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.motion.optical_flow import warp
from imagegen_lessons.settings import number, whole

COARSE_TO_FINE = (
    8,
    4,
    2,
)  # how many times smaller the frames are at each scale; sides are multiples of the first


class InterpolationNetwork(nn.Module):
    """The frame at time t between frames a (t = 0) and b (t = 1), by two flows, to a and to b, and a mask.

    What a or b shows need not be painted: it is fetched. The flows say where from, the mask from which of the two,
    which counts where one of them hides it. Both are found from coarse to fine by one network that serves all scales:
    it sees the frames moved by what it knows so far, and corrects that. Untrained it blends.
    Sources: Jiang et al. 2018, "Super SloMo" (flows, mask, equation 7); Huang et al. 2022, "RIFE" (flows from the frame
    that is sought, coarse to fine).
    """

    def __init__(self, hidden=40, layers=6):
        super().__init__()
        hidden, layers = (
            whole(hidden, "The width of the hidden layers"),
            whole(layers, "The number of layers"),
        )
        # It sees a and b as they are moved so far, both flows, the mask, and the time.
        self.first = nn.Conv2d(3 + 3 + 4 + 1 + 1, hidden, 3, padding=1)
        self.inner = nn.ModuleList([nn.Conv2d(hidden, hidden, 3, padding=1) for _ in range(layers)])
        self.last = nn.Conv2d(hidden, 4 + 1, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, a, b, t=0.5):
        """Frames a and b (n, 3, h, w) in [0, 1], h and w multiples of 8, 0 <= t <= 1: the frame (n, 3, h, w) at t.

        Raises ValueError for frames that do not fit, and for another time.
        """
        return _mixed(a, b, self.motion(a, b, t)[-1], t)

    def loss(self, a, b, between, t=0.5):
        """The mean absolute error of the frame, at every scale: what is far in pixels is near where pixels are few."""
        error = 0
        for known in self.motion(a, b, t):
            small_a, small_b, truth = (F.adaptive_avg_pool2d(x, known.shape[-2:]) for x in (a, b, between))
            error = error + (_mixed(small_a, small_b, known, t) - truth).abs().mean()
        return error

    def motion(self, a, b, t=0.5):
        """What is known after each scale, the last as large as a: (n, 5, h, w).

        The flows from the frame at t to a and to b, two channels each, in pixels; and the mask: above 0, a is seen.
        """
        _check(a, b)
        if not number(t, "The time of a frame", 0) <= 1:
            raise ValueError(f"The time of a frame is between 0 (a) and 1 (b), not {t}.")
        known = []
        for factor in COARSE_TO_FINE:
            small_a, small_b = F.avg_pool2d(a, factor), F.avg_pool2d(b, factor)
            before = _finer(known[-1]) if known else small_a.new_zeros(len(a), 5, *small_a.shape[-2:])
            known.append(before + self._correction(small_a, small_b, before, t))
        return [*known, _finer(known[-1])]

    def _correction(self, a, b, known, t):
        moved = [warp(a, known[:, :2]), warp(b, known[:, 2:4])]
        h = self.first(torch.cat([*moved, known, torch.full_like(known[:, :1], t)], dim=1))
        for layer in self.inner:
            h = h + layer(F.relu(h))
        return self.last(F.relu(h))


def between(a, b, flow, t=0.5):
    """The frame at time t by one flow (n, 2, h, w) from a to b, as `lucas_kanade` finds it: both moved, then blended.

    It takes each pixel to move as the pixel of a does that lies in its place, which is nearly so where motion is even.
    """
    return (1 - t) * warp(a, -t * flow) + t * warp(b, (1 - t) * flow)


def _mixed(a, b, known, t):
    """The frame that the flows and the mask (n, 5, h, w) make of a and b."""
    from_a, from_b = (
        (1 - t) * torch.sigmoid(known[:, 4:]),
        t * torch.sigmoid(-known[:, 4:]),
    )  # the nearer counts more
    moved_a, moved_b = warp(a, known[:, :2]), warp(b, known[:, 2:4])
    return (from_a * moved_a + from_b * moved_b) / (from_a + from_b)


def _finer(known):
    """Flows and mask for twice the pixels: so twice the way."""
    known = F.interpolate(known, scale_factor=2, mode="bilinear")
    return torch.cat([2 * known[:, :4], known[:, 4:]], dim=1)


def _check(a, b):
    for x in (a, b):
        if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.dim() != 4 or x.shape[1] != 3:
            have = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
            raise ValueError(f"A frame is a tensor of floats (n, 3, height, width), not {have}.")
    if a.shape != b.shape:
        raise ValueError(f"Both frames have one shape, not {tuple(a.shape)} and {tuple(b.shape)}.")
    if a.numel() == 0 or any(side % COARSE_TO_FINE[0] for side in a.shape[-2:]):
        raise ValueError(
            f"The sides of a frame are multiples of {COARSE_TO_FINE[0]}, not {tuple(a.shape[-2:])}."
        )
