"""Pretrained feature extractors: frozen networks that describe a picture by the feature maps of five layers.

`load("bundled")` needs no internet; `load("squeezenet")` and `load("vgg19")` download ImageNet weights when asked.
"""

import os
import pickle
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from imagegen_lessons import runtime
from imagegen_lessons.datasets.download import TIMEOUT, DownloadError, time_limit
from imagegen_lessons.training import checkpoint

NAMES = ("bundled", "squeezenet", "vgg19")


def _stage(*widths: int, size: int = 3) -> nn.Sequential:
    """Convolutions with ReLU. The border is repeated outwards: zeros around a picture would be seen as a frame."""
    layers = []
    for narrow, wide in zip(widths, widths[1:], strict=False):
        layers += [nn.Conv2d(narrow, wide, size, padding=size // 2, padding_mode="replicate"), nn.ReLU()]
    return nn.Sequential(*layers)


class FeatureExtractor(nn.Module):
    """Our own feature extractor: five stages, each at half the size of the one before. x (n, 3, H, W) → five maps.

    The backbone is like VGG's (Simonyan, Zisserman 2014), but much narrower, and halved by averaging instead of by the
    maximum, as Gatys et al. (2016, section 2) recommend where pictures are to be made from features. A feature map
    holds the backbone's channels after a stage and, from a head, one more linear layer with ReLU, distilled ones: these
    have learned to predict what a larger network sees there (`tools/train_features.py`). Any size will do, one pixel as
    well.
    """

    names = ("stage1", "stage2", "stage3", "stage4", "stage5")
    widths = (32, 64, 128, 192, 224)  # channels of the backbone
    distilled = (24, 80, 128, 192, 96)  # channels of the heads

    def __init__(self):
        super().__init__()
        a, b, c, d, e = self.widths
        self.stages = nn.ModuleList(
            [_stage(3, a, size=5), _stage(a, b, b), _stage(b, c, c), _stage(c, d, d), _stage(d, e)]
        )
        pairs = zip(self.widths, self.distilled, strict=True)
        self.heads = nn.ModuleList([nn.Conv2d(*pair, kernel_size=1) for pair in pairs])

    def forward(self, x, depth=5):
        pairs = zip(self.backbone(x, depth), self.heads, strict=False)
        return [torch.cat([f, F.relu(head(f))], dim=1) for f, head in pairs]

    def backbone(self, x, depth=5):
        """The backbone's own channels after each stage."""
        x, maps = 4 * x - 2, []  # in [-2, 2] they are about as wide as a standard normal distribution
        for stage in self.stages[:depth]:
            # ceil_mode: an odd last row is kept, and a single pixel stays one
            x = stage(F.avg_pool2d(x, 2, ceil_mode=True) if maps else x)
            maps.append(x)
        return maps


class PretrainedExtractor(nn.Module):
    """A network of torchvision's, trained on the million photographs of ImageNet: the maps of five of its layers.

    Pictures smaller than 32 pixels are continued by their border, for the network would shrink them to nothing.
    """

    def __init__(self, layers: nn.Sequential, taps: dict[str, int]):
        super().__init__()
        self.names, self._taps = tuple(taps), tuple(taps.values())
        self.layers = layers[: self._taps[-1] + 1]
        for layer in self.layers.modules():
            if isinstance(layer, nn.ReLU):
                layer.inplace = False  # else it would overwrite a map that is still needed
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None])

    def forward(self, x, depth=5):
        missing = [max(0, 32 - side) for side in x.shape[-2:]]
        # Four pixels more on each side: SqueezeNet's first layer has no padding and hardly sees the border.
        x = F.pad((x - self.mean) / self.std, (4, 4 + missing[1], 4, 4 + missing[0]), mode="replicate")
        maps = []
        for k, layer in enumerate(self.layers[: self._taps[depth - 1] + 1]):
            x = layer(x)
            if k in self._taps:
                maps.append(x)
        return maps


def load(name: str = "bundled") -> nn.Module:
    """The extractor `name`, frozen, on the device: extractor(x) → five maps (n, channels, h, w), from fine to coarse.

    "bundled" is ours and lies in the repository; "squeezenet" (5 MB; Iandola et al. 2016) and "vgg19" (575 MB;
    Simonyan, Zisserman 2014) are downloaded by torchvision, hash checked, into the cache, or to TORCH_HOME if set.
    `extractor.names` are the layers' names; `extractor(x, depth=3)` stops after the third. x: (n, 3, H, W) in [0, 1].
    Raises ValueError for another name, DownloadError, in one sentence, when the weights cannot be had.
    """
    if name not in NAMES:
        raise ValueError(f"There is no extractor {name!r}; it can be {', '.join(NAMES)}.")
    if name == "bundled":
        extractor = checkpoint.load_network("feature_extractor", FeatureExtractor())
    else:
        extractor = _pretrained(name)
    # channels_last: on a CPU, convolutions are up to twice as fast with a pixel's channels side by side
    return extractor.to(runtime.device(), memory_format=torch.channels_last).eval().requires_grad_(False)


def _pretrained(name: str) -> PretrainedExtractor:
    from torchvision import models

    if name == "squeezenet":
        weights, build = models.SqueezeNet1_0_Weights.DEFAULT, models.squeezenet1_0
        taps = {"conv1": 1, "fire2": 3, "fire3": 4, "fire4": 5, "fire6": 8}
    else:
        weights, build = models.VGG19_Weights.DEFAULT, models.vgg19
        taps = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu5_1": 29}
    state = _fetch(weights, name)
    network = build()
    network.load_state_dict(state)
    return PretrainedExtractor(network.features, taps)


def _fetch(weights, name: str) -> dict:
    """The weights by torchvision: from its folder, or downloaded with progress, checked, and kept there."""
    folder = Path(torch.hub.get_dir()) / "checkpoints" if os.environ.get("TORCH_HOME") else None
    folder = folder or runtime.cache_dir() / "torch"
    instead = 'or use features.load("bundled"), which needs no download'
    try:
        with time_limit(TIMEOUT):
            return weights.get_state_dict(model_dir=str(folder), progress=True, check_hash=True)
    except OSError as error:
        reason = getattr(error, "reason", error)  # a URLError wraps what happened
        reason = getattr(reason, "strerror", None) or reason
        advice = f"could not be had ({reason}): connect to the internet and run the cell again"
    except (RuntimeError, EOFError, pickle.UnpicklingError):
        file = folder / Path(weights.url).name
        advice = f"arrived damaged, or lie damaged in {file}: delete that file and run the cell again"
    raise DownloadError(f"The weights of {name} {advice}, {instead}.")
