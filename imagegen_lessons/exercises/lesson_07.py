"""Exercises of lesson 07: total variation, a photo's colours, Gatys' style loss, a masked Gram matrix, a
statistic."""

import torch
import torch.nn.functional as F

from imagegen_lessons import style
from imagegen_lessons.exercises.checker import Wrong, exercise
from imagegen_lessons.exercises.inputs import normal, uniform

total_variation = exercise(
    cases=(
        (uniform(1, 3, 5, 7, seed=1),),
        (uniform(2, 3, 4, 3, seed=2),),
        (uniform(1, 3, 3, 4, seed=15).requires_grad_(),),  # gradients must come through
    ),
    hints=(
        "All pixels but the first row, minus all but the last: x[..., 1:, :] - x[..., :-1, :].",
        "Square it and take the mean; do the same with columns, x[..., 1:] and x[..., :-1]; add the two means.",
    ),
)(style.total_variation)


@total_variation.mistake("Without the square, ups and downs cancel each other.")
def not_squared(x):
    return (x[..., 1:, :] - x[..., :-1, :]).mean() + (x[..., 1:] - x[..., :-1]).mean()


@total_variation.mistake("These are sums over all pixels, which grow with the picture: take the means.")
def summed(x):
    down, right = x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]
    return down.square().sum() + right.square().sum()


@total_variation.mistake("This is one mean over all differences: take the mean of each kind, and add.")
def joint_mean(x):
    down, right = x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]
    return torch.cat([down.flatten(), right.flatten()]).square().mean()


@total_variation.mistake("roll goes round: the last row is compared with the first, which is no neighbour.")
def rolled(x):
    return (x - x.roll(1, dims=2)).square().mean() + (x - x.roll(1, dims=3)).square().mean()


def _differences(x):
    return x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]


total_variation.mistake(
    "These are absolute differences; the exercise squares them.",
    lambda x: sum(d.abs().mean() for d in _differences(x)),
)
total_variation.mistake(
    "This is half of it: add the two means, do not average them.",
    lambda x: sum(d.square().mean() for d in _differences(x)) / 2,
)
total_variation.mistake(
    "A root is taken; the mean of the squares itself is asked for.",
    lambda x: sum(d.square().mean().sqrt() for d in _differences(x)),
)
total_variation.mistake(
    "Pixels side by side are forgotten: columns count as well as rows.",
    lambda x: _differences(x)[0].square().mean(),
)
total_variation.mistake(
    "Pixels one above the other are forgotten: rows count as well as columns.",
    lambda x: _differences(x)[1].square().mean(),
)
total_variation.mistake(
    "Neighbours in the wrong dimension: rows are dimension 2 and columns 3; 0 counts pictures, 1 colours.",
    lambda x: (x[:, 1:] - x[:, :-1]).square().mean() + _differences(x)[0].square().mean(),
)
total_variation.mistake(
    "There is one number for each picture here; take the mean over all.",
    lambda x: sum(d.square().mean(dim=(1, 2, 3)) for d in _differences(x)),
)


preserve_colours = exercise(
    cases=(
        (0.3 + 0.4 * uniform(1, 3, 4, 5, seed=3), 0.3 + 0.4 * uniform(1, 3, 4, 5, seed=4)),
        (uniform(3, 3, 6, 4, seed=5), uniform(3, 3, 6, 4, seed=6)),
    ),
    hints=(
        "The brightness of both first, with a dimension kept: (n, 1, h, w).",
        "Add the same number to red, green and blue, and the brightness changes by it: the weights add up to 1.",
        "photo + (brightness of painted - brightness of photo), and then .clamp(0, 1).",
    ),
)(style.preserve_colours)


def _brightness(x):
    return (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1, keepdim=True)


@preserve_colours.mistake(
    "The roles are swapped: brightness comes from the painting, colours from the photo."
)
def swapped_roles(painted, photo):
    return preserve_colours.answer(photo, painted)


@preserve_colours.mistake(
    "This is the plain mean of red, green and blue; to our eyes green is much brighter than blue."
)
def plain_mean(painted, photo):
    return (photo + (painted - photo).mean(dim=1, keepdim=True)).clamp(0, 1)


@preserve_colours.mistake(
    "This multiplies by a ratio, which makes colours stronger or weaker too: add the difference."
)
def ratio(painted, photo):
    return (photo * _brightness(painted) / _brightness(photo)).clamp(0, 1)


@preserve_colours.mistake(
    "The brightness has lost its channel dimension, so that pictures are mixed up: sum with keepdim=True."
)
def without_dimension(painted, photo):
    return (photo + (_brightness(painted) - _brightness(photo))[:, 0]).clamp(0, 1)


