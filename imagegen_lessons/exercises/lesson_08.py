"""Exercises of lesson 08: colour transfer, AdaIN, conditional instance normalisation, a mask, unknown motion."""

import torch

from imagegen_lessons import style
from imagegen_lessons.exercises.checker import exercise
from imagegen_lessons.exercises.inputs import normal, uniform


def _with_a_flat_channel(f):
    """The map with the same number everywhere in its second channel: it has no deviation."""
    f[:, 1] = 0.25
    return f


@exercise(
    cases=(
        (uniform(1, 3, 8, 9, seed=1).square(), uniform(1, 3, 5, 6, seed=2)),
        (uniform(2, 3, 6, 6, seed=3), 1 - uniform(2, 3, 7, 7, seed=4).square()),
        (_with_a_flat_channel(uniform(1, 3, 6, 5, seed=20)), uniform(1, 3, 4, 4, seed=21)),
    ),
    rtol=2e-3,  # the number added under the root differs from book to book
    hints=(
        "A picture is a map with three channels, so `style.adain` and `style.mean_std` take it as it is.",
        "style.adain(content, style.mean_std(painting)), and then back into [0, 1] with .clamp(0, 1).",
    ),
)
def colour_transfer(content, painting):
    """`content` (n, 3, H, W) with each colour channel's mean and deviation taken from `painting`, in [0, 1]."""
    return style.adain(content, style.mean_std(painting)).clamp(0, 1)


@colour_transfer.mistake("Values below 0 or above 1 are no colours: end with .clamp(0, 1).")
def without_clamp(content, painting):
    return style.adain(content, style.mean_std(painting))


@colour_transfer.mistake(
    "The two are the wrong way round: the places come from `content`, the colours from `painting`."
)
def painting_with_colours_of_content(content, painting):
    return style.adain(painting, style.mean_std(content)).clamp(0, 1)


@colour_transfer.mistake("Nearly: `.std()` divides by n − 1; here by n: `correction=0`.")
def sample_deviation(content, painting):
    dims = dict(dim=(2, 3), keepdim=True)
    plain = (content - content.mean(**dims)) / content.std(**dims)
    return (plain * painting.std(**dims) + painting.mean(**dims)).clamp(0, 1)


@colour_transfer.mistake("That is one mean and one deviation over all colours: each channel has its own.")
def all_colours_alike(content, painting):
    dims = dict(dim=(1, 2, 3), keepdim=True)
    plain = (content - content.mean(**dims)) / content.std(**dims, correction=0)
    return (plain * painting.std(**dims, correction=0) + painting.mean(**dims)).clamp(0, 1)


_PLACES = dict(dim=(2, 3), keepdim=True)
_SILENT = (
    "A channel that is the same everywhere has the deviation 0, and 0 / 0 is nan. Add a little under the root, such "
    "as 1e-5: (variance + 1e-5).sqrt()."
)


def _normed(f):
    return style.instance_norm(f)


def _means(f):
    return f.mean(**_PLACES)


def _stds(f):
    return f.var(**_PLACES, correction=0).add(1e-5).sqrt()


colour_transfer.mistake(
    _SILENT,
    lambda c, p: ((c - _means(c)) / c.std(**_PLACES, correction=0) * _stds(p) + _means(p)).clamp(0, 1),
)
_CORRECTION = (
    "Nearly: `.var()` and `.std()` divide by n − 1; here by n: correction=0. (The small number is right.)"
)
colour_transfer.mistake(
    _CORRECTION,
    lambda c, p: (
        (c - _means(c)) / c.var(**_PLACES).add(1e-5).sqrt() * p.var(**_PLACES).add(1e-5).sqrt() + _means(p)
    ).clamp(0, 1),
)
colour_transfer.mistake(
    "`style.adain` takes means and deviations, and no picture: style.mean_std(painting).",
    lambda c, p: style.adain(c, p).clamp(0, 1),
)
colour_transfer.mistake(
    "The variance is no deviation: take its root.",
    lambda c, p: ((c - _means(c)) / (_stds(c) ** 2) * _stds(p) ** 2 + _means(p)).clamp(0, 1),
)
colour_transfer.mistake(
    "The photo keeps its own mean: add the painting's in its place.",
    lambda c, p: (_normed(c) * _stds(p) + _means(c)).clamp(0, 1),
)
colour_transfer.mistake(
    "Only the mean is taken over; the deviation as well.",
    lambda c, p: (c - _means(c) + _means(p)).clamp(0, 1),
)
colour_transfer.mistake(
    "The colours are clamped before they are moved; clamp at the end.",
    lambda c, p: _normed(c).clamp(0, 1) * _stds(p) + _means(p),
)
colour_transfer.mistake(
    "This mixes the colours of the whole batch: each picture has its own mean and deviation.",
    lambda c, p: (
        _normed(c) * p.std(dim=(0, 2, 3), keepdim=True, correction=0) + p.mean(dim=(0, 2, 3), keepdim=True)
    ).clamp(0, 1),
)


