"""Drawn sprites: reproducible, hard-edged, outlined, every factor visible, every label readable."""

from itertools import pairwise

import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from imagegen_lessons.synthetic import sprites
from tests.unit.synthetic.test_worlds import same

# Factors that show only on some of the classes.
NEEDS = {"skin": {"kind": "knight", "form": "first"}}


def test_sample_knows_its_sprites_for_ever():
    """The same seed gives the same sprites on every machine: these are the first ones of seed 0."""
    factors = sprites.sample(4, seed=0)
    assert sprites.label(factors).tolist() == [[6, 1], [2, 4], [0, 5], [3, 4]]
    assert factors["amount"].tolist() == pytest.approx([0.12256, 0.09183, 0.73269, 0.3202], abs=1e-4)


def test_more_sprites_begin_with_the_same_ones_and_fixed_factors_leave_the_others_alone():
    few, many = sprites.sample(10, seed=5), sprites.sample(100, seed=5)
    assert same(few, {name: value[:10] for name, value in many.items()})
    fixed = sprites.sample(10, seed=5, kind="bat", width=0.5)
    assert (fixed["kind"] == sprites.CLASSES.index("bat")).all()
    assert (fixed["width"] == 0.5).all()
    assert all(torch.equal(few[name], fixed[name]) for name in few if name not in ("kind", "width"))


def test_classes_groups_palettes_and_forms_belong_together():
    assert len(sprites.CLASSES) == 12
    assert len(sprites.PALETTES) == 6
    assert tuple(sprites.GROUPS) == tuple(sprites.FORMS) == sprites.CLASSES
    assert set(sprites.GROUPS.values()) == {"character", "creature", "item", "tile"}
    assert all(len(forms) == 4 for forms in sprites.FORMS.values())
    label = sprites.label(sprites.sample(2_000, seed=1))
    assert label.dtype == torch.int64
    assert len(label.unique(dim=0)) == 12 * 6


def test_pictures_are_hard_edged_with_colour_only_where_they_are_opaque():
    x = sprites.render(sprites.sample(600, seed=1))
    assert x.shape == (600, 4, 24, 24)
    assert x.dtype == torch.float32
    assert x.min() >= 0
    assert x.max() <= 1
    rgb, alpha = x[:, :3], x[:, 3:]
    assert set(alpha.unique().tolist()) == {0.0, 1.0}
    assert (rgb * (1 - alpha) == 0).all()
    covered = alpha.mean((1, 2, 3))
    assert covered.min() > 0.1
    assert covered.max() < 0.75


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
    for i in range(3):
        assert torch.equal(large[:, :, i::3, i::3], small)
    assert sprites.render(sprites.sample(0)).shape == (0, 4, 24, 24)


def test_sprites_do_not_depend_on_their_neighbours_and_one_value_may_stand_for_all():
    factors = sprites.sample(600, seed=4)
    parts = [sprites.render({k: v[i : i + 150] for k, v in factors.items()}) for i in range(0, 600, 150)]
    assert torch.equal(sprites.render(factors), torch.cat(parts))
    one = sprites.render({**factors, "palette": 2})
    assert torch.equal(one, sprites.render({**factors, "palette": torch.full((600,), 2)}))


@pytest.mark.parametrize("kind", sprites.CLASSES)
def test_every_class_has_its_poses_forms_and_thousands_of_looks(kind):
    factors = sprites.sample(8, seed=6, kind=kind)
    for name in ("pose", "form", "palette", "extra"):
        pictures = [sprites.render({**factors, name: i}) for i in range(len(sprites.FACTORS[name].names))]
        for i, x in enumerate(pictures):
            for other in pictures[:i]:
                assert ((x != other).flatten(1).any(1)).float().mean() >= 0.5, name
    x = sprites.render(sprites.sample(1_000, seed=6, kind=kind, palette=0))
    assert len({picture.numpy().tobytes() for picture in x}) > 980


@pytest.mark.parametrize("name", sprites.FACTORS)
def test_every_factor_changes_the_picture(name):
    factor = sprites.FACTORS[name]
    factors = sprites.sample(48, seed=6, **NEEDS.get(name, {}))
    values = range(len(factor.names)) if factor.names else (0.0, 0.5, 1.0)
    pictures = [sprites.render({**factors, name: value}) for value in values]
    for x, other in pairwise(pictures):
        assert (x != other).flatten(1).any(1).float().mean() > 0.6


