"""Drawn sprites: hard-edged, outlined, thousands of looks in every class, and labels that can be told."""

from itertools import combinations, pairwise

import pytest
import torch

from imagegen_lessons.synthetic import sprites
from tests.unit.helpers import refused


def test_classes_groups_palettes_and_forms_belong_together():
    assert (len(sprites.CLASSES), len(sprites.PALETTES)) == (12, 6)
    assert tuple(sprites.GROUPS) == tuple(sprites.FORMS) == sprites.CLASSES
    assert set(sprites.GROUPS.values()) == {"character", "creature", "item", "tile"}
    assert all(len(forms) == 4 for forms in sprites.FORMS.values())
    factors = sprites.sample(2_000, seed=1)
    label = sprites.label(factors)
    assert torch.equal(label[:, 0], factors["kind"]) and torch.equal(label[:, 1], factors["palette"])
    assert label.dtype == torch.int64 and len(label.unique(dim=0)) == 12 * 6


def test_pictures_are_hard_edged_with_colour_only_where_they_are_opaque():
    x = sprites.render(sprites.sample(600, seed=1))
    assert (x.shape, x.dtype) == ((600, 4, 24, 24), torch.float32) and 0 <= x.min() <= x.max() <= 1
    rgb, alpha = x[:, :3], x[:, 3:]
    assert set(alpha.unique().tolist()) == {0.0, 1.0}
    assert (rgb * (1 - alpha) == 0).all()
    covered = alpha.mean((1, 2, 3))
    assert 0.1 < covered.min() <= covered.max() < 0.75


def test_every_sprite_has_a_whole_outline():
    """Where opaque meets transparent, or the border of the picture, there is the dark outline, whatever the shift."""
    x = sprites.render(sprites.sample(2_000, seed=2))
    opaque = torch.nn.functional.pad(x[:, 3], (1, 1, 1, 1))
    neighbours = [opaque[:, 1:-1, :-2], opaque[:, 1:-1, 2:], opaque[:, :-2, 1:-1], opaque[:, 2:, 1:-1]]
    rim = (x[:, 3] == 1) & (torch.stack(neighbours).amin(0) == 0)
    assert x[:, :3].movedim(1, -1)[rim].max() < 0.2


def test_larger_pictures_are_the_same_pixels():
    factors = sprites.sample(5, seed=9)
    small, large = sprites.render(factors), sprites.render(factors, 72)
    assert large.shape == (5, 4, 72, 72)
    assert all(torch.equal(large[:, :, i::3, i::3], small) for i in range(3))


@pytest.mark.parametrize("name", sprites.CLASSES)
def test_every_class_has_its_poses_forms_and_thousands_of_looks(name):
    factors = sprites.sample(8, seed=6, kind=name)
    for factor in ("pose", "form", "palette", "extra"):
        values = range(len(sprites.FACTORS[factor].names))
        for x, other in combinations([sprites.render({**factors, factor: i}) for i in values], 2):
            assert ((x != other).flatten(1).any(1)).float().mean() >= 0.5, factor
    x = sprites.render(sprites.sample(300, seed=6, kind=name, palette=0))
    assert len({picture.numpy().tobytes() for picture in x}) > 294


def test_a_potion_is_as_full_as_its_amount():
    factors = sprites.sample(40, seed=6, kind="potion")
    empty, full = (sprites.render({**factors, "amount": amount}) for amount in (0.0, 1.0))
    assert (empty != full).flatten(1).any(1).float().mean() > 0.9


def test_facing_mirrors_shifts_move_and_light_comes_from_its_side():
    factors = sprites.sample(100, seed=3, light="above", shift_x="middle", shift_y="middle")
    x = sprites.render({**factors, "facing": 0})
    assert torch.equal(sprites.render({**factors, "facing": 1}), x.flip(3))
    assert torch.equal(sprites.render({**factors, "facing": 0, "shift_x": 2}), x.roll(1, 3))
    assert torch.equal(sprites.render({**factors, "facing": 0, "shift_y": 0}), x.roll(-1, 2))
    left, right = (sprites.render({**factors, "kind": "slime", "light": side})[:, :3] for side in (0, 2))
    assert ((left - right)[..., :12].sum((1, 2, 3)) > 0).float().mean() > 0.9


def test_a_palette_swap_changes_colours_and_no_shape():
    factors = sprites.sample(100, seed=3)
    for x, other in pairwise([sprites.render({**factors, "palette": i}) for i in range(6)]):
        assert torch.equal(x[:, 3], other[:, 3])
        changed = (x - other).abs().amax(1) > 0.05
        assert (changed.sum((1, 2)) / x[:, 3].sum((1, 2))).median() > 0.25  # of the opaque pixels


def test_on_background():
    x = sprites.render(sprites.sample(7, seed=1))
    picture = sprites.on_background(x, (0.2, 0.4, 0.6))
    assert picture.shape == (7, 3, 24, 24)
    torch.testing.assert_close(picture[:, :, 0, 0], torch.tensor((0.2, 0.4, 0.6)).expand(7, 3))
    inside = x[:, 3:].expand(-1, 3, -1, -1) == 1
    assert torch.equal(picture[inside], x[:, :3][inside])
    half = torch.tensor((0.5, 0.0, 0.25, 0.5)).view(1, 4, 1, 1)  # half-covered by (1, 0, 0.5)
    mixed = sprites.on_background(half, torch.ones(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(mixed, torch.tensor((1.0, 0.5, 0.75)))
    behind = picture[:1].expand(7, -1, -1, -1)
    assert torch.equal(sprites.on_background(x, picture[0]), sprites.on_background(x, behind))
    assert torch.equal(sprites.on_background(x, (0, 1, 0)), sprites.on_background(x, (0.0, 1.0, 0.0)))


def test_what_cannot_lie_on_a_background_is_refused():
    x = sprites.render(sprites.sample(3, seed=1))
    black, nothing = (0.0, 0.0, 0.0), float("nan")
    wrong = [
        *((what, black, "and alpha") for what in (x[:, :3], x[0], x.numpy(), [x[0]], None)),
        *(
            (x, colour, "three numbers or pictures")
            for colour in ((1.0, 0.0), "green", None, 0.5, [[1], [2, 3]])
        ),
        (x, torch.rand(3, 32, 32), "three numbers or pictures"),
        *((what, black, r"\[0, 1\]") for what in ((255 * x).byte(), 255 * x, x - 1)),
        *((x, colour, r"\[0, 1\]") for colour in ((255, 0, 0), (-0.1, 0, 0), (255 * x[:, :3]).byte())),
        (x * nothing, black, "not finite"),
        (x, (nothing, 0, 0), "not finite"),
    ]
    for what, colour, says in wrong:
        with refused(says):
            sprites.on_background(what, colour)