adain = exercise(
    cases=(
        (normal(2, 4, 6, 5, seed=5), 1 + uniform(2, 2, 4, seed=6)),
        (3 + 2 * normal(1, 3, 7, 7, seed=7), 2 * uniform(1, 2, 3, seed=8) + 0.1),
        (
            _with_a_flat_channel(normal(1, 3, 5, 6, seed=22)),
            1 + uniform(1, 2, 3, seed=23),
        ),  # as many real channels are
        (normal(1, 2, 4, 5, seed=24).requires_grad_(), (1 + uniform(1, 2, 2, seed=25)).requires_grad_()),
    ),
    rtol=2e-3,
    hints=(
        "First take away what is there: `style.instance_norm(f)` has mean 0 and deviation 1 everywhere.",
        "wanted[:, 0] are the means and wanted[:, 1] the deviations, both (n, c); f is (n, c, h, w).",
        "style.instance_norm(f) * wanted[:, 1, :, None, None] + wanted[:, 0, :, None, None]",
    ),
)(style.adain)


@adain.mistake("The old mean and deviation are still in it: normalise f first.")
def without_normalising(f, wanted):
    return f * wanted[:, 1, :, None, None] + wanted[:, 0, :, None, None]


@adain.mistake("Mean and deviation are exchanged: the means come first in `wanted`.")
def exchanged(f, wanted):
    return style.instance_norm(f) * wanted[:, 0, :, None, None] + wanted[:, 1, :, None, None]


@adain.mistake("Nearly: `.std()` divides by n − 1; here by n: `correction=0`.")
def sample_deviation_in_adain(f, wanted):
    plain = (f - f.mean(dim=(2, 3), keepdim=True)) / f.std(dim=(2, 3), keepdim=True)
    return plain * wanted[:, 1, :, None, None] + wanted[:, 0, :, None, None]


@adain.mistake("These are means over the batch: each picture has its own, so average over dim=(2, 3) only.")
def over_the_batch(f, wanted):
    dims = dict(dim=(0, 2, 3), keepdim=True)
    plain = (f - f.mean(**dims)) / f.var(**dims, correction=0).add(1e-5).sqrt()
    return plain * wanted[:, 1, :, None, None] + wanted[:, 0, :, None, None]


def _as_wanted(plain, wanted):
    return plain * wanted[:, 1, :, None, None] + wanted[:, 0, :, None, None]


adain.mistake(_SILENT, lambda f, wanted: _as_wanted((f - _means(f)) / f.std(**_PLACES, correction=0), wanted))
adain.mistake(
    _CORRECTION, lambda f, wanted: _as_wanted((f - _means(f)) / f.var(**_PLACES).add(1e-5).sqrt(), wanted)
)
adain.mistake(
    "This divides by the variance; divide by the deviation, its root.",
    lambda f, wanted: _as_wanted((f - _means(f)) / _stds(f) ** 2, wanted),
)
adain.mistake(
    "The wanted mean is not added.", lambda f, wanted: style.instance_norm(f) * wanted[:, 1, :, None, None]
)
adain.mistake(
    "The wanted deviation is not multiplied with.",
    lambda f, wanted: style.instance_norm(f) + wanted[:, 0, :, None, None],
)
adain.mistake(
    "The mean is added before the deviation multiplies: first multiply, then add.",
    lambda f, wanted: (style.instance_norm(f) + wanted[:, 0, :, None, None]) * wanted[:, 1, :, None, None],
)
adain.mistake(
    "This normalises over the channels (dim=1); each channel is normalised over its places, dim=(2, 3).",
    lambda f, wanted: _as_wanted(
        (f - f.mean(dim=1, keepdim=True)) / f.var(dim=1, keepdim=True, correction=0).add(1e-5).sqrt(), wanted
    ),
)
adain.mistake(
    "`wanted` is cut off from the gradient: a style must be able to learn.",
    lambda f, wanted: style.adain(f, wanted.detach()),
)


