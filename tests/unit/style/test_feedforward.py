"""Style transfer in one pass: the networks, their normalisations against PyTorch's own, and mixing."""

import pytest
import torch
import torch.nn.functional as F

from imagegen_lessons import images, style
from imagegen_lessons.networks import features
from tests.unit.helpers import refused


@pytest.fixture(scope="module")
def extractor():
    torch.manual_seed(0)
    return features.FeatureExtractor().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def net(extractor):
    torch.manual_seed(1)
    return style.AdaINNet(extractor).eval().requires_grad_(False)


def test_instance_norm_is_pytorchs_own():
    f = 3 + 2 * torch.randn(2, 5, 7, 4)
    torch.testing.assert_close(style.instance_norm(f), F.instance_norm(f))
    assert style.instance_norm(torch.full((1, 2, 3, 3), 0.7)).abs().max() < 1e-3  # nothing to divide by


def test_conditional_instance_norm_scales_and_shifts_by_style_and_by_mixture():
    norm, f = style.ConditionalInstanceNorm(4, styles=2), torch.randn(3, 4, 6, 6)
    torch.testing.assert_close(norm(f, F.one_hot(torch.tensor([0, 1, 0])).float()), F.instance_norm(f))
    with torch.no_grad():
        norm.scale[1], norm.shift[1] = 3.0, 5.0
    mixed = norm(f, torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]))
    plain = F.instance_norm(f)
    torch.testing.assert_close(mixed, torch.stack([plain[0], 3 * plain[1] + 5, 2 * plain[2] + 2.5]))


@pytest.mark.parametrize("size", [(64, 64), (33, 50), (1, 1)])
def test_a_transform_net_keeps_any_size_and_range(size):
    torch.manual_seed(0)
    net, x = style.TransformNet(styles=2, width=8, blocks=1), torch.rand(2, 3, *size)
    with torch.no_grad():
        y = net(x)
        torch.testing.assert_close(y, net(x, torch.tensor([[1.0, 0.0], [1.0, 0.0]])))
    assert y.shape == x.shape and y.min() >= 0 and y.max() <= 1


def test_adain_gives_the_wanted_means_and_deviations():
    f, painting = 2 + torch.randn(2, 6, 9, 8), 5 * torch.rand(2, 6, 4, 4)
    wanted = style.mean_std(painting)
    assert wanted.shape == (2, 2, 6)
    torch.testing.assert_close(wanted[:, 0], painting.mean(dim=(2, 3)))
    torch.testing.assert_close(wanted[:, 1], painting.std(dim=(2, 3), correction=0), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(style.mean_std(style.adain(f, wanted)), wanted, rtol=1e-3, atol=1e-3)


def test_a_code_has_832_numbers_and_strength_0_forgets_the_style(net):
    x, one, other = torch.rand(3, 1, 3, 40, 56).unbind()
    other = other * torch.tensor([1.0, 0.3, 0.1]).view(
        3, 1, 1
    )  # noise without a colour is alike to the network
    code = net.code(one)
    assert sum(part.numel() for part in code) == 832
    y = net(x, code)
    assert y.shape == x.shape and y.min() >= 0 and y.max() <= 1
    assert not torch.allclose(y, net(x, net.code(other)), atol=1e-3)
    assert torch.equal(y, net.decode(net.encode(x), code))
    torch.testing.assert_close(net(x, code, 0.0), net(x, net.code(other), 0.0))
    torch.testing.assert_close(net(x, code, 0.0), net(x, net.code(x)))


def test_another_function_may_stand_for_adain_and_the_encoder_is_not_saved(extractor, net):
    assert {name.split(".")[0] for name in net.state_dict()} == {"up", "refine", "conv_out"}
    x = torch.rand(1, 3, 32, 32)
    other = style.AdaINNet(extractor, adain=lambda f, wanted: f)
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(x, net.code(x)), other(x, net.code(1 - x)))


def test_blend_is_the_weighted_mean_of_codes(net):
    codes = [net.code(torch.rand(1, 3, 32, 32)) for _ in range(3)]
    for mixed, a, b in zip(style.blend(codes, [1, 3, 0]), codes[0], codes[1], strict=True):
        torch.testing.assert_close(mixed, 0.25 * a + 0.75 * b)


def test_weights_that_make_no_mixture_are_refused():
    codes = [[torch.ones(1, 2, 4)]] * 3
    for weights in ([1, 1], [0, 0, 0], [1, -1, 1], [float("nan"), 1, 1], [float("inf"), 1, 1]):
        with refused("3 styles"):
            style.blend(codes, weights)
    with refused("0 styles"):
        style.blend([], ())


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.rand(1, 1, 32, 32), r"\(n, 3, height, width\), not \(1, 1, 32, 32\)"),
        (torch.rand(1, 4, 32, 32), "not .1, 4, 32, 32."),
        (torch.rand(3, 32, 32), "not .3, 32, 32."),
        (torch.rand(0, 3, 32, 32), "not .0, 3, 32, 32."),
        ((255 * torch.rand(1, 3, 32, 32)).byte(), "float32 pictures, not torch.uint8: x.float.. / 255"),
        (torch.rand(1, 3, 32, 32).double(), "not torch.float64: x.float"),
        (255 * torch.rand(1, 3, 32, 32), "if it counts to 255"),
        (torch.full((1, 3, 32, 32), torch.nan), "not finite"),
        ("cat.png", "not str"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(net, x, words):
    with refused(words, images.ImageError):
        style.TransformNet(width=16).eval()(x)
    with refused(words, images.ImageError):
        net.eval().encode(x)


def test_a_mix_of_another_shape_gets_a_sentence():
    with refused(r"A mix has the shape \(2, 3\), pictures by styles, not \(2, 2\)"):
        style.TransformNet(styles=3, width=16)(torch.rand(2, 3, 16, 16), torch.ones(2, 2))


def test_one_mix_serves_all_pictures():
    net, x, mix = (
        style.TransformNet(styles=3, width=16),
        torch.rand(2, 3, 16, 16),
        torch.tensor([[0.2, 0.3, 0.5]]),
    )
    torch.testing.assert_close(net(x, mix), net(x, mix.expand(2, -1)))
