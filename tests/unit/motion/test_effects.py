"""Smoke and fire as pictures, laid over others as Pillow does it; clips that loop."""

import numpy as np
import pytest
import torch
from PIL import Image

from imagegen_lessons import images, motion
from tests.unit.helpers import random, refused


def test_smoke_hides_twice_as_deep_in_twice_the_density():
    density = random(2, 1, 6, 7)
    once, twice = motion.smoke(density, thickness=1.5), motion.smoke(2 * density, thickness=1.5)
    torch.testing.assert_close(1 - twice[:, 3], (1 - once[:, 3]) ** 2)
    torch.testing.assert_close(1 - once[:, 3:], torch.exp(-1.5 * density))
    tinted = motion.smoke(density, colour=(1, 0.5, 0))
    torch.testing.assert_close(tinted[:, :3], tinted[:, 3:] * torch.tensor([1, 0.5, 0])[:, None, None])
    assert motion.smoke(-density).abs().max() == 0


def test_fire_goes_from_nothing_by_red_and_yellow_to_white():
    heat = torch.linspace(-0.1, 1.5, 200).view(1, 1, 1, 200)
    red, green, blue, alpha = motion.fire(heat)[0, :, 0]
    assert (red >= green).all() and (green >= blue).all() and torch.equal(red, alpha)
    assert red[0] == 0 and blue[-1] == 1
    for part in (red, green, blue):
        assert (part.diff() >= 0).all()
    assert ((red > 0.5) & (green < 0.1)).any() and ((green > 0.7) & (blue < 0.3)).any()


def test_over_is_what_pillow_composes():
    front, back = random(1, 4, 9, 8), random(1, 4, 9, 8, seed=1)

    def pillow(x):
        return Image.fromarray((x[0] * 255).round().byte().movedim(0, -1).numpy())

    def premultiplied(x):
        return torch.cat([x[:, :3] * x[:, 3:], x[:, 3:]], dim=1)

    expected = (
        torch.from_numpy(np.array(Image.alpha_composite(pillow(back), pillow(front)))).movedim(-1, 0) / 255
    )
    ours = motion.over(premultiplied(front), premultiplied(back))
    torch.testing.assert_close(ours, premultiplied(expected[None]), atol=2 / 255, rtol=0)
    opaque = motion.over(premultiplied(front), back[:, :3])
    torch.testing.assert_close(opaque, front[:, 3:] * front[:, :3] + (1 - front[:, 3:]) * back[:, :3])
    images.check(opaque)


def test_one_background_serves_all_frames():
    clip, background = motion.fire(random(5, 1, 8, 8)), random(1, 3, 8, 8)
    shown = motion.over(clip, background)
    assert shown.shape == (5, 3, 8, 8)
    torch.testing.assert_close(shown[3:4], motion.over(clip[3:4], background))


def test_a_loop_has_no_seam_and_keeps_its_middle():
    walk = (random(40, 1, 1, 1) - 0.4).cumsum(0) / 10 + random(1, 3, 6, 6)  # drifts away from its beginning
    loop = motion.make_loop(walk, overlap=10)
    assert loop.shape == (30, 3, 6, 6) and torch.equal(loop[10:], walk[10:30])
    assert motion.seam(walk) > 5 and motion.seam(loop) < 0.5 * motion.seam(walk)
    line = torch.arange(12.0).view(-1, 1, 1, 1)
    closed = motion.make_loop(line, 3).flatten()
    torch.testing.assert_close(closed, torch.tensor([6.75, 5.5, 4.25, 3, 4, 5, 6, 7, 8]))


def test_a_seam_is_measured_in_steps_of_the_clip():
    angle = 2 * torch.pi * torch.arange(24) / 24
    circle = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)[:, :, None, None]
    assert motion.seam(circle) == pytest.approx(1, abs=0.3)
    line = torch.arange(10.0).view(-1, 1, 1, 1)
    assert motion.seam(line) == 9
    assert motion.seam(line[[0, 1, 3]]) == 3  # its own step is not among those that it is measured in
    assert motion.seam(torch.ones(5, 3, 4, 4)) == 0


X = torch.zeros(2, 4, 8, 8)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: motion.smoke(X), r"Densities .* \(n, 1, h, w\)"),
        (lambda: motion.smoke(X[:, :1], colour=(1, 2, 0)), "from 0 to 1"),
        (lambda: motion.smoke(X[:, :1], colour=(1, 1)), "three numbers"),
        (lambda: motion.smoke(X[:, :1], thickness=-1), "thickness"),
        (lambda: motion.fire("hot"), "not str"),
        (lambda: motion.over(X[:, :3], X), "laid over"),
        (lambda: motion.over(X, X[:, :1]), "laid over"),
        (lambda: motion.over(X, None), "laid over"),
        (lambda: motion.over(X, X[..., :4]), "one size"),
        (lambda: motion.over(X, torch.zeros(3, 4, 8, 8)), "one size and number"),
        (lambda: motion.make_loop(X, 2), "at least 4 frames"),
        (lambda: motion.make_loop(X, 0), "overlap"),
        (lambda: motion.seam(X), "three frames"),
    ],
)
def test_refusals(call, says):
    with refused(says):
        call()
