"""Exercises of lesson 02: the optimal discriminator, the hinge loss, slopes, blobs covered, a shape of one's own."""

import math

import torch
import torch.nn.functional as F

from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.inputs import normal
from imagegen_lessons.synthetic import points


@exercise(
    cases=(
        (torch.tensor([0.2, 0.5, 0.9]), torch.tensor([0.2, 1.0, 0.1])),
        (torch.tensor(3.0), torch.tensor(1.0)),
        (torch.tensor([0.02, 20.0]), torch.tensor([5.0, 0.1])),
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


optimal_discriminator_score.mistake(
    "This is the logarithm of the probability. The score is the s for which sigmoid(s) is the probability: its "
    "logit.",
    lambda p_real, p_fake: torch.log(p_real / (p_real + p_fake)),
)
optimal_discriminator_score.mistake(
    "The densities are to be compared by their ratio, not by their difference.",
    lambda p_real, p_fake: p_real - p_fake,
)
optimal_discriminator_score.mistake(
    "This is a logarithm to another base; the sigmoid is made with e, so take torch.log.",
    lambda p_real, p_fake: torch.log2(p_real / p_fake),
)
optimal_discriminator_score.mistake(
    "log10 is a logarithm to another base; the sigmoid is made with e, so take torch.log.",
    lambda p_real, p_fake: torch.log10(p_real / p_fake),
)
optimal_discriminator_score.mistake(
    "This is the odds that it is fake, the other way round and without the logarithm.",
    lambda p_real, p_fake: p_fake / p_real,
)
optimal_discriminator_score.mistake(
    "The sigmoid of the probability is no score: look for the s that the sigmoid turns into it.",
    lambda p_real, p_fake: torch.sigmoid(p_real / (p_real + p_fake)),
)
optimal_discriminator_score.mistake(
    "Each density is divided by 2 once more, or the whole score is halved: D sees as many fakes as real points, so "
    "nothing is to be halved.",
    lambda p_real, p_fake: torch.log(p_real / p_fake) / 2,
)
optimal_discriminator_score.mistake(
    "math.log takes one number; for tensors there is torch.log.",
    lambda p_real, p_fake: torch.tensor(math.log(torch.ones(2))),
)


@exercise(
    cases=(
        ((2 * normal(6, seed=1)).requires_grad_(), (2 * normal(6, seed=2)).requires_grad_()),
        (torch.tensor([3.0, 0.5]), torch.tensor([-3.0, 0.5])),
        ((2 * normal(5, seed=3)).requires_grad_(), (2 * normal(3, seed=4)).requires_grad_()),
        (torch.tensor([[0.5], [-2.0]]), torch.tensor([[0.2], [-4.0]])),
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


@d_loss_hinge.mistake(
    "A loss must be a tensor: .item() makes a plain number of it, from which nothing can learn."
)
def a_plain_number(real_score, fake_score):
    return d_loss_hinge.answer(real_score, fake_score).item()


@d_loss_hinge.mistake("Half of it is missing: both the real and the fake scores count.")
def real_half(real_score, fake_score):
    return F.relu(1 - real_score).mean()


d_loss_hinge.mistake(
    "Half of it is missing: the real scores count as well as the fake ones.",
    lambda real_score, fake_score: F.relu(1 + fake_score).mean(),
)
d_loss_hinge.mistake(
    "The fake scores are detached: they come from D as well, and D must learn from both. (That G learns nothing here "
    "is seen to elsewhere: d_step detaches the fake points, not their scores.)",
    lambda real_score, fake_score: F.relu(1 - real_score).mean() + F.relu(1 + fake_score.detach()).mean(),
)
d_loss_hinge.mistake(
    "The real scores are detached from the loss: D must learn from both.",
    lambda real_score, fake_score: F.relu(1 - real_score.detach()).mean() + F.relu(1 + fake_score).mean(),
)
d_loss_hinge.mistake(
    "Means of both, added up: this takes half of it.",
    lambda r, f: (F.relu(1 - r).mean() + F.relu(1 + f).mean()) / 2,
)
d_loss_hinge.mistake(
    "These are sums; take the means, or the loss grows with the batch.",
    lambda r, f: F.relu(1 - r).sum() + F.relu(1 + f).sum(),
)
d_loss_hinge.mistake(
    "The relu comes after the mean here: then good scores make up for bad ones. First the relu of each, then the "
    "mean.",
    lambda r, f: F.relu((1 - r).mean()) + F.relu((1 + f).mean()),
)
d_loss_hinge.mistake(
    "The margins are missing: real scores are pushed to 1, not only above 0, and fake ones to -1.",
    lambda r, f: F.relu(-r).mean() + F.relu(f).mean(),
)
d_loss_hinge.mistake(
    "This is the squared hinge; what a score lacks counts as it is.",
    lambda r, f: F.relu(1 - r).square().mean() + F.relu(1 + f).square().mean(),
)
d_loss_hinge.mistake(
    "Fakes cost what exceeds -1: 1 + score, not 1 - score.", lambda r, f: d_loss_hinge.answer(r, -f)
)
d_loss_hinge.mistake(
    "Real scores cost what they lack to 1: 1 - score.", lambda r, f: d_loss_hinge.answer(2 - r, f)
)
d_loss_hinge.mistake(
    "Fakes cost what exceeds -1: score - (-1), so 1 + score.", lambda r, f: d_loss_hinge.answer(r, f - 2)
)
d_loss_hinge.mistake(
    "One mean over all scores together halves the loss and counts the larger set more: two means, added up.",
    lambda r, f: torch.cat([F.relu(1 - r), F.relu(1 + f)]).mean(),
)
d_loss_hinge.mistake(
    "The sign is wrong: this is the negative of the loss.",
    lambda r, f: -F.relu(1 - r).mean() - F.relu(1 + f).mean(),
)
d_loss_hinge.mistake(
    "A loss is one number: take the means.", lambda r, f: F.relu(1 - r[:3]) + F.relu(1 + f[:3])
)


@exercise(
    cases=((torch.tensor([-6.0, -1.0, 0.0, 2.0]),), (torch.tensor(0.7),), (normal(3, 2, seed=5),)),
    by_hand=True,
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


slopes.mistake(
    "The first is right. In the second, s stands with a minus inside, and the chain rule gives one more minus.",
    lambda score: (-torch.sigmoid(score), torch.sigmoid(-score)),
)
slopes.mistake(
    "The second is right. In the first the sign is lost: log(1 - sigmoid(s)) falls when s rises.",
    lambda score: (torch.sigmoid(score), -torch.sigmoid(-score)),
)
slopes.mistake(
    "This is the slope of the sigmoid itself; the loss is a logarithm, which divides it by what is inside.",
    lambda score: (-torch.sigmoid(score) * torch.sigmoid(-score),) * 2,
)
slopes.mistake(
    "The derivative of a logarithm divides by what is inside; here the slope of the sigmoid, σ (1 - σ), is missing.",
    lambda score: (-1 / torch.sigmoid(-score), -1 / torch.sigmoid(score)),
)
slopes.mistake(
    "Both are means over the scores; each score has a slope of its own.",
    lambda score: (-torch.sigmoid(score).mean(), -torch.sigmoid(-score).mean()),
)
slopes.mistake("This is the first slope alone; return the pair.", lambda score: -torch.sigmoid(score))


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
        (torch.tensor([[0.3, 0.3], [4.3, 0.2]]), _CENTRES, 0.5, 1),
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


def _near(points, centres, radius, p=2):
    return torch.cdist(points, centres, p=p) <= radius


blobs_covered.mistake(
    "More points are enough, too: >=, not ==.", lambda p, c, r, n: (_near(p, c, r).sum(dim=0) == n).sum()
)
blobs_covered.mistake("These are points of all blobs; count blobs.", lambda p, c, r, n: _near(p, c, r).sum())
blobs_covered.mistake(
    "A point on the rim counts: compare with <=, not with <.",
    lambda p, c, r, n: ((torch.cdist(p, c) < r).sum(dim=0) >= n).sum(),
)
blobs_covered.mistake(
    "The count is for each point, over the blobs; count for each blob, over the points: dim=0.",
    lambda points, centres, radius, at_least: (_near(points, centres, radius).sum(dim=1) >= at_least).sum(),
)
blobs_covered.mistake(
    "A squared distance is compared with the radius: square the radius, too, or take the root.",
    lambda p, c, r, n: ((torch.cdist(p, c) ** 2 <= r).sum(dim=0) >= n).sum(),
)
blobs_covered.mistake(
    "This adds up the two differences (|x| + |y|); a distance is the root of their squares.",
    lambda p, c, r, n: (_near(p, c, r, p=1).sum(dim=0) >= n).sum(),
)
blobs_covered.mistake(
    "This draws squares around the centres: both coordinates within the radius. Within the radius means a circle.",
    lambda p, c, r, n: (_near(p, c, r, p=torch.inf).sum(dim=0) >= n).sum(),
)
blobs_covered.mistake(
    "This says only whether any blob is covered; count them.",
    lambda points, centres, radius, at_least: (_near(points, centres, radius).sum(dim=0) >= at_least).any(),
)
blobs_covered.mistake(
    "This is the share of blobs; asked is their number.",
    lambda p, c, r, n: (_near(p, c, r).sum(dim=0) >= n).float().mean(),
)


def _verify_shape(attempt):
    for n in (500, 64, 7):
        found = attempt(n)
        if found is None:
            raise Wrong("my_shape returns nothing (None). Does it end with `return`?")
        if not isinstance(found, torch.Tensor):
            raise Wrong(
                f"my_shape gives {type(found).__name__}; networks want a torch tensor. For a list of pairs: "
                "torch.tensor(…). For NumPy: torch.from_numpy(…)."
            )
        if found.shape != (n, 2):
            raise Wrong(
                f"my_shape({n}) should give the shape ({n}, 2), but it gives {tuple(found.shape)}. One point a "
                "row, and as many as n says."
            )
    found, others = attempt(500), attempt(500)
    if found.requires_grad:
        raise Wrong("These points ask for gradients, but real points are data: end it with .detach().")
    if found.dtype != torch.float32:
        raise Wrong(
            f"my_shape gives numbers of type {found.dtype}; networks want float32: end it with .float()."
        )
    if not found.isfinite().all():
        raise Wrong(
            "Some coordinates are inf or nan. Is something divided by zero, or the root of a negative taken?"
        )
    if found.abs().max() > 2:
        raise Wrong(
            f"Some points leave the picture (up to {found.abs().max():.1f}): keep both coordinates between -2 and 2."
        )
    if torch.equal(found, others):
        raise Wrong(
            "Two calls give the very same points; a GAN needs new ones for every batch. Draw them at random. If "
            "you do, a fixed seed makes them the same each time: leave it out, and hand seed=None to points.word and "
            "others."
        )
    if found.std(dim=0).min() < 0.1:
        raise Wrong("The shape is nearly a single spot or a line along an axis; make it wider.")
    if len(found.unique(dim=0)) < 250:
        raise Wrong("Many points are exact copies of others; add a little noise.")
    cells = ((found + 2) * 5).long().clamp(0, 19).unique(dim=0)
    return f"Its points fall into {len(cells)} of the 400 squares of the picture; the ring's into about 35."


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


@my_shape.mistake("a fixed seed makes them the same each time")
def always_the_same(n):
    return points.word("HI", n)


@my_shape.mistake("leave the picture")
def far_out(n):
    return 5 * torch.randn(n, 2)


@my_shape.mistake("One point a row")
def on_its_side(n):
    return torch.randn(2, n).clamp(-1, 1)


@my_shape.mistake("end it with .float()")
def double_precision(n):
    return torch.rand(n, 2).double()


@my_shape.mistake("exact copies")
def a_few_spots(n):
    return torch.randint(0, 2, (n, 2)).float()


my_shape.mistake("For NumPy: torch.from_numpy", lambda n: torch.rand(n, 2).numpy())
my_shape.mistake("as many as n says", lambda n: torch.rand(500, 2))
my_shape.mistake("inf or nan", lambda n: (torch.rand(n, 2) - 0.5).sqrt())
my_shape.mistake("nearly a single spot", lambda n: 0.01 * torch.randn(n, 2))
my_shape.mistake("returns nothing", lambda n: None)
my_shape.mistake("end it with .detach()", lambda n: torch.nn.Parameter(torch.rand(n, 2)))
my_shape.mistake("my_shape(7) should give the shape (7, 2)", lambda n: torch.rand(n // 2 * 2, 2))
