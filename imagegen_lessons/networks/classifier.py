"""The small convolutional network of lesson 01, and the classifier of drawn faces that later lessons measure with."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.settings import whole
from imagegen_lessons.synthetic import faces


def check_counts(size, **counts):
    """Raises a ValueError in one sentence unless the counts are whole numbers from 1, and size a multiple of 8."""
    for name, count in {"size": size, **counts}.items():
        whole(count, name)
    if size % 8:
        raise ValueError(f"size is a multiple of 8, since it is halved three times, not {size}.")


def check_pictures(x, channels, size, dtype):
    """Raises a ValueError in one sentence unless `x` holds pictures (n, channels, size, size) of this dtype in [0, 1].

    What noise and filters make of a picture may leave the range a little: the limits are -1 and 2.
    """
    wish = f"The network wants pictures (n, {channels}, {size}, {size}) of {dtype} in [0, 1]"
    if not isinstance(x, torch.Tensor):
        raise ValueError(f"{wish}, not a {type(x).__name__}.")
    mixed = x.is_floating_point() and torch.is_autocast_enabled(x.device.type)  # then PyTorch converts
    if x.dim() != 4 or tuple(x.shape[1:]) != (channels, size, size) or not (mixed or x.dtype == dtype):
        raise ValueError(f"{wish}, not {tuple(x.shape)} of {x.dtype}.")
    # A GPU is slow to answer: there training is not held up.
    asked = x.device.type == "cpu" or not torch.is_grad_enabled()
    if asked and not ((x >= -1) & (x <= 2)).all():
        low, high = (bound.item() for bound in x.detach().aminmax())
        raise ValueError(f"{wish}, but these go from {low:.3g} to {high:.3g}.")


class ConvNet(nn.Module):
    """Images (n, channels, size, size) in [0, 1] to logits (n, outputs); `size` is a multiple of 8.

    Three times convolution, batch normalisation (Ioffe and Szegedy 2015), ReLU and max-pooling, then one linear
    layer: the pattern of LeCun and others 1998, with today's parts.
    """

    def __init__(self, channels, outputs, size=32, width=12):
        super().__init__()
        check_counts(size, channels=channels, outputs=outputs, width=width)
        self.channels, self.size = channels, size
        self.conv1 = nn.Conv2d(channels, width, kernel_size=3, padding=1)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, 2 * width, kernel_size=3, padding=1)
        self.norm2 = nn.BatchNorm2d(2 * width)
        self.conv3 = nn.Conv2d(2 * width, 4 * width, kernel_size=3, padding=1)
        self.norm3 = nn.BatchNorm2d(4 * width)
        self.linear = nn.Linear(4 * width * (size // 8) ** 2, outputs)

    def features(self, x):
        check_pictures(x, self.channels, self.size, self.conv1.weight.dtype)
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(2 * x - 1))), 2)  # (n, width, size / 2, size / 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)  # (n, 2 * width, size / 4, size / 4)
        x = F.max_pool2d(F.relu(self.norm3(self.conv3(x))), 2)  # (n, 4 * width, size / 8, size / 8)
        return x.flatten(1)

    def forward(self, x):
        return self.linear(self.features(x))


class FaceClassifier(nn.Module):
    """Predicts named factors of drawn faces (n, 3, 32, 32), and so classifies them.

    CHOICES are factors with names (a logit for each), NUMBERS are factors with a value. Its pooled features
    (n, 4 * width) are the space in which two sets of faces are compared.
    """

    CHOICES = ("skin_tone", "hair_colour", "glasses", "hair_style", "beard", "background_style")
    NUMBERS = ("smile", "mouth_open", "brow", "yaw", "tilt", "light_x", "hair_volume", "head_width")

    def __init__(self, width=24):
        super().__init__()
        self.sizes = [len(faces.FACTORS[name].names) for name in self.CHOICES] + [1] * len(self.NUMBERS)
        self.net = ConvNet(3, sum(self.sizes), size=32, width=width)

    def _maps(self, x):
        if self.training:  # batch normalisation wants the whole batch
            return self.net.features(x)
        check_pictures(x, 3, 32, self.net.conv1.weight.dtype)
        # The feature maps of a thousand do not fit into a cache: a hundred at a time take half as long.
        return torch.cat([self.net.features(some) for some in x.split(100)])

    def features(self, x):
        maps = self._maps(x).unflatten(1, (-1, 16))  # (n, 4 * width, 4 * 4 places)
        return maps.mean(dim=2)

    def forward(self, x):
        """name -> logits (n, names) for a choice, values (n,) for a number."""
        parts = self.net.linear(self._maps(x)).split(self.sizes, dim=1)
        named = dict(zip(self.CHOICES + self.NUMBERS, parts, strict=True))
        return {name: part if name in self.CHOICES else part[:, 0] for name, part in named.items()}

    def loss(self, x, factors):
        """Cross-entropy for the choices and mean squared error for the numbers, added up. A scalar."""
        predicted = self(x)
        choices = sum(F.cross_entropy(predicted[name], factors[name]) for name in self.CHOICES)
        return choices + sum(F.mse_loss(predicted[name], factors[name]) for name in self.NUMBERS)

    @torch.no_grad()
    def predict(self, x):
        """name -> index of the likeliest name, int64, or value, float; each (n,)."""
        return {name: y.argmax(dim=1) if name in self.CHOICES else y for name, y in self(x).items()}

    def class_index(self, x):
        """The class of each picture, of 72, (n,) int64; see `faces.class_index`."""
        return faces.class_index(self.predict(x))
