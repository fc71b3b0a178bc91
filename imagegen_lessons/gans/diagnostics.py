"""Training diagnostics: what looks wrong in a GAN's losses and images, and what to try.

history = training.fit(gan.step, batches, 1000)
diagnostics.report(history, fake=gan.average(gan.z(256)), real=x[:256], learning_rate=2e-3)

The thresholds stand between what some seventy bad runs and forty good or middling ones showed, on 8 × 8 digits
and 16 × 16 faces. A finding is worth a look; no finding is no proof.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from imagegen_lessons import training

FEWEST_STEPS = 50  # steps; fewer say nothing
SETTLED = 300  # steps; before, images are young: G, and the more so its average, still remembers the noise
RECENT = 200  # "now" is the last 200 steps, or the second half where there are fewer than 400
BLOCK = 25  # steps to average over, against the noise of small batches
FEWEST, ENOUGH = 8, 256  # images to examine a batch by, and how many are looked at
CHANCE = (
    math.log(2),
    2 * math.log(2),
)  # the loss of a D that cannot tell real from fake: relativistic, classic
SLACK = 0.05  # a last layer without bounds may leave [0, 1] by so much without harm
GREY = 1 / 255  # one grey level: less is not seen
# Mode collapse: fakes' diversity as a share of the real one; good runs have 0.6 and more.
COLLAPSED, PARTLY = 0.1, 0.4
DUPLICATES = 0.2  # the same for the distance to the most similar other image; good runs from 0.45
EXPLODED = (
    100.0  # a loss of 100 gives the truth a probability of e^-100; even an overtrained D stays below 40
)
SURE = 0.1  # D gives the truth a probability of e^-0.1 = 90 %, whichever its loss; good runs stay above 0.35
JUMP, JUMPS = 2.5, 3  # three jumps by 2.5 times the chance level in one step; in good runs the third has 1.5
STILL = 0.07  # of the chance level; a loss that learns leaves its start by 0.1 of it within 50 steps
LOW_RATE = 1e-4  # below it, the rate explains a loss that does not move
NEAR_CHANCE = 0.95  # of the chance level; good training ends here, too, so it takes images that differ
DIFFERENT = 3.0  # standard deviations of the real images; good runs of 300 steps stay below 2.6

# The recipe of lesson 02 cures most; {lower} becomes a learning rate below the one that was used.
ANEW = "G and D built anew, with {lower} and betas=(0.0, 0.99)."
DIVERSE = "gans.RELATIVISTIC with gamma=0.2, betas=(0.0, 0.99), and larger batches."
ADVICE = {
    "wrong range": "(x + 1) / 2 for pixels in [-1, 1], x / 255 for those up to 255; a sigmoid as G's last layer.",
    "not finite": ANEW,
    "training stopped": "what it says; if a loss was not finite, {lower} and betas=(0.0, 0.99).",
    "dead G": "a softsign in place of a sigmoid at G's end, as in gans.Generator; or a strong penalty for D at first.",
    "constant": "G built anew; a last bias near 0, LeakyReLU rather than ReLU, {lower}.",
    "collapsed": DIVERSE,
    "partly collapsed": DIVERSE,
    "exploding loss": ANEW,
    "D saturated": "gans.RELATIVISTIC with gamma=0.2 (then more), and no more steps for D than for G.",
    "learning rate too high": ANEW,
    "learning rate too low": "lr=2e-3; if that changes nothing, D cannot learn: a lower gamma, or a larger D.",
    "D not learning": "a lower gamma, a larger D without dead layers, the same lr for D as for G.",
}


class Finding(NamedTuple):
    """One thing that is wrong: its name, a sentence with the measured number, and what to try."""

    name: str
    sentence: str
    advice: str


def examine(history=None, *, fake=None, real=None, learning_rate=None) -> list[Finding]:
    """What looks wrong, the most basic first; an empty list where nothing does.

    history: what `training.fit` returned, or the TrainingError that it raised. fake, real: at least 8 images each,
    (n, C, H, W). The more is given, the more is found. Raises ValueError where nothing is given, where the losses
    "D" and "G" are missing or of fewer than 50 steps, and for images of another shape.
    """
    if history is None and fake is None and real is None:
        raise ValueError("There is nothing to examine: give a history, or fake and real images.")
    fake, real = _images("fake", fake), _images("real", real)
    if fake is not None and real is not None and fake.shape[1:] != real.shape[1:]:
        raise ValueError(f"Fakes are {tuple(fake.shape[1:])} and real images {tuple(real.shape[1:])}.")
    lower = "lr=2e-3"
    if learning_rate is not None and learning_rate <= 2e-3:
        lower = f"lr={learning_rate / 10:g} instead of {learning_rate:g}"
    slow = None if learning_rate is None else learning_rate < LOW_RATE
    found = _look(history, fake, real, slow)
    return [Finding(name, sentence, ADVICE[name].format(lower=lower)) for name, sentence in found]


def report(history=None, *, fake=None, real=None, learning_rate=None) -> None:
    """Prints what `examine` finds, a paragraph each, or that nothing is conspicuous."""
    findings = examine(history, fake=fake, real=real, learning_rate=learning_rate)
    if not findings:
        print("✅ nothing conspicuous: now look at the images, and measure.")
    if len(findings) > 1:
        print("Begin with the first: the others may follow from it.")
    for finding in findings:
        print(f"⚠ {finding.name}: {finding.sentence} Try: {finding.advice}")


def _images(name, x):
    if x is None:
        return None
    if not isinstance(x, Tensor) or x.dim() != 4 or len(x) < FEWEST or min(x.shape) < 1:
        what = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"{name} must be a tensor (n, C, H, W) of at least {FEWEST} images, not {what}.")
    return x[:ENOUGH].detach().cpu().float()


def _losses(history):
    """D's and G's loss, without the NaN of steps that did not report it."""
    values = getattr(history, "values", None)
    if not isinstance(values, dict) or not {"D", "G"} <= set(values):
        raise ValueError(
            "A history holds the losses 'D' and 'G', as `training.fit` returns it for a GANTrainer."
        )
    losses = {name: torch.tensor(values[name]) for name in ("D", "G")}
    losses = {name: series[series.isfinite()] for name, series in losses.items()}
    if (steps := min(map(len, losses.values()))) < FEWEST_STEPS:
        raise ValueError(f"{steps} steps are too few to say anything: train at least {FEWEST_STEPS}.")
    return losses


# What follows yields pairs: the name of a finding, and its sentence. `slow`: is the learning rate low? None: unknown.


def _look(history, fake, real, slow):
    stopped = isinstance(history, training.TrainingError)
    losses = None if history is None or stopped else _losses(history)
    still = losses is not None and _still(losses)
    for name, x in (("real", real), ("fake", fake)):
        if x is not None:
            yield from _range(name, x)
    if fake is not None and fake.isfinite().all():
        young = still or slow or (losses and len(losses["D"]) < SETTLED)
        yield from _diversity(fake, real, young)
    if stopped:
        yield "training stopped", str(history)
    if losses:
        yield from _curves(losses, still, fake, real, slow)


def _chance(losses):
    """D's loss at chance level: an untrained D has nearly that, and it tells the two kinds of losses apart."""
    first = losses["D"][0].clamp_min(1e-9).log()
    return min(CHANCE, key=lambda level: abs(math.log(level) - first))


