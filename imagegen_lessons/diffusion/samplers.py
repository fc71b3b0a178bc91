"""From noise to data in small steps along a velocity: Euler, Heun, guidance, inpainting, variations."""

import torch

from imagegen_lessons import settings
from imagegen_lessons.diffusion.flow import interpolate

MAX_SCALE = 100.0  # of guidance; far below it pictures are ruined already


def euler_step(velocity, x, t, dt):
    """One step along the velocity at x (n, ...): x + dt · velocity(x, t), for times t (n,)."""
    return x + dt * velocity(x, t)


def heun_step(velocity, x, t, dt):
    """One step along the mean of the velocities at both of its ends (Heun's method): two evaluations, (n, ...)."""
    here = velocity(x, t)
    there = velocity(x + dt * here, t + dt)
    return x + dt * (here + there) / 2


@torch.no_grad()
def trajectory(velocity, z, steps, *, step=euler_step, start=0.0):
    """All points on the way from z (n, ...) at time `start` to time 1, in equal steps: a list of steps + 1 tensors.

    step: `euler_step`, `heun_step`, or one like them; the last step is Euler's, because at time 1 a velocity that leads
    to a predicted picture is 0 / 0 (Karras et al. 2022). Raises ValueError unless steps >= 1 and 0 <= start < 1.
    """
    steps = settings.whole(steps, "The number of steps")
    start = settings.number(start, "The time to start at", low=0, below=1)
    times = torch.linspace(start, 1, steps + 1, dtype=torch.float64).tolist()
    points = [z]
    for now, then in zip(times, times[1:], strict=False):
        t = torch.full((len(z),), now, device=z.device)
        points.append((step if then < 1 else euler_step)(velocity, points[-1], t, then - now))
    return points


def sample(velocity, z, steps=20, *, step=euler_step, start=0.0):
    """Data (n, ...) from noise z (n, ...): the end of `trajectory`. Errors as there."""
    return trajectory(velocity, z, steps, step=step, start=start)[-1]


def guidance(free, conditional, scale):
    """From the velocity without labels towards the one with labels, both (n, ...), and beyond it for scale > 1."""
    return free + scale * (conditional - free)


def guided(velocity, y, scale=1.0, negative=None):
    """A velocity that obeys labels or tokens y (n, k) more strictly: classifier-free guidance (Ho and Salimans 2022).

    The velocity without them has -1 everywhere, or `negative` in its place, (n, k) or (1, k): a negative prompt, which
    says what to move away from. scale 0: only this one; 1: the conditional velocity.
    Raises ValueError unless 0 <= scale < 100, and for a `negative` of another shape.
    """
    scale = settings.number(scale, "The scale of guidance", low=0, below=MAX_SCALE)
    free_of = torch.full_like(y, -1) if negative is None else _negative_for(y, negative)

    def guided_velocity(x, t):
        both = velocity(torch.cat([x, x]), torch.cat([t, t]), torch.cat([free_of, y]))
        free, conditional = both.chunk(2)
        return guidance(free, conditional, scale)

    return guided_velocity


def _negative_for(y, negative):
    shape = tuple(getattr(negative, "shape", ()))
    if shape[1:] != y.shape[1:] or shape[:1] not in ((1,), y.shape[:1]) or negative.dtype != y.dtype:
        raise ValueError(
            f"A negative prompt has the shape of what is asked for, {tuple(y.shape)}, or one row, and its dtype."
        )
    return negative.to(y.device).expand_as(y)


@torch.no_grad()
def inpaint(velocity, x, mask, steps=20, *, repeats=3, rng=None):
    """Fills the hidden part of data x (n, ...); what `mask` marks as visible is in the end exactly as it was.

    mask: 1 (True) where x is visible, of a shape that broadcasts to that of x. After each step the visible part is put
    onto its own path again; each step is taken `repeats` times, with new noise in between, so that hidden and
    visible parts come to agree (Lugmayr et al. 2022). Raises ValueError for a mask that does not fit or is not 0 and 1.
    """
    mask, repeats = _mask_for(x, mask), settings.whole(repeats, "The number of repeats")
    steps = settings.whole(steps, "The number of steps")

    def noise():
        return torch.randn(x.shape, generator=rng).to(x)

    z = current = noise()
    for k in range(steps):
        t = torch.full((len(x),), k / steps, device=x.device)
        for again in range(repeats):
            current = torch.where(mask, interpolate(x, z, t), current)
            end = current + (1 - k / steps) * velocity(current, t)  # the prediction of x
            if again < repeats - 1:
                z = noise()
                current = interpolate(end, z, t)
        current = current + (end - current) / (steps - k)
    return torch.where(mask, x, current)


def _mask_for(x, mask):
    if not isinstance(mask, torch.Tensor):
        raise ValueError(f"A mask is a tensor, not a {type(mask).__name__}.")
    try:
        fits = torch.broadcast_shapes(mask.shape, x.shape) == x.shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(f"A mask of shape {tuple(mask.shape)} does not fit pictures {tuple(x.shape)}.")
    if not ((mask == 0) | (mask == 1)).all():
        raise ValueError(
            "A mask holds 1 where the picture is visible and 0 where it is hidden, nothing else."
        )
    return mask.bool().to(x.device)


@torch.no_grad()
def vary(velocity, x, strength, steps=20, *, rng=None):
    """Other data near x (n, ...): mixed with noise back to time 1 - strength, then led to time 1 again.

    strength: 0 < strength <= 1; 1 begins with pure noise (SDEdit: Meng et al. 2022). Raises ValueError otherwise.
    """
    if not 0 < settings.number(strength, "The strength") <= 1:
        raise ValueError(f"The strength is a number above 0 and at most 1, not {strength!r}.")
    t = torch.full((len(x),), 1.0 - strength, device=x.device)
    z = torch.randn(x.shape, generator=rng).to(x)
    return sample(velocity, interpolate(x, z, t), steps, start=1.0 - strength)


def ddim_step(noise, x, now, then):
    """One step of DDIM (Song et al. 2020) in DDPM's variables, with a predicted noise at x (n, ...).

    now, then: each a pair (√ᾱ, √(1 - ᾱ)) of numbers, before and after the step.
    """
    (signal, sigma), (signal_then, sigma_then) = now, then
    predicted = (x - sigma * noise) / signal
    return signal_then * predicted + sigma_then * noise
