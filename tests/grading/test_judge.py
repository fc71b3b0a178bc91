"""Judging from outside: what crosses the border, advice and gradients included, and what may not."""

import ctypes
import json
import re
import time
from multiprocessing.connection import Connection

import numpy
import pytest
import torch

from grading import isolation, judge, limits, signs, wire
from grading.attempt import Responder
from imagegen_lessons import exercises
from imagegen_lessons.exercises.checker import Wrong
from tests.grading.classroom import ROOT

ALL = exercises.REGISTRY


def over_the_wire(attempt, by_hand=False):
    """The attempt as the judge sees it, everything packed as between two processes."""
    responder = Responder(attempt, by_hand)
    return judge.proxy(lambda question: json.loads(json.dumps(responder(json.loads(json.dumps(question))))))


def test_few_exercises_must_be_checked_inside_the_sandbox():
    inside = {name for name in ALL if not judge.can_check_outside(name)}
    assert {"TinyClassifier", "MyGenerator", "ema_update"} <= inside and len(inside) < len(ALL) / 5
    assert not inside & {
        "luminance",
        "brier",
        "fool_frechet",
        "frames",
        "crop_centre",
        "gatys_layer_loss",
        "adain",
    }
    guide = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    named = guide.partition('"right": ')[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", named)) == inside


@pytest.mark.parametrize("name", [name for name in ALL if judge.can_check_outside(name)])
def test_from_outside_mistakes_get_the_same_advice(name):
    for wrong in ALL[name].wrong:
        messages = []
        for attempt in (wrong, over_the_wire(wrong, ALL[name].by_hand)):
            with pytest.raises(Wrong) as caught:
                ALL[name].test(attempt)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]


@pytest.mark.parametrize(
    "said",
    [
        ["tensor", "float32", [2**40], False, ""],
        ["tensor", "qint8", [1], False, "00"],
        ["tensor", "float8_e4m3fn", [1], False, "00"],
        ["tensor", "load", [1], False, ""],
        ["tensor", "float32", [1], False, "é"],
        ["error", "exec"],
        ["tensor", ["float32"], [1], False, ""],
        ["tensor", "int64", [0], True, ""],
        ["tensor"],
        ["array", 3],
        ["list", ["what"]],
        ["dict", 3],
        ["dict", [["list"], 1]],
        [],
        [None],
        [[]],
    ],
)
def test_answers_from_a_sandbox_may_be_anything(said):
    with pytest.raises(Exception):  # noqa: B017 (any; the caller takes all for "no result")
        wire.unpack(said)


def test_all_kinds_of_results_can_be_sent():
    value = {"a": [1, 2.5, None, True], (1, 2): (torch.rand(2, 3), torch.tensor(3)), "b": torch.zeros(0, 2)}
    there = wire.unpack(json.loads(json.dumps(wire.pack(value))))
    assert list(there) == list(value) and there["a"] == value["a"] and isinstance(there[1, 2], tuple)
    assert torch.equal(there[1, 2][0], value[1, 2][0]) and there["b"].shape == (0, 2)
    assert wire.unpack(wire.pack(torch.ones(2).requires_grad_())).requires_grad
    assert not wire.unpack(wire.pack(torch.ones(2, 2)))._is_view(), "errors would say so"
    assert repr(wire.unpack(wire.pack([10**5000]))) == "[a very large int]"
    assert repr(wire.unpack(wire.pack(len))) == "a builtin_function_or_method"
    assert repr(wire.unpack(wire.pack(torch.ones(2).to(torch.float8_e4m3fn)))) == "a Tensor"
    numbers = numpy.arange(6, dtype="int16").reshape(2, 3)
    numpy.testing.assert_array_equal(wire.unpack(wire.pack(numbers)), numbers)
    assert wire.unpack(wire.pack(numpy.float32(0.5))) == 0.5


def test_gradients_come_across():
    def both(a, b):
        return {"product": a * b, "rest": [b.detach(), a.sum()]}

    a, b = (torch.rand(3).requires_grad_() for _ in range(2))
    results = []
    for function in (both, over_the_wire(both)):
        made = function(a, b)
        loss = (made["product"] * torch.arange(3)).sum() + 5 * made["rest"][1]
        results.append(torch.autograd.grad(loss, (a, b)))
    torch.testing.assert_close(results[0], results[1])


