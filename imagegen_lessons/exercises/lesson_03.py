"""Exercises of lesson 03: relativistic losses, the R1 penalty, EMA, slerp, a generator of one's own."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import gans
from imagegen_lessons.exercises.checker import Wrong, exercise, explain, guarded
from imagegen_lessons.exercises.inputs import normal
from imagegen_lessons.exercises.lesson_01 import check_layers, made
from imagegen_lessons.synthetic import faces


@exercise(
    cases=(
        ((2 * normal(6, 1, seed=1)).requires_grad_(), (2 * normal(6, 1, seed=2)).requires_grad_()),
        (torch.tensor([[30.0], [1.0]]), torch.tensor([[-200.0], [3.0]])),
    ),
    hints=(
        "softplus(s) is small where s is very negative. D is content when real_score - fake_score is large.",
        "D's loss is the mean of softplus(fake_score - real_score). And G's?",
    ),
)
def pairing_losses(real_score, fake_score):
    """D's loss and G's loss for scores (n, 1) of real images and of fakes: two scalars."""
    return F.softplus(fake_score - real_score).mean(), F.softplus(real_score - fake_score).mean()


@pairing_losses.mistake("The two are exchanged: D's loss comes first, and it falls when real scores rise.")
def swapped(real_score, fake_score):
    return pairing_losses.answer(fake_score, real_score)


@pairing_losses.mistake(
    "This is the non-saturating loss, which takes each score alone; here pairs are compared."
)
def unpaired(real_score, fake_score):
    return gans.d_loss_logistic(real_score, fake_score), gans.g_loss_non_saturating(real_score, fake_score)


@pairing_losses.mistake("G's loss is not minus D's: that one goes flat when D wins (lesson 02).")
def negated(real_score, fake_score):
    loss = F.softplus(fake_score - real_score).mean()
    return loss, -loss


pairing_losses.mistake(
    "In D's loss the fake scores are detached; D makes both scores, and learns from both.",
    lambda r, f: (F.softplus(f.detach() - r).mean(), F.softplus(r - f).mean()),
)
pairing_losses.mistake(
    "In G's loss the real scores are detached. The loss takes both scores as they come; who learns from it is "
    "decided by the optimizer, not here.",
    lambda r, f: (F.softplus(f - r).mean(), F.softplus(r.detach() - f).mean()),
)
pairing_losses.mistake(
    "One side of each loss is detached: in both, the gradient must reach the real and the fake scores.",
    lambda r, f: (F.softplus(f.detach() - r).mean(), F.softplus(r.detach() - f).mean()),
)
pairing_losses.mistake(
    "A loss is one number: take the mean over the pairs.", lambda r, f: (F.softplus(f - r), F.softplus(r - f))
)
pairing_losses.mistake(
    "These are sums over the pairs; take the means, or the loss grows with the batch.",
    lambda r, f: (F.softplus(f - r).sum(), F.softplus(r - f).sum()),
)
pairing_losses.mistake(
    "The means are taken before softplus; then one very good pair hides many bad ones. First softplus, then the "
    "mean.",
    lambda r, f: (F.softplus((f - r).mean()), F.softplus((r - f).mean())),
)
pairing_losses.mistake(
    "The relu is only the rough form of softplus: it gives no gradient to pairs in the right order.",
    lambda r, f: (F.relu(f - r).mean(), F.relu(r - f).mean()),
)
pairing_losses.mistake(
    "log(1 + exp(s)) overflows for large s; F.softplus computes the same safely.",
    lambda r, f: (torch.log(1 + torch.exp(f - r)).mean(), torch.log(1 + torch.exp(r - f)).mean()),
)
pairing_losses.mistake(
    "This compares every real score with every fake one: scores of shape (n,) and (n, 1) spread to (n, n). Keep "
    "pairs.",
    lambda r, f: (F.softplus(f.T - r).mean(), F.softplus(r.T - f).mean()),
)
pairing_losses.mistake("This is D's loss alone; return the pair.", lambda r, f: F.softplus(f - r).mean())
pairing_losses.mistake(
    "Each score is compared with the mean of the other scores, as in the relativistic *average* GAN. Here every real "
    "score meets the one fake score beside it: fake_score - real_score, then softplus, then the mean.",
    lambda r, f: (F.softplus(f.mean() - r).mean(), F.softplus(r.mean() - f).mean()),
)
pairing_losses.mistake(
    "The other score of each pair is replaced by its mean (relativistic *average*). Subtract the scores themselves, "
    "pair by pair: fake_score - real_score.",
    lambda r, f: (F.softplus(f - r.mean()).mean(), F.softplus(r - f.mean()).mean()),
)


def _average_gan(r, f):
    """The losses of the relativistic average GAN, which compares with means on both sides."""
    d = F.softplus(f.mean() - r).mean() + F.softplus(f - r.mean()).mean()
    return d, F.softplus(r.mean() - f).mean() + F.softplus(r - f.mean()).mean()


pairing_losses.mistake(
    "This is the relativistic *average* GAN, with both of its terms. Pairs need one term: the mean of "
    "softplus(fake_score - real_score), and the reverse for G.",
    _average_gan,
)
pairing_losses.mistake(
    "This is half the sum of the two terms of the relativistic *average* GAN. Pairs need one term and no means of "
    "scores: the mean of softplus(fake_score - real_score), and the reverse for G.",
    lambda r, f: tuple(loss / 2 for loss in _average_gan(r, f)),
)
pairing_losses.mistake(
    "This is the hinge loss, relu(1 - difference). Asked is its smooth relative: F.softplus of the difference.",
    lambda r, f: (F.relu(1 - (r - f)).mean(), F.relu(1 - (f - r)).mean()),
)
pairing_losses.mistake(
    "This is the hinge loss of each score alone. Take F.softplus of the difference of a pair.",
    lambda r, f: (F.relu(1 - r).mean() + F.relu(1 + f).mean(), -f.mean()),
)
pairing_losses.mistake(
    "This is the Wasserstein loss, the plain difference. F.softplus around it keeps pairs that are in order from "
    "counting without end.",
    lambda r, f: ((f - r).mean(), (r - f).mean()),
)
pairing_losses.mistake(
    "This is the least-squares loss. Take F.softplus of the difference of a pair.",
    lambda r, f: ((r - f - 1).square().mean(), (f - r - 1).square().mean()),
)
pairing_losses.mistake(
    "Both losses have the wrong sign. (F.logsigmoid(s) is -softplus(-s), so a minus belongs before it.)",
    lambda r, f: (F.logsigmoid(r - f).mean(), F.logsigmoid(f - r).mean()),
)
pairing_losses.mistake(
    "Both losses are D's. G wants the reverse: softplus(real_score - fake_score).",
    lambda r, f: (F.softplus(f - r).mean(), F.softplus(f - r).mean()),
)
pairing_losses.mistake(
    "The sign of the difference is lost: abs makes a pair in the wrong order look like one in the right order.",
    lambda r, f: (F.softplus(-(r - f).abs()).mean(), F.softplus(-(f - r).abs()).mean()),
)
pairing_losses.mistake(
    "Sorting tears the pairs apart: each real score stays with the fake score of its own row.",
    lambda r, f: (
        F.softplus(f.sort(dim=0).values - r.sort(dim=0).values).mean(),
        F.softplus(r.sort(dim=0).values - f.sort(dim=0).values).mean(),
    ),
)
pairing_losses.mistake(
    "This is the median; one bad pair must count as well, so take the mean.",
    lambda r, f: (F.softplus(f - r).median(), F.softplus(r - f).median()),
)
pairing_losses.mistake(
    "Only the first pair counts here; take the mean over all of them.",
    lambda r, f: (F.softplus(f - r)[0].mean(), F.softplus(r - f)[0].mean()),
)
pairing_losses.mistake(
    "sigmoid goes flat where D is sure, and little is learned there; F.softplus does not.",
    lambda r, f: (torch.sigmoid(f - r).mean(), torch.sigmoid(r - f).mean()),
)


def _penalty_on(function, shape: tuple, seed: int):
    """The function's penalty for random images, and its gradient for the weight of a D that scores them (n, 1)."""
    x, weight = normal(*shape, seed=seed).requires_grad_(), torch.tensor(0.7, requires_grad=True)
    scores = (weight * x).square().flatten(1).sum(1, keepdim=True) + (weight * x.flatten(1)[:, :1]).sin()
    try:
        penalty = guarded(function, scores, x)
    except Wrong as error:
        advice = "Differentiate by x as it came: no x[i], x.detach() or x.clone() had a part in the scores"
        raise Wrong(
            str(error).replace("Set allow_unused=True if this is the desired behavior", advice)
        ) from None
    if not isinstance(penalty, torch.Tensor) or not penalty.requires_grad or penalty.dim():
        return penalty, None
    return penalty, torch.autograd.grad(penalty, weight, allow_unused=True)[0]


