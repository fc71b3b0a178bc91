"""Style transfer in one forward pass: a network per style (or per few), and one for any style at once."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import images


def check_pictures(x, values):
    """Raises images.ImageError unless x is a batch (n, 3, H, W) of float32; with `values`, of numbers in [0, 1]."""
    if not isinstance(x, torch.Tensor) or x.dim() != 4 or x.shape[1] != 3 or len(x) == 0:
        have = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
        raise images.ImageError(f"The network takes colour pictures (n, 3, height, width), not {have}.")
    if x.dtype != torch.float32:
        hint = "x.float()" if x.is_floating_point() else "x.float() / 255"
        raise images.ImageError(f"The network takes float32 pictures, not {x.dtype}: {hint}.")
    if values:  # not in training, where a GPU would have to be waited for
        images.check(x)


def check_mix(mix, pictures, styles):
    """Raises ValueError unless mix has the shape (pictures, styles), or (1, styles): one for all pictures."""
    if mix.shape not in ((pictures, styles), (1, styles)):
        raise ValueError(
            f"A mix has the shape {(pictures, styles)}, pictures by styles, not {tuple(mix.shape)}."
        )


def convolution(narrow, wide, size=3, stride=1):
    """A convolution that keeps the size (or halves it) and repeats the border outwards, so that no frame appears."""
    return nn.Conv2d(narrow, wide, size, stride, size // 2, padding_mode="replicate")


def instance_norm(f, eps=1e-5):
    """Each channel of each picture with mean 0 and standard deviation 1 (Ulyanov et al. 2016): (n, c, h, w)."""
    mean = f.mean(dim=(2, 3), keepdim=True)
    variance = (f - mean).square().mean(dim=(2, 3), keepdim=True)
    return (f - mean) / (variance + eps).sqrt()


def conditional_instance_norm(f, scale, shift, mix):
    """f (n, c, h, w), normalised, then scaled and shifted by a mix (n, styles) of the tables (styles, c).

    Source: Dumoulin et al. 2017, "A Learned Representation for Artistic Style", section 2.2.
    """
    scale, shift = mix @ scale, mix @ shift  # (n, c)
    return instance_norm(f) * scale[..., None, None] + shift[..., None, None]


class ConditionalInstanceNorm(nn.Module):
    """Instance normalisation with a learned scale and shift for each style; a mix of styles takes a mix of them."""

    def __init__(self, channels, styles):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, f, mix):
        return conditional_instance_norm(f, self.scale, self.shift, mix)


class TransformNet(nn.Module):
    """A picture in, the picture in a learned style out: x (n, 3, H, W) → (n, 3, H, W), any size.

    Built like the network of Johnson et al. (2016): shrink, a few residual blocks, enlarge. But most of its work is
    done at a quarter of the size with `width` channels, where theirs has 128, and it begins by moving pixels into
    channels instead of looking at the full-sized picture with 9×9 kernels.
    """

    def __init__(self, styles=1, width=64, blocks=4):
        super().__init__()
        half, quarter = width // 2, width // 4
        self.styles = styles
        self.conv_in = convolution(12, half)
        self.shrink = convolution(half, width, stride=2)
        self.blocks = nn.ModuleList([convolution(width, width) for _ in range(2 * blocks)])
        self.enlarge = nn.ModuleList([convolution(width, half), convolution(half, quarter)])
        self.conv_out = convolution(quarter, 3)
        channels = [half, width] + [width] * (2 * blocks) + [half, quarter]
        self.norms = nn.ModuleList([ConditionalInstanceNorm(c, styles) for c in channels])

    def forward(self, x, mix=None):
        """`mix` (n, styles) or (1, styles): how much of each style, adding up to 1; by default all of the first.

        Raises images.ImageError for what is no batch of colour pictures, ValueError for a mix of another shape.
        """
        check_pictures(x, values=not self.training)
        if mix is None:
            mix = torch.eye(self.styles, device=x.device)[:1].expand(len(x), -1)
        check_mix(mix, len(x), self.styles)
        mix = mix.to(x)
        height, width = x.shape[-2:]
        # Sizes that four does not divide: the border is repeated, and cut off again at the end.
        padded = F.pad(x, (0, -width % 4, 0, -height % 4), mode="replicate")
        norms = iter(self.norms)
        f = F.relu(next(norms)(self.conv_in(F.pixel_unshuffle(2 * padded - 1, 2)), mix))
        f = F.relu(next(norms)(self.shrink(f), mix))
        for first, second in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            change = F.relu(next(norms)(first(f), mix))
            f = f + next(norms)(second(change), mix)
        for enlarge in self.enlarge:
            f = F.relu(next(norms)(enlarge(F.interpolate(f, scale_factor=2)), mix))
        return torch.sigmoid(self.conv_out(f))[..., :height, :width]


def mean_std(f):
    """Each channel's mean and standard deviation: (n, c, h, w) → (n, 2, c)."""
    return torch.stack([f.mean(dim=(2, 3)), f.var(dim=(2, 3), correction=0).add(1e-5).sqrt()], dim=1)


