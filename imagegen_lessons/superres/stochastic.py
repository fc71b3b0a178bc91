"""Stochastic super-resolution: several faces of 32×32 pixels for one of 8×8; all nearly downscale to it."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import gans, runtime, settings
from imagegen_lessons.superres import upscaler
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint

SCALE = 4
NAMES = "psnr_oriented", "adversarial", "adversarial_biased", "energy_score"


class StochasticUpscaler(nn.Module):
    """Faces low (n, 3, 8, 8) and latents z (n, 64), laid out as one more map, to faces (n, 3, 32, 32), not clamped.

    Residual blocks at low resolution, then two transposed convolutions. Before training it is bicubic interpolation.
    It ends in a step of back-projection, so the output downscales to `low`, to within a step or so of 255.
    """

    def __init__(self, channels=3, width=32, blocks=4):
        super().__init__()
        self.conv_in = nn.Conv2d(channels + 1, width, kernel_size=3, padding=1)
        self.blocks = nn.ModuleList(upscaler.ResidualBlock(width) for _ in range(blocks))
        self.up1 = nn.ConvTranspose2d(width, width, kernel_size=4, stride=2, padding=1)
        self.up2 = nn.ConvTranspose2d(width, width // 2, kernel_size=4, stride=2, padding=1)
        self.to_rgb = nn.Conv2d(width // 2, channels, kernel_size=3, padding=1)
        nn.init.zeros_(self.to_rgb.weight)
        nn.init.zeros_(self.to_rgb.bias)

    def forward(self, low, z):
        channels = self.to_rgb.out_channels
        if low.shape[1:] != (channels, 8, 8) or z.shape != (len(low), 64):
            have = f"{tuple(low.shape)} and {tuple(z.shape)}"
            raise ValueError(f"Pictures (n, {channels}, 8, 8) and latents (n, 64) are needed, not {have}.")
        h = self.conv_in(torch.cat([2 * low - 1, z.unflatten(1, (1, 8, 8))], dim=1))  # (n, width, 8, 8)
        for block in self.blocks:
            h = h + block(h)
        h = F.leaky_relu(self.up1(h), 0.2)  # (n, width, 16, 16)
        h = F.leaky_relu(self.up2(h), 0.2)  # (n, width / 2, 32, 32)
        high = upscaler.bicubic(low, SCALE) + self.to_rgb(h)
        return upscaler.back_projection_step(high, low, SCALE)


class StochasticTrainer(gans.GANTrainer):
    """Lesson 03's GAN with low-resolution faces as condition: batches are (low, high). D sees only `high`.

    That is enough: what a face downscales to is in the face, and G's outputs nearly downscale to what was given.
    """

    def fakes(self, n, low):
        return self.G(low, self.z(n))

    def score(self, x, low):
        return self.D(x)

    def step(self, batch):
        low, high = batch
        return super().step((high, low))


def energy_score(real, one, other):
    """How badly two samples (n, …) predict the truth: a scalar, smallest when both come from its true distribution.

    Their mean distance from the truth less half of the distance between them: a proper scoring rule, which rewards
    diversity only where the truth is uncertain (Gneiting and Raftery 2007, section 4.3).
    """
    if not real.shape == one.shape == other.shape:
        raise ValueError(f"All three have one shape, not {real.shape}, {one.shape}, {other.shape}.")
    a, b, apart = ((x - y).flatten(1).norm(dim=1) for x, y in ((one, real), (other, real), (one, other)))
    return ((a + b - apart) / 2).mean()


class EnergyScoreTrainer(StochasticTrainer):
    """The same with two samples for each low-resolution face: D scores one, the energy score (times `weight`) both."""

    def __init__(self, G, D, losses, *, weight=0.5, **settings):
        def extra_loss(fake, real, low):
            return {"energy score": weight * energy_score(real, fake, self.fakes(len(real), low))}

        super().__init__(G, D, losses, extra_loss=extra_loss, **settings)


def mostly_light(n: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Factors of n faces, as `faces.passports`, but 19 of 20 have one of the three lightest of the six skin tones."""
    n, rng = settings.whole(n, "The number of faces"), runtime.generator(seed)
    tone = torch.randint(3, (n,), generator=rng) + 3 * (torch.rand(n, generator=rng) < 0.95)
    return faces.passports(n, seed, skin_tone=tone)


def load_stochastic() -> nn.ModuleDict:
    """Four bundled networks, on the device (`tools/train_checkpoints.py`).

    "psnr_oriented" learned by squared error, from faces of all skin tones; from there "adversarial" and
    "adversarial_biased" (of mostly light faces) went on with `StochasticTrainer`, "energy_score" with
    `EnergyScoreTrainer`.
    """
    networks = nn.ModuleDict({name: StochasticUpscaler() for name in NAMES})
    return checkpoint.load_network("stochastic_x4", networks).requires_grad_(False).to(runtime.device())
