"""Exercises of lesson 16: a watermark, its false positives, the Brier score, costs, verdicts, slices, a model
card."""

import contextlib
import copy
import itertools
import math

import torch

from imagegen_lessons import metrics
from imagegen_lessons.exercises.checker import Wrong, exercise, explain
from imagegen_lessons.runtime import generator


def _case(seed: int, bits: int, k: int, strength: float) -> tuple:
    rng = generator(seed)
    signs = torch.randint(2, (bits + bits * k,), generator=rng) * 2.0 - 1
    return 0.1 * torch.randn(bits, k, generator=rng), signs[:bits], signs[bits:].view(bits, k), strength


@exercise(
    cases=(_case(1, 6, 8, 0.03), _case(2, 12, 40, 0.02), _case(3, 5, 5, 0.1)),
    hints=(
        "What is read of each bit: read = (coefficients * chips).mean(dim=1). It should be bits * strength, or "
        "beyond.",
        "What is lacking: (strength - bits * read).clamp(min=0), one number for each bit, never negative.",
        "coefficients + (bits * lacking)[:, None] * chips",
    ),
)
def embed_bits(coefficients, bits, chips, strength):
    """Coefficients (b, k), moved along chips (±1) just so far that each bit (±1) is read at `strength` or beyond."""
    read = (coefficients * chips).mean(dim=1)
    lacking = (strength - bits * read).clamp(min=0)
    return coefficients + (bits * lacking)[:, None] * chips


embed_bits.mistake(
    "The picture gets in the way: read first what is there, and add only what is lacking.",
    lambda coefficients, bits, chips, strength: coefficients + strength * bits[:, None] * chips,
)
embed_bits.mistake(
    "A bit that is read strongly enough is left alone: clamp what is lacking at 0.",
    lambda coefficients, bits, chips, strength: (
        coefficients + (bits * strength - (coefficients * chips).mean(dim=1))[:, None] * chips
    ),
)


@embed_bits.mistake("For the bit −1 compare −read with the strength: bits * read.")
def without_the_sign(coefficients, bits, chips, strength):
    lacking = (strength - (coefficients * chips).mean(dim=1)).clamp(min=0)
    return coefficients + (bits * lacking)[:, None] * chips


@embed_bits.mistake("Add only what is lacking, `strength - bits * read`, and not the whole `strength`.")
def all_or_nothing(coefficients, bits, chips, strength):
    lacks = bits * (coefficients * chips).mean(dim=1) < strength
    return coefficients + (strength * bits * lacks)[:, None] * chips


def _moved(wanted):
    """Moves the coefficients by wanted(bits, read, strength), one number for each bit, along the chips."""

    def moved(coefficients, bits, chips, strength):
        return coefficients + wanted(bits, (coefficients * chips).mean(dim=1), strength)[:, None] * chips

    return moved


def _lacking(bits, read, strength):
    return bits * (strength - bits * read).clamp(min=0)


def _read_as(read):
    """Reads the bits with read(coefficients, chips)."""

    def moved(coefficients, bits, chips, strength):
        lacking = _lacking(bits, read(coefficients, chips), strength)
        return coefficients + lacking[:, None] * chips

    return moved


