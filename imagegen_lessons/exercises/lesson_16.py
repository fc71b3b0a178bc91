"""Exercises of lesson 16: a watermark, its false positives, the Brier score, costs, verdicts, slices, a model card."""

import copy
import itertools
import math

import torch

from imagegen_lessons import metrics
from imagegen_lessons.exercises.checker import Wrong, exercise, explain
from imagegen_lessons.runtime import generator


def _case(seed: int, bits: int, k: int) -> tuple:
    rng = generator(seed)
    signs = torch.randint(2, (bits + bits * k,), generator=rng) * 2.0 - 1
    return 0.1 * torch.randn(bits, k, generator=rng), signs[:bits], signs[bits:].view(bits, k), 0.03


@exercise(
    cases=(_case(1, 6, 8), _case(2, 12, 40)),
    hints=(
        "What is read of each bit: read = (coefficients * chips).mean(dim=1). It should be bits * strength, or beyond.",
        "What is lacking: (strength - bits * read).clamp(min=0), one number for each bit, never negative.",
        "coefficients + (bits * lacking)[:, None] * chips",
    ),
)
def embed_bits(coefficients, bits, chips, strength):
    """Coefficients (b, k), moved along chips (±1) just so far that each bit (±1) is read at `strength` or beyond."""
    read = (coefficients * chips).mean(dim=1)
    lacking = (strength - bits * read).clamp(min=0)
    return coefficients + (bits * lacking)[:, None] * chips


@embed_bits.mistake("The picture gets in the way: read first what is there, and add only what is lacking.")
def naive(coefficients, bits, chips, strength):
    return coefficients + strength * bits[:, None] * chips


@embed_bits.mistake("A bit that is read strongly enough is left alone: clamp what is lacking at 0.")
def weakens(coefficients, bits, chips, strength):
    return coefficients + (bits * strength - (coefficients * chips).mean(dim=1))[:, None] * chips


@embed_bits.mistake("For the bit −1 compare −read with the strength: bits * read.")
def without_the_sign(coefficients, bits, chips, strength):
    lacking = (strength - (coefficients * chips).mean(dim=1)).clamp(min=0)
    return coefficients + (bits * lacking)[:, None] * chips


@embed_bits.mistake("Add only what is lacking, `strength - bits * read`, and not the whole `strength`.")
def all_or_nothing(coefficients, bits, chips, strength):
    lacks = bits * (coefficients * chips).mean(dim=1) < strength
    return coefficients + (strength * bits * lacks)[:, None] * chips


@exercise(
    cases=((32, 28, 1), (32, 28, 13), (8, 8, 1), (4, 2, 3)),
    hints=(
        "math.comb(bits, k) of the 2 ** bits messages agree in exactly k places.",
        "Add up from k = at_least to bits inclusive: that is one try.",
        "That all tries fail has the probability (1 - once) ** tries; you want the opposite.",
    ),
)
def false_positive_probability(bits, at_least, tries):
    """The probability that at least one of so many independent tries agrees by luck in `at_least` bits or more."""
    once = sum(math.comb(bits, k) for k in range(at_least, bits + 1)) / 2**bits
    return 1 - (1 - once) ** tries


@false_positive_probability.mistake("`at_least` and more: add up all numbers of agreeing bits from there on.")
def exactly(bits, at_least, tries):
    return 1 - (1 - math.comb(bits, at_least) / 2**bits) ** tries


@false_positive_probability.mistake(
    "Every try may be the lucky one, but your answer does not depend on `tries`."
)
def one_try(bits, at_least, tries):
    return false_positive_probability.answer(bits, at_least, 1)


@false_positive_probability.mistake(
    "A probability cannot exceed 1: compute that *no* try is lucky, and take the rest."
)
def added_up(bits, at_least, tries):
    return tries * false_positive_probability.answer(bits, at_least, 1)


def _agree(task, attempt, cases, where: str) -> None:
    """Like the cases of an exercise, but inf may be right; `where` names the values of a case."""

    def tried(function):
        return [function(*copy.deepcopy(case)) for case in cases]

    answers = tried(attempt)
    for case, expected, got in zip(cases, tried(task.answer), answers, strict=True):
        problem = explain(expected, got)
        if problem and explain(math.inf, got) is None:
            problem = f"expected {expected:.2g}, got inf."
        if problem:
            advice = [text for wrong, text in task.wrong.items() if explain(tried(wrong), answers) is None]
            raise Wrong(" ".join([where.format(*case), problem, *advice]))


