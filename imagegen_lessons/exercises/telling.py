"""Exercises of lesson 13 on telling fakes from photographs: waves, self-blending, a splice without a seam."""

import math

import torch

from imagegen_lessons.exercise import exercise
from imagegen_lessons.runtime import generator


@exercise(
    cases=((4,), (7,), (1,)),
    hints=(
        "k = torch.arange(n)[:, None] and i = torch.arange(n) give all pairs at once: k down, i across.",
        "The waves: (math.pi * (2 * i + 1) * k / (2 * n)).cos(). Then each row is made 1 long.",
        "Multiply by math.sqrt(2 / n), and divide row 0 by math.sqrt(2).",
    ),
)
def cosine_waves(n):
    """The DCT as a matrix (n, n): row k is cos(π (2 i + 1) k / 2 n) over the places i, scaled to length 1."""
    k, i = torch.arange(n)[:, None], torch.arange(n)
    waves = (math.pi * (2 * i + 1) * k / (2 * n)).cos() * math.sqrt(2 / n)
    waves[0] /= math.sqrt(2)
    return waves


@cosine_waves.mistake(
    "Row 0 is √2 too long: it is constant, so that its squares add up to more than a wave's."
)
def long_first_row(n):
    waves = cosine_waves.answer(n)
    waves[0] *= math.sqrt(2)
    return waves


@cosine_waves.mistake("The first wave is the constant one: k begins at 0.")
def without_the_constant(n):
    k, i = torch.arange(1, n + 1)[:, None], torch.arange(n)
    return (math.pi * (2 * i + 1) * k / (2 * n)).cos() * math.sqrt(2 / n)


@cosine_waves.mistake("All rows but the first are √2 too short: a wave's squares are a half on average.")
def too_short(n):
    return torch.cat([cosine_waves.answer(n)[:1], cosine_waves.answer(n)[1:] / math.sqrt(2)])


@cosine_waves.mistake("Each row should be 1 long: the sum of its squares is 1.")
def not_scaled(n):
    k, i = torch.arange(n)[:, None], torch.arange(n)
    return (math.pi * (2 * i + 1) * k / (2 * n)).cos()


@cosine_waves.mistake("Waves are rows here, and in your matrix they are columns: k goes down, i across.")
def columns(n):
    return cosine_waves.answer(n).T.contiguous()


@cosine_waves.mistake("The wave is taken in the middle of each pixel: 2 * i + 1, not 2 * i.")
def at_the_edges(n):
    k, i = torch.arange(n)[:, None], torch.arange(n)
    waves = (math.pi * 2 * i * k / (2 * n)).cos() * math.sqrt(2 / n)
    waves[0] /= math.sqrt(2)
    return waves


def _random(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(seed))


_SCENE, _MASK = _random(4, 3, 6, 6, seed=1), (2 * _random(4, 1, 6, 6, seed=2) - 0.5).clamp(0, 1)
_GAIN, _SHIFT = 0.6 + 0.9 * _random(4, 1, 1, 1, seed=3), 0.4 * _random(4, 3, 1, 1, seed=4) - 0.2


@exercise(
    cases=((_SCENE, _GAIN, _SHIFT, _MASK), (_SCENE[:2].flip(-1), _GAIN[2:], _SHIFT[2:], _MASK[:2])),
    hints=(
        "The altered copy is (scene * gain + shift).clamp(0, 1).",
        "Blend as for a splice: the copy where the mask is 1, the scene where it is 0.",
        "Stack the untouched scenes and the blended ones with torch.cat, and give them 0 and 1.",
    ),
)
def self_blend(scene, gain, shift, mask):
    """Untouched scenes (n, 3, h, w), then each with its own copy, gain · scene + shift in [0, 1], blended in by the
    mask (n, 1, h, w); and labels: a pair of (2 n, 3, h, w) and (2 n, 1), 0 for untouched and 1 for blended."""
    copy = (scene * gain + shift).clamp(0, 1)
    blended = scene * (1 - mask) + copy * mask
    n = len(scene)
    return torch.cat([scene, blended]), torch.cat([torch.zeros(n, 1), torch.ones(n, 1)])


@self_blend.mistake("The copy leaves the range of a picture: clamp it to 0 to 1 before blending.")
def out_of_range(scene, gain, shift, mask):
    x = torch.cat([scene, scene * (1 - mask) + (scene * gain + shift) * mask])
    return x, torch.arange(2.0).repeat_interleave(len(scene))[:, None]


