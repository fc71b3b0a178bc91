"""What tests of several modules share."""

import contextlib
import io
from html.parser import HTMLParser

import numpy
import pytest
import torch
from PIL import Image

from imagegen_lessons import runtime


@contextlib.contextmanager
def refused(pattern=None, error=ValueError):
    """Within it a wrong call is made, which must be answered by one sentence, as this error."""
    with pytest.raises(error, match=pattern) as caught:
        yield
    assert "\n" not in str(caught.value)


def random(*shape, seed=0):
    """The same numbers from 0 to 1 in every run."""
    return torch.rand(*shape, generator=runtime.generator(seed))


def noise(width=80, height=60, mode="RGB", seed=0) -> Image.Image:
    """A picture of random pixels, the same in every run."""
    shape = (height, width, len(mode)) if len(mode) > 1 else (height, width)
    return Image.fromarray(numpy.random.default_rng(seed).integers(0, 256, shape, dtype=numpy.uint8))


def encode(picture: Image.Image, format: str, **options) -> bytes:
    """The picture as a file in this format."""
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def tags(html: str) -> list[tuple[str, dict]]:
    """The tags of a piece of HTML in order, each with its attributes."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(html)
    return found


class SmallMemory(torch.nn.Module):
    """A network that runs out of memory for pictures above a size."""

    def __init__(self, network, largest):
        super().__init__()
        self.network, self.largest = network, largest

    def forward(self, x, *options):
        if max(x.shape[-2:]) > self.largest:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.network(x, *options)
