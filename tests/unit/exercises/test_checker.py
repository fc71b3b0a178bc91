"""Every exercise, proved: the blank, the answer, another answer, and the listed mistakes; then the checker itself."""

import ast
import collections
import functools
import math
from fractions import Fraction

import numpy
import pytest
import torch

from imagegen_lessons import exercises, metrics
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
    assert capsys.readouterr().out.startswith(f"✅ {name}: right.")
    assert "return arguments.undefined" in message(ALL[name], broken)


@each_exercise
def test_differently_written_answers_are_right(name):
    assert OTHER_ANSWERS[name]
    for answer in OTHER_ANSWERS[name]:
        ALL[name].test(answer)


@each_exercise
def test_every_mistake_gets_advice_of_its_own(name):
    messages = {wrong: message(ALL[name], wrong) for wrong in ALL[name].wrong}
    assert len(messages) >= 6
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
    assert explain((1.0, 2.0), (1.0, 3.0)) == "at [1]: expected 2, got 3."
    assert "expected 0.5, got 0.25" in explain(0.5, numpy.float64(0.25))


def test_explain_accepts_what_is_right_in_other_clothes():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    pair = collections.namedtuple("Pair", "a b")
    for expected, got in (
        (x, x.numpy()),
        (x, x.double().numpy()),
        (x, x.tolist()),
        (x, [row.numpy() for row in x]),
        (tuple(x), x),
        (list(x), x.numpy()),
        ((1.0, 2.0), pair(1.0, numpy.float32(2.0))),
        (0.25, Fraction(1, 4)),
        (True, torch.tensor(True)),
        ({"a": {"x": 1}}, {"a": {"x": numpy.int64(1)}}),
    ):
        assert explain(expected, got) is None, (expected, got)
    learning = torch.ones(2, requires_grad=True)
    assert "carries no gradient" in explain(learning, [1.0, 1.0])


@pytest.mark.parametrize(
    ("expected", "got", "part"),
    [
        (torch.tensor([1e-6, 3e-4]), torch.tensor([1e-6, 6e-4]), "0.0006"),
        (torch.full((9,), 1e-4), torch.full((9,), 1.2e-4), "1.2 times"),
        (100_000, 100_001, "got 100001"),
        (
            torch.tensor([0.5, 0.25]),
            torch.tensor([0.5, 0.75]),
            "expected tensor([0.5, 0.25]), got tensor([0.5, 0.75])",
        ),
        (torch.zeros(3, 4), torch.eye(4)[:3], "of (3, 4)"),
        (torch.tensor(1.0), torch.ones(1), "expected one number, got a tensor of shape (1,)"),
        ({"a": 1}, {"b": 1}, "'a' is missing"),
        ({"a": 1}, {"a": 1, "b": 2}, "'b' should not be there"),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 3}}, "at ['a']['y']: expected 2, got 3"),
        ("same " * 20 + "end", "same " * 20 + "and", "and'"),
        ((1.0, 2.0), torch.ones(2, 3)[:, 0] * 5, "at [0]: expected 1, got 5"),
        (torch.tensor([1.0, 2.0]), [], "got []"),
    ],
)
def test_explain_shows_the_difference(expected, got, part):
    assert part in explain(expected, got)


def weighted(a, b):
    return (a * a).sum() + (a * b).sum()


LEARNING = Exercise(
    weighted, cases=((torch.tensor([1.0, 2.0], requires_grad=True), torch.ones(2, requires_grad=True)),)
)


@pytest.mark.parametrize(
    ("attempt", "part"),
    [
        (lambda a, b: (a * a).sum() + (a * b.detach()).sum(), "no gradient reaches b"),
        (lambda a, b: (a * a.detach()).sum() + (a * b).sum(), "not the gradient of a"),
        (lambda a, b: weighted(a, b).detach(), "carries no gradient"),
        (lambda a, b: torch.tensor(weighted(a, b).item(), requires_grad=True), "no gradient reaches a"),
    ],
)
def test_gradients_are_part_of_the_answer(attempt, part):
    assert part in message(LEARNING, attempt)


def test_gradients_are_compared_inside_no_grad_and_of_modules(capsys):
    with torch.no_grad():
        LEARNING.check(lambda a, b: ((a + b) * a).sum())
    assert capsys.readouterr().out.startswith("✅")
    score = Exercise(lambda D, x: D(x).mean(), cases=((torch.nn.Linear(2, 1), torch.ones(3, 2)),))
    score.test(lambda D, x: D(x).sum() / len(x))
    assert "no gradient reaches D.weight" in message(
        score, lambda D, x: x.mean(dim=0) @ D.weight.detach()[0] + D.bias.sum()
    )