@preserve_colours.mistake("The values can leave [0, 1]: clamp them at the end.")
def not_clamped(painted, photo):
    return photo + _brightness(painted) - _brightness(photo)


preserve_colours.mistake(
    "This adds the whole brightness of the painting; add only by how much it differs from the photo's.",
    lambda painted, photo: (photo + _brightness(painted)).clamp(0, 1),
)
preserve_colours.mistake(
    "The sign is turned round: brightness of the painting minus that of the photo.",
    lambda painted, photo: (photo - _brightness(painted) + _brightness(photo)).clamp(0, 1),
)
preserve_colours.mistake(
    "The brightness is averaged over the whole picture; every pixel has its own.",
    lambda painted, photo: (
        photo + (_brightness(painted) - _brightness(photo)).mean(dim=(2, 3), keepdim=True)
    ).clamp(0, 1),
)
preserve_colours.mistake(
    "The colours are gone: add the difference to the photo.",
    lambda painted, photo: _brightness(painted).expand_as(photo).clamp(0, 1),
)
preserve_colours.mistake(
    "The weights are in the wrong order: 0.299 is for red, 0.587 for green, 0.114 for blue.",
    lambda painted, photo: (photo + _brightness((painted - photo).flip(1))).clamp(0, 1),
)


@exercise(
    cases=(
        (uniform(1, 3, 4, 5, seed=7), uniform(1, 3, 4, 5, seed=8)),
        (10 * uniform(1, 2, 6, 3, seed=9), 10 * uniform(1, 2, 6, 3, seed=10)),
        (uniform(1, 2, 3, 4, seed=16).requires_grad_(), uniform(1, 2, 3, 4, seed=17)),
    ),
    hints=(
        "f[0].flatten(1) is the table F: N rows (channels), M columns (positions).",
        "G = F @ F.T, without any division; A in the same way from the other map.",
        "(G - A).square().sum() / (4 * N**2 * M**2). Our relative error divides by the target's own square instead; "
        "without that, layers differ in size, so that Gatys and others must choose a weight for each.",
    ),
)
def gatys_layer_loss(f, painted):
    """The style loss of one layer as Gatys and others wrote it: maps (1, N, h, w) of two pictures to a number."""
    table, other = f[0].flatten(1), painted[0].flatten(1)  # (N, M)
    channels, positions = table.shape
    difference = table @ table.T - other @ other.T
    return difference.square().sum() / (4 * channels**2 * positions**2)


def _gram(f):
    return f[0].flatten(1) @ f[0].flatten(1).T


@gatys_layer_loss.mistake("The number of channels and that of positions are *squared* in the formula.")
def counts_not_squared(f, painted):
    return gatys_layer_loss.answer(f, painted) * f[0].numel()


@gatys_layer_loss.mistake("This is the mean over the table of the differences; the formula says the sum.")
def mean_of_table(f, painted):
    return gatys_layer_loss.answer(f, painted) / f.shape[1] ** 2


@gatys_layer_loss.mistake("Your Gram matrices are means over the positions; in the formula G and A are sums.")
def mean_gram(f, painted):
    return gatys_layer_loss.answer(f, painted) / f[0, 0].numel() ** 2


@gatys_layer_loss.mistake("This is our relative error; divide by 4 N² M², not by the target's own square.")
def relative(f, painted):
    table, other = f[0].flatten(1), painted[0].flatten(1)
    gram, target = table @ table.T, other @ other.T
    return (gram - target).square().sum() / target.square().sum()


gatys_layer_loss.mistake(
    "Python divides by 4 and then multiplies: put 4 * N**2 * M**2 in parentheses.",
    lambda f, painted: gatys_layer_loss.answer(f, painted) * f[0].numel() ** 4,
)
gatys_layer_loss.mistake(
    "The 4 of the formula is missing.", lambda f, painted: 4 * gatys_layer_loss.answer(f, painted)
)
gatys_layer_loss.mistake(
    "The differences are to be squared, not taken as absolute values.",
    lambda f, painted: (_gram(f) - _gram(painted)).abs().sum() / (4 * (f.shape[1] * f[0, 0].numel()) ** 2),
)
gatys_layer_loss.mistake(
    "This compares the maps, place by place: first the Gram matrices, then their difference.",
    lambda f, painted: (f - painted).square().sum() / (4 * (f.shape[1] * f[0, 0].numel()) ** 2),
)
gatys_layer_loss.mistake(
    "The Gram matrix is that of the positions (M × M); the formula's is N × N: F @ F.T, with channels as rows.",
    lambda f, painted: (
        (f[0].flatten(1).T @ f[0].flatten(1) - painted[0].flatten(1).T @ painted[0].flatten(1)).square().sum()
        / (4 * (f.shape[1] * f[0, 0].numel()) ** 2)
    ),
)
gatys_layer_loss.mistake(
    "It is not divided at all: 4 N² M² stands below.",
    lambda f, painted: (_gram(f) - _gram(painted)).square().sum(),
)
gatys_layer_loss.mistake(
    "The difference of the maps has a Gram matrix of its own; asked is the difference of the two Gram matrices.",
    lambda f, painted: _gram(f - painted).square().sum() / (4 * (f.shape[1] * f[0, 0].numel()) ** 2),
)