embed_bits.mistake(
    "A bit is read as the mean over its coefficients, and not as their sum.",
    _read_as(lambda coefficients, chips: (coefficients * chips).sum(dim=1)),
)
embed_bits.mistake(
    "Each bit is read from its own row: the mean goes over dim 1.",
    _read_as(lambda coefficients, chips: (coefficients * chips).mean().expand(len(chips))),
)
embed_bits.mistake(
    "To read a bit, multiply by the chips first: (coefficients * chips).mean(dim=1).",
    _read_as(lambda coefficients, chips: coefficients.mean(dim=1)),
)
embed_bits.mistake(
    "The absolute value also moves bits that are read strongly enough: clamp what is lacking at 0.",
    _moved(lambda bits, read, strength: bits * (strength - bits * read).abs()),
)
embed_bits.mistake(
    "A bit that is read strongly with the wrong sign lacks most: compare bits * read, not |read|.",
    _moved(lambda bits, read, strength: bits * (strength - read.abs()).clamp(min=0)),
)
embed_bits.mistake(
    "Clamp what is lacking, strength - bits * read, and not what is read: a wrong sign must be undone as well.",
    _moved(lambda bits, read, strength: bits * (strength - (bits * read).clamp(min=0))),
)
embed_bits.mistake(
    "More than `strength` may be lacking, where the bit reads with the wrong sign: no limit above.",
    _moved(lambda bits, read, strength: bits * (strength - bits * read).clamp(0, strength)),
)
embed_bits.mistake(
    "This moves the bits that need nothing, and leaves those that do: clamp(min=0), not clamp(max=0).",
    _moved(lambda bits, read, strength: bits * (strength - bits * read).clamp(max=0)),
)
embed_bits.mistake(
    "Coefficients move along the chips for +1 and against them for -1: multiply what is lacking by the bit.",
    _moved(lambda bits, read, strength: bits * _lacking(bits, read, strength)),
)
embed_bits.mistake(
    "The wrong direction: along the chips for +1 means plus.",
    _moved(lambda bits, read, strength: -_lacking(bits, read, strength)),
)
embed_bits.mistake(
    "Each coefficient of a bit moves by all that is lacking, since the mean over them is what is read: no division.",
    lambda coefficients, bits, chips, strength: (
        coefficients
        + (embed_bits.answer(coefficients, bits, chips, strength) - coefficients) / chips.shape[1]
    ),
)
embed_bits.mistake(
    "The chips are missing where the coefficients move: each has a sign of its own.",
    lambda coefficients, bits, chips, strength: (
        coefficients + _lacking(bits, (coefficients * chips).mean(dim=1), strength)[:, None]
    ),
)
embed_bits.mistake(
    "This is only the change; add it to the coefficients.",
    lambda coefficients, *rest: embed_bits.answer(coefficients, *rest) - coefficients,
)