def _verify_penalty(attempt):
    cases = ((4, 3, 5, 5), 3), ((2, 1, 2, 3), 4), ((3, 2, 4, 4), 5)
    right, got = ([_penalty_on(function, *case) for case in cases] for function in (gans.r1_penalty, attempt))
    for (value, slope), (mine, my_slope) in zip(right, got, strict=True):
        problem = explain(value, mine)
        if not problem and explain(slope, my_slope if my_slope is not None else 0 * slope):
            problem = "the value is right, but D learns something wrong from it: is a part of the gradient detached?"
        if problem:
            tried = (
                (advice, [_penalty_on(wrong, *case) for case in cases])
                for wrong, advice in r1_penalty.wrong.items()
            )
            advice = [text for text, values in tried if not any(map(_differ, values, got))]
            raise Wrong(" ".join([problem, *advice[:1]]))


def _differ(one, other) -> bool:
    return bool(explain(one[0], other[0]) or explain(other[0], one[0]))


r1_penalty = exercise(
    verify=_verify_penalty,
    hints=(
        "torch.autograd.grad(scores.sum(), x, create_graph=True) gives a tuple with the gradient, shaped like x.",
        "gradient.square().flatten(1) is (n, all numbers of an image): sum over them, then the mean over n.",
    ),
)(gans.r1_penalty)


