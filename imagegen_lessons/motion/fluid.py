"""Smoke and fire: a fluid in two dimensions, stepped forward stably (Stam 1999, "Stable Fluids").

The picture is the space: velocities are in pixels a step, channel 0 to the right and channel 1 down, as in an optical
flow. Left and right meet. Above and below lies a rim where all comes to rest, so that smoke leaves at the top for good.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from imagegen_lessons.motion.optical_flow import pixel_positions
from imagegen_lessons.settings import number, whole


@dataclass(frozen=True)
class Fluid:
    """velocity (n, 2, h, w), density of smoke (n, 1, h, w) from 0 to 1, temperature (n, 1, h, w) from 0 (air) to 1."""

    velocity: torch.Tensor
    density: torch.Tensor
    temperature: torch.Tensor

    def __post_init__(self):
        n, _, height, width = _shape(self.velocity, "The velocity of a fluid", 2)
        for x, what in ((self.density, "The density of a fluid"), (self.temperature, "Its temperature")):
            if _shape(x, what, 1) != (n, 1, height, width):
                raise ValueError(f"{what} has the shape {(n, 1, height, width)}, not {tuple(x.shape)}.")
        if min(height, width) < 8:
            raise ValueError(f"A fluid has at least 8 × 8 pixels, not {height} × {width}.")


def _shape(x, what, channels):
    if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.dim() != 4 or x.shape[1] != channels:
        have = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, torch.Tensor) else type(x).__name__
        raise ValueError(f"{what} is a tensor of floats (n, {channels}, h, w), not {have}.")
    return tuple(x.shape)


def still_air(n=1, size=64, device=None):
    """A Fluid at rest, cold and clear: n times `size` pixels, a square's side or (height, width)."""
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"A size is a whole number or a pair (height, width), not {size!r}.")
    n = whole(n, "The number of fluids")
    sides = [whole(side, "The size of a fluid", least=8) for side in sides]
    return Fluid(*(torch.zeros(n, channels, *sides, device=device) for channels in (2, 1, 1)))


def add_source(fluid, mask, density=1.0, temperature=1.0):
    """The fluid with smoke and heat where `mask` (1 or n, 1, h, w) is 1, a part of them where it is between 0 and 1.

    The mask can be any picture in grey: letters, a ring, the edge of a sword.
    """
    n, _, height, width = fluid.velocity.shape
    if _shape(mask, "A mask", 1) not in ((1, 1, height, width), (n, 1, height, width)):
        raise ValueError(f"The mask has the shape {(n, 1, height, width)}, not {tuple(mask.shape)}.")
    density, temperature = number(density, "The density", 0), number(temperature, "The temperature", 0)
    return replace(
        fluid,
        density=fluid.density + mask * (density - fluid.density).clamp(min=0),
        temperature=fluid.temperature + mask * (temperature - fluid.temperature).clamp(min=0),
    )


def slopes(x):
    """The slopes of maps (..., h, w) to the right and down, by central differences; all sides meet."""
    return (x.roll(-1, -1) - x.roll(1, -1)) / 2, (x.roll(-1, -2) - x.roll(1, -2)) / 2


def divergence(velocity):
    """How much more flows out of each pixel than into it: (n, 2, h, w) to (n, 1, h, w)."""
    return slopes(velocity[:, :1])[0] + slopes(velocity[:, 1:])[1]


def curl(velocity):
    """How fast each pixel turns, clockwise on the screen: (n, 2, h, w) to (n, 1, h, w)."""
    return slopes(velocity[:, 1:])[0] - slopes(velocity[:, :1])[1]


