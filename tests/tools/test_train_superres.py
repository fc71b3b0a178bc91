"""The programs that trained the bundled super-resolution networks still run: with a few steps."""

import signal

import pytest
import torch

from imagegen_lessons import datasets, images, runtime, superres
from imagegen_lessons.networks import features
from imagegen_lessons.training import checkpoint
from tools import train_perceptual, train_superres


@pytest.fixture
def folder(tmp_path):
    for k, (name, format) in enumerate({"a.png": "PNG", "b.jpg": "JPEG"}.items()):
        (tmp_path / name).write_bytes(images.to_bytes(torch.rand(1, 3, 90 + k, 100), format))
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Few and small photographs, a small network, and folders of their own."""
    monkeypatch.setattr(superres, "HELD_OUT", ("text", "microaneurysms"))
    monkeypatch.setattr(datasets, "PHOTOS", ("camera", "clock", "text", "microaneurysms"))
    network = superres.Upscaler
    for module in (superres, superres.upscaler):
        monkeypatch.setattr(module, "Upscaler", lambda scale, **size: network(scale, width=4, blocks=2))
    monkeypatch.setenv("IMAGEGEN_OUTPUT", str(tmp_path / "out"))


def weights(network) -> torch.Tensor:
    return torch.cat([p.flatten() for p in network.parameters()])


def test_no_held_out_or_unfit_photograph_is_learned_from(folder):
    pictures = train_superres.photographs([str(folder)])
    assert [tuple(x.shape) for x in pictures] == [(1, 3, 90, 100), (1, 3, 91, 100), (1, 3, 512, 512)]
    assert torch.equal(pictures[-1], datasets.photo("camera"))


def test_it_learns_and_says_what_was_gained(folder):
    network, figures = train_superres.learn(train_superres.photographs([str(folder)]), 3, steps=3)
    assert figures["steps"] == 3 and not network.training
    assert figures["dB over bicubic, held out"].startswith("{'text': ")


def test_stopped_and_resumed_it_comes_to_the_same(tmp_path, monkeypatch):
    pictures, path = [torch.rand(1, 1, 100, 100)], tmp_path / "saved.safetensors"
    whole, _ = train_superres.learn(pictures, 2, seed=1, steps=4)
    draw, drawn = superres.PatchPairs.__next__, []

    def press(self):
        drawn.append(1)
        if len(drawn) == 2:
            signal.raise_signal(signal.SIGINT)
        return draw(self)

    monkeypatch.setattr(superres.PatchPairs, "__next__", press)
    half, figures = train_superres.learn(pictures, 2, seed=1, steps=4, path=path)
    assert figures["steps"] == 2 and not torch.equal(weights(half), weights(whole))
    resumed, figures = train_superres.learn(pictures, 2, seed=1, steps=4, path=path)
    assert figures["steps"] == 4 and torch.equal(weights(resumed), weights(whole))


def test_the_command_bundles_a_network(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runtime, "checkpoint_dir", lambda: tmp_path)
    learn = train_superres.learn
    monkeypatch.setattr(train_superres, "learn", lambda *args, **options: learn(*args, steps=2, **options))
    monkeypatch.setattr("sys.argv", ["superres", str(folder), "--scale", "4"])
    train_superres.main()
    assert not (tmp_path / "superres_x3.safetensors").exists()
    card = checkpoint.card(tmp_path / "superres_x4.safetensors")
    assert card["steps"] == 2 and card["parameters"] > 0 and str(card) in capsys.readouterr().out
    assert superres.load(4)(torch.rand(1, 1, 8, 8)).shape == (1, 1, 32, 32)


def test_the_perceptual_network_is_the_average_of_its_training(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "checkpoint_dir", lambda: tmp_path)
    checkpoint.save(tmp_path / "superres_x4.safetensors", network=superres.Upscaler(4))
    monkeypatch.setattr(features, "load", lambda name: features.FeatureExtractor())
    trainers = []

    class Recorded(superres.PerceptualTrainer):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            trainers.append(self)

    monkeypatch.setattr(superres, "PerceptualTrainer", Recorded)
    network, figures = train_perceptual.learn([torch.rand(1, 1, 100, 100)], steps=3)
    assert figures["steps"] == 3 and not network.training
    assert torch.equal(weights(network), weights(trainers[0].average.module))
    assert not torch.equal(weights(network), weights(trainers[0].G))
