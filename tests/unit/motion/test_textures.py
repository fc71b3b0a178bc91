"""Textures to weave: always the same, within bounds, and as even as a texture is."""

import pytest
import torch

from imagegen_lessons import motion
from tests.unit.helpers import refused


@pytest.mark.parametrize("name", motion.TEXTURES)
def test_a_texture_is_everywhere_alike_and_not_plain(name):
    x = motion.texture(name, 64, seed=1)
    assert x.shape == (1, 3, 64, 64) and x.min() >= 0 and x.max() <= 1
    assert torch.equal(x, motion.texture(name, 64, seed=1))
    assert not torch.equal(x, motion.texture(name, 64, seed=2))
    assert x.std(dim=(2, 3)).max() > 0.1
    quarters = x.unfold(2, 32, 32).unfold(3, 32, 32).mean(dim=(1, 4, 5))
    assert quarters.max() - quarters.min() < 0.25


def test_the_colours_are_those_of_fire_and_of_water():
    fire, water = (motion.texture(name, 64).mean(dim=(0, 2, 3)) for name in ("fire", "water"))
    assert fire[0] > fire[1] + 0.2 and fire[1] > fire[2]
    assert water[2] > water[0] + 0.1


def test_opposite_sides_of_water_meet():
    x = motion.texture("water", 64)
    across = (x - x.roll(1, -1)).abs().mean(dim=(0, 1, 2))
    assert across[0] < 2 * across.median()


def test_an_empty_state_is_grey():
    assert (motion.to_picture(torch.zeros(2, 12, 8, 8)) == 0.5).all()
    assert motion.to_picture(torch.full((1, 4, 8, 8), 3.0)).max() == 1


@pytest.mark.parametrize(
    ("arguments", "says"), [(("lava",), "'lava'"), (("fire", 16), "size"), (("fire", 64, -1), "seed")]
)
def test_other_textures_are_refused(arguments, says):
    with refused(says):
        motion.texture(*arguments)