@exercise(
    cases=((32, 28, 1), (32, 28, 13), (8, 8, 1), (4, 2, 3), (16, 12, 50), (32, 28, 1_000_000)),
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


false_positive_probability.mistake(
    "`at_least` and more: add up all numbers of agreeing bits from there on.",
    lambda bits, at_least, tries: 1 - (1 - math.comb(bits, at_least) / 2**bits) ** tries,
)
false_positive_probability.mistake(
    "Every try may be the lucky one, but your answer does not depend on `tries`.",
    lambda bits, at_least, tries: false_positive_probability.answer(bits, at_least, 1),
)
false_positive_probability.mistake(
    "A probability cannot exceed 1: compute that *no* try is lucky, and take the rest.",
    lambda bits, at_least, tries: tries * false_positive_probability.answer(bits, at_least, 1),
)


def _of(once):
    """The probability for all tries, where once(bits, at_least) is that of one."""
    return lambda bits, at_least, tries: 1 - (1 - once(bits, at_least)) ** tries


def _counted(bits, numbers, ways=math.comb):
    return sum(ways(bits, k) for k in numbers) / 2**bits


false_positive_probability.mistake(
    "`at_least` bits are enough: begin to add with k = at_least, not one later.",
    _of(lambda bits, at_least: _counted(bits, range(at_least + 1, bits + 1))),
)
false_positive_probability.mistake(
    "That all bits agree belongs to it: range(at_least, bits + 1), since range leaves its end out.",
    _of(lambda bits, at_least: _counted(bits, range(at_least, bits))),
)
false_positive_probability.mistake(
    "Begin to add with k = at_least, not one earlier.",
    _of(lambda bits, at_least: _counted(bits, range(at_least - 1, bits + 1))),
)
false_positive_probability.mistake(
    "This is the probability that *all* tries are lucky; one is enough.",
    lambda bits, at_least, tries: false_positive_probability.answer(bits, at_least, 1) ** tries,
)
false_positive_probability.mistake(
    "This is the probability that no try is lucky; asked for is the rest, 1 minus that.",
    lambda bits, at_least, tries: 1 - false_positive_probability.answer(bits, at_least, tries),
)
false_positive_probability.mistake(
    "Cutting a sum of probabilities off at 1 is not the same: compute that *no* try is lucky.",
    lambda bits, at_least, tries: min(1, tries * false_positive_probability.answer(bits, at_least, 1)),
)
false_positive_probability.mistake(
    "The order of the agreeing bits plays no role: math.comb, not math.perm.",
    _of(lambda bits, at_least: _counted(bits, range(at_least, bits + 1), math.perm)),
)
false_positive_probability.mistake(
    "This asks that `at_least` given bits agree, and forgets that it may be any of them, and more: math.comb.",
    _of(lambda bits, at_least: 0.5**at_least),
)
false_positive_probability.mistake(
    "There are 2 ** bits messages, also for messages of another length than 32.",
    _of(lambda bits, at_least: _counted(bits, range(at_least, bits + 1)) * 2**bits / 2**32),
)
false_positive_probability.mistake(
    "// cuts the probability off to 0: divide with /.",
    _of(lambda bits, at_least: sum(math.comb(bits, k) for k in range(at_least, bits + 1)) // 2**bits),
)
false_positive_probability.mistake(
    "Only bits that agree count; bits that all disagree are no watermark. So this is twice too much.",
    _of(lambda bits, at_least: min(1, 2 * _counted(bits, range(at_least, bits + 1)))),
)


def _agree(task, attempt, cases, where: str) -> None:
    """Like the cases of an exercise, but inf may be right; `where` names the values of a case."""

    def tried(function):
        return [function(*copy.deepcopy(case)) for case in cases]

    given = copy.deepcopy(cases)
    answers = [attempt(*case) for case in given]
    if repr(given) != repr(cases):
        raise Wrong("Your function changes its arguments in place; compute new tensors instead.")
    for case, expected, got in zip(cases, tried(task.answer), answers, strict=True):
        problem = explain(expected, got)
        if problem and explain(math.inf, got) is None:
            problem = f"expected {expected:.2g}, got inf."
        if problem:
            raise Wrong(" ".join([where.format(*case), problem, *_advice(task, tried, answers)]))


def _advice(task, tried, answers):
    """What to say of the first known mistake that gives these answers."""
    for wrong, text in task.wrong.items():
        with contextlib.suppress(ValueError):
            if explain(tried(wrong), answers) is None:
                return [text]
    return []


_QUIZZES = (
    (torch.tensor([0.9, 0.0, 0.5, 1.0]), torch.tensor([1.0, 0.0, 1.0, 0.0])),
    (torch.tensor([0.2, 0.4, 0.7]), torch.tensor([0.0, 0.0, 1.0])),
)


def _verify_brier(attempt):
    try:
        attempt(*copy.deepcopy(_QUIZZES[0]))
    except ValueError:
        raise Wrong(
            "Your function refuses [0.9, 0, 0.5, 1]: 0 and 1 are probabilities, too. Refuse what is below 0 or "
            "above 1."
        ) from None
    _agree(brier, attempt, _QUIZZES, "For the probabilities {} and the outcomes {}:")
    for other, advice in (
        (None, "`raise ValueError(…)` before anything is computed."),
        (
            0.5,
            "one such value is enough for a ValueError, wherever it stands: look at the smallest and the largest.",
        ),
    ):
        for wild in (1.2, -0.1):
            values = [wild if other is None else other, wild]
            try:
                got = attempt(torch.tensor(values), torch.tensor([1.0, 0.0]))
            except ValueError:
                continue
            except Exception as error:
                name = type(error).__name__
                raise Wrong(f"It stops with {name}; asked for is `raise ValueError(…)`.") from None
            if isinstance(got, Exception) or got is ValueError:
                raise Wrong("An error is raised, not returned: `raise ValueError(…)`.")
            raise Wrong(f"{wild} in {values} is no probability: {advice}")


@exercise(
    verify=_verify_brier,
    hints=(
        "First look: if a probability is below 0 or above 1, raise ValueError with a sentence.",
        "The gap is probability - outcome; square it, and take the mean.",
    ),
)
def brier(probability, outcome):
    """The Brier score of probabilities (n,) for outcomes, 1 or 0 (n,); ValueError for a probability outside 0 to
    1."""
    if probability.min() < 0 or probability.max() > 1:
        raise ValueError("A probability lies between 0 and 1.")
    return (probability - outcome).square().mean()


brier.mistake(
    "Square the gap: one gap of .8 must cost more than two of .4.",
    lambda probability, outcome: (probability - outcome).abs().mean(),
)
brier.mistake(
    "Take the mean and not the sum: a longer quiz is no worse one.",
    lambda probability, outcome: (probability - outcome).square().sum(),
)
brier.mistake(
    "Leave out the root: the score is the mean of the squares itself.",
    lambda probability, outcome: (probability - outcome).square().mean().sqrt(),
)
brier.mistake(
    "before anything is computed", lambda probability, outcome: (probability - outcome).square().mean()
)


def _checked(score):
    """The score, with the right look at the probabilities before it."""

    def checked(probability, outcome):
        brier.answer(probability, outcome)
        return score(probability - outcome, outcome)

    return checked


def _refusing(unfit, refusal=ValueError):
    """The right score, and an error where unfit(probability)."""

    def refusing(probability, outcome):
        if unfit(probability):
            raise refusal("This is no probability.")
        return (probability - outcome).square().mean()

    return refusing


brier.mistake(
    "Square first, then take the mean: gaps up and down must not cancel.",
    _checked(lambda gap, _: gap.mean() ** 2),
)
brier.mistake(
    "One number for the whole quiz is asked for: the mean is missing.", _checked(lambda gap, _: gap.square())
)
brier.mistake(
    "Divide by n, not by n - 1: it is a mean and no variance.",
    _checked(lambda gap, _: gap.square().sum() / (len(gap) - 1)),
)
brier.mistake(
    "No half before it: the mean of the squares itself.", _checked(lambda gap, _: gap.square().mean() / 2)
)
brier.mistake(
    "A good score is low: do not subtract it from 1.", _checked(lambda gap, _: 1 - gap.square().mean())
)
brier.mistake(
    "The probabilities are rounded to 0 and 1 here; how sure somebody was is what counts.",
    _checked(lambda gap, outcome: ((gap + outcome).round() - outcome).square().mean()),
)
brier.mistake("in place", lambda p, outcome: brier.answer(p, outcome) + 0 * p.sub_(outcome).sum())
brier.mistake("0 and 1 are probabilities, too", _refusing(lambda p: (p <= 0).any() or (p >= 1).any()))
brier.mistake("with AssertionError", _refusing(lambda p: (p < 0).any() or (p > 1).any(), AssertionError))
brier.mistake("wherever it stands", _refusing(lambda p: p[0] < 0 or p[0] > 1))


@brier.mistake("raised, not returned")
def returns_the_error(probability, outcome):
    try:
        return brier.answer(probability, outcome)
    except ValueError as error:
        return error


_SCORES = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.55, 0.35, 0.5, 0.6, 0.8, 0.9])
_FAKE = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 1, 0]).bool()
_COSTS = ((0.5, 1.0, 1.2), (0.1, 1.0, 5.0), (0.1, 1.0, 4.0), (0.01, 50.0, 10.0), (0.5, 0.1, 10.0))
_LOGITS = torch.tensor(
    [-3.0, 2.5, -1.5, 0.5, 0.5, -1.5, 4.0, 1.0]
)  # the same score twice, also in both classes
_LOGITS_FAKE = torch.tensor([0, 1, 0, 1, 0, 1, 1, 0]).bool()