def adain(f, wanted):
    """Adaptive instance normalisation: f (n, c, h, w) with the means `wanted[:, 0]` and the deviations `wanted[:, 1]`.

    `wanted` (n, 2, c), as from `mean_std`. Source: Huang, Belongie 2017, equation 8.
    """
    mean, std = wanted[:, :, :, None, None].unbind(dim=1)
    return instance_norm(f) * std + mean


class AdaINNet(nn.Module):
    """Any picture in the style of any other, in one pass: an encoder, AdaIN, and a decoder.

    The encoder is a feature extractor's backbone, frozen. A style is the mean and the deviation of every channel of its
    first four layers, and nothing else: its code. Huang and Belongie (2017) set them at the deepest layer only; the
    decoder here meets them at every layer on its way up. `adain`: a function like the one above.
    """

    def __init__(self, extractor, adain=adain):
        super().__init__()
        self.extractor = [extractor]  # in a list: it is not ours to train or to save
        self.adain = adain
        a, b, c, d = extractor.widths[:4]
        self.up = nn.ModuleList([convolution(d, c), convolution(c, b), convolution(b, a)])
        self.refine = nn.ModuleList([convolution(c, c), convolution(b, b), convolution(a, a)])
        self.conv_out = convolution(a, 3)

    def encode(self, x):
        """The backbone's four feature maps of pictures (n, 3, H, W); images.ImageError for what is none."""
        check_pictures(x, values=not self.training)
        return self.extractor[0].backbone(x, depth=4)

    def code(self, style):
        """The style of pictures (n, 3, H, W): for each of four layers (n, 2, channels)."""
        return [mean_std(f) for f in self.encode(style)]

    def forward(self, content, code, strength=1.0):
        """content (n, 3, H, W) in the style `code`; with strength 0 in its own, in between a mix."""
        return self.decode(self.encode(content), code, strength)

    def decode(self, maps, code, strength=1.0):
        """The same from the content's maps: where only the style changes, they are computed once."""
        own = [mean_std(f) for f in maps]
        code = [torch.lerp(mine, theirs, strength) for mine, theirs in zip(own, code, strict=True)]
        f = self.adain(maps[3], code[3])
        for layer, up, refine in zip((2, 1, 0), self.up, self.refine, strict=True):
            f = F.relu(up(F.interpolate(f, size=maps[layer].shape[-2:])))
            f = F.relu(refine(self.adain(f, code[layer])))
        return torch.sigmoid(self.conv_out(f))


def blend(codes, weights):
    """A mix of styles: the weighted mean of their codes, layer by layer. The weights are made to add up to 1.

    Raises ValueError for weights that are fewer or more than the codes, negative, or all zero.
    """
    weights = torch.as_tensor(weights, dtype=torch.float32)
    if not codes or len(weights) != len(codes) or weights.min() < 0 or not 0 < weights.sum() < math.inf:
        raise ValueError(f"{len(codes)} styles need as many weights, none negative and not all zero.")
    shares = (weights / weights.sum()).tolist()
    return [sum(w * f for w, f in zip(shares, layer, strict=True)) for layer in zip(*codes, strict=True)]
