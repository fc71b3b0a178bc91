"""Exercises that check themselves and teach when they fail: `check`, `hint`, `solution`.

An exercise knows the right answer, the cases to try, and the mistakes that people make. When an attempt fails
and gives just what a known mistake gives, the message names that mistake. The decorator `exercise` makes one and
registers it; in tests, `Exercise(answer, …)` makes one that is not registered.
"""

import ast
import copy
import inspect
import os
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy
import torch

TORCH = os.path.dirname(torch.__file__)


class Wrong(AssertionError):
    """An attempt is wrong; the message says what was expected, what came, and where to look."""


@dataclass
class Exercise:
    """One exercise.

    answer: the right answer, a function or class; the exercise bears its name.
    cases: tuples of arguments on which the attempt must agree with the answer.
    verify: instead of cases, for modules and random results: called with the attempt, raises `Wrong`.
    hints: shown one at a time, from a nudge to nearly the answer.
    wrong: plausible wrong answers, each with the advice that helps out of it; `mistake` adds one. With `verify`
    the advice is the part of its message that must appear.
    """

    answer: Callable
    cases: tuple[tuple, ...] = ()
    verify: Callable[[Callable], None] | None = None
    hints: tuple[str, ...] = ()
    wrong: dict[Callable, str] = field(default_factory=dict)
    hints_given: int = field(default=0, init=False, repr=False)

    @property
    def name(self) -> str:
        return self.answer.__name__

    def check(self, attempt: Callable) -> None:
        """Says whether the attempt is right, wrong (and why), or not attempted yet. Never raises."""
        try:
            self.test(attempt)
        except NotImplementedError:
            print(f"⏳ {self.name}: not attempted yet. Replace the line `raise NotImplementedError`.")
        except Wrong as error:
            print(f"❌ {self.name}: {error}")
        else:
            print(f"✅ {self.name}: right.")

    def test(self, attempt: Callable) -> None:
        """Raises `Wrong` when the attempt is wrong, and NotImplementedError when there is none yet."""
        if not callable(attempt):
            raise Wrong(f"Hand over the function itself: check({self.name}), without parentheses after it.")
        with torch.random.fork_rng(devices=[]):  # checking must not disturb the lesson's own randomness
            torch.manual_seed(0)
            if self.verify is not None:
                guarded(self.verify, attempt)
                return
            for case in self.cases:
                problem = _compare_on(case, self.answer, attempt)
                if problem:
                    raise Wrong(problem + self._advice(attempt))

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

    def mistake(self, advice: str) -> Callable:
        """Decorates a plausible wrong answer; `advice` is what helps those who give it."""

        def register(function: Callable) -> Callable:
            self.wrong[function] = advice
            return function

        return register

    def _advice(self, attempt: Callable) -> str:
        """What to say of the known mistake that gives the same results as this attempt, if there is one."""
        for mistake, advice in self.wrong.items():
            if all(_compare_on(case, mistake, attempt) is None for case in self.cases):
                return f" {advice}"
        return ""


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


def _is_blank(frame) -> bool:
    """Does the student's own `raise` stand there? PyTorch raises NotImplementedError, too, for what it cannot do."""
    return not frame.filename.startswith(TORCH) and "raise" in (frame.line or "raise")


def guarded(function: Callable, *arguments):
    """Calls the function; an error inside it becomes a `Wrong` that names the line."""
    try:
        return function(*arguments)
    except Wrong:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        if isinstance(error, NotImplementedError) and _is_blank(frames[-1]):
            raise
        where = ""  # the last line that is the student's: none of this module's, and none inside PyTorch
        for frame in frames:
            if not frame.filename.startswith((TORCH, __file__)):
                where = f" at `{frame.line}`" if frame.line else f" in line {frame.lineno}"
        reason = (str(error).strip() or "no message").splitlines()[0]
        raise Wrong(f"Your code stops with {type(error).__name__}{where}: {reason}") from None


def _compare_on(case: tuple, expected_by: Callable, attempt: Callable) -> str | None:
    """What differs between the two on these arguments, as a sentence; None when they agree."""
    mine, theirs = copy.deepcopy(case), copy.deepcopy(case)
    try:
        expected = expected_by(*mine)
    except Exception:
        return "These differ."  # a known mistake that itself breaks on this case
    got = guarded(attempt, *theirs)
    call = ", ".join(_brief(argument) for argument in case)
    for number, (before, after) in enumerate(zip(case, theirs, strict=True), start=1):
        if isinstance(before, torch.Tensor) and not torch.equal(before, after):
            return f"Your function changes its argument {number} in place; compute a new tensor instead."
    problem = explain(expected, got)
    return problem and f"For the input ({call}): {problem}"


def explain(expected, got) -> str | None:
    """How `got` differs from `expected`, as a sentence that helps; None when they agree within rounding."""
    if got is None and expected is not None:
        return "your function returns nothing (None). Does it end with `return`?"
    if isinstance(got, numpy.generic):  # one number of NumPy's, as from scipy.stats
        got = got.item()
    if isinstance(got, numpy.ndarray):
        return f"expected {_brief(expected)}, got a NumPy value; return a torch tensor or a plain number."
    if isinstance(expected, tuple | list):
        if not isinstance(got, tuple | list) or len(got) != len(expected):
            return f"expected a list or tuple of {len(expected)}, got {_brief(got)}."
        problems = (explain(e, g) for e, g in zip(expected, got, strict=True))
        return next((f"value {i}: {p}" for i, p in enumerate(problems, start=1) if p), None)
    if isinstance(expected, torch.Tensor | float | int) and not isinstance(expected, bool):
        if not isinstance(got, torch.Tensor | float | int) or isinstance(got, bool):
            return f"expected {_brief(expected)}, got {_brief(got)}."
        if getattr(expected, "requires_grad", False) and not getattr(got, "requires_grad", False):
            return "the result carries no gradient: return the tensor itself, without .item() or .detach()."
        return _explain_numbers(torch.as_tensor(expected).detach(), torch.as_tensor(got).detach())
    return None if expected == got else f"expected {_brief(expected)}, got {_brief(got)}."


def _explain_numbers(expected: torch.Tensor, got: torch.Tensor) -> str | None:
    if got.shape != expected.shape:
        return f"expected the shape {tuple(expected.shape)}, got {tuple(got.shape)}."
    expected, got = expected.double(), got.double().to(expected.device)
    if not got.isfinite().all() and expected.isfinite().all():
        return "the result holds inf or nan. Is something divided by zero, or the logarithm of zero taken?"
    if torch.allclose(expected, got, rtol=1e-4, atol=1e-5, equal_nan=True):
        return None
    worst = (expected - got).abs().argmax()
    place = [int(i) for i in torch.unravel_index(worst, expected.shape)]
    where = f" (largest difference, at position {place})" if expected.numel() > 1 else ""
    text = f"expected {expected.flatten()[worst]:.5g}, got {got.flatten()[worst]:.5g}{where}."
    if torch.allclose(expected, -got, rtol=1e-3, atol=1e-5):
        return f"{text} Only the sign is wrong."
    large = expected.abs() > 1e-6
    if large.sum() > 2:
        ratio = (got[large] / expected[large])[0]
        if ratio > 0 and torch.allclose(got, expected * ratio, rtol=1e-3):
            return f"{text} Everything is {ratio:.4g} times what it should be."
    return text


def _brief(value) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.item():.5g}" if value.dim() == 0 else f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, torch.nn.Module):
        return type(value).__name__
    if callable(value):
        return getattr(value, "__name__", "a function")
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
