"""The training of a flow: one network, one loss, and the running average of its weights."""

import torch
from torch import nn

from imagegen_lessons import settings
from imagegen_lessons.diffusion.flow import flow_matching_loss, logit_normal
from imagegen_lessons.training import EMA

PARTS = ("network", "optimizer", "schedule", "average")  # of a trainer, each with a state of its own to save


class FlowTrainer:
    """Trains a velocity network by flow matching: `training.fit(trainer.step, batches, trainer.steps)`.

    network: called as network(x_t, t), or network(x_t, t, y) where batches have labels. steps: of the whole training,
    over which the learning rate rises to `lr` and falls again. average: the running average of the weights, from which
    pictures are made. Some labels are hidden from it (`hide_some`), so that one network learns the velocity with all
    of them, with some, and with none, which guidance needs; `hide` does that in another way, such as `hide_captions`.
    loss: called as loss(network, x, z, t, *labels), such as
    `categorical_loss`. The whole trainer is one part to save.
    Raises ValueError unless steps >= 1 and lr > 0.
    """

    def __init__(self, network, steps, *, lr=4e-3, average=None, loss=flow_matching_loss, hide=None):
        self.loss, self.hide = loss, self.hide_some if hide is None else hide
        self.network, self.steps = network, settings.whole(steps, "steps")
        if settings.number(lr, "lr, the learning rate,", low=0) == 0:
            raise ValueError("With lr, the learning rate, at 0 nothing is learned.")
        self.optimizer = torch.optim.Adam(network.parameters(), lr, betas=(0.9, 0.99))
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, lr, self.steps, pct_start=min(0.05, 500 / self.steps), cycle_momentum=False
        )
        self.average = EMA(network, decay=0.995) if average is None else average

    def step(self, batch):
        """One step down the loss. `batch`: data x (n, ...), or (x, labels y (n, k))."""
        x, *conditions = batch if isinstance(batch, list | tuple) else (batch,)
        conditions = [self.hide(y) for y in conditions]
        z, t = torch.randn_like(x), logit_normal(len(x), x.device)
        return self.descend(self.loss(self.network, x, z, t, *conditions))

    def descend(self, loss):
        """One step of the optimizer down this loss, with gradients cut to a length of 1; the average follows."""
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.average.update_parameters(self.network)
        return {"loss": loss.detach()}

    @staticmethod
    def hide_some(y):
        """Labels (n, k) of which some are -1. Every second row keeps its labels: guidance to all of them is used most,
        and learned worse without that. In the other rows none, all, or any number in between are hidden, equally often.
        """
        share = torch.rand(len(y), 1, device=y.device)
        share[::2] = 0
        return torch.where(torch.rand(y.shape, device=y.device) < share, -1, y)

    def state_dict(self):
        return {name: getattr(self, name).state_dict() for name in PARTS}

    def load_state_dict(self, state):
        for name in PARTS:
            getattr(self, name).load_state_dict(state[name])
