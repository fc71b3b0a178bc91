"""Differently written right answers to the exercises of lesson 03, by exercise."""

import math

import torch
import torch.nn.functional as F


def pairing_losses(real_score, fake_score):
    difference = real_score - fake_score
    return -F.logsigmoid(difference).mean(), -F.logsigmoid(-difference).mean()


def r1_penalty(scores, x):
    gradient = torch.autograd.grad(scores, x, torch.ones_like(scores), create_graph=True)[0]
    return (gradient**2).sum() / len(x)


def ema_update(average, network, decay):
    new = network.state_dict()
    average.load_state_dict(
        {name: old.lerp(new[name], 1 - decay) for name, old in average.state_dict().items()}
    )


def slerp(a, b, t):
    cosine = torch.cosine_similarity(a, b, dim=0)
    theta = torch.atan2((1 - cosine**2).sqrt(), cosine)
    return a * (torch.cos(t * theta) - cosine * torch.sin(t * theta) / torch.sin(theta)) + b * (
        torch.sin(t * theta) / torch.sin(theta)
    )


class MyGenerator(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(64, 3 * 12 * 12)

    def forward(self, z):
        x = F.interpolate(self.linear(z).unflatten(1, (3, 12, 12)), size=(32, 32), mode="bilinear")
        return x.tanh() / 2 + 0.5


def r1_by_backward(scores, x):
    (gradient,) = torch.autograd.grad(list(scores.unbind()), x, create_graph=True)
    return torch.stack([(g * g).sum() for g in gradient]).mean()


def ema_by_lerp(average, network, decay):
    for (_, old), (_, new) in zip(average.named_parameters(), network.named_parameters(), strict=True):
        old.data = torch.lerp(old.data, new.data, 1 - decay)


@torch.no_grad()
def ema_by_copy(average, network, decay):
    for old, new in zip(average.parameters(), network.parameters(), strict=True):
        old.copy_(decay * old + (1 - decay) * new)


def slerp_by_numbers(a, b, t):
    theta = math.acos(float(a @ b) / (float(a.norm()) * float(b.norm())))
    return math.sin((1 - t) * theta) / math.sin(theta) * a + math.sin(t * theta) / math.sin(theta) * b


class Convolutions(torch.nn.Sequential):
    def __init__(self):
        layers = [torch.nn.Unflatten(1, (64, 1, 1)), torch.nn.ConvTranspose2d(64, 48, 4)]
        for a, b in ((48, 32), (32, 16), (16, 3)):
            layers += [torch.nn.BatchNorm2d(a), torch.nn.ReLU(), torch.nn.ConvTranspose2d(a, b, 4, 2, 1)]
        super().__init__(*layers, torch.nn.Sigmoid())


ANSWERS = {
    "pairing_losses": [
        pairing_losses,
        lambda r, f: [F.softplus(d).mean() for d in (f - r, r - f)],
        lambda r, f: torch.stack([-F.logsigmoid(r - f).mean(), -F.logsigmoid(f - r).mean()]),
        lambda r, f: tuple(F.binary_cross_entropy_with_logits(d, torch.ones_like(d)) for d in (r - f, f - r)),
    ],
    "r1_penalty": [r1_penalty, r1_by_backward],
    "ema_update": [ema_update, ema_by_lerp, ema_by_copy],
    "slerp": [slerp, slerp_by_numbers],
    "MyGenerator": [MyGenerator, Convolutions],
}
