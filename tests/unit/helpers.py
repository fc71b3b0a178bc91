"""What tests of several modules share."""

import contextlib

import pytest
import torch

from imagegen_lessons import runtime


@contextlib.contextmanager
def refused(pattern):
    """Within it a wrong call is made, which must be answered by one sentence, as a ValueError."""
    with pytest.raises(ValueError, match=pattern) as error:
        yield
    assert "\n" not in str(error.value)


def random(*shape, seed=0):
    """The same numbers from 0 to 1 in every run."""
    return torch.rand(*shape, generator=runtime.generator(seed))


class SmallMemory(torch.nn.Module):
    """A network that runs out of memory for pictures above a size."""

    def __init__(self, network, largest):
        super().__init__()
        self.network, self.largest = network, largest

    def forward(self, x, *options):
        if max(x.shape[-2:]) > self.largest:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.network(x, *options)
