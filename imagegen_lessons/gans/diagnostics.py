"""What is wrong with this GAN? It reads the losses and looks at the pictures, and says what to try.

history = training.fit(game.step, batches, 1000)
diagnosis.report(history, fake=game.average(game.z(256)), real=x[:256], learning_rate=2e-3)

The thresholds stand between what some seventy bad runs and forty good or middling ones showed, on 8 × 8 digits
and 16 × 16 faces. A finding is worth a look; no finding is no proof.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from imagegen_lessons import training

FEWEST_STEPS = 50  # steps; fewer say nothing
SETTLED = 300  # steps; before, pictures are young: G, and the more so its average, still remembers the noise
RECENT = 200  # "now" is the last 200 steps, or the second half where there are fewer than 400
BLOCK = 25  # steps to average over, against the noise of small batches
FEWEST, ENOUGH = 8, 256  # pictures to examine a batch by, and how many are looked at
COINS = math.log(2), 2 * math.log(2)  # D's loss when it tosses a coin: relativistic and classic
SLACK = 0.05  # a last layer without bounds may leave [0, 1] by so much without harm
OUT_OF_REACH = 0.3  # of the real pixels; good runs miss a few per cent, a sigmoid half of those in [-1, 1]
GREY = 1 / 255  # one grey level: less is not seen
COLLAPSED, PARTLY = 0.1, 0.4  # fakes' variety as a share of the real one; good runs have 0.6 and more
TWINS = 0.2  # the same for the distance to the most similar other picture; good runs from 0.45
EXPLODED = 100.0  # a loss of 100 gives the truth a chance of e^-100; even a D trained 20 times stays below 40
SURE = 0.1  # D gives the truth a chance of e^-0.1 = 90 %, whichever its loss; good runs stay above 0.35
SURE_GAP = 10.0  # between real and fake scores; then a sigmoid is flat to four digits
JUMP, JUMPS = 2.5, 3  # three jumps by 2.5 coins in one step; the third largest of good runs has 1.5
STILL = 0.07  # of a coin; a loss that learns leaves its start by 0.1 coins within 50 steps
LOW_RATE = 1e-4  # below it, the rate explains a loss that does not move
COIN_LIKE = 0.95  # of a coin's loss; the good end of a game is here, too, so it takes pictures that differ
DIFFERENT = 3.0  # standard deviations of the real pictures; good runs of 300 steps stay below 2.6


# The recipe of lesson 02 cures most; {lower} becomes a learning rate below the one that was used.
ADVICE = {
    "wrong range": "(x + 1) / 2 for pixels in [-1, 1], x / 255 for those up to 255; a sigmoid as G's last layer.",
    "not finite": "G and D built anew, with {lower} and betas=(0.0, 0.99).",
    "training stopped": "what it says; if a loss was not finite, {lower} and betas=(0.0, 0.99).",
    "constant": "G built anew; a last bias near 0, LeakyReLU rather than ReLU, {lower}.",
    "collapsed": "gan.RELATIVISTIC with gamma=0.2, betas=(0.0, 0.99), and larger batches.",
    "partly collapsed": "gan.RELATIVISTIC with gamma=0.2, betas=(0.0, 0.99), and larger batches.",
    "exploding loss": "G and D built anew, with {lower} and betas=(0.0, 0.99).",
    "D saturated": "gan.RELATIVISTIC with gamma=0.2 (then more), and no more steps for D than for G.",
    "learning rate too high": "G and D built anew, with {lower} and betas=(0.0, 0.99).",
    "learning rate too low": "lr=2e-3; if that changes nothing, D cannot learn: a lower gamma, or a larger D.",
    "D not learning": "a lower gamma, a larger D without dead layers, the same lr for D as for G.",
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its name, a sentence with the measured number, and what to try."""

    name: str
    sentence: str
    advice: str


def examine(history=None, *, fake=None, real=None, learning_rate=None) -> list[Finding]:
    """What looks wrong, the most basic first; an empty list where nothing does.

    `history`: what `training.fit` returned, a dict with the lists "D" and "G" (further "real score" and "fake score"
    where they were kept), or the TrainingError that `fit` raised. `fake` and `real`: at least 8 pictures each,
    (n, C, H, W); the more is given, the more is found. Raises ValueError where nothing is given, the losses are
    missing or of fewer than 50 steps, and where pictures do not have this shape.
    """
    if history is None and fake is None and real is None:
        raise ValueError("There is nothing to examine: give a history, or fake and real pictures.")
    fake, real = _pictures("fake", fake), _pictures("real", real)
    if fake is not None and real is not None and fake.shape[1:] != real.shape[1:]:
        raise ValueError(f"Fakes are {tuple(fake.shape[1:])} and real pictures {tuple(real.shape[1:])}.")
    lower = "lr=2e-3"
    if learning_rate is not None and learning_rate <= 2e-3:
        lower = f"lr={learning_rate / 10:g} instead of {learning_rate:g}"
    found = _look(history, fake, real, learning_rate)
    return [Finding(name, sentence, ADVICE[name].format(lower=lower)) for name, sentence in found]


