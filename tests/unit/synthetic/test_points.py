"""Points in the plane: shapes, reproducibility, drawings of one's own, streams that resume."""

import pytest
import torch

from imagegen_lessons.synthetic import points
from tests.unit.helpers import refused


@pytest.mark.parametrize("shape", points.SHAPES)
def test_every_shape_fills_the_plane_and_repeats(shape):
    x = points.sample(shape, 500, 3)
    assert x.shape == (500, 2) and x.dtype == torch.float32
    assert x.abs().max() < 1.8
    assert (x.max(dim=0).values - x.min(dim=0).values).max() > 2
    torch.testing.assert_close(x, points.sample(shape, 500, 3))
    assert not torch.equal(x, points.sample(shape, 500, 4))


def test_a_generator_goes_on_where_it_was():
    rng = torch.Generator().manual_seed(5)
    first = points.sample("moons", 10, rng)
    torch.testing.assert_close(first, points.sample("moons", 10, 5))
    assert not torch.equal(first, points.sample("moons", 10, rng))


@pytest.mark.parametrize("shape, centres", [("ring", points.ring_centres()), ("grid", points.grid_centres())])
def test_modes_sit_on_their_centres_equally_often(shape, centres):
    distance, nearest = torch.cdist(points.sample(shape, 20_000, 0), centres).min(dim=1)
    assert (distance < 3 * points.BLOB_SIGMA).float().mean() == pytest.approx(0.989, abs=0.005)
    counts = torch.bincount(nearest, minlength=len(centres))
    assert counts.min() > 0.8 * 20_000 / len(centres)


def test_points_follow_the_ink_of_an_image():
    mask = torch.zeros(1, 20, 40)
    mask[0, :10, :10] = 1  # top left
    x = points.from_image(mask, 2000, 0)
    assert x[:, 0].min() >= -1.4 and x[:, 0].max() <= -0.7
    assert x[:, 1].min() >= 0 and x[:, 1].max() <= 0.7  # up is up
    mask[0, 10:, 30:] = 3  # bottom right, three times as dark
    assert (points.from_image(mask, 2000, 0)[:, 0] > 0).float().mean() == pytest.approx(0.75, abs=0.05)


def test_a_word_is_wider_than_high_and_reads_from_left_to_right():
    x = points.word("I......", 4000)
    width, height = x.max(dim=0).values - x.min(dim=0).values
    assert width > 2.5 > height
    assert x[x[:, 1] > 0, 0].max() < 0  # only the I, on the left, reaches above the middle


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: points.sample("ringg", 5), "ringg.*choose one of ring, grid"),
        (lambda: points.stream("ringg", 5), "ringg.*choose one of ring, grid"),
        (lambda: points.from_image(torch.zeros(4, 4), 5), "A mask"),
        (lambda: points.from_image(torch.ones(3, 4, 4), 5), "A mask"),
        (lambda: points.from_image(torch.full((4, 4), -1.0), 5), "A mask"),
        (lambda: points.from_image(torch.full((4, 4), torch.nan), 5), "A mask"),
        (lambda: points.from_image(torch.zeros(0, 4), 5), "A mask"),
        (lambda: points.from_image("a", 5), "A mask is a tensor or an array.*not str"),
        (lambda: points.from_image(torch.ones(4, 4), -1), "number of points.*from 0, not -1"),
        (lambda: points.word(" ", 10), "at least one letter"),
        (lambda: points.word(5, 10), "a text such as 'HI', not 5"),
        (lambda: points.word("HI", -1), "number of points.*not -1"),
        (lambda: points.sample("ring", "3"), "number of points.*not '3'"),
        (lambda: points.sample("ring", 2.5), "number of points.*not 2.5"),
        (lambda: points.sample(["ring"], 3), "choose one of ring"),
        (lambda: points.sample("ring", 3, seed="a"), "A seed is a whole number.*not 'a'"),
        (lambda: points.sample("ring", 3, seed=-1), "A seed is a whole number.*not -1"),
        (lambda: points.stream("ring", 0), "size of a batch.*from 1, not 0"),
        (lambda: points.stream("ring", 2.0), "size of a batch.*not 2.0"),
        (lambda: points.stream(torch.rand(5, 3)), r"\(n, 2\), not \(5, 3\)"),
        (lambda: points.stream(torch.zeros(0, 2)), r"\(n, 2\), not \(0, 2\)"),
        (lambda: points.stream(torch.full((5, 2), torch.inf)), "inf or nan"),
        (lambda: points.stream(points.word), r"my_shape\(5000\), not my_shape"),
    ],
)
def test_a_wrong_call_gets_a_sentence(call, words):
    with refused(words):
        call()


@pytest.mark.parametrize("shape", ["heart", points.sample("heart", 300, 1)])
def test_a_stream_resumes_where_it_was_saved(shape):
    stream, other = points.stream(shape, 32, 7), points.stream(shape, 32, 0)
    next(stream)
    other.load_state_dict(stream.state_dict())
    for batch in (next(stream), next(stream)):
        assert batch.shape == (32, 2)
        torch.testing.assert_close(next(other), batch)


def test_a_stream_without_a_seed_has_no_place_to_save():
    stream = points.stream("ring", 4, seed=None)
    torch.manual_seed(0)
    first = next(stream)
    stream.load_state_dict(stream.state_dict())
    torch.manual_seed(0)
    torch.testing.assert_close(next(stream), first)
