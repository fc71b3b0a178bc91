"""Exercises of lesson 11: reparametrisation, KL, flow matching, Heun, DDIM, guidance, a sampler of one's own."""

import math

import torch
from torch import nn

from imagegen_lessons import diffusion
from imagegen_lessons.exercises.checker import Wrong, exercise, guarded
from imagegen_lessons.exercises.inputs import normal, uniform
from imagegen_lessons.synthetic import points

DRAWS = 20_000
MEANS, LOG_VARIANCES = (0.0, 2.0, -1.0, 0.5), (0.0, math.log(4.0), math.log(0.25), math.log(9.0))


def _verify_reparametrise(attempt):
    mean, log_variance = (
        torch.tensor([values] * DRAWS).requires_grad_() for values in (MEANS, LOG_VARIANCES)
    )
    z = guarded(attempt, mean, log_variance)
    if not isinstance(z, torch.Tensor) or z.shape != mean.shape:
        kind = f"shape {tuple(z.shape)}" if isinstance(z, torch.Tensor) else f"a {type(z).__name__}"
        raise Wrong(f"z has the shape of mean, (n, d), but this is {kind}.")
    if not z.isfinite().all():
        raise Wrong(
            "z holds NaN: log_variance may be negative, so it has no root. The root of the variance is meant."
        )
    s = torch.tensor(LOG_VARIANCES).div(2).exp()
    centred = (z - mean).detach()
    _check_noise(centred)
    _check_spread(centred, s)
    slopes = (
        torch.autograd.grad(z.sum(), (mean, log_variance), allow_unused=True)
        if z.requires_grad
        else (None,) * 2
    )
    for name, slope, right in zip(
        ("mean", "log_variance"), slopes, (torch.ones(4), centred / 2), strict=True
    ):
        if slope is None or not slope.any():
            raise Wrong(
                f"The distribution is right, but no gradient reaches {name}: the encoder could not learn. Draw the "
                "noise alone, then shift and scale it (no torch.normal, no detach)."
            )
        if (slope - right).abs().max() > 1e-3:
            raise Wrong(
                f"The distribution is right, but the gradient of {name} is not: is a part of it detached?"
            )


def _check_noise(centred):
    if centred.abs().max() < 1e-6:
        raise Wrong("z is the mean, with no randomness: add noise times the standard deviation.")
    if (centred - centred[:1]).abs().max() < 1e-3:
        raise Wrong(
            "All samples of the batch got the same noise; each needs its own: torch.randn_like(mean)."
        )
    if centred.mean(dim=0).abs().max() > 0.3:
        raise Wrong(
            "The mean of z is not `mean`. Is it added, once? And is the noise normal (torch.randn, not torch.rand)?"
        )
    unit = centred / centred.std(dim=0)
    if (unit[:, 0] * unit[:, 1]).mean().abs() > 0.5:
        raise Wrong("All numbers of a latent got the same noise; each needs its own: torch.randn_like(mean).")
    if unit.abs().max() < 2.5:
        raise Wrong(
            "This noise is not normal: it has sharp limits, as torch.rand has. Take torch.randn_like(mean)."
        )


def _check_spread(centred, s):
    found = centred.std(dim=0)
    known = {
        "s² instead of s: the noise is multiplied by the variance. The standard deviation is exp(log_variance / 2).": s
        ** 2,
        "log_variance itself as the spread. The standard deviation is exp(log_variance / 2).": 2
        * s.log().abs(),
        "1 everywhere: log_variance has no part in it.": torch.ones(4),
        "1 / s: the sign in the exponent is wrong.": 1 / s,
        "the root of s: the half is taken twice.": s.sqrt(),
        "log s, half of log_variance: exp is missing.": s.log().abs(),
    }
    if (found / s - 1).abs().max() < 0.05:
        return
    for sentence, spread in known.items():
        if (found - spread).abs().max() < 0.06 * (1 + spread.max()):
            raise Wrong(f"The standard deviation of z came out as {sentence}")
    raise Wrong(
        f"For standard deviations {[round(v, 2) for v in s.tolist()]} z has "
        f"{[round(v, 2) for v in found.tolist()]}."
    )


reparametrise = exercise(
    verify=_verify_reparametrise,
    hints=(
        "Noise first: torch.randn_like(mean) is standard normal, one number for each of mean's. It needs no gradient.",
        "The standard deviation is the root of the variance: exp(log_variance / 2). Then mean + s * noise.",
    ),
)(diffusion.reparametrise)

