"""Style transfer: its terms against plain loops, and a painting that survives whatever it is given."""

import itertools
import math

import pytest
import torch

from imagegen_lessons import images, runtime, style, training
from imagegen_lessons.networks import features

BRIEF = ((16, 1), (32, 2))


def picture(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=runtime.generator(seed))


PHOTO, BRUSH = picture(1, 3, 40, 48), picture(1, 3, 36, 36, seed=1)


@pytest.fixture(scope="module")
def extractor():
    torch.manual_seed(0)
    return features.FeatureExtractor().to(runtime.device()).requires_grad_(False).eval()


def painted(extractor, content=PHOTO, styles=BRUSH, masks=None, **recipe) -> torch.Tensor:
    painting = style.StyleTransfer(
        content, styles, extractor, style.Recipe(**{"schedule": BRIEF, **recipe}), masks
    )
    for _ in range(painting.recipe.steps):
        painting.step()
    return images.check(painting.image)


# --- the terms


def test_a_gram_matrix_is_the_mean_product_of_two_channels():
    f, weight = picture(2, 3, 4, 5), picture(2, 1, 4, 5, seed=1)
    plain, weighted = style.gram_matrix(f), style.gram_matrix(f, weight)
    for n, i, j in itertools.product(range(2), range(3), range(3)):
        product = f[n, i] * f[n, j]
        torch.testing.assert_close(plain[n, i, j], product.mean())
        torch.testing.assert_close(weighted[n, i, j], (product * weight[n, 0]).sum() / weight[n].sum())


def test_moments_are_means_and_deviations():
    f = picture(2, 3, 4, 5)
    expected = torch.stack([f.mean(dim=(2, 3)), f.std(dim=(2, 3), correction=0)], dim=1)
    torch.testing.assert_close(style.moments(f), expected)
    half = torch.zeros(1, 1, 4, 5)
    half[..., :2] = 1
    torch.testing.assert_close(style.moments(f, half), style.moments(f[..., :2]))


def test_quantiles_are_the_sorted_values():
    f = picture(1, 3, 8, 8)
    torch.testing.assert_close(style.quantiles(f), f.flatten(2).sort(dim=2).values)
    first, _, last = style.quantiles(f, count=3).unbind(dim=2)
    assert torch.equal(first, f.amin(dim=(2, 3))) and torch.equal(last, f.amax(dim=(2, 3)))


@pytest.mark.parametrize("name", style.STATISTICS)
def test_a_statistic_knows_no_place(name):
    f = picture(1, 3, 8, 8)
    shuffled = f.flatten(2)[..., torch.randperm(64, generator=runtime.generator(2))].reshape(f.shape)
    torch.testing.assert_close(style.STATISTICS[name](f), style.STATISTICS[name](shuffled))


def test_a_relative_error_is_0_for_the_target_and_1_for_zeros():
    x = picture(3, 4)
    assert style.relative_error(x, x) == 0 and style.relative_error(torch.zeros(3, 4), x) == 1
    assert style.relative_error(torch.zeros(2), torch.zeros(2)) == 0


def test_total_variation_is_a_sum_over_neighbours():
    x = picture(1, 3, 4, 5)
    down = [(x[0, c, i + 1, j] - x[0, c, i, j]) ** 2 for c in range(3) for i in range(3) for j in range(5)]
    right = [(x[0, c, i, j + 1] - x[0, c, i, j]) ** 2 for c in range(3) for i in range(4) for j in range(4)]
    torch.testing.assert_close(style.total_variation(x), torch.stack(down).mean() + torch.stack(right).mean())
    assert style.total_variation(torch.full((1, 3, 4, 5), 0.3)) == 0
    assert style.total_variation(picture(1, 3, 1, 1)) == 0, "a single pixel has no neighbours"


def test_kept_colours():
    x, photo = 0.4 + 0.2 * picture(1, 3, 4, 5), 0.4 + 0.2 * picture(1, 3, 4, 5, seed=1)
    kept = style.preserve_colours(x, photo)
    brightness = lambda y: (y * style.BRIGHTNESS).sum(dim=1)  # noqa: E731
    torch.testing.assert_close(brightness(kept), brightness(x))
    torch.testing.assert_close(kept[:, 0] - kept[:, 1], photo[:, 0] - photo[:, 1])


