"""The U-Net that reads: words matter, padding does not, attention maps, guidance with a negative prompt, training."""

import pytest
import torch
from torch import nn

from imagegen_lessons import diffusion
from imagegen_lessons.training import checkpoint
from tests.unit.helpers import refused


def reading(words=8, length=5):
    """A small network in which everything matters already."""
    torch.manual_seed(0)
    network = diffusion.TextUNet(diffusion.TextEncoder(words, length, d=16), widths=(8, 8, 16))
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    return network


def test_at_first_no_word_matters_and_later_each_does():
    torch.manual_seed(1)
    x, t = torch.randn(1, 3, 16, 16).expand(4, -1, -1, -1), torch.full((4,), 0.5)
    y = torch.tensor([[1, 2, -1], [2, 1, -1], [1, 3, -1], [-1, -1, -1]])
    fresh = diffusion.TextUNet(diffusion.TextEncoder(8, 5, d=16), widths=(8, 8, 16))
    nn.init.normal_(fresh.conv_out.weight)
    torch.testing.assert_close(fresh(x, t, y), fresh(x, t))
    network = reading()
    v = network(x, t, y)
    apart = torch.cdist(v.flatten(1), v.flatten(1)) + 9 * torch.eye(4)
    assert apart.min() > 1e-3
    torch.testing.assert_close(network(x, t)[3], v[3])  # no caption: a row of padding
    longer = torch.nn.functional.pad(y, (0, 2), value=-1)
    torch.testing.assert_close(network(x, t, longer), v)


def test_it_sees_each_picture_alone_at_any_size():
    network, t = reading(), torch.tensor([0.0, 0.4, 1.0])
    x, y = torch.randn(3, 3, 16, 24), torch.tensor([[1, -1], [2, 3], [-1, -1]])
    v = network(x, t, y)
    assert v.shape == x.shape and v.isfinite().all()
    torch.testing.assert_close(network(x[1:2], t[1:2], y[1:2]), v[1:2], rtol=1e-4, atol=1e-4)


def test_attention_maps_are_kept_on_request_and_change_nothing():
    network, x, t, y = reading(), torch.randn(2, 3, 16, 32), torch.rand(2), torch.tensor([[1, 2], [3, -1]])
    maps = []
    torch.testing.assert_close(network(x, t, y, maps), network(x, t, y))
    assert [tuple(m.shape) for m in maps] == [(2, 4, 4, 8, 3), (2, 4, 2, 4, 3), (2, 4, 4, 8, 3)]
    for m in maps:
        torch.testing.assert_close(m.sum(dim=-1), torch.ones(m.shape[:-1]))
        assert (m[1, ..., 2] == 0).all()  # nobody looks at a word that is not there


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.tensor([[8], [0]]), "from 0 to 7"),
        (torch.tensor([[1]]), "1 rows of tokens for 2"),
        (torch.zeros(2, 9, dtype=torch.int64), "up to 5"),
        (torch.zeros(2, 3), "whole numbers"),
        (["red", "blue"], "whole numbers"),
    ],
)
def test_a_caption_that_is_none_gets_one_sentence(y, message):
    with refused(message):
        reading()(torch.zeros(2, 3, 8, 8), torch.tensor([0.1, 0.2]), y)


def test_captions_are_hidden_whole():
    torch.manual_seed(0)
    y = torch.tensor([[1, 2, -1]]).expand(10_000, 3)
    hidden = diffusion.hide_captions(y, share=0.2)
    rows = (hidden == -1).all(dim=1)
    assert rows.float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert torch.equal(hidden[~rows], y[~rows])
    assert torch.equal(diffusion.hide_captions(y, share=0), y)
    with refused("share of hidden"):
        diffusion.hide_captions(y, share=1.0)


def word_velocity(x, t, y):
    """Leads everything to the first token; without a caption it stands still."""
    return torch.where(y[:, :1] < 0, 0.0, y[:, :1].float()).expand_as(x)


@pytest.mark.parametrize(("scale", "end"), [(0, 3.0), (1, 2.0), (3, 0.0)])
def test_a_negative_prompt_takes_the_place_of_no_caption(scale, end):
    y, negative = torch.full((5, 2), 2), torch.tensor([[3, -1]])
    for given in (negative, negative.expand(5, 2)):
        velocity = diffusion.guided(word_velocity, y, scale, given)
        torch.testing.assert_close(diffusion.sample(velocity, torch.zeros(5, 3), 4), torch.full((5, 3), end))
    none = diffusion.guided(word_velocity, y, scale, torch.full((1, 2), -1))
    torch.testing.assert_close(
        diffusion.sample(none, torch.zeros(5, 3), 4),
        diffusion.sample(diffusion.guided(word_velocity, y, scale), torch.zeros(5, 3), 4),
    )


@pytest.mark.parametrize(
    "negative",
    [
        torch.zeros(2, 2, dtype=torch.int64),
        torch.zeros(1, 3, dtype=torch.int64),
        torch.zeros(1, 2),
        "glasses",
    ],
)
def test_a_negative_prompt_that_does_not_fit_gets_one_sentence(negative):
    with refused("negative prompt"):
        diffusion.guided(word_velocity, torch.zeros(5, 2, dtype=torch.int64), 2.0, negative)


def test_it_learns_to_obey_two_words():
    """Pictures that are dark or bright, by their word: after few steps the word decides."""
    torch.manual_seed(0)
    network = diffusion.TextUNet(diffusion.TextEncoder(3, 2, d=16), channels=1, widths=(8, 8, 8))
    flow = diffusion.FlowTrainer(network, 120, lr=4e-3, hide=diffusion.hide_captions)
    y = torch.tensor([[1, -1], [2, -1]]).repeat(16, 1)
    x = (2.0 * y[:, :1] - 3)[:, :, None, None].expand(32, 1, 8, 8)
    for _ in range(flow.steps):
        flow.step((x, y))
    made = diffusion.sample(diffusion.guided(flow.average, y), torch.randn(32, 1, 8, 8), 5)
    assert (made.mean((1, 2, 3)).sign() == x[:, 0, 0, 0]).all()


def test_a_frozen_encoder_stays_as_it_was():
    encoder = diffusion.TextEncoder(3, 2, d=16).requires_grad_(False)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    flow = diffusion.FlowTrainer(
        diffusion.TextUNet(encoder, widths=(8, 8, 8)), 5, hide=diffusion.hide_captions
    )
    for _ in range(3):
        flow.step((torch.randn(2, 3, 8, 8), torch.tensor([[1, 2], [2, -1]])))
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


def test_it_is_saved_with_its_encoder(tmp_path):
    network, path = reading(), tmp_path / "words.safetensors"
    checkpoint.save(path, network=network)
    other = diffusion.TextUNet(diffusion.TextEncoder(8, 5, d=16), widths=(8, 8, 16))
    loaded = checkpoint.load_network(path, other)
    x, t, y = torch.randn(2, 3, 8, 8), torch.rand(2), torch.tensor([[1, 2], [3, -1]])
    torch.testing.assert_close(loaded(x, t, y), network(x, t, y))
