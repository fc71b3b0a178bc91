"""Words and pictures in one space: attention, an encoder of sentences, and the contrastive loss that trains CLIP.

Vaswani et al. 2017 (attention), Radford et al. 2021 (CLIP), Xiong et al. 2020 (normalisation before each layer).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import networks
from imagegen_lessons.diffusion.tokens import NO_TOKEN, check_tokens
from imagegen_lessons.settings import number, whole


def attention_weights(q, k, mask=None):
    """How much each query looks at each key: softmax(q kᵀ / √d), rows that add up to 1, (..., queries, keys).

    q: queries (..., queries, d). k: keys (..., keys, d). mask: True where a query may look, of a shape that
    broadcasts to that of the result. Raises ValueError for shapes that do not fit, or a query that may look nowhere.
    """
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(
            f"Queries and keys have the same number of features, not {q.shape[-1]} and {k.shape[-1]}."
        )
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is None:
        return scores.softmax(dim=-1)
    # A GPU is slow to answer: there training is not held up.
    if mask.device.type == "cpu" and not mask.any(dim=-1).all():
        raise ValueError("A query has no key that it may look at: its row of the mask is False everywhere.")
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1)


def attention(q, k, v, mask=None):
    """The mean of the values v (..., keys, d_v) for each query, by its `attention_weights`: (..., queries, d_v)."""
    return attention_weights(q, k, mask) @ v


class MultiHeadAttention(nn.Module):
    """Features x (n, a, d) look at a source (n, b, d_source), in several heads at once: (n, a, d).

    Each head has its own queries, keys and values of d / heads features. Self-attention where the source is x itself,
    cross-attention where it is something else. Raises ValueError unless `heads` divides d.
    """

    def __init__(self, d, d_source=None, heads=4):
        super().__init__()
        if whole(d, "d") % whole(heads, "The number of heads"):
            raise ValueError(f"{d} features cannot be shared out among {heads} heads.")
        d_source = d if d_source is None else d_source
        self.heads = heads
        self.q = nn.Linear(d, d)
        self.k, self.v = nn.Linear(d_source, d), nn.Linear(d_source, d)
        self.out = nn.Linear(d, d)

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (n, heads, a, d / heads)

    def forward(self, x, source, mask=None, weights=None):
        """mask (n, b): True where there is something to look at. weights: a list that gets the (n, heads, a, b)."""
        mask = None if mask is None else mask[:, None, None, :]
        w = attention_weights(self.split(self.q(x)), self.split(self.k(source)), mask)
        if weights is not None:
            weights.append(w.detach())
        mixed = w @ self.split(self.v(source))
        return self.out(mixed.transpose(1, 2).flatten(2))


class TransformerBlock(nn.Module):
    """Features (n, a, d) to features of the same shape: self-attention, then two layers for each word by itself."""

    def __init__(self, d, heads=4):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(d), MultiHeadAttention(d, heads=heads)
        self.norm2 = nn.LayerNorm(d)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x, mask=None, weights=None):
        h = self.norm1(x)
        x = x + self.attention(h, h, mask, weights)
        return x + self.mlp(self.norm2(x))


class TextEncoder(nn.Module):
    """Tokens (n, length) to features of the words (n, 1 + length, d): a small transformer.

    words: the size of the vocabulary. Before the first word stands a start token, which has no word; its features
    become those of the sentence, and a row without any word has it to look at.
    """

    def __init__(self, words, length=48, d=96, blocks=2, heads=4):
        super().__init__()
        self.length, self.d = whole(length, "length"), whole(d, "d")
        self.token = nn.Embedding(whole(words, "The number of words") + 1, d)  # the last: the start token
        self.position = nn.Parameter(0.02 * torch.randn(1 + length, d))
        self.blocks = nn.ModuleList(TransformerBlock(d, heads) for _ in range(whole(blocks, "blocks")))
        self.norm = nn.LayerNorm(d)
        nn.init.normal_(self.token.weight, std=0.1)

    def forward(self, tokens, weights=None):
        """Features (n, 1 + length, d), and which of them are of a word or the start, (n, 1 + length) bool.

        The sentence's are the first, [:, 0]. weights: a list that gets the attention of each block.
        Raises ValueError for tokens of another length or vocabulary.
        """
        start = self.token.num_embeddings - 1
        check_tokens(tokens, start)
        if tokens.shape[1] > self.length:
            raise ValueError(f"This encoder reads up to {self.length} tokens, not {tokens.shape[1]}.")
        tokens = F.pad(tokens, (1, 0), value=start)
        mask = tokens != NO_TOKEN
        x = self.token(tokens.clamp(min=0)) + self.position[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, mask, weights)
        return self.norm(x), mask


def contrastive_loss(a, b, temperature=0.07):
    """The loss of CLIP (Radford et al. 2021) of n pairs of vectors a, b (n, d): a scalar.

    Each a must find its own b among all n by the cosine of their angle, and each b its own a: the mean of both
    cross-entropies. temperature: a number above 0, or a tensor that is learned; small ones insist on the best.
    Raises ValueError unless a and b have the same shape (n, d).
    """
    if a.dim() != 2 or a.shape != b.shape:
        raise ValueError(f"Pairs are two tensors (n, d), not {tuple(a.shape)} and {tuple(b.shape)}.")
    if not isinstance(temperature, torch.Tensor) and number(temperature, "The temperature", low=0) == 0:
        raise ValueError("At a temperature of 0 there is no softmax.")
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    own = torch.arange(len(a), device=a.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


class CLIP(nn.Module):
    """Two encoders that meet: a sentence and its picture (n, 3, size, size) in [0, 1] get vectors of one direction.

    words, length: of the tokenizer. d: the number of features, of words, sentences and pictures alike.
    """

    def __init__(self, words, length=48, d=96, size=32, width=16):
        super().__init__()
        self.text = TextEncoder(words, length, d)
        self.to_shared = nn.Linear(d, d, bias=False)  # what words need and what pictures need may differ
        self.pictures = networks.ConvNet(3, d, size, width)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))  # of 1 / temperature, learned

    def encode_text(self, tokens):
        """Tokens (n, length) to vectors (n, d) of length 1."""
        return F.normalize(self.to_shared(self.text(tokens)[0][:, 0]), dim=1)

    def encode_pictures(self, x):
        """Pictures to vectors (n, d) of length 1."""
        return F.normalize(self.pictures(x), dim=1)

    def loss(self, x, tokens):
        """The contrastive loss of n pictures and their captions. A scalar."""
        temperature = (-self.log_scale.clamp(max=math.log(100))).exp()  # as in the paper: at least 0.01
        return contrastive_loss(self.encode_text(tokens), self.encode_pictures(x), temperature)


@torch.no_grad()
def retrieval(a, b, group=64):
    """How often each of the vectors a (n, d) has its own b (n, d) as its nearest among a group: a share from 0 to 1.

    Whole groups of neighbours are taken; what is left over is not counted. Raises ValueError for fewer than a group.
    """
    group, (n, d) = whole(group, "group", least=2), a.shape
    if n < group or a.shape != b.shape:
        raise ValueError(f"Pairs are two tensors (n, d) with n from {group}, not {n} and {len(b)}.")
    a, b = (F.normalize(v, dim=1)[: n - n % group].view(-1, group, d) for v in (a, b))
    nearest = (a @ b.transpose(1, 2)).argmax(dim=2)
    return (nearest == torch.arange(group, device=a.device)).float().mean().item()