@self_blend.mistake("Clamp the copy before blending; afterwards it is too late, since the mask is soft.")
def clamped_afterwards(scene, gain, shift, mask):
    x, y = out_of_range(scene, gain, shift, mask)
    return x.clamp(0, 1), y


@self_blend.mistake("First times the gain, then the shift: gain · scene + shift, not gain · (scene + shift).")
def shifted_first(scene, gain, shift, mask):
    return self_blend.answer(scene, gain, gain * shift, mask)


@self_blend.mistake("The other order: the untouched scenes come first, then the blended ones.")
def blended_first(scene, gain, shift, mask):
    return tuple(value.roll(len(scene), dims=0) for value in self_blend.answer(scene, gain, shift, mask))


@self_blend.mistake("The wrong way round: inside the mask (1) belongs the altered copy, outside the scene.")
def inside_out(scene, gain, shift, mask):
    return self_blend.answer(scene, gain, shift, 1 - mask)


@self_blend.mistake(
    "That is another person's face. The point is that a picture is blended with its own copy, and no other."
)
def somebody_else(scene, gain, shift, mask):
    x, y = self_blend.answer(scene, gain, shift, mask)
    copy = (scene * gain + shift).clamp(0, 1).roll(1, dims=0)
    return torch.cat([scene, scene * (1 - mask) + copy * mask]), y


@self_blend.mistake("The whole picture is altered: no border is left to be found. Blend by the mask.")
def everywhere(scene, gain, shift, mask):
    return self_blend.answer(scene, gain, shift, torch.ones_like(mask))


@self_blend.mistake("The labels are the wrong way round: 0 for the untouched scenes, 1 for the blended.")
def labels_swapped(scene, gain, shift, mask):
    x, y = self_blend.answer(scene, gain, shift, mask)
    return x, 1 - y


_INSIDE = torch.zeros(1, 1, 7, 6)
_INSIDE[..., 2:5, 1:4] = 1.0


@exercise(
    cases=(
        (_random(2, 3, 7, 6, seed=5), _random(2, 3, 7, 6, seed=6), _INSIDE),
        (_random(1, 1, 7, 6, seed=7), _random(1, 1, 7, 6, seed=8), _INSIDE),
    ),
    hints=(
        "The pixel above each pixel is x.roll(1, dims=-2); what comes round at the edge lies outside the mask.",
        "around(x): the mean of x.roll(±1, dims=-1) and x.roll(±1, dims=-2).",
        "Inside belongs around(x) + donor - around(donor), outside x: blend with the mask.",
    ),
)
def poisson_sweep(x, donor, mask):
    """One sweep of Poisson blending. Where the mask (0 or 1) is 1, a pixel of x becomes the mean of its four neighbours
    in x, plus how much the donor's pixel differs from the mean of its own four; elsewhere x stays.
    All pixels at once, from the old x; nothing is clamped."""

    def around(z):
        return (z.roll(1, -1) + z.roll(-1, -1) + z.roll(1, -2) + z.roll(-1, -2)) / 4

    return torch.where(mask > 0.5, around(x) + donor - around(donor), x)


def _around(z):
    return (z.roll(1, -1) + z.roll(-1, -1) + z.roll(1, -2) + z.roll(-1, -2)) / 4


@poisson_sweep.mistake("This only smooths x: the donor's differences to its neighbours must be added.")
def without_the_donor(x, donor, mask):
    return torch.where(mask > 0.5, _around(x), x)


@poisson_sweep.mistake(
    "That is a plain splice: only the donor's differences are taken over, not its colours."
)
def plain_splice(x, donor, mask):
    return torch.where(mask > 0.5, donor, x)


@poisson_sweep.mistake(
    "The neighbours' new values are used already. That even gets there faster, but asked for is the old x throughout."
)
def pixel_by_pixel(x, donor, mask):
    x, wanted = x.clone(), donor - _around(donor)
    for row, column in (mask[0, 0] > 0.5).nonzero().tolist():
        x[..., row, column] = _around(x)[..., row, column] + wanted[..., row, column]
    return x


@poisson_sweep.mistake("Nothing is clamped here: a sweep may leave the range of a picture on its way.")
def clamped(x, donor, mask):
    return poisson_sweep.answer(x, donor, mask).clamp(0, 1)


@poisson_sweep.mistake("Outside the mask x must stay as it is.")
def all_over(x, donor, mask):
    return _around(x) + donor - _around(donor)


@poisson_sweep.mistake("The donor's difference has the wrong sign: its pixel, minus the mean around it.")
def wrong_sign(x, donor, mask):
    return torch.where(mask > 0.5, _around(x) - donor + _around(donor), x)
