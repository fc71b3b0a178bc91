"""Batches: every item once an epoch, always in the same order for a seed, resumed exactly."""

import pytest
import torch

from imagegen_lessons import datasets
from imagegen_lessons.datasets import Batches
from tests.unit.helpers import refused


def test_split():
    x, y = torch.arange(100.0), torch.arange(100)
    (x1, y1), (x2, y2) = datasets.split(x, y, test=0.25, seed=3)
    assert len(x1) == 75 and len(x2) == 25
    assert sorted([*y1.tolist(), *y2.tolist()]) == list(range(100))
    assert (x1 == y1).all() and (x2 == y2).all()
    assert (datasets.split(x, y, test=0.25, seed=3)[0][1] == y1).all()
    assert (datasets.split(x, y, test=0.25, seed=4)[0][1] != y1).any()
    train, test = datasets.split(x)
    assert len(train) == 80 and len(test) == 20


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: datasets.split(x, x[:2]),
        lambda x: datasets.split(x, test=1.5),
        lambda x: datasets.split(),
        lambda x: Batches(x, size=6),
        lambda x: Batches(x, size=0),
        lambda x: Batches(x, x[:4], size=2),
        lambda x: Batches(),
    ],
)
def test_lengths_and_sizes_that_cannot_be(wrong):
    with refused():
        wrong(torch.zeros(5))


def test_batches_cover_each_epoch_in_another_order():
    batches = Batches(torch.arange(12), size=4)
    epochs = [torch.cat([next(batches) for _ in range(3)]).tolist() for _ in range(3)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert iter(batches) is batches


def test_batches_keep_tensors_together_and_leave_out_the_rest():
    batches = Batches(torch.arange(10), torch.arange(10) * 2, size=4)
    x, y = next(batches)
    assert x.shape == (4,) and (y == 2 * x).all()
    assert len({*x.tolist(), *next(batches)[0].tolist()}) == 8
    assert batches.step == 2 and next(batches)[0].shape == (4,)


def test_batches_depend_on_their_seed_alone():
    torch.manual_seed(1)
    one = next(Batches(torch.arange(50), size=10, seed=5))
    torch.manual_seed(2)
    assert (next(Batches(torch.arange(50), size=10, seed=5)) == one).all()
    assert (next(Batches(torch.arange(50), size=10, seed=6)) != one).any()
    state = torch.get_rng_state()
    next(Batches(torch.arange(50), size=10))
    assert (torch.get_rng_state() == state).all()  # the student's own draws are not disturbed


@pytest.mark.parametrize("steps", [1, 3, 7])
def test_batches_resume_exactly(steps):
    x = torch.rand(20, 1, 4, 4)
    first, second = Batches(x, size=6, seed=2, flip=True), Batches(x, size=6, seed=2, flip=True)
    for _ in range(steps):
        next(first)
    next(second)
    second.load_state_dict(first.state_dict())
    for _ in range(9):
        torch.testing.assert_close(next(first), next(second), rtol=0, atol=0)


def test_batches_flip_half_of_the_pictures():
    x = torch.zeros(400, 3, 2, 2)
    x[..., 0] = 1
    labels = torch.arange(400)
    flipped, same = next(Batches(x, labels, size=400, flip=True))
    share = (flipped[:, 0, 0, 1] == 1).float().mean()
    assert 0.4 < share < 0.6 and sorted(same.tolist()) == labels.tolist()
    assert (x[..., 0] == 1).all()


def test_a_random_stream_resumes_exactly():
    class Numbers(datasets.RandomStream):
        def __next__(self):
            return self.pick(1000)

    first, second = Numbers(seed=1), Numbers(seed=2)
    assert {next(first) for _ in range(300)} <= set(range(1000))
    second.load_state_dict(first.state_dict())
    assert [next(first) for _ in range(5)] == [next(second) for _ in range(5)]
