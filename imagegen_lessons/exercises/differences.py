"""How an answer differs from the right one, as a sentence that helps."""

import numbers

import numpy
import torch

FEW = 8  # values that are shown one by one


def explain(expected, got, guess: bool = True, rtol: float = 1e-4) -> str | None:
    """How `got` differs from `expected`, as a sentence; None when they agree within rounding.

    What is right in other clothes is right: NumPy's numbers and arrays, fractions, another float type, a list for a
    tuple or a tensor, a tensor for a list or a tuple. `guess` adds what the difference looks like ("Only the sign is
    wrong."); `rtol` is the relative error that passes for rounding.
    """
    if got is None and expected is not None:
        return "your function returns nothing (None). Does it end with `return`?"
    got = _in_the_clothes_of(expected, got)
    if isinstance(expected, dict):
        return _explain_dict(expected, got, guess, rtol)
    if isinstance(expected, tuple | list):
        if not isinstance(got, tuple | list) or len(got) != len(expected):
            kind = "list" if isinstance(expected, list) else "tuple"
            short = len(repr(expected)) <= 60  # then it is shown
            return (
                f"expected {brief(expected) if short else f'a {kind} of {len(expected)}'}, got {brief(got)}."
            )
        problems = (explain(e, g, guess, rtol) for e, g in zip(expected, got, strict=True))
        return next((_at(i, p) for i, p in enumerate(problems) if p), None)
    if isinstance(expected, torch.Tensor | float | int) and not isinstance(expected, bool):
        if not isinstance(got, torch.Tensor | float | int) or isinstance(got, bool):
            return f"expected {brief(expected)}, got {brief(got)}."
        if getattr(expected, "requires_grad", False) and not getattr(got, "requires_grad", False):
            return (
                "the result carries no gradient: return the tensor itself, without .item() or .detach(), and "
                "compute it in PyTorch, outside of torch.no_grad()."
            )
        return _explain_numbers(
            torch.as_tensor(expected).detach(), torch.as_tensor(got).detach(), guess, rtol
        )
    if type(expected) is type(got) and expected == got:
        return None
    return "expected {}, got {}.".format(*_around_the_difference(expected, got))


def brief(value) -> str:
    """A value as it stands in a message: short, and in full where it is small."""
    if isinstance(value, torch.Tensor):
        if value.dim() == 0:
            return _number(value.item())
        if value.numel() <= FEW:
            return f"tensor({_numbers(value.tolist())})"
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, numpy.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, torch.nn.Module):
        return type(value).__name__
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, tuple | list) and any(isinstance(v, torch.Tensor) for v in value):
        return f"({', '.join(map(brief, value))})"
    if callable(value):
        return getattr(value, "__name__", "a function")
    text = repr(value)
    if text.startswith("<"):  # <generator object … at 0x7f…>
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _number(value) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _numbers(values) -> str:
    if not isinstance(values, list):
        return _number(values)
    return f"[{', '.join(map(_numbers, values))}]"


def _in_the_clothes_of(expected, got):
    """`got` as the kind of value that `expected` is, where it can be; else as it is."""
    if isinstance(got, numpy.generic):  # one number of NumPy's, as from scipy.stats
        got = got.item()
    elif isinstance(got, numpy.ndarray) and got.dtype.kind in "biuf":
        got = torch.as_tensor(got.copy())
    elif isinstance(got, numbers.Real) and not isinstance(got, int | float):  # a fraction
        got = float(got)
    if isinstance(expected, bool) and isinstance(got, torch.Tensor) and got.numel() == 1:
        return got.item()
    if isinstance(expected, tuple | list) and isinstance(got, torch.Tensor) and got.dim() > 0:
        return list(got.unbind())
    if (
        isinstance(expected, torch.Tensor)
        and expected.dim() > 0
        and isinstance(got, tuple | list)
        and len(got)
    ):
        parts = [_in_the_clothes_of(expected[0], part) for part in got]
        try:
            return torch.stack([torch.as_tensor(part) for part in parts])
        except (TypeError, ValueError, RuntimeError):
            return got
    return got


def _explain_dict(expected: dict, got, guess: bool, rtol: float) -> str | None:
    if not isinstance(got, dict):
        return f"expected a dictionary, got {brief(got)}."
    if missing := [key for key in expected if key not in got]:
        return f"{missing[0]!r} is missing; there are {list(got)}."
    if extra := [key for key in got if key not in expected]:
        return f"{extra[0]!r} should not be there."
    problems = ((key, explain(expected[key], got[key], guess, rtol)) for key in expected)
    return next((_at(key, problem) for key, problem in problems if problem), None)


def _at(place, problem: str) -> str:
    """The problem with its place in front, as Python writes it: "at [1]['x']: …"."""
    inner = problem.removeprefix("at ") if problem.startswith("at [") else f": {problem}"
    return f"at [{place!r}]{inner}"


def _explain_numbers(expected: torch.Tensor, got: torch.Tensor, guess: bool, rtol: float) -> str | None:
    if got.shape != expected.shape:
        if expected.dim() == 0:
            return f"expected one number, got a tensor of shape {tuple(got.shape)}."
        return f"expected the shape {tuple(expected.shape)}, got {tuple(got.shape)}."
    whole = not expected.is_floating_point()
    shown = _both(expected, got)
    expected, got = expected.double(), got.double().to(expected.device)
    if not got.isfinite().all() and expected.isfinite().all():
        return (
            "the result holds inf or nan. Is something divided by zero, or a root or logarithm taken of what is zero "
            "or negative?"
        )
    finite = expected[expected.isfinite()]
    scale = finite.abs().max().item() if finite.numel() else 0.0
    # Small values are compared as strictly as large ones, down to what float32 can hold beside inputs of about 1.
    tolerance = dict(rtol=0, atol=1e-6) if whole else dict(rtol=rtol, atol=max(1e-6, 1e-5 * scale))
    if torch.allclose(expected, got, **tolerance, equal_nan=True):
        return None
    if not guess or expected.numel() == 0:
        return shown
    if torch.allclose(expected, -got, rtol=1e-3, atol=1e-5 * scale):
        return f"{shown} Only the sign is wrong."
    large = expected.abs() > 1e-6
    if large.sum() > 2:
        ratio = (got[large] / expected[large])[0].item()
        if ratio > 0 and abs(ratio - 1) > 0.01 and torch.allclose(got, expected * ratio, rtol=1e-3):
            return f"{shown} Everything is {ratio:.4g} times what it should be."
    return shown


def _both(expected: torch.Tensor, got: torch.Tensor) -> str:
    """Expected and got: all values where they are few, else those that differ most."""
    if expected.numel() <= FEW:
        return f"expected {brief(expected)}, got {brief(got)}."
    difference = (expected.double() - got.double().to(expected.device)).abs().nan_to_num(nan=torch.inf)
    worst = difference.argmax()
    place = [int(i) for i in torch.unravel_index(worst, expected.shape)]
    pair = f"expected {brief(expected.flatten()[worst])}, got {brief(got.flatten()[worst])}"
    return f"{pair} (largest difference, at position {place} of {tuple(expected.shape)})."


def _around_the_difference(expected, got) -> tuple[str, str]:
    """Both as texts, cut so that the first difference is seen."""
    texts = repr(expected), repr(got)
    if max(map(len, texts)) <= 60:
        return texts
    first = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), 0)
    start = max(0, first - 25)
    return tuple(_cut(text, start, start + 60) for text in texts)


def _cut(text: str, start: int, end: int) -> str:
    return ("…" if start else "") + text[start:end] + ("…" if text[end:] else "")
