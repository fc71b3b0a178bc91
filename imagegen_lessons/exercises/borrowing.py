"""Exercises of lesson 07: total variation, kept colours, the loss as Gatys wrote it, a masked Gram, a statistic."""

import torch

from imagegen_lessons.exercise import Wrong, exercise
from imagegen_lessons.runtime import generator


def _pictures(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(seed))


@exercise(
    cases=((_pictures(1, 3, 5, 7, seed=1),), (_pictures(2, 3, 4, 3, seed=2),)),
    hints=(
        "All pixels but the first row, minus all but the last: x[..., 1:, :] - x[..., :-1, :].",
        "Square it and take the mean; do the same with columns, x[..., 1:] and x[..., :-1]; add the two means.",
    ),
)
def total_variation(x):
    """Mean squared difference of pixels one above the other, plus that of pixels side by side; x (n, 3, h, w)."""
    down, right = x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]
    return down.square().mean() + right.square().mean()


@total_variation.mistake("Without the square, ups and downs cancel each other.")
def not_squared(x):
    return (x[..., 1:, :] - x[..., :-1, :]).mean() + (x[..., 1:] - x[..., :-1]).mean()


@total_variation.mistake("These are absolute differences; here they are squared.")
def absolute(x):
    return (x[..., 1:, :] - x[..., :-1, :]).abs().mean() + (x[..., 1:] - x[..., :-1]).abs().mean()


@total_variation.mistake("This compares pixels side by side only; add those one above the other.")
def only_sideways(x):
    return (x[..., 1:] - x[..., :-1]).square().mean()


@total_variation.mistake("This compares pixels one above the other only; add those side by side.")
def only_downwards(x):
    return (x[..., 1:, :] - x[..., :-1, :]).square().mean()


@exercise(
    cases=(
        (0.3 + 0.4 * _pictures(1, 3, 4, 5, seed=3), 0.3 + 0.4 * _pictures(1, 3, 4, 5, seed=4)),
        (_pictures(2, 3, 6, 3, seed=5), _pictures(2, 3, 6, 3, seed=6)),
    ),
    hints=(
        "The brightness of both first, with a dimension kept: (n, 1, h, w).",
        "Add the same number to red, green and blue, and the brightness changes by it: the weights add up to 1.",
        "photo + (brightness of painted - brightness of photo), and then .clamp(0, 1).",
    ),
)
def keep_colours(painted, photo):
    """The photo's colours with the brightness of `painted`; both (n, 3, h, w), and so is the result, in [0, 1]."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=photo.device)[:, None, None]
    change = ((painted - photo) * weights).sum(dim=1, keepdim=True)  # (n, 1, h, w)
    return (photo + change).clamp(0, 1)


def _brightness(x):
    return (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1, keepdim=True)


@keep_colours.mistake(
    "The roles are swapped: the brightness comes from the painting, the colours from the photo."
)
def swapped_roles(painted, photo):
    return keep_colours.answer(photo, painted)


@keep_colours.mistake("The brightness of the photo is still in it, so that the result is far too bright.")
def added_twice(painted, photo):
    return (photo + _brightness(painted)).clamp(0, 1)


@keep_colours.mistake("The values can leave [0, 1]: clamp them at the end.")
def not_clamped(painted, photo):
    return photo + _brightness(painted) - _brightness(photo)


@keep_colours.mistake("This is grey: only the brightness is left.")
def grey(painted, photo):
    return _brightness(painted).expand_as(photo).clamp(0, 1)


@exercise(
    cases=(
        (_pictures(1, 3, 4, 5, seed=7), _pictures(1, 3, 4, 5, seed=8)),
        (10 * _pictures(1, 2, 6, 3, seed=9), 10 * _pictures(1, 2, 6, 3, seed=10)),
    ),
    hints=(
        "f[0].flatten(1) is the table F: N rows (channels), M columns (positions).",
        "G = F @ F.T, without any division; A in the same way from the other map.",
        "(G - A).square().sum() / (4 * N**2 * M**2)",
    ),
)
def gatys_layer_loss(f, style):
    """The style loss of one level as Gatys and others wrote it: maps (1, N, h, w) of two pictures to a number."""
    table, other = f[0].flatten(1), style[0].flatten(1)  # (N, M)
    channels, positions = table.shape
    difference = table @ table.T - other @ other.T
    return difference.square().sum() / (4 * channels**2 * positions**2)


@gatys_layer_loss.mistake("The number of channels and that of positions are *squared* in the formula.")
def counts_not_squared(f, style):
    return gatys_layer_loss.answer(f, style) * f[0].numel()


@gatys_layer_loss.mistake("The 4 is missing.")
def without_four(f, style):
    return 4 * gatys_layer_loss.answer(f, style)


@gatys_layer_loss.mistake("This is the mean over the table of the differences; the formula says the sum.")
def mean_of_table(f, style):
    return gatys_layer_loss.answer(f, style) / f.shape[1] ** 2


@gatys_layer_loss.mistake("These are the maps themselves; the style is in their Gram matrices.")
def maps_themselves(f, style):
    return (f - style).square().sum() / (4 * f[0].numel() ** 2)


_LEFT = torch.zeros(1, 1, 4, 6)
_LEFT[..., :3] = 1.0


@exercise(
    cases=(
        (_pictures(1, 3, 4, 6, seed=11), _LEFT),
        (_pictures(2, 5, 3, 3, seed=12), _pictures(2, 1, 3, 3, seed=13)),
    ),
    hints=(
        "Flatten both: f to (n, c, positions), weight to (n, 1, positions).",
        "Weigh one of the two factors only, or every position would count with the square of its weight.",
        "(f * weight) @ f.mT / weight.sum(dim=2, keepdim=True)",
    ),
)
def masked_gram(f, weight):
    """The Gram matrix (n, c, c) of a map f (n, c, h, w) in which positions count by their weight (n, 1, h, w)."""
    f, weight = f.flatten(2), weight.flatten(2)
    return (f * weight) @ f.mT / weight.sum(dim=2, keepdim=True)


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


@masked_gram.mistake("Divide by the sum of the weights: it is a weighted mean.")
def not_divided(f, weight):
    return (f * weight).flatten(2) @ f.flatten(2).mT


@masked_gram.mistake("The weights have no effect yet.")
def without_weights(f, weight):
    return f.flatten(2) @ f.flatten(2).mT / f[0, 0].numel()


def _verify_my_statistic(attempt):
    f = torch.randn(1, 6, 8, 10, generator=generator(14)).relu()
    got = attempt(f.clone())
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
    if torch.allclose(got, attempt(0.2 + 2 * f), atol=1e-4):
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
def my_statistic(f, weight=None):
    """Whatever you take for style: from a map (1, c, h, w) to a tensor whose shape does not depend on h and w."""
    f = f.flatten(2)
    return torch.stack([f.mean(dim=2), f.square().mean(dim=2), f.amax(dim=2)], dim=1)


@my_statistic.mistake("must not depend on the map's height and width")
def keeps_the_places(f, weight=None):
    return f.mean(dim=1)


@my_statistic.mistake("No gradient comes through")
def counts(f, weight=None):
    return (f > 0.5).float().mean(dim=(2, 3))


@my_statistic.mistake("Quite another map gives the same result")
def says_nothing(f, weight=None):
    return torch.zeros(3)


@my_statistic.mistake("inf or nan: a square root")
def steep_root(f, weight=None):
    return f.sqrt().mean(dim=(2, 3))
