"""Autoencoders: squeeze pictures into a few numbers, the latent z, and restore them; the VAE with a distribution."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import gans
from imagegen_lessons.networks import check_counts, check_pictures


class Encoder(nn.Module):
    """Pictures (n, channels, size, size) in [0, 1] to outputs (n, outputs); `size` is a multiple of 8."""

    def __init__(self, outputs, channels=3, size=32, width=32):
        super().__init__()
        check_counts(size, outputs=outputs, channels=channels, width=width)
        self.channels, self.size = channels, size
        self.down1 = nn.Conv2d(channels, width, kernel_size=4, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1)
        self.down3 = nn.Conv2d(2 * width, 4 * width, kernel_size=4, stride=2, padding=1)
        self.linear = nn.Linear(4 * width * (size // 8) ** 2, outputs)

    def forward(self, x):
        check_pictures(x, self.channels, self.size, self.linear.weight.dtype)
        h = F.silu(self.down1(2 * x - 1))  # (n, width, size / 2, size / 2)
        h = F.silu(self.down2(h))  # (n, 2 * width, size / 4, size / 4)
        h = F.silu(self.down3(h))  # (n, 4 * width, size / 8, size / 8)
        return self.linear(h.flatten(1))


class Decoder(gans.Generator):
    """Lesson 03's generator without its blur and with a sigmoid at the end: latents (n, latent) to pictures in [0, 1].

    A squared error leaves no checkerboard and drives nothing to pure black, and so it learns a little faster.
    """

    def forward(self, z):
        gans.check_latent(z, self.latent, self.project.weight.dtype)
        h = self.project(z).unflatten(1, self.start)  # (n, 2 * width, size / 8, size / 8)
        for up in (self.up1, self.up2, self.up3):
            h = up(F.leaky_relu(h, 0.2))  # at last (n, width / 4, size, size)
        return torch.sigmoid(self.to_rgb(F.leaky_relu(h, 0.2)))


def reparametrise(mean, log_variance):
    """A random z ~ N(mean, variance), (n, d), through which gradients reach both (Kingma and Welling 2013)."""
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


def kl_divergence(mean, log_variance):
    """KL(N(mean, variance) || N(0, 1)) of diagonal Gaussians (n, d), in nats, one number for each sample: (n,)."""
    return ((mean.square() + log_variance.exp() - 1 - log_variance) / 2).sum(dim=1)


class VAE(nn.Module):
    """The variational autoencoder of pictures (n, channels, size, size) in [0, 1] (Kingma and Welling 2013).

    The encoder gives mean and logarithm of the variance of a latent.
    """

    def __init__(self, latent=64, channels=3, size=32):
        super().__init__()
        self.encoder = Encoder(2 * latent, channels, size)
        self.decoder = Decoder(latent, channels, size)

    def encode(self, x):
        """Mean and log variance of the latents, each (n, latent)."""
        return self.encoder(x).chunk(2, dim=1)

    def forward(self, x):
        """Restored pictures, and the mean and log variance that `kl_divergence` wants."""
        mean, log_variance = self.encode(x)
        return self.decoder(reparametrise(mean, log_variance)), mean, log_variance
