"""Differently written right answers to the exercises of lesson 11, by exercise."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import Normal
from torch.distributions import kl_divergence as torch_kl


def reparametrise(mean, log_variance):
    s = torch.sqrt(torch.exp(log_variance))
    noise = torch.zeros_like(s).normal_()
    z = noise * s
    z += mean
    return z


def kl_divergence(mean, log_variance):
    total = 0
    for k in range(mean.shape[1]):
        m, v = mean[:, k], log_variance[:, k]
        total = total + 0.5 * (m * m + torch.exp(v) - v - 1)
    return total


def flow_matching_loss(velocity, x, z, t):
    moments = t.reshape((len(t),) + (1,) * (x.ndim - 1))
    predicted = velocity(z + moments * (x - z), t)
    return F.mse_loss(predicted, x - z)


def heun_step(velocity, x, t, dt):
    first = velocity(x, t)
    second = velocity(x + dt * first, t + dt)
    return x + 0.5 * dt * first + 0.5 * dt * second


def ddim_step(noise, x, now, then):
    return x * (then[0] / now[0]) + (then[1] - then[0] * now[1] / now[0]) * noise


def guidance(free, conditional, scale):
    return (1 - scale) * free + scale * conditional


def sampler(velocity, z, steps):
    """Adams-Bashforth with a list of velocities."""
    x, velocities = z.clone(), []
    for k in range(steps):
        velocities.append(velocity(x, torch.ones(len(x)) * k / steps))
        if len(velocities) == 1:
            x = x + velocities[-1] / steps
        else:
            x = x + (3 * velocities[-1] - velocities[-2]) / 2 / steps
    return x


def extrapolates_the_picture(velocity, z, steps):
    """Goes along the predicted pictures, of which the last two are extrapolated (as DPM-Solver++ does)."""
    x, last = z, None
    for k in range(steps):
        t, dt = k / steps, 1 / steps
        picture = x + (1 - t) * velocity(x, torch.full((len(x),), t))
        target = picture if last is None else picture + 0.5 * (picture - last)
        x, last = x + dt * (target - x) / (1 - t), picture
    return x


def heun_in_half_the_steps(velocity, z, steps):
    """Two evaluations a step, also at t = 1; where one is left over, it is Euler's, at the beginning."""
    x, t = z, 0.0
    if steps % 2:
        x, t = x + velocity(x, torch.zeros(len(z))) / steps, 1 / steps
    for _ in range(steps // 2):
        here = velocity(x, torch.full((len(z),), t))
        there = velocity(x + here * 2 / steps, torch.full((len(z),), min(t + 2 / steps, 1.0)))
        x, t = x + (here + there) / steps, t + 2 / steps
    return x


def ddim_with_alpha(noise, x, now, then):
    now, then = now[0] ** 2, then[0] ** 2  # ᾱ
    picture = (x - math.sqrt(1 - now) * noise) / math.sqrt(now)
    return math.sqrt(then) * picture + math.sqrt(1 - then) * noise


ANSWERS = {
    "reparametrise": [
        reparametrise,
        lambda m, v: Normal(m, (v / 2).exp()).rsample(),
        lambda m, v: torch.addcmul(m, torch.exp(0.5 * v), torch.randn(m.shape)),
    ],
    "kl_divergence": [
        kl_divergence,
        lambda m, v: torch_kl(Normal(m, (v / 2).exp()), Normal(torch.zeros_like(m), torch.ones_like(m))).sum(
            -1
        ),
        lambda m, v: -0.5 * torch.sum(1 + v - m**2 - v.exp(), dim=1),
        lambda m, v: torch.stack([((a**2 + b.exp() - 1 - b) / 2).sum() for a, b in zip(m, v, strict=True)]),
    ],
    "flow_matching_loss": [
        flow_matching_loss,
        lambda f, x, z, t: (
            (f(torch.stack([(1 - s) * a + s * b for s, a, b in zip(t, z, x, strict=True)]), t) - x + z)
            .pow(2)
            .mean()
        ),
        lambda f, x, z, t: (
            sum(
                (f((1 - t[i]) * z[i : i + 1] + t[i] * x[i : i + 1], t[i : i + 1]) - (x - z)[i])
                .square()
                .mean()
                for i in range(len(x))
            )
            / len(x)
        ),
    ],
    "heun_step": [
        heun_step,
        lambda f, x, t, dt: x + dt * torch.stack([f(x, t), f(x + dt * f(x, t), t + dt)]).mean(dim=0),
        lambda f, x, t, dt: ((x + dt * f(x, t)) + (x + dt * f(x + dt * f(x, t), t + dt))) / 2,
    ],
    "ddim_step": [
        ddim_step,
        ddim_with_alpha,
        lambda e, x, now, then: then[0] * (x / now[0] - now[1] / now[0] * e) + e * then[1],
        lambda e, x, now, then: torch.lerp(e * then[1], e * then[1] + (x - now[1] * e) / now[0], then[0]),
    ],
    "guidance": [
        guidance,
        lambda a, b, s: torch.lerp(a, b, s),
        lambda a, b, s: b + (s - 1) * (b - a),
    ],
    "sampler": [sampler, extrapolates_the_picture, heun_in_half_the_steps],
}
