"""Drawn people and their clothes: reproducible, every factor visible, and nothing but the clothes changes."""

from itertools import pairwise

import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from imagegen_lessons.synthetic import outfits
from tests.unit.synthetic.test_worlds import same


def dressed_anew(factors, seed):
    """The same people in other outfits."""
    other = outfits.sample(len(factors["garment"]), seed=seed)
    return {**factors, **{name: other[name] for name in outfits.LABELS}}


def test_sample_knows_its_people_for_ever():
    """The same seed gives the same people on every machine: these are the first ones of seed 0."""
    factors = outfits.sample(4, seed=0)
    assert factors["garment"].tolist() == [5, 5, 5, 2]
    assert factors["colour"].tolist() == [2, 4, 4, 0]
    assert factors["left_arm"].tolist() == pytest.approx([0.67852, 0.45154, 0.32208, 0.27505], abs=1e-4)


def test_more_people_begin_with_the_same_ones():
    few, many = outfits.sample(10, seed=5), outfits.sample(100, seed=5)
    assert same(few, {name: value[:10] for name, value in many.items()})


def test_fixing_a_factor_leaves_the_others_as_they_were():
    free, fixed = outfits.sample(40, seed=2), outfits.sample(40, seed=2, garment="coat", smile=1.0)
    assert (fixed["garment"] == outfits.LABELS["garment"].index("coat")).all()
    assert (fixed["smile"] == 1).all()
    assert all(torch.equal(free[name], fixed[name]) for name in free if name not in ("garment", "smile"))


def test_types_ranges_and_groups():
    factors = outfits.sample(5_000, seed=1)
    assert list(factors) == list(outfits.FACTORS)
    assert {name for name, factor in outfits.FACTORS.items() if factor.group == "outfit"} == set(
        outfits.LABELS
    )
    for name, factor in outfits.FACTORS.items():
        assert factor.group in ("person", "outfit")
        if factor.names:
            assert factors[name].dtype == torch.int64
            assert set(factors[name].tolist()) == set(range(len(factor.names)))
        else:
            assert factors[name].dtype == torch.float32
            assert factor.low <= factors[name].min() <= factors[name].max() <= factor.high


def test_labels():
    assert [len(names) for names in outfits.LABELS.values()] == [6, 8, 4]
    factors = outfits.sample(3, garment="dress", colour="blue", pattern=torch.tensor([0, 1, 3]))
    label = outfits.label(factors)
    assert label.dtype == torch.int64
    assert label.tolist() == [[1, 4, 0], [1, 4, 1], [1, 4, 3]]


@pytest.mark.parametrize("size", [16, 32, 37, 64, 128])
def test_pictures_have_the_usual_form_at_every_size(size):
    x = outfits.render(outfits.sample(6, seed=1), size)
    assert x.shape == (6, 3, size, size)
    assert x.dtype == torch.float32
    assert not x.requires_grad
    assert 0 <= x.min() < 0.2
    assert 0.8 < x.max() <= 1


def test_the_largest_picture():
    factors = outfits.sample(1)
    assert outfits.render(factors, 512).isfinite().all()
    assert outfits.garment_mask(factors, 512).shape == (1, 1, 512, 512)


def test_sizes_show_the_same_picture():
    """Anti-aliasing: a large picture made small is close to a small picture."""
    factors = outfits.sample(8, seed=9)
    large = torch.nn.functional.avg_pool2d(outfits.render(factors, 256), 4)
    assert (large - outfits.render(factors, 64)).abs().mean() < 0.01


def test_nobody():
    nobody = outfits.sample(0)
    assert outfits.render(nobody).shape == (0, 3, 32, 32)
    assert outfits.garment_mask(nobody).shape == (0, 1, 32, 32)
    assert outfits.label(nobody).shape == (0, 3)


def test_one_value_may_stand_for_all():
    factors = outfits.sample(3, seed=1)
    x = outfits.render({**factors, "garment": "dress", "smile": 0.5})
    each = {"garment": torch.full((3,), 1), "smile": torch.full((3,), 0.5)}
    assert torch.equal(x, outfits.render({**factors, **each}))


