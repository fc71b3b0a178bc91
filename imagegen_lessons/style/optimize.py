"""Style transfer by optimisation (Gatys, Ecker, Bethge 2016): `StyleTransfer` minimises a loss over the pixels
themselves, from coarse to fine."""

import contextlib
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from imagegen_lessons import images, runtime
from imagegen_lessons.style.losses import ContentLoss, StyleLoss, gram_matrix, total_variation


class StyleError(ValueError):
    """A style transfer cannot begin; the message says why."""


def preserve_colours(painted, photo):
    """The photo's colours with the brightness of `painted`; both (n, 3, h, w), and so is the result, in [0, 1].

    Raises images.ImageError for values beyond [0, 1].
    Source: Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer", luminance-only transfer.
    """
    images.check(painted), images.check(photo)
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None].to(painted)  # ITU-R BT.601
    change = (painted * weights).sum(dim=-3, keepdim=True) - (photo * weights).sum(dim=-3, keepdim=True)
    return (photo + change).clamp(0, 1)


def fit_in(image, size):
    """The image resized so that its longer side is `size`; the shorter keeps the shape, but has 16 pixels at
    least."""
    height, width = image.shape[-2:]
    scale = size / max(height, width)
    return images.resize(image, tuple(max(min(16, size), round(side * scale)) for side in (height, width)))


@dataclass(frozen=True)
class Recipe:
    """The settings of a style transfer.

    `strength`: how much style counts beside content, 0 (only content) or more. `layer_weights`: the weight of the style
    at each of the extractor's five layers. `statistic`, `centred`: see `StyleLoss`. `smooth`: the weight of total
    variation. `start`: "content", "noise", or a picture (1, 3, h, w). `schedule`: (longer side in pixels, steps) from
    coarse to fine. `optimizer`: "adam", with `rate` as its first learning rate, or "lbfgs" (L-BFGS).
    """

    strength: float = 30.0
    layer_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)
    statistic: Callable = gram_matrix
    smooth: float = 0.0
    start: str | torch.Tensor = "content"
    schedule: tuple[tuple[int, int], ...] = ((64, 100), (128, 100), (256, 100))
    optimizer: str = "adam"
    rate: float = 0.05
    centred: bool = True

    @property
    def steps(self):
        """All steps of the schedule."""
        return sum(steps for _, steps in self.schedule)

    def check(self):
        """Raises StyleError for settings that cannot be used."""
        for name in ("strength", "smooth"):
            if not _is_weight(value := getattr(self, name)):
                raise StyleError(f"The recipe's {name} is 0 or a larger number, not {value!r}.")
        weights = self.layer_weights if isinstance(self.layer_weights, list | tuple) else ()
        if len(weights) != 5 or not all(map(_is_weight, weights)):
            raise StyleError(f"The five layer_weights are numbers from 0, not {self.layer_weights!r}.")
        if not callable(self.statistic):
            raise StyleError(
                f"The statistic is a function, such as style.gram_matrix, not {self.statistic!r}."
            )
        if not isinstance(self.start, torch.Tensor) and self.start not in ("content", "noise"):
            raise StyleError(f"The start can be content, noise, or a picture, not {self.start!r}.")
        if self.optimizer not in ("adam", "lbfgs"):
            raise StyleError(f"The optimizer can be adam or lbfgs, not {self.optimizer!r}.")
        if not _is_schedule(self.schedule):
            raise StyleError(
                "A schedule is a list of pairs (longer side in pixels, steps), such as [(256, 100)], with 16 "
                "pixels and "
                f"1 step at least, not {self.schedule!r}."
            )


def _is_schedule(value):
    """Is it a list or tuple of pairs of whole numbers that can be used?"""
    if not isinstance(value, list | tuple) or not value:
        return False
    pairs = [pair for pair in value if isinstance(pair, list | tuple) and len(pair) == 2]
    whole = all(isinstance(number, int) and not isinstance(number, bool) for pair in pairs for number in pair)
    return len(pairs) == len(value) and whole and all(size >= 16 and steps >= 1 for size, steps in pairs)