def report(history=None, *, fake=None, real=None, learning_rate=None) -> None:
    """Prints what `examine` finds, a paragraph each, or that nothing is conspicuous."""
    findings = examine(history, fake=fake, real=real, learning_rate=learning_rate)
    if not findings:
        print("✅ nothing conspicuous: now look at the pictures, and measure.")
    if len(findings) > 1:
        print("Begin with the first: the others may follow from it.")
    for finding in findings:
        print(f"⚠ {finding.name}: {finding.sentence} Try: {finding.advice}")


def _pictures(name, x):
    if x is None:
        return None
    if not isinstance(x, Tensor) or x.dim() != 4 or len(x) < FEWEST or min(x.shape) < 1:
        what = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"{name} must be a tensor (n, C, H, W) of at least {FEWEST} pictures, not {what}.")
    return x[:ENOUGH].detach().cpu().float()


# What follows yields pairs: the name of a finding, and its sentence.


def _look(history, fake, real, rate):
    stopped = isinstance(history, training.TrainingError)
    losses = {} if history is None or stopped else _losses(history)
    broken = {name: step for name in ("D", "G") if losses and (step := _breaks(losses[name]))}
    losses = {} if broken else {name: series[series.isfinite()] for name, series in losses.items()}
    if losses and (steps := min(len(losses["D"]), len(losses["G"]))) < FEWEST_STEPS:
        raise ValueError(f"{steps} steps are too few to say anything: train at least {FEWEST_STEPS}.")
    still = bool(losses) and _still(losses)
    for name, x in (("real", real), ("fake", fake)):
        if x is not None:
            yield from _range(name, x)
    if fake is not None and fake.isfinite().all():
        young = still or _slow(rate) or (losses and len(losses["D"]) < SETTLED)
        yield from _variety(fake, real, young)
    if stopped:
        yield "training stopped", str(history)
    for name, step in broken.items():
        yield "not finite", f"{name}'s loss is not finite from step {step:,} on."
    if losses:
        yield from _curves(losses, still, fake, real, rate)


def _losses(history):
    values = history.values if isinstance(history, training.History) else history
    if not isinstance(values, Mapping) or not {"D", "G"} <= set(values):
        have = ", ".join(map(repr, values)) if isinstance(values, Mapping) else type(values).__name__
        raise ValueError(f"The history must hold the losses 'D' and 'G', as gan.Game gives them, not {have}.")
    return {name: torch.tensor([float(v) for v in series]) for name, series in values.items()}


def _breaks(series):
    """The step, from 1, at which a loss breaks, or None. NaN between numbers only means "not reported here"."""
    if series.isinf().any():
        return series.isinf().nonzero()[0].item() + 1
    reported = series.isfinite().nonzero().flatten().tolist() or [-1]
    usual = max((b - a for a, b in pairwise(reported)), default=1)
    return reported[-1] + 2 if len(series) - 1 - reported[-1] >= usual else None


def _slow(rate):
    return rate is not None and rate < LOW_RATE


def _coin(losses):
    """D's loss for tossing a coin, in this game: an untrained D does nearly that."""
    first = losses["D"][0].clamp_min(1e-9).log()
    return min(COINS, key=lambda coin: abs(math.log(coin) - first))


def _still(losses):
    """Whether neither loss has ever left where an untrained game starts."""
    coin, moved = _coin(losses), []
    for series, start in ((losses["D"], coin), (losses["G"], losses["G"][0])):
        blocks = torch.stack([block.mean() for block in series.split(BLOCK) if len(block) == BLOCK])
        moved.append((blocks - start).abs().max() > STILL * coin)
    return not any(moved)


def _range(name, x):
    low, high = (bound.item() for bound in x.aminmax())
    if not x.isfinite().all():
        yield "not finite", f"{(~x.isfinite()).float().mean():.0%} of the {name} pixels are not finite."
    elif low < -SLACK or high > 1 + SLACK or (name == "real" and high < SLACK):
        yield "wrong range", f"The {name} pixels go from {low:.3g} to {high:.3g}, where 0 to 1 is expected."


