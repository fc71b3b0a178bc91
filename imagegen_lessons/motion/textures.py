"""Pictures of fire, water and stained glass without a beginning or an end, for automata to weave."""

import torch

from imagegen_lessons import runtime
from imagegen_lessons.motion.effects import fire
from imagegen_lessons.motion.fluid import add_source, slopes, step, still_air
from imagegen_lessons.motion.optical_flow import gaussian_blur, pixel_positions
from imagegen_lessons.settings import whole
from imagegen_lessons.synthetic import paintings

TEXTURES = ("fire", "water", "glass")
DEEP, BRIGHT = (0.02, 0.22, 0.38), (0.75, 1.0, 0.95)  # water without light, and where light comes together


@torch.no_grad()
def texture(name, size=96, seed=0):
    """A picture (1, 3, size, size) in [0, 1] of one of TEXTURES. The same seed gives the same picture.

    Fire is simulated (`fluid.step`), water is light on the floor of a pool, glass a painting. Raises ValueError for
    another name or size.
    """
    size, seed = whole(size, "The size of a texture", least=32), whole(seed, "The seed", least=0)
    if name not in TEXTURES:
        raise ValueError(f"There is no texture {name!r}: choose one of {', '.join(TEXTURES)}.")
    return {"fire": _flames, "water": _caustics, "glass": _glass}[name](size, seed)


def to_picture(state):
    """What the states (n, c, h, w) of a weaving automaton show: (n, 3, h, w) in [0, 1]. Empty states are grey."""
    return (state[:, :3] + 0.5).clamp(0, 1)


def _flames(size, seed):
    """A wall of flames: sparks are lit at random everywhere, and rise."""
    rng, fluid = runtime.generator(seed), still_air(1, 2 * size)
    for _ in range(60):
        sparks = gaussian_blur((torch.rand(1, 1, 2 * size, 2 * size, generator=rng) < 0.004).float(), 1.5)
        fluid = step(add_source(fluid, (12 * sparks).clamp(max=1)), buoyancy=0.15, swirl=0.3, cooling=0.06)
    return fire(fluid.temperature[..., size // 2 : -size // 2, size // 2 : -size // 2])[:, :3]


def _caustics(size, seed):
    """Sunlight on the floor of a pool: where a wavy surface bends it together it is bright."""
    rng, fine, waves = runtime.generator(seed), 4 * size, 24
    place = 2 * torch.pi * pixel_positions(torch.empty(fine, fine)) / fine
    surface = torch.zeros(fine, fine)
    for _ in range(waves):
        across, down = (
            size / 16 * torch.randn(2, generator=rng)
        ).round()  # whole waves, so that all sides meet
        phase = 2 * torch.pi * torch.rand((), generator=rng)
        surface += torch.sin(across * place[0] + down * place[1] + phase) / (1 + across.hypot(down))
    bent = torch.stack(slopes(surface))
    rays = (
        (pixel_positions(surface) + 10 * bent / bent.std()).div(4).long().remainder(size)
    )  # where they land
    light = torch.zeros(size * size).index_add(
        0, (rays[1] * size + rays[0]).flatten(), torch.ones(fine * fine)
    )
    light = (light.view(1, 1, size, size) / 16 / 4).clamp(max=1)
    deep, bright = (torch.tensor(colour).view(1, 3, 1, 1) for colour in (DEEP, BRIGHT))
    return torch.lerp(deep, bright, light)


def _glass(size, seed):
    """A painted window."""
    return paintings.paint("glass", seed, size)
