"""Curves and points are drawn right, whatever the numbers."""

import io
import math

import matplotlib.style
import numpy
import pytest
import torch
from PIL import Image

from imagegen_lessons.display import plots
from imagegen_lessons.synthetic import points
from tests.unit.helpers import encode


def picture(*arguments):
    image = Image.open(io.BytesIO(plots.draw_curves(*arguments)))
    assert image.format in ("JPEG", "PNG")
    return image.convert("RGB")


@pytest.mark.parametrize(
    "series", [[], [1.0], [0.0] * 3, [math.nan] * 5, [1.0, math.nan, -2.0], [1e-9] * 50 + [1e3] * 50]
)
def test_any_series_can_be_drawn(series):
    image = picture({"loss": series, "another": [0.5]})
    assert image.size == (plots.WIDTH, plots.HEIGHT)
    assert plots.describe_curves({"loss": series}).endswith(".")


def test_long_series_become_means_of_neighbours_and_keep_their_mean():
    y = numpy.sin(numpy.arange(10_007) / 500)
    x, mean = plots._means(y)
    assert len(x) == len(mean) == plots.POINTS
    numpy.testing.assert_allclose(mean, numpy.sin((x - 1) / 500), atol=1e-3)
    gappy = numpy.full(4000, math.nan)
    gappy[::8] = 1.0
    x, mean = plots._means(gappy)
    assert len(x) == 400 and (mean == 1).all() and x[0] < 16 and x[-1] > 3980


def test_the_alt_text_says_where_curves_begin_and_end_and_what_is_beside_them():
    values = {"D": [2.0] * 50 + [1.0] * 50, "none": [math.nan] * 100}
    text = plots.describe_curves(values, torch.zeros(16, 3, 8, 8))
    assert "100 steps: D from 2 to 1. " in text and "16 images" in text and "none" not in text


@pytest.mark.parametrize(
    "shape", [(16, 3, 32, 32), (100, 1, 8, 8), (2, 3, 64, 256), (3, 3, 256, 64), (1, 3, 700, 900)]
)
def test_samples_of_any_size_fit_beside_the_curves(shape):
    x = torch.rand(shape)
    x[0, 0, 0, 0], x[0, 0, 0, 1] = math.nan, 7.0  # as an untrained network may give
    image = picture({"loss": [1.0, 2.0]}, x)
    assert len(plots.draw_curves({"loss": [1.0, 2.0]}, x)) < 1.5 * plots.MAX_BYTES
    assert plots.WIDTH + 40 < image.width <= 2 * plots.WIDTH and image.height <= 1.3 * plots.HEIGHT


def test_a_figure_or_a_file_can_stand_beside_the_curves():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3, 2))
    figure.patch.set_facecolor("red")
    file = encode(Image.new("RGB", (50, 40), "red"), "PNG")
    for sample, width in ((figure, 300), (file, 50)):
        image = picture({"loss": [1.0]}, sample)
        assert image.width == plots.WIDTH + width
        red, green, _ = image.getpixel((plots.WIDTH + 20, image.height // 2))
        assert red > 240 and green < 20
    assert picture({}, figure).size == (300, 200)


def test_the_legend_names_every_curve_by_more_than_its_colour():
    axes = plots._figure({f"loss {i}": [float(i), float(i)] for i in range(6)}).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [f"loss {i}\n{i}" for i in range(6)]
    styles = {(line.get_linestyle(), line.get_color()) for line in axes.lines if line.get_linewidth() > 1}
    assert len(styles) == 6


def test_one_outlier_flattens_nothing_and_wide_ranges_get_a_log_scale():
    axes = plots._figure({"loss": [1.0, 2.0] * 200 + [1e6]}).axes[0]
    assert axes.get_ylim()[1] < 3 and axes.get_yscale() == "linear"
    assert plots._figure({"loss": [10.0 ** (-k / 50) for k in range(200)]}).axes[0].get_yscale() == "log"


# ------------------------------------------------------------------------------------------------ points


def points_of(*arguments, **options) -> Image.Image:
    return Image.open(io.BytesIO(plots.draw_points(*arguments, **options))).convert("RGB")


def test_points_lie_where_their_coordinates_say():
    picture = points_of(torch.tensor([[1.0, 1.0]]), torch.tensor([[-1.0, -1.0]]), size=400)
    right_above, left_below = picture.crop((280, 80, 320, 120)), picture.crop((80, 280, 120, 320))
    darkest = [band[0] for band in right_above.getextrema()]
    assert max(darkest) < 80, "dark: real"
    red, _, blue = [band[0] for band in left_below.getextrema()]
    assert blue < 50 < 90 < red, "orange: fake"


def test_the_background_is_blue_where_d_leans_to_real():
    real, fake = torch.tensor([[1.5, 0.0]]).repeat(50, 1), torch.tensor([[-1.5, 0.0]]).repeat(50, 1)
    picture = points_of(real, fake, lambda p: p[:, 0], size=400)
    left, right = picture.getpixel((20, 100)), picture.getpixel((380, 100))
    assert left[0] > left[2] and right[2] > right[0]


def test_far_points_no_fakes_no_arrows_and_a_flat_d_break_nothing():
    real = points.sample("ring", 30)
    flat = lambda p: torch.zeros(len(p), 1)  # noqa: E731
    for arguments in (
        (real,),
        (real, None, flat),
        (real, torch.empty(0, 2), flat, torch.empty(0, 2)),
        (1e6 * real, -1e6 * real, flat, torch.zeros(30, 2)),
    ):
        assert points_of(*arguments).size == (480, 480)


def test_a_dark_style_of_the_notebook_changes_nothing():
    expected = plots.draw_curves({"loss": [1.0, 2.0]})
    with matplotlib.style.context("dark_background"):
        assert plots.draw_curves({"loss": [1.0, 2.0]}) == expected