@r1_penalty.mistake(
    "This is the mean over all pixels, too; the squared length is a sum over an image's numbers."
)
def mean_of_all(scores, x):
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gradient.square().mean()


@r1_penalty.mistake("This is the length; the penalty takes its square.")
def lengths(scores, x):
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gradient.flatten(1).norm(dim=1).mean()


@r1_penalty.mistake("Is create_graph=True missing? Without it D cannot learn from the penalty.")
def without_graph(scores, x):
    return gans.r1_penalty(scores, x).detach()


@r1_penalty.mistake("sum(1) adds up the channels only; flatten each image first.")
def channels_only(scores, x):
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gradient.square().sum(dim=1).mean()


@r1_penalty.mistake("The scores are averaged before the gradient, which makes it too short; take their sum.")
def averaged_scores(scores, x):
    return gans.r1_penalty(scores / len(x), x)


def _gradient(scores, x):
    return torch.autograd.grad(scores.sum(), x, create_graph=True)[0]


r1_penalty.mistake(
    "The channels are averaged here: a picture's numbers are in the dimensions 1, 2 and 3, so flatten it first.",
    lambda scores, x: _gradient(scores, x).square().sum(dim=(2, 3)).mean(),
)
r1_penalty.mistake(
    "This is the sum over the pictures; the penalty is their mean, or it grows with the batch.",
    lambda scores, x: _gradient(scores, x).square().sum(),
)
r1_penalty.mistake(
    "There is one penalty for each picture here; take the mean over the pictures.",
    lambda scores, x: _gradient(scores, x).square().flatten(1).sum(1),
)
r1_penalty.mistake(
    "The half of γ / 2 is taken in D's loss already; the penalty itself has no half.",
    lambda scores, x: gans.r1_penalty(scores, x) / 2,
)
r1_penalty.mistake(
    "This pulls the length towards 1, as WGAN-GP does. R1 pulls it towards 0: the squared length itself.",
    lambda scores, x: (_gradient(scores, x).flatten(1).norm(dim=1) - 1).square().mean(),
)
r1_penalty.mistake(
    "These are the absolute values of the gradient added up; the length takes their squares.",
    lambda scores, x: _gradient(scores, x).abs().flatten(1).sum(1).mean(),
)
r1_penalty.mistake(
    "This is the gradient itself, added up; its parts have both signs and cancel. Square them first.",
    lambda scores, x: _gradient(scores, x).flatten(1).sum(1).mean(),
)
r1_penalty.mistake(
    "The gradient is squared after adding up; first the squares, then the sum.",
    lambda scores, x: _gradient(scores, x).flatten(1).sum(1).square().mean(),
)
r1_penalty.mistake(
    "Only the first picture counts here. Keep all of them: .square().flatten(1).sum(1) gives one number for each, "
    "and .mean() comes last.",
    lambda scores, x: _gradient(scores, x)[0].square().sum(),
)
r1_penalty.mistake(
    "This is the root of the sum over all pictures, one long length. The penalty has no root: sum the squares of "
    "each picture, then take the mean.",
    lambda scores, x: _gradient(scores, x).square().sum().sqrt(),
)
r1_penalty.mistake(
    "These are the squared scores. The penalty is about their gradient with respect to x: torch.autograd.grad.",
    lambda scores, x: scores.square().mean(),
)
r1_penalty.mistake(
    "These are the squared scores, added up. The penalty is about their gradient with respect to x: "
    "torch.autograd.grad.",
    lambda scores, x: scores.square().sum(),
)
r1_penalty.mistake(
    "The scores are squared before the gradient is taken; take the gradient of the scores, and square that.",
    lambda scores, x: gans.r1_penalty(scores.square(), x),
)
r1_penalty.mistake(
    "The gradient is averaged over the pictures before it is squared; each picture has a length of its own.",
    lambda scores, x: _gradient(scores, x).mean(dim=0).square().sum(),
)
r1_penalty.mistake(
    "The sum runs over the pictures and the mean over the numbers: the other way round, sum(1), then mean().",
    lambda scores, x: _gradient(scores, x).flatten(1).square().sum(0).mean(),
)
r1_penalty.mistake(
    "The largest number of each gradient is taken; the squared length is the sum of all squares.",
    lambda scores, x: _gradient(scores, x).square().flatten(1).amax(1).mean(),
)
r1_penalty.mistake(
    "One number too many is divided by: the mean over n pictures divides by n.",
    lambda scores, x: _gradient(scores, x).square().sum() / (len(x) - 1),
)
r1_penalty.mistake(
    "The lengths are averaged before they are squared; square each length, then take the mean.",
    lambda scores, x: _gradient(scores, x).flatten(1).norm(dim=1).mean().square(),
)
r1_penalty.mistake(
    "32 is the batch of the lesson; divide by the number of pictures that come, or take the mean over them.",
    lambda scores, x: _gradient(scores, x).square().sum() / 32,
)
r1_penalty.mistake(
    "The weight γ / 2 is taken outside, by the trainer; the penalty itself has no weight.",
    lambda scores, x: 0.3 / 2 * gans.r1_penalty(scores, x),
)


