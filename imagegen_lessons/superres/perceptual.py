"""Sharp super-resolution: answers that look like photographs, though they are further from the truth.

To the error of the pixels come a distance in an eye's maps and an adversary (SRGAN: Ledig et al. 2017), here with the
losses of R3GAN. Networks, pictures and the luma they work on are those of `superres`.
"""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import gans, metrics, runtime
from imagegen_lessons.superres import upscaler
from imagegen_lessons.training import checkpoint


class PatchDiscriminator(nn.Module):
    """Luma (n, 1, H, W) to a score for each place of 8 × 8 pixels: (n, 1, H / 8, W / 8).

    Each score sees some 40 pixels around its place (Isola et al. 2017): details are forged everywhere, so they are
    judged everywhere.
    """

    def __init__(self, width=32):
        super().__init__()
        self.down1 = nn.Conv2d(1, width, kernel_size=4, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1)
        self.down3 = nn.Conv2d(2 * width, 4 * width, kernel_size=4, stride=2, padding=1)
        self.score = nn.Conv2d(4 * width, 1, kernel_size=3, padding=1)

    def forward(self, x):
        h = F.leaky_relu(self.down1(2 * x - 1), 0.2)  # (n, width, H / 2, W / 2)
        h = F.leaky_relu(self.down2(h), 0.2)  # (n, 2 * width, H / 4, W / 4)
        h = F.leaky_relu(self.down3(h), 0.2)  # (n, 4 * width, H / 8, W / 8)
        return self.score(h)


def grey(luma):
    """Luma (n, 1, H, W) as a grey picture (n, 3, H, W), for an eye that expects colours."""
    return ((luma - 16 / 255) / metrics.LUMA_RANGE).expand(-1, 3, -1, -1)


def perceptual_loss(extractor, x, y, depth=4):
    """How differently an eye sees x and y, both luma (n, 1, H, W): a scalar, 0 where it sees no difference.

    The mean of its first `depth` maps' absolute differences, each divided by the mean size of y's map, so that no
    level outvotes the others (after Johnson et al. 2016). Gradients flow to x only.
    """
    with torch.no_grad():
        wanted = extractor(grey(y), depth)
    pairs = zip(extractor(grey(x), depth), wanted, strict=True)
    return sum((a - b).abs().mean() / b.abs().mean() for a, b in pairs) / depth


class PerceptualTrainer(gans.GANTrainer):
    """G enlarges, D compares each place of its answer with the same place of the truth. Batches are (low, high).

    G has been trained before and takes smaller steps than D. G's loss is the absolute error of the pixels, plus
    `perceptual` times the perceptual loss, plus `adversarial` times what D says. `average` is the G to keep.
    """

    def __init__(self, G, D, extractor, *, perceptual=0.5, adversarial=0.1, lr=1e-3):
        def extra_loss(fake, high, low):
            seen = perceptual_loss(extractor, fake, high)
            return {"pixels": F.l1_loss(fake, high), "perceptual": perceptual * seen}

        def g_loss(real_score, fake_score):
            return adversarial * gans.g_loss_relativistic(real_score, fake_score)

        losses = gans.d_loss_relativistic, g_loss
        optimizers = gans.adam(G, lr / 3, betas=(0.9, 0.99)), gans.adam(D, lr)
        # R1 and R2 add up over all places, so they need little weight.
        penalties = dict(gamma=1e-5, penalty_interval=8)
        super().__init__(G, D, losses, optimizers=optimizers, extra_loss=extra_loss, **penalties)

    def fakes(self, n, low):
        return self.G(low)

    def score(self, x, low):
        return self.D(x)

    def step(self, batch):
        low, high = batch
        return super().step((high, low))


def load_perceptual() -> upscaler.Upscaler:
    """The bundled sharp network, ×4, on the device: `superres.load(4)` after a long game (`tools/sharp.py`)."""
    network = checkpoint.load_network("perceptual_x4", upscaler.Upscaler(4)).requires_grad_(False)
    return network.to(runtime.device(), memory_format=torch.channels_last)
