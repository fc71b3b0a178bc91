"""Generators and discriminators: small enough to be read on one screen."""

from numbers import Integral

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.settings import whole
from imagegen_lessons.training import TrainingError


def mlp(inputs, hidden, outputs, layers=3):
    """A fully connected network with `layers` linear layers and ReLU between them: (n, inputs) -> (n, outputs)."""
    counts = {"inputs": inputs, "hidden": hidden, "outputs": outputs, "layers": layers}
    inputs, hidden, outputs, layers = (whole(count, name) for name, count in counts.items())
    sizes = [inputs] + [hidden] * (layers - 1) + [outputs]
    network = []
    for before, after in zip(sizes, sizes[1:], strict=False):
        network += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*network[:-1])  # the last layer is linear: a score or a coordinate may be negative


class NotFiniteError(TrainingError, ValueError):
    """Latents or pictures hold NaN or inf: a wrong argument, or fakes of a training that cannot go on."""


def check_latent(z, latent, dtype=None):
    """Raises a ValueError in one sentence unless `z` holds finite latents (n, latent), of this dtype."""
    if not isinstance(z, torch.Tensor) or z.dim() != 2 or z.shape[1] != latent:
        raise ValueError(f"G wants latents of shape (n, {latent}), not {_kind(z)}.")
    _check_floats("G wants latents", z, dtype)


def check_size(size, **counts):
    """Raises a ValueError in one sentence unless pictures of this size can be made by three doublings.

    The counts are whole numbers, the width at least 4: `latent`, `channels` and `width` of a network.
    """
    if isinstance(size, bool) or not isinstance(size, Integral) or size < 8 or size % 8:
        raise ValueError(f"The size of pictures is a multiple of 8, not {size!r}.")
    for name, count in counts.items():
        whole(count, name, least=4 if name == "width" else 1)


def check_images(x, channels, size, dtype=None):
    """Raises a ValueError in one sentence unless `x` holds finite pictures (n, channels, size, size), of this dtype."""
    if (
        not isinstance(x, torch.Tensor)
        or not x.is_floating_point()
        or x.dim() != 4
        or tuple(x.shape[1:]) != (channels, size, size)
    ):
        raise ValueError(
            f"D wants pictures (n, {channels}, {size}, {size}) of floats in [0, 1], not {_kind(x)}."
        )
    hint = " If a G made them, its weights are NaN: build both networks anew, and try a lower learning rate."
    _check_floats("D wants pictures", x, dtype, hint)


def _kind(x):
    return f"{x.dtype} {tuple(x.shape)}" if isinstance(x, torch.Tensor) else f"a {type(x).__name__}"


def _check_floats(wish, x, dtype, hint=""):
    mixed = torch.is_autocast_enabled(x.device.type)  # then PyTorch converts
    if not x.is_floating_point() or not (mixed or dtype in (None, x.dtype)):
        raise ValueError(f"{wish} of the type {dtype or torch.float32}, as its weights are, not {x.dtype}.")
    # A GPU is slow to answer: there training is not held up, and ends when a loss is NaN.
    if (x.device.type == "cpu" or not torch.is_grad_enabled()) and not x.isfinite().all():
        raise NotFiniteError(f"{wish} without NaN and inf.{hint}")


def blur(x):
    """Maps (n, c, h, w), each smoothed with [1, 2, 1] / 4 down and across, as if 0 lay around them.

    What alternates from pixel to pixel becomes 0 (Zhang 2019, section 3; in generators Karras et al. 2019).
    """
    distance = torch.arange(-1, 2, dtype=x.dtype, device=x.device).abs()  # 1, 0, 1, without a copy
    line = 0.5 - 0.25 * distance  # 1/4, 1/2, 1/4
    kernel = line[:, None] * line
    return F.conv2d(x, kernel.expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])


