"""The exponential moving average follows its definition, warm-up included."""

import pytest
import torch
from torch import nn

from imagegen_lessons import training
from tests.unit.helpers import refused


def test_the_average_follows_its_definition():
    net = nn.BatchNorm1d(2)
    average = training.EMA(net, decay=0.9)
    assert not average.training and not any(p.requires_grad for p in average.parameters())
    expected = None
    for updates, value in enumerate((1.0, 2.0, 5.0)):
        with torch.no_grad():
            net.weight.fill_(value)
            net.running_mean.fill_(value)
        average.update_parameters(net)
        keep = min(0.9, (1 + updates) / (10 + updates))  # at first it forgets faster
        expected = value if expected is None else keep * expected + (1 - keep) * value
    torch.testing.assert_close(average.module.weight, torch.full((2,), expected))
    torch.testing.assert_close(average.module.running_mean, torch.full((2,), expected))
    assert average.n_averaged == 3


@pytest.mark.parametrize("decay", [1, 2, -0.1, "0.9", float("nan"), True, None])
def test_a_decay_that_cannot_be_gets_a_sentence(decay):
    with refused("decay.*from 0 to below 1"):
        training.EMA(torch.nn.Linear(1, 1), decay=decay)