def _still(losses):
    """Whether neither loss has ever left where it started."""
    for series, start in ((losses["D"], _chance(losses)), (losses["G"], losses["G"][0])):
        blocks = series[: len(series) // BLOCK * BLOCK].view(-1, BLOCK).mean(1)
        if (blocks - start).abs().max() > STILL * _chance(losses):
            return False
    return True


def _range(name, x):
    low, high = (bound.item() for bound in x.aminmax())
    if not x.isfinite().all():
        yield "not finite", f"{(~x.isfinite()).float().mean():.0%} of the {name} pixels are not finite."
    elif low < -SLACK or high > 1 + SLACK or (name == "real" and high < SLACK):
        yield "wrong range", f"The {name} pixels go from {low:.3g} to {high:.3g}, where 0 to 1 is expected."


def _deviation(x):
    """How much a pixel differs from image to image: root mean square."""
    return x.var(0).mean().sqrt().item()


def _contrast(x):
    """How much pixels differ within a channel of an image, (n,)."""
    return x.flatten(2).std(2, correction=0).mean(1)


def _nearest(x):
    """The median distance to the most similar other image."""
    return torch.cdist(x.flatten(1), x.flatten(1)).fill_diagonal_(math.inf).min(1).values.median().item()


def _diversity(fake, real, young):
    if _deviation(fake) < GREY:
        flat, mean = _contrast(fake).mean() < GREY, fake.mean().item()
        if flat and not GREY < mean < 1 - GREY:
            colour = "black" if mean < 0.5 else "white"
            yield (
                "dead G",
                f"All fakes are pure {colour}: G's last layer is saturated, and no gradient comes through.",
            )
        else:
            yield "constant" if flat else "collapsed", f"All fakes are one image, around {mean:.2f}."
        return
    if real is None or not real.isfinite().all() or _deviation(real) <= GREY:
        return
    # Diversity in units of contrast, since pale images of a young G are not all one image; and of equally many
    # images, since among more of them the nearest is nearer.
    n = min(len(fake), len(real))
    pale = (_contrast(fake).mean() / _contrast(real).mean().clamp_min(GREY)).item()
    share, nearest = (f(fake[:n]) / max(f(real[:n]) * pale, 1e-6) for f in (_deviation, _nearest))
    sentence = f"Fakes differ from each other only {share:.2f} times as much as real images do."
    if share < COLLAPSED:
        yield "collapsed", sentence
    elif share < PARTLY and not young:  # on its way from noise to images, a good G passes here
        yield "partly collapsed", sentence
    elif nearest < DUPLICATES and not young:
        sentence = f"Most fakes have a near-duplicate, {nearest:.2f} times as far away as a real one's."
        yield "partly collapsed", sentence


def _difference(fake, real):
    """Standard deviations between fake and real images in mean colour, contrast or sharpness: the largest."""

    def statistics(x):
        sharpness = x.diff(dim=-1).abs().mean((1, 2, 3)) + x.diff(dim=-2).abs().mean((1, 2, 3))
        return torch.cat([x.mean((2, 3)), torch.stack([_contrast(x), sharpness], dim=1)], dim=1)

    fake, real = statistics(fake), statistics(real)
    return ((fake.mean(0) - real.mean(0)).abs() / real.std(0).clamp_min(GREY)).nan_to_num().max().item()


def _curves(losses, still, fake, real, slow):
    chance, steps = _chance(losses), len(losses["D"])
    worst, name = max((losses[name].abs().max().item(), name) for name in losses)
    if worst > EXPLODED:
        yield "exploding loss", f"{name}'s loss reached {worst:.3g}, where {chance:.2f} is the chance level."
    last = min(RECENT, steps // 2)
    now = losses["D"][-last:].median().item()
    if now < SURE:
        yield (
            "D saturated",
            f"D's loss is about {now:.2g} over the last {last} steps: G learns little from it.",
        )
    if worst > EXPLODED:
        return
    jumps = losses["D"].diff().abs().sort().values[-JUMPS:] / chance
    if jumps[0] > JUMP:
        sentence = f"D's loss jumped by {jumps[-1]:.1f} times the chance level in one step."
        yield "learning rate too high", sentence
    compared = fake is not None and real is not None and (still or steps >= SETTLED)
    off = _difference(fake, real) if compared else (math.inf if still else 0.0)
    seen = f", and fakes are {off:.1f} standard deviations off in a simple statistic" if compared else ""
    if off > DIFFERENT and (slow or (still and slow is None)):
        yield "learning rate too low", f"After {steps:,} steps D's loss is still {now:.3f}{seen}."
    elif off > DIFFERENT and (still or now > NEAR_CHANCE * chance):
        yield "D not learning", f"D's loss is {now:.3f}, the chance level is {chance:.3f}{seen}."
