"""Random inputs for the cases of exercises: the same numbers in every run."""

import torch

from imagegen_lessons.runtime import generator


def uniform(*shape: int, seed: int) -> torch.Tensor:
    """Numbers from 0 to 1, as in a picture."""
    return torch.rand(*shape, generator=generator(seed))


def normal(*shape: int, seed: int) -> torch.Tensor:
    """Numbers with mean 0 and standard deviation 1."""
    return torch.randn(*shape, generator=generator(seed))