_LEFT = torch.zeros(1, 1, 4, 6)
_LEFT[..., :3] = 1.0


masked_gram = exercise(
    cases=(
        (uniform(1, 3, 4, 6, seed=11), _LEFT),
        (uniform(2, 5, 3, 3, seed=12), uniform(2, 1, 3, 3, seed=13)),
        (uniform(1, 4, 3, 5, seed=19).requires_grad_(), 7 * uniform(1, 1, 3, 5, seed=20)),
    ),
    hints=(
        "Flatten both: f to (n, c, positions), weight to (n, 1, positions).",
        "Weigh one of the two factors only, or every position would count with the square of its weight.",
        "(f * weight) @ f.mT / weight.sum(dim=2, keepdim=True)",
    ),
)(style.masked_gram)


@masked_gram.mistake(
    "Every position counts with the square of its weight: weigh one of the two factors only."
)
def weighed_twice(f, weight):
    f, weight = f.flatten(2), weight.flatten(2)
    return (f * weight) @ (f * weight).mT / weight.sum(dim=2, keepdim=True)


@masked_gram.mistake(
    "Divide by the sum of the weights, not by the number of positions: it is a weighted mean."
)
def divided_by_positions(f, weight):
    return (f * weight).flatten(2) @ f.flatten(2).mT / f[0, 0].numel()


@masked_gram.mistake(
    "This is the Gram matrix of the weighted map: it squares the weights, and divides by all positions. "
    "Weigh one of the two factors only, and divide by the sum of the weights."
)
def gram_of_weighted(f, weight):
    f = (f * weight).flatten(2)
    return f @ f.mT / f.shape[2]


@masked_gram.mistake("This divides by the weights of the whole batch: each picture has a sum of its own.")
def whole_batch(f, weight):
    return (f * weight).flatten(2) @ f.flatten(2).mT / weight.sum()


def _weighted(f, weight):
    return (f * weight).flatten(2) @ f.flatten(2).mT


masked_gram.mistake("It is not divided: a weighted mean divides by the sum of the weights.", _weighted)
masked_gram.mistake(
    "The weights are forgotten: this is the plain Gram matrix.",
    lambda f, weight: f.flatten(2) @ f.flatten(2).mT / f[0, 0].numel(),
)
masked_gram.mistake(
    "Divide by the sum of the weights, not by the largest of them.",
    lambda f, weight: _weighted(f, weight) / weight.flatten(2).amax(dim=2, keepdim=True),
)
masked_gram.mistake(
    "The mask is taken as yes or no; every weight counts as it is.",
    lambda f, weight: masked_gram.answer(f, (weight > 0.5).to(f)),
)
masked_gram.mistake(
    "Both factors are divided by the sum of the weights; once is enough.",
    lambda f, weight: _weighted(f, weight) / weight.flatten(2).sum(dim=2, keepdim=True) ** 2,
)
masked_gram.mistake(
    "This divides by the number of channels as well.",
    lambda f, weight: masked_gram.answer(f, weight) / f.shape[1],
)


