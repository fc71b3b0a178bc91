"""One call of `fit`: its history, its file, and the words for both."""

import contextlib
import json
import math
import time
from dataclasses import dataclass, field

import torch

from imagegen_lessons import runtime
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


class Run:
    """The history, the file and the words of one call of `fit`."""

    def __init__(self, steps, path, parts, batches, fresh):
        self.steps, self.path = steps, None if path is None else runtime.as_path(path)
        self.history = History()
        self.pending = []  # what the last steps returned, perhaps still on a GPU
        self._notes: dict[str, str] = {}  # what the student should know, by what it is about
        self._diverged = False
        self._parts = {**(parts or {}), "_history": self.history, "_random": checkpoints.Randomness()}
        if hasattr(batches, "state_dict") and not any(part is batches for part in self._parts.values()):
            self._parts["_batches"] = batches
        self._settings = {n: _settings(o) for n, o in self._parts.items() if _is_optimizer(o)}
        if self.path is not None:
            checkpoints.check_writable(self.path)
            if self.path.is_file() and not fresh:
                self._resume()
        self._begun, self._earlier = self.history.steps, self.history.seconds
        self._start = time.perf_counter()

    def _resume(self) -> None:
        try:
            earlier = json.loads(checkpoints.card(self.path).get("optimizers", "{}"))
            for name, now in self._settings.items():
                before = earlier.get(name, now)
                if [before["kind"], len(before["groups"])] != [now["kind"], len(now["groups"])]:
                    raise checkpoints.CheckpointError(
                        f"{self.path} was trained with another optimizer {name!r}: {before['kind']} in the file, "
                        f"{now['kind']} here, or other groups of parameters."
                    )
            checkpoints.load(self.path, **self._parts)
        except checkpoints.CheckpointError as error:
            raise checkpoints.CheckpointError(f"{error} Or start anew with fresh=True.") from None
        for name, now in self._settings.items():
            self._keep_settings(name, earlier.get(name, now), now)

    def _keep_settings(self, name: str, before: dict, now: dict) -> None:
        """Gives an optimizer the settings that were changed since the file was begun, which loading has undone."""
        for group, old, new in zip(
            self._parts[name].param_groups, before["groups"], now["groups"], strict=True
        ):
            for key in (key for key in new if new[key] != old.get(key)):
                group[key] = tuple(new[key]) if isinstance(new[key], list) else new[key]
                self._notes[f"{name} {key}"] = f"{name}: {key} {new[key]} now, {old.get(key)} before"

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
                    self._diverged = True
                    raise TrainingError(
                        f"{name!r} became {value} at step {history.steps + 1:,}, and nothing can be learned from "
                        "that: build the networks anew and try a lower learning rate." + self._way_out()
                    )
                if name not in history.values:
                    history.values[name] = [math.nan] * history.steps
                history.values[name].append(value)
            history.steps += 1
            for series in history.values.values():
                if len(series) < history.steps:
                    series.append(math.nan)

    def check_weights(self) -> None:
        """Raises TrainingError where a network holds values that are no numbers, although the loss was one."""
        for name, part in self._parts.items():
            if checkpoints.is_finite(part):
                continue
            self._diverged = True
            raise TrainingError(
                f"After step {self.done:,}, {name!r} holds weights that are NaN or infinite, though the loss was a "
                "number: a gradient was none (the square root or the logarithm of 0?). Build the networks anew."
                + self._way_out()
            )

    def _way_out(self) -> str:
        if self.path is None or not self.path.is_file():
            return ""
        return f" Begin again with fresh=True: {self.path} may hold what was already going wrong."

    def store(self) -> None:
        if self.path is not None and self.done > self._begun:
            self.settle()  # this and the next line raise before weights that are no numbers replace good ones
            self.check_weights()
            card = {"steps": self.done, "seconds": self.history.seconds, "device": str(runtime.device())}
            card["optimizers"] = json.dumps(self._settings)
            checkpoints.save(self.path, card, **self._parts)

    def store_if_possible(self) -> None:
        """Saves on the way, or before an error ends the training; that the disk is full, say, does not end it."""
        if self._diverged:
            return
        try:
            self.store()
            self._notes.pop("save", None)
        except checkpoints.CheckpointError as error:
            self._notes["save"] = f"⚠ not saved: {error}"

    @contextlib.contextmanager
    def whatever_is_drawn(self):
        """An error while drawing becomes a note: decoration does not end the work."""
        try:
            yield
            self._notes.pop("picture", None)
        except Exception as error:
            reason = (str(error).strip() or "no message").splitlines()[0]
            self._notes["picture"] = f"⚠ no picture: {type(error).__name__}: {reason:.200}"

    def _rate(self) -> float:
        return (self.done - self._begun) / max(self.history.seconds - self._earlier, 1e-9)

    def progress(self) -> str:
        resumed = [f"resumed at step {self._begun:,}"] if self._begun else []
        done = f"{self.done:,} of {self.steps:,} steps ({int(100 * self.done / self.steps)} %)"
        left = f"{_duration((self.steps - self.done) / self._rate())} left"
        return " · ".join(
            [
                *resumed,
                done,
                f"{_short(self._rate())} steps/s",
                left,
                *_latest(self.history),
                *self._notes.values(),
            ]
        )

    def outcome(self) -> str:
        if self.history.stopped:
            again = "call fit again" if self.path is None else "run this cell again"
            line = f"stopped at step {self.done:,} of {self.steps:,}, nothing is lost: {again} to go on from there"
        elif self.done == self._begun:
            line = f"already trained for {self.done:,} steps (saved in {self.path}); fresh=True starts anew"
        else:
            resumed = f", resumed at step {self._begun:,}" if self._begun else ""
            line = f"{self.done:,} steps in {_duration(self.history.seconds)} ({_short(self._rate())} steps/s{resumed})"
        return " · ".join([line, *_latest(self.history), *self._notes.values()])


def _is_optimizer(part) -> bool:
    return isinstance(part, torch.optim.Optimizer)


def _settings(optimizer: torch.optim.Optimizer) -> dict:
    """What kind it is, and the settings of its groups, as JSON gives them back: they are compared with a file's."""
    kinds = bool | int | float | str | tuple | list
    groups = [
        {k: v for k, v in g.items() if k != "params" and isinstance(v, kinds)} for g in optimizer.param_groups
    ]
    return json.loads(json.dumps({"kind": type(optimizer).__name__, "groups": groups}))


def _latest(history: History) -> list[str]:
    return [f"{name} {_short(history.last(name))}" for name in history.values]


def _short(number: float) -> str:
    return f"{number:,.0f}" if 100 <= abs(number) < 1e6 else f"{number:.3g}"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
