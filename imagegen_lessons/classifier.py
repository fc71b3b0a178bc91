"""The small convolutional network of lesson 01, which learns to see; later lessons use it as a judge."""

import torch.nn.functional as F
from torch import nn


class ConvNet(nn.Module):
    """Images (n, channels, size, size) in [0, 1] to scores (n, outputs); `size` is a multiple of 8.

    Three times convolution, batch normalisation (Ioffe and Szegedy 2015), ReLU and max-pooling, then one linear
    layer: the pattern of LeCun and others 1998, with today's parts.
    """

    def __init__(self, channels, outputs, size=32, width=12):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=3, padding=1)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, 2 * width, kernel_size=3, padding=1)
        self.norm2 = nn.BatchNorm2d(2 * width)
        self.conv3 = nn.Conv2d(2 * width, 4 * width, kernel_size=3, padding=1)
        self.norm3 = nn.BatchNorm2d(4 * width)
        self.linear = nn.Linear(4 * width * (size // 8) ** 2, outputs)

    def features(self, x):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(2 * x - 1))), 2)  # (n, width, size / 2, size / 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)  # (n, 2 * width, size / 4, size / 4)
        x = F.max_pool2d(F.relu(self.norm3(self.conv3(x))), 2)  # (n, 4 * width, size / 8, size / 8)
        return x.flatten(1)

    def forward(self, x):
        return self.linear(self.features(x))