_QUIZ = torch.tensor([0.9, 0.0, 0.5, 1.0]), torch.tensor([1.0, 0.0, 1.0, 0.0])


def _verify_brier(attempt):
    _agree(brier, attempt, [_QUIZ], "For the probabilities {} and the outcomes {}:")
    for wild in (1.2, -0.1):
        try:
            attempt(torch.tensor([wild, 0.5]), torch.tensor([1.0, 0.0]))
        except ValueError:
            continue
        raise Wrong(f"{wild} is no probability: `raise ValueError(…)` before anything is computed.")


@exercise(
    verify=_verify_brier,
    hints=(
        "First look: if a probability is below 0 or above 1, raise ValueError with a sentence.",
        "The gap is probability - outcome; square it, and take the mean.",
    ),
)
def brier(probability, outcome):
    """The Brier score of probabilities (n,) for outcomes, 1 or 0 (n,); ValueError for a probability outside 0 to 1."""
    if probability.min() < 0 or probability.max() > 1:
        raise ValueError("A probability lies between 0 and 1.")
    return (probability - outcome).square().mean()


@brier.mistake("Square the gap: one gap of .8 must cost more than two of .4.")
def plain_gap(probability, outcome):
    return (probability - outcome).abs().mean()


@brier.mistake("Take the mean and not the sum: a longer quiz is no worse one.")
def summed(probability, outcome):
    return (probability - outcome).square().sum()


@brier.mistake("Leave out the root: the score is the mean of the squares itself.")
def rooted(probability, outcome):
    return (probability - outcome).square().mean().sqrt()


@brier.mistake("before anything is computed")
def unchecked(probability, outcome):
    return (probability - outcome).square().mean()


_SCORES = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.55, 0.35, 0.5, 0.6, 0.8, 0.9])
_FAKE = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 1, 0]).bool()
_COSTS = ((0.5, 1.0, 1.2), (0.1, 1.0, 5.0), (0.1, 1.0, 4.0), (0.01, 50.0, 10.0), (0.5, 0.1, 10.0))


def _verify_threshold(attempt):
    cases = [(_SCORES, _FAKE, *costs) for costs in _COSTS]
    _agree(cheapest_threshold, attempt, cases, "For a share of {2}, a false alarm at {3}, a miss at {4}:")


@exercise(
    verify=_verify_threshold,
    hints=(
        "Try every score that occurs, and math.inf, which flags nothing; flagged is score >= threshold.",
        "missed = (scores[fake] < t).float().mean() costs share * miss * missed; do the same for false alarms.",
    ),
)
def cheapest_threshold(scores, fake, share, false_alarm, miss):
    """The threshold (a score that occurs, or inf) of the least mean cost where `share` of all pictures are fakes."""

    def cost(t):
        missed, flagged = (scores[fake] < t).float().mean(), (scores[~fake] >= t).float().mean()
        return share * miss * missed + (1 - share) * false_alarm * flagged

    return min([math.inf, *scores.tolist()], key=cost)


def _cheapest(thresholds, rate, scores, fake, share, false_alarm, miss):
    def cost(t):
        missed, flagged = rate((scores[fake] < t).float()), rate((scores[~fake] >= t).float())
        return share * miss * missed + (1 - share) * false_alarm * flagged

    return min(thresholds, key=cost)


@cheapest_threshold.mistake("The test's share of fakes is not that out there: weigh the rates with `share`.")
def as_in_the_test(scores, fake, share, false_alarm, miss):
    return cheapest_threshold.answer(scores, fake, 0.5, false_alarm, miss)


@cheapest_threshold.mistake("To flag nothing is a choice, too: try math.inf as well.")
def something_is_flagged(scores, *rest):
    return _cheapest(scores.tolist(), torch.mean, scores, *rest)


@cheapest_threshold.mistake("Counts carry the test's mixture: use rates (means).")
def counted(scores, *rest):
    return _cheapest([math.inf, *scores.tolist()], torch.sum, scores, *rest)


