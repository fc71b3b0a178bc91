"""The eyes: five maps of any picture, frozen; borrowed ones see what torchvision's own network sees."""

import pickle

import pytest
import torch
from torchvision import models

from imagegen_lessons import datasets, images, runtime
from imagegen_lessons.datasets.download import DownloadError
from imagegen_lessons.networks import features
from imagegen_lessons.training import checkpoint

FILE = runtime.checkpoint_dir() / "feature_extractor.safetensors"
TAPS = {"conv1": 1, "fire2": 3, "fire3": 4, "fire4": 5, "fire6": 8}
PAD = 4  # what Borrowed repeats of the border on each side


@pytest.fixture(scope="module")
def bundled():
    return features.load()


@pytest.fixture(scope="module")
def untaught():
    torch.manual_seed(0)
    return models.squeezenet1_0(weights=None).eval()


@pytest.fixture(scope="module")
def borrowed(untaught):
    return features.PretrainedExtractor(untaught.features, TAPS).eval()


def test_bundled_eye_is_small_and_has_its_card():
    card = checkpoint.card("feature_extractor")
    assert FILE.stat().st_size <= 6e6
    assert "tools.train_features" in card["command"] and "SqueezeNet" in card["teacher"]
    assert int(card["parameters"]) == sum(p.numel() for p in features.FeatureExtractor().parameters())


def test_bundled_eye_sees(bundled):
    """At every depth: neither dead nor all the same, and two photographs differ more than one from its mirror image."""
    cat, coffee = (images.crop_centre(datasets.photo(name, 128), 64) for name in ("cat", "coffee"))
    for f, g, mirrored in zip(*(bundled(x) for x in (cat, coffee, cat.flip(-1))), strict=True):
        assert f.min() == 0 and f.std() > 0.05
        apart, turned = ((h.mean(dim=(2, 3)) - f.mean(dim=(2, 3))).norm() for h in (g, mirrored))
        assert apart > 2 * turned


@pytest.mark.parametrize("height,width", [(1, 1), (1, 300), (300, 1), (17, 33), (64, 48)])
@pytest.mark.parametrize("name", ["bundled", "borrowed"])
def test_five_maps_of_any_picture(name, height, width, request):
    extractor = request.getfixturevalue(name)
    maps = extractor(torch.rand(2, 3, height, width))
    assert len(maps) == len(extractor.names) == 5
    for k, f in enumerate(maps):
        assert len(f) == 2 and f.isfinite().all() and f.numel()
        if name == "bundled":  # each half of the one before, rounded up
            channels = extractor.widths[k] + extractor.reports[k]
            assert f.shape[1:] == (channels, -(-height // 2**k), -(-width // 2**k))
    assert [f.shape[-1] for f in maps] == sorted((f.shape[-1] for f in maps), reverse=True)


@pytest.mark.parametrize("name", ["bundled", "borrowed"])
def test_depth_stops_early_and_changes_nothing(name, request):
    extractor, x = request.getfixturevalue(name), torch.rand(1, 3, 40, 56)
    whole = extractor(x)
    for depth in (1, 3, 5):
        some = extractor(x, depth=depth)
        assert len(some) == depth
        for f, g in zip(some, whole, strict=False):
            torch.testing.assert_close(f, g)


def test_trunk_and_reports(bundled):
    trunk = bundled.trunk(torch.rand(1, 3, 32, 32), depth=4)
    assert [f.shape[1] for f in trunk] == list(bundled.widths[:4])


def test_loaded_eye_is_frozen_but_lets_gradients_through(bundled):
    assert not bundled.training and not any(p.requires_grad for p in bundled.parameters())
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    bundled(x)[-1].sum().backward()
    assert x.grad.abs().sum() > 0


def test_pictures_in_a_batch_do_not_see_each_other(bundled):
    x = torch.rand(3, 3, 32, 40)
    for f, g in zip(bundled(x), bundled(x[1:2]), strict=True):
        torch.testing.assert_close(f[1:2], g, atol=1e-4, rtol=1e-4)


def test_one_even_colour_has_no_frame(bundled):
    for f in bundled(torch.full((1, 3, 48, 48), 0.3)):
        assert (f - f[..., :1, :1]).abs().max() < 1e-3


def test_borrowed_layers_see_what_torchvision_sees(untaught, borrowed):
    """Away from the border, where torchvision's network looks at pixels that the borrowed one was not shown."""
    x = torch.rand(1, 3, 160, 160, generator=runtime.generator(1))
    normal = models.SqueezeNet1_0_Weights.DEFAULT.transforms()
    seen = (x - torch.tensor(normal.mean)[:, None, None]) / torch.tensor(normal.std)[:, None, None]
    with torch.no_grad():
        maps = borrowed(x[..., PAD:-PAD, PAD:-PAD])
        for f, tap in zip(maps, TAPS.values(), strict=True):
            wanted = untaught.features[: tap + 1](seen)
            assert f.shape == wanted.shape
            side = f.shape[-1] // 3
            middle = (..., slice(side, -side), slice(side, -side))
            torch.testing.assert_close(f[middle], wanted[middle])


def test_unknown_eye():
    with pytest.raises(ValueError, match="'vgg16'; it can be bundled, squeezenet, vgg19"):
        features.load("vgg16")


def assert_one_sentence(message: str, name: str, advice: str = "connect to the internet"):
    assert "\n" not in message and message.endswith(".") and len(message) < 350, message
    assert f"weights of {name}" in message and advice in message and '"bundled"' in message


@pytest.mark.parametrize("name", ["squeezenet", "vgg19"])
@pytest.mark.parametrize("variable", ["IMAGEGEN_CACHE", "TORCH_HOME"])
def test_weights_without_a_network(name, variable, tmp_path, monkeypatch):
    for key in ("IMAGEGEN_CACHE", "TORCH_HOME"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(DownloadError) as caught:
        features.load(name)
    assert_one_sentence(str(caught.value), name)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", pickle.dumps([1, 2])])
def test_damaged_weights_in_the_cache(content, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / "squeezenet1_0-b66bff10.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(DownloadError) as caught:
        features.load("squeezenet")
    assert_one_sentence(str(caught.value), "squeezenet", "delete that file")
    assert str(path) in str(caught.value)