def _verify_average(attempt):
    for decay in (0.75, 0.9):
        _verify_one_average(attempt, decay)


def _verify_one_average(attempt, decay):
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 4))
    average = copy.deepcopy(network).requires_grad_(False)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(torch.rand_like(p) + 0.5)
    before = {name: p.clone() for name, p in average.named_parameters()}
    target = {name: p.detach().clone() for name, p in network.named_parameters()}
    attempt(average, network, decay)
    moved = {}
    for name, p in network.named_parameters():
        if not torch.equal(p, target[name]):
            raise Wrong("The trained network changed; only the average may move.")
    for name, p in average.named_parameters():
        if p.grad_fn is not None or p.requires_grad or p is dict(network.named_parameters())[name]:
            raise Wrong(
                "The average is tied to the network: change its numbers in place, under torch.no_grad()."
            )
        moved[name] = (p - before[name]) / (target[name] - before[name])
    still = [name for name, share in moved.items() if share.abs().max() < 1e-6]
    if len(still) == len(moved):
        raise Wrong(
            "The average did not move. Change its parameters in place: mul_, add_, lerp_ or copy_. `old = …` only "
            "gives a new tensor the old name."
        )
    if still:
        raise Wrong(
            f"{still[0]} did not move, though others did: go through all parameters, and return after the loop."
        )
    for name, share in moved.items():
        if (share - decay).abs().max() < 1e-4:
            raise Wrong("decay is the share that the average keeps; here it is the share that it takes.")
        if (share - 1).abs().max() < 1e-4:
            raise Wrong(
                "The average became a copy of the network; it should keep the share `decay` of itself."
            )
        if share.max() - share.min() > 1e-3:
            raise Wrong(
                f"The numbers of {name} moved by different shares of the way. Both parts count: decay × old + "
                "(1 − decay) × new."
            )
        if (share - (1 - decay)).abs().max() > 1e-4:
            raise Wrong(
                f"With decay {decay} the average should move {1 - decay:.2g} of the way, but {name} moved "
                f"{share.mean():.3g}."
            )