def _is_weight(value):
    return isinstance(value, numbers.Real) and 0 <= value < math.inf


def _picture(image):
    """One picture in colour, (1, 3, H, W), from one with or without a batch, grey or not; ImageError if it is
    none."""
    x = images.check(image)
    x = x if x.dim() == 4 else x[None]
    if len(x) != 1:
        raise images.ImageError(f"This is a batch of {len(x)} pictures; take one of them, for example x[:1].")
    return x.detach().float().expand(-1, 3, -1, -1)


def _mask(mask):
    """A mask as float32, (1, 1, H, W), or None; StyleError if it is neither."""
    if mask is None:
        return None
    if not isinstance(mask, torch.Tensor):
        raise StyleError(f"A mask is a tensor (1, 1, height, width), not {type(mask).__name__}.")
    if mask.dim() != 4 or mask.shape[:2] != (1, 1):
        hint = "; use mask[None, None]" if mask.dim() == 2 else ""
        raise StyleError(f"A mask has the shape (1, 1, H, W), not {tuple(mask.shape)}{hint}.")
    mask = mask.float()
    if not images.check(mask).any():
        raise StyleError("This mask is zero everywhere: its style would be nowhere.")
    return mask


def _as_list(value):
    return list(value) if isinstance(value, list | tuple) else [value]


