"""What a function gives on the arguments of a case: its result and its gradients, or the error that stops it."""

import copy
import os
import re
import traceback
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from unittest.mock import patch

import torch
from torch.autograd import forward_ad

from imagegen_lessons.exercises.differences import explain
from imagegen_lessons.exercises.plain_errors import in_plain_words

TORCH = os.path.dirname(torch.__file__)
EXERCISES = os.path.dirname(__file__)
OTHERS = [TORCH, os.path.dirname(EXERCISES)]  # folders whose lines no student wrote; the grader adds its own
CHECKS = os.path.join(EXERCISES, "lesson_")
BY_HAND = (
    "This uses autograd. Here the derivative is worked out by hand: write its formula with + - * / and @."
)


class Wrong(AssertionError):
    """An attempt is wrong; the message says what was expected, what came, and where to look."""

    @property
    def reason(self) -> str:
        """The message without the line of code where an error arose: the same for the same mistake."""
        return re.sub(" at `.*`: | in line [0-9]+: ", ": ", str(self))


@dataclass
class Outcome:
    """What a call gave. Gradients are those of a fixed weighted sum of the result, by argument or parameter."""

    result: object = None
    gradients: dict[str, torch.Tensor | None] = field(default_factory=dict)
    changed: str = ""  # the arguments that were changed in place
    error: Wrong | None = None


def call(function: Callable, case: tuple, names: list[str], by_hand: bool = False) -> Outcome:
    """Calls the function with copies of the arguments; `by_hand` refuses autograd inside it.

    `names` are the arguments' names. Lets NotImplementedError through: there is no attempt yet.
    """
    arguments = copy.deepcopy(case)
    torch.manual_seed(0)
    try:
        with without_autograd() if by_hand else nullcontext():
            result = guarded(function, *arguments)
    except Wrong as error:
        refused = by_hand and "saved tensor hooks" in str(error)  # what torch.func says to the hooks
        return Outcome(error=Wrong(BY_HAND) if refused else error)
    arguments = dict(zip(names, arguments, strict=False))
    changed = [name for name, before in zip(names, case, strict=False) if _changed(before, arguments[name])]
    try:
        return Outcome(result, _gradients(result, arguments), ", ".join(changed))
    except RuntimeError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        told = (
            f"No gradient can be computed from what your function returns: {reason}. {in_plain_words(reason)}"
        )
        return Outcome(error=Wrong(told.strip()))


def where_they_differ(expected: Outcome, got: Outcome, rtol: float, guess: bool = False) -> str | None:
    """How `got` differs from `expected`, as a sentence; None when they agree within rounding."""
    if got.error or expected.error:
        same = got.error and expected.error and got.error.reason == expected.error.reason
        return (
            None
            if same
            else str(got.error or "your function should raise an error here, and returns a value.")
        )
    if got.changed != expected.changed:
        return f"your function changes its argument {got.changed} in place; compute a new tensor instead."
    if problem := explain(expected.result, got.result, guess, rtol):
        return problem
    for name, gradient in expected.gradients.items():
        mine = got.gradients.get(name)
        gradient, mine = (torch.zeros(()) if g is None else g for g in (gradient, mine))
        if gradient.any() and not mine.any():
            return (
                f"the values are right, but no gradient reaches {name}, so nothing before it can learn. Is it cut off "
                "by .detach(), .data, .item(), torch.no_grad() or a new torch.tensor(…)?"
            )
        if problem := explain(*torch.broadcast_tensors(gradient, mine), guess, rtol=1e-3):
            return (
                f"the values are right, but not the gradient of {name} (is a part of it detached?): {problem}"
            )
    return None


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
        where = ""  # the last line that is the student's, or the check's
        for frame in frames:
            if not frame.filename.startswith(tuple(OTHERS)) or frame.filename.startswith(CHECKS):
                where = f" at `{frame.line}`" if frame.line else f" in line {frame.lineno}"
        reason = (str(error).strip() or "no message").splitlines()[0]
        told = f"Your code stops with {type(error).__name__}{where}: {reason.rstrip('.')}. {in_plain_words(str(error))}"
        raise Wrong(told.strip()) from None


def _is_blank(frame) -> bool:
    """Does the student's own `raise` stand there? PyTorch raises NotImplementedError, too, for what it cannot do."""
    return not frame.filename.startswith(TORCH) and "raise" in (frame.line or "raise")


def _changed(before, after) -> bool:
    if isinstance(before, torch.Tensor):
        return not torch.equal(before.nan_to_num(), after.nan_to_num())
    return isinstance(before, list | dict) and repr(before) != repr(after)


@contextmanager
def without_autograd():
    """Refuses what autograd needs: to keep a tensor for the way back, or to carry a derivative along."""

    def refuse(*_):
        raise Wrong(BY_HAND)

    with (
        torch.autograd.graph.saved_tensors_hooks(refuse, refuse),
        patch.object(forward_ad, "make_dual", refuse),
    ):
        yield


def _gradients(result, arguments: dict) -> dict[str, torch.Tensor | None]:
    """The gradients of a weighted sum of all results, by the name of what requires one; {} where nothing does."""
    learning = {}
    for name, value in arguments.items():
        parts = value if isinstance(value, tuple | list) else [value]
        for number, part in enumerate(parts, start=1):
            label = name if parts is not value else f"{name}[{number - 1}]"
            if isinstance(part, torch.nn.Module):
                learning |= {f"{label}.{n}": p for n, p in part.named_parameters() if p.requires_grad}
            elif isinstance(part, torch.Tensor) and part.requires_grad:
                learning[label] = part
    parts = result if isinstance(result, tuple | list) else [result]
    parts = [part for part in parts if isinstance(part, torch.Tensor) and part.requires_grad]
    if not learning or not parts:
        return {}
    flat = torch.cat(
        [part.flatten() for part in parts]
    )  # the same for a tuple of numbers and for them as a tensor
    total = (flat * torch.linspace(0.5, 1.5, flat.numel()).to(flat)).sum()
    found = torch.autograd.grad(total, list(learning.values()), allow_unused=True)
    return dict(zip(learning, found, strict=True))