_SCALE, _SHIFT = 1 + uniform(3, 4, seed=9), normal(3, 4, seed=10)
_MIX = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.2, 0.3]])


conditional_instance_norm = exercise(
    cases=(
        (normal(2, 4, 5, 6, seed=11), _SCALE, _SHIFT, _MIX),
        (normal(1, 4, 3, 3, seed=12), _SCALE, _SHIFT, torch.tensor([[0.0, 0.0, 1.0]])),
        (
            _with_a_flat_channel(normal(2, 4, 4, 3, seed=26)),
            (1 + uniform(3, 4, seed=27)).requires_grad_(),
            normal(3, 4, seed=28).requires_grad_(),
            _MIX,
        ),
    ),
    rtol=2e-3,
    hints=(
        "Mix the tables first: `mix @ scale` is (n, channels), a scale of its own for each picture.",
        "Then normalise f, multiply by the mixed scale, and add the mixed shift; both need [..., None, None].",
    ),
)(style.conditional_instance_norm)


@conditional_instance_norm.mistake("This takes the strongest style alone; a mix takes something of each.")
def strongest_alone(f, scale, shift, mix):
    chosen = mix.argmax(dim=1)
    return style.instance_norm(f) * scale[chosen][..., None, None] + shift[chosen][..., None, None]


@conditional_instance_norm.mistake("Every picture has a mix of its own; here all get that of the first.")
def one_mix_for_all(f, scale, shift, mix):
    scale, shift = mix[:1] @ scale, mix[:1] @ shift
    return style.instance_norm(f) * scale[..., None, None] + shift[..., None, None]


@conditional_instance_norm.mistake("f is not normalised yet: `style.instance_norm(f)` comes first.")
def not_normalised(f, scale, shift, mix):
    return f * (mix @ scale)[..., None, None] + (mix @ shift)[..., None, None]


@conditional_instance_norm.mistake("The shift is missing: add `mix @ shift` at the end.")
def without_shift(f, scale, shift, mix):
    return style.instance_norm(f) * (mix @ scale)[..., None, None]


def _scaled(plain, scale, shift):
    return plain * scale[..., None, None] + shift[..., None, None]


conditional_instance_norm.mistake(
    "Scale and shift are exchanged.",
    lambda f, scale, shift, mix: _scaled(_normed(f), mix @ shift, mix @ scale),
)
conditional_instance_norm.mistake(
    "The tables are cut off from the gradient, so no style can learn: leave out .detach() and .data.",
    lambda f, scale, shift, mix: style.conditional_instance_norm(f, scale.detach(), shift.detach(), mix),
)
conditional_instance_norm.mistake(
    _SILENT,
    lambda f, scale, shift, mix: _scaled(
        (f - _means(f)) / f.std(**_PLACES, correction=0), mix @ scale, mix @ shift
    ),
)
conditional_instance_norm.mistake(
    "This normalises over the whole batch, as batch normalisation does; each picture by itself: dim=(2, 3).",
    lambda f, scale, shift, mix: _scaled(
        (f - f.mean(dim=(0, 2, 3), keepdim=True))
        / f.var(dim=(0, 2, 3), keepdim=True, correction=0).add(1e-5).sqrt(),
        mix @ scale,
        mix @ shift,
    ),
)
conditional_instance_norm.mistake(
    "The mix is not taken: the mean of all styles is.",
    lambda f, scale, shift, mix: _scaled(_normed(f), scale.mean(0)[None], shift.mean(0)[None]),
)
conditional_instance_norm.mistake(
    "The shift comes before the scale: normalise, multiply, then add.",
    lambda f, scale, shift, mix: (
        (_normed(f) + (mix @ shift)[..., None, None]) * (mix @ scale)[..., None, None]
    ),
)


