"""Optical flow: known motions, against scikit-image and SciPy; what is hidden; what is left of a clip that flickers."""

import numpy as np
import pytest
import scipy.ndimage
import torch
import torch.nn.functional as F
from skimage.registration import optical_flow_ilk

from imagegen_lessons import motion
from tests.unit.helpers import random, refused

MARGIN = 12


def texture(height=88, width=104, seed=0):
    """Spots of four sizes, (1, 1, height, width), darker the smaller they are."""
    sizes = (8, 16, 32, 64)
    spots = [random(1, 1, s, s, seed=seed + s) * 8 / s for s in sizes]
    return sum(F.interpolate(x, size=(height, width), mode="bicubic").clamp(0, 1) for x in spots) / 2


def shifted(right, down):
    """Two frames of one texture: what is at p in the first lies at p + (right, down) in the second."""
    whole = texture()
    there = torch.tensor(scipy.ndimage.shift(whole[0, 0], (down, right), order=1, mode="nearest"))[None, None]
    inner = (..., slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    return whole[inner].contiguous(), there[inner].contiguous()


def constant(right, down, like):
    return torch.tensor([right, down]).float()[None, :, None, None].expand(len(like), 2, *like.shape[-2:])


@pytest.mark.parametrize(
    ("right", "down"), [(0, 0), (1, 0), (0, -2.5), (3.3, -2.6), (8, 0), (0, -8), (-5.7, 5.6)]
)
def test_known_shifts_are_found_to_a_quarter_of_a_pixel(right, down):
    a, b = shifted(right, down)
    wrong = (motion.lucas_kanade(a, b) - constant(right, down, a)).square().sum(1).sqrt()
    assert wrong.mean() < 0.25 and wrong.amax() < 2
    v, u = optical_flow_ilk(a[0, 0].numpy(), b[0, 0].numpy(), radius=5)
    assert (
        wrong.mean() < np.hypot(u - right, v - down).mean() + 0.05
    )  # the pyramid must not cost what others reach


def test_a_rotation_has_its_own_motion_everywhere():
    a = texture(96, 96)
    angle = 3.0
    b = torch.tensor(scipy.ndimage.rotate(a[0, 0], -angle, reshape=False, order=1, mode="nearest"))[
        None, None
    ]
    y, x = torch.meshgrid(torch.arange(96) - 47.5, torch.arange(96) - 47.5, indexing="ij")
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    truth = torch.stack([c * x - s * y - x, s * x + c * y - y])[None]  # clockwise on the screen, y down
    wrong = (motion.lucas_kanade(a, b) - truth).square().sum(1).sqrt()
    assert wrong[:, 8:-8, 8:-8].mean() < 0.25 < 1.5 < truth.square().sum(1).sqrt().mean()


def test_each_pair_of_a_batch_is_by_itself_and_colours_count_like_grey():
    pairs = [shifted(2, 1), shifted(-3, 0)]
    a, b = (torch.cat(frames) for frames in zip(*pairs, strict=True))
    flow = motion.lucas_kanade(a, b)
    torch.testing.assert_close(flow[1:], motion.lucas_kanade(*pairs[1]), atol=1e-4, rtol=0)
    coloured = motion.lucas_kanade(a.expand(-1, 3, -1, -1), b.expand(-1, 3, -1, -1))
    torch.testing.assert_close(coloured, flow, atol=1e-3, rtol=0)


def test_where_nothing_is_to_be_seen_nothing_moves():
    grey = torch.full((1, 3, 20, 50), 0.5)
    assert motion.lucas_kanade(grey, grey).abs().max() == 0
    assert (
        motion.lucas_kanade(random(1, 1, 9, 7), random(1, 1, 9, 7)).abs().max() < 1e-4
    )  # smaller than a level


def test_warp_is_bilinear_and_goes_backwards():
    x, flow = random(2, 3, 11, 9), 8 * random(2, 2, 11, 9, seed=1) - 4
    rows, columns = np.mgrid[:11, :9]
    for k in range(2):
        places = [rows + flow[k, 1].numpy(), columns + flow[k, 0].numpy()]
        for channel, warped in zip(x[k], motion.warp(x, flow)[k], strict=True):
            expected = scipy.ndimage.map_coordinates(channel.numpy(), places, order=1, mode="nearest")
            np.testing.assert_allclose(warped, expected, atol=1e-5)
    one = motion.warp(x, constant(1, 0, x))
    torch.testing.assert_close(one[..., :-1], x[..., 1:])
    torch.testing.assert_close(
        motion.warp(x[..., :1], constant(0, 1, x[..., :1]))[:, :, :-1], x[:, :, 1:, :1]
    )


def scene(left):
    """A bright textured square, its left side at column `left`, before a darker background that stands still."""
    frame = 0.4 * texture(64, 64)
    frame[..., 20:44, left : left + 24] = 0.4 + 0.6 * texture(88, 104, seed=5)[..., :24, :24]
    return frame


def test_what_is_hidden_is_not_visible():
    moved = torch.zeros(64, 64)
    moved[20:44, 10:34] = 6
    flow = torch.stack([moved, torch.zeros(64, 64)])[None]
    back = torch.stack([-moved.roll(6, 1), torch.zeros(64, 64)])[None]
    expected = torch.ones(64, 64, dtype=torch.bool)
    expected[20:44, 34:40] = False  # the background that the square covers
    assert torch.equal(motion.visible(flow, back)[0, 0], expected)
    gone = constant(5, -3, flow)
    seen = motion.visible(gone, -gone)[0, 0]
    assert not seen[:3].any() and not seen[:, -5:].any() and seen[3:, :-5].all()


def test_who_goes_further_may_miss_by_more():
    x = torch.zeros(1, 2, 64, 64)
    for there, back, met in ((2, -1.5, True), (2, -1, False), (20, -18, True), (20, -16, False)):
        seen = motion.visible(constant(there, 0, x), constant(back, 0, x))
        assert seen[..., 10].all() == met


def test_flow_and_visibility_of_a_square_that_moves_before_a_background():
    a, b = scene(20), scene(24)
    flow, back = motion.lucas_kanade(a, b), motion.lucas_kanade(b, a)
    assert (flow[0, :, 26:38, 26:38] - torch.tensor([4.0, 0])[:, None, None]).abs().mean() < 0.3
    assert flow[..., :10, :].abs().mean() < 0.2
    seen = motion.visible(flow, back)[0, 0]
    assert seen[26:38, 26:38].float().mean() > 0.95 and seen[:10].float().mean() > 0.95


def test_the_warping_error_of_a_clip_that_only_moves_is_zero_and_of_one_that_flickers_is_the_flicker():
    wide = random(1, 3, 24, 60)
    clip = torch.cat([wide[..., 3 * k : 3 * k + 40] for k in range(4)])
    flow = constant(-3, 0, clip[1:])  # the camera goes right, so the picture goes left
    assert motion.warping_error(clip, flow, -flow) < 1e-6
    assert motion.warping_error(clip, -flow, flow) > 0.2
    flicker = clip + 0.1 * (torch.arange(4) % 2)[:, None, None, None]
    assert motion.warping_error(flicker, flow, -flow) == pytest.approx(0.1, abs=1e-5)


def test_the_warping_error_can_be_learned_from():
    clip = random(3, 3, 16, 16).requires_grad_()
    flow = torch.zeros(2, 2, 16, 16)
    motion.warping_error(clip, flow, flow).backward()
    assert clip.grad.isfinite().all() and (clip.grad[1] != 0).any()


X = torch.zeros(2, 3, 16, 16)
STILL = torch.zeros(2, 2, 16, 16)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: motion.warp(X, STILL[:1]), r"\(2, 2, 16, 16\), not \(1, 2, 16, 16\)"),
        (lambda: motion.warp(X, STILL / 0), "not finite"),
        (lambda: motion.warp(X, STILL.int()), "floats"),
        (lambda: motion.warp(X[0], STILL), r"\(n, channels, height, width\)"),
        (lambda: motion.warp(X[:0], STILL[:0]), "not empty"),
        (lambda: motion.lucas_kanade(X, X[:1]), "Two equal batches"),
        (lambda: motion.lucas_kanade(X[0], X[0]), "Two equal batches"),
        (lambda: motion.lucas_kanade(X + 2, X), r"in \[0, 1\]"),
        (lambda: motion.lucas_kanade(X, X / 0), "not finite"),
        (lambda: motion.lucas_kanade(X, X, steps=0), "number of steps"),
        (lambda: motion.lucas_kanade(X, X, sigma=0), "window"),
        (lambda: motion.lucas_kanade(X, X, sigma=float("nan")), "window"),
        (lambda: motion.lucas_kanade(X, X, smallest=1), "smallest"),
        (lambda: motion.visible(STILL, STILL[:1]), "A flow for these frames"),
        (lambda: motion.visible(X, X), "A flow for these frames"),
        (lambda: motion.warping_error(X[:1], STILL, STILL), "two frames"),
        (lambda: motion.warping_error(X, STILL, STILL), r"\(1, 2, 16, 16\)"),
        (lambda: motion.warping_error(X, STILL[:1] + 50, STILL[:1]), "No pixel is visible"),
    ],
)
def test_refusals(call, says):
    with refused(says):
        call()