@exercise(
    cases=tuple(itertools.product(("machine", "camera", None), (True, False), (0.99, 0.6, 0.01))),
    hints=(
        "Three signs can speak for a machine: the credential, the watermark, and a probability of .99 or more.",
        "Only one sign speaks for a camera: the credential. A low probability does not: detectors miss what is new.",
        "If signs speak for both, or for neither: 'cannot conclude'.",
    ),
)
def verdict(credential, watermark, probability):
    """What made it: "machine", "camera" or "cannot conclude". The credential says "machine", "camera" or None."""
    machine = credential == "machine" or watermark or probability >= 0.99
    camera = credential == "camera"
    if machine == camera:
        return "cannot conclude"
    return "machine" if machine else "camera"


@verdict.mistake("Signs that contradict each other allow no conclusion, not even if one of them is signed.")
def signature_first(credential, watermark, probability):
    return credential or verdict.answer(None, watermark, probability)


@verdict.mistake(
    'A low probability never counts as "camera": a detector is blind to fakes that it does not know.'
)
def trusts_a_low_probability(credential, watermark, probability):
    if probability > 0.5:
        return verdict.answer(credential, watermark, probability)
    return "cannot conclude" if credential == "machine" else verdict.answer("camera", watermark, probability)


@verdict.mistake("The watermark or the probability: one of the two is enough.")
def both_needed(credential, watermark, probability):
    return verdict.answer(credential, watermark and probability >= 0.99, 0.0)


@exercise(
    cases=(([1, 40, 6], [1, 100, 100]), ([0, 1, 40, 0], [0, 1, 100, 0]), ([2, 25, 60], [2, 50, 200])),
    hints=(
        "metrics.wilson_interval(wrong, seen) gives (low, high): which end can you rely on?",
        "A slice without a single picture has no rate: pass over it, but keep its place in the count.",
    ),
)
def worst_slice(wrong, seen):
    """The index of the slice that is surely the worst: the highest lower end of the interval of wrong[i] of seen[i]."""
    lows = [metrics.wilson_interval(w, n)[0] if n else -1.0 for w, n in zip(wrong, seen, strict=True)]
    return lows.index(max(lows))


@worst_slice.mistake("1 of 1 is a rate of 100 %, and proves little: compare the lower ends of the intervals.")
def by_rate(wrong, seen):
    rates = [w / n if n else -1.0 for w, n in zip(wrong, seen, strict=True)]
    return rates.index(max(rates))


@worst_slice.mistake("Leaving empty slices out of the list shifts the indices: count all slices.")
def shifted(wrong, seen):
    filled = [(w, n) for w, n in zip(wrong, seen, strict=True) if n]
    return worst_slice.answer(*zip(*filled, strict=True))


_RESULTS = {"pictures": 600, "false alarms": 0.0512, "worst slice": "dark", "its false alarms": 0.227}
_CARD = {"meant for": "teaching", "pictures": 600, "false alarms": 0.05, "worst slice": "dark"}


@exercise(
    cases=(
        ({**_CARD, "its false alarms": 0.23}, _RESULTS),
        ({**_CARD, "meant for": " ", "false alarms": 0.02}, _RESULTS),
        ({**_CARD, "pictures": 60, "worst slice": "fair", "its false alarms": 0.227}, _RESULTS),
    ),
    hints=(
        "Two kinds: an empty text on the card (strip it), and a result that the card lacks or tells otherwise.",
        "Numbers may be rounded: they agree when abs(said - stored) < 0.0051. Text must be equal.",
    ),
)
def card_problems(card, results):
    """The sorted names of what is wrong with a card: empty text, and results that are missing or untrue (±.005)."""
    empty = {name for name, value in card.items() if isinstance(value, str) and not value.strip()}

    def agree(said, stored):
        numbers = isinstance(said, int | float) and isinstance(stored, int | float)
        return abs(said - stored) < 0.0051 if numbers else said == stored

    return sorted(empty | {name for name, stored in results.items() if not agree(card.get(name), stored)})


@card_problems.mistake("What the card leaves out goes unnoticed: go through the results, not the card.")
def only_what_it_says(card, results):
    return [name for name in card_problems.answer(card, results) if name in card]


@card_problems.mistake("This asks for all digits of a number: rounding to two decimals is honest.")
def to_the_last_digit(card, results):
    return sorted({*card_problems.answer(card, {}), *(n for n in results if card.get(n) != results[n])})
