"""The classifier that reads from a drawn face what a caption can say: it measures whether pictures obey their words."""

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons.networks.classifier import ConvNet
from imagegen_lessons.synthetic import captions


class AttributeClassifier(nn.Module):
    """Predicts `captions.ATTRIBUTES` of faces (n, 3, 32, 32) in [0, 1]: attribute -> logits (n, names)."""

    NAMES = tuple(captions.ATTRIBUTES)

    def __init__(self, width=20):
        super().__init__()
        self.sizes = [len(names) for names in captions.ATTRIBUTES.values()]
        self.net = ConvNet(3, sum(self.sizes), size=32, width=width)

    def forward(self, x):
        return dict(zip(self.NAMES, self.net(x).split(self.sizes, dim=1), strict=True))

    def loss(self, x, values):
        """Cross-entropy of attributes, added up; those that are not clear (-1) do not count. A scalar."""
        return sum(
            F.cross_entropy(logits, values[name], ignore_index=captions.UNCLEAR, reduction="sum") / len(x)
            for name, logits in self(x).items()
        )

    @torch.no_grad()
    def predict(self, x):
        """attribute -> index of the likeliest of its names, (n,) int64."""
        parts = [self(some) for some in x.split(100)]  # whose feature maps fit into a processor's cache
        return {name: torch.cat([part[name] for part in parts]).argmax(dim=1) for name in self.NAMES}
