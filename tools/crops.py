"""Random crops of pictures: what the programs that train the feature extractor and AdaIN draw their batches from."""

import torch
import torch.nn.functional as F

from imagegen_lessons import datasets


class Crops(datasets.RandomStream):
    """An endless stream of crops; a subclass says which."""

    def crop(self, picture, side, size):
        """A random square of `side` pixels (or as many as there are), resized to `size`, half of them mirrored."""
        side = min(*picture.shape[-2:], side)
        top, left = self.pick(picture.shape[-2] - side + 1), self.pick(picture.shape[-1] - side + 1)
        x = picture[..., top : top + side, left : left + side]
        x = x.float() / 255 if x.dtype == torch.uint8 else x
        x = F.interpolate(x, size=size, mode="bilinear", antialias=True)
        return x.flip(-1) if self.pick(2) else x
