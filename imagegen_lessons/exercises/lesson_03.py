"""Exercises of lesson 03: relativistic losses, the R1 penalty, EMA, slerp, a generator of one's own."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import gans
from imagegen_lessons.exercises.checker import Wrong, exercise, explain, guarded
from imagegen_lessons.exercises.inputs import normal, uniform


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


def _penalty_on(function, shape: tuple, seed: int):
    """The function's penalty for random images and smooth scores (n, 1) of them."""
    x = uniform(*shape, seed=seed).requires_grad_()
    scores = x.square().flatten(1).sum(1, keepdim=True) + x.flatten(1)[:, :1].sin()
    return guarded(function, scores / 2, x)


def _verify_penalty(attempt):
    cases = ((4, 3, 5, 5), 3), ((2, 1, 2, 3), 4)
    got = [_penalty_on(attempt, *case) for case in cases]
    for value, case in zip(got, cases, strict=True):
        problem = explain(_penalty_on(gans.r1_penalty, *case), value)
        if not problem:
            continue
        for mistake, advice in r1_penalty.wrong.items():
            if not any(explain(_penalty_on(mistake, *c), v) for c, v in zip(cases, got, strict=True)):
                problem += f" {advice}"
        raise Wrong(problem)


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


def _verify_average(attempt):
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    average = copy.deepcopy(network).requires_grad_(False)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(1.0)
    before = {name: p.clone() for name, p in average.named_parameters()}
    target = {name: p.detach().clone() for name, p in network.named_parameters()}
    attempt(average, network, 0.75)
    for name, p in network.named_parameters():
        if not torch.equal(p, target[name]):
            raise Wrong("The trained network changed; only the average may move.")
    for name, p in average.named_parameters():
        if p.grad_fn is not None or p is dict(network.named_parameters())[name]:
            raise Wrong(
                "The average is tied to the network: change its numbers in place, under torch.no_grad()."
            )
        moved = ((p - before[name]) / (target[name] - before[name])).mean().item()
        if abs(moved) < 1e-6:
            raise Wrong(
                "The average did not move. Change its parameters in place: mul_, add_, lerp_ or copy_."
            )
        if abs(moved - 0.75) < 1e-4:
            raise Wrong("decay is the share that the average keeps; here it is the share that it takes.")
        if abs(moved - 0.25) > 1e-4:
            raise Wrong(
                f"With decay 0.75 the average should move a quarter of the way, but it moved {moved:.3g}."
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


@exercise(
    cases=(
        (2 * normal(8, seed=5), 2 * normal(8, seed=6), 0.25),
        (torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 0.5),
        (2 * normal(8, seed=5), 2 * normal(8, seed=6), 1.0),
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


@slerp.mistake("acos wants a cosine: divide a @ b by both lengths.")
def not_normalised(a, b, t):
    theta = torch.acos((a @ b).clamp(-1, 1))
    return (torch.sin((1 - t) * theta) * a + torch.sin(t * theta) * b) / torch.sin(theta)


def _verify_generator(attempt):
    torch.manual_seed(0)
    G = attempt()
    x = G(torch.randn(5, 64))
    if not isinstance(x, torch.Tensor) or x.shape != (5, 3, 32, 32):
        got = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
        raise Wrong(f"Five latents should give images of shape (5, 3, 32, 32), but it gives {got}.")
    x = G(5 * torch.randn(20, 64))
    if not x.isfinite().all() or x.min() < 0 or x.max() > 1:
        raise Wrong("Some pixels leave [0, 1]: end with torch.sigmoid.")
    if (x[0] - x[1]).abs().max() < 1e-5:
        raise Wrong("Two different latents give the same image: does z reach the last layer?")
    if not x.requires_grad:
        raise Wrong("No gradient reaches the layers: is there a .detach() or no_grad() in forward?")
    x.mean().backward()
    idle = [name for name, p in G.named_parameters() if p.grad is None]
    if idle:
        raise Wrong(f"No gradient reaches {idle[0]}: use every layer in forward, and nothing like .detach().")
    total = sum(p.numel() for p in G.parameters())
    if not 0 < total <= 600_000:
        raise Wrong(f"It has {total:,} parameters; it should have some, and at most 600,000.")


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