@exercise(
    verify=_verify_average,
    hints=(
        "zip(average.parameters(), network.parameters()) goes through both side by side.",
        "old.mul_(decay).add_((1 - decay) * new), under torch.no_grad(). The underscore means: in place.",
    ),
)
def ema_update(average, network, decay):
    """Moves the parameters of `average` towards those of `network`; returns nothing."""
    with torch.no_grad():
        for old, new in zip(average.parameters(), network.parameters(), strict=True):
            old.mul_(decay).add_((1 - decay) * new)


@ema_update.mistake("decay is the share that the average keeps")
def shares_exchanged(average, network, decay):
    ema_update.answer(average, network, 1 - decay)


@ema_update.mistake("did not move")
def a_new_name(average, network, decay):
    for old, new in zip(average.parameters(), network.parameters(), strict=True):
        old = decay * old + (1 - decay) * new


@ema_update.mistake("The trained network changed")
def wrong_way(average, network, decay):
    ema_update.answer(network, average, decay)


@ema_update.mistake("1.weight did not move, though others did")
def first_layer_only(average, network, decay):
    ema_update.answer(average[0], network[0], decay)


@ema_update.mistake("moved by different shares")
def without_decay(average, network, decay):
    with torch.no_grad():
        for old, new in zip(average.parameters(), network.parameters(), strict=True):
            old.add_((1 - decay) * new)


@ema_update.mistake("became a copy")
def copies(average, network, decay):
    average.load_state_dict(network.state_dict())


@ema_update.mistake("is tied to the network")
def with_gradients(average, network, decay):
    for old, new in zip(average.parameters(), network.parameters(), strict=True):
        old.mul_(decay).add_((1 - decay) * new)


@ema_update.mistake("should move 0.25 of the way")
def twice(average, network, decay):
    ema_update.answer(average, network, decay**2)


@exercise(
    cases=(
        (2 * normal(8, seed=5), 2 * normal(8, seed=6), 0.25),
        (torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 0.5),
        (2 * normal(8, seed=5), 2 * normal(8, seed=6), 1.0),
        (normal(5, seed=7), -normal(5, seed=7) + 0.5 * normal(5, seed=8), 0.7),
    ),
    hints=(
        "The cosine of the angle is (a @ b) / (a.norm() * b.norm()); torch.acos gives θ.",
        "(torch.sin((1 - t) * θ) * a + torch.sin(t * θ) * b) / torch.sin(θ)",
    ),
)
def slerp(a, b, t):
    """The latent at position t (0 to 1) on the arc from a (d,) to b (d,)."""
    theta = torch.acos((a @ b) / (a.norm() * b.norm()))
    return (torch.sin((1 - t) * theta) * a + torch.sin(t * theta) * b) / torch.sin(theta)


@slerp.mistake("This is the straight line. The arc weighs with sines of the angle.")
def straight(a, b, t):
    return torch.lerp(a, b, t)


@slerp.mistake("θ is the acos of the cosine.")
def a_cosine(a, b, t):
    theta = (a @ b) / (a.norm() * b.norm())
    return (torch.sin((1 - t) * theta) * a + torch.sin(t * theta) * b) / torch.sin(theta)


