"""Curves are drawn right, whatever the numbers, and quickly."""

import io
import math

import numpy
import pytest
import torch
from PIL import Image

from imagegen_lessons.display import plots


def picture(*arguments):
    image = Image.open(io.BytesIO(plots.draw_curves(*arguments)))
    assert image.format == "JPEG"
    return image


@pytest.mark.parametrize(
    "series",
    [
        [],
        [1.0],
        [0.0, 0.0, 0.0],
        [math.nan] * 5,
        [1.0, math.nan, 2.0],
        [-5.0, 1e9, 3.0],
        [1e-9] * 50 + [1e3] * 50,
        list(range(100_000)),
    ],
)
def test_any_series_can_be_drawn(series):
    image = picture({"loss": series, "another": [0.5]})
    assert image.size == (plots.WIDTH, plots.HEIGHT)
    assert plots.describe_curves({"loss": series}).endswith(".")


def test_long_series_become_means_of_neighbours_and_keep_their_mean():
    y = numpy.sin(numpy.arange(10_007) / 500)
    x, mean = plots._points(y)
    assert len(x) == len(mean) == plots.POINTS
    numpy.testing.assert_allclose(mean, numpy.sin((x - 1) / 500), atol=1e-3)
    gappy = numpy.full(4000, math.nan)
    gappy[::8] = 1.0
    x, mean = plots._points(gappy)
    assert len(x) == 400 and (mean == 1).all() and x[0] < 16 and x[-1] > 3980


def test_the_alt_text_says_where_curves_begin_and_end_and_what_is_beside_them():
    text = plots.describe_curves(
        {"D": [2.0] * 50 + [1.0] * 50, "none": [math.nan] * 100}, torch.zeros(16, 3, 8, 8)
    )
    assert (
        text == "Curves over 100 steps: D from 2 to 1. Beside them 16 images after the last of these steps."
    )


@pytest.mark.parametrize(
    "shape",
    [(16, 3, 32, 32), (1, 1, 8, 8), (100, 1, 8, 8), (2, 3, 64, 256), (3, 3, 256, 64), (1, 3, 700, 900)],
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
    buffer = io.BytesIO()
    Image.new("RGB", (50, 40), "red").save(buffer, "PNG")
    for sample, width in ((figure, 300), (buffer.getvalue(), 50)):
        image = picture({"loss": [1.0]}, sample)
        assert image.width == plots.WIDTH + width
        red, green, _ = image.getpixel((plots.WIDTH + 20, image.height // 2))
        assert red > 240 and green < 20
    assert picture({}, figure).size == (300, 200)


def test_labels_keep_their_distance():
    figure = plots._figure({f"loss {i}": [1.0, 1.0] for i in range(6)})
    places = sorted(text.get_position()[1] for text in figure.axes[0].texts)
    assert min(numpy.diff(places)) > 0.08 and places[-1] <= 1.001
    styles = {
        (line.get_linestyle(), line.get_color()) for line in figure.axes[0].lines if line.get_linewidth() > 1
    }
    assert len(styles) == 6
