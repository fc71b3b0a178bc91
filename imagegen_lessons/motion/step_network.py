"""A fluid's step, learned: a small network that takes four steps of `fluid.step` at once, and films to learn from."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import runtime
from imagegen_lessons.motion.fluid import Fluid, add_source, advect, project, slopes, step, still_air
from imagegen_lessons.motion.optical_flow import pixel_positions
from imagegen_lessons.settings import whole

STRIDE = 4  # steps of the solver in one of the network
PATCH = 4  # squares of so many pixels a side are one place for the network
FACTOR = 2 * PATCH  # sides of a fluid are multiples of it
# How much an error counts in each map (velocity twice, smoke, heat), so that all count about the same.
WEIGHTS = (4.0, 4.0, 16.0, 8.0)


def from_stream(stream):
    """The velocity (n, 2, h, w) along the lines on which a stream function (n, 1, h, w) stays the same.

    Its slopes, turned by a right angle. Whatever the function, the velocity's `divergence` is 0 but for rounding.
    """
    right, down = slopes(stream)
    return torch.cat([down, -right], dim=1)


def to_maps(fluid):
    """A Fluid as one tensor (n, 4, h, w): velocity, smoke, heat."""
    return torch.cat([fluid.velocity, fluid.density, fluid.temperature], dim=1)


def from_maps(maps):
    """The opposite of `to_maps`."""
    return Fluid(*maps.split([2, 1, 1], dim=1))


class FluidNetwork(nn.Module):
    """The fluid STRIDE steps later: all is carried along by `advect` in one go, and a U-Net mends what that misses.

    What rises, turns, cools and thins, and how far off so long a stride was, it learns. Velocity: with stream=True the
    network gives a stream function, whose velocity is added, so that nothing it can say makes divergence (the idea of
    Kim et al. 2019, "Deep Fluids"); with stream=False it gives the change of the velocity itself. Of smoke and heat it
    gives the share that stays. Squares of pixels are channels; left and right meet, as in the solver.
    """

    def __init__(self, hidden=32, stream=True):
        super().__init__()
        a, self.stream = whole(hidden, "The width of the hidden layers", least=2), stream
        b = 3 * a // 2
        self.fine = nn.ModuleList([_conv(4 * PATCH**2 + 2, a), _conv(a, a)])
        self.coarse = nn.ModuleList([_conv(a, b), _conv(b, b)])
        self.up = nn.ModuleList([_conv(b + a, a)])
        self.last = _conv(a, (3 if stream else 4) * PATCH**2)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, fluid, wind, fuel):
        """wind (n,): pixels to the right in a step of the solver; fuel (n,): its buoyancy. The Fluid after the stride.

        Raises ValueError where the sides of the fluid are no multiples of 8, or wind and fuel do not fit it.
        """
        self._check(fluid, wind, fuel)
        wind_map = F.pad(wind.view(-1, 1, 1, 1), (0, 0, 0, 0, 0, 1))  # nothing down
        carried = advect(to_maps(fluid), STRIDE * (fluid.velocity + wind_map))
        change, kept = self.unet(carried, wind, fuel).split([1 if self.stream else 2, 2], dim=1)
        velocity = project(carried[:, :2]) + from_stream(change) if self.stream else carried[:, :2] + change
        smoke = carried[:, 2:] * torch.sigmoid(kept + 3)  # untrained, a twentieth is lost
        return Fluid(velocity, smoke[:, :1], smoke[:, 1:])

    def unet(self, x, wind, fuel):
        """Maps (n, 4, h, w), with two numbers for each fluid, to the maps (n, 3 or 4, h, w) of the last layer."""
        conditions = torch.stack([wind, 10 * fuel], dim=1)[:, :, None, None]
        x = F.pixel_unshuffle(x, PATCH)
        fine = _through(self.fine, torch.cat([x, conditions.expand(-1, -1, *x.shape[2:])], dim=1))
        h = _through(self.coarse, F.avg_pool2d(fine, 2))
        h = _through(self.up, torch.cat([F.interpolate(h, scale_factor=2), fine], dim=1))
        return F.pixel_shuffle(self.last(_around(h)), PATCH)

    @staticmethod
    def _check(fluid, wind, fuel):
        if not isinstance(fluid, Fluid):
            raise ValueError(f"The network steps a motion.Fluid, not {type(fluid).__name__}.")
        n, _, height, width = fluid.velocity.shape
        if height % FACTOR or width % FACTOR:
            raise ValueError(f"The sides of the fluid are multiples of {FACTOR}, not {height} × {width}.")
        for x, what in ((wind, "Wind"), (fuel, "Fuel")):
            if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.shape != (n,):
                have = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
                raise ValueError(f"{what} is a tensor of floats ({n},), a number for each fluid, not {have}.")


def _conv(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=(1, 0))  # `_around` pads left and right


def _around(x):
    """The last column comes before the first, and the first after the last: left and right meet."""
    return torch.cat([x[..., -1:], x, x[..., :1]], dim=-1)


def _through(layers, x):
    for layer in layers:
        x = F.silu(layer(_around(x)))
    return x


# ---- Films ----------------------------------------------------------------------------------------------------


def solver_steps(fluid, wind, fuel, steps=STRIDE):
    """What FluidNetwork learns, by the solver: the Fluid so many steps later, each of n with its own wind and fuel."""
    after = []
    for maps, w, f in zip(to_maps(fluid).split(1), wind.tolist(), fuel.tolist(), strict=True):
        one = from_maps(maps)  # the solver takes one number for all, so each is stepped alone
        for _ in range(steps):
            one = step(one, buoyancy=f, wind=w)
        after.append(to_maps(one))
    return from_maps(torch.cat(after))


def sample_fires(n, size=64, seed=0):
    """Settings of n fires: masks (n, 1, size, size) of where they burn, winds (n,) and fuels (n,).

    Discs in the lower part; winds from -0.4 to 0.4 and fuels from 0.02 to 0.12. The same seed gives the same fires.
    """
    n, size = whole(n, "The number of fires"), whole(size, "The size of fires", least=16)
    seed = whole(seed, "The seed", least=0)
    column, row, radius, wind, fuel = torch.rand(n, 5, generator=runtime.generator(seed)).T[:, :, None, None]
    x, y = pixel_positions(torch.empty(size, size)) / size
    across = (x - column + 0.5).remainder(1) - 0.5  # left and right meet
    mask = torch.hypot(across, y - 0.6 - 0.25 * row) < 0.03 + 0.045 * radius
    return mask.float()[:, None], 0.8 * (wind - 0.5).flatten(), 0.02 + 0.1 * fuel.flatten()


@torch.no_grad()
def film(step, mask, wind, fuel, frames, start=None):
    """What burns at `mask` (n, 1, h, w), frame by frame: (n, frames, 4, h, w), the maps of `to_maps`.

    step(fluid, wind, fuel): `solver_steps`, or a FluidNetwork; before each, smoke and heat are added at the mask.
    start: a Fluid, still air if None; it is the first frame.
    """
    frames = whole(frames, "The number of frames")
    fluid = still_air(len(mask), tuple(mask.shape[-2:]), mask.device) if start is None else start
    shown = [to_maps(fluid)]
    for _ in range(frames - 1):
        fluid = step(add_source(fluid, mask), wind, fuel)
        shown.append(to_maps(fluid))
    return torch.stack(shown, dim=1)


def film_loss(network, clips, mask, wind, fuel):
    """How far off a network is that goes on from the first frame of clips (n, frames, 4, h, w) on its own outputs.

    The mean squared error of all maps, weighted, over all frames. Clips of two frames train one step at a time; longer
    ones teach the network to go on from what it made itself.
    """
    fluid, error = from_maps(clips[:, 0]), 0
    weights = torch.tensor(WEIGHTS, device=clips.device)[:, None, None]
    for truth in clips.unbind(dim=1)[1:]:
        fluid = network(add_source(fluid, mask), wind, fuel)
        error = error + ((to_maps(fluid) - truth).square() * weights).mean()
    return error / (clips.shape[1] - 1)