def project(velocity):
    """The part of a velocity (n, 2, h, w) without divergence, exact for `divergence`, and with mean zero.

    Pressure pushes apart what flows together: its slopes are taken away. In Fourier space (where a central difference
    is a multiplication by i sin k) this means to take from each wave the part along its own direction.
    """
    height, width = velocity.shape[-2:]
    waves = torch.fft.rfft2(velocity)
    along = 2 * math.pi * torch.arange(width // 2 + 1, dtype=velocity.dtype, device=velocity.device) / width
    down = 2 * math.pi * torch.arange(height, dtype=velocity.dtype, device=velocity.device) / height
    x, y = torch.sin(along), torch.sin(down)[:, None]
    length = x**2 + y**2
    # The mean is removed, and so are checkerboards, which central differences take for it.
    seen = length > 1e-9
    pressure = (x * waves[:, :1] + y * waves[:, 1:]) / length.where(seen, 1.0)
    waves = torch.cat([waves[:, :1] - x * pressure, waves[:, 1:] - y * pressure], dim=1) * seen
    return torch.fft.irfft2(waves, s=(height, width))


def advect(x, velocity):
    """Maps x (n, c, h, w) carried along for one step: each pixel fetches what the flow brings it (semi-Lagrangian).

    Bilinear between pixels. Left and right meet; what would come from above or below the picture is its border.
    """
    height, width = x.shape[-2:]
    column, row = (pixel_positions(x) - velocity).unbind(dim=1)
    # The first column comes once more at the end, for what lies between the last and the first.
    column = column.remainder(width)
    grid = torch.stack([column * (2 / width) - 1, row * (2 / (height - 1)) - 1], dim=-1)
    wider = torch.cat([x, x[..., :1]], dim=-1)
    return F.grid_sample(wider, grid, mode="bilinear", padding_mode="border", align_corners=True)


def confinement(velocity):
    """The force (n, 2, h, w) that makes small eddies spin as fast as they did before advection blurred them.

    It is at right angles to the way to the eddy's middle, where the curl is largest (Fedkiw et al. 2001, section 3).
    """
    turn = curl(velocity)
    right, down = slopes(turn.abs())
    length = (right.square() + down.square()).sqrt() + 1e-5
    return torch.cat([down / length * turn, -right / length * turn], dim=1)


def rim(x, above, below):
    """Factors (h, 1) for maps (..., h, w): 1 inside, falling to 0 over so many rows above and below."""
    row = torch.arange(x.shape[-2], dtype=x.dtype, device=x.device)
    near = torch.minimum(row / above, row.flip(0) / below).clamp(max=1)
    return torch.sin(near * (math.pi / 2)).square()[:, None]


def step(fluid, buoyancy=0.1, swirl=0.1, cooling=0.02, fading=0.01, wind=0.0):
    """The fluid one step later. Its velocity is free of divergence.

    buoyancy: how much faster hot air (temperature 1) rises after a step, in pixels a step; swirl: how strongly eddies
    are kept (`confinement`); cooling and fading: which share of heat and smoke is lost in a step; wind: pixels a step
    to the right that all is carried in addition. Raises ValueError for other numbers.
    """
    buoyancy, swirl, wind = number(buoyancy, "Buoyancy"), number(swirl, "Swirl", 0), number(wind, "Wind")
    cooling, fading = number(cooling, "Cooling", 0, 1), number(fading, "Fading", 0, 1)
    everything = torch.cat([fluid.velocity, fluid.density, fluid.temperature], dim=1)
    carrier = torch.cat([fluid.velocity[:, :1] + wind, fluid.velocity[:, 1:]], dim=1)
    velocity, density, temperature = advect(everything, carrier).split([2, 1, 1], dim=1)
    lift = torch.cat([torch.zeros_like(temperature), -buoyancy * temperature], dim=1)
    velocity = velocity + lift + swirl * confinement(velocity)
    thin = max(2, velocity.shape[-2] // 16)
    gone = rim(density, above=3 * thin, below=thin)  # higher above, lest smoke turn round there and come back
    velocity = project(velocity * rim(velocity, above=thin, below=thin))
    return Fluid(velocity, (1 - fading) * gone * density, (1 - cooling) * gone * temperature)
