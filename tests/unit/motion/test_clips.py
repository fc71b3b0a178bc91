"""Drawn clips: always the same, within bounds, in motion, and the flow that comes with them is the true one."""

import pytest
import torch

from imagegen_lessons import motion
from tests.unit.helpers import refused


def test_a_seed_gives_the_same_clips_and_more_begin_with_the_same():
    clips = motion.sample_clips(3, frames=4, size=32, seed=5)
    assert clips.shape == (3, 4, 3, 32, 32) and clips.dtype == torch.float32
    assert clips.min() >= 0 and clips.max() <= 1
    assert torch.equal(clips, motion.sample_clips(3, frames=4, size=32, seed=5))
    torch.testing.assert_close(motion.sample_clips(5, frames=2, size=32, seed=5)[:3], clips[:, :2])
    assert (clips - motion.sample_clips(3, frames=4, size=32, seed=6)).abs().mean() > 0.05


def test_something_moves_from_each_frame_to_the_next():
    clips = motion.sample_clips(8, frames=5, size=48)
    assert ((clips[:, 1:] - clips[:, :-1]).abs().mean(dim=(2, 3, 4)) > 0.002).all()


def test_a_larger_clip_shows_the_same():
    small, large = (motion.sample_clips(2, size=size, seed=1) for size in (32, 64))
    averaged = torch.nn.functional.avg_pool2d(large.flatten(0, 1), 2).view_as(small)
    assert (small - averaged).abs().mean() < 0.02


def test_the_flow_undoes_the_motion():
    clips, flows = motion.sample_clips(6, frames=4, size=64, seed=2, flow=True)
    assert flows.shape == (6, 3, 2, 64, 64)
    assert torch.equal(clips, motion.sample_clips(6, frames=4, size=64, seed=2))
    a, b, flow = clips[:, :-1].flatten(0, 1), clips[:, 1:].flatten(0, 1), flows.flatten(0, 1)
    stayed = (b - a).abs().mean(dim=1).flatten(1)
    undone = (motion.warp(b, flow) - a).abs().mean(dim=1).flatten(1)
    assert undone.mean() < 0.35 * stayed.mean()  # the rest are edges, and what is hidden
    assert undone.median() < 0.01


def test_the_speed_of_things_is_limited():
    flows = motion.sample_clips(30, frames=6, size=64, seed=3, flow=True)[1]
    assert 1 < flows.norm(dim=2).median() < 3 and flows.norm(dim=2).max() < 9


def test_one_frame_has_no_flow():
    assert motion.sample_clips(2, frames=1, size=16, flow=True)[1].shape == (2, 0, 2, 16, 16)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"n": 0}, "number of clips"),
        ({"frames": 0}, "number of frames"),
        ({"size": 15}, "size of clips"),
        ({"size": 32.0}, "size of clips"),
        ({"seed": -1}, "seed"),
    ],
)
def test_other_numbers_are_refused(settings, says):
    with refused(says):
        motion.sample_clips(**{"n": 1, **settings})
