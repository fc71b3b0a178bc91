"""Style transfer by optimisation (Gatys, Ecker, Bethge 2016): the terms of the loss, one small function each, and
`StyleTransfer`, which brings them down on the pixels themselves, from coarse to fine."""

import contextlib
import math
import numbers
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from imagegen_lessons import images, runtime

CONTENT_LAYER = (
    3  # the fourth map of an extractor: it knows where things are, and no longer how they are painted
)
# The weights of red, green and blue in brightness (ITU-R BT.601).
BRIGHTNESS = torch.tensor([0.299, 0.587, 0.114])[:, None, None]


class StyleError(ValueError):
    """A painting cannot be begun; the message says why."""


def gram_matrix(f: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """Channel-by-channel inner products, averaged over positions: f (n, c, h, w) → (n, c, c).

    `weight` (n or 1, 1, h, w), not negative: how much each position counts (a mask); it need not add up to 1.
    Source: Gatys et al. 2016, equation 3; we divide by the number of positions, so that sizes can be compared.
    """
    f = f.flatten(2)  # (n, c, positions)
    if weight is None:
        return f @ f.mT / f.shape[2]
    weight = weight.flatten(2)
    return (f * weight) @ f.mT / weight.sum(dim=2, keepdim=True).clamp(min=1e-6)


def moments(f: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """Each channel's mean and standard deviation: (n, c, h, w) → (n, 2, c). As in Li et al. 2017, "Demystifying"."""
    f = f.flatten(2)
    weight = torch.ones_like(f[:, :1]) if weight is None else weight.flatten(2).expand(len(f), 1, -1)
    weight = weight / weight.sum(dim=2, keepdim=True).clamp(min=1e-6)
    mean = (f * weight).sum(dim=2, keepdim=True)
    std = ((f - mean).square() * weight).sum(dim=2, keepdim=True).add(1e-8).sqrt()
    return torch.stack([mean[..., 0], std[..., 0]], dim=1)


def quantiles(f: torch.Tensor, weight: torch.Tensor | None = None, count: int = 64) -> torch.Tensor:
    """Each channel's whole distribution, as `count` of its sorted values: (n, c, h, w) → (n, c, count).

    As in histogram losses (Risser et al. 2017). With `weight`, positions that weigh less than half are left out.
    """
    f = f.flatten(2)
    if weight is not None:
        inside = weight.flatten(2)[0, 0] >= 0.5
        f = f[..., inside] if inside.any() else f
    ordered = f.sort(dim=2).values
    return F.interpolate(ordered, size=count, mode="linear", align_corners=True)


# What can be meant by "the same style": functions from a map to what is compared.
STATISTICS = {"gram": gram_matrix, "moments": moments, "quantiles": quantiles}


def relative_error(value: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The squared distance to `target`, as a share of the target's own square: 0 is equal, 1 as bad as zeros.

    Gatys et al. weigh each level by hand instead; this needs no weights, whatever the eye and its scale.
    """
    return (value - target).square().sum() / target.square().sum().clamp(min=1e-8)


def total_variation(x: torch.Tensor) -> torch.Tensor:
    """The mean squared difference of neighbouring pixels: high for noise, zero for one even colour."""
    down, right = x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]
    return sum(d.square().mean() for d in (down, right) if d.numel())


def preserve_colours(painted: torch.Tensor, photo: torch.Tensor) -> torch.Tensor:
    """The brightness of `painted` with the colours of `photo` (n, 3, H, W), of the same size.

    Source: Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer", luminance-only transfer.
    """
    weights = BRIGHTNESS.to(painted)
    change = (painted * weights).sum(dim=-3, keepdim=True) - (photo * weights).sum(dim=-3, keepdim=True)
    return (photo + change).clamp(0, 1)


def fit_in(image: torch.Tensor, size: int) -> torch.Tensor:
    """The image resized so that its longer side is `size`; the shorter keeps the shape, but has 16 pixels at least."""
    height, width = image.shape[-2:]
    scale = size / max(height, width)
    return images.resize(image, tuple(max(min(16, size), round(side * scale)) for side in (height, width)))


@dataclass(frozen=True)
class Recipe:
    """How to paint.

    `strength`: how much style counts beside content, 0 (only content) or more. `levels`: the weight of the style at
    each of the eye's five levels. `statistic`: a key of STATISTICS. `smooth`: the weight of total variation. `start`:
    "content", "noise", or a picture (1, 3, h, w). `schedule`: (longer side in pixels, steps) from coarse to fine.
    `optimizer`: "adam", with `rate` as its first learning rate, or "lbfgs". `centred`: from every map the style's own
    mean is taken away before its statistic is made. Without that a Gram matrix consists for the most part of products
    of means, and what is left of strokes counts for little (compare Novak, Nikulin 2016, section 3.2).
    """

    strength: float = 30.0
    levels: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)
    statistic: str = "gram"
    smooth: float = 0.0
    start: str | torch.Tensor = "content"
    schedule: tuple[tuple[int, int], ...] = ((64, 100), (128, 100), (256, 100))
    optimizer: str = "adam"
    rate: float = 0.05
    centred: bool = True

    @property
    def steps(self) -> int:
        """All steps of the schedule."""
        return sum(steps for _, steps in self.schedule)


def as_picture(image: torch.Tensor) -> torch.Tensor:
    """One picture in colour, (1, 3, H, W), from one with or without a batch, grey or not; ImageError if it is none."""
    x = images.check(image)
    x = x if x.dim() == 4 else x[None]
    if len(x) != 1:
        raise images.ImageError(f"This is a batch of {len(x)} pictures; take one of them, for example x[:1].")
    return x.detach().float().expand(-1, 3, -1, -1)


def _is_weight(value) -> bool:
    return isinstance(value, numbers.Real) and 0 <= value < math.inf


class StyleTransfer:
    """A picture that is being painted: what is there from one picture, how it is painted from others.

    `content` (1, 3, H, W); `styles`: one picture (1, 3, h, w), or a list of them, each with its mask in `masks`
    (1, 1, H, W), True and False or from 0 to 1, that says where it holds; one of another size than the content's is
    stretched over it. Call `step` `recipe.steps` times, as `train.fit(painting.step, itertools.count(), recipe.steps)`
    does; `image` is the picture so far, at any time.
    Where a GPU's memory does not suffice for a size, it says so and paints on at the size before.
    Raises StyleError, or images.ImageError, for what cannot be painted.
    """

    def __init__(self, content, styles, extractor, recipe: Recipe = Recipe(), masks=None):
        self.content = as_picture(content)
        styles = styles if isinstance(styles, list | tuple) else [styles]
        self.styles = [as_picture(style) for style in styles]
        masks = [None] * len(self.styles) if masks is None else masks
        masks = masks if isinstance(masks, list | tuple) else [masks]
        self.masks = [mask.float() if isinstance(mask, torch.Tensor) else mask for mask in masks]
        self.extractor, self.recipe, self.done = extractor, recipe, 0
        self._check()
        self._stages = list(recipe.schedule)
        self._next_stage()

    @property
    def image(self) -> torch.Tensor:
        """The picture so far: (1, 3, h, w), in [0, 1]."""
        return self._x.detach().clamp(0, 1)

    def step(self, _=None) -> dict[str, torch.Tensor]:
        """One step down: the terms of the loss before it."""
        with contextlib.suppress(torch.OutOfMemoryError):
            return self._advance()
        self._retreat()  # outside of the block, where what the failed step held is free
        return self.step()

    def loss(self, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """What is brought down for the picture x (1, 3, h, w), and its terms "content" and "style"."""
        recipe, maps = self.recipe, self.extractor(x)
        statistic = STATISTICS[recipe.statistic]
        content = relative_error(maps[CONTENT_LAYER], self._wanted)
        style = sum(
            weight * relative_error(statistic(f - mean, mask), target)
            for means, targets, masks in zip(self._means, self._targets, self._shrunk_masks, strict=True)
            for weight, f, mean, mask, target in zip(self._levels, maps, means, masks, targets, strict=True)
            if weight
        ) / (sum(self._levels) * len(self.styles) or 1)
        # As shares of 1: a strength of a billion is as good as "only style", and no number overflows.
        share = recipe.strength / (1 + recipe.strength)
        total = torch.lerp(content, torch.as_tensor(style).to(content), share)
        return total + recipe.smooth * total_variation(x), {"content": content, "style": style}

    def _advance(self) -> dict:
        if self._left == 0 and len(self._stages) > 1:
            self._stages.pop(0)
            self._next_stage()
        kept = {}

        def closure():
            self._optimizer.zero_grad()
            total, terms = self.loss(self._x)
            total.backward()
            kept.update({name: torch.as_tensor(term).detach() for name, term in terms.items()})
            return total

        self._optimizer.step(closure)
        with torch.no_grad():
            self._x.clamp_(0, 1)
        if self._slower:
            self._slower.step()
        self._left -= 1
        self.done += 1
        return kept

    def _next_stage(self) -> None:
        with contextlib.suppress(torch.OutOfMemoryError):
            return self._begin(*self._stages[0])
        self._retreat()

    def _begin(self, size: int, steps: int) -> None:
        """Content, targets and the picture itself at this size, and an optimiser for it."""
        recipe, device = self.recipe, runtime.device()
        content = fit_in(self.content, size).to(device)
        if hasattr(self, "_x"):
            start = self.image
        elif isinstance(recipe.start, torch.Tensor):
            start = as_picture(recipe.start).to(device)
        else:
            noise = torch.rand(content.shape, generator=runtime.generator(0))
            start = content if recipe.start == "content" else noise.to(device)
        statistic = STATISTICS[recipe.statistic]
        with torch.no_grad():
            maps = self.extractor(content)
            self._wanted = maps[CONTENT_LAYER]
            self._shrunk_masks = [self._shrink(mask, maps) for mask in self.masks]
            seen = [self.extractor(fit_in(style, size).to(device)) for style in self.styles]
            self._means = [[f.mean(dim=(2, 3), keepdim=True) * recipe.centred for f in maps] for maps in seen]
            self._targets = [
                [statistic(f - mean) for f, mean in zip(maps, means, strict=True)]
                for maps, means in zip(seen, self._means, strict=True)
            ]
        # A single position is its own mean: nothing is left of it, and it does not say how things vary.
        sizes = [min(f[0, 0].numel() for f in level) for level in zip(*seen, strict=True)]
        pairs = zip(recipe.levels, sizes, strict=True)
        self._levels = [0 if recipe.centred and size == 1 else weight for weight, size in pairs]
        x = images.resize(start, tuple(content.shape[-2:]))
        self._x = x.contiguous().requires_grad_()
        self._left, self._slower = steps, None
        if recipe.optimizer == "adam":
            self._optimizer = torch.optim.Adam([self._x], lr=recipe.rate, betas=(0.9, 0.99))
            self._slower = torch.optim.lr_scheduler.CosineAnnealingLR(
                self._optimizer, steps, recipe.rate / 10
            )
        else:
            # One step at a time, and never content with what it has: our losses are small numbers.
            quiet = dict(tolerance_grad=0, tolerance_change=0)
            self._optimizer = torch.optim.LBFGS([self._x], max_iter=1, history_size=20, **quiet)

    def _shrink(self, mask, maps):
        if mask is None:
            return [None] * len(maps)
        return [F.interpolate(mask.to(maps[0]), size=f.shape[-2:], mode="area") for f in maps]

    def _retreat(self) -> None:
        """The GPU's memory is full: a smaller size instead of this one and of those to come."""
        size, steps = self._stages[0]
        smaller = size * 7 // 10
        if smaller < 32:
            raise StyleError("The memory does not suffice for 32 pixels: free some, or restart the kernel.")
        print(f"The memory does not suffice for {size} pixels: going on at {smaller}.")
        torch.cuda.empty_cache()
        self._stages = [(smaller, steps)]
        self._next_stage()

    def _check(self) -> None:
        recipe = self.recipe
        if not self.styles:
            raise StyleError("A painting needs a style, at least one.")
        if len(self.masks) != len(self.styles):
            raise StyleError(f"{len(self.styles)} styles need as many masks, not {len(self.masks)}.")
        for mask in (mask for mask in self.masks if mask is not None):
            if not isinstance(mask, torch.Tensor):
                raise StyleError(f"A mask is a tensor (1, 1, height, width), not {type(mask).__name__}.")
            if mask.dim() != 4 or mask.shape[:2] != (1, 1):
                hint = "; use mask[None, None]" if mask.dim() == 2 else ""
                raise StyleError(f"A mask has the shape (1, 1, H, W), not {tuple(mask.shape)}{hint}.")
            if not images.check(mask).any():
                raise StyleError("This mask is zero everywhere: its style would be nowhere.")
        for name in ("strength", "smooth"):
            if not _is_weight(value := getattr(recipe, name)):
                raise StyleError(f"The recipe's {name} is 0 or a larger number, not {value!r}.")
        if not isinstance(recipe.start, torch.Tensor) and recipe.start not in ("content", "noise"):
            raise StyleError(f"The start can be content, noise, or a picture, not {recipe.start!r}.")
        levels = recipe.levels if isinstance(recipe.levels, list | tuple) else ()
        if len(levels) != 5 or not all(map(_is_weight, levels)):
            raise StyleError(f"The weights of the five levels are numbers from 0, not {recipe.levels!r}.")
        for name, allowed in (("statistic", STATISTICS), ("optimizer", ("adam", "lbfgs"))):
            if getattr(recipe, name) not in allowed:
                raise StyleError(f"The {name} can be {', '.join(allowed)}, not {getattr(recipe, name)!r}.")
        if not recipe.schedule or any(size < 16 or steps < 1 for size, steps in recipe.schedule):
            raise StyleError(
                f"A schedule holds pairs such as (256, 100), 16 pixels at least, not {recipe.schedule}."
            )
