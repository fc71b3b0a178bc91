"""Drawn clips to learn from: two sprites move over a moving landscape, and the true motion is known.

Each thing is a picture of its own that swings: to and fro, up and down, turning, growing and shrinking, each a sine
with a phase and a speed. So it stays in the clip however long that is, and is rarely as fast as a frame before.
"""

import torch
import torch.nn.functional as F

from imagegen_lessons import runtime
from imagegen_lessons.motion.optical_flow import pixel_positions
from imagegen_lessons.settings import whole
from imagegen_lessons.synthetic import landscapes, sprites

SPRITES = 2  # in each clip
FINE = 2  # drawn so many times as large, then averaged: edges are smooth
BACKGROUND = 128  # pixels of the landscapes, of which a clip shows a part


@torch.no_grad()
def sample_clips(n, frames=3, size=64, seed=0, flow=False):
    """n clips (n, frames, 3, size, size) in [0, 1]. The same seed gives the same clips.

    Landscapes move by up to about 2 pixels a frame, sprites by up to about 4, in clips of 64 pixels; larger clips show
    the same in more pixels. With flow=True a pair: the clips, and the true flow (n, frames - 1, 2, size, size) from
    each frame to the next, of what is in front. Raises ValueError for other numbers.
    """
    n, frames = whole(n, "The number of clips"), whole(frames, "The number of frames")
    size, seed = whole(size, "The size of clips", least=16), whole(seed, "The seed", least=0)
    random = torch.rand(n, 1 + SPRITES, 12, generator=runtime.generator(seed))
    grounds = landscapes.render(landscapes.sample(n, seed), BACKGROUND)
    factors = sprites.sample(n * SPRITES, seed, shift_x="middle", shift_y="middle")
    things = sprites.render(factors, 2 * sprites.SIZE).unflatten(0, (n, SPRITES))
    layers = [(grounds, _swings(random[:, 0], reach=0.6, speed=2 / 64, scale=1.6, turn=0.25))]
    for k in range(SPRITES):
        swing = _swings(random[:, 1 + k], reach=0.3, speed=4 / 64, scale=0.6, turn=0.5)
        layers.append((things[:, k], swing))
    clips = torch.stack([_picture(layers, k, size) for k in range(frames)], dim=1)
    if not flow:
        return clips
    flows = [_flow(layers, k, size) for k in range(frames - 1)]
    return clips, torch.stack(flows, dim=1) if flows else clips.new_zeros(n, 0, 2, size, size)


def _swings(random, reach, speed, scale, turn):
    """How n things move: a function of the time in frames, to middles (n, 2), scales (n,) and angles (n,).

    random: numbers (n, 12) from 0 to 1, from which all follows. Lengths are shares of the picture. reach: how far from
    the picture's middle; speed: of the thing's middle, a frame; scale: about the thing's side; turn: radians, at most.
    """
    phase = 2 * torch.pi * random[:, :4]
    amount = reach * (0.3 + 0.7 * random[:, 4:6])
    rate = torch.cat([speed * (0.25 + 0.75 * random[:, 6:8]) / amount, 0.02 + 0.1 * random[:, 8:10]], dim=1)
    middle, size, slope = 0.3 * (random[:, 10:12] - 0.5), 0.75 + 0.5 * random[:, 10], random[:, 11] * turn

    def at(time):
        wave = torch.sin(phase + rate * time)
        return middle + amount * wave[:, :2], scale * size * (1 + 0.2 * wave[:, 2]), slope * wave[:, 3]

    return at


def _places(pixels, swing, time):
    """Where pixels (1 or n, 2, h, w), as shares from the picture's middle, lie in a thing: from -1 to 1."""
    middle, scale, angle = swing(time)
    x, y = (pixels - middle[:, :, None, None]).unbind(dim=1)
    cos, sin = (f(angle)[:, None, None] for f in (torch.cos, torch.sin))
    return torch.stack([cos * x + sin * y, cos * y - sin * x], dim=1) * (2 / scale)[:, None, None, None]


def _pixels(places, swing, time):
    """The opposite of `_places`."""
    middle, scale, angle = swing(time)
    x, y = (places * (scale / 2)[:, None, None, None]).unbind(dim=1)
    cos, sin = (f(angle)[:, None, None] for f in (torch.cos, torch.sin))
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=1) + middle[:, :, None, None]


def _shares(size):
    """The pixels of a picture as shares of it, from its middle: (1, 2, size, size)."""
    return ((pixel_positions(torch.empty(size, size)) + 0.5) / size - 0.5)[None]


def _look(picture, places, beyond):
    return F.grid_sample(picture, places.movedim(1, -1), padding_mode=beyond, align_corners=False)


def _picture(layers, time, size):
    """The layers at a time, one over the other: (n, 3, size, size)."""
    (ground, swing), *things = layers
    pixels = _shares(FINE * size)
    x = _look(
        ground, _places(pixels, swing, time), "reflection"
    )  # beyond its border it goes on as in a mirror
    for thing, swing in things:
        front = _look(thing, _places(pixels, swing, time), "zeros")
        x = front[:, :3] + (1 - front[:, 3:]) * x
    return F.avg_pool2d(x, FINE).clamp(0, 1)


def _flow(layers, time, size):
    """Where each pixel's foremost layer has moved a frame later, in pixels: (n, 2, size, size)."""
    pixels, flow = _shares(size), None
    for picture, swing in layers:
        places = _places(pixels, swing, time)
        moved = size * (_pixels(places, swing, time + 1) - pixels)
        flow = (
            moved if flow is None else torch.where(_look(picture[:, 3:], places, "zeros") > 0.5, moved, flow)
        )
    return flow
