"""The network that finds the frame between: what it is before training, what it must keep, and that it learns."""

import pytest
import torch

from imagegen_lessons import motion
from tests.unit.helpers import random, refused


def moving(n=4, size=32, seed=0):
    """Three frames (n, 3, size, size) each: smooth noise that goes on by two pixels a frame, to the right or down."""
    x = torch.nn.functional.interpolate(
        random(n, 3, size // 4, size // 4, seed=seed), scale_factor=4, mode="bicubic"
    )
    x = x.clamp(0, 1)
    dims = [2 + k % 2 for k in range(n)]
    return [torch.stack([x[k].roll(2 * step, dims[k] - 1) for k in range(n)]) for step in range(3)]


def trained_a_little():
    torch.manual_seed(0)
    network = motion.InterpolationNetwork(hidden=16, layers=2)
    torch.nn.init.normal_(network.last.weight, std=0.05)
    return network


def test_untrained_it_blends_by_the_time():
    a, b = random(2, 3, 16, 24), random(2, 3, 16, 24, seed=1)
    network = motion.InterpolationNetwork()
    for t in (0, 0.25, 0.5, 1.0):
        torch.testing.assert_close(network(a, b, t), torch.lerp(a, b, t), atol=1e-5, rtol=1e-4)
    assert torch.equal(network(a, b), network(a, b, 0.5))


def test_weights_are_few():
    assert sum(p.numel() for p in motion.InterpolationNetwork().parameters()) < 150_000


def test_flows_and_mask_have_the_size_of_the_frames_and_the_frame_lies_between():
    a, b, network = random(1, 3, 24, 40), random(1, 3, 24, 40, seed=1), trained_a_little()
    known = network.motion(a, b, 0.3)
    assert [x.shape[1:] for x in known] == [(5, 3, 5), (5, 6, 10), (5, 12, 20), (5, 24, 40)]
    flows, mask = known[-1][:, :4], known[-1][:, 4:]
    assert flows.abs().max() > 0.01
    between = network(a, b, 0.3)
    assert between.shape == a.shape and between.min() >= 0 and between.max() <= 1
    share = 0.7 * torch.sigmoid(mask) / (0.7 * torch.sigmoid(mask) + 0.3 * torch.sigmoid(-mask))
    expected = share * motion.warp(a, flows[:, :2]) + (1 - share) * motion.warp(b, flows[:, 2:])
    torch.testing.assert_close(between, expected)


def test_pictures_of_a_batch_do_not_mix():
    a, b, network = random(3, 3, 16, 16), random(3, 3, 16, 16, seed=1), trained_a_little()
    torch.testing.assert_close(network(a, b)[1:2], network(a[1:2], b[1:2]), atol=1e-5, rtol=1e-4)


def test_twice_the_pixels_are_twice_the_way():
    """What the coarser scale knows is carried on to the finer one in the finer one's pixels."""
    network = motion.InterpolationNetwork(hidden=8, layers=1)
    with torch.no_grad():
        network.last.bias[:] = torch.tensor([1.0, 0.0, -1.0, 0.5, 0.0])  # each of the scales adds that
    known = network.motion(random(1, 3, 16, 16), random(1, 3, 16, 16))[-1]
    # 8 pixels at a scale of 8 are one there: 1 is 8 at last, then 4, then 2.
    torch.testing.assert_close(known[0, :4, 8, 8], 14 * torch.tensor([1.0, 0.0, -1.0, 0.5]))


def test_the_loss_is_the_error_at_all_four_scales():
    a, between, b = (random(2, 3, 16, 16, seed=k) for k in range(3))
    expected = 0
    for factor in (8, 4, 2, 1):
        x, truth, y = (torch.nn.functional.avg_pool2d(frame, factor) for frame in (a, between, b))
        expected = expected + (0.75 * x + 0.25 * y - truth).abs().mean()  # untrained, it blends
    torch.testing.assert_close(motion.InterpolationNetwork(8, 1).loss(a, b, between, 0.25), expected)


def test_it_learns_to_follow_a_motion():
    torch.manual_seed(0)
    network = motion.InterpolationNetwork(hidden=16, layers=2)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for k in range(150):
        a, between, b = moving(seed=k)
        loss = network.loss(a, b, between)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    a, between, b = moving(seed=1000)
    with torch.no_grad():
        ours, blended = (network(a, b) - between).abs().mean(), ((a + b) / 2 - between).abs().mean()
    assert ours < 0.7 * blended


FRAME = torch.zeros(1, 3, 16, 16)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda f: f(FRAME, FRAME[..., :8]), "one shape"),
        (lambda f: f(FRAME[..., :12], FRAME[..., :12]), "multiples of 8"),
        (lambda f: f(FRAME[:, :1], FRAME[:, :1]), r"\(n, 3, height, width\)"),
        (lambda f: f(FRAME[:0], FRAME[:0]), "empty|multiples"),
        (lambda f: f(FRAME, "frame"), "not str"),
        (lambda f: f(FRAME.int(), FRAME.int()), "floats"),
        (lambda f: f(FRAME, FRAME, 1.5), "time"),
        (lambda f: f(FRAME, FRAME, -0.1), "time"),
        (lambda f: f(FRAME, FRAME, float("nan")), "time"),
        (lambda f: f(FRAME, FRAME, "half"), "time"),
        (lambda _: motion.InterpolationNetwork(hidden=0), "hidden"),
        (lambda _: motion.InterpolationNetwork(layers=1.5), "layers"),
    ],
)
def test_what_does_not_fit_is_refused(call, says):
    with refused(says):
        call(motion.InterpolationNetwork(8, 1))
