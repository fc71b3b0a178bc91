"""Phantoms: reproducible bodies, and a lesion that is where and as large as its factors say, and nowhere else."""

import pytest
import torch

from imagegen_lessons.synthetic import phantoms
from tests.unit.synthetic.test_worlds import same


def test_the_same_seed_gives_the_same_bodies():
    few, many = phantoms.sample(5, seed=3), phantoms.sample(50, seed=3)
    assert same(few, {name: value[:5] for name, value in many.items()})
    assert torch.equal(phantoms.render(few), phantoms.render(many)[:5])
    assert not torch.equal(phantoms.render(few), phantoms.render(phantoms.sample(5, seed=4)))


@pytest.mark.parametrize("size", [16, 96, 130])
def test_shape_type_and_range(size):
    x = phantoms.render(phantoms.sample(7, seed=1), size)
    assert x.shape == (7, 1, size, size) and x.dtype == torch.float32
    assert x.isfinite().all() and x.min() >= 0 and x.max() <= 1
    assert phantoms.render(phantoms.sample(0), size).shape == (0, 1, size, size)


def test_every_factor_is_seen():
    factors = phantoms.sample(20, seed=5, lesion="one")
    x = phantoms.render(factors)
    for name, factor in phantoms.FACTORS.items():
        other = 1 - factors[name] if factor.names else factor.low + factor.high - factors[name]
        moved = (phantoms.render({**factors, name: other}) - x).abs().amax(dim=(1, 2, 3))
        assert (moved > 0.01).float().mean() > 0.8, name


def test_the_lesion_is_inside_its_mask_and_as_bright_as_its_contrast():
    factors = phantoms.sample(40, seed=6, lesion="one", lesion_contrast=1.0)
    without = {**factors, "lesion": torch.zeros(40, dtype=torch.int64)}
    added = phantoms.render(factors) - phantoms.render(without)
    mask = phantoms.lesion_mask(factors)
    assert (added[mask == 0].abs() < 1e-6).all()
    assert added[mask == 1].min() > 0.05  # less than the contrast only where the picture is white
    assert added.max().item() == pytest.approx(0.28, abs=1e-4)
    assert torch.equal(mask, phantoms.lesion_mask(without))


@pytest.mark.parametrize("radius", [1.0, 3.0, 8.0])
@pytest.mark.parametrize("size", [96, 192])
def test_the_lesion_has_its_radius(radius, size):
    factors = phantoms.sample(6, seed=7, lesion_radius=radius, lesion_x=0.0, lesion_y=0.0)
    area = phantoms.lesion_mask(factors, size).sum(dim=(1, 2, 3))
    assert area.tolist() == pytest.approx([torch.pi * (radius / 100 * size) ** 2] * 6, rel=0.15)


def test_the_lesion_moves_with_its_factors():
    def centre(**place):
        mask = phantoms.lesion_mask(phantoms.sample(1, seed=8, tilt=0.0, **place))[0, 0]
        return (mask.nonzero() * mask[mask > 0][:, None]).sum(dim=0) / mask.sum()  # row, column

    across = centre(lesion_x=1.0) - centre(lesion_x=-1.0)
    down = centre(lesion_y=1.0) - centre(lesion_y=-1.0)
    assert across[1] > 10 and abs(across[0]) < 1
    assert down[0] > 10 and abs(down[1]) < 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (dict(lesion="two"), "lesion"),
        (dict(lesion_radius=0.0), "lesion_radius"),
        (dict(heart=1.0), "heart"),
        (dict(tilt=torch.zeros(3)), "2 values"),
    ],
)
def test_wrong_factors_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        phantoms.sample(2, **wrong)


@pytest.mark.parametrize("size", [15, 513, 96.0, None])
@pytest.mark.parametrize("draw", [phantoms.render, phantoms.lesion_mask])
def test_wrong_sizes_are_refused(draw, size):
    with pytest.raises(ValueError, match="size"):
        draw(phantoms.sample(1), size)
