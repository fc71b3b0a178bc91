"""Random pieces of pictures: what the programs that train the eye and the decoder draw their batches from."""

import torch
import torch.nn.functional as F

from imagegen_lessons import datasets


class Pieces(datasets.RandomStream):
    """An endless stream of pieces; a subclass says which."""

    def cut(self, picture: torch.Tensor, side: int, size: int) -> torch.Tensor:
        """A random square of `side` pixels (or as many as there are), resized to `size`, half of them mirrored."""
        side = min(*picture.shape[-2:], side)
        top, left = self.pick(picture.shape[-2] - side + 1), self.pick(picture.shape[-1] - side + 1)
        x = picture[..., top : top + side, left : left + side]
        x = x.float() / 255 if x.dtype == torch.uint8 else x
        x = F.interpolate(x, size=size, mode="bilinear", antialias=True)
        return x.flip(-1) if self.pick(2) else x
