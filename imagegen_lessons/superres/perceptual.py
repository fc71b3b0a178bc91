"""Perceptual super-resolution: outputs that look like photographs, though they are further from the truth.

To the pixel loss come a perceptual loss and a discriminator (SRGAN: Ledig et al. 2017), here with R3GAN's losses.
"""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import gans, metrics
from imagegen_lessons.superres import upscaler


class PatchDiscriminator(nn.Module):
    """Luma (n, 1, H, W) to a score for each place of 8 × 8 pixels: (n, 1, H / 8, W / 8).

    A score's receptive field is 38 × 38 pixels (PatchGAN, Isola et al. 2017): detail is made everywhere, so it is
    scored everywhere.
    """

    def __init__(self, width=32):
        super().__init__()
        self.down1 = nn.Conv2d(1, width, kernel_size=4, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1)
        self.down3 = nn.Conv2d(2 * width, 4 * width, kernel_size=4, stride=2, padding=1)
        self.score = nn.Conv2d(4 * width, 1, kernel_size=3, padding=1)

    def forward(self, x):
        h = F.leaky_relu(self.down1(2 * metrics.check_luma(x) - 1), 0.2)  # (n, width, H / 2, W / 2)
        h = F.leaky_relu(self.down2(h), 0.2)  # (n, 2 * width, H / 4, W / 4)
        h = F.leaky_relu(self.down3(h), 0.2)  # (n, 4 * width, H / 8, W / 8)
        return self.score(h)


def grey(luma):
    """Luma (n, 1, H, W) as a grey image (n, 3, H, W) in [0, 1], for a feature extractor that expects colours."""
    return ((metrics.check_luma(luma) - 16 / 255) / metrics.LUMA_RANGE).expand(-1, 3, -1, -1)


def perceptual_loss(extractor, x, y, depth=4):
    """Distance of x from y, both luma (n, 1, H, W), in a feature extractor's first `depth` layers: a scalar.

    The mean over the layers of |difference of feature maps|, each divided by the mean size of y's, so that no layer
    outweighs the others (after Johnson et al. 2016). Gradients flow to x only.
    """
    with torch.no_grad():
        wanted = extractor(grey(y), depth)
    pairs = zip(extractor(grey(x), depth), wanted, strict=True)
    return sum((a - b).abs().mean() / b.abs().mean() for a, b in pairs) / depth


class PerceptualTrainer(gans.GANTrainer):
    """G upscales, D compares each place of its output with the same place of the truth. Batches are (low, high).

    G's loss is the absolute error of the pixels, plus `perceptual` times the perceptual loss, plus `adversarial` times
    the GAN's loss. G has been trained before and has a smaller learning rate than D. `average` is the G to keep.
    """

    def __init__(self, G, D, extractor, *, perceptual=0.5, adversarial=0.1, lr=1e-3, average=None):
        def extra_loss(fake, high, low):
            distance = perceptual_loss(extractor, fake, high)
            return {"pixels": F.l1_loss(fake, high), "perceptual": perceptual * distance}

        def g_loss(real_score, fake_score):
            return adversarial * gans.g_loss_relativistic(real_score, fake_score)

        losses = gans.d_loss_relativistic, g_loss
        optimizers = gans.adam(G, lr / 3, betas=(0.9, 0.99)), gans.adam(D, lr)
        # R1 and R2 add up over all places, so they need little weight.
        settings = dict(gamma=1e-5, penalty_interval=8, average=average, extra_loss=extra_loss)
        super().__init__(G, D, losses, optimizers=optimizers, **settings)

    def fakes(self, n, low):
        return self.G(low)

    def score(self, x, low):
        return self.D(x)

    def step(self, batch):
        low, high = batch
        return super().step((high, low))


def load_perceptual() -> upscaler.Upscaler:
    """The bundled perceptual network, ×4, on the device: `load(4)` trained further (`tools/train_perceptual.py`)."""
    return upscaler.load_bundled("perceptual_x4", 4)
