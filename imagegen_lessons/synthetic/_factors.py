"""Named factors: what drawn pictures are made of, how they are sampled, and how values are read and checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Factor:
    """One named property of a picture: a number from low to high, or the index of one of its names."""

    group: str  # what it belongs to, such as "identity", "expression" or "scene"
    meaning: str
    low: float = 0.0
    high: float = 1.0
    names: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()  # how often each name is drawn; equally often if empty

    def read(self, value, name: str) -> Tensor:
        """A value, a name or a tensor of values as float32 or int64; ValueError if it is not possible."""
        if isinstance(value, str):
            if value not in self.names:
                raise ValueError(f"{name} cannot be {value!r}: choose {self.possible()}.")
            value = self.names.index(value)
        highest = len(self.names) - 1 if self.names else self.high
        try:
            numbers = torch.as_tensor(value).detach()
            numbers = numbers.int() if numbers.dtype == torch.bool else numbers  # glasses=True
            fits = (numbers >= self.low) & (numbers <= highest)
        except (RuntimeError, TypeError, ValueError):  # None, a list of names, complex numbers, …
            shown = " ".join(repr(value).split())[:60]
            raise ValueError(
                f"{name} cannot be {shown}: choose {self.possible()}, or a tensor of such numbers."
            ) from None
        if self.names:
            fits = fits & (numbers == numbers.round())
        if not bool(fits.all()):
            wrong = numbers[~fits].flatten()[0].item()
            raise ValueError(f"{name} cannot be {wrong:g}: choose {self.possible()}.")
        return numbers.to(torch.int64 if self.names else torch.float32)

    def possible(self) -> str:
        """The possible values, in words."""
        if not self.names:
            return f"a number from {self.low:g} to {self.high:g}"
        return "one of " + ", ".join(f"{i} ({name})" for i, name in enumerate(self.names))

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n random values, each from one random number, so that more pictures begin with the same ones."""
        u = torch.rand(n, generator=generator, dtype=torch.float64)
        if not self.names:
            return (self.low + (self.high - self.low) * u).float()
        weights = torch.tensor(self.weights or (1.0,) * len(self.names), dtype=torch.float64)
        return torch.bucketize(u, weights.cumsum(0)[:-1] / weights.sum(), right=True)


def sample(table: dict[str, Factor], n: int, seed: int, fixed: dict) -> dict[str, Tensor]:
    """Draw n values of every factor of a table, independently; `fixed` sets some for all, or one for each.

    Returns tensors (n,), float32 or int64, on the CPU. Raises ValueError for an unknown factor, a value out of
    range, a tensor that has not n values, and for n or a seed that is no whole number from 0.
    """
    n, seed = _whole(n, "The number of pictures"), _whole(seed, "A seed")
    check_names(table, fixed)
    factors = {}
    for name, factor in table.items():
        if name in fixed:
            factors[name] = _one_each(factor.read(fixed[name], name), n, name).cpu()
        else:
            factors[name] = factor.draw(n, _generator(name, seed))
    return factors


def read(table: dict[str, Factor], factors: dict, device: torch.device) -> tuple[dict[str, Tensor], int]:
    """All factors of n pictures as checked tensors (n,) on a device, and n; single values stand for all.

    Raises ValueError for what is no dict of factors, a missing or unknown factor, or a value out of range.
    """
    check_names(table, factors)
    missing = [name for name in table if name not in factors]
    if missing:
        raise ValueError(f"These factors are missing: {', '.join(missing)}; start from sample(n).")
    values = {name: factor.read(factors[name], name) for name, factor in table.items()}
    n = max((v.numel() for v in values.values() if v.ndim), default=1)
    if any(v.ndim and v.numel() == 0 for v in values.values()):
        n = 0
    return {name: _one_each(v, n, name).to(device) for name, v in values.items()}, n


def labels(table: dict[str, Factor], factors: dict, names: tuple[str, ...]) -> Tensor:
    """Some of the factors side by side, (n, k), on the CPU; ValueError as in `read`."""
    values, _ = read(table, factors, torch.device("cpu"))
    return torch.stack([values[name] for name in names], dim=1)


def one(table: dict[str, Factor], factors: dict, i: int) -> dict[str, Tensor]:
    """The factors of picture i, single values; ValueError as in `read`, and where there is no picture i."""
    values, n = read(table, factors, torch.device("cpu"))
    if _whole(i, "The number of a picture") >= n:
        raise ValueError(f"There is no picture {i}: these are {n}, counted from 0.")
    return {name: value[i] for name, value in values.items()}


def check_names(table: dict[str, Factor], factors) -> None:
    """ValueError for what is no dict of factors, and for a factor that the table does not have."""
    if not isinstance(factors, dict):
        raise ValueError(f"Factors are a dict, as sample(n) gives it, not a {type(factors).__name__}.")
    for name in factors:
        if name not in table:
            raise ValueError(f"There is no factor {name!r}: choose from {', '.join(table)}.")


def _generator(name: str, seed: int) -> torch.Generator:
    # A random stream for each factor: new factors, or fixed ones, never change what the others draw.
    # torch's CPU generator uses 32 bits of its seed, so four bytes of a hash mix name and seed well.
    digest = hashlib.sha256(f"{name}/{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "big"))


def _whole(value, what: str) -> int:
    try:
        number = -1 if isinstance(value, bool) else value.__index__()
    except (AttributeError, TypeError):  # no whole number
        number = -1
    if number < 0:
        raise ValueError(f"{what} cannot be {value!r}: it is a whole number from 0.")
    return number


def _one_each(value: Tensor, n: int, name: str) -> Tensor:
    if value.ndim == 0:
        return value.expand(n).clone()
    if value.shape != (n,):
        raise ValueError(f"{name} needs one value or {n} values, but its shape is {tuple(value.shape)}.")
    return value
