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


def perceptual_loss(eye, x, y, depth=4):
    """How differently an eye sees x and y, both luma (n, 1, H, W): a scalar, 0 where it sees no difference.

    The mean of its first `depth` maps' absolute differences, each divided by the mean size of y's map, so that no
    level outvotes the others (after Johnson et al. 2016). Gradients flow to x only.
    """
    with torch.no_grad():
        wanted = eye(grey(y), depth)
    pairs = zip(eye(grey(x), depth), wanted, strict=True)
    return sum((a - b).abs().mean() / b.abs().mean() for a, b in pairs) / depth


class PerceptualTrainer(gans.GANTrainer):
    """G enlarges, D compares each place of its answer with the same place of the truth; batches are (low, high).

    G has been trained before and takes smaller steps than D. `average` is the G to keep.
    """

    def __init__(self, G, D, eye, *, seen=0.5, adversary=0.1, lr=1e-3):
        # The penalty adds up over all places, so it needs little weight.
        super().__init__(G, D, gans.RELATIVISTIC, gamma=1e-5, lr=lr)
        self.opt_g = torch.optim.Adam(G.parameters(), lr=lr / 3, betas=(0.9, 0.99))
        self.eye, self.seen, self.adversary, self.penalty_every = eye, seen, adversary, 8

    def step(self, batch):
        low, high = batch
        fake = self.G(low)
        d_loss = self.d_step(high, fake)
        with gans.frozen(self.D):
            fooled = self.g_loss(self.score(high), self.score(fake))
        pixels, seen = F.l1_loss(fake, high), perceptual_loss(self.eye, fake, high)
        self.opt_g.zero_grad()
        (pixels + self.seen * seen + self.adversary * fooled).backward()
        self.opt_g.step()
        self.average.update_parameters(self.G)
        return {"pixels": pixels, "seen": seen, "fooled": fooled, "D": d_loss}


def load_perceptual() -> upscaler.Upscaler:
    """The bundled sharp network, ×4, on the device: `superres.load(4)` after a long game (`tools/sharp.py`)."""
    network = checkpoint.load_network("perceptual_x4", upscaler.Upscaler(4)).requires_grad_(False)
    return network.to(runtime.device(), memory_format=torch.channels_last)