_HALVES = torch.cat([torch.zeros(1, 1, 6, 4), torch.ones(1, 1, 6, 4)], dim=3)
_CODES = [2 * uniform(1, 2, 5, seed=seed) for seed in (13, 14)]


@exercise(
    cases=(
        (normal(1, 5, 6, 8, seed=15), *_CODES, _HALVES),
        (normal(1, 5, 6, 8, seed=16), *_CODES, uniform(1, 1, 6, 8, seed=17)),
        (_with_a_flat_channel(normal(1, 5, 4, 8, seed=29)), *_CODES, _HALVES[:, :, :4]),
    ),
    rtol=2e-3,
    hints=(
        "Make the whole map twice, once in each style, with `style.adain`.",
        "Then take the first where the mask is 1 and the second where it is 0: a * mask + b * (1 - mask).",
    ),
)
def two_styles(f, one, other, mask):
    """f (n, c, h, w) in the style `one` where mask (n, 1, h, w) is 1, in `other` where it is 0, between them a
    mix."""
    return style.adain(f, one) * mask + style.adain(f, other) * (1 - mask)


@two_styles.mistake("The two styles are on the wrong sides: `one` belongs where the mask is 1.")
def wrong_sides(f, one, other, mask):
    return style.adain(f, other) * mask + style.adain(f, one) * (1 - mask)


@two_styles.mistake("The mask may also lie between 0 and 1, and then both styles count: multiply by it.")
def hard_mask(f, one, other, mask):
    return torch.where(mask > 0.5, style.adain(f, one), style.adain(f, other))


@two_styles.mistake("Where the mask is 0 the map is left unpainted: `other` belongs there.")
def rest_unpainted(f, one, other, mask):
    return style.adain(f, one) * mask + f * (1 - mask)


@two_styles.mistake(
    "The map must be normalised as a whole. Here what the mask hides counts as zeros in its mean and deviation."
)
def masked_too_early(f, one, other, mask):
    return style.adain(f * mask, one) * mask + style.adain(f * (1 - mask), other) * (1 - mask)


two_styles.mistake(
    "Both styles are added up everywhere; the mask says how much of each.",
    lambda f, one, other, mask: style.adain(f, one) + style.adain(f, other),
)
two_styles.mistake(
    "The mask is not turned round for the second style: it holds where the mask is 0, so take 1 - mask.",
    lambda f, one, other, mask: style.adain(f, one) * mask + style.adain(f, other) * mask,
)
two_styles.mistake(
    "There is only one style here, half-way between the two, and the mask is not used.",
    lambda f, one, other, mask: style.adain(f, (one + other) / 2),
)
two_styles.mistake(
    "The styles are averaged by the mean of the mask, for the whole map; the mask holds place by place.",
    lambda f, one, other, mask: style.adain(f, other + mask.mean() * (one - other)),
)


_SCENE = uniform(1, 3, 24, 28, seed=18)


def _seen_from(top: int, left: int) -> torch.Tensor:
    return _SCENE[..., top : top + 16, left : left + 20].clone()


_PATCH = uniform(1, 8, 17, 20, seed=30)
# Two frames, one row apart, with so much grain that the sum over a small overlap is below that over the right one.
_GRAINY = [_PATCH[:, :, k : k + 16] + 0.32 * normal(1, 8, 16, 20, seed=31 + k) for k in range(2)]


def _brighter_to_the_right(top: int, left: int) -> torch.Tensor:
    """The same, dark on one side and bright on the other: products are largest where it is bright, not where it
    fits."""
    ramp = torch.linspace(0.1, 1.0, 28)
    return ((0.8 + 0.2 * _SCENE) * ramp)[..., top : top + 16, left : left + 20].clone()