def _spread(x):
    """How much a pixel differs from picture to picture: root mean square."""
    return x.var(0).mean().sqrt().item()


def _contrast(x):
    """How much pixels differ within a channel of a picture, (n,)."""
    return x.flatten(2).std(2, correction=0).mean(1)


def _nearest(x):
    """The median distance to the most similar other picture."""
    return torch.cdist(x.flatten(1), x.flatten(1)).fill_diagonal_(math.inf).min(1).values.median().item()


def _variety(fake, real, young):
    alike = _spread(fake) < GREY
    if alike and _contrast(fake).mean() < GREY:
        yield "constant", f"G is dead: every fake is the same flat colour, around {fake.mean():.2f}."
    elif alike:
        yield "collapsed", f"All fakes are one picture: a pixel differs by {_spread(fake):.1g} among them."
    elif real is not None and real.isfinite().all() and _spread(real) > GREY:
        low, high = (bound.item() for bound in fake.aminmax())
        missed = ((real < low - SLACK) | (real > high + SLACK)).float().mean().item()
        if not young and missed > OUT_OF_REACH and not list(_range("real", real)):
            yield "wrong range", f"{missed:.0%} of real pixels lie outside fake {low:.2f} to {high:.2f}."
        # Variety in units of contrast, since pale pictures of a young G are not all one picture; and of equally
        # many pictures, since among more of them the nearest is nearer.
        n = min(len(fake), len(real))
        pale = (_contrast(fake).mean() / _contrast(real).mean().clamp_min(GREY)).item()
        share, twins = (f(fake[:n]) / max(f(real[:n]) * pale, 1e-6) for f in (_spread, _nearest))
        sentence = f"Fakes differ from each other only {share:.2f} times as much as real pictures do."
        if share < COLLAPSED:
            yield "collapsed", sentence
        elif share < PARTLY and not young:  # on its way from noise to pictures, a good G passes here
            yield "partly collapsed", sentence
        elif twins < TWINS and not young:
            yield (
                "partly collapsed",
                f"Most fakes have a twin, {twins:.2f} times as far away as a real one's.",
            )


def _difference(fake, real):
    """Standard deviations between fake and real pictures in mean colour, contrast or sharpness: the largest."""

    def statistics(x):
        sharpness = x.diff(dim=-1).abs().mean((1, 2, 3)) + x.diff(dim=-2).abs().mean((1, 2, 3))
        return torch.cat([x.mean((2, 3)), torch.stack([_contrast(x), sharpness], dim=1)], dim=1)

    fake, real = statistics(fake), statistics(real)
    return ((fake.mean(0) - real.mean(0)).abs() / real.std(0).clamp_min(GREY)).nan_to_num().max().item()


def _curves(losses, still, fake, real, rate):
    coin, steps = _coin(losses), len(losses["D"])
    last = min(RECENT, steps // 2)
    now = {name: series[-last:].median().item() for name, series in losses.items()}
    worst, who = max((losses[name].abs().max().item(), name) for name in ("D", "G"))
    if worst > EXPLODED:
        yield "exploding loss", f"{who}'s loss reached {worst:.3g}, where {coin:.2f} is the loss of a coin."
    gap = now.get("real score", math.nan) - now.get("fake score", math.nan)  # NaN is larger than nothing
    if now["D"] < SURE or gap > SURE_GAP:
        seen = f"loss has been about {now['D']:.2g}" if now["D"] < SURE else f"scores are {gap:.3g} apart"
        yield "D saturated", f"D's {seen} over the last {last} steps, so G hears little that is new."
    jumps = losses["D"].diff().abs().sort().values[-JUMPS:] / coin
    if worst > EXPLODED:
        return
    if jumps[0] > JUMP:
        yield "learning rate too high", f"D's loss jumped by {jumps[-1]:.1f} times a coin's loss in one step."
    judged = fake is not None and real is not None and (still or steps >= SETTLED)
    off = _difference(fake, real) if judged else (math.inf if still else 0.0)
    seen = f", and fakes are {off:.1f} standard deviations off in a simple statistic" if judged else ""
    if off > DIFFERENT and (_slow(rate) or (still and rate is None)):
        yield "learning rate too low", f"After {steps:,} steps D's loss is still {now['D']:.3f}{seen}."
    elif off > DIFFERENT and (still or now["D"] > COIN_LIKE * coin):
        yield "D not learning", f"D's loss is {now['D']:.3f}, a coin's is {coin:.3f}{seen}."
