"""Checkpoints come back exactly, never half, and say in one sentence what is wrong with a file."""

import copy
import math
import random

import numpy
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from imagegen_lessons import runtime
from imagegen_lessons.training import checkpoint
from imagegen_lessons.training.checkpoint import CheckpointError
from tests.unit import helpers


class Box:
    """A part that holds any nested state."""

    def __init__(self, state=None):
        self.state = state

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        self.state = state


def network(width=8, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.LazyLinear(2))


def trained(width=8, seed=0):
    """A network and an optimiser after a few steps, so that both have something to remember."""
    net = network(width, seed)
    net(torch.rand(4, 3, 8, 8))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(3):
        optimiser.zero_grad()
        net(torch.rand(4, 3, 8, 8)).pow(2).mean().backward()
        optimiser.step()
    return net, optimiser


def refused(pattern):
    return helpers.refused(pattern, CheckpointError)


def same(a, b):
    """Equal to the bit, in type as well; NaN equals NaN."""
    assert type(a) is type(b), (a, b)
    if isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype and a.shape == b.shape
        bits, others = (x.contiguous().view(-1).view(torch.uint8) for x in (a, b))
        assert torch.equal(bits, others)
    elif isinstance(a, dict):
        assert [(k, type(k)) for k in a] == [(k, type(k)) for k in b]
        same(list(a.values()), list(b.values()))
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    else:
        assert a == b or (math.isnan(a) and math.isnan(b))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.safetensors"


def test_network_optimiser_and_scheduler_come_back_to_the_bit(path):
    net, optimiser = trained()
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 100)
    optimiser.step()
    schedule.step()
    checkpoint.save(path, {"seed": 0, "seconds": 1.5}, G=net, opt=optimiser, schedule=schedule)

    other, other_optimiser = trained(seed=1)
    other_schedule = torch.optim.lr_scheduler.CosineAnnealingLR(other_optimiser, 7)
    card = checkpoint.load(path, G=other, opt=other_optimiser, schedule=other_schedule)
    assert card == {"seed": 0, "seconds": 1.5}
    same(dict(net.state_dict()), dict(other.state_dict()))
    same(optimiser.state_dict(), other_optimiser.state_dict())
    same(schedule.state_dict(), other_schedule.state_dict())


def test_any_nested_state_comes_back_exactly(path):
    shared = torch.arange(6.0)
    state = {
        0: {"step": torch.tensor(3.0), "none": None, "yes": True, "text": 'ä"\n', "big": 2**200},
        "0": [0.1, -0.0, math.inf, -math.inf, math.nan, 5e-324, (), (1, (2,), [3])],
        1.5: {"a": shared, "b": shared, "part": shared[2:4], "turned": shared.view(2, 3).T},
        (1, "a"): {"tensor": "not one"},
        None: {"wide": torch.zeros(1).expand(4, 5), "empty": torch.zeros(0, 3), "": torch.zeros(1)},
        "types": [torch.ones(3, dtype=t) for t in (torch.bfloat16, torch.float16, torch.float64, torch.bool)],
        "more": [torch.ones(2, dtype=t) for t in (torch.int8, torch.uint8, torch.int64, torch.complex64)],
        "nan": torch.tensor([math.nan, -0.0]),
        "dict": {"a.b": torch.zeros(1), "a": {"b": torch.ones(1)}},
    }
    checkpoint.save(path, box=Box(state))
    box = Box()
    checkpoint.load(path, box=box)
    same(state, box.state)


def test_a_tensor_is_a_part_and_keeps_its_gradient(path):
    x = torch.rand(1, 3, 4, 4)
    checkpoint.save(path, x=x)
    y = torch.zeros_like(x).requires_grad_()
    checkpoint.load(path, x=y)
    assert torch.equal(x, y) and y.requires_grad


def test_tied_weights_can_be_saved(path):
    net = nn.ModuleList([nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)])
    net[1].weight = net[0].weight
    checkpoint.save(path, net=net)
    other = copy.deepcopy(net).requires_grad_(False)
    other[0].weight.zero_()
    checkpoint.load(path, net=other)
    assert torch.equal(other[1].weight, net[0].weight)