@slerp.mistake("Weigh a and b themselves; their lengths are divided away only for the angle.")
def unit_length(a, b, t):
    return slerp.answer(a / a.norm(), b / b.norm(), t)


def _arc(a, b, t, theta):
    return (torch.sin((1 - t) * theta) * a + torch.sin(t * theta) * b) / torch.sin(theta)


def _angle(a, b):
    return torch.acos((a @ b) / (a.norm() * b.norm()))


slerp.mistake(
    "acos of a number beyond 1 does not exist (nan). Divide a @ b by both lengths: (a @ b) / (a.norm() * b.norm()).",
    lambda a, b, t: _arc(a, b, t, torch.acos(a @ b)),
)
slerp.mistake(
    "acos wants a cosine; a clamp only hides that: divide a @ b by both lengths.",
    lambda a, b, t: _arc(a, b, t, torch.acos((a @ b).clamp(-1, 1))),
)
slerp.mistake(
    "The weights are exchanged: at t = 0 it is a, at t = 1 it is b.",
    lambda a, b, t: _arc(b, a, t, _angle(a, b)),
)
slerp.mistake(
    "The division by sin(θ) is missing.",
    lambda a, b, t: _arc(a, b, t, _angle(a, b)) * torch.sin(_angle(a, b)),
)
slerp.mistake(
    "Mind the brackets: sin((1 − t) θ), not sin(1 − t θ).",
    lambda a, b, t: (
        (torch.sin(1 - t * _angle(a, b)) * a + torch.sin(t * _angle(a, b)) * b) / torch.sin(_angle(a, b))
    ),
)
slerp.mistake(
    "θ is missing in the sines: sin((1 − t) θ) and sin(t θ).",
    lambda a, b, t: (math.sin(1 - t) * a + math.sin(t) * b) / torch.sin(_angle(a, b)),
)
slerp.mistake(
    "The angle is in degrees; sin and cos want radians, as acos gives them.",
    lambda a, b, t: _arc(a, b, t, torch.rad2deg(_angle(a, b))),
)
slerp.mistake(
    "This is the straight line, stretched to a length; it does not go along the arc at an even pace.",
    lambda a, b, t: torch.lerp(a, b, t) / torch.lerp(a, b, t).norm() * torch.lerp(a.norm(), b.norm(), t),
)
slerp.mistake(
    "Only one of the two lengths is divided away: the cosine is (a @ b) / (|a| |b|).",
    lambda a, b, t: _arc(a, b, t, torch.acos(((a @ b) / b.norm()).clamp(-1, 1))),
)
slerp.mistake(
    "The cosine lost its sign: with |cos| an angle of more than 90° becomes a small one. Leave abs out.",
    lambda a, b, t: _arc(a, b, t, torch.acos(((a @ b) / (a.norm() * b.norm())).abs())),
)
slerp.mistake(
    "a @ b is divided by the squared lengths; the cosine is (a @ b) / (|a| |b|), with a.norm() and b.norm().",
    lambda a, b, t: _arc(a, b, t, torch.acos((a @ b) / ((a @ a) * (b @ b)))),
)
slerp.mistake(
    "The result is stretched to a length between |a| and |b|. The formula alone is asked for, which needs no further "
    "scaling.",
    lambda a, b, t: (
        (arc := _arc(a, b, t, _angle(a, b))) / arc.norm() * torch.lerp(a.norm(), b.norm(), torch.tensor(t))
    ),
)
slerp.mistake(
    "The directions are interpolated and the lengths blended, each by itself. In the formula a and b keep their "
    "lengths.",
    lambda a, b, t: (
        _arc(a / a.norm(), b / b.norm(), t, _angle(a, b)) * torch.lerp(a.norm(), b.norm(), torch.tensor(t))
    ),
)
slerp.mistake(
    "The first weight is sin((1 − t) θ), not cos(t θ): the cosine is for vectors at right angles.",
    lambda a, b, t: torch.cos(t * _angle(a, b)) * a + torch.sin(t * _angle(a, b)) * b,
)
slerp.mistake(
    "The first weight is sin((1 − t) θ), not cos(t θ).",
    lambda a, b, t: (
        (torch.cos(t * _angle(a, b)) * a + torch.sin(t * _angle(a, b)) * b) / torch.sin(_angle(a, b))
    ),
)
slerp.mistake(
    "The angle of a cosine is its acos, not its asin.",
    lambda a, b, t: _arc(a, b, t, torch.asin((a @ b) / (a.norm() * b.norm()))),
)
slerp.mistake(
    "Only the first of the two weights is divided by sin(θ): put brackets around the sum.",
    lambda a, b, t: (
        torch.sin((1 - t) * _angle(a, b)) * a / torch.sin(_angle(a, b)) + torch.sin(t * _angle(a, b)) * b
    ),
)
slerp.mistake(
    "Only the second of the two weights is divided by sin(θ): put brackets around the sum.",
    lambda a, b, t: (
        torch.sin((1 - t) * _angle(a, b)) * a + torch.sin(t * _angle(a, b)) * b / torch.sin(_angle(a, b))
    ),
)