@exercise(
    cases=(
        (_seen_from(4, 4), _seen_from(5, 7), 3),
        (_seen_from(4, 4), _seen_from(4, 2) + 0.05 * normal(1, 3, 16, 20, seed=19), 3),
        (_seen_from(3, 3), _seen_from(3, 3), 2),
        (0.2 + 0.3 * _seen_from(5, 6), 0.2 + 0.3 * _seen_from(2, 2), 4),
        (1 - _seen_from(4, 4), 1 - _seen_from(6, 5), 2),
        (_brighter_to_the_right(4, 4), _brighter_to_the_right(4, 6), 3),
        (_GRAINY[0], _GRAINY[1], 6),
    ),
    hints=(
        "Try every dy and dx from -largest to largest, and keep the pair with the smallest mean squared difference.",
        "To compare only what is in every overlap, cut `largest` pixels off all sides of `second`.",
        "Beside second[..., m:H-m, m:W-m] goes first[..., m+dy:H-m+dy, m+dx:W-m+dx], where m is largest.",
    ),
)
def find_shift(first, second, largest):
    """(dy, dx), from -largest to largest: `second`'s place (y, x) shows what `first` has at (y + dy, x + dx)."""
    height, width = first.shape[-2:]
    inner = second[..., largest : height - largest, largest : width - largest]
    best = None
    for dy in range(-largest, largest + 1):
        for dx in range(-largest, largest + 1):
            top, left = largest + dy, largest + dx
            moved = first[..., top : top + inner.shape[-2], left : left + inner.shape[-1]]
            error = (moved - inner).square().mean().item()
            if best is None or error < best[0]:
                best = error, dy, dx
    return best[1], best[2]


@find_shift.mistake("The signs are turned round: you moved `second` over `first`.")
def turned_round(first, second, largest):
    dy, dx = find_shift.answer(first, second, largest)
    return -dy, -dx


@find_shift.mistake("dy, the rows, comes first, and then dx, the columns.")
def columns_first(first, second, largest):
    return find_shift.answer(first, second, largest)[::-1]


@find_shift.mistake("Negative shifts are possible, too: the camera may move up and to the left.")
def forwards_only(first, second, largest):
    height, width = first.shape[-2:]
    errors = {}
    for dy in range(largest + 1):
        for dx in range(largest + 1):
            moved = first[..., dy:, dx:]
            still = second[..., : height - dy, : width - dx]
            errors[dy, dx] = (moved - still).square().mean().item()
    return min(errors, key=errors.get)


@find_shift.mistake(
    "`range` stops before its end, so `largest` itself is never tried: range(-largest, largest + 1)."
)
def without_the_largest(first, second, largest):
    height, width = first.shape[-2:]
    m, errors = largest, {}
    for dy in range(-m, m):
        for dx in range(-m, m):
            moved = first[..., m + dy : height - m + dy, m + dx : width - m + dx]
            errors[dy, dx] = (moved - second[..., m : height - m, m : width - m]).square().mean().item()
    return min(errors, key=errors.get)


def _by(score, best=min, cut=True):
    """A search that compares the overlaps by another score."""

    def search(first, second, largest):
        height, width = first.shape[-2:]
        m, scores = largest, {}
        for dy in range(-m, m + 1):
            for dx in range(-m, m + 1):
                if cut:
                    a = first[..., m + dy : height - m + dy, m + dx : width - m + dx]
                    b = second[..., m : height - m, m : width - m]
                else:  # each shift with its own overlap
                    a = first[..., max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
                    b = second[..., max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
                scores[dy, dx] = score(a, b).item()
        return best(scores, key=scores.get)

    return search


find_shift.mistake(
    "The largest difference is looked for; the smallest is where the frames agree.",
    _by(lambda a, b: (a - b).square().mean(), best=max),
)
find_shift.mistake(
    "The overlaps have different sizes, and a sum grows with the size: it prefers the shifts with the smallest "
    "overlap. Take the mean, or cut all to one size.",
    _by(lambda a, b: (a - b).square().sum(), cut=False),
)
find_shift.mistake(
    "A product is large where the picture is bright, whether it fits or not: compare by the squared difference.",
    _by(lambda a, b: (a * b).mean(), best=max),
)
find_shift.mistake(
    "Differences of both signs cancel here: square them, or take absolute values.",
    _by(lambda a, b: (a - b).mean().abs()),
)
