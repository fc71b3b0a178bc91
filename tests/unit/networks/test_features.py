"""Feature extractors: five maps of any picture, frozen; the pretrained ones see what torchvision's own network sees."""

import pickle
import socket

import pytest
import torch
from torchvision import models

from imagegen_lessons import datasets, images, runtime
from imagegen_lessons.networks import features
from tests.unit.helpers import refused

TAPS = {"conv1": 1, "fire2": 3, "fire3": 4, "fire4": 5, "fire6": 8}
PAD = 4  # what PretrainedExtractor repeats of the border on each side


@pytest.fixture(scope="module")
def bundled():
    return features.load()


@pytest.fixture(scope="module")
def untrained():
    torch.manual_seed(0)
    return models.squeezenet1_0(weights=None).eval()


@pytest.fixture(scope="module")
def pretrained(untrained):
    return features.PretrainedExtractor(untrained.features, TAPS).eval()


def test_the_bundled_extractor_sees(bundled):
    """At every depth: neither dead nor all the same, and two photographs differ more than one from its mirror image."""
    cat, coffee = (images.crop_centre(datasets.photo(name, 128), 64) for name in ("cat", "coffee"))
    for f, g, mirrored in zip(*(bundled(x) for x in (cat, coffee, cat.flip(-1))), strict=True):
        assert f.min() == 0 and f.std() > 0.05
        apart, turned = ((h.mean(dim=(2, 3)) - f.mean(dim=(2, 3))).norm() for h in (g, mirrored))
        assert apart > 2 * turned


@pytest.mark.parametrize("height,width", [(1, 1), (1, 300), (17, 33)])
@pytest.mark.parametrize("name", ["bundled", "pretrained"])
def test_five_maps_of_any_picture(name, height, width, request):
    extractor = request.getfixturevalue(name)
    x = torch.rand(2, 3, height, width)
    maps = extractor(x)
    assert len(maps) == len(extractor.names) == 5 and all(f.isfinite().all() and f.numel() for f in maps)
    assert [f.shape[-1] for f in maps] == sorted((f.shape[-1] for f in maps), reverse=True)
    torch.testing.assert_close(extractor(x, depth=3), maps[:3])
    for f, alone in zip(maps, extractor(x[1:]), strict=True):  # pictures in a batch do not see each other
        torch.testing.assert_close(f[1:], alone, atol=1e-4, rtol=1e-4)
    if name == "bundled":  # each half of the one before, rounded up
        widths = [a + b for a, b in zip(extractor.widths, extractor.distilled, strict=True)]
        assert [f.shape for f in maps] == [
            (2, c, -(-height // 2**k), -(-width // 2**k)) for k, c in enumerate(widths)
        ]
        for f, own in zip(maps, extractor.backbone(x, depth=4), strict=False):
            torch.testing.assert_close(f[:, : own.shape[1]], own)


def test_a_loaded_extractor_is_frozen_but_lets_gradients_through(bundled):
    assert not bundled.training and not any(p.requires_grad for p in bundled.parameters())
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    bundled(x)[-1].sum().backward()
    assert x.grad.abs().sum() > 0


def test_middle_grey_is_zero_inside():
    extractor = features.FeatureExtractor()
    torch.nn.init.zeros_(extractor.stages[0][0].bias)
    assert extractor.backbone(torch.full((1, 3, 8, 8), 0.5), depth=1)[0].abs().max() == 0


def test_one_even_colour_has_no_frame(bundled):
    for f in bundled(torch.full((1, 3, 48, 48), 0.3)):
        assert (f - f[..., :1, :1]).abs().max() < 1e-3


def test_pretrained_layers_see_what_torchvision_sees(untrained, pretrained):
    """Away from the border, where torchvision's network sees pixels that the extractor was not shown."""
    x = torch.rand(1, 3, 160, 160, generator=runtime.generator(1))
    normal = models.SqueezeNet1_0_Weights.DEFAULT.transforms()
    seen = (x - torch.tensor(normal.mean)[:, None, None]) / torch.tensor(normal.std)[:, None, None]
    with torch.no_grad():
        maps = pretrained(x[..., PAD:-PAD, PAD:-PAD])
        for f, tap in zip(maps, TAPS.values(), strict=True):
            wanted = untrained.features[: tap + 1](seen)
            side = f.shape[-1] // 3
            middle = (..., slice(side, -side), slice(side, -side))
            torch.testing.assert_close(f[middle], wanted[middle])


def test_vgg19_is_tapped_after_the_first_relu_of_each_block(monkeypatch):
    with torch.device("meta"):  # shapes alone, without half a gigabyte of weights
        monkeypatch.setattr(features, "_fetch", lambda weights, name: models.vgg19().state_dict())
        extractor = features._pretrained("vgg19")
        maps = extractor(torch.rand(1, 3, 64, 64))
    assert [f.shape[1] for f in maps] == [64, 128, 256, 512, 512]
    assert all(isinstance(extractor.layers[tap], torch.nn.ReLU) for tap in extractor._taps)


def test_an_unknown_extractor_is_refused():
    with refused("'vgg16'; it can be bundled, squeezenet, vgg19"):
        features.load("vgg16")


@pytest.mark.parametrize("variable", ["IMAGEGEN_CACHE", "TORCH_HOME"])
def test_weights_without_a_network(variable, tmp_path, monkeypatch):
    for key in ("IMAGEGEN_CACHE", "TORCH_HOME"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    before = socket.getdefaulttimeout()
    for name in ("squeezenet", "vgg19"):
        with refused(f'{name} .*internet.*"bundled"'):
            features.load(name)
        assert socket.getdefaulttimeout() == before
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", pickle.dumps([1, 2])])
def test_damaged_weights_in_the_cache(content, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / "squeezenet1_0-b66bff10.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with refused(f"damaged in {path}: delete that file"):
        features.load("squeezenet")
