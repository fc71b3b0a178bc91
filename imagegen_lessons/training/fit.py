"""One training loop for the whole course: it shows how far it is, stops cleanly, saves and resumes."""

import numbers
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from imagegen_lessons.display import plots, progress
from imagegen_lessons.training import checkpoint as checkpoints
from imagegen_lessons.training.run import History, Run, TrainingError


def fit(
    step,
    batches,
    steps: int,
    *,
    title: str = "training",
    sample=None,
    curves: bool = True,
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
    `curves`: False leaves it at the line of progress, for trainings of seconds.

    With `checkpoint` (a path), `parts` (name -> network, optimiser, …) are saved there every `save_every` seconds
    and at the end, and the next call goes on from there, unless `fresh`. The random state is saved too, and
    `batches` where it has `state_dict()`: then, on a CPU, the result is the one of an uninterrupted run to the bit.

    An optimizer keeps the settings (learning rate, …) that it has here, also where the file was made with others.

    The stop button ends training after the running step (pressed twice: within it), and `fit` returns as usual.
    A picture that cannot be drawn, or a save that fails on the way, is said and does not end the training.
    Raises TrainingError when a loss or a weight is no longer finite, when `step` returns something else than numbers,
    the batches run out, or a GPU's memory is full, and `CheckpointError` at once when the file cannot be written or
    does not fit the parts. Where the batches or the memory end it, what was reached is saved before; an error inside
    `step` leaves the last save as it is, because half a step is nothing to go on from.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be a whole number, at least 1, not {steps!r}.")
    if checkpoint is not None and not parts:
        raise ValueError('To save, fit must know what: parts={"network": network, "optimizer": optimizer}.')
    feed = None if batches is None else _endless(batches)
    with progress.StopButton() as stop, progress.Progress(title) as screen:
        run = Run(steps, checkpoint, parts, batches, fresh)

        def picture() -> tuple[bytes, str] | None:
            with run.whatever_is_drawn():
                with _undisturbed():
                    x = sample() if sample else None
                values = run.history.values
                return plots.draw_curves(values, x), plots.describe_curves(values, x)

        next_save, full = time.perf_counter() + save_every, False
        try:
            while run.done < steps and not stop.pressed:
                run.pending.append(_numbers(step() if feed is None else step(_next(feed, stop, run))))
                if screen.due():
                    run.settle()
                    screen.update(run.progress(), run.done / steps, picture if curves else None)
                if time.perf_counter() >= next_save:
                    run.store_if_possible()
                    next_save = time.perf_counter() + save_every
        except KeyboardInterrupt:
            pass  # pressed twice, or raised by the step itself
        except torch.OutOfMemoryError:
            full, sample = True, None  # there may be no memory for the last picture either
            torch.cuda.empty_cache()
        with progress.StopButton():  # one more press does not cut the last save and the last picture
            run.settle()
            run.history.stopped = run.done < steps
            run.check_weights()
            run.store()
            screen.finish(run.outcome(), run.done / steps, picture if curves else None)
    if full:
        raise TrainingError(
            f"The GPU's memory was full after {run.done:,} steps: take smaller batches, pictures or networks, or shut "
            "down the kernels of other notebooks. What was learned until then is still there."
        )
    return run.history


def _next(feed, stop, run):
    try:
        return next(feed)
    except Exception:
        if stop.pressed:  # the button reaches worker processes of a DataLoader as well, and they die of it
            raise KeyboardInterrupt from None
        run.store_if_possible()
        raise


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
