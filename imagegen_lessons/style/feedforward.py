"""Style transfer in one forward pass: a network per style (or per few), and one for any style at once."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def convolution(narrow: int, wide: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size (or halves it) and repeats the border outwards, so that no frame appears."""
    return nn.Conv2d(narrow, wide, size, stride, size // 2, padding_mode="replicate")


def instance_norm(f: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    """Each channel of each picture with mean 0 and standard deviation 1 (Ulyanov et al. 2016): (n, c, h, w)."""
    mean = f.mean(dim=(2, 3), keepdim=True)
    variance = (f - mean).square().mean(dim=(2, 3), keepdim=True)
    return (f - mean) / (variance + eps).sqrt()


class ConditionalInstanceNorm(nn.Module):
    """Instance normalisation with a scale and a shift per style; a mix of styles takes a mix of them.

    Source: Dumoulin et al. 2017, "A Learned Representation for Artistic Style", section 2.2.
    """

    def __init__(self, channels: int, styles: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, f: torch.Tensor, mix: torch.Tensor) -> torch.Tensor:
        """f (n, c, h, w), mix (n, styles) → (n, c, h, w)."""
        scale, shift = (mix @ table for table in (self.scale, self.shift))  # (n, c)
        return instance_norm(f) * scale[..., None, None] + shift[..., None, None]


class TransformNet(nn.Module):
    """A picture in, the picture in a learned style out: x (n, 3, H, W) → (n, 3, H, W), any size.

    Built like the network of Johnson et al. (2016): shrink, a few residual blocks, enlarge. But most of its work is
    done at a quarter of the size with `width` channels, where theirs has 128, and it begins by moving pixels into
    channels instead of looking at the full-sized picture with 9×9 kernels.
    """

    def __init__(self, styles: int = 1, width: int = 64, blocks: int = 4):
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

    def forward(self, x: torch.Tensor, mix: torch.Tensor | None = None) -> torch.Tensor:
        """`mix` (n, styles): how much of each style, adding up to 1; by default all of the first."""
        if mix is None:
            mix = torch.eye(self.styles, device=x.device)[:1].expand(len(x), -1)
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


def mean_std(f: torch.Tensor) -> torch.Tensor:
    """Each channel's mean and standard deviation: (n, c, h, w) → (n, 2, c)."""
    return torch.stack([f.mean(dim=(2, 3)), f.var(dim=(2, 3), correction=0).add(1e-5).sqrt()], dim=1)


def adain(f: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Adaptive instance normalisation: f (n, c, h, w) with the means and deviations `wanted` (n, 2, c).

    Source: Huang, Belongie 2017, equation 8.
    """
    mean, std = wanted[:, :, :, None, None].unbind(dim=1)
    return instance_norm(f) * std + mean


class AdaINNet(nn.Module):
    """The style of any picture for any other, in one pass: an eye that looks, AdaIN, and a decoder that paints.

    A style is the mean and the deviation of every channel of the eye's first four stages, and nothing else. Huang and
    Belongie (2017) set them at the deepest stage only; the decoder here meets them at every stage on its way up.
    """

    def __init__(self, extractor):
        super().__init__()
        self.extractor = [extractor]  # in a list: it is not ours to train or to save
        a, b, c, d = extractor.widths[:4]
        self.up = nn.ModuleList([convolution(d, c), convolution(c, b), convolution(b, a)])
        self.refine = nn.ModuleList([convolution(c, c), convolution(b, b), convolution(a, a)])
        self.conv_out = convolution(a, 3)

    def code(self, style: torch.Tensor) -> list[torch.Tensor]:
        """The style of pictures (n, 3, H, W): for each of four stages (n, 2, channels)."""
        return [mean_std(f) for f in self.extractor[0].trunk(style, depth=4)]

    def forward(self, content: torch.Tensor, code: list[torch.Tensor], strength: float = 1.0) -> torch.Tensor:
        """content (n, 3, H, W) in the style `code`; with strength 0 in its own, in between a mix."""
        return self.decode(self.extractor[0].trunk(content, depth=4), code, strength)

    def decode(
        self, maps: list[torch.Tensor], code: list[torch.Tensor], strength: float = 1.0
    ) -> torch.Tensor:
        """The same from what the eye's trunk saw in the content: nothing is looked at twice where only sliders move."""
        own = [mean_std(f) for f in maps]
        code = [torch.lerp(mine, theirs, strength) for mine, theirs in zip(own, code, strict=True)]
        f = adain(maps[3], code[3])
        for k, (up, refine) in enumerate(zip(self.up, self.refine, strict=True)):
            level = 2 - k
            f = F.relu(up(F.interpolate(f, size=maps[level].shape[-2:])))
            f = F.relu(refine(adain(f, code[level])))
        return torch.sigmoid(self.conv_out(f))


def blend(codes: list[list[torch.Tensor]], weights) -> list[torch.Tensor]:
    """A mix of styles: the weighted mean of their codes, stage by stage. The weights are made to add up to 1."""
    weights = torch.as_tensor(weights, dtype=torch.float32)
    if not codes or len(weights) != len(codes) or weights.min() < 0 or not 0 < weights.sum() < math.inf:
        raise ValueError(f"{len(codes)} styles need as many weights, none negative and not all zero.")
    shares = (weights / weights.sum()).tolist()
    return [sum(w * f for w, f in zip(shares, stage, strict=True)) for stage in zip(*codes, strict=True)]
