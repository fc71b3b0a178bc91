"""Exercises of lesson 07: total variation, a photo's colours, Gatys' style loss, a masked Gram matrix, a statistic."""

import torch

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


_LEFT = torch.zeros(1, 1, 4, 6)
_LEFT[..., :3] = 1.0


masked_gram = exercise(
    cases=(
        (uniform(1, 3, 4, 6, seed=11), _LEFT),
        (uniform(2, 5, 3, 3, seed=12), uniform(2, 1, 3, 3, seed=13)),
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


def _verify_my_statistic(attempt):
    f, other = (normal(1, 6, 16, 24, seed=seed).relu() for seed in (14, 18))
    got = attempt(f.clone())
    if isinstance(got, tuple | list):
        raise Wrong("Return one tensor: join the parts with torch.cat or torch.stack.")
    if not isinstance(got, torch.Tensor):
        raise Wrong(f"Return a tensor that describes the map, not {type(got).__name__}.")
    if not got.isfinite().all():
        raise Wrong("The result holds inf or nan.")
    larger = attempt(torch.cat([f, f], dim=3))
    if larger.shape != got.shape:
        raise Wrong(
            f"The shape of the result must not depend on the map's height and width, but it went from "
            f"{tuple(got.shape)} to {tuple(larger.shape)}: a painting may have another size than the photo."
        )
    # Not exactly equal: neighbours meet at the seam, and the ten largest values are others.
    if (larger - got).norm() > 0.25 * got.norm():
        raise Wrong(
            "The same map twice side by side gives quite other values, and yet it is the same style: "
            "take means instead of sums, and forget all places."
        )
    if torch.allclose(got, attempt(other), atol=1e-4):
        raise Wrong("Quite another map gives the same result: this would not notice any style.")
    watched = f.clone().requires_grad_()
    result = attempt(watched)
    if not result.requires_grad:
        raise Wrong("No gradient comes through: no .item(), .detach(), or counting of what is larger.")
    (gradient,) = torch.autograd.grad(result.square().sum(), watched)
    if not gradient.isfinite().all():
        raise Wrong("The gradient holds inf or nan: a square root of zero, perhaps?")
    if not gradient.any():
        raise Wrong("The gradient is zero everywhere.")


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


@my_statistic.mistake("inf or nan: a square root")
def steep_root(f):
    return f.sqrt().mean(dim=(2, 3))
