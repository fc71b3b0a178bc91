"""One training loop for the whole course: it shows how far it is, stops cleanly, saves and resumes."""

import math
import numbers
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from imagegen_lessons import runtime
from imagegen_lessons.display import plots, progress
from imagegen_lessons.training import checkpoint as checkpoints


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why, and what to try."""


@dataclass(repr=False)
class History:
    """What happened: `values[name]` holds one number per step, NaN where a step did not report that name."""

    steps: int = 0
    seconds: float = 0.0
    values: dict[str, list[float]] = field(default_factory=dict)
    stopped: bool = False  # by the user, before the last step

    def last(self, name: str) -> float:
        """The latest number reported under `name`."""
        return next(value for value in reversed(self.values[name]) if not math.isnan(value))

    def __repr__(self) -> str:
        parts = [f"{self.steps:,} steps", _duration(self.seconds), *(["stopped"] if self.stopped else [])]
        return f"History({', '.join(parts + _latest(self))})"

    def state_dict(self) -> dict:
        values = {name: torch.tensor(series, dtype=torch.float64) for name, series in self.values.items()}
        return {"steps": self.steps, "seconds": self.seconds, "values": values}

    def load_state_dict(self, state: dict) -> None:
        self.steps, self.seconds = state["steps"], state["seconds"]
        self.values = {name: series.tolist() for name, series in state["values"].items()}


def fit(
    step,
    batches,
    steps: int,
    *,
    title: str = "training",
    sample=None,
    checkpoint=None,
    parts: dict | None = None,
    save_every: float = 30.0,
    fresh: bool = False,
) -> History:
    """Calls `step(batch)` until `steps` steps are done, and shows how it goes.

    `step` trains once and returns what to plot, as a dict of numbers: floats or tensors of one element.
    `batches` is an iterator, or an iterable that is begun again at its end; with None, `step()` gets no batch.
    `sample()` gives the picture beside the curves: images (n, C, H, W) in [0, 1], a matplotlib Figure, or bytes.
    It is called whenever there is time to draw, without gradients, and cannot disturb the random numbers of
    training; a network with batch normalisation or dropout it must set to eval mode, and back.

    With `checkpoint` (a path), `parts` (name -> network, optimiser, …) are saved there every `save_every` seconds
    and at the end, and the next call goes on from there, unless `fresh`. The random state is saved too, and
    `batches` where it has `state_dict()`: then, on a CPU, the result is the one of an uninterrupted run to the bit.

    The stop button ends training after the running step (pressed twice: within it), and `fit` returns as usual.
    Raises TrainingError when a loss is no longer finite, when `step` returns something else than numbers, the
    batches run out, or a GPU's memory is full (what was reached is saved then, too), and
    `checkpoint.CheckpointError` when the file does not fit the parts.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}.")
    if checkpoint is not None and not parts:
        raise ValueError('To save, fit must know what: parts={"network": network, "optimiser": optimiser}.')
    feed = None if batches is None else _endless(batches)
    with progress.StopButton() as stop, progress.Progress(title) as screen:
        run = _Run(steps, checkpoint, parts, batches, fresh)

        def picture() -> tuple[bytes, str]:
            with _undisturbed():
                x = sample() if sample else None
            values = run.history.values
            return plots.draw_curves(values, x), plots.describe_curves(values, x)

        next_save, full = time.perf_counter() + save_every, False
        try:
            while run.done < steps and not stop.pressed:
                run.pending.append(_numbers(step() if feed is None else step(next(feed))))
                if screen.due():
                    run.settle()
                    screen.update(run.progress(), run.done / steps, picture)
                if time.perf_counter() >= next_save:
                    run.save()
                    next_save = time.perf_counter() + save_every
        except KeyboardInterrupt:
            pass  # pressed twice, or raised by the step itself
        except torch.OutOfMemoryError:
            full, sample = True, None  # there may be no memory for the last picture either
            torch.cuda.empty_cache()
        with progress.StopButton():  # one more press does not cut the last save and the last picture
            run.settle()
            run.history.stopped = run.done < steps
            run.save()
            screen.finish(run.outcome(), run.done / steps, picture)
    if full:
        raise TrainingError(
            f"The GPU's memory was full after {run.done:,} steps: take smaller batches, pictures or networks, or shut "
            "down the kernels of other notebooks. What was learned until then is still there."
        )
    return run.history


