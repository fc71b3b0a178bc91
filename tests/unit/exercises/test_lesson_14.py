"""Lesson 14's answers are right by other measures, and its open exercise tells effects from what is none."""

import pytest
import torch

from imagegen_lessons import exercises, images, motion
from imagegen_lessons.datasets import photo
from imagegen_lessons.exercises.checker import Wrong
from imagegen_lessons.images import spritesheet


def test_the_motion_of_a_window_is_that_of_a_photograph():
    """A photograph is moved by a known part of a pixel; the window is all of it."""
    x = images.resize(images.crop_centre(photo("china"), 400), 400)
    a, b = (
        torch.nn.functional.avg_pool2d(y, 4)[..., 20:80, 20:80].mean(1)[0]
        for y in (x, x.roll((-1, 2), (2, 3)))
    )
    mean = (a + b) / 2
    right, down = (mean[1:-1, 2:] - mean[1:-1, :-2]) / 2, (mean[2:, 1:-1] - mean[:-2, 1:-1]) / 2
    parts = (part.reshape(1, -1) for part in (right, down, (a - b)[1:-1, 1:-1]))
    found = exercises.window_motion.answer(*parts)
    assert (found - torch.tensor([[0.5, -0.25]])).abs().max() < 0.15


def test_the_verdict_measures_the_effect():
    remark = exercises.my_effect.test(exercises.my_effect.answer)
    assert "covers" in remark and "loops with a seam of 1" in remark.replace("0.9", "1").replace("0.8", "1")


def test_a_good_effect_can_be_saved_as_a_flipbook(tmp_path):
    frames = torch.stack([exercises.my_effect.answer(k / 8, 32, 32) for k in range(8)])
    path = spritesheet.save(frames, [f"comet {k}" for k in range(8)], tmp_path, soft=True)
    back = torch.stack(list(spritesheet.load(path).values()))
    torch.testing.assert_close(back, frames, atol=0.02, rtol=0)
    assert motion.seam(frames) < 1.2


def too_bright(t, height, width):
    return torch.full((4, height, width), 0.5 + t)


def rare(t, height, width):
    """Stands still but for one frame."""
    return torch.zeros(4, height, width) + 0.5 * (0.4 < t < 0.45)


@pytest.mark.parametrize(
    ("attempt", "part"),
    [
        (too_bright, "0 and 1"),
        (rare, "jumps"),
        (lambda t, h, w: None, "not NoneType"),
        (lambda t, h, w: torch.zeros(4, h, w), "Nothing is to be seen"),
        (lambda t, h, w: torch.zeros(4, w, h), "the shape"),
        (lambda t, h, w: torch.rand(4, h, w).mul_(0.5).cummax(0).values, "Asked twice"),
    ],
)
def test_what_is_no_effect_is_told(attempt, part):
    with pytest.raises(Wrong, match=part):
        exercises.my_effect.test(attempt)
