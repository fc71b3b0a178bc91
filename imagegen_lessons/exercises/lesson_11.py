"""Exercises of lesson 11: reparametrisation, KL, flow matching, Heun, DDIM, guidance, a sampler of one's own."""

import math

import torch

from imagegen_lessons import diffusion
from imagegen_lessons.exercises.checker import Wrong, exercise, guarded
from imagegen_lessons.exercises.inputs import Recorded, ToyVelocity, bent_velocity, normal, uniform
from imagegen_lessons.synthetic import points

DRAWS = 20_000
MEANS, LOG_VARIANCES = (0.0, 2.0, -1.0, 0.5), (0.0, math.log(4.0), math.log(0.25), math.log(9.0))


def _verify_reparametrise(attempt):
    # Every second row has the values in reverse, so that rows which are mixed are noticed.
    mean, log_variance = (
        torch.tensor([values, values[::-1]]).repeat(DRAWS // 2, 1) for values in (MEANS, LOG_VARIANCES)
    )
    given = mean.clone().requires_grad_(), log_variance.clone().requires_grad_()
    z, again = (guarded(attempt, *given) for _ in range(2))
    _check_shape(z, mean, "z has the shape of mean")
    for name, value, before in zip(("mean", "log_variance"), given, (mean, log_variance), strict=True):
        if not torch.equal(value, before):
            raise Wrong(f"Your function changes {name} in place; compute a new tensor instead.")
    if not z.isfinite().all():
        raise Wrong(
            "z holds NaN: log_variance may be negative, so it has no root. The root of the variance is meant."
        )
    centred = (z - mean).detach()
    groups = centred.view(-1, 2, 4)  # the even rows, and the odd ones
    _check_noise(groups, torch.equal(z, again))
    _check_mean(z.detach().view(-1, 2, 4), groups)
    _check_spread(groups)
    _check_normal((groups / groups.std(dim=0)).flatten(0, 1))
    slopes = torch.autograd.grad(z.sum(), given, allow_unused=True) if z.requires_grad else (None,) * 2
    rights = torch.ones(4), centred / 2
    for name, slope, right in zip(("mean", "log_variance"), slopes, rights, strict=True):
        if slope is None or not slope.any():
            raise Wrong(
                f"The distribution is right, but no gradient reaches {name}: the encoder could not learn. Draw the "
                "noise alone, then shift and scale it (no torch.normal, detach, no_grad or new torch.tensor)."
            )
        if (slope - right).abs().max() > 1e-3:
            raise Wrong(
                f"The distribution is right, but the gradient of {name} is not: is a part of it detached?"
            )
    few = torch.zeros(5, 3)
    _check_shape(guarded(attempt, few, few.clone()), few, "z has the shape of mean")


def _check_shape(result, like, rule):
    if not isinstance(result, torch.Tensor) or result.shape != like.shape:
        kind = (
            f"shape {tuple(result.shape)}"
            if isinstance(result, torch.Tensor)
            else f"a {type(result).__name__}"
        )
        raise Wrong(f"{rule}, {tuple(like.shape)}, but this is {kind}.")


def _check_noise(groups, repeated):
    if groups.abs().max() < 1e-6:
        raise Wrong("z is the mean, with no randomness: add noise times the standard deviation.")
    if repeated and (groups - groups[0]).abs().max() < 1e-6:
        raise Wrong("Nothing in z is random: multiply the standard deviation by torch.randn_like(mean).")
    if repeated:
        raise Wrong(
            "Two calls gave the same noise: draw it anew in each call, and set no seed in the function."
        )
    if max(len(numbers.unique()) for numbers in groups[:, 0].T) < 0.9 * len(groups):
        raise Wrong(
            "Several samples of the batch got the same noise; each needs its own: torch.randn_like(mean)."
        )


def _check_mean(z, groups):
    if (groups.mean(dim=0) / groups.std(dim=0).clamp(min=0.01)).abs().max() < 0.1:
        return
    even, odd = z.mean(dim=0)
    if (even - odd).abs().max() < 0.2 and even.abs().max() > 0.3:
        raise Wrong("All rows got one mean; each sample has its own, in its row of `mean`.")
    raise Wrong(
        "The mean of z is not `mean`. Is it added, once? And is the noise normal (torch.randn, not torch.rand)?"
    )


def _check_spread(groups):
    s = torch.tensor(LOG_VARIANCES).div(2).exp()
    found, other = groups.std(dim=0)
    known = {
        "s², the variance: the noise is multiplied by exp(log_variance / 2), which is s.": s**2,
        "log_variance itself. The standard deviation is exp(log_variance / 2).": 2 * s.log().abs(),
        "1 everywhere: log_variance has no part in it.": torch.ones(4),
        "1 / s: the sign in the exponent is wrong.": 1 / s,
        "the root of s: the half is taken twice.": s.sqrt(),
        "log s, half of log_variance: exp is missing.": s.log().abs(),
        "s⁴: the exponent is log_variance / 2, not 2 · log_variance.": s**4,
    }
    if (torch.stack([found / s, other / s.flip(0)]) - 1).abs().max() < 0.05:
        return
    for sentence, spread in known.items():
        if (found - spread).abs().max() < 0.06 * (1 + spread.max()):
            raise Wrong(f"The standard deviation of z came out as {sentence}")
    if (found - other).abs().max() < 0.2:
        raise Wrong(
            "All rows got one standard deviation; each sample has its own, in its row of `log_variance`."
        )
    raise Wrong(
        f"For standard deviations {[round(v, 2) for v in s.tolist()]} z has "
        f"{[round(v, 2) for v in found.tolist()]}."
    )


def _check_normal(unit):
    if (torch.corrcoef(unit.T) - torch.eye(4)).abs().max() > 0.5:
        raise Wrong(
            "Several numbers of a latent got the same noise; each needs its own: torch.randn_like(mean)."
        )
    if unit.pow(3).mean().abs() > 0.2 or (unit.pow(4).mean() - 3).abs() > 0.4:  # skewness and kurtosis
        raise Wrong("This noise is not normal (torch.rand is uniform). Take torch.randn_like(mean).")


reparametrise = exercise(
    verify=_verify_reparametrise,
    hints=(
        "Noise first: torch.randn_like(mean) is standard normal, one number for each of mean's. It needs no gradient.",
        "The standard deviation is the root of the variance: exp(log_variance / 2). Then mean + s * noise.",
    ),
)(diffusion.reparametrise)

reparametrise.mistake("s², the variance", lambda m, v: m + v.exp() * torch.randn_like(m))
reparametrise.mistake("log_variance itself", lambda m, v: m + v * torch.randn_like(m))
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
reparametrise.mistake(
    "Several samples of the batch", lambda m, v: m + (v / 2).exp() * torch.randn(m.shape[1])
)
reparametrise.mistake("Several numbers of a latent", lambda m, v: m + (v / 2).exp() * torch.randn(len(m), 1))
reparametrise.mistake(
    "This noise is not normal",
    lambda m, v: m + (v / 2).exp() * (torch.rand_like(m) - 0.5) * math.sqrt(12),
)
reparametrise.mistake("Nothing in z is random", lambda m, v: m + (v / 2).exp())
reparametrise.mistake("s⁴", lambda m, v: m + (2 * v).exp() * torch.randn_like(m))
reparametrise.mistake("All rows got one mean", lambda m, v: m.mean(0) + (v / 2).exp() * torch.randn_like(m))
reparametrise.mistake(
    "All rows got one standard deviation", lambda m, v: m + (v[0] / 2).exp() * torch.randn_like(m)
)


@reparametrise.mistake("Two calls gave the same noise")
def _with_a_seed(mean, log_variance):
    torch.manual_seed(0)
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


reparametrise.mistake(
    "z has the shape of mean", lambda m, v: (m + (v / 2).exp() * torch.randn_like(m)).mean(dim=0)
)


kl_divergence = exercise(
    cases=(
        (normal(4, 3, seed=1).requires_grad_(), normal(4, 3, seed=2).requires_grad_()),
        (torch.zeros(2, 5), torch.zeros(2, 5)),
        (torch.tensor([[2.0, 0.5], [0.1, -1.0]]), torch.tensor([[-3.0, 6.0], [-18.0, 0.2]])),
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
    "log_variance is the logarithm already, and may be negative: no torch.log, no root of it.",
    lambda m, v: ((m.square() + v - 1 - v.log()) / 2).sum(1),
)
kl_divergence.mistake(
    "exp(log_variance) is the variance s² already, and is not squared again.",
    lambda m, v: ((m.square() + v.exp().square() - 1 - 2 * v) / 2).sum(1),
)
kl_divergence.mistake(
    "The logarithm of the variance is asked for, log_variance; this is that of the standard deviation.",
    lambda m, v: ((m.square() + v.exp() - 1 - v / 2) / 2).sum(1),
)
kl_divergence.mistake(
    "The 1 is subtracted, not added: for mean 0 and variance 1 the KL is 0.",
    lambda m, v: ((m.square() + v.exp() + 1 - v) / 2).sum(1),
)
kl_divergence.mistake(
    "The 1 is subtracted once for each latent number, not once for a picture.",
    lambda m, v: ((m.square() + v.exp() - v).sum(1) - 1) / 2,
)
kl_divergence.mistake(
    "The mean is squared, not its size taken.", lambda m, v: ((m.abs() + v.exp() - 1 - v) / 2).sum(1)
)
kl_divergence.mistake("The arguments are exchanged: first the mean.", lambda m, v: _kl(v, m).sum(1))
kl_divergence.mistake(
    "One number for each picture is (n,): leave keepdim out.", lambda m, v: _kl(m, v).sum(1, keepdim=True)
)
kl_divergence.mistake(
    "This is in bits; nats need no division by log 2.", lambda m, v: _kl(m, v).sum(1) / math.log(2)
)
kl_divergence.mistake(
    "The values are right, but cut off: without .detach() the encoder can learn from them.",
    lambda m, v: _kl(m, v).sum(1).detach(),
)
kl_divergence.mistake(
    "Only half of the terms is halved: all four stand in the bracket.",
    lambda m, v: (m.square() + v.exp() - 1 - v / 2).sum(1),
)


flow_matching_loss = exercise(
    cases=(
        (ToyVelocity(), normal(5, 2, seed=1), normal(5, 2, seed=2), uniform(5, seed=3)),
        (ToyVelocity(), normal(3, 3, seed=4), normal(3, 3, seed=5), torch.tensor([0.0, 0.25, 1.0])),
        (ToyVelocity(), normal(2, 3, 4, 4, seed=6), normal(2, 3, 4, 4, seed=7), torch.tensor([0.2, 0.9])),
    ),
    hints=(
        "interpolate(x, z, t) gives x_t. By hand: t.view(-1, 1) for points; x.dim() says how many ones are needed.",
        "The target is x - z, at every time. (velocity(x_t, t) - (x - z)).square().mean()",
    ),
)(diffusion.flow_matching_loss)


def _x_t(x, z, t):
    return diffusion.interpolate(x, z, t)


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
    "The noise keeps its full weight: x_t = t x + (1 - t) z.",
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
    "t is (n,): it needs further dimensions to multiply x, (n, 1) for points and (n, 1, 1, 1) for pictures.",
    lambda f, x, z, t: (f((1 - t) * z + t * x, t) - (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "(n, 1) is right for points; x of more dimensions needs as many: t.view(-1, *[1] * (x.dim() - 1)).",
    lambda f, x, z, t: (f((1 - t[:, None]) * z + t[:, None] * x, t) - (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "(n, 1, 1, 1) is right for pictures; points need (n, 1): t.view(-1, *[1] * (x.dim() - 1)).",
    lambda f, x, z, t: (f(z + t.view(-1, 1, 1, 1) * (x - z), t) - (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "Every sample has a time of its own; here all get the first one's.",
    lambda f, x, z, t: (f(_x_t(x, z, t[:1].expand(len(t))), t) - (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "Path and target both run backwards: z is the beginning, x the end.",
    lambda f, x, z, t: (f(_x_t(z, x, t), t) - (z - x)).square().mean(),
)
flow_matching_loss.mistake(
    "The network is asked at the time 1 - t; at x_t it is t.",
    lambda f, x, z, t: (f(_x_t(x, z, t), 1 - t) - (x - z)).square().mean(),
)
flow_matching_loss.mistake(
    "The target is x - x_t, what is left of the way; asked is the velocity, x - z.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - _x_t(x, z, t))).square().mean(),
)
flow_matching_loss.mistake(
    "The target is a sum; the velocity from z to x is the difference x - z.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x + z)).square().mean(),
)
flow_matching_loss.mistake(
    "The mean is squared here; square each error, then take the mean.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - z)).mean().square(),
)
flow_matching_loss.mistake(
    "This is the length of the error; take the mean of the squares.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - z)).norm(),
)
flow_matching_loss.mistake(
    "There is half a loss here: the mean squared error has no factor of a half.",
    lambda f, x, z, t: (f(_x_t(x, z, t), t) - (x - z)).square().mean() / 2,
)


heun_step = exercise(
    cases=(
        (bent_velocity, normal(4, 2, seed=1), torch.full((4,), 0.75), 0.25),  # to the end, t = 1
        (bent_velocity, normal(2, 3, 4, 4, seed=2), torch.tensor([0.1, 0.5]), 0.05),
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


@heun_step.mistake("Heun's step is the same everywhere: that the last step is Euler's is up to the sampler.")
def _euler_at_the_end(f, x, t, dt):
    here = f(x, t)
    return x + dt * here if (t + dt >= 1).any() else x + dt * (here + f(x + dt * here, t + dt)) / 2


heun_step.mistake(
    "All samples get the first one's time; each has its own.",
    lambda f, x, t, dt: diffusion.heun_step(f, x, t[:1].expand(len(t)), dt),
)
heun_step.mistake(
    "The mean of two is their sum by 2, not by 4.",
    lambda f, x, t, dt: x + dt * (f(x, t) + f(x + dt * f(x, t), t + dt)) / 4,
)
heun_step.mistake(
    "Only one of the two velocities is halved, or only one multiplied by dt: dt * (here + there) / 2.",
    lambda f, x, t, dt: x + dt * f(x, t) + f(x + dt * f(x, t), t + dt) / 2,
)
heun_step.mistake(
    "A bracket is missing: half of `there` alone is added to `here`.",
    lambda f, x, t, dt: x + dt * (f(x, t) + f(x + dt * f(x, t), t + dt) / 2),
)
heun_step.mistake(
    "The step begins at x, not at the place where the second velocity was asked.",
    lambda f, x, t, dt: x + dt * f(x, t) + dt * (f(x, t) + f(x + dt * f(x, t), t + dt)) / 2,
)
heun_step.mistake(
    "This is the mean velocity; times dt it is the way, which is added to x.",
    lambda f, x, t, dt: (f(x, t) + f(x + dt * f(x, t), t + dt)) / 2,
)
heun_step.mistake(
    "The second velocity is subtracted; take the mean of both.",
    lambda f, x, t, dt: x + dt * (f(x, t) - f(x + dt * f(x, t), t + dt)) / 2,
)
heun_step.mistake(
    "These are two Euler steps of half the length; Heun makes one step with the mean of two velocities.",
    lambda f, x, t, dt: x + dt / 2 * f(x, t) + dt / 2 * f(x + dt / 2 * f(x, t), t + dt / 2),
)

ddim_step = exercise(
    cases=(
        (normal(3, 2, seed=1), 2 * normal(3, 2, seed=2), (0.28, 0.96), (0.6, 0.8)),
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
ddim_step.mistake(
    "now[0] is √ᾱ already, and now[1] is √(1 - ᾱ): no root, no 1 minus.",
    lambda e, x, now, then: (
        then[0] ** 0.5 * (x - (1 - now[0]) ** 0.5 * e) / now[0] ** 0.5 + (1 - then[0]) ** 0.5 * e
    ),
)
ddim_step.mistake(
    "The noise's weight is the second entry of the pair, √(1 - ᾱ), which is not 1 minus the first.",
    lambda e, x, now, then: then[0] * (x - (1 - now[0]) * e) / now[0] + (1 - then[0]) * e,
)
ddim_step.mistake(
    "x is a mixture of the moment `now`: the noise in it has the weight now[1], not then[1].",
    lambda e, x, now, then: then[0] * (x - then[1] * e) / now[0] + then[1] * e,
)
ddim_step.mistake(
    "The new mixture takes the noise with the weight of `now`; it is then[1].",
    lambda e, x, now, then: then[0] * _predicted(e, x, now) + now[1] * e,
)
ddim_step.mistake(
    "The new mixture takes the picture with the weight of `now`; it is then[0].",
    lambda e, x, now, then: now[0] * _predicted(e, x, now) + then[1] * e,
)
ddim_step.mistake(
    "Noise and x are exchanged: the predicted noise comes first, then the noisy x.",
    lambda e, x, now, then: then[0] * _predicted(x, e, now) + then[1] * x,
)
ddim_step.mistake(
    "The predicted noise is taken away with its full size; in x it has the weight now[1].",
    lambda e, x, now, then: then[0] * (x - e) / now[0] + then[1] * e,
)
ddim_step.mistake(
    "Only the noise is divided by √ᾱ: a bracket is missing, (x - now[1] * noise) / now[0].",
    lambda e, x, now, then: then[0] * (x - now[1] * e / now[0]) + then[1] * e,
)
ddim_step.mistake(
    "The predicted picture is cut to -1…1: leave it as it is.",
    lambda e, x, now, then: then[0] * _predicted(e, x, now).clamp(-1, 1) + then[1] * e,
)

guidance = exercise(
    cases=(
        (normal(3, 2, seed=1).requires_grad_(), normal(3, 2, seed=2).requires_grad_(), 2.5),
        (normal(2, 3, 4, 4, seed=3), normal(2, 3, 4, 4, seed=4), 0.5),
        (normal(2, 2, seed=5), normal(2, 2, seed=6), 0.0),
        (normal(2, 2, seed=7), normal(2, 2, seed=8), 8.0),
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
guidance.mistake("This is `free`, whatever the scale; use the scale.", lambda a, b, s: a + 0 * s * b)
guidance.mistake(
    "With scale 1 this is still `free`: no 1 is subtracted from the scale.",
    lambda a, b, s: a + (s - 1) * (b - a),
)
guidance.mistake("The scale may be a fraction: do not round it.", lambda a, b, s: a + int(s) * (b - a))
guidance.mistake(
    "This is a weighted mean, which never goes beyond `conditional`.", lambda a, b, s: (a + s * b) / (1 + s)
)
guidance.mistake("The scale is halved.", lambda a, b, s: a + s / 2 * (b - a))
guidance.mistake(
    "`free` is subtracted whatever the scale: scale 0 must give `free`.", lambda a, b, s: s * b - a
)
guidance.mistake(
    "`free` is detached: the function only calculates, and gradients pass through both.",
    lambda a, b, s: a.detach() + s * (b - a.detach()),
)


def _exact_velocity(x, t, spread=0.3):
    """The mean velocity of all straight paths from noise to eight blobs on a ring."""
    centres, t = points.ring_centres(), t[:, None].clamp(max=0.999)  # at t = 1 it would be 0 / 0
    variance = (t * spread) ** 2 + (1 - t) ** 2  # of each blob at time t
    off = x[:, None] - t[:, :, None] * centres  # (n, 8, 2)
    weights = torch.softmax(-off.square().sum(-1) / (2 * variance), dim=1)
    x_hat = centres + (t * spread**2 / variance)[:, :, None] * off
    return ((weights[:, :, None] * x_hat).sum(1) - x) / (1 - t)


def _verify_sampler(attempt):
    z = normal(400, 2, seed=1)
    first = _ends(attempt, _exact_velocity, z, 1)
    if (first - diffusion.sample(_exact_velocity, z, 1)).abs().max() > 1e-4:
        raise Wrong(
            "With steps = 1 it goes astray: there is no velocity before the first, so the first step is Euler's, "
            "z + velocity(z, 0) / steps."
        )
    end = _ends(attempt, _exact_velocity, z, 8)
    if not torch.allclose(end, _ends(attempt, _exact_velocity, z, 8), atol=1e-5):
        raise Wrong(
            "A second call with the same noise ends elsewhere: begin each call anew, with no velocity from the "
            "call before and no fresh noise."
        )
    _ends(attempt, _exact_velocity, z, 5)
    _ends(attempt, bent_velocity, normal(3, 3, 8, 8, seed=2), 3)
    own, euler = (_distance_to_truth(x, z) for x in (end, diffusion.sample(_exact_velocity, z, 8)))
    if own > 0.95 * euler:
        kind = "farther than Euler" if own > 1.05 * euler else "no nearer than Euler"
        raise Wrong(
            f"With 8 evaluations it lands {own:.3f} from the truth, and Euler {euler:.3f}: {kind}. Look at the weights "
            "(3/2 of the velocity here, minus ½ of the one before), at 1 / steps, and whether `before` is renewed in "
            "every step."
        )
    return f"With 8 evaluations it lands {euler / own:.1f} times as near to the truth as Euler."


def _ends(attempt, function, z, steps):
    """Where the attempt leads z along this velocity; refuses what breaks the rules on the way."""
    before, velocity = z.clone(), Recorded(function, len(z))
    times, end = velocity.times, guarded(attempt, velocity, z, steps)
    if not torch.equal(z, before):
        raise Wrong("Your function changes z in place; compute new tensors instead.")
    _check_shape(end, z, "What comes back has the shape of z")
    if times and times[0] > 1e-6:
        raise Wrong(f"The way begins with noise, at t = 0, but the first question was at t = {times[0]:.2g}.")
    if len(times) != steps:
        raise Wrong(
            f"With steps = {steps} the velocity is asked {steps} times in all, but here it was asked {len(times)} "
            "times. (A method that asks twice in a step makes half as many steps.)"
        )
    if not end.isfinite().all():
        raise Wrong(f"With steps = {steps} what comes back holds NaN or inf.")
    return end


def _distance_to_truth(x, z):
    true_end = diffusion.sample(_exact_velocity, z, 400, step=diffusion.euler_step)
    return (x - true_end).norm(dim=1).mean().item()


@exercise(
    verify=_verify_sampler,
    hints=(
        "In a loop over k: v = velocity(x, torch.full((len(z),), k / steps, device=z.device)). Keep v for the next "
        "round.",
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
sampler.mistake(
    "farther than Euler", lambda f, z, n: _steps(f, z, n, lambda v, b: v if b is None else 1.5 * b - 0.5 * v)
)
sampler.mistake("it was asked 2 times", lambda f, z, n: diffusion.sample(f, z, 2 * n))
sampler.mistake("it was asked 0 times", lambda f, z, n: z)
sampler.mistake(
    "the first question was at t = 1",
    lambda f, z, n: _steps(f, z, n, lambda v, b: v, lambda k, n: (k + 1) / n),
)
sampler.mistake(
    "the first question was at t = 0.5",
    lambda f, z, n: _steps(f, z, n, lambda v, b: v, lambda k, n: (k + 0.5) / n),
)
sampler.mistake("has the shape of z", lambda f, z, n: [_steps(f, z, n, lambda v, b: v)])
sampler.mistake(
    "the first step is Euler's",
    lambda f, z, n: _steps(f, z, n, lambda v, b: 1.5 * v - 0.5 * (0 * v if b is None else b)),
)
sampler.mistake("changes z in place", lambda f, z, n: z.add_(f(z, torch.zeros(len(z)))))
sampler.mistake(
    "no fresh noise",
    lambda f, z, n: _steps(f, z, n, lambda v, b: v if b is None else 1.5 * v - 0.5 * b + torch.randn_like(v)),
)
