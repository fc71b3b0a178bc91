"""Exercises that check themselves and teach when they fail: `check`, `hint`, `solution`.

An exercise knows the right answer, the cases to try, and the mistakes that people make. When an attempt fails
and gives just what a known mistake gives, the message names that mistake. The decorator `exercise` makes one and
registers it; in tests, `Exercise(answer, …)` makes one that is not registered.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from imagegen_lessons.exercises.differences import brief, explain
from imagegen_lessons.exercises.outcomes import Wrong, call, guarded, where_they_differ

__all__ = ["REGISTRY", "Exercise", "Wrong", "exercise", "explain", "guarded"]


@dataclass
class Exercise:
    """One exercise.

    answer: the right answer, a function or class; the exercise bears its name.
    cases: tuples of arguments on which the attempt must agree with the answer.
        Where they hold tensors or modules that require a gradient, the gradients must agree as well.
    verify: instead of cases, for modules and random results: called with the attempt, raises `Wrong`, and may return
        a sentence that says how good a right answer is.
    hints: shown one at a time, from a nudge to nearly the answer.
    wrong: plausible wrong answers, each with the advice that helps out of it; `mistake` adds one. With `verify`
        the advice is the part of its message that must appear.
    by_hand: autograd inside the attempt is refused.
    rtol: the relative error that passes for rounding.
    """

    answer: Callable
    cases: tuple[tuple, ...] = ()
    verify: Callable[[Callable], None] | None = None
    hints: tuple[str, ...] = ()
    wrong: dict[Callable, str] = field(default_factory=dict)
    by_hand: bool = False
    rtol: float = 1e-4
    hints_given: int = field(default=0, init=False, repr=False)

    @property
    def name(self) -> str:
        return self.answer.__name__

    def check(self, attempt: Callable) -> None:
        """Says whether the attempt is right, wrong (and why), or not attempted yet. Never raises."""
        try:
            remark = self.test(attempt)
        except NotImplementedError:
            print(f"⏳ {self.name}: not attempted yet. Replace the line `raise NotImplementedError`.")
        except Wrong as error:
            print(f"❌ {self.name}: {error}")
        else:
            print(f"✅ {self.name}: right.{f' {remark}' if remark else ''}")

    def test(self, attempt: Callable) -> str | None:
        """How good a right attempt is, where `verify` can tell, as a sentence.

        Raises `Wrong` when the attempt is wrong, and NotImplementedError when there is none yet.
        """
        if not callable(attempt):
            raise Wrong(f"Hand over the function itself: check({self.name}), without parentheses after it.")
        if (
            isinstance(self.answer, type)
            and not isinstance(attempt, type)
            and isinstance(attempt, self.answer.__base__)
        ):
            raise Wrong(f"Hand over the class itself: check({self.name}), not check({self.name}()).")
        with torch.random.fork_rng(devices=[]), torch.enable_grad():  # the lesson's own state stays as it is
            torch.manual_seed(0)
            if self.verify is not None:
                return guarded(self.verify, attempt)
            names = list(inspect.signature(self.answer).parameters)
            expected = [call(self.answer, case, names) for case in self.cases]
            got = [call(attempt, case, names, self.by_hand) for case in self.cases]
            pairs = zip(self.cases, expected, got, strict=True)
            for case, right, mine in pairs:
                if where_they_differ(right, mine, self.rtol):
                    advice = self._advice(got, names)
                    problem = where_they_differ(right, mine, self.rtol, guess=not advice)
                    given = ", ".join(f"{n}={brief(a)}" for n, a in zip(names, case, strict=False))
                    start = f"For the input ({given}): " if mine.error is None else ""
                    raise Wrong(f"{start}{problem}{advice}")
        return None

    def hint(self) -> None:
        """Prints the next hint; after the last one they begin again."""
        number = self.hints_given % len(self.hints)
        self.hints_given += 1
        print(f"Hint {number + 1} of {len(self.hints)}: {self.hints[number]}")

    def solution(self) -> None:
        """Prints the answer as source."""
        print(self.source())

    def source(self) -> str:
        """The answer as source. Of its decorators only PyTorch's stay: `@torch.no_grad()` is part of the answer."""
        text = textwrap.dedent(inspect.getsource(self.answer))
        node = ast.parse(text).body[0]
        kept = [part for part in node.decorator_list if ast.unparse(part).startswith("torch.")]
        first = min(part.lineno for part in [*kept, node])
        return "\n".join(text.splitlines()[first - 1 :])

    def mistake(self, advice: str, function: Callable | None = None) -> Callable:
        """Adds a plausible wrong answer, given here or decorated; `advice` is what helps those who give it."""

        def register(function: Callable) -> Callable:
            self.wrong[function] = advice
            return function

        return register if function is None else register(function)

    def _advice(self, got: list, names: list[str]) -> str:
        """What to say of the known mistake that gives the same on all cases as this attempt, if there is one."""
        for mistake, advice in self.wrong.items():
            outcomes = (call(mistake, case, names, self.by_hand) for case in self.cases)
            if all(self._alike(outcome, mine) for outcome, mine in zip(outcomes, got, strict=True)):
                return f" {advice}"
        return ""

    def _alike(self, one, other) -> bool:
        return not (where_they_differ(one, other, self.rtol) or where_they_differ(other, one, self.rtol))


REGISTRY: dict[str, Exercise] = {}  # every exercise of the course, by name


def exercise(**parts) -> Callable:
    """Decorates the right answer: `@exercise(cases=…, hints=…)` makes it an `Exercise` and registers it.

    Where the package has the answer, hand it over instead: `adain = exercise(cases=…, hints=…)(style.adain)`.
    Raises ValueError where two exercises have one name.
    """

    def register(answer: Callable) -> Exercise:
        new = Exercise(answer, **parts)
        if new.name in REGISTRY:
            raise ValueError(f"There are two exercises called {new.name!r}.")
        REGISTRY[new.name] = new
        return new

    return register
