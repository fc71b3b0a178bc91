"""Exercises of lesson 06: directions, a logistic probe, switched units, inversion, an attribute of one's own."""

import inspect
import math

import torch
from torch import nn

from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.inputs import normal
from imagegen_lessons.synthetic import faces

_SLANTED = torch.tensor([0.6, 0.0, -0.8])  # length 1


@exercise(
    cases=(
        (normal(5, 3, seed=1), _SLANTED, 2.0),
        (normal(1, 3, seed=2), _SLANTED, -0.5),
        (normal(3, 3, seed=12), _SLANTED, 0.0),
        (20 * normal(4, 6, seed=13), nn.functional.normalize(normal(6, seed=14), dim=0), 30.0),
    ),
    hints=(
        "How far along is each latent now? `z @ direction`, since the direction has length 1.",
        "Each latent must move along the direction by what it lacks: value minus where it is.",
        "(value - z @ direction)[:, None] * direction is the move, (n, latent).",
    ),
)
def set_along(z, direction, value):
    """Latents (n, latent) moved along `direction` (latent,), of length 1, until they stand at `value` there."""
    return z + (value - z @ direction)[:, None] * direction


@set_along.mistake("This adds to where each latent stands; all of them should end at the same value.")
def adds_instead(z, direction, value):
    return z + value * direction


@set_along.mistake("Here everything but the direction is gone: keep the rest of each latent.")
def only_the_direction(z, direction, value):
    return value * direction.expand_as(z)


@set_along.mistake("The latents go the wrong way: by value minus where they are, not the reverse.")
def the_wrong_way(z, direction, value):
    return z + (z @ direction - value)[:, None] * direction


set_along.mistake(
    "This takes away what each latent has along the direction, and does not put `value` there.",
    lambda z, direction, value: z - (z @ direction)[:, None] * direction,
)
set_along.mistake(
    "Every number of the latent becomes `value`; only how far it stands along the direction may change.",
    lambda z, direction, value: torch.full_like(z, value),
)
set_along.mistake(
    "All latents are moved by the same amount, the mean of what they lack; each lacks an amount of its own.",
    lambda z, direction, value: z + (value - (z @ direction).mean()) * direction,
)
set_along.mistake(
    "z @ direction has the shape (n,); give it a second dimension, [:, None], so that each row gets its own.",
    lambda z, direction, value: z + (value - z @ direction) * direction[:, None],
)
set_along.mistake(
    "Numbers (n,) and a direction (latent,) do not fit: write (value - z @ direction)[:, None] * direction.",
    lambda z, direction, value: z + (value - z @ direction) * direction,
)
set_along.mistake(
    "All latents are moved by what the first one lacks; each lacks an amount of its own.",
    lambda z, direction, value: z + (value - z[0] @ direction) * direction,
)
set_along.mistake(
    "The missing amount is added to all numbers of the latent; multiply it by the direction.",
    lambda z, direction, value: z + (value - z @ direction)[:, None],
)
set_along.mistake("This is only the move; add it to z.", lambda z, d, v: set_along.answer(z, d, v) - z)
set_along.mistake(
    "value is multiplied by where the latent stands; it should end at value itself.",
    lambda z, direction, value: z + (value - 1) * (z @ direction)[:, None] * direction,
)


_HAS = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0])


@exercise(
    cases=(
        (normal(4, seed=3), normal(6, 4, seed=4), _HAS, 0.5),
        (torch.zeros(4), normal(6, 4, seed=5), _HAS, 1.0),
        (normal(3, seed=15), 3 * normal(5, 3, seed=16), _HAS[1:], 0.1),
    ),
    hints=(
        "The probability is torch.sigmoid(z @ w), one for each of the n latents.",
        "Autograd finds the gradient of F.binary_cross_entropy_with_logits(z @ w, has); by hand it is shorter.",
        "By hand: the gradient is the mean over the latents of (probability - has) times z.",
    ),
)
def logistic_step(w, z, has, lr):
    """One step of gradient descent on the mean cross-entropy of sigmoid(z @ w) against `has`: the new w (latent,)."""
    error = torch.sigmoid(z @ w) - has  # (n,)
    return w - lr * (error[:, None] * z).mean(dim=0)


@logistic_step.mistake(
    "You walk uphill: subtract the gradient, and let the error be probability minus truth."
)
def uphill(w, z, has, lr):
    return w + lr * ((torch.sigmoid(z @ w) - has)[:, None] * z).mean(dim=0)


@logistic_step.mistake("The sigmoid is missing: this is a step of least squares.")
def without_sigmoid(w, z, has, lr):
    return w - lr * ((z @ w - has)[:, None] * z).mean(dim=0)


