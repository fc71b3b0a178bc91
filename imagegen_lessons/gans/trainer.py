"""The training of a GAN: D and G learn in turn."""

from contextlib import contextmanager

import torch

from imagegen_lessons import settings
from imagegen_lessons.gans.losses import r1_penalty
from imagegen_lessons.training import EMA


@contextmanager
def frozen(network):
    """Within it, gradients flow through the network but are not computed for its weights, which saves time."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def adam(network, lr=2e-3, betas=(0.0, 0.99)):
    """Adam without momentum (the first beta is 0): the other network changes, so old gradients point the wrong way."""
    return torch.optim.Adam(network.parameters(), lr=lr, betas=betas)


PARTS = ("G", "D", "opt_g", "opt_d", "average")  # of a trainer, each with a state of its own to save


class GANTrainer:
    """Trains G and D in turn: `training.fit(trainer.step, batches, steps)`. The whole trainer is one part to save.

    G, D: networks, called as G(z, *conditions) and D(x, *conditions). losses: a pair (d_loss, g_loss). latent: numbers
    in z. optimizers: (of G, of D), by default `adam` for both. average: the running average of G's weights, better for
    pictures than G itself; by default over the last 100 steps.
    gamma: the weight of the penalties R1 on real and R2 on fakes (0: none), taken every `penalty_interval`-th step,
    so many times as strong (lazy regularisation: Karras et al. 2020, appendix B).
    extra_loss(fake, real, *conditions): terms to add to G's loss, name -> scalar.
    Raises ValueError for losses that are swapped, for a latent or an interval below 1, and for a gamma below 0.
    """

    def __init__(
        self,
        G,
        D,
        losses,
        *,
        latent=2,
        optimizers=None,
        average=None,
        gamma=0.0,
        penalty_interval=1,
        extra_loss=None,
    ):
        _check(losses, latent, gamma, penalty_interval)
        self.G, self.D, self.latent = G, D, latent
        self.d_loss, self.g_loss = losses
        self.opt_g, self.opt_d = optimizers or (adam(G), adam(D))
        self.average = EMA(G, decay=0.99) if average is None else average
        self.gamma, self.penalty_interval, self.extra_loss = gamma, penalty_interval, extra_loss
        self.d_steps = 0

    def z(self, n):
        """Random latents: (n, latent), standard normal, on G's device."""
        return torch.randn(n, self.latent, device=next(self.G.parameters()).device)

    def fakes(self, n, *conditions):
        """n new fakes of G."""
        return self.G(self.z(n), *conditions)

    def score(self, x, *conditions):
        """D's scores of images."""
        return self.D(x, *conditions)

    def d_step(self, real, fake=None, conditions=()):
        """D learns once to tell `real` from as many fakes; G stays as it is. Returns D's loss, without penalty."""
        fake = self.fakes(len(real), *conditions) if fake is None else fake
        with_penalty = self.gamma > 0 and self.d_steps % self.penalty_interval == 0
        real, fake = (x.detach().requires_grad_(with_penalty) for x in (real, fake))
        real_score, fake_score = self.score(real, *conditions), self.score(fake, *conditions)
        loss = total = self.d_loss(real_score, fake_score)
        if with_penalty:
            r1, r2 = r1_penalty(real_score, real), r1_penalty(fake_score, fake)  # R2: the same, of fakes
            total = loss + self.penalty_interval * self.gamma / 2 * (r1 + r2)
        self.opt_d.zero_grad()
        total.backward()
        self.opt_d.step()
        self.d_steps += 1
        return loss.detach()

    def g_step(self, real, fake=None, conditions=()):
        """G learns once to make fakes that D takes for `real`; D stays as it is. Returns the terms of G's loss."""
        fake = self.fakes(len(real), *conditions) if fake is None else fake
        with frozen(self.D):
            terms = {"G": self.g_loss(self.score(real, *conditions), self.score(fake, *conditions))}
        if self.extra_loss is not None:
            terms |= self.extra_loss(fake, real, *conditions)
        self.opt_g.zero_grad()
        sum(terms.values()).backward()
        self.opt_g.step()
        self.average.update_parameters(self.G)
        return {name: term.detach() for name, term in terms.items()}

    def step(self, batch):
        """D learns, then G, from one batch of fakes. `batch`: real images, or (real images, condition, …)."""
        real, *conditions = batch if isinstance(batch, list | tuple) else (batch,)
        fake = self.fakes(len(real), *conditions)
        return {"D": self.d_step(real, fake, conditions), **self.g_step(real, fake, conditions)}

    def state_dict(self):
        parts = {name: getattr(self, name).state_dict() for name in PARTS}
        return {**parts, "d_steps": self.d_steps}

    def load_state_dict(self, state):
        for name in PARTS:
            getattr(self, name).load_state_dict(state[name])
        self.d_steps = state["d_steps"]


def _check(losses, latent, gamma, penalty_interval):
    if not isinstance(losses, tuple | list) or len(losses) != 2 or not all(map(callable, losses)):
        raise ValueError(f"The losses are a pair (of D, of G), as in gans.RELATIVISTIC, not {losses!r}.")
    high, low = torch.ones(2), -torch.ones(2)
    d_loss, g_loss = losses
    if d_loss(high, low) > d_loss(low, high) and g_loss(high, low) < g_loss(low, high):
        raise ValueError(
            "The losses are swapped: D's comes first. D's loss is low where real scores are high."
        )
    settings.whole(latent, "latent, the count of numbers in z,")
    settings.number(gamma, "gamma, the weight of a penalty,", low=0)
    settings.whole(penalty_interval, "penalty_interval, which counts steps,")