class _Run:
    """The history, the file and the words of one call of `fit`."""

    def __init__(self, steps, path, parts, batches, fresh):
        self.steps, self.path = steps, None if path is None else Path(path)
        self.history = History()
        self.pending = []  # what the last steps returned, perhaps still on a GPU
        self._parts = {**(parts or {}), "_history": self.history, "_random": checkpoints.Randomness()}
        if hasattr(batches, "state_dict") and not any(part is batches for part in self._parts.values()):
            self._parts["_batches"] = batches
        if self.path is not None and self.path.is_file() and not fresh:
            try:
                checkpoints.load(self.path, **self._parts)
            except checkpoints.CheckpointError as error:
                raise checkpoints.CheckpointError(f"{error} Or start anew with fresh=True.") from None
        self._begun, self._earlier = self.history.steps, self.history.seconds
        self._start = time.perf_counter()

    @property
    def done(self) -> int:
        return self.history.steps + len(self.pending)

    def settle(self) -> None:
        """Moves what the last steps returned into the history; only here does the loop wait for the device."""
        waiting = [value for row in self.pending for value in row.values() if isinstance(value, torch.Tensor)]
        arrived = iter(torch.stack(waiting).tolist() if waiting else ())
        history, pending, self.pending = self.history, self.pending, []
        if pending:
            history.seconds = self._earlier + time.perf_counter() - self._start
        for row in pending:
            for name, value in row.items():
                value = next(arrived) if isinstance(value, torch.Tensor) else value
                if not math.isfinite(value):
                    raise TrainingError(
                        f"{name!r} became {value} at step {history.steps + 1:,}, and nothing can be learned from "
                        "that: build the networks anew and try a lower learning rate."
                    )
                if name not in history.values:
                    history.values[name] = [math.nan] * history.steps
                history.values[name].append(value)
            history.steps += 1
            for series in history.values.values():
                if len(series) < history.steps:
                    series.append(math.nan)

    def save(self) -> None:
        if self.path is not None and self.done > self._begun:
            self.settle()  # raises before weights that are no numbers replace good ones
            card = {"steps": self.done, "seconds": self.history.seconds, "device": str(runtime.device())}
            checkpoints.save(self.path, card, **self._parts)

    def _rate(self) -> float:
        return (self.done - self._begun) / max(self.history.seconds - self._earlier, 1e-9)

    def progress(self) -> str:
        resumed = [f"resumed at step {self._begun:,}"] if self._begun else []
        done = f"{self.done:,} of {self.steps:,} steps ({int(100 * self.done / self.steps)} %)"
        left = f"{_duration((self.steps - self.done) / self._rate())} left"
        return " · ".join([*resumed, done, f"{_short(self._rate())} steps/s", left, *_latest(self.history)])

    def outcome(self) -> str:
        if self.history.stopped:
            again = "call fit again" if self.path is None else "run this cell again"
            line = f"stopped at step {self.done:,} of {self.steps:,}, nothing is lost: {again} to go on from there"
        elif self.done == self._begun:
            line = f"already trained for {self.done:,} steps (saved in {self.path}); fresh=True starts anew"
        else:
            resumed = f", resumed at step {self._begun:,}" if self._begun else ""
            line = f"{self.done:,} steps in {_duration(self.history.seconds)} ({_short(self._rate())} steps/s{resumed})"
        return " · ".join([line, *_latest(self.history)])


@contextmanager
def _undisturbed():
    """Pictures are drawn by the clock, so they must not change which random numbers training gets."""
    randomness = checkpoints.Randomness()
    before = randomness.state_dict()
    try:
        with torch.no_grad():
            yield
    finally:
        randomness.load_state_dict(before)


def _endless(batches):
    """The batches one by one; an iterable (a list, say) begins again at its end, an iterator cannot."""
    while True:
        empty = True
        for batch in batches:
            empty = False
            yield batch
        if empty or isinstance(batches, Iterator):
            raise TrainingError("The batches ran out: give fit an endless iterator, or a list to go round.")


def _numbers(values) -> dict:
    """What a step returned, as floats; numbers on another device stay there until they are needed."""
    if not isinstance(values, dict):
        raise TrainingError(
            f'step must return the numbers to plot, as in return {{"loss": loss}}, but it returned {values!r:.60}.'
        )
    return {name: _number(name, value) for name, value in values.items()}


def _number(name, value):
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        if value.device.type == "cpu":
            return value.item()
        return value.detach().to(torch.float32, copy=True).reshape(())
    what = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else f"{value!r:.60}"
    raise TrainingError(f"step must return single numbers, but {name!r} is {what}: use its mean, perhaps.")


def _latest(history: History) -> list[str]:
    return [f"{name} {_short(history.last(name))}" for name in history.values]


def _short(number: float) -> str:
    return f"{number:,.0f}" if 100 <= abs(number) < 1e6 else f"{number:.3g}"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
