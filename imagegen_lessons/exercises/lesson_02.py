"""Exercises of lesson 02: the optimal discriminator, the hinge loss, slopes, blobs covered, a shape of one's own."""

import torch
import torch.nn.functional as F

from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.inputs import normal


@exercise(
    cases=(
        (torch.tensor([0.2, 0.5, 0.9]), torch.tensor([0.2, 1.0, 0.1])),
        (torch.tensor(3.0), torch.tensor(1.0)),
    ),
    hints=(
        "A point found there is real with the probability p_real / (p_real + p_fake).",
        "The score s belongs to the probability sigmoid(s) = 1 / (1 + exp(-s)). Which s gives that probability?",
        "1 / (1 + exp(-s)) = 1 / (1 + p_fake / p_real), so exp(-s) = p_fake / p_real.",
    ),
)
def optimal_discriminator_score(p_real, p_fake):
    """The score of the optimal D where real and fake points have these densities (Goodfellow et al. 2014)."""
    return torch.log(p_real / p_fake)


@optimal_discriminator_score.mistake("This is the probability; the score is what the sigmoid turns into it.")
def a_probability(p_real, p_fake):
    return p_real / (p_real + p_fake)


@optimal_discriminator_score.mistake("High scores are for real points; here it is the other way round.")
def other_way_round(p_real, p_fake):
    return torch.log(p_fake / p_real)


@optimal_discriminator_score.mistake("The ratio is right, the logarithm is missing.")
def a_ratio(p_real, p_fake):
    return p_real / p_fake


@exercise(
    cases=(
        ((2 * normal(6, seed=1)).requires_grad_(), 2 * normal(6, seed=2)),
        (torch.tensor([3.0, 0.5]), torch.tensor([-3.0, 0.5])),
    ),
    hints=(
        "F.relu(u) is u where u is positive, and 0 elsewhere.",
        "A real point costs 1 - score, but only while its score is below 1.",
        "F.relu(1 - real_score).mean() + F.relu(1 + ...).mean()",
    ),
)
def d_loss_hinge(real_score, fake_score):
    """The mean shortfall of real scores below 1, plus the mean excess of fake scores above -1 (Lim and Ye 2017)."""
    return F.relu(1 - real_score).mean() + F.relu(1 + fake_score).mean()


@d_loss_hinge.mistake(
    "Real and fake are exchanged: real scores should rise above 1, fake ones fall below -1."
)
def exchanged(real_score, fake_score):
    return F.relu(1 + real_score).mean() + F.relu(1 - fake_score).mean()


@d_loss_hinge.mistake(
    "Without the relu there is always something to gain; the point is to stop at the margin."
)
def without_margin(real_score, fake_score):
    return (1 - real_score).mean() + (1 + fake_score).mean()


@d_loss_hinge.mistake("without .item() or .detach()")
def a_plain_number(real_score, fake_score):
    return d_loss_hinge.answer(real_score, fake_score).item()


@d_loss_hinge.mistake("Half of it is missing: both the real and the fake scores count.")
def real_half(real_score, fake_score):
    return F.relu(1 - real_score).mean()


@exercise(
    cases=((torch.tensor([-6.0, -1.0, 0.0, 2.0]),), (torch.tensor(0.7),)),
    hints=(
        "The derivative of log(1 + exp(s)) is sigmoid(s).",
        "Minimax: the loss is -log(1 + exp(s)). Non-saturating: it is log(1 + exp(-s)); mind the chain rule.",
        "-sigmoid(s) and -sigmoid(-s).",
    ),
)
def slopes(score):
    """The derivatives by the fake's score of the minimax and of the non-saturating loss of G: a pair."""
    return -torch.sigmoid(score), -torch.sigmoid(-score)


@slopes.mistake("The two are exchanged: the minimax loss is the one that goes flat for low scores.")
def exchanged_slopes(score):
    return -torch.sigmoid(-score), -torch.sigmoid(score)


@slopes.mistake("Both fall when the score rises, since G wants high scores: the slopes are negative.")
def rising(score):
    return torch.sigmoid(score), torch.sigmoid(-score)


@slopes.mistake("These are the losses themselves; asked are their derivatives.")
def the_losses(score):
    return -F.softplus(score), F.softplus(-score)


_CENTRES = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
_POINTS = torch.tensor([[0.1, 0.0], [0.0, 0.2], [3.9, 0.1], [4.0, 1.4], [1.0, 4.0], [0.0, 0.1]])


