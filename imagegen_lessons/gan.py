"""Generative adversarial networks: a generator G forges, a discriminator D detects, and each learns from the other.

Scores are raw (logits): large means "D takes it for real". Every loss takes (scores of real, scores of fake),
so that one can be exchanged for another.
"""

from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import softplus

from imagegen_lessons import train


def mlp(inputs, hidden, outputs, layers=3):
    """A fully connected network with `layers` linear layers and ReLU between them: (n, inputs) -> (n, outputs)."""
    sizes = [inputs] + [hidden] * (layers - 1) + [outputs]
    network = []
    for before, after in zip(sizes, sizes[1:], strict=False):
        network += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*network[:-1])  # the last layer is linear: a score or a coordinate may be negative


def check_latent(z, latent):
    """Raises a ValueError in one sentence unless `z` has the shape (n, latent)."""
    if z.dim() != 2 or z.shape[1] != latent:
        raise ValueError(f"G wants latents of shape (n, {latent}), not {tuple(z.shape)}.")


def check_size(size):
    """Raises a ValueError in one sentence unless pictures of this size can be made by three doublings."""
    if size < 8 or size % 8:
        raise ValueError(f"The size of pictures is a multiple of 8, not {size}.")


class Generator(nn.Module):
    """Latents (n, latent) to images (n, channels, size, size) in [0, 1]; `size` is a multiple of 8.

    A linear layer plants 2 * width maps of size / 8, three transposed convolutions double them, and a last
    convolution smooths (after Radford et al. 2015, but without batch normalisation).
    """

    def __init__(self, latent=64, channels=3, size=32, width=64):
        super().__init__()
        check_size(size)
        self.latent, self.start = latent, (2 * width, size // 8, size // 8)
        self.plant = nn.Linear(latent, 2 * width * (size // 8) ** 2)
        self.up1 = nn.ConvTranspose2d(2 * width, width, kernel_size=4, stride=2, padding=1)
        self.up2 = nn.ConvTranspose2d(width, width // 2, kernel_size=4, stride=2, padding=1)
        self.up3 = nn.ConvTranspose2d(width // 2, width // 4, kernel_size=4, stride=2, padding=1)
        self.paint = nn.Conv2d(width // 4, channels, kernel_size=3, padding=1)

    def forward(self, z):
        check_latent(z, self.latent)
        h = F.leaky_relu(self.plant(z).unflatten(1, self.start), 0.2)  # (n, 2 * width, size / 8, size / 8)
        h = F.leaky_relu(self.up1(h), 0.2)  # (n, width, size / 4, size / 4)
        h = F.leaky_relu(self.up2(h), 0.2)  # (n, width / 2, size / 2, size / 2)
        h = F.leaky_relu(self.up3(h), 0.2)  # (n, width / 4, size, size)
        return torch.sigmoid(self.paint(h))


class Discriminator(nn.Module):
    """Images (n, channels, size, size) in [0, 1] to scores (n, 1): the generator's pyramid, upside down."""

    def __init__(self, channels=3, size=32, width=32):
        super().__init__()
        check_size(size)
        self.down1 = nn.Conv2d(channels, width, kernel_size=4, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1)
        self.down3 = nn.Conv2d(2 * width, 4 * width, kernel_size=4, stride=2, padding=1)
        self.score = nn.Linear(4 * width * (size // 8) ** 2, 1)

    def features(self, x):
        h = F.leaky_relu(self.down1(2 * x - 1), 0.2)  # (n, width, size / 2, size / 2)
        h = F.leaky_relu(self.down2(h), 0.2)  # (n, 2 * width, size / 4, size / 4)
        return F.leaky_relu(self.down3(h), 0.2).flatten(1)  # (n, 4 * width * (size / 8)²)

    def forward(self, x):
        return self.score(self.features(x))


def check_labels(y, classes, n):
    """Raises a ValueError in one sentence unless `y` holds labels (n, len(classes)) that exist."""
    if y.is_floating_point() or y.dim() != 2 or y.shape[1] != len(classes):
        raise ValueError(
            f"Labels are whole numbers of shape (n, {len(classes)}), not {y.dtype} {tuple(y.shape)}."
        )
    if len(y) != n:
        raise ValueError(
            f"There are {len(y)} rows of labels for {n} latents or pictures; each needs its own."
        )
    # One question for all columns: a GPU is slow to answer.
    wrong = (y < 0) | (y >= torch.tensor(classes, device=y.device))
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        raise ValueError(
            f"Label {column} is a whole number from 0 to {classes[column] - 1}, not {y[row, column].item()}."
        )


class ConditionalGenerator(Generator):
    """Latents (n, latent) and labels (n, k) to images; `classes` says how many values each of the k labels has.

    Each label is looked up in a table of learned vectors, which are appended to the latent (Mirza and Osindero 2014).
    """

    def __init__(self, classes, latent=64, channels=3, size=32, width=64):
        super().__init__(latent + 16 * len(classes), channels, size, width)
        self.classes, self.noise = tuple(classes), latent
        self.embed = nn.ModuleList(nn.Embedding(n, 16) for n in classes)

    def words(self, y):
        """The vectors of labels (n, k) side by side: (n, 16 * k)."""
        return torch.cat([table(part) for table, part in zip(self.embed, y.T, strict=True)], dim=1)

    def paint_words(self, z, words):
        """Images from latents and vectors, which need not be those of a label: a mixture of two will do."""
        return super().forward(torch.cat([z, words], dim=1))

    def forward(self, z, y):
        check_latent(z, self.noise)
        check_labels(y, self.classes, len(z))
        return self.paint_words(z, self.words(y))


class ProjectionDiscriminator(Discriminator):
    """Images and labels (n, k) to scores (n, 1): is it real, and does it fit its labels? (Miyato and Koyama 2018).

    To the score of the picture is added the inner product of its features with a learned vector for each label.
    """

    def __init__(self, classes, channels=3, size=32, width=32):
        super().__init__(channels, size, width)
        self.classes = tuple(classes)
        self.embed = nn.ModuleList(nn.Embedding(n, self.score.in_features) for n in classes)
        for table in self.embed:
            nn.init.zeros_(table.weight)  # at first no label matters

    def forward(self, x, y):
        check_labels(y, self.classes, len(x))
        h = self.features(x)  # (n, features)
        wanted = sum(table(part) for table, part in zip(self.embed, y.T, strict=True))  # (n, features)
        return self.score(h) + (wanted * h).sum(dim=1, keepdim=True)


# softplus(s) = log(1 + exp(s)) is -log(1 - sigmoid(s)), and softplus(-s) is -log sigmoid(s): the two logarithms
# of the papers, without ever computing the logarithm of 0.


def d_loss_classic(real_score, fake_score):
    """D's cross-entropy: real is 1, fake is 0 (Goodfellow et al. 2014, section 3). Returns a scalar."""
    return softplus(-real_score).mean() + softplus(fake_score).mean()


def g_loss_minimax(real_score, fake_score):
    """G wants what D does not: the negative of D's loss on fakes (Goodfellow et al. 2014, eq. 1). A scalar.

    Its gradient vanishes as soon as D is sure of itself.
    """
    return -softplus(fake_score).mean()


def g_loss_non_saturating(real_score, fake_score):
    """G wants its fakes called real (Goodfellow et al. 2014, end of section 3). Returns a scalar."""
    return softplus(-fake_score).mean()


def d_loss_relativistic(real_score, fake_score):
    """D wants each real score above the fake score it is paired with (Jolicoeur-Martineau 2018). A scalar."""
    return softplus(fake_score - real_score).mean()


def g_loss_relativistic(real_score, fake_score):
    """G wants the reverse of `d_loss_relativistic` (R3GAN: Huang et al. 2024, section 2). Returns a scalar."""
    return softplus(real_score - fake_score).mean()


CLASSIC = d_loss_classic, g_loss_minimax
NON_SATURATING = d_loss_classic, g_loss_non_saturating
RELATIVISTIC = d_loss_relativistic, g_loss_relativistic


def gradient_penalty(D, x):
    """Mean squared length of the gradient of D's score with respect to its input, centred on zero. A scalar.

    On real x it is R1, on fakes R2 (Mescheder et al. 2018, section 4.1; times gamma / 2 in D's loss).
    D must score every x by itself: no batch normalisation.
    """
    x = x.detach().requires_grad_()
    # The scores are independent, so the gradient of their sum holds each one's gradient in its own row.
    (gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


def arrows(D, fake, g_loss, real=None):
    """Where G's loss would move each fake: minus the gradient of the loss on that fake. Shaped like `fake`.

    A loss that looks at real scores too (relativistic) needs as many `real`.
    """
    fake = fake.detach().requires_grad_()
    score = D(fake)
    real_score = torch.zeros_like(score) if real is None else D(real).detach()
    # The loss is a mean over the batch; times its size, one fake's arrow no longer depends on how many there are.
    (gradient,) = torch.autograd.grad(g_loss(real_score, score) * len(fake), fake)
    return -gradient


@contextmanager
def frozen(network):
    """Within it, gradients flow through the network but are not computed for its weights, which saves time."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


class Game:
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
        self.average = train.ema(G, decay=0.99)
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
        """One round, for `train.fit`: one batch of fakes serves both moves."""
        fake = self.fakes(len(real))
        return {"D": self.d_step(real, fake), "G": self.g_step(real, fake)}

    def state_dict(self):
        parts = {name: getattr(self, name).state_dict() for name in self._parts}
        return {**parts, "d_steps": self.d_steps}

    def load_state_dict(self, state):
        for name in self._parts:
            getattr(self, name).load_state_dict(state[name])
        self.d_steps = state["d_steps"]


class ConditionalGame(Game):
    """The game with labels: batches are (images, labels), and each fake gets the labels of the real one beside it."""

    def fakes(self, n):
        return self.G(self.z(n), self.labels)

    def score(self, x):
        return self.D(x, self.labels)

    def step(self, batch):
        real, self.labels = batch
        return super().step(real)
