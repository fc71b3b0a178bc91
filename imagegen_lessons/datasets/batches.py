"""Batches for training, from tensors in memory: endless, shuffled, and saved with the checkpoint."""

import torch

from imagegen_lessons import runtime


def split(*tensors: torch.Tensor, test: float = 0.2, seed: int = 0):
    """Shuffles and divides: (x_train, y_train), (x_test, y_test), `test` being the share of the second.

    The same seed divides tensors of the same length in the same way. One tensor gives train, test.
    """
    _check_lengths(tensors)
    if not 0 < test < 1:
        raise ValueError(f"The share of test pictures lies between 0 and 1, for example 0.2, not {test}.")
    order = torch.randperm(len(tensors[0]), generator=runtime.generator(seed))
    cut = round(len(order) * (1 - test))
    train, held_out = (tuple(t[part] for t in tensors) for part in (order[:cut], order[cut:]))
    return (train, held_out) if len(tensors) > 1 else (train[0], held_out[0])


def _check_lengths(tensors) -> None:
    if not tensors or len({len(t) for t in tensors}) != 1:
        have = ", ".join(str(len(t)) for t in tensors) or "none"
        raise ValueError(f"One or more tensors of the same length are needed, not {have}.")


class Batches:
    """Endless shuffled batches from tensors in memory: `next(batches)` is a tensor, or a tuple of several.

    Each epoch has an order of its own, which follows from `seed` and the number of the epoch alone, and
    leaves out the few items that do not fill a last batch. `device`: all data moves there once. `flip`:
    mirrors half of the pictures (the first tensor), chosen anew each epoch. Raises ValueError where there
    are fewer items than one batch takes. `state_dict` holds the step, so that training resumes exactly.
    """

    def __init__(self, *tensors, size: int = 64, seed: int = 0, device=None, flip: bool = False):
        _check_lengths(tensors)
        if not 0 < size <= len(tensors[0]):
            raise ValueError(
                f"A batch takes {size} items, but there are {len(tensors[0])}: a size from 1 to that is possible."
            )
        self.tensors = tuple(t.to(device) if device is not None else t for t in tensors)
        self.size, self.seed, self.flip, self.step = size, seed, flip, 0
        self._epoch = None

    def __iter__(self):
        return self

    def __next__(self):
        epoch, k = divmod(self.step, len(self.tensors[0]) // self.size)
        if epoch != self._epoch:
            self._shuffle(epoch)
        self.step += 1
        chosen = self._order[k * self.size : (k + 1) * self.size]
        batch = tuple(t[chosen] for t in self.tensors)
        if self.flip:
            mirrored = self._mirrored[chosen].view(-1, *[1] * (batch[0].dim() - 1))
            batch = (torch.where(mirrored, batch[0].flip(-1), batch[0]), *batch[1:])
        return batch if len(batch) > 1 else batch[0]

    def _shuffle(self, epoch: int) -> None:
        rng = runtime.generator(self.seed * 1_000_003 + epoch)  # no two epochs of nearby seeds alike
        device = self.tensors[0].device
        self._order = torch.randperm(len(self.tensors[0]), generator=rng).to(device)
        self._mirrored = (torch.rand(len(self._order), generator=rng) < 0.5).to(device)
        self._epoch = epoch

    def state_dict(self) -> dict[str, int]:
        return {"step": self.step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.step = int(state["step"])


class RandomStream:
    """A stream of random batches with its own `rng`, which can be saved; a subclass says what `next` gives."""

    def __init__(self, seed: int):
        self.rng = runtime.generator(seed)

    def __iter__(self):
        return self

    def pick(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        return int(torch.randint(n, (), generator=self.rng))

    def state_dict(self) -> dict:
        return {"rng": self.rng.get_state()}

    def load_state_dict(self, state: dict) -> None:
        self.rng.set_state(state["rng"])
