"""Phantoms: a lesion that is where and as large as its factors say, and nowhere else."""

import pytest
import torch

from imagegen_lessons.synthetic import phantoms
from tests.unit.helpers import refused


def test_the_lesion_is_inside_its_mask_and_as_bright_as_its_contrast():
    factors = phantoms.sample(40, seed=6, lesion="one", lesion_contrast=1.0)
    without = {**factors, "lesion": torch.zeros(40, dtype=torch.int64)}
    added = phantoms.render(factors) - phantoms.render(without)
    mask = phantoms.lesion_mask(factors)
    assert (added[mask == 0].abs() < 1e-6).all()
    assert added[mask == 1].min() > 0.05  # less than the contrast only where the picture is white
    assert added.max().item() == pytest.approx(0.28, abs=1e-4)
    assert torch.equal(mask, phantoms.lesion_mask(without))


@pytest.mark.parametrize("radius", [1.0, 8.0])
@pytest.mark.parametrize("size", [96, 192])
def test_the_lesion_has_its_radius(radius, size):
    factors = phantoms.sample(6, seed=7, lesion_radius=radius, lesion_x=0.0, lesion_y=0.0)
    area = phantoms.lesion_mask(factors, size).sum(dim=(1, 2, 3))
    assert area.tolist() == pytest.approx([torch.pi * (radius / 100 * size) ** 2] * 6, rel=0.15)
    with refused("size"):
        phantoms.lesion_mask(factors, 8)


def test_the_lesion_moves_with_its_factors():
    def centre(**place):
        mask = phantoms.lesion_mask(phantoms.sample(1, seed=8, tilt=0.0, **place))[0, 0]
        return (mask.nonzero() * mask[mask > 0][:, None]).sum(dim=0) / mask.sum()  # row, column

    across = centre(lesion_x=1.0) - centre(lesion_x=-1.0)
    down = centre(lesion_y=1.0) - centre(lesion_y=-1.0)
    assert across[1] > 10 and abs(across[0]) < 1
    assert down[0] > 10 and abs(down[1]) < 1