def test_facing_mirrors_and_shifts_move():
    factors = sprites.sample(100, seed=3, light="above", shift_x="middle", shift_y="middle")
    x = sprites.render({**factors, "facing": 0})
    assert torch.equal(sprites.render({**factors, "facing": 1}), x.flip(3))
    assert torch.equal(sprites.render({**factors, "facing": 0, "shift_x": 2}), x.roll(1, 3))
    assert torch.equal(sprites.render({**factors, "facing": 0, "shift_y": 0}), x.roll(-1, 2))


def test_a_palette_swap_changes_colours_and_no_shape():
    factors = sprites.sample(100, seed=3)
    pictures = [sprites.render({**factors, "palette": i}) for i in range(6)]
    for x, other in pairwise(pictures):
        assert torch.equal(x[:, 3], other[:, 3])
        changed = (x - other).abs().amax(1) > 0.05
        assert (changed.sum((1, 2)) / x[:, 3].sum((1, 2))).median() > 0.25  # of the opaque pixels


def accuracy(features, labels):
    """Of a linear classifier, on the last third of the data."""
    n = 2 * len(labels) // 3
    reader = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.01).fit(features[:n], labels[:n])
    return reader.score(features[n:], labels[n:])


def test_a_linear_classifier_reads_class_and_palette():
    factors = sprites.sample(6_000, seed=1)
    x, label = sprites.render(factors), sprites.label(factors)
    look = torch.cat([x[:, :3].mean(1, keepdim=True), x[:, 3:]], 1)
    mirror = look.flip(3)
    look = torch.cat([look + mirror, (look - mirror).abs()], 1)  # the same whatever the facing
    assert accuracy(torch.nn.functional.avg_pool2d(look, 2).flatten(1), label[:, 0]) >= 0.95
    # For the palette: how often each of 4 x 4 x 4 colours occurs.
    red, green, blue = (x[:, :3] * 3.999).long().flatten(2).unbind(1)
    number = red * 16 + green * 4 + blue
    colours = torch.zeros(len(x), 64).scatter_add_(1, number, torch.ones_like(number).float()).sqrt()
    assert accuracy(colours, label[:, 1]) >= 0.95


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
    assert torch.equal(
        sprites.on_background(x, picture[0]), sprites.on_background(x, picture[:1].expand(7, -1, -1, -1))
    )


def test_describe_is_one_sentence():
    fixed = dict(kind="knight", palette="ember", form="third", facing="left", pose="action")
    assert (
        sprites.describe(sprites.sample(2, **fixed), 1)
        == "A knight with a horned helmet in ember colours, in action, facing left."
    )
    factors = sprites.sample(60, seed=1)
    for i in range(60):
        sentence = sprites.describe(factors, i)
        assert sentence.startswith("A ")
        assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: sprites.sample(2, king="bat"), "no factor 'king'.*kind"),
        (lambda: sprites.sample(2, kind="dragon"), "kind cannot be 'dragon'.*knight"),
        (lambda: sprites.sample(2, width=2), "width cannot be 2: choose a number from 0 to 1"),
        (lambda: sprites.sample(2, amount=float("nan")), "amount cannot be nan"),
        (lambda: sprites.sample(2, pose=0.5), "pose cannot be 0.5"),
        (lambda: sprites.sample(2, pose=torch.zeros(3)), r"pose needs one value or 2 values.*\(3,\)"),
        (lambda: sprites.sample(-1), "cannot be -1"),
        (
            lambda: sprites.render(sprites.sample(1), 32),
            "size must be a multiple of 24 from 24 to 480, not 32",
        ),
        (lambda: sprites.render(sprites.sample(1), 24.0), "size must be a multiple of 24"),
        (lambda: sprites.render({"kind": torch.zeros(1)}), "missing: palette"),
        (lambda: sprites.on_background(torch.zeros(1, 3, 24, 24)), "red, green, blue and alpha"),
        (lambda: sprites.on_background(torch.zeros(4, 24, 24)), "red, green, blue and alpha"),
        (lambda: sprites.on_background(torch.zeros(1, 4, 24, 24), (1.0, 0.0)), "three numbers or pictures"),
    ],
)
def test_mistakes_get_one_clear_sentence(call, says):
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cpu_and_gpu_draw_the_same():
    factors = sprites.sample(500, seed=1)
    x = sprites.render(factors, device="cuda")
    assert x.device.type == "cuda"
    assert (x.cpu() != sprites.render(factors)).float().mean() < 1e-4  # a pixel's middle may lie on an edge