def test_people_do_not_depend_on_their_neighbours():
    factors = outfits.sample(300, seed=4)  # more than one chunk
    parts = [outfits.render({k: v[i : i + 75] for k, v in factors.items()}) for i in range(0, 300, 75)]
    torch.testing.assert_close(outfits.render(factors), torch.cat(parts), rtol=0, atol=1e-5)


def test_the_number_of_threads_is_left_alone():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        outfits.render(outfits.sample(2))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", outfits.FACTORS)
@pytest.mark.parametrize("size", [32, 64])
def test_every_factor_changes_the_picture(name, size):
    factor = outfits.FACTORS[name]
    factors = outfits.sample(12, seed=6, glasses="none")
    middle = (factor.low + factor.high) / 2
    values = range(len(factor.names)) if factor.names else (factor.low, middle, factor.high)
    pictures = [outfits.render({**factors, name: value}, size) for value in values]
    for x, other in pairwise(pictures):
        # The most changed pixel of the typical person.
        assert (x - other).abs().amax((1, 2, 3)).median() > 0.02


def test_labels_can_be_seen_at_32_pixels():
    """Any two garments, colours or patterns differ by more than a tenth in two per cent of the pixels."""
    factors = outfits.sample(24, seed=8)
    for name, names in outfits.LABELS.items():
        pictures = [outfits.render({**factors, name: value}) for value in range(len(names))]
        for i, x in enumerate(pictures):
            for other in pictures[:i]:
                changed = ((x - other).abs().amax(1) > 0.1).float().mean((1, 2))
                assert changed.median() > 0.02, name


@pytest.mark.parametrize("size", [16, 32, 64])
def test_only_clothes_change_with_the_outfit(size):
    factors = outfits.sample(60, seed=1)
    mask = outfits.garment_mask(factors, size)
    x = outfits.render(factors, size)
    assert mask.shape == (60, 1, size, size)
    assert 0 <= mask.min() <= mask.max() <= 1
    assert 0.1 < mask.mean() < 0.3
    changed = torch.zeros_like(mask)
    for seed in range(2, 8):
        change = (x - outfits.render(dressed_anew(factors, seed), size)).abs().amax(1, keepdim=True)
        assert (change[mask == 0] == 0).all()
        assert (change <= mask + 1e-5).all()
        changed = torch.maximum(changed, change)
    # Nor is the mask larger than it must be.
    assert (changed[mask > 0.5] > 0.02).float().mean() > 0.965


def test_the_mask_belongs_to_the_person():
    factors = outfits.sample(20, seed=1)
    mask = outfits.garment_mask(factors)
    assert torch.equal(mask, outfits.garment_mask(dressed_anew(factors, 5)))
    assert not torch.equal(mask, outfits.garment_mask({**factors, "left_arm": 1.0}))


def test_no_two_look_alike():
    x = outfits.render(outfits.sample(400, seed=3)).flatten(1)
    distance = torch.cdist(x, x).fill_diagonal_(9) / x.shape[1] ** 0.5
    assert distance.min() > 0.03


def test_nobody_leaves_the_picture():
    """At the margin there is only background, whatever the pose."""
    factors = outfits.sample(200, seed=2, left_arm=0.75, body_width=1.0)
    far = {"position": -1.0, "background": 0.5, "light_x": 0.0}
    x = outfits.render({**factors, **far})
    for edge in (x[..., 0], x[..., -1], x[..., 0, :], x[..., -1, :]):
        assert (edge - edge[:1]).abs().max() < 0.02