@exercise(
    cases=(
        (_POINTS, _CENTRES, 0.5, 1),
        (_POINTS, _CENTRES, 0.5, 2),
        (_POINTS, _CENTRES, 1.5, 2),
        (_POINTS[:1], _CENTRES, 0.5, 1),
        # one on the rim, one in the square's corner
        (torch.tensor([[0.0, 0.5], [0.45, 0.45]]), _CENTRES, 0.5, 1),
        (torch.tensor([[4.45, 0.45], [1.0, 0.0]]), _CENTRES, 0.5, 1),
        (torch.tensor([[2.0, 0.0]]), _CENTRES, 2.5, 1),  # within the reach of two
    ),
    hints=(
        "torch.cdist(points, centres) holds all distances, (n, m).",
        "Compare with the radius, then count the True values for each centre: .sum(dim=0).",
        "A blob is covered when its count is at least at_least; how many are?",
    ),
)
def blobs_covered(points, centres, radius, at_least):
    """How many centres (m, 2) have at least `at_least` of the points (n, 2) within the radius."""
    near = torch.cdist(points, centres) <= radius  # (n, m)
    return (near.sum(dim=0) >= at_least).sum().item()


@blobs_covered.mistake("This counts points. Count, for each blob, its points; then count the blobs.")
def counts_points(points, centres, radius, at_least):
    return (torch.cdist(points, centres).min(dim=1).values <= radius).sum().item()


@blobs_covered.mistake("`at_least` points are enough: compare with >=, not with >.")
def more_than(points, centres, radius, at_least):
    return blobs_covered.answer(points, centres, radius, at_least + 1)


@blobs_covered.mistake("This is one count for each blob; asked is how many blobs reach at_least: one number.")
def counts_each(points, centres, radius, at_least):
    return (torch.cdist(points, centres) <= radius).sum(dim=0)


@blobs_covered.mistake("One point is enough here for a blob; it needs at least `at_least`.")
def one_is_enough(points, centres, radius, at_least):
    return blobs_covered.answer(points, centres, radius, 1)


@blobs_covered.mistake(
    "The radius does not matter here: a point far outside still counts for its nearest blob."
)
def ignores_radius(points, centres, radius, at_least):
    nearest = torch.cdist(points, centres).argmin(dim=1)
    return (torch.bincount(nearest, minlength=len(centres)) >= at_least).sum().item()


def _verify_shape(attempt):
    for n in (500, 64):
        points = attempt(n)
        if not isinstance(points, torch.Tensor) or points.shape != (n, 2):
            got = tuple(points.shape) if isinstance(points, torch.Tensor) else type(points).__name__
            raise Wrong(f"my_shape({n}) should give a tensor of shape ({n}, 2), but it gives {got}.")
    points, others = attempt(500), attempt(500)
    if points.dtype != torch.float32:
        raise Wrong(
            f"my_shape gives numbers of type {points.dtype}; networks want float32: end it with .float()."
        )
    if not points.isfinite().all() or points.abs().max() > 2:
        raise Wrong("Some points leave the picture: keep both coordinates between -2 and 2.")
    if torch.equal(points, others):
        raise Wrong(
            "Two calls give the very same points; a GAN needs new ones for every batch. Use random numbers."
        )
    if points.std(dim=0).min() < 0.1:
        raise Wrong("The shape is nearly a single spot or a line along an axis; make it wider.")
    if len(points.unique(dim=0)) < 250:
        raise Wrong("Many points are exact copies of others; add a little noise.")


@exercise(
    verify=_verify_shape,
    hints=(
        "Draw an angle at random, compute x and y from it, add a little noise: 0.03 * torch.randn(n, 2).",
        "torch.stack([x, y], dim=1) makes (n, 2) of two tensors (n,).",
        "points.word('HI', n, seed=None) makes a shape of letters; points.from_image one of a drawing.",
    ),
)
def my_shape(n):
    """A shape of one's own: n random points (n, 2), here a figure of eight."""
    t = 2 * torch.pi * torch.rand(n)
    return torch.stack([1.4 * torch.sin(t), 1.2 * torch.sin(2 * t)], dim=1) + 0.03 * torch.randn(n, 2)


@my_shape.mistake("the very same points")
def always_the_same(n):
    t = torch.linspace(0, 6, n)
    return torch.stack([t.sin(), t.cos()], dim=1)


@my_shape.mistake("leave the picture")
def far_out(n):
    return 5 * torch.randn(n, 2)


@my_shape.mistake("of shape (500, 2)")
def on_its_side(n):
    return torch.randn(2, n).clamp(-1, 1)


@my_shape.mistake("end it with .float()")
def double_precision(n):
    return torch.rand(n, 2).double()


@my_shape.mistake("exact copies")
def a_few_spots(n):
    return torch.randint(0, 2, (n, 2)).float()
