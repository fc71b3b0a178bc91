"""Style transfer by optimisation, which survives whatever it is given."""

import itertools
import math

import pytest
import torch

from imagegen_lessons import images, runtime, style, training
from imagegen_lessons.networks import features
from tests.unit.helpers import SmallMemory, random, refused

PHOTO, PAINTING = random(1, 3, 40, 48), random(1, 3, 36, 36, seed=1)
LEFT = torch.zeros(1, 1, 40, 48)
LEFT[..., :24] = 1


@pytest.fixture(scope="module")
def extractor():
    torch.manual_seed(0)
    return features.FeatureExtractor().to(runtime.device()).requires_grad_(False).eval()


def transfer(extractor, content=PHOTO, styles=PAINTING, masks=None, schedule=((16, 1), (32, 2)), **recipe):
    """A style transfer of which all steps are done."""
    result = style.StyleTransfer(content, styles, extractor, style.Recipe(schedule=schedule, **recipe), masks)
    assert result.loss(images.check(result.image))[0].isfinite()
    for _ in range(result.recipe.steps):
        result.step()
        assert result._x.min() >= 0 and result._x.max() <= 1
    return result


def test_the_brightness_changes_and_the_colours_stay():
    painted, photo = 0.4 + 0.2 * random(1, 3, 4, 5), 0.4 + 0.2 * random(1, 3, 4, 5, seed=1)
    kept = style.preserve_colours(painted, photo)
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    torch.testing.assert_close((kept * weights).sum(dim=1), (painted * weights).sum(dim=1))
    torch.testing.assert_close(kept[:, 0] - kept[:, 1], photo[:, 0] - photo[:, 1])


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    "recipe",
    [
        {"start": "noise"},
        {"start": PHOTO[:, :1]},
        {"strength": 0},
        {"strength": 1e300},
        {"statistic": style.quantiles},
        {"statistic": lambda f: f.amax(dim=(2, 3))},
        {"centred": False, "smooth": 5.0},
        {"layer_weights": (0, 0, 0, 0, 0)},
    ],
)
def test_every_recipe_gives_a_picture(extractor, optimizer, recipe):
    x = transfer(extractor, optimizer=optimizer, **recipe).image
    assert images.check(x).shape == (1, 3, 27, 32)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_loss_falls(extractor, optimizer):
    recipe = style.Recipe(optimizer=optimizer, schedule=((32, 30),), start="noise")
    result = style.StyleTransfer(PHOTO, PAINTING, extractor, recipe)
    before = result.loss(result.image)[0]
    for _ in range(30):
        result.step()
    assert result.loss(result.image)[0] < 0.5 * before


def test_the_loss_is_made_of_its_terms(extractor):
    """Shares of content and style, the style a weighted mean over layers, and total variation on top."""
    recipe = style.Recipe(3.0, layer_weights=(1, 2, 0, 0, 0), smooth=0.5, schedule=((32, 1),), centred=False)
    result = style.StyleTransfer(PHOTO, PAINTING, extractor, recipe)
    x = random(*result.image.shape, seed=2).to(result.image)
    with torch.no_grad():
        seen, content, painting = (extractor(y) for y in (x, result.image, style.fit_in(PAINTING, 32).to(x)))
        errors = [
            style.relative_error(style.gram_matrix(f), style.gram_matrix(g))
            for f, g in zip(seen, painting, strict=True)
        ]
        wanted = style.relative_error(seen[3], content[3]) / 4 + 0.75 * (errors[0] + 2 * errors[1]) / 3
        torch.testing.assert_close(result.loss(x)[0], wanted + 0.5 * style.total_variation(x))


def test_content_and_style_can_be_right_at_once(extractor):
    result = style.StyleTransfer(PHOTO, PHOTO, extractor, style.Recipe(schedule=((32, 1),)))
    assert result.loss(result.image)[0] == 0


def test_each_mask_takes_its_own_style(extractor):
    styles = [torch.full((1, 3, 32, 32), brightness) for brightness in (0.1, 0.9)]
    options = dict(strength=1e9, schedule=((32, 40),), optimizer="lbfgs")
    x = transfer(extractor, styles=styles, masks=[LEFT, 1 - LEFT], **options).image
    assert x[..., :12].mean() < x[..., 20:].mean() - 0.3


def test_a_mask_may_be_of_any_type_and_size_and_stand_alone(extractor):
    expected = transfer(extractor, masks=[LEFT]).image
    for mask in (LEFT.bool(), LEFT.double(), torch.tensor([[[[True, False]]]])):
        torch.testing.assert_close(transfer(extractor, styles=(PAINTING,), masks=mask).image, expected)


def test_a_layer_of_a_single_position_says_nothing_of_style(extractor):
    few = {"schedule": ((16, 1),), "start": "noise"}  # the fifth map of 16 × 16 pixels has one position
    with_it, without = (
        style.StyleTransfer(PHOTO[..., :40], PAINTING, extractor, style.Recipe(layer_weights=weights, **few))
        for weights in ((1, 1, 1, 1, 1), (1, 1, 1, 1, 0))
    )
    torch.testing.assert_close(with_it.loss(with_it.image)[0], without.loss(without.image)[0])