def _verify_my_statistic(attempt):
    f, other = (normal(1, 6, 16, 24, seed=seed).relu() for seed in (14, 18))
    given = f.clone()
    got = attempt(given)
    if not torch.equal(given, f):
        raise Wrong("It changes the map in place; compute a new tensor instead.")
    if got is None:
        raise Wrong("Your function returns nothing (None). Does it end with `return`?")
    if isinstance(got, tuple | list):
        raise Wrong("Return one tensor: join the parts with torch.cat or torch.stack.")
    if not isinstance(got, torch.Tensor):
        raise Wrong(f"Return a tensor that describes the map, not {type(got).__name__}.")
    if not got.is_floating_point():
        raise Wrong(f"Return floats: these are {got.dtype}, and whole numbers carry no gradient.")
    if not got.isfinite().all():
        raise Wrong("The result holds inf or nan.")
    larger = attempt(torch.cat([f, f], dim=3))
    if larger.shape != got.shape:
        raise Wrong(
            f"The shape of the result must not depend on the map's height and width, but it went from "
            f"{tuple(got.shape)} to {tuple(larger.shape)}: a painting may have another size than the photo."
        )
    uneven = f * torch.linspace(0, 3, 24) * torch.linspace(0.2, 2, 16)[:, None]
    value, shifted = attempt(uneven), attempt(uneven.roll((8, 12), dims=(2, 3)))
    if (shifted - value).norm() > 0.1 * value.norm():
        raise Wrong(
            "It remembers where things are: the map moved by half its size gives other values. Style forgets all "
            "places: average over every position (no pooling to a small map, no single positions)."
        )
    # Not exactly equal: neighbours meet at the seam, and the ten largest values are others.
    if (larger - got).norm() > 0.25 * got.norm():
        raise Wrong(
            "The same map twice side by side gives quite other values, and yet it is the same style: "
            "take means instead of sums, and forget all places."
        )
    if torch.allclose(got, attempt(other), atol=1e-4):
        raise Wrong("Quite another map gives the same result: this would not notice any style.")
    watched = f.clone()
    watched[:, 2] = 0  # many channels of real maps are silent
    watched.requires_grad_()
    result = attempt(watched)
    if not result.isfinite().all():
        raise Wrong(
            "A channel that is 0 everywhere gives inf or nan, and many channels are: is something divided by its "
            "deviation? Add a little below, such as 1e-5."
        )
    if not result.requires_grad:
        raise Wrong("No gradient comes through: no .item(), .detach(), or counting of what is larger.")
    (gradient,) = torch.autograd.grad(result.square().sum() + result.sum(), watched)
    if not gradient.isfinite().all():
        raise Wrong(
            "The gradient holds inf or nan where a channel is 0 everywhere: a square root of zero has no slope. "
            "Add a little under the root, such as 1e-5."
        )
    if not gradient.any():
        raise Wrong("The gradient is zero everywhere: rounded numbers, signs and places have no slope.")
    return f"It describes a map of 6 channels by {got.numel()} numbers (a Gram matrix: 36)."


@exercise(
    verify=_verify_my_statistic,
    hints=(
        "f.flatten(2) is (n, channels, positions); whatever you average over positions has a fixed size.",
        "Ideas: means of powers; products of a channel with its neighbour's shifted copy; the largest values.",
        "For example torch.stack([f.mean(dim=(2, 3)), f.square().mean(dim=(2, 3))], dim=1).",
    ),
)
def my_statistic(f):
    """Whatever you take for style: from a map (1, c, h, w) to a tensor whose shape does not depend on h and w."""
    f = f.flatten(2)
    return torch.stack([f.mean(dim=2), f.square().mean(dim=2), f.amax(dim=2)], dim=1)


@my_statistic.mistake("must not depend on the map's height and width")
def keeps_the_places(f):
    return f.mean(dim=1)


@my_statistic.mistake("take means instead of sums")
def sums(f):
    return f.sum(dim=(2, 3))


@my_statistic.mistake("No gradient comes through")
def counts(f):
    return (f > 0.5).float().mean(dim=(2, 3))


@my_statistic.mistake("Quite another map gives the same result")
def says_nothing(f):
    return torch.zeros(3)


@my_statistic.mistake("a square root of zero has no slope")
def steep_root(f):
    return f.sqrt().mean(dim=(2, 3))


my_statistic.mistake("no pooling to a small map", lambda f: F.adaptive_avg_pool2d(f, 4))
my_statistic.mistake(
    "Add a little below",
    lambda f: (
        ((f - f.mean(dim=(2, 3), keepdim=True)) / f.std(dim=(2, 3), keepdim=True)).pow(3).mean(dim=(2, 3))
    ),
)
my_statistic.mistake("Return one tensor", lambda f: (f.mean(dim=(2, 3)), f.square().mean(dim=(2, 3))))
my_statistic.mistake("returns nothing", lambda f: None)
my_statistic.mistake("changes the map in place", lambda f: f.mul_(2).mean(dim=(2, 3)))
my_statistic.mistake("Return floats", lambda f: (f > 3).flatten(2).sum(dim=2))
my_statistic.mistake("rounded numbers", lambda f: f.mean(dim=(2, 3)).round(decimals=2))
