"""Differently written right answers to the exercises of lesson 08, by exercise."""

import torch
import torch.nn.functional as F

from imagegen_lessons import style


def colour_transfer(content, painting):
    channels = []
    for mine, theirs in zip(content.unbind(dim=1), painting.unbind(dim=1), strict=True):
        dims = dict(dim=(1, 2), keepdim=True, correction=0)
        mine = (mine - mine.mean(dim=(1, 2), keepdim=True)) / (mine.var(**dims) + 1e-5).sqrt()
        channels.append(mine * theirs.std(**dims) + theirs.mean(dim=(1, 2), keepdim=True))
    return torch.stack(channels, dim=1).clip(min=0, max=1)


def adain(f, wanted):
    return torch.stack(
        [F.instance_norm(x[None], weight=std, bias=mean)[0] for x, (mean, std) in zip(f, wanted, strict=True)]
    )


def conditional_instance_norm(f, scale, shift, mix):
    plain = F.instance_norm(f)
    styles = torch.stack(
        [plain * a[:, None, None] + b[:, None, None] for a, b in zip(scale, shift, strict=True)]
    )
    return torch.einsum("ns,snchw->nchw", mix, styles)


def two_styles(f, one, other, mask):
    plain = F.instance_norm(f)
    both = mask[:, None] * one[..., None, None] + (1 - mask[:, None]) * other[..., None, None]
    return plain * both[:, 1] + both[:, 0]


def find_shift(first, second, largest):
    windows = F.unfold(first, [side - 2 * largest for side in first.shape[-2:]])  # (1, pixels, shifts)
    inner = second[..., largest:-largest, largest:-largest].flatten()
    k = (windows[0] - inner[:, None]).square().sum(dim=0).argmin().item()
    return k // (2 * largest + 1) - largest, k % (2 * largest + 1) - largest


def find_shift_by_overlaps(first, second, largest):
    h, w = first.shape[-2:]
    errors = []
    for dy in range(-largest, largest + 1):
        for dx in range(-largest, largest + 1):
            a = first[..., max(0, dy) : h + min(0, dy), max(0, dx) : w + min(0, dx)]
            b = second[..., max(0, -dy) : h - max(0, dy), max(0, -dx) : w - max(0, dx)]
            errors.append(((a - b).abs().mean().item(), dy, dx))
    return torch.tensor(min(errors)[1:])


def by_hand(f, eps=1e-6):
    mean = f.mean(dim=(2, 3), keepdim=True)
    return (f - mean) / (((f - mean) ** 2).mean(dim=(2, 3), keepdim=True) + eps) ** 0.5


def stds(f, eps=1e-6):
    return (f.var(dim=(2, 3), unbiased=False, keepdim=True) + eps).sqrt()


ANSWERS = {
    "colour_transfer": [
        colour_transfer,
        lambda c, p: torch.clamp(by_hand(c) * stds(p) + p.mean(dim=(2, 3), keepdim=True), min=0, max=1),
        lambda c, p: style.adain(c, style.mean_std(p)).clip(0, 1),
    ],
    "adain": [
        adain,
        lambda f, wanted: by_hand(f) * wanted[:, 1, :, None, None] + wanted[:, 0][..., None, None],
    ],
    "conditional_instance_norm": [
        conditional_instance_norm,
        lambda f, scale, shift, mix: (
            torch.einsum("nchw,ns,sc->nchw", by_hand(f), mix, scale)
            + torch.einsum("ns,sc->nc", mix, shift)[:, :, None, None]
        ),
    ],
    "two_styles": [
        two_styles,
        lambda f, one, other, mask: torch.lerp(style.adain(f, other), style.adain(f, one), mask),
    ],
    "find_shift": [find_shift, find_shift_by_overlaps],
}
