"""The U-Net, with labels and without: shapes, conditions, what it predicts, and clear sentences."""

import pytest
import torch

from imagegen_lessons import diffusion
from tests.unit.helpers import refused


def test_a_time_embedding_tells_moments_apart():
    t = torch.linspace(0, 1, 200)
    waves = diffusion.time_embedding(t)
    assert waves.shape == (200, 32) and waves.abs().max() <= 1
    apart = torch.cdist(waves, waves) + 9 * torch.eye(200)
    assert apart.min() > 0.05
    with refused("outside"):
        diffusion.time_embedding(torch.tensor([2.0]))


def test_a_block_adds_nothing_at_first_and_listens_to_its_condition_later():
    block, h = diffusion.Block(16, 16, 8), torch.randn(2, 16, 4, 4)
    torch.testing.assert_close(block(h, torch.randn(2, 8)), h)
    torch.nn.init.normal_(block.conv2.weight)
    one, other = (block(h, torch.randn(2, 8)) for _ in range(2))
    assert (one - other).abs().max() > 1e-3
    assert diffusion.Block(16, 24, 8)(h, torch.randn(2, 8)).shape == (2, 24, 4, 4)


@pytest.mark.parametrize(("channels", "height", "width"), [(3, 32, 32), (1, 16, 24), (4, 8, 8)])
def test_the_u_net_keeps_the_shape_and_sees_each_picture_alone(channels, height, width):
    torch.manual_seed(0)
    network = diffusion.UNet(channels, widths=(8, 16, 24))
    torch.nn.init.normal_(network.conv_out.weight, std=0.1)
    x, t = torch.randn(3, channels, height, width), torch.tensor([0.0, 0.5, 1.0])
    v = network(x, t)
    assert v.shape == x.shape and v.isfinite().all()
    torch.testing.assert_close(network(x[1:2], t[1:2]), v[1:2], rtol=1e-4, atol=1e-4)


def test_the_velocity_leads_to_the_predicted_picture():
    network = diffusion.UNet(widths=(8, 16, 24))
    torch.nn.init.normal_(network.conv_out.weight, std=0.1)
    x, t = torch.randn(2, 3, 16, 16), torch.tensor([0.2, 0.9])
    x_hat, _ = diffusion.predictions(network(x, t), x, t)
    torch.testing.assert_close(x_hat, network.denoise(x, t), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "t", "message"),
    [
        ((2, 1, 16, 16), (0.5, 0.5), r"\(n, 3, h, w\)"),
        ((2, 3, 12, 16), (0.5, 0.5), "multiples of 8"),
        ((3, 16, 16), (0.5,), r"\(n, 3, h, w\)"),
        ((2, 3, 16, 16), (0.5,), "1 times for 2"),
        ((2, 3, 16, 16), (0.5, 1.2), "outside"),
    ],
)
def test_what_does_not_fit_gets_one_sentence(shape, t, message):
    with refused(message):
        diffusion.UNet(widths=(8, 8, 8))(torch.zeros(shape), torch.tensor(t))


@pytest.mark.parametrize("widths", [(8, 16), (8, 16, 20), (0, 8, 8), (8, 8, 8.0)])
def test_widths_are_three_multiples_of_8(widths):
    with refused("[Ww]idth"):
        diffusion.UNet(widths=widths)


def test_labels_matter_one_by_one_and_may_be_left_open():
    torch.manual_seed(0)
    network = diffusion.ConditionalUNet((3, 2), widths=(8, 8, 8))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, t = torch.randn(1, 3, 16, 16).expand(4, -1, -1, -1), torch.full((4,), 0.5)
    y = torch.tensor([[0, 1], [2, 1], [-1, 1], [-1, -1]])
    v = network(x, t, y)
    apart = torch.cdist(v.flatten(1), v.flatten(1)) + 9 * torch.eye(4)
    assert apart.min() > 1e-3
    torch.testing.assert_close(network(x[:1], t[:1]), v[3:])  # without labels: none is given


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.tensor([[3, 0]]), "Label 0 is a whole number from 0 to 2, or -1"),
        (torch.tensor([[0, -2]]), "Label 1"),
        (torch.tensor([[0, 1, 1]]), r"\(n, 2\)"),
        (torch.tensor([[0.0, 1.0]]), "whole numbers"),
        (torch.tensor([[0, 1], [0, 1]]), "2 rows of labels for 1"),
        ([[0, 1]], "a list"),
    ],
)
def test_a_label_that_does_not_exist_gets_one_sentence(y, message):
    with refused(message):
        diffusion.ConditionalUNet((3, 2), widths=(8, 8, 8))(torch.zeros(1, 3, 8, 8), torch.tensor([0.5]), y)


def test_a_categorical_u_net_leads_to_probabilities():
    torch.manual_seed(0)
    network = diffusion.CategoricalUNet((3,), channels=5, widths=(8, 8, 8))
    torch.nn.init.normal_(network.conv_out.weight, std=0.3)
    x, t, y = torch.randn(2, 5, 24, 24), torch.tensor([0.1, 0.8]), torch.tensor([[2], [-1]])
    p = network.denoise(x, t, y)
    torch.testing.assert_close(p.sum(dim=1), torch.ones(2, 24, 24))
    torch.testing.assert_close(p, torch.softmax(network.logits(x, t, y), dim=1))
    assert p.min() >= 0 and p.max() - p.min() > 0.1
    torch.testing.assert_close(diffusion.predictions(network(x, t, y), x, t)[0], p, rtol=1e-4, atol=1e-5)
    end = diffusion.sample(diffusion.guided(network, torch.tensor([[0], [1]])), x, 3)
    torch.testing.assert_close(end.sum(dim=1), torch.ones(2, 24, 24))  # the last step goes all the way


def test_without_labels_it_is_a_network_of_maps_alone():
    network = diffusion.CategoricalUNet((), channels=4, widths=(8, 8, 8))
    assert network(torch.randn(2, 4, 8, 16), torch.tensor([0.0, 0.5])).shape == (2, 4, 8, 16)
