"""Differently written right answers to the exercises of lesson 06, by exercise."""

import torch
import torch.nn.functional as F


def set_along(z, direction, value):
    without = z - torch.outer(z @ direction, direction)
    return without + value * direction


def logistic_step(w, z, has, lr):
    w = w.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(F.binary_cross_entropy_with_logits(z @ w, has), w)
    return (w - lr * gradient).detach()


def units_hook(units, factor):
    def hook(layer, inputs, maps):
        factors = torch.ones(maps.shape[1])
        factors[units] = factor
        return maps * factors[:, None, None]

    return hook


def inversion_step(G, z, target, lr):
    steps = []
    for one, goal in zip(z, target, strict=True):
        one = one[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(F.mse_loss(G(one), goal[None]), one)
        steps.append((one - lr * gradient).detach())
    return torch.cat(steps)


def my_attribute(x):
    return x.flatten(1).std(dim=1)


def logistic_by_sums(w, z, has, lr):
    total = torch.zeros_like(w)
    for latent, answer in zip(z, has, strict=True):
        total += (1 / (1 + torch.exp(-(latent * w).sum())) - answer) * latent
    return w - lr / len(z) * total


def hook_by_where(units, factor):
    def hook(layer, inputs, maps):
        named = torch.zeros(maps.shape[1], dtype=torch.bool)
        named[units] = True
        return torch.where(named.view(1, -1, 1, 1), factor * maps, maps)

    return hook


def inversion_by_backward(G, z, target, lr):
    z = z.detach().clone().requires_grad_(True)
    error = torch.nn.functional.mse_loss(G(z), target, reduction="none").mean(dim=(1, 2, 3))
    error.sum().backward()
    with torch.no_grad():
        return z - lr * z.grad


ANSWERS = {
    "set_along": [
        set_along,
        lambda z, direction, value: torch.stack(
            [x + (value - torch.dot(x, direction)) * direction for x in z]
        ),
    ],
    "logistic_step": [logistic_step, logistic_by_sums],
    "units_hook": [units_hook, hook_by_where],
    "inversion_step": [inversion_step, inversion_by_backward],
    "my_attribute": [my_attribute, lambda x: (x - x.flip(3)).abs().mean(dim=(1, 2, 3))],
}