def test_derivatives_by_hand_are_by_hand_in_the_sandbox_as_well():
    def by_autograd(x):
        x = x.clone().requires_grad_()
        return torch.autograd.grad((x**2).sum(), x)[0]

    with pytest.raises(Wrong, match="worked out by hand"):
        over_the_wire(by_autograd, by_hand=True)(torch.ones(2))
    torch.testing.assert_close(over_the_wire(by_autograd)(torch.ones(2)), torch.full((2,), 2.0))


def long_thought(kind):
    """What a check may be led into by a result."""
    if kind == "time":
        time.sleep(99)
    if kind == "memory":
        torch.ones(2**40)
    if kind == "crash":
        ctypes.string_at(0)
    return [kind]


@pytest.mark.parametrize("begins", [True, False])
def test_the_time_of_a_check_runs_from_when_its_process_has_begun(begins, monkeypatch):
    waits, really_poll = [], Connection.poll

    def poll(end, seconds):
        """Notes how long it may wait, then waits as long as it takes, or not at all."""
        waits.append(seconds)
        return begins and really_poll(end, None)

    monkeypatch.setattr(Connection, "poll", poll)
    if begins:
        assert limits.within_limits(long_thought, "fine", seconds=8, megabytes=512) == ["fine"]
        assert waits == [limits.START, 8]
    else:
        with pytest.raises(limits.Stopped, match=f"did not begin within {limits.START} seconds"):
            limits.within_limits(long_thought, "fine", seconds=8, megabytes=512)
        assert waits == [limits.START]


@pytest.mark.parametrize("kind", ["time", "memory", "crash"])
def test_the_check_itself_has_limits_and_ends_alone(kind):
    with pytest.raises(limits.Stopped) as stopped:
        limits.within_limits(long_thought, kind, seconds=15 if kind != "time" else 3, megabytes=512)
    assert stopped.value.reason == kind
    assert limits.within_limits(long_thought, "fine", seconds=60, megabytes=512) == ["fine"]


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("import os", "os"),
        ("import socket as s", "socket"),
        ("from importlib import reload", "importlib"),
        ("x = eval('1')", "eval"),
        ("x = (i for i in ()).gi_frame.f_back.f_locals", "f_back f_locals gi_frame"),
        ("x = torch.ops", "ops"),
        ("x = ().__class__.__base__", "__base__"),
        ("x = getattr(torch, '_C')", "'_C' getattr"),
        ("x = vars(torch)['load']", "'load' vars"),
        ("torch.equal = None", "torch.equal"),
        ("import numpy as np\nnp.allclose = None", "np.allclose"),
        ("x = metrics.psnr(1, 2)", "metrics.psnr"),
        ("from imagegen_lessons.metrics import psnr as theirs", "imagegen_lessons.metrics.psnr"),
        ("try:\n    pass\nexcept E as e:\n    e.__traceback__.tb_frame", "__traceback__ tb_frame"),
        ("import torch, math\nfrom collections import deque\nclass A(torch.nn.Module):\n    def __init__(self):\n"
         "        super().__init__()\n        self.f = 1", ""),
    ],
)  # fmt: skip
def test_what_no_exercise_needs_is_named(source, named):
    assert " ".join(signs.signs("psnr", source)) == named


@pytest.mark.parametrize(
    ("root", "trust", "words"),
    [(True, True, "Root's power"), (False, False, "--trust-students"), (False, True, None)],
)
def test_without_isolation_it_asks_for_trust_and_refuses_root(monkeypatch, root, trust, words):
    monkeypatch.setattr(isolation, "failure", {"bubblewrap": "No bwrap.", "container": "No container."}.get)
    monkeypatch.setattr(isolation.os, "getuid", lambda: 0 if root else 1000)
    isolation.kind.cache_clear()
    try:
        said = isolation.refusal(trust)
        assert said is None if words is None else words in said and "No bwrap." in said
    finally:
        isolation.kind.cache_clear()