@logistic_step.mistake("The loss is a mean over the latents, so its gradient is a mean, not a sum.")
def sums(w, z, has, lr):
    return w - lr * (torch.sigmoid(z @ w) - has) @ z


@logistic_step.mistake("The sigmoid is in it twice: binary_cross_entropy_with_logits takes the scores z @ w.")
def sigmoid_twice(w, z, has, lr):
    p = torch.sigmoid(z @ w)
    return w - lr * (((torch.sigmoid(p) - has) * p * (1 - p))[:, None] * z).mean(dim=0)


@logistic_step.mistake("This is only the move; return the weights after it.")
def only_the_move(w, z, has, lr):
    return logistic_step.answer(w, z, has, lr) - w


@logistic_step.mistake("The learning rate is missing: the gradient counts `lr` times.")
def without_lr(w, z, has, lr):
    return logistic_step.answer(w, z, has, 1.0)


logistic_step.mistake(
    "The step of each latent is missing its z: a weight moves as much as its input is large.",
    lambda w, z, has, lr: w - lr * (torch.sigmoid(z @ w) - has).mean(),
)
logistic_step.mistake(
    "Error and latent belong together: multiply first, then take the mean.",
    lambda w, z, has, lr: w - lr * (torch.sigmoid(z @ w) - has).mean() * z.mean(dim=0),
)
logistic_step.mistake(
    "This is the step of the squared error of the probability: cross-entropy has no p (1 − p) in its gradient.",
    lambda w, z, has, lr: (
        w - lr * (2 * (p := torch.sigmoid(z @ w)).sub(has).mul(p * (1 - p))[:, None] * z).mean(dim=0)
    ),
)
logistic_step.mistake(
    "The mean is over the weights; it goes over the latents: dim=0.",
    lambda w, z, has, lr: w - lr * ((torch.sigmoid(z @ w) - has)[:, None] * z).mean(),
)


def _verify_units_hook(attempt):
    _verify_one_hook(attempt, [1, 2], 0.5)
    _verify_one_hook(attempt, [5, 0, 3], -2.0)


def _verify_one_hook(attempt, units, factor):
    hook = attempt(units, factor)
    if not callable(hook):
        raise Wrong("units_hook(units, factor) should return a function: define one inside, and return it.")
    try:
        inspect.signature(hook).bind(None, None, None)
    except TypeError:
        raise Wrong("A hook is called with three things: def hook(layer, inputs, maps).") from None
    layer = nn.Conv2d(2, 2 * len(units), kernel_size=3)  # 4 units, then 6
    others = [unit for unit in range(2 * len(units)) if unit not in units]
    x = normal(3, 2, 5, 7, seed=6)
    plain = layer(x).detach()
    expected = plain.clone()
    expected[:, units] *= factor
    handle = layer.register_forward_hook(hook)
    try:
        got = layer(x)
    finally:
        handle.remove()
    maps = plain.clone()
    hook(layer, (x,), maps)
    if not torch.equal(maps, plain):
        raise Wrong("The hook changes the maps in place; work on maps.clone() and return that.")
    if not isinstance(got, torch.Tensor):
        raise Wrong(f"The hook returns a {type(got).__name__}; return the maps themselves, one tensor.")
    if torch.equal(got, plain):
        raise Wrong("Nothing has changed. A hook replaces the output of its layer by what it *returns*.")
    if got.shape != plain.shape:
        raise Wrong(f"All maps must go on, changed or not: {tuple(plain.shape)}, not {tuple(got.shape)}.")
    if not torch.allclose(got[:, others], plain[:, others]):
        raise Wrong("Units that were not named have changed, too: choose them in the second dimension.")
    if not torch.allclose(got, expected, atol=1e-6):
        k, unit = (~torch.isclose(got, expected, atol=1e-6)).any(dim=(2, 3)).nonzero()[0].tolist()
        told = f"The units {units} should be {factor} (`factor`) times what they were"
        raise Wrong(f"{told}; unit {unit} of picture {k} is not.")
    if not got.requires_grad:
        raise Wrong(
            "The numbers are right, but no gradient passes through the hook: leave out detach, .data and no_grad."
        )


@exercise(
    verify=_verify_units_hook,
    hints=(
        "A function may define another one and return it: def hook(layer, inputs, maps): ...",
        "The maps are (n, units, height, width), so the units are maps[:, units].",
        "Inside: maps = maps.clone(); maps[:, units] = factor * maps[:, units]; return maps",
    ),
)
def units_hook(units, factor):
    """A forward hook that multiplies the maps of these units by `factor`, and leaves the others alone."""

    def hook(layer, inputs, maps):
        maps = maps.clone()
        maps[:, units] = factor * maps[:, units]
        return maps

    return hook


