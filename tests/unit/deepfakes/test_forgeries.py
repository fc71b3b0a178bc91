"""Forgeries: the camera's noise is what it says, splices solve what they claim, every method makes pictures."""

import pytest
import torch
import torch.nn.functional as F

from imagegen_lessons import images, metrics
from imagegen_lessons.deepfakes import forgeries
from imagegen_lessons.runtime import generator
from imagegen_lessons.synthetic import faces
from tests.unit.helpers import refused


@pytest.fixture(scope="module")
def scenes():
    factors, _ = forgeries.portraits(4, 2, seed=3)
    return faces.render(factors, forgeries.SIZE), factors


def test_portraits_of_one_person_share_the_identity_and_nothing_else():
    factors, who = forgeries.portraits(5, 3, seed=1)
    assert who.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    for name in faces.IDENTITY:
        assert (factors[name] == factors[name][who * 3]).all(), name
    assert len(factors["smile"].unique()) == 15


def test_the_camera_adds_the_noise_that_physics_asks_for_and_gives_eight_bits():
    grey = torch.full((40, 3, 32, 32), 0.5)
    x = forgeries.camera(grey, generator(0), photons=500)
    assert (x - grey).mean().abs() < 1e-3
    assert x.std().item() == pytest.approx((0.5 / 500 + 0.01**2) ** 0.5, rel=0.03)
    torch.testing.assert_close(x * 255, (x * 255).round(), atol=1e-3, rtol=0)
    assert torch.equal(x, forgeries.camera(grey, generator(0), photons=500))


def test_jpeg_takes_one_quality_or_one_for_each(scenes):
    x, _ = scenes
    strong, weak = forgeries.jpeg(x, 30), forgeries.jpeg(x, 95)
    assert (metrics.psnr(weak, x) > metrics.psnr(strong, x)).all()
    both = forgeries.jpeg(x[:2], torch.tensor([30, 95]))
    assert torch.equal(both, torch.stack([strong[0], weak[1]]))


def test_the_mask_covers_the_face_and_leaves_the_border():
    mask = forgeries.face_mask(50, generator(0))
    assert mask.shape == (50, 1, 64, 64) and (mask[:, :, 30:36, 28:36] == 1).all()
    for edge in (mask[..., 0, :], mask[..., -1, :], mask[..., 0], mask[..., -1]):
        assert (edge == 0).all()


def laplacian(x):
    kernel = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]).expand(3, 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)


def test_a_poisson_splice_has_the_donors_laplacian_inside_and_the_scene_outside(scenes):
    x, _ = scenes
    scene, donor, mask = 0.25 + 0.5 * x, 0.25 + 0.5 * x.flip(0), forgeries.face_mask(len(x), generator(0))
    y = forgeries.poisson_splice(scene, donor, mask, sweeps=400)
    inside = (mask > 0.5).expand_as(y)
    assert torch.equal(y[~inside], scene[~inside])
    unclamped = inside & (y > 0.01) & (y < 0.99)
    away = unclamped & (F.avg_pool2d(unclamped.float(), 3, 1, 1) == 1)
    assert (laplacian(y) - laplacian(donor))[away].abs().max() < 1e-4
    assert (forgeries.poisson_splice(scene, donor, mask) - y).abs().max() < 0.01


def test_a_poisson_splice_takes_away_a_difference_in_brightness(scenes):
    x, _ = scenes
    scene, mask = 0.2 + 0.5 * x, forgeries.face_mask(len(x), generator(0))
    alpha = forgeries.alpha_splice(scene, scene + 0.2, mask)
    poisson = forgeries.poisson_splice(scene, scene + 0.2, mask)
    assert (alpha - scene).abs().max() > 0.19 and (poisson - scene).abs().max() < 0.01
    torch.testing.assert_close(forgeries.poisson_splice(x, x, mask), x, atol=1e-5, rtol=0)
    assert torch.equal(forgeries.poisson_splice(x, x.flip(0), 0 * mask), x)  # nothing to replace


@pytest.mark.parametrize("up", ["transposed", "bilinear"])
def test_an_autoencoder_keeps_the_shape_and_learns(up):
    net = forgeries.Autoencoder(up)
    x = torch.rand(2, 3, 64, 64)
    y = net(x)
    assert y.shape == x.shape and y.min() >= 0 and y.max() <= 1
    (y - x).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


@pytest.mark.parametrize("method", forgeries.METHODS)
def test_every_method_makes_pictures_that_follow_from_the_generator(scenes, method):
    x, factors = scenes
    first = forgeries.forge(method, x, factors, generator(4))
    assert images.check(first).shape == x.shape
    assert torch.equal(first, forgeries.forge(method, x, factors, generator(4)))
    assert (first - x).abs().mean() > 1e-3
    if method not in ("enlarged", "generated"):
        assert torch.equal(first[..., :8, :], x[..., :8, :])  # only the face is forged


SCENE, MASK = torch.rand(3, 3, 64, 64), forgeries.face_mask(3, generator(0))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: forgeries.forge("deepfake", SCENE, {}, generator(0)), "alpha splice, .*not 'deepfake'"),
        (lambda: forgeries.jpeg(SCENE, 0), "1 to 95, not 0"),
        (lambda: forgeries.jpeg(SCENE, torch.tensor([50, 96, 50])), "1 to 95"),
        (lambda: forgeries.poisson_splice(SCENE, SCENE[:2], MASK), "needs a donor and a mask"),
        (lambda: forgeries.poisson_splice(SCENE, SCENE, MASK[:2]), "needs a donor and a mask"),
        (lambda: forgeries.alpha_splice(SCENE, SCENE, MASK[..., :32]), "needs a donor and a mask"),
        (lambda: forgeries.jpeg(SCENE, "high"), "not 'high'"),
        (lambda: forgeries.jpeg(SCENE, torch.tensor([50, 60])), "one for all, or one for each"),
        (lambda: forgeries.jpeg(SCENE[0], 75), "Pictures"),
        (lambda: forgeries.camera(SCENE[0], generator(0)), "makes one a batch"),
        (lambda: forgeries.camera((255 * SCENE).byte(), generator(0)), "image.float"),
        (lambda: forgeries.camera(SCENE, generator(0), photons=-5), "photons is a number from 1"),
        (lambda: forgeries.face_mask(-1, generator(0)), "whole number from 0"),
        (lambda: forgeries.face_mask(1, generator(0), soft=0), "width of the border"),
        (lambda: forgeries.jitter(SCENE[0], generator(0)), "Pictures"),
        (lambda: forgeries.portraits("3"), "number of people"),
        (lambda: forgeries.portraits(2, 0), "Portraits of each"),
        (lambda: forgeries.Autoencoder("nearest"), "'transposed' or 'bilinear', not 'nearest'"),
        (lambda: forgeries.forge("transposed", SCENE[..., ::2, ::2], {}, generator(0)), "64, 64"),
        (lambda: forgeries.forge("Poisson splice", SCENE, {}, generator(0)), "factors"),
    ],
)
def test_refusals(call, says):
    with refused(says):
        call()