def _verify_threshold(attempt):
    cases = [(_SCORES, _FAKE, *costs) for costs in _COSTS]
    cases += [
        (_LOGITS, _LOGITS_FAKE, *costs) for costs in ((0.5, 1.0, 7.0), (0.4, 5.0, 1.0), (0.2, 1.0, 20.0))
    ]
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


def _cheapest(thresholds, rate, scores, fake, share, false_alarm, miss, flags=torch.ge):
    def cost(t):
        missed, flagged = rate((~flags(scores[fake], t)).float()), rate(flags(scores[~fake], t).float())
        return share * miss * missed + (1 - share) * false_alarm * flagged

    return min(thresholds, key=cost)


cheapest_threshold.mistake(
    "The test's share of fakes is not that out there: weigh the rates with `share`.",
    lambda scores, fake, share, false_alarm, miss: cheapest_threshold.answer(
        scores, fake, 0.5, false_alarm, miss
    ),
)
cheapest_threshold.mistake(
    "To flag nothing is a choice, too: try math.inf as well.",
    lambda scores, *rest: _cheapest(scores.tolist(), torch.mean, scores, *rest),
)
cheapest_threshold.mistake(
    "Counts carry the test's mixture: use rates (means).",
    lambda scores, *rest: _cheapest([math.inf, *scores.tolist()], torch.sum, scores, *rest),
)
cheapest_threshold.mistake(
    "A picture that scores just the threshold is flagged, and so not missed: >= for flagged, < for missed.",
    lambda scores, *rest: _cheapest([math.inf, *scores.tolist()], torch.mean, scores, *rest, flags=torch.gt),
)
cheapest_threshold.mistake(
    "The costs are exchanged: false_alarm belongs to real pictures that are flagged, miss to fakes that are not.",
    lambda scores, fake, share, false_alarm, miss: cheapest_threshold.answer(
        scores, fake, share, miss, false_alarm
    ),
)
cheapest_threshold.mistake(
    "The weights are exchanged: `share` is that of fakes, 1 - share that of real pictures.",
    lambda scores, fake, share, *costs: cheapest_threshold.answer(scores, fake, 1 - share, *costs),
)
cheapest_threshold.mistake(
    "The two errors do not cost the same: weigh them with false_alarm and miss.",
    lambda scores, fake, share, *_: cheapest_threshold.answer(scores, fake, share, 1.0, 1.0),
)
cheapest_threshold.mistake(
    "This is the most expensive threshold: take min, not max, and count as flagged what scores the threshold or "
    "more.",
    lambda scores, fake, share, false_alarm, miss: cheapest_threshold.answer(
        scores, fake, share, -false_alarm, -miss
    ),
)
cheapest_threshold.mistake(
    "The classes are exchanged: `fake` is True for fakes.",
    lambda scores, fake, *rest: cheapest_threshold.answer(scores, ~fake, *rest),
)
cheapest_threshold.mistake(
    "Only what misses cost is counted: flagged real pictures cost something as well.",
    lambda scores, fake, share, _, miss: cheapest_threshold.answer(scores, fake, share, 0.0, miss),
)
cheapest_threshold.mistake(
    "Fakes' scores are not the only thresholds, nor are those of real pictures: try every score that occurs.",
    lambda scores, fake, *rest: _cheapest(
        [math.inf, *scores[~fake].tolist()], torch.mean, scores, fake, *rest
    ),
)