def test_randomness_goes_on_where_it_was_saved(path):
    def draw():
        return random.random(), numpy.random.rand(), numpy.random.randn(), torch.rand(2).tolist()

    runtime.seed_everything(3)
    draw()
    checkpoint.save(path, random=checkpoint.Randomness())
    expected = draw(), draw()
    checkpoint.load(path, random=checkpoint.Randomness())
    assert (draw(), draw()) == expected


class Interrupted(Box):
    """A part that is interrupted while it is loaded, but not while the old state is put back."""

    def load_state_dict(self, state):
        if not hasattr(self, "interrupted"):
            self.interrupted = True
            raise KeyboardInterrupt


def test_a_load_that_fails_is_one_sentence_and_changes_nothing(path):
    net, optimiser = trained(width=8)
    checkpoint.save(path, G=net, opt=optimiser)
    other, other_optimiser = trained(width=4, seed=1)
    equal, _ = trained(seed=1)
    before = copy.deepcopy([other.state_dict(), other_optimiser.state_dict(), equal.state_dict()])
    with refused(r"'G'.*0.weight.*\[8, 3, 3, 3\].*\[4, 3, 3, 3\]"):
        checkpoint.load(path, opt=other_optimiser, G=other)
    third = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(1, 8, 1, bias=False), nn.Linear(1, 1, bias=False))
    with refused("Missing.*2.weight.*Unexpected.*1.bias"):
        checkpoint.load(path, G=third)
    with refused("'opt'"):
        checkpoint.load(path, G=equal, opt=torch.optim.Adam([torch.zeros(1, requires_grad=True)]))
    with pytest.raises(KeyboardInterrupt):
        checkpoint.load(path, G=equal, opt=Interrupted({}))
    same(before, [other.state_dict(), other_optimiser.state_dict(), equal.state_dict()])


@pytest.mark.parametrize(
    ("card", "part", "word"),
    [({}, Box({"f": print}), "x.f"), ({}, 3, "'x'"), ({"f": print}, torch.zeros(1), "card")],
)
def test_what_cannot_be_saved_is_named_and_leaves_no_file(path, card, part, word):
    with refused(word):
        checkpoint.save(path, card, x=part)
    assert not list(path.parent.iterdir())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no checkpoint.*a.safetensors"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: torch.save({}, path), "pickle"),
        (lambda path: torch.save({}, path, _use_new_zipfile_serialization=False), "pickle"),
        (lambda path: path.write_bytes(b"<html>404: not found</html>"), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: save_file({"x": torch.zeros(3)}, path), "not a checkpoint that this course wrote"),
        (lambda path: checkpoint.save(path, y=torch.zeros(3)), "no part 'x'.*: y"),
        # PyTorch would broadcast this one.
        (lambda path: checkpoint.save(path, x=torch.zeros(1)), r"\(1,\) in the file and \(3,\) here"),
        (lambda path: checkpoint.save(path, x=nn.Linear(1, 1)), r"'x'.*\(3,\) here"),
    ],
)
def test_missing_and_foreign_files_get_one_sentence_each(path, make, words):
    make(path)
    with refused(words):
        checkpoint.load(path, x=torch.zeros(3))


def test_a_file_cut_anywhere_or_with_any_byte_flipped_is_refused(path):
    checkpoint.save(path, {"seed": 1}, x=torch.rand(20))
    whole = path.read_bytes()
    damaged = [whole[:end] for end in range(0, len(whole), 7)] + [whole + b"more"]
    for i in range(len(whole)):
        damaged += [whole[:i] + bytes([whole[i] ^ mask]) + whole[i + 1 :] for mask in (0x01, 0x80)]
    y = torch.zeros(20)
    for data in damaged:
        path.write_bytes(data)
        with refused("."):
            checkpoint.load(path, x=y)
    assert not y.any()


def test_bundled_networks_load_by_name_in_eval_mode(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "checkpoint_dir", lambda: tmp_path)
    net, _ = trained()
    checkpoint.save(tmp_path / "digits_v1.5.safetensors", {"seed": 7, "accuracy": 0.97}, network=net)
    other = checkpoint.load_network("digits_v1.5", trained(seed=1)[0])
    assert not other.training
    same(dict(net.state_dict()), dict(other.state_dict()))
    assert checkpoint.card("digits_v1.5") == {"seed": 7, "accuracy": 0.97}
    assert checkpoint.card(str(tmp_path / "digits_v1.5.safetensors"))["seed"] == 7
    with refused("no checkpoint.*nothing.safetensors"):
        checkpoint.load_network("nothing", net)