reparametrise.mistake("s² instead of s", lambda m, v: m + v.exp() * torch.randn_like(m))
reparametrise.mistake("log_variance itself as the spread", lambda m, v: m + v * torch.randn_like(m))
reparametrise.mistake("1 everywhere", lambda m, v: m + torch.randn_like(m))
reparametrise.mistake("1 / s", lambda m, v: m + (-v / 2).exp() * torch.randn_like(m))
reparametrise.mistake("the root of s", lambda m, v: m + (v / 4).exp() * torch.randn_like(m))
reparametrise.mistake("log s, half of log_variance", lambda m, v: m + v / 2 * torch.randn_like(m))
reparametrise.mistake("z holds NaN", lambda m, v: m + v.sqrt() * torch.randn_like(m))
reparametrise.mistake("z is the mean, with no randomness", lambda m, v: m)
reparametrise.mistake("The mean of z is not `mean`", lambda m, v: (v / 2).exp() * torch.randn_like(m))
reparametrise.mistake(
    "no gradient reaches mean", lambda m, v: torch.normal(m.detach(), (v.detach() / 2).exp())
)
reparametrise.mistake(
    "no gradient reaches log_variance", lambda m, v: m + (v.detach() / 2).exp() * torch.randn_like(m)
)
reparametrise.mistake("All samples of the batch", lambda m, v: m + (v / 2).exp() * torch.randn(m.shape[1]))
reparametrise.mistake("All numbers of a latent", lambda m, v: m + (v / 2).exp() * torch.randn(len(m), 1))
reparametrise.mistake(
    "This noise is not normal",
    lambda m, v: m + (v / 2).exp() * (torch.rand_like(m) - 0.5) * math.sqrt(12),
)
reparametrise.mistake(
    "z has the shape of mean", lambda m, v: (m + (v / 2).exp() * torch.randn_like(m)).mean(dim=0)
)


kl_divergence = exercise(
    cases=(
        (normal(4, 3, seed=1).requires_grad_(), normal(4, 3, seed=2).requires_grad_()),
        (torch.zeros(2, 5), torch.zeros(2, 5)),
        (torch.tensor([[2.0]]), torch.tensor([[-3.0]])),
    ),
    hints=(
        "(mean² + variance - 1 - log variance) / 2 for each number. You have the logarithm: the variance is its exp.",
        "The numbers of one picture stand in dimension 1: .sum(dim=1) adds them up and leaves (n,).",
    ),
)(diffusion.kl_divergence)


def _kl(m, v):
    """The KL divergence of each number, (n, d)."""
    return (m.square() + v.exp() - 1 - v) / 2


kl_divergence.mistake("The half is missing.", lambda m, v: 2 * _kl(m, v).sum(1))
kl_divergence.mistake(
    "This is the mean over the latent's numbers; their KLs are added.", lambda m, v: _kl(m, v).mean(1)
)
kl_divergence.mistake(
    "Everything is added up to one number; one for each picture is asked for: .sum(dim=1).",
    lambda m, v: _kl(m, v).sum(),
)
kl_divergence.mistake(
    "This is the mean over the pictures; leave one number for each.", lambda m, v: _kl(m, v).sum(1).mean()
)
kl_divergence.mistake(
    "The sum runs over the pictures (dimension 0); add up each picture's numbers: dimension 1.",
    lambda m, v: _kl(m, v).sum(0),
)
kl_divergence.mistake(
    "Nothing is added up yet: sum over the numbers of each picture, .sum(dim=1).", lambda m, v: _kl(m, v)
)
kl_divergence.mistake(
    "The sign is wrong: a KL divergence is never negative (with -1/2, the terms stand the other way round).",
    lambda m, v: -_kl(m, v).sum(1),
)
kl_divergence.mistake(
    "exp(log_variance / 2) is the standard deviation; here the variance is needed, exp(log_variance).",
    lambda m, v: ((m.square() + (v / 2).exp() - 1 - v) / 2).sum(1),
)
kl_divergence.mistake(
    "log_variance is taken for the variance: use its exp.", lambda m, v: ((m.square() + v - 1 - v) / 2).sum(1)
)
kl_divergence.mistake(
    "The 1 is missing: for mean 0 and variance 1 the KL is 0.",
    lambda m, v: ((m.square() + v.exp() - v) / 2).sum(1),
)
kl_divergence.mistake(
    "The logarithm has the wrong sign: a small variance must cost something.",
    lambda m, v: ((m.square() + v.exp() - 1 + v) / 2).sum(1),
)
kl_divergence.mistake("The mean is not squared.", lambda m, v: ((m + v.exp() - 1 - v) / 2).sum(1))
kl_divergence.mistake(
    "The mean has no part in it: a cloud far from 0 costs mean².", lambda m, v: ((v.exp() - 1 - v) / 2).sum(1)
)
kl_divergence.mistake(
    "This is the KL the other way round, from N(0, 1) to the cloud.",
    lambda m, v: ((m.square() / v.exp() + 1 / v.exp() - 1 + v) / 2).sum(1),
)
kl_divergence.mistake(
    "The values are right, but cut off: without .detach() the encoder can learn from them.",
    lambda m, v: _kl(m, v).sum(1).detach(),
)
kl_divergence.mistake(
    "Only half of the terms is halved: all four stand in the bracket.",
    lambda m, v: (m.square() + v.exp() - 1 - v / 2).sum(1),
)