@units_hook.mistake("in place")
def in_place(units, factor):
    def hook(layer, inputs, maps):
        maps.data[:, units] *= factor
        return maps

    return hook


@units_hook.mistake("what it *returns*")
def returns_nothing(units, factor):
    def hook(layer, inputs, maps):
        maps = maps.clone()
        maps[:, units] = factor * maps[:, units]

    return hook


@units_hook.mistake("choose them in the second dimension")
def the_wrong_dimension(units, factor):
    def hook(layer, inputs, maps):
        maps = maps.clone()
        maps[units] = factor * maps[units]
        return maps

    return hook


@units_hook.mistake("All maps must go on")
def the_units_alone(units, factor):
    return lambda layer, inputs, maps: factor * maps[:, units]


@units_hook.mistake("define one inside, and return it")
def no_function(units, factor):
    return factor


@units_hook.mistake("should be 0.5 (`factor`) times what they were")
def switched_off(units, factor):
    def hook(layer, inputs, maps):
        maps = maps.clone()
        maps[:, units] = 0
        return maps

    return hook


@units_hook.mistake("The units [5, 0, 3] should be -2.0")
def always_half(units, factor):
    return units_hook.answer(units, 0.5)


@units_hook.mistake("return the maps themselves, one tensor")
def in_a_tuple(units, factor):
    return lambda layer, inputs, maps: (units_hook.answer(units, factor)(layer, inputs, maps),)


@units_hook.mistake("A hook is called with three things")
def two_arguments(units, factor):
    return lambda inputs, maps: maps


@units_hook.mistake("no gradient passes through the hook")
def detached(units, factor):
    def hook(layer, inputs, maps):
        maps = maps.detach().clone()
        maps[:, units] = factor * maps[:, units]
        return maps

    return hook


class _SmallG(nn.Module):
    """Stands for a trained generator: latents (n, latent) to images (n, channels, height, width)."""

    def __init__(self, latent, *shape):
        super().__init__()
        self.linear, self.shape = nn.Linear(latent, math.prod(shape)), shape
        with torch.no_grad():
            self.linear.weight.copy_(normal(math.prod(shape), latent, seed=7))
            self.linear.bias.copy_(normal(math.prod(shape), seed=8))
        self.requires_grad_(False)

    def forward(self, z):
        return torch.sigmoid(self.linear(z)).reshape(-1, *self.shape)


_TARGETS = torch.sigmoid(normal(2, 1, 2, 2, seed=9))


@exercise(
    cases=(
        (_SmallG(3, 1, 2, 2), normal(2, 3, seed=10), _TARGETS, 0.5),
        (_SmallG(3, 1, 2, 2), normal(1, 3, seed=11), _TARGETS[:1], 2.0),
        (_SmallG(4, 3, 2, 5), normal(3, 4, seed=17), torch.sigmoid(normal(3, 3, 2, 5, seed=18)), 9.0),
    ),
    hints=(
        "Start with z = z.clone().requires_grad_(), then the loss, then torch.autograd.grad(loss, z).",
        "Each face has a loss of its own, the mean over its pixels: (G(z) - target).square().flatten(1).mean(1).",
        "Add the losses of the faces up before autograd; return (z - lr * gradient).detach().",
    ),
)
def inversion_step(G, z, target, lr):
    """Latents (n, latent) after one step downhill, each on the mean squared error of its own picture."""
    z = z.clone().requires_grad_()
    loss = (G(z) - target).square().flatten(1).mean(dim=1).sum()
    (gradient,) = torch.autograd.grad(loss, z)
    return (z - lr * gradient).detach()


@inversion_step.mistake(
    "The mean over the batch makes each face's step smaller, the more faces there are; sum over the faces."
)
def mean_of_all(G, z, target, lr):
    z = z.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((G(z) - target).square().mean(), z)
    return (z - lr * gradient).detach()


@inversion_step.mistake("The sum over the pixels makes larger pictures take larger steps; take their mean.")
def sum_of_pixels(G, z, target, lr):
    z = z.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((G(z) - target).square().sum(), z)
    return (z - lr * gradient).detach()


def _descend(loss, sign=-1.0):
    """A step of inversion with another loss(pictures, target), or another sign."""

    def step(G, z, target, lr):
        z = z.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(G(z), target), z)
        return (z + sign * lr * gradient).detach()

    return step


def _each(x, target):
    return (x - target).square().flatten(1).mean(dim=1)