# --- painting


@pytest.mark.parametrize(
    "recipe",
    [{"optimizer": o, "start": s} for o in ("adam", "lbfgs") for s in ("content", "noise", PHOTO[:, :1])]
    + [{"statistic": name} for name in style.STATISTICS]
    + [{"centred": False}, {"smooth": 5.0}, {"levels": (0, 0, 1, 0, 0)}, {"levels": (0, 0, 0, 0, 0)}],
)
def test_every_recipe_paints(extractor, recipe):
    assert painted(extractor, **recipe).shape == (1, 3, 27, 32)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_painting_brings_the_loss_down(extractor, optimizer):
    recipe = style.Recipe(optimizer=optimizer, schedule=((32, 30),), start="noise")
    painting = style.StyleTransfer(PHOTO, BRUSH, extractor, recipe)
    before = painting.loss(painting.image)[0]
    for _ in range(30):
        painting.step()
    assert painting.loss(painting.image)[0] < 0.5 * before


def test_content_and_style_can_be_right_at_once(extractor):
    painting = style.StyleTransfer(PHOTO, PHOTO, extractor, style.Recipe(schedule=((32, 1),)))
    assert painting.loss(painting.image)[0] == 0


def test_strength_0_leaves_the_photo_alone(extractor):
    x = painted(extractor, strength=0.0, schedule=((32, 3),))
    assert torch.allclose(x, style.fit_in(PHOTO, 32).to(x), atol=0.01)


def test_each_mask_takes_its_own_style(extractor):
    left = torch.zeros(1, 1, 40, 48)
    left[..., :24] = 1
    recipe = style.Recipe(strength=1e9, schedule=((32, 40),), optimizer="lbfgs")
    dark, light = torch.full((1, 3, 32, 32), 0.1), torch.full((1, 3, 32, 32), 0.9)
    painting = style.StyleTransfer(PHOTO, [dark, light], extractor, recipe, [left, 1 - left])
    for _ in range(40):
        painting.step()
    assert painting.image[..., :12].mean() < painting.image[..., 20:].mean() - 0.3


def test_a_mask_may_be_of_any_type_and_size_and_stand_alone(extractor):
    left = torch.zeros(1, 1, 40, 48)
    left[..., :24] = 1
    expected = painted(extractor, masks=[left])
    stretched = torch.tensor([[[[True, False]]]])
    for mask in (left.bool(), left.int(), left.double(), stretched):
        torch.testing.assert_close(painted(extractor, masks=[mask]), expected)
        torch.testing.assert_close(painted(extractor, styles=(BRUSH,), masks=mask), expected)


def test_a_level_of_a_single_position_says_nothing_of_style(extractor):
    few = {"schedule": ((16, 1),), "start": "noise"}  # the fifth map of 16 × 16 pixels has one position
    square = PHOTO[..., :40]
    with_it, without = (
        style.StyleTransfer(square, BRUSH, extractor, style.Recipe(levels=levels, **few))
        for levels in ((1, 1, 1, 1, 1), (1, 1, 1, 1, 0))
    )
    torch.testing.assert_close(with_it.loss(with_it.image)[0], without.loss(without.image)[0])


# --- whatever it is given

