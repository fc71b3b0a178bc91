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
    return f.flatten(2).std(dim=2)


ANSWERS = {
    "total_variation": [total_variation],
    "preserve_colours": [preserve_colours],
    "gatys_layer_loss": [gatys_layer_loss],
    "masked_gram": [masked_gram],
    "my_statistic": [my_statistic],
}
