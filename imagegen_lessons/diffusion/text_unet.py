"""From words to pictures: lesson 11's U-Net with cross-attention to the words of a caption (Rombach et al. 2022)."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.diffusion.networks import UNet, check_noisy
from imagegen_lessons.diffusion.text import MultiHeadAttention
from imagegen_lessons.diffusion.tokens import NO_TOKEN, check_tokens
from imagegen_lessons.settings import number


class CrossAttention(nn.Module):
    """Maps (n, channels, h, w) in which every place looks at the words (n, length, d). At first it adds nothing."""

    def __init__(self, channels, d, heads=4):
        super().__init__()
        self.norm, self.attention = nn.GroupNorm(8, channels), MultiHeadAttention(channels, d, heads)
        nn.init.zeros_(self.attention.out.weight)
        nn.init.zeros_(self.attention.out.bias)

    def forward(self, h, words, mask, maps=None):
        """maps: a list that gets the weights (n, heads, h, w, length) with which each place looks at each word."""
        places = self.norm(h).flatten(2).transpose(1, 2)  # (n, h · w, channels)
        weights = None if maps is None else []
        found = self.attention(places, words, mask, weights).transpose(1, 2).unflatten(2, h.shape[2:])
        if maps is not None:
            maps.append(weights[0].unflatten(2, h.shape[2:]))
        return h + found


class TextUNet(UNet):
    """A U-Net that also reads a caption y: tokens (n, length), -1 for no word; a row without words is no caption.

    encoder: a `TextEncoder`, which is trained along unless its parameters were frozen. The sentence is added to the
    embedding of the time; the words are looked at by every place of three layers, of 1/4, 1/8 and again 1/4 of h and w.
    """

    def __init__(self, encoder, channels=3, widths=(48, 80, 112), condition=64):
        super().__init__(channels, widths, condition)
        _, b, c = widths
        self.encoder, self.sentence = encoder, nn.Linear(encoder.d, condition)
        self.attend1, self.attend2, self.attend3 = (CrossAttention(k, encoder.d) for k in (b, c, b))
        nn.init.zeros_(self.sentence.weight)  # at first no sentence matters
        nn.init.zeros_(self.sentence.bias)

    def denoise(self, x_t, t, y=None, maps=None):
        """The clean picture. maps: a list that gets the attention maps (n, heads, h, w, 1 + length) of the three
        layers; the first of the 1 + length is the start of the sentence, where a place looks that needs no word.
        """
        check_noisy(x_t, t, self.channels)
        y = torch.full((len(t), 1), NO_TOKEN, device=t.device) if y is None else y
        check_tokens(y, self.encoder.token.num_embeddings - 1, len(t))
        words, mask = self.encoder(y)
        condition = self.condition(t) + self.sentence(words[:, 0])
        h = self.conv_in(F.pixel_unshuffle(x_t, 2))  # (n, a, h / 2, w / 2)
        fine = self.block1(h, condition)
        coarse = self.block2(self.down1(fine), condition)  # (n, b, h / 4, w / 4)
        coarse = self.attend1(coarse, words, mask, maps)
        h = self.middle1(self.down2(coarse), condition)  # (n, c, h / 8, w / 8)
        h = self.middle2(self.attend2(h, words, mask, maps), condition)
        h = self.block3(torch.cat([F.interpolate(h, scale_factor=2), coarse], dim=1), condition)
        h = self.attend3(h, words, mask, maps)
        h = self.block4(torch.cat([F.interpolate(h, scale_factor=2), fine], dim=1), condition)
        return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), 2)


def hide_captions(y, share=0.1):
    """Captions y (n, length), of which this share, at random, is hidden whole: guidance needs a network that knows
    both (Ho and Salimans 2022). Words are not hidden one by one: without its "without", a caption would be false.
    Raises ValueError unless 0 <= share < 1.
    """
    share = number(share, "The share of hidden captions", low=0, below=1)
    return torch.where(torch.rand(len(y), 1, device=y.device) < share, NO_TOKEN, y)