def _verify_generator(attempt):
    torch.manual_seed(0)
    G = made(attempt, "MyGenerator", "Generator")
    z = torch.randn(5, 64)
    x = G(given := z.clone())
    if not isinstance(x, torch.Tensor) or x.shape != (5, 3, 32, 32):
        got = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
        raise Wrong(f"Five latents should give images of shape (5, 3, 32, 32), but it gives {got}.")
    check_layers(G, x)
    if not torch.equal(given, z):
        raise Wrong("forward changes its input z in place; make a new tensor instead.")
    x = G(5 * torch.randn(20, 64))
    if not x.isfinite().all() or x.min() < 0 or x.max() > 1:
        raise Wrong(
            f"Some pixels leave [0, 1] ({x.min():.2f} to {x.max():.2f}): end with torch.sigmoid. (tanh gives -1 to "
            f"1.)"
        )
    if (x[0] - x[1]).abs().max() < 1e-5:
        raise Wrong("Two different latents give the same image: does z reach the last layer?")
    _verify_that_z_decides(G)
    if not x.requires_grad:
        raise Wrong("No gradient reaches the layers: is there a .detach() or no_grad() in forward?")
    (x - 0.5).square().mean().backward()
    if not any(p.grad is not None and p.grad.any() for p in G.parameters()):
        raise Wrong("The gradient of every weight is 0: the images do not depend on the layers.")
    idle = [name for name, p in G.named_parameters() if p.grad is None]
    if idle:
        raise Wrong(f"No gradient reaches {idle[0]}: use every layer in forward, and nothing like .detach().")
    total = sum(p.numel() for p in G.parameters())
    if not 0 < total <= 600_000:
        raise Wrong(f"It has {total:,} parameters; it should have some, and at most 600,000.")
    mine, ours = (_recall(network) for network in (attempt, MyGenerator.answer))
    remark = (
        f"It has {total:,} parameters. How much can it draw? Asked to reproduce sixteen faces, it comes to "
        f"{mine:.1f} dB in 60 steps (a plain one of ours: {ours:.1f}); as a GAN it must be measured by training."
    )
    stuck = ((x == 0) | (x == 1)).float().mean().item()
    if stuck > 0.05:
        return (
            f"{remark} But {stuck:.0%} of its pixels are exactly 0 or 1 before any training. A clamp or a ReLU gives "
            "those no gradient, so that they cannot learn: end with torch.sigmoid."
        )
    if mine < ours - 3:
        return (
            f"{remark} That is little: are there enough maps, and an activation between all layers, and is the last "
            "layer without a ReLU?"
        )
    return remark


def _verify_that_z_decides(G):
    """The image of a latent is the same every time, wherever in a batch the latent stands."""
    z = torch.randn(6, 64)
    G.eval()  # dropout and batch normalisation rest
    with torch.no_grad():
        x, again, alone, turned = G(z), G(z), G(z[:1]), G(z.flip(0)).flip(0)
    G.train()
    if not torch.allclose(x, again, atol=1e-3):
        raise Wrong(
            "The same latents give other images the second time, in eval() mode: is there something random in "
            "forward? The image of a latent must come from z and the weights alone."
        )
    if not torch.allclose(x[:1], alone, atol=1e-3) or not torch.allclose(x, turned, atol=1e-3):
        raise Wrong(
            "The image of a latent depends on the others of its batch, in eval() mode. Does a mean run over "
            "dimension 0, or does a reshape mix the latents? Each row of z makes its own image."
        )


