"""Neural cellular automata: cells that see only their neighbours, all with the same small network, and grow a picture.

A state is a tensor (n, channels, h, w). Its first four channels are red, green, blue and alpha, the colours
premultiplied; the others are what cells tell each other. Source: Mordvintsev et al. 2020, "Growing Neural Cellular
Automata".
"""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.settings import number, whole

ALIVE = 0.1  # the alpha from which on a cell keeps its neighbours alive


def seed(n, channels, size, device=None):
    """States (n, channels, size, size) with one living cell in the middle: alpha and what follows are 1 there."""
    n, channels = whole(n, "The number of states"), whole(channels, "The number of channels", least=4)
    size = whole(size, "The size", least=3)
    state = torch.zeros(n, channels, size, size, device=device)
    state[:, 3:, size // 2, size // 2] = 1.0
    return state


def to_rgba(state):
    """The picture that states show: (n, 4, h, w) in [0, 1], its colours premultiplied by alpha."""
    return state[:, :4].clamp(0, 1)


def alive(state):
    """Which cells live, bool (n, 1, h, w): those with an alpha above ALIVE in their neighbourhood of 3 × 3."""
    x = F.pad(state[:, 3:4] > ALIVE, (1, 1, 1, 1))  # three times as fast as max_pool2d, and the same
    x = x[:, :, :-2] | x[:, :, 1:-1] | x[:, :, 2:]
    return x[..., :-2] | x[..., 1:-1] | x[..., 2:]


def perceive(state, padding="constant"):
    """What cells see of states (n, c, h, w): themselves, and their slopes right and down by Sobel: (n, 3 * c, h, w).

    padding: what lies around, "constant" (zeros) or "circular" (the other side).
    """
    x = F.pad(state, (1, 1, 1, 1), mode=padding)
    down = x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]  # smoothed over three rows
    across = x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]  # smoothed over three columns
    slope_x, slope_y = down[..., 2:] - down[..., :-2], across[:, :, 2:] - across[:, :, :-2]
    return torch.cat([state, slope_x / 8, slope_y / 8], dim=1)


def holes(body, n, share=0.3):
    """n masks (n, 1, h, w) that erase about this share of a body (h, w), a bool map: 0 where it is erased, else 1.

    Half of them, at random, erase all on one side of a line, the others a disc. Raises ValueError for an empty body.
    """
    if not isinstance(body, torch.Tensor) or body.dtype != torch.bool or body.dim() != 2 or not body.any():
        raise ValueError("A body is a bool tensor (h, w) that is somewhere True.")
    n, share = whole(n, "The number of masks"), number(share, "The share that is erased", 0, 1)
    places, kept = body.nonzero().float(), []
    y, x = torch.meshgrid(*(torch.arange(side, dtype=torch.float) for side in body.shape), indexing="ij")
    for _ in range(n):
        if torch.rand(()) < 0.5:
            angle = 2 * torch.pi * torch.rand(())
            distance = x * angle.cos() + y * angle.sin()
        else:
            row, column = places[torch.randint(len(places), ())]
            distance = torch.hypot(x - column, y - row)
        kept.append(distance > distance[body].quantile(share))
    return torch.stack(kept)[:, None].float()


class CellularAutomaton(nn.Module):
    """One step of all cells: states (n, channels, h, w) to the next ones.

    What a cell sees goes through a hidden layer into a change of the cell. The last layer begins at zero, so that
    before training nothing changes. living: cells without living neighbours are emptied, as a growing picture needs;
    without, the state is a texture whose opposite sides meet (Niklasson et al. 2021), and alpha a channel like others.
    """

    def __init__(self, channels=12, hidden=64, living=True):
        super().__init__()
        self.channels, self.living = whole(channels, "The number of channels", least=4), living
        self.hidden = nn.Linear(3 * channels, whole(hidden, "The width of the hidden layer"))
        self.change = nn.Linear(hidden, channels, bias=False)
        nn.init.zeros_(self.change.weight)

    def forward(self, state, rate=0.5):
        """rate: the probability that a cell takes this step, since no clock tells them all when. In (0, 1]."""
        if not isinstance(state, torch.Tensor) or state.dim() != 4 or state.shape[1] != self.channels:
            have = tuple(state.shape) if isinstance(state, torch.Tensor) else type(state).__name__
            raise ValueError(f"States have the shape (n, {self.channels}, height, width), not {have}.")
        if not 0 < number(rate, "The rate of updates") <= 1:
            raise ValueError(f"The rate of updates is a probability above 0, not {rate}.")
        n, _, height, width = state.shape
        seen = perceive(state, "constant" if self.living else "circular")
        steps = torch.rand(n, 1, height, width, device=state.device) < rate
        if self.living:
            before = alive(state)
            steps = steps & before
        # One row a cell, and only those that take the step: half of the work, or less.
        rows = steps.flatten().nonzero().squeeze(1)
        seen = seen.movedim(1, -1).flatten(0, 2).index_select(0, rows)
        changes = self.change(F.relu(self.hidden(seen)))
        cells = state.movedim(1, -1).flatten(0, 2).index_add(0, rows, changes)
        state = cells.view(n, height, width, self.channels).movedim(-1, 1)
        return state * (before & alive(state)) if self.living else state
