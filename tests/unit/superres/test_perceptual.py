"""Perceptual super-resolution: the discriminator, the perceptual loss, and the training with both."""

import pytest
import torch

from imagegen_lessons import datasets, metrics, runtime, superres
from imagegen_lessons.networks import features


@pytest.fixture(scope="module")
def extractor():
    return features.load("bundled")


def batch(n=2):
    low = 0.1 + 0.8 * torch.rand(n, 1, 16, 16)
    return low, superres.bicubic(low, 4).clamp(0, 1)


def trainer(extractor, **settings):
    torch.manual_seed(0)
    G, D = superres.Upscaler(4, width=8, blocks=1), superres.PatchDiscriminator(width=4)
    return superres.PerceptualTrainer(G, D, extractor, **settings)


def test_the_discriminator_scores_each_place_by_what_is_around_it():
    D, x = superres.PatchDiscriminator(width=4), torch.rand(1, 1, 96, 72)
    score = D(x)
    assert score.shape == (1, 1, 12, 9)
    x[..., 60:, :] = 0  # outside of the receptive field of the first places
    assert torch.equal(D(x)[:, :, 0], score[:, :, 0]) and not torch.equal(D(x), score)


def test_grey_takes_black_and_white_back_to_zero_and_one():
    x = torch.rand(2, 1, 5, 7)
    assert torch.allclose(
        superres.grey(metrics.luma(x.expand(-1, 3, -1, -1))), x.expand(-1, 3, -1, -1), atol=1e-6
    )


def test_the_perceptual_loss_is_zero_only_where_nothing_differs(extractor):
    x, y = torch.rand(2, 1, 32, 32), torch.rand(2, 1, 32, 32)
    assert superres.perceptual_loss(extractor, x, x) == 0
    near, far = (superres.perceptual_loss(extractor, y + share * (x - y), y) for share in (0.1, 1.0))
    assert 0 < near < far


def test_the_perceptual_loss_has_a_gradient_for_the_output_only(extractor):
    x, y = (torch.rand(1, 1, 32, 32, requires_grad=True) for _ in range(2))
    superres.perceptual_loss(extractor, x, y).backward()
    assert x.grad.abs().sum() > 0 and y.grad is None


@pytest.mark.parametrize("settings", [{}, {"perceptual": 0.0}, {"adversarial": 0.0}])
def test_a_step_trains_both_networks_by_all_terms_and_training_can_be_resumed(extractor, settings):
    first, second = trainer(extractor), trainer(extractor, **settings)
    before = [p.clone() for p in (first.G.conv_out.weight, first.D.score.weight)]
    pair = batch()
    values = first.step(pair)
    assert set(values) == {"pixels", "perceptual", "G", "D"} and all(v.isfinite() for v in values.values())
    assert not any(map(torch.equal, before, (first.G.conv_out.weight, first.D.score.weight)))
    second.step(pair)
    assert torch.equal(first.G.conv_out.weight, second.G.conv_out.weight) == (not settings)
    second.load_state_dict(first.state_dict())
    pair = batch()
    assert first.step(pair)["pixels"] == second.step(pair)["pixels"]


def test_the_bundled_network_is_sharper_and_further_from_the_truth():
    photo = datasets.photo("coffee")[..., :240, :320]
    high, low = metrics.luma(photo), metrics.luma(superres.downscale(photo, 4)).to(runtime.device())
    psnr_oriented, perceptual = superres.load(4)(low).cpu(), superres.load_perceptual()(low).cpu()
    assert metrics.psnr(perceptual, high) < metrics.psnr(psnr_oriented, high)

    def edges(x):
        return (x[..., 1:] - x[..., :-1]).abs().mean()

    assert edges(psnr_oriented) < edges(perceptual)


@pytest.mark.parametrize(
    "x", [torch.rand(1, 3, 32, 32), torch.rand(1, 32, 32), torch.rand(1, 1, 32, 32) > 0.5]
)
def test_only_batches_of_luma_are_judged(extractor, x):
    for judge in (superres.PatchDiscriminator(), superres.grey):
        with pytest.raises(ValueError, match="Luma"):
            judge(x)
    with pytest.raises(ValueError, match="Luma"):
        superres.perceptual_loss(extractor, x, x)
