"""Numbers that come from a reader, taken in with a sentence when they are something else."""

from numbers import Integral, Real


def whole(value, what: str, least: int = 1) -> int:
    """`value` as an int. Raises ValueError, which begins with `what`, unless it is whole and at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{what} is a whole number from {least}, not {value!r}.")
    return int(value)


def number(value, what: str, low: float = float("-inf"), below: float = float("inf")) -> float:
    """`value` as a float. Raises ValueError, which begins with `what`, unless low <= value < below."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= value < below:
        limits = "" if below == float("inf") else f" to below {below:g}"
        raise ValueError(f"{what} is a number from {low:g}{limits}, not {value!r}.")
    return float(value)
