"""The training of a GAN: D and G learn in turn."""

from contextlib import contextmanager

import torch

from imagegen_lessons.gans.losses import gradient_penalty
from imagegen_lessons.training import EMA


@contextmanager
def frozen(network):
    """Within it, gradients flow through the network but are not computed for its weights, which saves time."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


class GANTrainer:
    """The two players and their rules: one `step` lets D learn, then G.

    `losses` is a pair (d_loss, g_loss); `gamma` weighs the gradient penalties on real and on fake (0: none).
    `average` is the running average of G's weights: steadier than G, and better for pictures. The whole game is
    one part to save (`state_dict`).
    """

    _parts = "G", "D", "opt_g", "opt_d", "average"
    penalty_every = 1  # large networks can take the penalty less often: it doubles the work of a step

    def __init__(self, G, D, losses, *, latent=2, gamma=0.0, lr=2e-3, betas=(0.0, 0.99)):
        self.G, self.D, self.latent, self.gamma = G, D, latent, gamma
        self.d_loss, self.g_loss = losses
        # No momentum (the first beta is 0): the opponent moves, so yesterday's gradient points the wrong way.
        self.opt_g = torch.optim.Adam(G.parameters(), lr=lr, betas=betas)
        self.opt_d = torch.optim.Adam(D.parameters(), lr=lr, betas=betas)
        self.average = EMA(G, decay=0.99)
        self.d_steps = 0

    def z(self, n):
        """Random latents: (n, latent), standard normal, on G's device."""
        return torch.randn(n, self.latent, device=next(self.G.parameters()).device)

    def fakes(self, n):
        """n new fakes of G."""
        return self.G(self.z(n))

    def score(self, x):
        """D's scores (n, 1) of images."""
        return self.D(x)

    def d_step(self, real, fake=None):
        """D learns once to tell `real` from as many fakes; G stays as it is. Returns D's loss, without penalty."""
        fake = (self.fakes(len(real)) if fake is None else fake).detach()
        loss = self.d_loss(self.score(real), self.score(fake))
        penalty = 0.0
        if self.gamma and self.d_steps % self.penalty_every == 0:
            # Taken every k-th step, it counts k-fold.
            penalty = gradient_penalty(self.score, real) + gradient_penalty(self.score, fake)
            penalty = penalty * self.penalty_every * self.gamma / 2
        self.opt_d.zero_grad()
        (loss + penalty).backward()
        self.opt_d.step()
        self.d_steps += 1
        return loss.detach()

    def g_step(self, real, fake=None):
        """G learns once to make fakes that D takes for `real`; D stays as it is. Returns G's loss."""
        fake = self.fakes(len(real)) if fake is None else fake
        with frozen(self.D):
            loss = self.g_loss(self.score(real), self.score(fake))
        self.opt_g.zero_grad()
        loss.backward()
        self.opt_g.step()
        self.average.update_parameters(self.G)
        return loss.detach()

    def step(self, real):
        """One round, for `training.fit`: one batch of fakes serves both moves."""
        fake = self.fakes(len(real))
        return {"D": self.d_step(real, fake), "G": self.g_step(real, fake)}

    def state_dict(self):
        parts = {name: getattr(self, name).state_dict() for name in self._parts}
        return {**parts, "d_steps": self.d_steps}

    def load_state_dict(self, state):
        for name in self._parts:
            getattr(self, name).load_state_dict(state[name])
        self.d_steps = state["d_steps"]


class ConditionalGANTrainer(GANTrainer):
    """The game with labels: batches are (images, labels), and each fake gets the labels of the real one beside it."""

    def fakes(self, n):
        return self.G(self.z(n), self.labels)

    def score(self, x):
        return self.D(x, self.labels)

    def step(self, batch):
        real, self.labels = batch
        return super().step(real)