def square_slope(x):
    return 2 * x


def test_by_hand_refuses_autograd():
    slope = Exercise(square_slope, cases=((torch.tensor([1.0, -3.0]),),), by_hand=True)
    slope.test(lambda x: x + x)

    def attempt(x):
        x = x.clone().requires_grad_()
        return torch.autograd.grad((x**2).sum(), x)[0]

    def forward(x):
        return torch.func.jvp(lambda x: x**2, (x,), (torch.ones_like(x),))[1]

    for autograd in (attempt, forward, torch.func.grad(lambda x: (x**2).sum())):
        assert "autograd" in message(slope, autograd)


def test_the_known_mistake_replaces_the_guess_also_where_it_stops_with_an_error():
    double = Exercise(square_slope, cases=((torch.tensor([1.0, -3.0, 2.0]),),))
    assert "0.5 times" in message(double, lambda x: x)
    double.mistake("Times two!", lambda x: 1 * x)
    double.mistake("No such dimension.", lambda x: x.sum(dim=5) + x)
    told = message(double, lambda x: x)
    assert told.endswith("Times two!") and "times what" not in told and "(x=tensor([1, -3, 2]))" in told
    assert message(double, lambda values: values.sum(dim=5)).endswith("No such dimension.")


def test_verify_may_say_how_good_an_answer_is(capsys):
    Exercise(square_slope, verify=lambda attempt: "As good as ours.").check(square_slope)
    assert capsys.readouterr().out == "✅ square_slope: right. As good as ours.\n"


def test_arguments_that_change_are_named():
    pick = Exercise(lambda items: items[0], cases=(([3, 4],),))
    assert "argument items in place" in message(pick, lambda items: items.pop(0))
    holes = Exercise(lambda x: torch.nanmean(x), cases=((torch.tensor([1.0, torch.nan]),),))
    holes.test(lambda x: x[~x.isnan()].mean())


def test_pytorchs_errors_are_told_in_plain_words():
    double = Exercise(square_slope, cases=((torch.ones(4, 3),),))
    for attempt, part in (
        (lambda x: x @ torch.ones(4, 2), "has 3 columns, and the matrix or linear layer takes 4"),
        (lambda x: torch.nn.BatchNorm1d(3)(x[:, :, None, None]), "take BatchNorm2d"),
        (
            lambda x: torch.nn.Conv2d(2, 1, 1)(x[None, :, :, None]),
            "was made for 2 channels, and its input has 4",
        ),
        (lambda x: x if x > 0 else -x, "torch.where"),
        (lambda x: x[: 1 / 2], "divide with //"),
        (lambda x: math.log(-1), "below 0"),
        (lambda x: torch.nn.Embedding(3, 2)(torch.tensor([5])), "too few classes"),
        (lambda x: torch.nn.Parameter(x).add_(1), "compute a new tensor"),
        (lambda x: 0.5 * (x,), "[0]"),
        (lambda x: (x > 0).mean(), ".float()"),
        (lambda x: x @ x.T.double(), "dtype=x.dtype"),
        (lambda x: torch.tensor([x, x]), "torch.stack"),
        (lambda x: torch.stack([x, x[:2]]), "torch.cat"),
        (lambda x: torch.sqrt(3.0) * x, "math.sqrt"),
        (lambda x: x ^ 2, "The power is **"),
        (lambda x: math.exp(x), "torch.exp"),
        (lambda x: (1, 2) * x, "the tuple's entries"),
        (lambda x: torch.nn.MSELoss(x, x), "F.mse_loss"),
        (lambda x: x / (1 // 0), "divisor 0"),
        (lambda x: (lambda a: a)(x, x), "in its line `def`"),
        (lambda x: (2.0).view(1) * x, "torch.full"),
        (uses_before, "`before` is used before it has a value"),
    ):
        assert part in message(double, attempt)
    learned = Exercise(lambda x: x.square().sum(), cases=((torch.ones(3, requires_grad=True),),))
    assert "divide with /" in message(learned, lambda x: (x // 2).sum())
    assert "call .backward()" in message(learned, lambda x: backward_inside(x.square().sum()))


def uses_before(x):
    for k in range(2):
        if k:
            before = x
        x = x + before
    return x


def backward_inside(loss):
    loss.backward()
    return loss


def test_the_line_that_is_named_is_the_students():
    def own(x):
        return metrics.psnr(x, x[:2])

    double = Exercise(square_slope, cases=((torch.ones(4, 3),),))
    assert "at `return metrics.psnr(x, x[:2])`" in message(double, own)