class StyleTransfer:
    """A picture in the making: its content is that of one picture, its style that of others.

    `content` (1, 3, H, W); `styles`: one picture (1, 3, h, w), or a list of them, each with its mask in `masks`
    (1, 1, H, W), True and False or from 0 to 1, that says where it holds; one of another size than the content's is
    stretched over it. Call `step` `recipe.steps` times, as `training.fit(transfer.step, itertools.count(),
    recipe.steps)` does; `image` is the picture so far, at any time.
    Where a GPU's memory does not suffice for a size, it says so and goes on at a smaller one.
    Raises StyleError, or images.ImageError, for what cannot be used.
    """

    def __init__(self, content, styles, extractor, recipe=Recipe(), masks=None):
        recipe.check()
        self.content = _picture(content)
        self.styles = [_picture(style) for style in _as_list(styles)]
        for x in [self.content, *self.styles]:
            if max(x.shape[-2:]) > 32 * min(x.shape[-2:]):
                print(
                    f"A picture of {x.shape[-2]} × {x.shape[-1]} pixels is so thin that it gets squeezed: better "
                    f"crop it."
                )
        if not self.styles:
            raise StyleError("There must be a style, at least one.")
        masks = [None] * len(self.styles) if masks is None else _as_list(masks)
        if len(masks) != len(self.styles):
            raise StyleError(f"{len(self.styles)} styles need as many masks, not {len(masks)}.")
        self.masks = [_mask(mask) for mask in masks]
        self.extractor, self.recipe, self.done = extractor, recipe, 0
        self._stages, self._left = [None, *recipe.schedule], 0
        self._within_memory(self._next_stage)

    @property
    def image(self):
        """The picture so far: (1, 3, h, w), in [0, 1]."""
        return self._x.detach().clamp(0, 1)

    def step(self, _=None):
        """One step of the optimizer; returns the terms of the loss before it."""
        return self._within_memory(self._advance)

    def loss(self, x):
        """The loss of a picture x (1, 3, h, w), and a dict of its terms "content" and "style"."""
        maps = self.extractor(x)
        content = self._content_loss(maps)
        style = sum((term(maps) for term in self._style_losses), torch.zeros_like(content))
        # As shares of 1: a strength of a billion is as good as "only style", and no number overflows.
        share = self.recipe.strength / (1 + self.recipe.strength)
        total = torch.lerp(content, style, share) + self.recipe.smooth * total_variation(x)
        return total, {"content": content, "style": style}

    def _advance(self):
        if self._left == 0 and len(self._stages) > 1:
            self._next_stage()
        kept = {}

        def closure():
            self._optimizer.zero_grad()
            total, terms = self.loss(self._x)
            total.backward()
            # Asked once a size: a GPU would have to be waited for, and silent channels show at the first step.
            if self._untried and not (total.isfinite() and self._x.grad.isfinite().all()):
                raise StyleError(
                    "The loss or its gradient became inf or nan. Does the statistic divide by a deviation, or take "
                    "a root? "
                    "Many channels are 0 everywhere: add a little, such as 1e-5, below the stroke or under the root."
                )
            self._untried = False
            kept.update({name: term.detach() for name, term in terms.items()})
            return total

        self._optimizer.step(closure)
        with torch.no_grad():
            self._x.clamp_(0, 1)
        if self._scheduler:
            self._scheduler.step()
        self._left -= 1
        self.done += 1
        return kept

    def _next_stage(self):
        """The terms of the loss, the picture and an optimizer at the next size."""
        self._stages.pop(0)
        self._untried = True
        size, self._left = self._stages[0]
        content = fit_in(self.content, size).to(runtime.device())
        self._make_terms(content, size)
        self._x = images.resize(self._start(content), tuple(content.shape[-2:])).contiguous().requires_grad_()
        self._scheduler = None
        if self.recipe.optimizer == "adam":
            rate = self.recipe.rate
            self._optimizer = torch.optim.Adam([self._x], lr=rate, betas=(0.9, 0.99))
            cosine = torch.optim.lr_scheduler.CosineAnnealingLR
            self._scheduler = cosine(self._optimizer, self._left, rate / 10)
        else:
            # One evaluation a step, and tolerances of 0: our losses are small numbers, and it would stop at once.
            self._optimizer = torch.optim.LBFGS(
                [self._x], max_iter=1, history_size=20, tolerance_grad=0, tolerance_change=0
            )

    def _start(self, content):
        """What a stage begins with: the picture so far, or what the recipe says."""
        start = self.recipe.start
        if self.done:
            return self.image
        if isinstance(start, torch.Tensor):
            return _picture(start).to(content)
        if start == "noise":
            return torch.rand(content.shape, generator=runtime.generator(0)).to(content)
        return content

    @torch.no_grad()
    def _make_terms(self, content, size):
        recipe, maps = self.recipe, self.extractor(content)
        self._content_loss = ContentLoss(maps)
        seen = [self.extractor(fit_in(style, size).to(content)) for style in self.styles]
        # A single position is its own mean: nothing is left of it when centred, and it does not say how things vary.
        single = {k for k in range(5) if recipe.centred and min(f[k][0, 0].numel() for f in seen) == 1}
        weights = {k: w for k, w in enumerate(recipe.layer_weights) if w and k not in single}
        total = sum(weights.values()) * len(seen)
        self._style_losses = []
        for style_maps, mask in zip(seen, self.masks, strict=True):
            mask = None if mask is None else mask.to(content)
            for k, weight in weights.items():
                small = None if mask is None else F.interpolate(mask, size=maps[k].shape[-2:], mode="area")
                options = dict(statistic=recipe.statistic, centred=recipe.centred, mask=small)
                self._style_losses.append(StyleLoss(style_maps, k, weight / total, **options))

    def _within_memory(self, attempt):
        """attempt(); where a GPU's memory is full, at a smaller size instead of this one and of those to come."""
        while True:
            with contextlib.suppress(torch.OutOfMemoryError):
                return attempt()
            # Outside of the block, where what the failed attempt held is free.
            size, steps = self._stages[0]
            smaller = size * 7 // 10
            if smaller < 32:
                raise StyleError(
                    "The memory does not suffice for 32 pixels: free some, or restart the kernel."
                )
            print(f"The memory does not suffice for {size} pixels: going on at {smaller}.")
            torch.cuda.empty_cache()
            self._stages, self._left = [None, (smaller, steps)], 0