def test_simple_readers_tell_garment_and_colour():
    """Logistic regression on the pixels; patterns, which move with the person, need a convolution."""
    factors = outfits.sample(5_000, seed=12)
    x, label = outfits.render(factors).flatten(1).numpy(), outfits.label(factors).numpy()
    features = PCA(200, svd_solver="randomized", random_state=0).fit_transform(x)
    for column in (0, 1):
        reader = LogisticRegression(C=10, tol=0.01, max_iter=200).fit(features[:4_000], label[:4_000, column])
        assert reader.score(features[4_000:], label[4_000:, column]) > 0.95


def test_skin_and_hair_are_only_on_the_figure():
    """No part of a head strays into the background, in the most extreme poses."""
    for side, tall in ((-1.0, 1.0), (-1.0, 0.0), (1.0, 1.0), (1.0, 0.0)):
        fixed = dict(position=side, tilt=side, body_height=tall, left_arm=0.0, right_arm=0.0, background=0.0)
        factors = outfits.sample(44, seed=1, hair_style=torch.arange(44) % 11, **fixed)
        x = outfits.render({**factors, "skin_tone": 0, "hair_colour": 0}, 128)
        other = outfits.render({**factors, "skin_tone": 5, "hair_colour": 3}, 128)
        far = slice(88, 128) if side < 0 else slice(0, 40)
        assert torch.equal(x[..., far], other[..., far])


def test_skin_is_shown_as_its_tone():
    """Fair to all: the six tones keep their order, and none turns green or blue."""
    fixed = dict(glasses=0, hair_style="buzz cut", tilt=0.0, position=0.0, body_height=0.5, light_x=0.0)
    tones = []
    for tone in range(6):
        x = outfits.render(outfits.sample(16, seed=2, skin_tone=tone, blush=0.0, **fixed), 64)
        tones.append(x[:, :, 20:22, 30:34].mean((0, 2, 3)))  # between eyes and mouth
    red, green, blue = torch.stack(tones).T
    assert (red > green).all()
    assert (green > blue * 0.9).all()
    assert (torch.stack(tones).mean(1).diff() > 0.03).all()


def test_describe_is_one_sentence():
    fixed = dict(smile=1.0, skin_tone="dark", hair_style="curly", hair_colour="red", glasses=1)
    factors = outfits.sample(2, garment="coat", colour="orange", pattern="dots", **fixed)
    says = "A smiling person with dark skin, curly red hair and glasses, wearing an orange coat with dots."
    assert outfits.describe(factors, 1) == says
    fixed |= dict(smile=0.0, glasses=0)
    factors = outfits.sample(1, garment="dungarees", colour="blue", pattern="plain", **fixed)
    says = "A calm person with dark skin and curly red hair, wearing blue dungarees."
    assert outfits.describe(factors, 0) == says


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: outfits.sample(2, garmet=1), "no factor 'garmet'.*garment"),
        (lambda: outfits.sample(2, garment="kilt"), "garment cannot be 'kilt'.*dungarees"),
        (lambda: outfits.sample(2, colour=8), "colour cannot be 8"),
        (lambda: outfits.sample(2, pattern=0.5), "pattern cannot be 0.5"),
        (lambda: outfits.sample(2, left_arm=float("nan")), "left_arm cannot be nan"),
        (lambda: outfits.sample(2, stance=torch.zeros(3)), r"stance needs one value or 2 values.*\(3,\)"),
        (lambda: outfits.sample(-1), "cannot be -1"),
        (lambda: outfits.render(outfits.sample(1), 8), "size must be a whole number from 16 to 512"),
        (lambda: outfits.render(outfits.sample(1), 32.0), "size must be a whole number"),
        (lambda: outfits.garment_mask(outfits.sample(1), 513), "size must be a whole number"),
        (lambda: outfits.render({"smile": torch.zeros(1)}), "missing: skin_tone"),
        (
            lambda: outfits.render({**outfits.sample(2), "tilt": torch.tensor([0.0, 1.5])}),
            "tilt cannot be 1.5",
        ),
        (lambda: outfits.garment_mask({"colour": torch.zeros(1)}), "missing: skin_tone"),
    ],
)
def test_mistakes_get_one_clear_sentence(call, says):
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
