"""Inputs for the cases of exercises: random numbers, the same in every run, velocities, and a scene."""

import torch
from torch import nn

from imagegen_lessons import diffusion, shapes
from imagegen_lessons.runtime import generator


def uniform(*shape: int, seed: int) -> torch.Tensor:
    """Numbers from 0 to 1, as in a picture."""
    return torch.rand(*shape, generator=generator(seed))


def normal(*shape: int, seed: int) -> torch.Tensor:
    """Numbers with mean 0 and standard deviation 1."""
    return torch.randn(*shape, generator=generator(seed))


# Velocities of lesson 11, and the scene of lesson 13. They stand here, so that an error inside them is told at the
# line that called them.


class ToyVelocity(nn.Module):
    """A velocity of points or pictures, with a weight that can learn."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.7))

    def forward(self, x_t, t):
        diffusion.check_time(t, len(x_t))
        # The sum makes it notice when a picture comes flat, or turned round.
        return self.weight * x_t.sin() + 0.1 * x_t.cumsum(-1) + diffusion.over(t, x_t).square() - 0.3


def bent_velocity(x, t):
    """A velocity that changes with place and time; like a network it minds shapes, and which number stands where."""
    diffusion.check_time(t, len(x))
    return x.cos() * (1 + 2 * diffusion.over(t, x)) - 0.5 * x.roll(1, dims=-1)


class Recorded:
    """A velocity for n samples that writes down at which times it was asked."""

    def __init__(self, function, n):
        self.function, self.n, self.times = function, n, []

    def __call__(self, x, t):
        diffusion.check_time(t, self.n)
        self.times.append(t.max().item())
        return self.function(x, t)


def ball_on_ground(p):
    """The distance of points (n, 3) to a ball of radius 1 that lies on the ground."""
    if not isinstance(p, torch.Tensor) or p.dim() != 2 or p.shape[1] != 3:
        kind = f"of shape {tuple(p.shape)}" if isinstance(p, torch.Tensor) else f"a {type(p).__name__}"
        raise ValueError(f"distance takes points (n, 3), one for each ray, and this is {kind}")
    return shapes.union(shapes.sphere(shapes.translate(p, (0, 1, 0)), 1.0), shapes.plane(p))
