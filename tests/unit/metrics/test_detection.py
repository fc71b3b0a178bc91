"""Metrics of detectors: against scikit-learn, at their ends, and with what cannot be measured."""

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

from imagegen_lessons import metrics
from imagegen_lessons.runtime import generator
from tests.unit.helpers import refused


def ties(n, shift, seed):
    return (torch.randn(n, generator=generator(seed)) + shift).mul(4).round() / 4


def test_roc_and_auc_agree_with_scikit_learn_with_ties_too():
    real, fake = ties(300, 0, 1), ties(250, 1, 2)
    truth = np.r_[np.zeros(300), np.ones(250)]
    said = torch.cat([real, fake]).numpy()
    want = reference.roc_curve(truth, said, drop_intermediate=False)
    for got, expected in zip(metrics.roc(real, fake), want, strict=True):
        np.testing.assert_allclose(got.numpy(), expected, atol=1e-6)
    assert metrics.auc(real, fake) == pytest.approx(reference.roc_auc_score(truth, said))
    low, high = torch.tensor([0.0, 1]), torch.tensor([2.0, 3])
    assert metrics.auc(low, high) == 1 and metrics.auc(high, low) == 0 and metrics.auc(low, low) == 0.5


def test_similar_pictures_of_one_person_widen_the_interval():
    real, fake = (x.repeat_interleave(5) for x in (ties(40, 0, 1), ties(40, 1, 2)))
    alone, together = (
        metrics.auc_interval(real, fake, torch.arange(200) // size, torch.arange(200) // size)
        for size in (1, 5)
    )
    assert together[1] - together[0] > 1.5 * (alone[1] - alone[0])


def test_the_interval_of_independent_pictures_is_that_of_95_percent():
    real, fake = ties(200, 0, 1), ties(200, 1, 2)
    low, high = metrics.auc_interval(real, fake, torch.arange(200), torch.arange(200, 400), resamples=4000)
    wins = (fake > real[:, None]).double() + 0.5 * (fake == real[:, None]).double()
    error = sum(wins.mean(dim=side).var() / 200 for side in (0, 1)) ** 0.5  # DeLong et al. 1988
    assert high - low == pytest.approx(2 * 1.96 * error.item(), rel=0.1)


def test_calibration_error_of_four_known_outcomes_and_at_its_ends():
    probability, outcome = torch.tensor([0.1, 0.15, 0.9, 1.0]), torch.tensor([0, 1, 1, 0])
    assert metrics.calibration_error(probability, outcome) == pytest.approx((0.75 + 0.9) / 4, abs=1e-6)
    assert metrics.calibration_error(torch.ones(5), torch.zeros(5)) == 1
    sure = torch.rand(40_000, generator=generator(0))
    happens = (torch.rand(40_000, generator=generator(1)) < sure).float()
    assert metrics.calibration_error(sure, happens) < 0.01


def test_wilson_interval_of_known_rates():
    assert metrics.wilson_interval(8, 10) == (pytest.approx(0.490, abs=1e-3), pytest.approx(0.943, abs=1e-3))
    assert metrics.wilson_interval(0, 5)[0] == 0 and metrics.wilson_interval(5, 5)[1] == 1


@pytest.mark.parametrize(
    "metric, arguments, word",
    [
        (metrics.wilson_interval, (3, 2), "successes"),
        (metrics.auc, (torch.ones(3), torch.ones(0)), "0 fake"),
        (metrics.roc, (torch.ones(0), torch.ones(0)), "0 real"),
        (metrics.auc, (torch.tensor([0.0, float("nan")]), torch.ones(2)), "not finite"),
        (metrics.auc_interval, (torch.ones(0), torch.ones(2), torch.ones(0), torch.ones(2)), "0 real"),
        (metrics.auc_interval, (torch.ones(2), torch.ones(2), torch.arange(3), torch.arange(2)), "person"),
        (metrics.calibration_error, (torch.tensor([0.2, 1.2]), torch.ones(2)), "between 0 and 1"),
        (metrics.calibration_error, (torch.rand(2), torch.tensor([0, 2])), "outcome is 1"),
        (metrics.calibration_error, (torch.ones(0), torch.ones(0)), "outcomes"),
        (metrics.calibration_error, (torch.rand(3), torch.ones(2)), "needs a probability"),
        (metrics.calibration_error, (torch.rand(2), torch.ones(2), 0), "number of bins"),
        (metrics.wilson_interval, ("two", 3), "successes"),
        (metrics.wilson_interval, (1, 3, -1.96), "successes"),
        (metrics.auc, ("high", torch.ones(2)), "numbers"),
        (metrics.auc_interval, (torch.ones(2), torch.ones(2), -torch.arange(2), torch.arange(2)), "person"),
        (metrics.auc_interval, (torch.ones(2), torch.ones(2), torch.rand(2), torch.rand(2)), "person"),
        (metrics.auc_interval, (*torch.ones(2, 2), [0, 1], [0, 1], 0), "resamples"),
    ],
)
def test_what_cannot_be_measured_is_refused(metric, arguments, word):
    with refused(word):
        metric(*arguments)