inversion_step.mistake(
    "You walk uphill: subtract the gradient.", _descend(lambda x, t: _each(x, t).sum(), sign=1.0)
)
inversion_step.mistake(
    "These are absolute differences; the error is the mean squared difference.",
    _descend(lambda x, t: (x - t).abs().flatten(1).mean(dim=1).sum()),
)
inversion_step.mistake(
    "The root changes the length of the step; take the mean squared difference itself.",
    _descend(lambda x, t: _each(x, t).sqrt().sum()),
)
inversion_step.mistake(
    "This is half of the gradient: the error has no ½.", _descend(lambda x, t: _each(x, t).sum() / 2)
)
inversion_step.mistake(
    "This is the gradient alone; the step starts at z.",
    lambda G, z, target, lr: z - inversion_step.answer(G, z, target, 1.0),
)
inversion_step.mistake(
    "Only the first face moves; add the losses of all faces up.", _descend(lambda x, t: _each(x, t)[0])
)
inversion_step.mistake(
    "The colours of a pixel are added up; the mean goes over the channels as well.",
    _descend(lambda x, t: (x - t).square().mean(dim=(2, 3)).sum()),
)
inversion_step.mistake(
    "The step is a whole gradient long: multiply it by lr.",
    lambda G, z, target, lr: inversion_step.answer(G, z, target, 1.0),
)


def _verify_attribute(attempt):
    x = faces.render(faces.passports(64, seed=12))
    before = x.clone()
    values = attempt(x)
    if not torch.equal(x, before):
        raise Wrong("It changes the pictures in place; compute a new tensor instead.")
    if not isinstance(values, torch.Tensor):
        raise Wrong(f"my_attribute returns {type(values).__name__}; it should return a tensor, (n,).")
    if values.shape != (64,):
        raise Wrong(f"For 64 faces it gives the shape {tuple(values.shape)}; one number each is (64,).")
    if not values.is_floating_point():
        raise Wrong(f"The numbers are {values.dtype}; a direction needs floats: end with .float().")
    if not values.isfinite().all():
        raise Wrong("The numbers should be finite: a direction is computed from them.")
    if values.std() < 1e-4 * values.abs().mean().clamp(
        min=1
    ):  # a large constant has noise in its last digits
        raise Wrong("It gives all faces the same number; measure something in which they differ.")
    few = attempt(x[5:13])
    if few.shape != (8,):
        raise Wrong(f"For 8 faces it gives the shape {tuple(few.shape)}: take len(x), and no fixed number.")
    if not torch.allclose(few, values[5:13], atol=1e-4):
        raise Wrong(
            "A face's number depends on the other faces, or on chance; each should be measured by itself, and "
            "twice the same."
        )
    same = torch.stack([x.mean(dim=(1, 2, 3)), *x.mean(dim=(2, 3)).unbind(dim=1)])
    alike = torch.corrcoef(torch.cat([values[None], same]))[0, 1:].abs().max()
    return (
        f"(It is {alike:.0%} correlated with the plain brightness of the picture or of one of its colours.)"
    )


@exercise(
    verify=_verify_attribute,
    hints=(
        "Pixels are a start: x[:, 0, :4] is the red of the top four rows, mostly background.",
        "Take the mean over everything but the faces: .mean(dim=(1, 2)) of something (n, rows, columns).",
        "x[:, 0, :4].mean(dim=(1, 2)) - x[:, 2, :4].mean(dim=(1, 2)) says whether the background is warm.",
    ),
)
def my_attribute(x):
    """A number for each face (n, 3, 32, 32), here how warm the background is: (n,)."""
    top = x[:, :, :4].mean(dim=(2, 3))  # (n, 3)
    return top[:, 0] - top[:, 2]


@my_attribute.mistake("one number each is (64,)")
def one_for_each_colour(x):
    return x.mean(dim=(2, 3))


@my_attribute.mistake(".float()")
def yes_or_no(x):
    return x[:, 0].mean(dim=(1, 2)) > 0.5


@my_attribute.mistake("the same number")
def always_the_same(x):
    return torch.full((len(x),), 1e30)


my_attribute.mistake("changes the pictures in place", lambda x: x.mul_(255).mean(dim=(1, 2, 3)))
my_attribute.mistake("no fixed number", lambda x: x.reshape(64, -1).mean(dim=1))
my_attribute.mistake("or on chance", lambda x: torch.rand(len(x)))
my_attribute.mistake("should be finite", lambda x: (x - 2).mean(dim=(1, 2, 3)).log())
my_attribute.mistake("it should return a tensor", lambda x: x.mean(dim=(1, 2, 3)).tolist())