@cheapest_threshold.mistake("Return the threshold itself, and not what it costs.")
def the_cost(scores, fake, share, false_alarm, miss):
    t = cheapest_threshold.answer(scores, fake, share, false_alarm, miss)
    missed, flagged = (scores[fake] < t).float().mean(), (scores[~fake] >= t).float().mean()
    return share * miss * missed + (1 - share) * false_alarm * flagged


cheapest_threshold.mistake(
    "Where the highest score is the cheapest but one, math.inf is meant: it flags nothing at all.",
    lambda scores, *rest: min(cheapest_threshold.answer(scores, *rest), scores.max().item()),
)


@exercise(
    cases=tuple(itertools.product(("machine", "camera", None), (True, False), (0.995, 0.99, 0.98, 0.6, 0.0))),
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


verdict.mistake(
    "Signs that contradict each other allow no conclusion, not even if one of them is signed.",
    lambda credential, watermark, probability: credential or verdict.answer(None, watermark, probability),
)


@verdict.mistake(
    'A low probability never counts as "camera": a detector is blind to fakes that it does not know.'
)
def trusts_a_low_probability(credential, watermark, probability):
    if probability > 0.5:
        return verdict.answer(credential, watermark, probability)
    return "cannot conclude" if credential == "machine" else verdict.answer("camera", watermark, probability)


verdict.mistake(
    "The watermark or the probability: one of the two is enough.",
    lambda credential, watermark, probability: verdict.answer(
        credential, watermark and probability >= 0.99, 0.0
    ),
)
verdict.mistake(
    "First look whether signs contradict each other; here a sign for a machine wins over the camera's.",
    lambda credential, watermark, probability: (
        "machine"
        if verdict.answer(None, watermark, probability) == "machine"
        else credential or "cannot conclude"
    ),
)


@verdict.mistake("Three signs can speak for a machine, and one is enough; here two are asked for.")
def two_of_three(credential, watermark, probability):
    signs = (credential == "machine") + watermark + (probability >= 0.99)
    return verdict.answer(
        "machine" if signs >= 2 else credential if credential == "camera" else None, False, 0.0
    )


verdict.mistake(
    "A watermark decides nothing against a camera's signature: that is a contradiction.",
    lambda credential, watermark, probability: (
        "machine" if watermark else verdict.answer(credential, watermark, probability)
    ),
)
verdict.mistake(
    "A high probability decides nothing against a camera's signature: that is a contradiction.",
    lambda credential, watermark, probability: (
        "machine" if probability >= 0.99 else verdict.answer(credential, watermark, probability)
    ),
)
verdict.mistake(
    "A probability of exactly .99 is enough: >=, not >.",
    lambda credential, watermark, probability: verdict.answer(credential, watermark, probability - 1e-9),
)
verdict.mistake(
    "This believes a detector that is less sure: .99 is the limit.",
    lambda credential, watermark, probability: verdict.answer(credential, watermark, probability + 0.09),
)
verdict.mistake(
    "This believes a detector that is only half sure: .99 is the limit.",
    lambda credential, watermark, probability: verdict.answer(credential, watermark, probability + 0.49),
)
verdict.mistake(
    "The watermark plays no role here; it is one of three signs for a machine.",
    lambda credential, watermark, probability: verdict.answer(credential, False, probability),
)
verdict.mistake(
    "The detector plays no role here: a probability of .99 or more is a sign for a machine.",
    lambda credential, watermark, probability: verdict.answer(credential, watermark, 0.0),
)
verdict.mistake(
    "The credential plays no role here: it can speak for a machine or for a camera.",
    lambda credential, watermark, probability: verdict.answer(None, watermark, probability),
)
verdict.mistake(
    "No sign for a machine is no sign for a camera: without any sign it is 'cannot conclude'.",
    lambda credential, watermark, probability: (
        "machine" if "machine" in (credential, verdict.answer(None, watermark, probability)) else "camera"
    ),
)
verdict.mistake(
    "A low probability, with no other sign, still says nothing: 'cannot conclude'.",
    lambda credential, watermark, probability: verdict.answer(
        "camera" if credential is None and probability < 0.5 and not watermark else credential,
        watermark,
        probability,
    ),
)


@exercise(
    cases=(
        ([1, 40, 6], [1, 100, 100]),
        ([0, 1, 40, 0], [0, 1, 100, 0]),
        ([2, 25, 60], [2, 50, 200]),
        ([0, 33, 320], [0, 60, 600]),  # the highest rate is not the surest, though all slices are large
        ([1066, 110, 30], [2000, 200, 100]),
        ([30, 5], [1000, 50]),
        ([145, 64, 8, 5, 11], [400, 100, 12, 8, 60]),
        ([1, 14, 23, 28, 83], [5, 20, 100, 40, 200]),
    ),
    hints=(
        "metrics.wilson_interval(wrong, seen) gives (low, high): which end can you rely on?",
        "A slice without a single picture has no rate: pass over it, but keep its place in the count.",
    ),
)
def worst_slice(wrong, seen):
    """The index of the slice that is surely the worst: the highest lower end of the interval of wrong[i] of
    seen[i]."""
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


def _by(key):
    """The index of the slice with the largest key(wrong, seen), empty ones passed over."""

    def worst(wrong, seen):
        keys = [key(w, n) if n else -math.inf for w, n in zip(wrong, seen, strict=True)]
        return keys.index(max(keys))

    return worst


worst_slice.mistake(
    "Leaving out small slices is not enough: large ones differ too in how sure they are. Compare the lower ends.",
    _by(lambda w, n: w / n - (n < 10)),
)
worst_slice.mistake(
    "A limit on how many pictures a slice must have is not enough: compare the lower ends of the intervals.",
    _by(lambda w, n: w / n - (n < 50)),
)
worst_slice.mistake(
    "This is the upper end: how bad it may be. How bad it is surely, says the lower end.",
    _by(lambda w, n: metrics.wilson_interval(w, n)[1]),
)
worst_slice.mistake(
    "Most errors are made where most pictures are; compare rates, by the lower ends.", _by(lambda w, n: w)
)
worst_slice.mistake("This is the best slice.", _by(lambda w, n: -metrics.wilson_interval(w, n)[0]))
worst_slice.mistake(
    "The middle of an interval is nearly the rate: take its lower end.",
    _by(lambda w, n: sum(metrics.wilson_interval(w, n))),
)
worst_slice.mistake(
    "This is the slice that one knows least about. Compare the lower ends, not the widths.",
    _by(lambda w, n: -n),
)
worst_slice.mistake(
    "wilson_interval takes the errors first: how many are wrong, not how many are right.",
    _by(lambda w, n: metrics.wilson_interval(n - w, n)[0]),
)
worst_slice.mistake(
    "The rate minus its standard errors is 1 for 1 of 1, as if one picture were proof: metrics.wilson_interval.",
    _by(lambda w, n: w / n - 1.96 * math.sqrt(w / n * (1 - w / n) / n)),
)
worst_slice.mistake("Indices begin at 0.", lambda wrong, seen: worst_slice.answer(wrong, seen) + 1)
worst_slice.mistake(
    "Return the index of the slice, not its lower end.",
    lambda wrong, seen: max(metrics.wilson_interval(w, n)[0] for w, n in zip(wrong, seen, strict=True) if n),
)
worst_slice.mistake(
    "An empty slice has no interval: look whether seen[i] is 0 first.",
    lambda wrong, seen: max(range(len(seen)), key=lambda i: metrics.wilson_interval(wrong[i], seen[i])[0]),
)


_RESULTS = {"n": 600, "miss": 0.0512, "worst": "dark"}
_CARD = {"n": 600, "miss": 0.05, "worst": "dark"}


@exercise(
    cases=(
        (_CARD, _RESULTS),
        ({"why": " ", "n": 600, "miss": 0.02}, _RESULTS),
        ({"n": 60, "miss": 0.0512, "worst": "fair"}, _RESULTS),
        ({"n": 600, "miss": 0.06, "worst": " "}, _RESULTS),
        ({"n": 900, "miss": 0.5, "worst": "very dark"}, _RESULTS),
        ({"n": "600", "miss": "low", "worst": "Dark"}, _RESULTS),
        ({"why": "", "who": "us", "miss": 0.047}, {"miss": 0.0438}),
        ({"why": "to learn", "miss": 0.0, "hits": 0.06}, {"miss": 0.003, "hits": 0.0588}),
        ({"why": "to learn", "worst": "dark "}, {"miss": 0.0, "worst": "dark"}),
        ({}, dict.fromkeys("hgfedcba", 0.5)),
    ),
    hints=(
        "Two kinds: an empty text on the card (strip it), and a result that the card lacks or tells otherwise.",
        "Numbers may be rounded: they agree when abs(said - stored) < 0.0051. Text must be equal.",
        "Collect the names in a set, so that none stands there twice; sorted(…) makes a list of it.",
    ),
)
def card_problems(card, results):
    """The sorted names of what is wrong with a card: empty text, and results that are missing or untrue (±.005)."""
    empty = {name for name, value in card.items() if isinstance(value, str) and not value.strip()}

    def agree(said, stored):
        numbers = isinstance(said, int | float) and isinstance(stored, int | float)
        return abs(said - stored) < 0.0051 if numbers else said == stored

    return sorted(empty | {name for name, stored in results.items() if not agree(card.get(name), stored)})


card_problems.mistake(
    "What the card leaves out goes unnoticed: go through the results, not the card.",
    lambda card, results: [name for name in card_problems.answer(card, results) if name in card],
)


def _with(agree, empty=str.strip):
    """The right check, with other rules: when two values agree, and which text is not empty."""

    def problems(card, results):
        found = {name for name, value in card.items() if isinstance(value, str) and not empty(value)}
        found |= {
            name for name, stored in results.items() if name not in card or not agree(card[name], stored)
        }
        return sorted(found)

    return problems


def _numbers(rule):
    """When two values agree: numbers by the rule, anything else when they are equal."""

    def agree(said, stored):
        numbers = isinstance(said, int | float) and isinstance(stored, int | float)
        return rule(said, stored) if numbers else said == stored

    return agree


_NEAR = _numbers(lambda said, stored: abs(said - stored) < 0.0051)

card_problems.mistake(
    "This asks for all digits of a number: rounding to two decimals is honest.",
    _with(_numbers(lambda said, stored: said == stored)),
)
card_problems.mistake(
    "A number that is too high is untrue as well: take abs(said - stored).",
    _with(_numbers(lambda said, stored: stored - said < 0.0051)),
)
card_problems.mistake(
    "A number that is too low is untrue as well: take abs(said - stored).",
    _with(_numbers(lambda said, stored: said - stored < 0.0051)),
)
card_problems.mistake(
    "This forgives too much: numbers agree within .005, abs(said - stored) < 0.0051.",
    _with(_numbers(lambda said, stored: abs(said - stored) < 0.0101)),
)
card_problems.mistake(
    "Rounding both and comparing is something else than ±.005: look at abs(said - stored).",
    _with(_numbers(lambda said, stored: round(said, 2) == round(stored, 2))),
)
card_problems.mistake(
    "Numbers are not compared here: they agree within .005.", _with(_numbers(lambda *_: True))
)
card_problems.mistake(
    "Text is not compared here: it must be equal.",
    _with(lambda said, stored: isinstance(stored, str) or _NEAR(said, stored)),
)
card_problems.mistake(
    "Text must be equal; here it is enough that it occurs within what the card says.",
    _with(lambda said, stored: stored in str(said) if isinstance(stored, str) else _NEAR(said, stored)),
)
card_problems.mistake(
    "Text must be equal, small and capital letters included.",
    _with(lambda said, stored: _NEAR(*(x.lower() if isinstance(x, str) else x for x in (said, stored)))),
)
card_problems.mistake("A text of spaces only is empty, too: value.strip().", _with(_NEAR, str))
card_problems.mistake(
    "An empty text is a problem, too, also where no result belongs to it.", _with(_NEAR, lambda _: True)
)
card_problems.mistake(
    "The number 0 is no empty text: look at text only, isinstance(value, str).",
    lambda card, results: sorted(
        {*card_problems.answer(card, results), *(n for n, v in card.items() if not v)}
    ),
)
card_problems.mistake(
    "The card may say more than the results: names that only it has are no problem unless they are empty.",
    lambda card, results: sorted({*card_problems.answer(card, results), *(set(card) - set(results))}),
)
card_problems.mistake(
    "A name stands there twice: collect them in a set.",
    lambda card, results: sorted(
        [*card_problems.answer(card, {}), *(n for n in card_problems.answer(card, results) if n in results)]
    ),
)
card_problems.mistake(
    "A sorted list is asked for: sorted(…).", lambda card, results: card_problems.answer(card, results)[::-1]
)
card_problems.mistake(
    "A set has no order; a sorted list is asked for: sorted(…).",
    lambda card, results: set(card_problems.answer(card, results)),
)
card_problems.mistake(
    "The names are asked for, not how many they are.",
    lambda card, results: len(card_problems.answer(card, results)),
)
