"""Style in one pass: the networks, their normalisations against PyTorch's own, and mixing."""

import pytest
import torch
import torch.nn.functional as F

from imagegen_lessons import exercises, style
from imagegen_lessons.networks import features
from imagegen_lessons.style import feedforward


@pytest.fixture(scope="module")
def extractor():
    torch.manual_seed(0)
    return features.FeatureExtractor().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def any_style(extractor):
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


@pytest.mark.parametrize("size", [(64, 64), (33, 50), (5, 200), (1, 1)])
def test_a_style_net_keeps_any_size_and_range(size):
    torch.manual_seed(0)
    net, x = style.TransformNet(styles=2, width=8, blocks=1), torch.rand(2, 3, *size)
    with torch.no_grad():
        y = net(x)
        torch.testing.assert_close(y, net(x, torch.tensor([[1.0, 0.0], [1.0, 0.0]])))
    assert y.shape == x.shape and y.min() >= 0 and y.max() <= 1


def test_training_the_second_style_leaves_the_first_as_it_was():
    torch.manual_seed(0)
    net, x = style.TransformNet(styles=2, width=8, blocks=1), torch.rand(1, 3, 32, 32)
    before = net(x).detach()
    own = [p for norm in net.norms for p in norm.parameters()]
    second = torch.tensor([[0.0, 1.0]])
    optimizer = torch.optim.Adam(own, lr=0.1)
    for _ in range(3):
        loss = net(x, second).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.equal(net(x).detach(), before)
    assert not torch.allclose(net(x, second), before, atol=0.01)


def test_adain_gives_the_wanted_means_and_deviations():
    f, style = 2 + torch.randn(2, 6, 9, 8), 5 * torch.rand(2, 6, 4, 4)
    wanted = style.mean_std(style)
    assert wanted.shape == (2, 2, 6)
    torch.testing.assert_close(wanted[:, 0], style.mean(dim=(2, 3)))
    torch.testing.assert_close(wanted[:, 1], style.std(dim=(2, 3), correction=0), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(style.mean_std(style.adain(f, wanted)), wanted, rtol=1e-3, atol=1e-3)
    # its own statistics change nothing
    torch.testing.assert_close(style.adain(f, style.mean_std(f)), f, rtol=1e-3, atol=1e-3)


def test_any_style_has_a_code_of_832_numbers_and_strength_0_forgets_the_style(any_style):
    x, one, other = torch.rand(3, 1, 3, 40, 56).unbind()
    code = any_style.code(one)
    assert sum(stage.numel() for stage in code) == 832
    y = any_style(x, code)
    assert y.shape == x.shape and y.min() >= 0 and y.max() <= 1
    assert not torch.allclose(y, any_style(x, any_style.code(other)), atol=1e-3)
    assert torch.equal(y, any_style.decode(any_style.extractor[0].trunk(x, depth=4), code))
    torch.testing.assert_close(any_style(x, code, 0.0), any_style(x, any_style.code(other), 0.0))
    torch.testing.assert_close(any_style(x, code, 0.0), any_style(x, any_style.code(x)))


def test_any_style_does_not_train_or_save_the_eye(any_style, extractor):
    names = set(any_style.state_dict())
    assert names and not any("stages" in name or "heads" in name for name in names)
    theirs = {id(p) for p in extractor.parameters()}
    assert not any(id(p) in theirs for p in any_style.parameters())


def test_blend_is_the_weighted_mean_of_codes(any_style):
    codes = [any_style.code(torch.rand(1, 3, 32, 32)) for _ in range(3)]
    mixed = style.blend(codes, [1, 3, 0])
    for stage, a, b in zip(mixed, codes[0], codes[1], strict=True):
        torch.testing.assert_close(stage, 0.25 * a + 0.75 * b)


@pytest.mark.parametrize(
    "weights", [[1, 1], [0, 0, 0], [1, -1, 1], [float("nan"), 1, 1], [float("inf"), 1, 1]]
)
def test_weights_that_make_no_mixture_are_refused(any_style, weights):
    codes = [any_style.code(torch.rand(1, 3, 32, 32))] * 3
    with pytest.raises(ValueError, match="3 styles need as many weights"):
        style.blend(codes, weights)


def test_a_mix_of_no_styles_is_refused():
    with pytest.raises(ValueError, match="0 styles need as many weights"):
        style.blend([], ())


def test_the_exercises_do_not_follow_a_student_who_replaces_adain(monkeypatch):
    one_hand = style.adain
    monkeypatch.setattr(feedforward, "adain", lambda f, wanted: f)
    exercises.borrowed_palette.test(
        lambda content, style: one_hand(content, style.mean_std(style)).clamp(0, 1)
    )
    exercises.two_hands.test(
        lambda f, one, other, mask: one_hand(f, one) * mask + one_hand(f, other) * (1 - mask)
    )