class _Toy(nn.Module):
    """A velocity of points or pictures, with a weight that can learn."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.7))

    def forward(self, x_t, t):
        diffusion.check_time(t, len(x_t))
        return self.weight * x_t.sin() + diffusion.over(t, x_t).square() - 0.3


flow_matching_loss = exercise(
    cases=(
        (_Toy(), normal(5, 2, seed=1), normal(5, 2, seed=2), uniform(5, seed=3)),
        (_Toy(), normal(3, 3, seed=4), normal(3, 3, seed=5), torch.tensor([0.0, 0.25, 1.0])),
        (_Toy(), normal(2, 3, 4, 4, seed=6), normal(2, 3, 4, 4, seed=7), torch.tensor([0.2, 0.9])),
    ),
    hints=(
        "interpolate(z, x, t) gives x_t. By hand: t.view(-1, 1) for points; x.dim() says how many ones are needed.",
        "The target is x - z, at every time. (velocity(x_t, t) - (x - z)).square().mean()",
    ),
)(diffusion.flow_matching_loss)


def _x_t(x, z, t):
    return diffusion.interpolate(z, x, t)


flow_matching_loss.mistake(
    "The path runs backwards: at t = 0 it is at the noise z, at t = 1 at x.",
    lambda f, x, z, t: (f(_x_t(z, x, t), t) - (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "The target points the wrong way: from noise to data it is x - z.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (z - x)).square().mean(),
)
flow_matching_loss.mistake(
    "The target is the data x here; asked is the velocity, x - z.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - x).square().mean(),
)
flow_matching_loss.mistake(
    "The target is the noise (as in DDPM); asked is the velocity, x - z.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - z).square().mean(),
)
flow_matching_loss.mistake(
    "The network is asked at x, the end of the path; ask it at x_t.",
    lambda f, x, z, t: (f(x, t) - (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "The network is asked at z, the beginning of the path; ask it at x_t.",
    lambda f, x, z, t: (f(z, t) - (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "The noise keeps its full weight: x_t = (1 - t) z + t x.",
    lambda f, x, z, t: (f(z + diffusion.over(t, x) * x, t) - (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "This is the absolute error; squared, its minimum is the mean velocity.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - z)).abs().mean(),
)
flow_matching_loss.mistake(
    "The errors are added up; take their mean, or the loss grows with the batch.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - z)).square().sum(),
)
flow_matching_loss.mistake(
    "This is the sum over each sample's numbers; take the mean over all of them.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - z)).square().flatten(1).sum(1).mean(),
)
flow_matching_loss.mistake(
    "A loss is one number; take the mean.", lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - z)).square()
)
flow_matching_loss.mistake(
    "The root is too much: the mean squared error has none.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - z)).square().mean().sqrt(),
)
flow_matching_loss.mistake(
    "The square is missing: positive and negative errors cancel.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - z)).mean(),
)
flow_matching_loss.mistake(
    "The prediction is detached: the network could not learn.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t).detach() - (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "The target is weighted with t; the velocity is x - z at every moment.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - diffusion.over(t, x) * (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "There is half a loss here: the mean squared error has no factor of a half.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - z)).square().mean() / 2,
)


def _bent(x, t):
    """A velocity that changes with place and time."""
    t = t.view(-1, *[1] * (x.dim() - 1))
    return x.cos() * (1 + 2 * t) - 0.5 * x


heun_step = exercise(
    cases=(
        (_bent, normal(4, 2, seed=1), torch.full((4,), 0.25), 0.25),
        (_bent, normal(2, 3, 4, 4, seed=2), torch.tensor([0.1, 0.5]), 0.05),
    ),
    hints=(
        "First the velocity here. Then an Euler step with it, and the velocity there: at the new place and time.",
        "x + dt * (here + there) / 2, with there = velocity(x + dt * here, t + dt).",
    ),
)(diffusion.heun_step)

heun_step.mistake(
    "This is Euler's step: the velocity at the end of the step has no part in it.",
    lambda f, x, t, dt: x + dt * f(x, t),
)
heun_step.mistake(
    "This goes with the velocity at the end alone; take the mean of both.",
    lambda f, x, t, dt: x + dt * f(x + dt * f(x, t), t + dt),
)
heun_step.mistake(
    "This is the midpoint method, a good one, too; Heun takes the mean of the velocities at both ends.",
    lambda f, x, t, dt: x + dt * f(x + dt / 2 * f(x, t), t + dt / 2),
)
heun_step.mistake(
    "The two velocities are added; take their mean, or the step is twice as long.",
    lambda f, x, t, dt: x + dt * (f(x, t) + f(x + dt * f(x, t), t + dt)),
)
heun_step.mistake(
    "The second velocity is asked at the old time; there it is t + dt.",
    lambda f, x, t, dt: x + dt * (f(x, t) + f(x + dt * f(x, t), t)) / 2,
)
heun_step.mistake(
    "The second velocity is asked at the old place; go there first: x + dt * here.",
    lambda f, x, t, dt: x + dt * (f(x, t) + f(x, t + dt)) / 2,
)
heun_step.mistake(
    "The way to the second place lacks dt: x + dt * here.",
    lambda f, x, t, dt: x + dt * (f(x, t) + f(x + f(x, t), t + dt)) / 2,
)
heun_step.mistake(
    "dt is missing before the mean: velocity times time is a way.",
    lambda f, x, t, dt: x + (f(x, t) + f(x + dt * f(x, t), t + dt)) / 2,
)
heun_step.mistake(
    "This is only the way of the step; add it to x.",
    lambda f, x, t, dt: dt * (f(x, t) + f(x + dt * f(x, t), t + dt)) / 2,
)
heun_step.mistake(
    "This goes backwards: the way is added, not subtracted.",
    lambda f, x, t, dt: x - dt * (f(x, t) + f(x + dt * f(x, t), t + dt)) / 2,
)
heun_step.mistake(
    "These are two Euler steps of half the length; Heun makes one step with the mean of two velocities.",
    lambda f, x, t, dt: x + dt / 2 * f(x, t) + dt / 2 * f(x + dt / 2 * f(x, t), t + dt / 2),
)

ddim_step = exercise(
    cases=(
        (normal(3, 2, seed=1), normal(3, 2, seed=2), (0.3, 0.95), (0.6, 0.8)),
        (normal(2, 3, 4, 4, seed=3), normal(2, 3, 4, 4, seed=4), (0.8, 0.6), (1.0, 0.0)),
    ),
    hints=(
        "x = √ᾱ · picture + √(1 - ᾱ) · noise. You know x, the noise and both weights of `now`: solve for the picture.",
        "predicted = (x - now[1] * noise) / now[0], and then then[0] * predicted + then[1] * noise.",
    ),
)(diffusion.ddim_step)


def _predicted(e, x, now):
    return (x - now[1] * e) / now[0]


ddim_step.mistake(
    "This is the predicted picture, the end of all steps; mix it with the noise again, with the weights of `then`.",
    lambda e, x, now, then: _predicted(e, x, now),
)
ddim_step.mistake(
    "The noise is not added again: √(1 - ᾱ) of `then` times the predicted noise.",
    lambda e, x, now, then: then[0] * _predicted(e, x, now),
)
ddim_step.mistake(
    "Picture and noise are mixed with the weights of `now`, which gives x back; take those of `then`.",
    lambda e, x, now, then: now[0] * _predicted(e, x, now) + now[1] * e,
)
ddim_step.mistake(
    "`now` and `then` are exchanged.",
    lambda e, x, now, then: now[0] * _predicted(e, x, then if then[0] else now) + now[1] * e,
)
ddim_step.mistake(
    "The division by √ᾱ is missing: x holds only that share of the picture.",
    lambda e, x, now, then: then[0] * (x - now[1] * e) + then[1] * e,
)
ddim_step.mistake(
    "The noise is added where it should be taken away: predicted picture = (x - √(1 - ᾱ) · noise) / √ᾱ.",
    lambda e, x, now, then: then[0] * (x + now[1] * e) / now[0] + then[1] * e,
)
ddim_step.mistake(
    "The new mixture takes the noise away; it is added with its weight.",
    lambda e, x, now, then: then[0] * _predicted(e, x, now) - then[1] * e,
)
ddim_step.mistake(
    "Fresh noise is mixed in (as DDPM does); DDIM takes the predicted noise.",
    lambda e, x, now, then: then[0] * _predicted(e, x, now) + then[1] * torch.randn_like(x),
)
ddim_step.mistake(
    "The weights are squared: the pairs hold the roots already, √ᾱ and √(1 - ᾱ).",
    lambda e, x, now, then: then[0] ** 2 * (x - now[1] ** 2 * e) / now[0] ** 2 + then[1] ** 2 * e,
)
ddim_step.mistake(
    "A root too many: the pairs hold the roots already, √ᾱ and √(1 - ᾱ).",
    lambda e, x, now, then: then[0] ** 0.5 * (x - now[1] ** 0.5 * e) / now[0] ** 0.5 + then[1] ** 0.5 * e,
)
ddim_step.mistake(
    "The two weights of each pair are exchanged: first the picture's, √ᾱ, then the noise's.",
    lambda e, x, now, then: then[1] * (x - now[0] * e) / now[1] + then[0] * e,
)
ddim_step.mistake(
    "x stands in the mixture where the predicted picture belongs.",
    lambda e, x, now, then: then[0] * x + then[1] * e,
)

guidance = exercise(
    cases=(
        (normal(3, 2, seed=1).requires_grad_(), normal(3, 2, seed=2).requires_grad_(), 2.5),
        (normal(2, 3, 4, 4, seed=3), normal(2, 3, 4, 4, seed=4), 0.5),
        (normal(2, 2, seed=5), normal(2, 2, seed=6), 0.0),
    ),
    hints=(
        "conditional - free is what the labels change. Which multiple of it, from where?",
        "scale 0 must give free and scale 1 conditional: free + scale * (conditional - free).",
    ),
)(diffusion.guidance)

guidance.mistake(
    "With scale 1 this goes beyond `conditional` already. (Papers that count from there call 0 what is 1 here.)",
    lambda a, b, s: b + s * (b - a),
)
guidance.mistake(
    "The two are exchanged: scale 0 gives `free`, scale 1 gives `conditional`.",
    lambda a, b, s: b + s * (a - b),
)
guidance.mistake(
    "This goes away from the labels: conditional - free, not free - conditional.",
    lambda a, b, s: a + s * (a - b),
)
guidance.mistake("`free` is missing: this is only what is added to it.", lambda a, b, s: s * (b - a))
guidance.mistake("`free` has no part in it; it is where the way begins.", lambda a, b, s: s * b)
guidance.mistake("The two are added: the difference counts, conditional - free.", lambda a, b, s: a + s * b)
guidance.mistake(
    "The scale is cut off at 1, but beyond `conditional` guidance only begins.",
    lambda a, b, s: a + min(s, 1) * (b - a),
)
guidance.mistake("This is `conditional`, whatever the scale; use the scale.", lambda a, b, s: b + 0 * s * a)
guidance.mistake("This is the mean of both, whatever the scale.", lambda a, b, s: (a + b) / 2)
guidance.mistake(
    "The scale is divided by: larger scales should obey more.", lambda a, b, s: a + (b - a) / (s + 1e-8)
)
guidance.mistake("The difference is squared and loses its sign.", lambda a, b, s: a + s * (b - a).square())
guidance.mistake(
    "`free` is detached: the function only calculates, and gradients pass through both.",
    lambda a, b, s: a.detach() + s * (b - a.detach()),
)


def _exact_velocity(x, t, spread=0.3):
    """The mean velocity of all straight paths from noise to eight blobs on a ring."""
    centres, t = points.ring_centres(), t[:, None]
    variance = (t * spread) ** 2 + (1 - t) ** 2  # of each blob at time t
    off = x[:, None] - t[:, :, None] * centres  # (n, 8, 2)
    weights = torch.softmax(-off.square().sum(-1) / (2 * variance), dim=1)
    x_hat = centres + (t * spread**2 / variance)[:, :, None] * off
    return ((weights[:, :, None] * x_hat).sum(1) - x) / (1 - t)


def _verify_sampler(attempt):
    errors = {}
    for steps in (1, 8):
        z, times = normal(400, 2, seed=1), []

        def velocity(x, t, z=z, times=times):
            diffusion.check_time(t, len(z))
            if (t >= 1).any():
                raise Wrong(
                    "The velocity is asked at t = 1, where the way has ended: the last step begins before."
                )
            times.append(t.max().item())
            return _exact_velocity(x, t)

        before = z.clone()
        end = guarded(attempt, velocity, z, steps)
        if not torch.equal(z, before):
            raise Wrong("Your function changes z in place; compute new tensors instead.")
        _check_end(end, z, steps, times)
        own, euler = (
            _distance_to_truth(x, before) for x in (end, diffusion.sample(_exact_velocity, before, steps))
        )
        errors[steps] = own, euler
    (first, first_euler), (own, euler) = errors[1], errors[8]
    if first > 1.5 * first_euler:
        raise Wrong(
            "With one step alone it goes astray: there is no velocity before the first, so begin as Euler does."
        )
    if own > 0.95 * euler:
        raise Wrong(
            f"With 8 evaluations it lands {own:.3f} from the truth, and Euler {euler:.3f}: no nearer than Euler. "
            "Use what you know of the step before, or place the steps better."
        )
    return f"With 8 evaluations it lands {euler / own:.1f} times as near to the truth as Euler."


def _check_end(end, z, steps, times):
    if not isinstance(end, torch.Tensor) or end.shape != z.shape:
        kind = f"shape {tuple(end.shape)}" if isinstance(end, torch.Tensor) else f"a {type(end).__name__}"
        raise Wrong(f"What comes back has the shape of z, {tuple(z.shape)}, but this is {kind}.")
    if len(times) != steps:
        raise Wrong(
            f"For {steps} steps the velocity is asked {steps} times, but here it was asked {len(times)} times."
        )
    if times[0] > 1e-6:
        raise Wrong(f"The way begins with noise, at t = 0, but the first question was at t = {times[0]:.2g}.")
    if not end.isfinite().all():
        raise Wrong("What comes back holds NaN or inf.")


def _distance_to_truth(x, z):
    true_end = diffusion.sample(_exact_velocity, z, 400, step=diffusion.euler_step)
    return (x - true_end).norm(dim=1).mean().item()


@exercise(
    verify=_verify_sampler,
    hints=(
        "In a loop over k: t = torch.full((len(z),), k / steps), v = velocity(x, t). Keep v for the next round.",
        "The first step is Euler's. From then on x = x + (1.5 * v - 0.5 * before) / steps.",
    ),
)
def sampler(velocity, z, steps):
    """Data (n, …) from noise z (n, …) at t = 0, with exactly `steps` evaluations of velocity(x, t), t of shape (n,)."""
    x, before = z, None
    for k in range(steps):
        v = velocity(x, torch.full((len(z),), k / steps, device=z.device))
        direction = v if before is None else 1.5 * v - 0.5 * before
        x, before = x + direction / steps, v
    return x


def _steps(velocity, z, steps, combine, times=None, dt=None):
    """A sampler that goes along combine(v, v of the step before)."""
    x, before = z, None
    for k in range(steps):
        v = velocity(x, torch.full((len(z),), k / steps if times is None else times(k, steps)))
        x, before = x + combine(v, before) * (1 / steps if dt is None else dt), v
    return x


sampler.mistake("no nearer than Euler", lambda f, z, n: _steps(f, z, n, lambda v, b: v))
sampler.mistake("it was asked 2 times", lambda f, z, n: diffusion.sample(f, z, 2 * n))
sampler.mistake("it was asked 0 times", lambda f, z, n: z)
sampler.mistake(
    "where the way has ended", lambda f, z, n: _steps(f, z, n, lambda v, b: v, lambda k, n: (k + 1) / n)
)
sampler.mistake(
    "the first question was at t = 0.5",
    lambda f, z, n: _steps(f, z, n, lambda v, b: v, lambda k, n: (k + 0.5) / n),
)
sampler.mistake("has the shape of z", lambda f, z, n: [_steps(f, z, n, lambda v, b: v)])
sampler.mistake(
    "With one step alone it goes astray",
    lambda f, z, n: _steps(f, z, n, lambda v, b: 1.5 * v - 0.5 * (0 * v if b is None else b)),
)
sampler.mistake("changes z in place", lambda f, z, n: z.add_(f(z, torch.zeros(len(z)))))