STRANGE = {
    "one pixel": torch.full((1, 3, 1, 1), 0.5),
    "grey, without batch": random(1, 20, 30),
    "very flat": random(1, 3, 2, 400),
    "black": torch.zeros(1, 3, 20, 20),
    # A stand-in for 40 megapixels, which would take half a gigabyte here: it, too, is larger than anything painted.
    "large": torch.zeros(1, 1, 1, 1).expand(1, 3, 1500, 2000),
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_pictures_as_content_and_as_style(extractor, name):
    for pair in ((STRANGE[name], PAINTING), (PHOTO, STRANGE[name])):
        x = images.check(transfer(extractor, *pair).image)
        assert max(x.shape[-2:]) == 32 and min(x.shape[-2:]) >= 16


@pytest.mark.parametrize(
    ("change", "part"),
    [
        *(({"strength": value}, "strength") for value in (math.nan, -1.0, "high", None)),
        ({"smooth": math.inf}, "smooth"),
        *(
            ({"layer_weights": value}, "layer_weights")
            for value in ((1, 1), (1, 1, 1, 1, -1), ("all",) * 5, 3)
        ),
        ({"statistic": "gram"}, "function"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"schedule": ()}, "schedule"),
        ({"schedule": ((8, 10),)}, "16 pixels"),
        ({"start": "nothing"}, "start"),
        ({"content": torch.rand(2, 3, 8, 8)}, "batch of 2"),
        ({"content": torch.full((1, 3, 8, 8), math.nan)}, "not finite"),
        ({"styles": 255 * torch.ones(1, 3, 8, 8)}, "image / 255"),
        ({"styles": []}, "at least one"),
        ({"styles": [PAINTING, PAINTING], "masks": [None]}, "as many masks"),
        ({"masks": [torch.ones(8, 8)]}, r"mask\[None, None\]"),
        ({"masks": [torch.ones(1, 3, 8, 8)]}, r"not \(1, 3, 8, 8\)"),
        ({"masks": ["left"]}, "not str"),
        ({"masks": [torch.zeros(1, 1, 8, 8)]}, "zero everywhere"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(extractor, change, part):
    with refused(part):
        transfer(extractor, **change)


def test_the_stop_button_keeps_the_picture(extractor):
    result = style.StyleTransfer(PHOTO, PAINTING, extractor, style.Recipe(schedule=((32, 50),)))

    def step(batch):
        if result.done == 3:
            raise KeyboardInterrupt
        return result.step(batch)

    history = training.fit(step, itertools.count(), 50, sample=lambda: result.image)
    assert history.stopped and history.steps == result.done == 3
    assert images.check(result.image).shape == (1, 3, 27, 32)


@pytest.mark.parametrize("schedule", [((96, 5),), ((32, 2), (96, 1), (192, 2))])
def test_where_memory_is_small_it_goes_on_smaller_and_says_so(extractor, schedule, capsys):
    result = transfer(SmallMemory(extractor, largest=70), schedule=schedule)
    assert result.image.shape == (1, 3, 56, 67) and result.done == result.recipe.steps
    assert "going on at 67" in capsys.readouterr().out


def test_where_nothing_fits_it_gives_up_with_a_sentence(extractor):
    with pytest.raises(style.StyleError, match="does not suffice for 32 pixels"):
        transfer(SmallMemory(extractor, largest=8), schedule=((64, 1),))


@pytest.mark.parametrize("schedule", [(256, 100), [(256,)], [(256, 10.5)], [(8, 10)], [], 256, [("256", 10)]])
def test_a_schedule_that_is_none_gets_a_sentence(schedule):
    with refused("list of pairs", style.StyleError):
        style.Recipe(schedule=schedule).check()


def test_a_statistic_that_breaks_at_silent_channels_is_said():
    def skewness(f, weight=None):
        centred = f - f.mean(dim=(2, 3), keepdim=True)
        return (centred / centred.square().mean(dim=(2, 3), keepdim=True).sqrt()).pow(3).mean(dim=(2, 3))

    class Silent(torch.nn.Module):
        def forward(self, x):
            f = torch.cat([x, 0 * x], dim=1)
            return [f, f, f, f, f]

    picture = torch.rand(1, 3, 32, 32)
    transfer = style.StyleTransfer(
        picture, picture.flip(3), Silent(), style.Recipe(statistic=skewness, schedule=((32, 5),))
    )
    with refused("became inf or nan. Does the statistic divide", style.StyleError):
        transfer.step()


def test_colours_beyond_0_and_1_are_refused_when_they_are_preserved():
    with refused("if it counts to 255", images.ImageError):
        style.preserve_colours(255 * torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4))


def test_a_thin_picture_is_said_to_be_squeezed(extractor, capsys):
    style.StyleTransfer(
        torch.rand(1, 3, 2, 400), torch.rand(1, 3, 32, 32), extractor, style.Recipe(schedule=((32, 1),))
    )
    assert "so thin that it gets squeezed" in capsys.readouterr().out
