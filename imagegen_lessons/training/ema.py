"""The exponential moving average (EMA) of a network's weights."""

import torch
from torch.optim.swa_utils import AveragedModel

from imagegen_lessons import settings


class EMA(AveragedModel):
    """The exponential moving average of a network's weights and buffers, over about the last 1 / (1 - decay) steps.

    Call `average.update_parameters(model)` after every step, and `average(z)` or `average.module` for pictures: a
    generator's average is steadier than the generator itself. It is a part to save like any other. Raises ValueError
    unless 0 <= decay < 1.
    """

    def __init__(self, model: torch.nn.Module, decay: float = 0.999):
        super().__init__(model, use_buffers=True)
        self.decay = settings.number(decay, "decay, the share of the old average that stays,", low=0, below=1)
        self.requires_grad_(False).eval()

    # PyTorch's own update brings its counter to the device at every step, and a GPU must wait for that.
    @torch.no_grad()
    def update_parameters(self, model: torch.nn.Module) -> None:
        """Takes in the weights of `model` as they are now; the first time, it takes them over."""
        updates = self.n_averaged.item()
        # At first it averages over what there is: else it would long remember the untrained weights.
        keep = min(self.decay, (1 + updates) / (10 + updates)) if updates else 0.0
        networks = ([*network.parameters(), *network.buffers()] for network in (self.module, model))
        for old, new in zip(*networks, strict=True):
            if old.is_floating_point():
                old.lerp_(new.to(old.device), 1 - keep)
            else:
                old.copy_(new)
        self.n_averaged += 1