STRANGE = {
    "one pixel": torch.full((1, 3, 1, 1), 0.5),
    "grey": picture(1, 1, 20, 30),
    "without batch": picture(3, 20, 30),
    "very flat": picture(1, 3, 2, 400),
    "very tall": picture(1, 3, 400, 2),
    "black": torch.zeros(1, 3, 20, 20),
    # A stand-in for 40 megapixels, which would take half a gigabyte here: it, too, is larger than anything painted.
    "large": torch.zeros(1, 1, 1, 1).expand(1, 3, 1500, 2000),
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_pictures_as_content_and_as_style(extractor, name):
    for pair in ((STRANGE[name], BRUSH), (PHOTO, STRANGE[name])):
        x = painted(extractor, *pair)
        assert max(x.shape[-2:]) == 32 and min(x.shape[-2:]) >= 16


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("strength", [0, 1e9, 1e300])
def test_any_strength_gives_a_picture(extractor, strength, optimizer):
    assert painted(extractor, strength=strength, optimizer=optimizer).isfinite().all()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"strength": math.nan}, "strength is 0 or a larger number, not nan"),
        ({"strength": math.inf}, "strength"),
        ({"strength": -1.0}, "strength"),
        ({"levels": (1, 1)}, "five levels"),
        ({"levels": (1, 1, 1, 1, -1)}, "five levels"),
        ({"levels": (1, 1, 1, 1, math.nan)}, "five levels"),
        ({"smooth": math.nan}, "smooth"),
        ({"statistic": "taste"}, "statistic can be gram"),
        ({"optimizer": "sgd"}, "optimizer can be adam"),
        ({"schedule": ()}, "schedule"),
        ({"schedule": ((8, 10),)}, "16 pixels at least"),
        ({"start": "nothing"}, "start"),
        ({"content": torch.rand(2, 3, 8, 8)}, "a batch of 2 pictures"),
        ({"content": torch.full((1, 3, 8, 8), math.nan)}, "not finite"),
        ({"styles": 255 * torch.ones(1, 3, 8, 8)}, "image / 255"),
        ({"styles": torch.zeros(1, 4, 8, 8)}, "1 or 3 channels"),
        ({"styles": []}, "at least one"),
        ({"styles": [BRUSH, BRUSH], "masks": [None]}, "2 styles need as many masks"),
        ({"strength": "high"}, "strength is 0 or a larger number, not 'high'"),
        ({"strength": None}, "strength"),
        ({"smooth": "much"}, "smooth"),
        ({"levels": ("all",) * 5}, "five levels"),
        ({"levels": 3}, "five levels"),
        ({"masks": [torch.ones(8, 8)]}, "shape (1, 1, H, W), not (8, 8); use mask[None, None]"),
        ({"masks": [torch.ones(1, 3, 8, 8)]}, "shape (1, 1, H, W), not (1, 3, 8, 8)."),
        ({"masks": [torch.ones(1, 1, 8, 8).numpy()]}, "a tensor (1, 1, height, width), not ndarray"),
        ({"masks": ["left"]}, "not str"),
        ({"masks": [torch.zeros(1, 1, 8, 8)]}, "zero everywhere"),
    ],
)
def test_what_cannot_be_painted_is_said_in_a_sentence(extractor, change, part):
    with pytest.raises((style.StyleError, images.ImageError)) as caught:
        painted(extractor, **change)
    assert part in str(caught.value) and "\n" not in str(caught.value)


def test_the_stop_button_keeps_the_picture(extractor):
    painting = style.StyleTransfer(PHOTO, BRUSH, extractor, style.Recipe(schedule=((32, 50),)))

    def step(batch):
        if painting.done == 3:
            raise KeyboardInterrupt
        return painting.step(batch)

    history = training.fit(step, itertools.count(), 50, sample=lambda: painting.image)
    assert history.stopped and history.steps == painting.done == 3
    assert images.check(painting.image).shape == (1, 3, 27, 32)


class SmallMemory(torch.nn.Module):
    """An eye for which pictures above a size are too large."""

    def __init__(self, extractor, largest):
        super().__init__()
        self.extractor, self.largest = extractor, largest

    def forward(self, x, depth=5):
        if max(x.shape[-2:]) > self.largest:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.extractor(x, depth)


@pytest.mark.parametrize("schedule", [((32, 2), (96, 3)), ((96, 5),), ((32, 2), (96, 1), (192, 2))])
def test_where_memory_is_small_it_paints_on_smaller_and_says_so(extractor, schedule, capsys):
    recipe = style.Recipe(schedule=schedule)
    painting = style.StyleTransfer(PHOTO, BRUSH, SmallMemory(extractor, largest=70), recipe)
    for _ in range(recipe.steps):
        painting.step()
    assert painting.image.shape == (1, 3, 56, 67)
    assert "96 pixels: going on at 67" in capsys.readouterr().out and painting.done == recipe.steps


def test_where_nothing_fits_it_gives_up_with_a_sentence(extractor):
    with pytest.raises(style.StyleError, match="does not suffice for 32 pixels"):
        style.StyleTransfer(PHOTO, BRUSH, SmallMemory(extractor, largest=8), style.Recipe())
