"""Drawn people and their clothes: labels that can be told, and nothing but the clothes changes."""

from itertools import combinations

import pytest
import torch

from imagegen_lessons.synthetic import outfits
from tests.unit.helpers import refused


def dressed_anew(factors, seed):
    """The same people in other outfits."""
    other = outfits.sample(len(factors["garment"]), seed=seed)
    return {**factors, **{name: other[name] for name in outfits.LABELS}}


def test_labels():
    assert [len(names) for names in outfits.LABELS.values()] == [6, 8, 4]
    factors = outfits.sample(3, garment="dress", colour="blue", pattern=torch.tensor([0, 1, 3]))
    label = outfits.label(factors)
    assert label.dtype == torch.int64 and label.tolist() == [[1, 4, 0], [1, 4, 1], [1, 4, 3]]
    assert outfits.label(outfits.sample(0)).shape == (0, 3)
    of_outfit = {name for name, factor in outfits.FACTORS.items() if factor.group == "outfit"}
    assert of_outfit == set(outfits.LABELS)


def test_labels_can_be_seen_at_32_pixels():
    """Any two garments, colours or patterns differ by more than a tenth in two per cent of the pixels."""
    factors = outfits.sample(24, seed=8)
    for name, names in outfits.LABELS.items():
        pictures = [outfits.render({**factors, name: value}) for value in range(len(names))]
        for x, other in combinations(pictures, 2):
            changed = ((x - other).abs().amax(1) > 0.1).float().mean((1, 2))
            assert changed.median() > 0.02, name


@pytest.mark.parametrize("size", [16, 32])
def test_only_clothes_change_with_the_outfit(size):
    factors = outfits.sample(60, seed=1)
    mask = outfits.garment_mask(factors, size)
    x = outfits.render(factors, size)
    assert mask.shape == (60, 1, size, size)
    assert 0 <= mask.min() <= mask.max() <= 1 and 0.1 < mask.mean() < 0.3
    changed = torch.zeros_like(mask)
    for seed in range(2, 8):
        change = (x - outfits.render(dressed_anew(factors, seed), size)).abs().amax(1, keepdim=True)
        assert (change[mask == 0] == 0).all() and (change <= mask + 1e-5).all()
        changed = torch.maximum(changed, change)
    # Nor is the mask larger than it must be.
    assert (changed[mask > 0.5] > 0.02).float().mean() > 0.965


def test_the_mask_belongs_to_the_person():
    factors = outfits.sample(20, seed=1)
    mask = outfits.garment_mask(factors)
    assert torch.equal(mask, outfits.garment_mask(dressed_anew(factors, 5)))
    assert not torch.equal(mask, outfits.garment_mask({**factors, "left_arm": 1.0}))
    assert outfits.garment_mask(outfits.sample(0)).shape == (0, 1, 32, 32)
    with refused("size must be"):
        outfits.garment_mask(outfits.sample(1), 513)
    with refused("missing"):
        outfits.garment_mask({})
    with refused("a dict"):
        outfits.garment_mask(None)


def test_each_arm_is_raised_on_its_side():
    factors = outfits.sample(60, seed=4, position=0.0, tilt=0.0, left_arm=0.0, right_arm=0.0)
    x = outfits.render(factors)
    for name, side in (("left_arm", slice(0, 16)), ("right_arm", slice(16, 32))):
        change = (x - outfits.render({**factors, name: 1.0})).abs()
        assert change[..., side].sum() > 0.95 * change.sum()


def test_nobody_leaves_the_picture():
    """At the margin there is only background, whatever the pose."""
    factors = outfits.sample(200, seed=2, left_arm=0.75, body_width=1.0)
    x = outfits.render({**factors, "position": -1.0, "background": 0.5, "light_x": 0.0})
    for edge in (x[..., 0], x[..., -1], x[..., 0, :], x[..., -1, :]):
        assert (edge - edge[:1]).abs().max() < 0.02
