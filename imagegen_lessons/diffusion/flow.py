"""Flow matching: straight paths from noise z at time t = 0 to data x at t = 1, and the loss that learns their velocity.

Everywhere here `velocity` is a network, or a function, called as velocity(x_t, t, *conditions): x_t of shape (n, ...),
t of shape (n,) with times in [0, 1]; it gives the shape of x_t. Lipman et al. 2022; Liu et al. 2022.
"""

import torch
import torch.nn.functional as F

from imagegen_lessons import settings


def check_time(t, n=None):
    """Raises a ValueError in one sentence unless `t` is a tensor of times in [0, 1], (n,) where n is given."""
    if not isinstance(t, torch.Tensor) or not t.is_floating_point() or t.dim() != 1:
        kind = f"{t.dtype} {tuple(t.shape)}" if isinstance(t, torch.Tensor) else repr(t)
        raise ValueError(f"Times are a tensor of floats, one for each sample, not {kind}.")
    if n is not None and len(t) != n:
        raise ValueError(f"There are {len(t)} times for {n} samples; each needs its own.")
    # A GPU is slow to answer: there training is not held up.
    asked = t.device.type == "cpu" or not torch.is_grad_enabled()
    if asked and not ((t >= 0) & (t <= 1)).all():
        wrong = t[~((t >= 0) & (t <= 1))][0].item()
        raise ValueError(f"Times run from 0 (noise) to 1 (picture), and {wrong:.3g} is outside.")


def over(t, x):
    """Times (n,) in a shape that multiplies samples x (n, ...): (n, 1, ..., 1)."""
    return t.view(-1, *[1] * (x.dim() - 1))


def interpolate(x, z, t):
    """The point x_t = t x + (1 - t) z on the straight path from noise to data, (n, ...), for times t (n,)."""
    check_time(t, len(x))
    return torch.lerp(z, x, over(t, x))


def logit_normal(n, device=None):
    """Random times (n,) in (0, 1), the middle more often than the ends: sigmoid of a normal (Esser et al. 2024)."""
    return torch.sigmoid(torch.randn(settings.whole(n, "The number of times"), device=device))


def flow_matching_loss(velocity, x, z, t, *conditions):
    """Mean squared error of the velocity on the paths from noise z to data x, both (n, ...), at times t (n,). A scalar.

    Its minimum over all functions is the mean velocity x - z of all paths that pass through a point at that time.
    """
    x_t = interpolate(x, z, t)
    return (velocity(x_t, t, *conditions) - (x - z)).square().mean()


def categorical_loss(network, x, z, t, *conditions):
    """Mean cross-entropy of the predicted categories on the paths from noise z to one-hot maps x, both (n, k, ...).

    network: has `logits(x_t, t, *conditions)`, (n, k, ...), as a CategoricalUNet has. Its minimum gives the mean of all
    x that pass through a point at that time, as that of `flow_matching_loss` does, but a category that is ruled out
    although it is right costs far more here (Eijkelboom et al. 2024). Raises ValueError for maps that are not one-hot.
    """
    # A GPU is slow to answer: there training is not held up.
    if x.dim() < 2 or (
        x.device.type == "cpu" and not (((x == 0) | (x == 1)).all() and (x.sum(1) == 1).all())
    ):
        raise ValueError(
            "One-hot maps are (n, categories, ...): 1 for the category of a place, 0 for the others."
        )
    return F.cross_entropy(network.logits(interpolate(x, z, t), t, *conditions), x)


def predictions(v, x_t, t):
    """What a velocity v at x_t (n, ...) says of both ends of its path: (data x, noise z).

    With t, v and x_t known, each of velocity, data and noise follows from any of them.
    """
    check_time(t, len(x_t))
    t = over(t, x_t)
    return x_t + (1 - t) * v, x_t - t * v


def velocity_from_noise(noise, x_t, t):
    """The velocity that belongs to a predicted noise (n, ...), for times t (n,) in (0, 1]: (x_t - noise) / t.

    Raises ValueError for t = 0, where x_t is the noise and says nothing of the velocity.
    """
    check_time(t, len(x_t))
    if (t == 0).any():
        raise ValueError("At time 0 the noise is known and the velocity does not follow from it.")
    return (x_t - noise) / over(t, x_t)
