"""Drawing many pictures: some at a time, so that they need little memory, and on several threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor

from . import _factors

PIXELS_PER_CHUNK = 2**18  # enough at once to be quick, in little memory


def render(draw: Callable, table: dict, factors: dict, size: int, device, channels: int = 3) -> Tensor:
    """Pictures (n, channels, size, size) in [0, 1] that `draw` makes of factors; size: 16 to 512 pixels.

    Raises ValueError for a missing or unknown factor, a value out of range, or an impossible size.
    """
    if not (isinstance(size, int) and 16 <= size <= 512):
        raise ValueError(f"size must be a whole number from 16 to 512, not {size!r}.")
    device = torch.device(device or "cpu")
    values, n = _factors.read(table, factors, device)
    return draw_in_chunks(draw, values, n, channels, size, device)


@contextmanager
def one_thread():
    """Within it torch works with one thread; gives the number that it had.

    Drawing is many small operations. Several threads would share each of them and wait for each other after it, which
    takes for ever where others use the machine, too.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def draw_in_chunks(
    draw: Callable, values: dict[str, Tensor], n: int, channels: int, size: int, device: torch.device
) -> Tensor:
    """Calls `draw` with some of the n values at a time: pictures (n, channels, size, size) on `device`."""
    x = torch.empty(n, channels, size, size, device=device)
    chunk = max(1, PIXELS_PER_CHUNK // size**2)

    def draw_chunk(start: int) -> None:
        x[start : start + chunk] = draw({name: v[start : start + chunk] for name, v in values.items()}, size)

    with one_thread() as threads:  # each thread of the pool draws whole chunks on its own
        workers = threads if device.type == "cpu" else 1
        if workers == 1:  # none beside this one, which a sandbox may not start
            for start in range(0, n, chunk):
                draw_chunk(start)
            return x
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            # list: so that an error in a thread is raised here
            list(pool.map(draw_chunk, range(0, n, chunk)))
    return x