class Generator(nn.Module):
    """Latents (n, latent) to images (n, channels, size, size) in [0, 1]; `size` is a multiple of 8.

    A linear layer projects to 2 * width maps of size / 8, three transposed convolutions double them (after Radford et
    al. 2015, but without batch normalisation), and a blur removes the last one's checkerboard. The softsign at the end
    saturates so slowly that G can always come back from pure black.
    """

    def __init__(self, latent=64, channels=3, size=32, width=64):
        super().__init__()
        check_size(size, latent=latent, channels=channels, width=width)
        self.latent, self.start = latent, (2 * width, size // 8, size // 8)
        self.project = nn.Linear(latent, 2 * width * (size // 8) ** 2)
        self.up1 = nn.ConvTranspose2d(2 * width, width, kernel_size=4, stride=2, padding=1)
        self.up2 = nn.ConvTranspose2d(width, width // 2, kernel_size=4, stride=2, padding=1)
        self.up3 = nn.ConvTranspose2d(width // 2, width // 4, kernel_size=4, stride=2, padding=1)
        self.to_rgb = nn.Conv2d(width // 4, channels, kernel_size=3, padding=1)

    def forward(self, z):
        check_latent(z, self.latent, self.project.weight.dtype)
        h = F.leaky_relu(self.project(z).unflatten(1, self.start), 0.2)  # (n, 2 * width, size / 8, size / 8)
        h = F.leaky_relu(self.up1(h), 0.2)  # (n, width, size / 4, size / 4)
        h = F.leaky_relu(self.up2(h), 0.2)  # (n, width / 2, size / 2, size / 2)
        h = F.leaky_relu(blur(self.up3(h)), 0.2)  # (n, width / 4, size, size)
        return (F.softsign(2 * self.to_rgb(h)) + 1) / 2


class Discriminator(nn.Module):
    """Images (n, channels, size, size) in [0, 1] to scores (n, 1): the generator's pyramid, upside down."""

    def __init__(self, channels=3, size=32, width=32):
        super().__init__()
        check_size(size, channels=channels, width=width)
        self.channels, self.size = channels, size
        self.down1 = nn.Conv2d(channels, width, kernel_size=4, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1)
        self.down3 = nn.Conv2d(2 * width, 4 * width, kernel_size=4, stride=2, padding=1)
        self.score = nn.Linear(4 * width * (size // 8) ** 2, 1)

    def features(self, x):
        check_images(x, self.channels, self.size, self.down1.weight.dtype)
        h = F.leaky_relu(self.down1(2 * x - 1), 0.2)  # (n, width, size / 2, size / 2)
        h = F.leaky_relu(self.down2(h), 0.2)  # (n, 2 * width, size / 4, size / 4)
        return F.leaky_relu(self.down3(h), 0.2).flatten(1)  # (n, 4 * width * (size / 8)²)

    def forward(self, x):
        return self.score(self.features(x))


def check_labels(y, classes, n, optional=False):
    """Raises a ValueError in one sentence unless `y` holds labels (n, len(classes)) that exist, or -1 if `optional`."""
    if not isinstance(y, torch.Tensor) or y.is_floating_point() or y.dim() != 2 or y.shape[1] != len(classes):
        raise ValueError(f"Labels are whole numbers of shape (n, {len(classes)}), not {_kind(y)}.")
    if len(y) != n:
        raise ValueError(
            f"There are {len(y)} rows of labels for {n} latents or pictures; each needs its own."
        )
    # One question for all columns: a GPU is slow to answer.
    wrong = (y < -int(optional)) | (y >= torch.tensor(classes, device=y.device))
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        raise ValueError(
            f"Label {column} is a whole number from 0 to {classes[column] - 1}{', or -1 for none' * optional}, "
            f"not {y[row, column].item()}."
        )


class ConditionalGenerator(Generator):
    """Latents (n, latent) and labels (n, k) to images; `classes` says how many values each of the k labels has.

    Each label is looked up in a table of learned vectors, which are appended to the latent (Mirza and Osindero 2014).
    """

    def __init__(self, classes, latent=64, channels=3, size=32, width=64):
        super().__init__(latent + 16 * len(classes), channels, size, width)
        self.classes, self.noise = tuple(classes), latent
        self.embed = nn.ModuleList(nn.Embedding(n, 16) for n in classes)

    def embedding(self, y):
        """The vectors of labels (n, k) side by side: (n, 16 * k)."""
        return torch.cat([table(part) for table, part in zip(self.embed, y.T, strict=True)], dim=1)

    def from_embedding(self, z, embedding):
        """Images from latents and vectors, which need not be those of a label: a mixture of two will do."""
        return super().forward(torch.cat([z, embedding], dim=1))

    def forward(self, z, y):
        check_latent(z, self.noise)
        check_labels(y, self.classes, len(z))
        return self.from_embedding(z, self.embedding(y))


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
