"""The loss of style transfer, as Gatys, Ecker and Bethge (2016) built it: statistics of feature maps, and its terms.

A term is made once from a target, and then called with the feature maps of the picture that is being optimised.
"""

import torch
import torch.nn.functional as F

CONTENT_LAYER = 3  # the fourth: it still knows where things are, and no longer how they are painted


def gram_matrix(f, weight=None):
    """Channel-by-channel inner products, averaged over positions: f (n, c, h, w) → (n, c, c).

    With `weight`, a mask (n or 1, 1, h, w), it is `masked_gram`.
    Source: Gatys et al. 2016, equation 3; we divide by the number of positions, so that sizes can be compared.
    """
    if weight is not None:
        return masked_gram(f, weight)
    f = f.flatten(2)  # (n, c, positions)
    return f @ f.mT / f.shape[2]


def masked_gram(f, weight):
    """The Gram matrix (n, c, c) of a map f (n, c, h, w) in which positions count by their weight (n, 1, h, w).

    No weight is negative; they need not add up to 1.
    """
    f, weight = f.flatten(2), weight.flatten(2)
    return (f * weight) @ f.mT / weight.sum(dim=2, keepdim=True).clamp(min=1e-6)


def moments(f, weight=None):
    """Each channel's mean and standard deviation: (n, c, h, w) → (n, 2, c). As in Li et al. 2017, "Demystifying"."""
    f = f.flatten(2)
    weight = torch.ones_like(f[:, :1]) if weight is None else weight.flatten(2).expand(len(f), 1, -1)
    weight = weight / weight.sum(dim=2, keepdim=True).clamp(min=1e-6)
    mean = (f * weight).sum(dim=2, keepdim=True)
    std = ((f - mean).square() * weight).sum(dim=2, keepdim=True).add(1e-8).sqrt()
    return torch.stack([mean[..., 0], std[..., 0]], dim=1)


def quantiles(f, weight=None, count=64):
    """Each channel's whole distribution, as `count` of its sorted values: (n, c, h, w) → (n, c, count).

    As in histogram losses (Risser et al. 2017). With `weight`, positions that weigh less than half are left out.
    """
    f = f.flatten(2)
    if weight is not None:
        inside = weight.flatten(2)[0, 0] >= 0.5
        f = f[..., inside] if inside.any() else f
    ordered = f.sort(dim=2).values
    return F.interpolate(ordered, size=count, mode="linear", align_corners=True)


def relative_error(value, target):
    """The squared distance to `target`, as a share of the target's own square: 0 is equal, 1 as bad as zeros.

    Gatys et al. choose a weight for each layer instead; this needs none, whatever the extractor and its scale.
    """
    return (value - target).square().sum() / target.square().sum().clamp(min=1e-8)


class ContentLoss:
    """The relative error of one feature map: 0 for the content `maps` themselves."""

    def __init__(self, maps, layer=CONTENT_LAYER):
        self.layer, self.target = layer, maps[layer]

    def __call__(self, maps):
        return relative_error(maps[self.layer], self.target)


class StyleLoss:
    """`weight` times the relative error of one feature map's statistic: 0 for the style `maps` themselves.

    `statistic`: a function of a map (n, c, h, w), such as `gram_matrix`; where there is a mask, it gets that as well.
    `centred`: the style's own means are taken away from every map first. Without that a Gram matrix consists for the
    most part of products of means, and strokes count for little (compare Novak, Nikulin 2016, section 3.2).
    `mask` (1, 1, h, w): how much each position of the picture's map counts; in the style, all count the same.
    """

    def __init__(self, maps, layer, weight=1.0, *, statistic=gram_matrix, centred=True, mask=None):
        self.layer, self.weight, self.statistic, self.mask = layer, weight, statistic, mask
        f = maps[layer]
        self.mean = f.mean(dim=(2, 3), keepdim=True) * centred
        self.target = statistic(f - self.mean)

    def __call__(self, maps):
        f = maps[self.layer] - self.mean
        value = self.statistic(f) if self.mask is None else self.statistic(f, self.mask)
        return self.weight * relative_error(value, self.target)


def total_variation(x):
    """Mean squared difference of pixels one above the other, plus that of pixels side by side; x (n, 3, h, w)."""
    down, right = x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]
    return sum(d.square().mean() for d in (down, right) if d.numel())  # a single pixel has no neighbours