def _recall(network) -> float:
    """PSNR in dB after 60 steps of learning sixteen faces from sixteen latents."""
    torch.manual_seed(0)
    G, z, x = network().train(), normal(16, 64, seed=1), faces.render(faces.passports(16, seed=3), 32)
    optimizer = torch.optim.Adam(G.parameters(), lr=2e-3)
    for _ in range(60):
        loss = F.mse_loss(G(z), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return -10 * loss.log10().item()


@exercise(
    verify=_verify_generator,
    hints=(
        "Begin with nn.Linear(64, maps * 4 * 4) and unflatten(1, (maps, 4, 4)).",
        "nn.Upsample(scale_factor=2) doubles a map without parameters; a convolution after it adds details.",
        "Three doublings lead from 4 to 32. End with 3 channels and torch.sigmoid.",
    ),
)
class MyGenerator(nn.Module):
    """Latents (n, 64) to images (n, 3, 32, 32) in [0, 1]: upsampling and convolutions."""

    def __init__(self):
        super().__init__()
        self.project = nn.Linear(64, 96 * 4 * 4)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in ((96, 64), (64, 48), (48, 32)))
        self.to_rgb = nn.Conv2d(32, 3, 3, padding=1)

    def forward(self, z):
        h = self.project(z).unflatten(1, (96, 4, 4))
        for conv in self.convs:
            h = F.leaky_relu(conv(F.interpolate(h, scale_factor=2.0)), 0.2)
        return torch.sigmoid(self.to_rgb(h))


@MyGenerator.mistake("leave [0, 1]")
class Unbounded(MyGenerator.answer):
    def forward(self, z):
        return 3 * super().forward(z) - 1


@MyGenerator.mistake("the same image")
class IgnoresLatent(MyGenerator.answer):
    def forward(self, z):
        return super().forward(0 * z)


@MyGenerator.mistake("something random in forward")
class Noise(MyGenerator.answer):
    def forward(self, z):
        return torch.rand(len(z), 3, 32, 32) + 0 * super().forward(z)


@MyGenerator.mistake("depends on the others of its batch")
class AverageOfTheBatch(MyGenerator.answer):
    def forward(self, z):
        return super().forward(0.5 * z + z.mean(dim=0, keepdim=True))


@MyGenerator.mistake("The gradient of every weight is 0")
class WithoutItsLayers(MyGenerator.answer):
    def forward(self, z):
        return (torch.tanh(z[:, :1, None, None]) / 2 + 0.5).expand(-1, 3, 32, 32) + 0 * super().forward(z)


@MyGenerator.mistake("images of shape (5, 3, 32, 32), but it gives (5, 3, 16, 16)")
class TooSmall(MyGenerator.answer):
    def forward(self, z):
        return super().forward(z)[:, :, ::2, ::2]


@MyGenerator.mistake("No gradient reaches the layers")
class Detached(MyGenerator.answer):
    def forward(self, z):
        return super().forward(z).detach()


@MyGenerator.mistake("No gradient reaches idle.weight")
class WithAnIdleLayer(MyGenerator.answer):
    def __init__(self):
        super().__init__()
        self.idle = nn.Linear(2, 2)


@MyGenerator.mistake("at most 600,000")
class TooLarge(MyGenerator.answer):
    def __init__(self):
        super().__init__()
        self.large = nn.Linear(64, 10_000)

    def forward(self, z):
        return super().forward(z + 1e-6 * self.large(z)[:, :64])


@MyGenerator.mistake("for images (n, c, h, w) take BatchNorm2d")
class WrongNormalisation(MyGenerator.answer):
    def forward(self, z):
        return torch.sigmoid(nn.BatchNorm1d(3)(super().forward(z)))


@MyGenerator.mistake("takes 32")
class WrongLatent(MyGenerator.answer):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(32, 96 * 4 * 4)
