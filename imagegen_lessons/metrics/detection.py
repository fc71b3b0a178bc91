"""How good is a detector? ROC, AUC, calibration, and the interval of a rate. Every rate comes with its counts."""

import functools
import math

import torch
import torch.nn.functional as F

from imagegen_lessons import settings


def wilson_interval(successes, n, z=1.96):
    """The range in which a rate lies, given `successes` out of `n`: (low, high); z = 1.96 for 95 % (Wilson 1927).

    Right for small n and for rates near 0 and 1, where "rate ± error" leaves [0, 1].
    Raises ValueError unless 0 <= successes <= n, n > 0 and z > 0.
    """
    try:
        fits = 0 <= successes <= n and n > 0 and z > 0
    except TypeError:  # text, or None
        fits = False
    if not fits:
        raise ValueError(f"A rate needs 0 <= successes <= n and n > 0, but got {successes} of {n}.")
    rate = successes / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _of_scores(metric):
    """Decorates a metric of scores (real, fake, …): it gets both in double precision, or a ValueError is raised."""

    @functools.wraps(metric)
    def checked(real, fake, *others, **options):
        try:
            real, fake = (
                torch.as_tensor(scores).detach().cpu().double().flatten() for scores in (real, fake)
            )
        except (TypeError, ValueError, RuntimeError):
            raise ValueError("Scores are numbers: a tensor or a list of them for each class.") from None
        if not len(real) or not len(fake):
            raise ValueError(
                f"Scores of both classes are needed, but there are {len(real)} real and {len(fake)} fake."
            )
        if not bool(torch.cat([real, fake]).isfinite().all()):
            raise ValueError("A score is not finite (nan or inf); look at what made it.")
        return metric(real, fake, *others, **options)

    return checked


@_of_scores
def roc_points(real, fake, thresholds):
    """The false- and the true-positive rate of a detector at each of the thresholds (k,): two tensors (k,).

    real (n,), fake (m,): scores. Flagged is what scores the threshold or more. Raises what `roc` raises.
    """
    thresholds = torch.as_tensor(thresholds)
    fpr, tpr = ((scores[:, None] >= thresholds).double().mean(dim=0) for scores in (real, fake))
    return fpr, tpr


@_of_scores
def roc(real: torch.Tensor, fake: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The receiver operating characteristic of a detector whose scores are higher for what looks fake.

    `real` (n,), `fake` (m,): scores. Returns false-positive rates, true-positive rates and thresholds, from strict to
    lax. Begins at (0, 0, inf), ends at (1, 1); equal scores make one point.
    Raises ValueError where one of the two is empty or a score is not finite.
    """
    thresholds = F.pad(torch.cat([real, fake]).unique().flip(0), (1, 0), value=torch.inf)
    return *roc_points(real, fake, thresholds), thresholds


@_of_scores
def auc(real: torch.Tensor, fake: torch.Tensor) -> float:
    """The area under the ROC curve: how often a fake (m,) scores higher than a real picture (n,); a tie counts half.

    0.5 is guessing, 1.0 perfect ranking, 0.0 perfect ranking upside down. Raises what `roc` raises.
    """
    wins = (fake > real[:, None]).double() + 0.5 * (fake == real[:, None]).double()  # (n, m)
    return wins.mean().item()


@_of_scores
def auc_interval(real, fake, who_real, who_fake, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of the AUC, resampling people instead of pictures (Efron 1979; cluster bootstrap).

    Pictures of one person are alike, so that they count as less than independent ones. `who_real` (n,) and `who_fake`
    (m,), whole numbers from 0, say whose picture each is; the same number is the same person on both sides.
    Raises what `roc` raises, and ValueError unless each score has a person.
    """
    who_real, who_fake = map(torch.as_tensor, (who_real, who_fake))
    settings.whole(resamples, "The number of resamples")
    if len(who_real) != len(real) or len(who_fake) != len(fake):
        raise ValueError(
            f"Each of {len(real)} and {len(fake)} scores needs a person: {len(who_real)}, {len(who_fake)}."
        )
    who = torch.cat([who_real, who_fake])
    if who.is_floating_point() or who.min() < 0:
        raise ValueError("A person is a whole number from 0.")
    people = int(who.max()) + 1
    rows, columns = (F.one_hot(who, people).double() for who in (who_real, who_fake))
    wins = (fake > real[:, None]).double() + 0.5 * (fake == real[:, None]).double()
    won, pairs = rows.T @ wins @ columns, torch.outer(rows.sum(dim=0), columns.sum(dim=0))
    rng = torch.Generator().manual_seed(seed)
    drawn = torch.randint(people, (resamples, people), generator=rng)
    times = torch.zeros(resamples, people, dtype=torch.float64)  # how often each person was drawn
    times.scatter_add_(1, drawn, torch.ones_like(times))
    areas = ((times @ won) * times).sum(1) / ((times @ pairs) * times).sum(1)
    low, high = areas[areas.isfinite()].quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def calibration_error(probability: torch.Tensor, outcome: torch.Tensor, bins: int = 10) -> float:
    """The expected calibration error: how far stated probabilities are from what happens, averaged over bins.

    `probability` (n,) in [0, 1], `outcome` (n,) 0 or 1. In each of `bins` equally wide bins the mean probability is
    compared with the share of ones; the differences are weighted by how many fall there (Guo et al. 2017, section 2).
    Raises ValueError for probabilities outside 0 to 1, outcomes other than 0 and 1, or an empty set.
    """
    probability, outcome = (torch.as_tensor(x).flatten() for x in (probability, outcome))
    if not isinstance(bins, int) or bins < 1:
        raise ValueError(f"The number of bins is a whole number from 1, not {bins!r}.")
    if not len(probability) or len(probability) != len(outcome):
        raise ValueError(
            f"Each of one or more outcomes needs a probability: {len(outcome)}, {len(probability)}."
        )
    if not bool(((probability >= 0) & (probability <= 1)).all()):
        raise ValueError("Probabilities lie between 0 and 1; turn scores into them with sigmoid.")
    if not bool(((outcome == 0) | (outcome == 1)).all()):
        raise ValueError("An outcome is 1, it happened, or 0, it did not.")
    where = (probability * bins).long().clamp(max=bins - 1)
    off = torch.zeros(bins, dtype=torch.float64).index_add_(0, where, probability.double() - outcome.double())
    return (off.abs().sum() / len(probability)).item()
