"""Every exercise, proved: the blank, the answer, another answer, and the listed mistakes; then the checker itself."""

import ast
import functools

import numpy
import pytest
import torch

from imagegen_lessons import exercises
from imagegen_lessons.exercises import checker
from imagegen_lessons.exercises.checker import Exercise, Wrong, exercise, explain
from tests.unit.exercises.other_answers import OTHER_ANSWERS
from tools import lessons

ALL = exercises.REGISTRY
each_exercise = pytest.mark.parametrize("name", ALL)


def blank(*arguments, **options):
    raise NotImplementedError


def broken(*arguments, **options):
    return arguments.undefined


def message(exercise: Exercise, attempt) -> str:
    with pytest.raises(Wrong) as caught:
        exercise.test(attempt)
    return str(caught.value)


@each_exercise
def test_blank_answer_and_broken_attempt_get_their_verdicts(name, capsys):
    ALL[name].check(blank)
    assert capsys.readouterr().out.startswith(f"⏳ {name}")
    ALL[name].check(ALL[name].answer)
    assert capsys.readouterr().out == f"✅ {name}: right.\n"
    assert "return arguments.undefined" in message(ALL[name], broken)


@each_exercise
def test_a_differently_written_answer_is_right(name):
    ALL[name].test(OTHER_ANSWERS[name])


@each_exercise
def test_every_mistake_gets_advice_of_its_own(name):
    messages = {wrong: message(ALL[name], wrong) for wrong in ALL[name].wrong}
    assert len(messages) >= 2
    assert len(set(messages.values())) == len(set(ALL[name].wrong.values())) == len(messages)
    for wrong, advice in ALL[name].wrong.items():
        assert advice in messages[wrong]


@each_exercise
def test_it_has_hints_and_a_solution(name, capsys):
    assert getattr(exercises, name) is ALL[name] and len(ALL[name].hints) >= 2
    for hint in [*ALL[name].hints, ALL[name].hints[0]]:
        ALL[name].hint()
        assert hint in capsys.readouterr().out
    ALL[name].solution()
    assert capsys.readouterr().out.startswith(("def ", "class ", "@torch.no_grad()"))


def test_every_exercise_stands_blank_in_one_lesson():
    found = {}
    for path in lessons.paths():
        for cell in filter(lessons.is_exercise, lessons.code_cells(lessons.read(path))):
            for node in ast.parse(cell.source).body:
                if getattr(node, "name", None) in ALL:
                    assert node.name not in found, f"{node.name} stands in two lessons"
                    found[node.name] = node
    assert set(found) == set(ALL)
    for name, node in found.items():
        answer = ast.parse(ALL[name].source()).body[0]
        if isinstance(node, ast.FunctionDef):
            assert [a.arg for a in node.args.args] == [a.arg for a in answer.args.args], name


def times(x, by):
    """Scales."""
    return x * by


SCALE = Exercise(times, cases=((torch.tensor([1.0, -2.0, 0.5]), 3.0), (torch.tensor([[0.5]]), 1.0)))


@pytest.mark.parametrize(
    ("attempt", "part"),
    [
        (lambda x, by: None, "returns nothing"),
        (lambda x, by: x[:1] * by, "expected the shape (3,), got (1,)"),
        (lambda x, by: -x * by, "Only the sign is wrong"),
        (lambda x, by: 2 * x * by, "2 times what it should be"),
        (lambda x, by: x / 0, "inf or nan"),
        (lambda x, by: "text", "got 'text'"),
        (lambda x, by: x.mul_(by), "in place"),
        (lambda x: x, "TypeError"),
        (lambda x, by: (x * by).numpy(), "a NumPy value"),
        (lambda x, by: torch.tensor([True]).round(), "NotImplementedError"),
        (lambda x, by: torch.nn.Module()(x), "NotImplementedError"),  # raised in PyTorch's Python: no blank
        (7, "without parentheses"),
    ],
)
def test_messages_teach(attempt, part):
    assert part in message(SCALE, attempt)


def test_an_error_inside_pytorch_is_told_at_the_students_own_line():
    def attempt(x, by):
        return torch.nn.functional.conv2d(x, x)  # the student's line

    assert "RuntimeError at `return torch.nn.functional.conv2d(x, x)" in message(SCALE, attempt)
    told = message(SCALE, lambda: 0)
    assert "stops with TypeError: " in told and "0 positional arguments but 2 were given" in told


def test_an_answer_is_registered_under_its_own_name_once(monkeypatch):
    monkeypatch.setattr(checker, "REGISTRY", {})
    scale = exercise(hints=("Multiply.",))(times)
    assert {"times": scale} == checker.REGISTRY and scale.answer is times
    with pytest.raises(ValueError, match="two exercises called 'times'"):
        exercise()(times)


def test_the_source_keeps_only_decorators_of_pytorch(monkeypatch):
    monkeypatch.setattr(checker, "REGISTRY", {})

    @exercise(
        hints=("Nothing.",),
    )
    @torch.no_grad()
    def same(x):
        return x

    assert same.source() == "@torch.no_grad()\ndef same(x):\n    return x"
    checked = exercise()(functools.wraps(times)(lambda *arguments: times(*arguments)))
    assert checked.source().startswith("def times(x, by):\n")


def test_checking_leaves_the_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    SCALE.check(lambda x, by: torch.rand(3))
    assert torch.equal(torch.rand(1), expected)


def test_explain_accepts_rounding_and_every_kind_of_scalar():
    assert explain(0.5, torch.tensor(0.5)) is None
    assert explain(torch.tensor(2.0), 2.000001) is None
    assert explain((1.0, 2.0), (torch.tensor(1.0), numpy.float64(2.0))) is None
    assert explain([2, True], [numpy.int64(2), numpy.bool_(True)]) is None
    assert explain(torch.tensor(2.0), numpy.float32(2.0)) is None
    assert "value 2" in explain((1.0, 2.0), (1.0, 3.0))
    assert "expected 0.5, got 0.25" in explain(0.5, numpy.float64(0.25))
