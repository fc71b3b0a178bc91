"""Differently written right answers to the exercises of lesson 07, by exercise."""

import torch
import torch.nn.functional as F


def total_variation(x):
    return F.mse_loss(x[:, :, :-1], x[:, :, 1:]) + F.mse_loss(x[..., :-1], x[..., 1:])


def preserve_colours(painted, photo):
    weights = torch.tensor([0.299, 0.587, 0.114])
    change = torch.einsum("nchw,c->nhw", painted - photo, weights)
    return torch.stack([channel + change for channel in photo.unbind(dim=1)], dim=1).clamp(0, 1)


def gatys_layer_loss(f, painted):
    grams = [torch.einsum("nihw,njhw->ij", x, x) for x in (f, painted)]
    return F.mse_loss(*grams) / (4 * (f.shape[2] * f.shape[3]) ** 2)


def masked_gram(f, weight):
    shares = weight / weight.sum(dim=(2, 3), keepdim=True)
    return torch.einsum("nihw,njhw,nkhw->nij", f, f, shares)


def my_statistic(f, weight=None):
    return f.flatten(2).var(dim=2).add(1e-6).sqrt()


def with_the_neighbour(f):
    beside = (f[..., 1:] * f[..., :-1]).mean(dim=(2, 3))
    return torch.cat([f.mean(dim=(2, 3)), beside], dim=1)


ANSWERS = {
    "total_variation": [
        total_variation,
        lambda x: x.diff(dim=2).pow(2).mean() + x.diff(dim=3).pow(2).mean(),
        lambda x: sum(
            torch.mean((a - b) ** 2) for a, b in ((x[:, :, 1:], x[:, :, :-1]), (x[..., 1:], x[..., :-1]))
        ),
    ],
    "preserve_colours": [
        preserve_colours,
        lambda painted, photo: torch.clip(
            photo + F.conv2d(painted - photo, torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)), 0, 1
        ),
    ],
    "gatys_layer_loss": [
        gatys_layer_loss,
        lambda f, a: (
            ((f[0].flatten(1) @ f[0].flatten(1).T - a[0].flatten(1) @ a[0].flatten(1).T) ** 2).sum()
            / 4
            / f.shape[1] ** 2
            / (f.shape[2] * f.shape[3]) ** 2
        ),
    ],
    "masked_gram": [
        masked_gram,
        lambda f, w: (g := (f * w.sqrt()).flatten(2)) @ g.mT / w.sum(dim=(1, 2, 3))[:, None, None],
    ],
    "my_statistic": [my_statistic, with_the_neighbour, lambda f: f.flatten(2).topk(10, dim=2).values],
}
