"""Attention and the encoder of text against PyTorch's own, the contrastive loss, and two encoders that meet."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import diffusion
from tests.unit.helpers import refused


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_that_of_pytorch(masked):
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 7, 8), torch.randn(2, 3, 7, 4)
    mask = torch.rand(2, 1, 1, 7) < 0.6 if masked else None
    if masked:
        mask[..., 0] = True
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(diffusion.attention(q, k, v, mask), expected)
    weights = diffusion.attention_weights(q, k, mask)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 3, 5))
    if masked:
        assert (weights.masked_select(~mask.expand_as(weights)) == 0).all()


def test_attention_learns_and_what_is_masked_gets_no_gradient():
    k = torch.randn(1, 4, 6, requires_grad=True)
    mask = torch.tensor([[[True, True, False, True]]])
    diffusion.attention(torch.randn(1, 2, 6), k, torch.randn(1, 4, 6), mask).sum().backward()
    assert k.grad[0, 2].abs().max() == 0 and k.grad[0, 0].abs().max() > 0 and k.grad.isfinite().all()


def test_attention_that_does_not_fit_gets_one_sentence():
    q, k = torch.zeros(1, 2, 4), torch.zeros(1, 3, 5)
    with refused("same number of features, not 4 and 5"):
        diffusion.attention_weights(q, k)
    with refused("may look at"):
        diffusion.attention(q, q, q, torch.tensor([[[True, True], [False, False]]]))
    with refused("cannot be shared out"):
        diffusion.MultiHeadAttention(10, heads=4)


@pytest.mark.parametrize("d_source", [None, 20])
def test_many_heads_are_those_of_pytorch(d_source):
    torch.manual_seed(1)
    ours, source = diffusion.MultiHeadAttention(16, d_source), d_source or 16
    theirs = nn.MultiheadAttention(16, 4, kdim=source, vdim=source, batch_first=True)
    with torch.no_grad():
        if d_source:
            parts = zip((ours.q, ours.k, ours.v), ("q", "k", "v"), strict=True)
            for part, name in parts:
                getattr(theirs, f"{name}_proj_weight").copy_(part.weight)
        else:
            theirs.in_proj_weight.copy_(torch.cat([part.weight for part in (ours.q, ours.k, ours.v)]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in (ours.q, ours.k, ours.v)]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, other = torch.randn(3, 5, 16), torch.randn(3, 7, source)
    other = x if d_source is None else other
    mask = torch.rand(3, other.shape[1]) < 0.7
    mask[:, 0] = True
    kept = []
    expected, weights = theirs(x, other, other, key_padding_mask=~mask, average_attn_weights=False)
    torch.testing.assert_close(ours(x, other, mask, kept), expected)
    torch.testing.assert_close(kept[0], weights)
    assert not kept[0].requires_grad


def test_a_block_is_pytorchs_encoder_layer_with_the_norm_first():
    torch.manual_seed(2)
    ours = diffusion.TransformerBlock(16)
    theirs = nn.TransformerEncoderLayer(
        16, 4, 64, dropout=0, activation="gelu", batch_first=True, norm_first=True
    )
    a = ours.attention
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(torch.cat([a.q.weight, a.k.weight, a.v.weight]))
        theirs.self_attn.in_proj_bias.copy_(torch.cat([a.q.bias, a.k.bias, a.v.bias]))
        pairs = (
            (a.out, theirs.self_attn.out_proj),
            (ours.mlp[0], theirs.linear1),
            (ours.mlp[2], theirs.linear2),
        )
        for mine, their in (*pairs, (ours.norm1, theirs.norm1), (ours.norm2, theirs.norm2)):
            their.load_state_dict(mine.state_dict())
    x, mask = torch.randn(2, 6, 16), torch.tensor([[True] * 6, [True] * 3 + [False] * 3])
    expected = theirs(x, src_key_padding_mask=~mask)
    torch.testing.assert_close(ours(x, mask)[mask], expected[mask])


def encoder(**settings):
    torch.manual_seed(3)
    return diffusion.TextEncoder(10, **{"length": 6, "d": 16, **settings})


def test_the_encoder_tells_words_and_their_order_apart_and_ignores_what_is_behind_them():
    network = encoder()
    tokens = torch.tensor([[1, 2, -1, -1], [2, 1, -1, -1], [1, 3, -1, -1], [-1, -1, -1, -1]])
    words, mask = network(tokens)
    assert words.shape == (4, 5, 16) and words.isfinite().all()
    assert mask.tolist() == [[True, True, True, False, False]] * 3 + [[True] + [False] * 4]
    sentences = words[:, 0]
    assert (torch.cdist(sentences, sentences) + 9 * torch.eye(4)).min() > 1e-3
    longer, _ = network(F.pad(tokens, (0, 2), value=-1))
    torch.testing.assert_close(longer[:, :3], words[:, :3])  # padding changes nothing


def test_the_encoder_hands_out_its_attention_without_words_that_are_not_there():
    weights = []
    encoder(blocks=3)(torch.tensor([[1, 2, -1]]), weights)
    assert len(weights) == 3 and weights[0].shape == (1, 4, 4, 4)
    assert (weights[1][..., 3] == 0).all()


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.tensor([[10]]), "from 0 to 9"),
        (torch.tensor([[-2]]), "-1 for none"),
        (torch.zeros(1, 7, dtype=torch.int64), "up to 6 tokens, not 7"),
        (torch.zeros(1, 3), "whole numbers"),
        ([[1]], "whole numbers"),
    ],
)
def test_tokens_that_do_not_fit_get_one_sentence(tokens, message):
    with refused(message):
        encoder()(tokens)


def test_the_contrastive_loss_is_the_mean_of_both_cross_entropies():
    torch.manual_seed(4)
    a, b = torch.randn(6, 8), torch.randn(6, 8)
    logits = F.cosine_similarity(a[:, None], b[None], dim=2) / 0.2
    own = torch.arange(6)
    expected = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    torch.testing.assert_close(diffusion.contrastive_loss(a, b, 0.2), expected)
    torch.testing.assert_close(diffusion.contrastive_loss(b, 3 * a, torch.tensor(0.2)), expected)
    order = torch.randperm(6)
    torch.testing.assert_close(diffusion.contrastive_loss(a[order], b[order], 0.2), expected)


def test_the_contrastive_loss_at_its_ends():
    same = torch.ones(5, 4)
    assert diffusion.contrastive_loss(same, same).item() == pytest.approx(math.log(5))
    assert diffusion.contrastive_loss(torch.eye(5), torch.eye(5), 0.01).item() < 1e-6
    temperature = torch.tensor(0.1, requires_grad=True)
    diffusion.contrastive_loss(torch.randn(3, 4), torch.randn(3, 4), temperature).backward()
    assert temperature.grad.abs() > 0


@pytest.mark.parametrize(
    ("a", "b", "temperature", "message"),
    [
        (torch.zeros(2, 3), torch.zeros(3, 3), 0.1, r"\(n, d\)"),
        (torch.zeros(2), torch.zeros(2), 0.1, r"\(n, d\)"),
        (torch.zeros(2, 3), torch.zeros(2, 3), 0, "temperature of 0"),
        (torch.zeros(2, 3), torch.zeros(2, 3), -1, "temperature"),
        (torch.zeros(2, 3), torch.zeros(2, 3), math.nan, "temperature"),
    ],
)
def test_pairs_that_are_none_get_one_sentence(a, b, temperature, message):
    with refused(message):
        diffusion.contrastive_loss(a, b, temperature)


def test_two_encoders_meet():
    """Colours and their names: after few steps each name finds its picture, and each picture its name."""
    torch.manual_seed(5)
    network = diffusion.CLIP(9, length=2, d=16, size=8, width=4)
    colours = torch.tensor([[r, g, b] for r in (0.1, 0.9) for g in (0.1, 0.9) for b in (0.1, 0.9)])
    x, tokens = colours[:, :, None, None].expand(8, 3, 8, 8).clone(), torch.arange(1, 9)[:, None]
    optimizer, losses = torch.optim.Adam(network.parameters(), 4e-3), []
    for _ in range(80):
        loss = network.loss((x + 0.02 * torch.randn_like(x)).clamp(0, 1), tokens)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 1.5 and losses[-1] < 0.3
    network.eval()
    texts, pictures = network.encode_text(tokens), network.encode_pictures(x)
    torch.testing.assert_close(texts.norm(dim=1), torch.ones(8))
    assert diffusion.retrieval(texts, pictures, group=8) == diffusion.retrieval(pictures, texts, group=8) == 1


def test_retrieval_counts_within_groups():
    a = torch.eye(4).repeat(2, 1)
    assert diffusion.retrieval(a, a, group=4) == 1
    wrong = a.clone()
    wrong[[0, 1]] = wrong[[1, 0]]
    assert diffusion.retrieval(wrong, a, group=4) == pytest.approx(6 / 8)
    assert diffusion.retrieval(wrong, a, group=3) == pytest.approx(4 / 6)  # two are left over
    with refused("from 64"):
        diffusion.retrieval(a, a)
