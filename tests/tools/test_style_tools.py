"""The programs that trained the eye and the decoder still run: rehearsed with two steps, without weights or network."""

import pytest
import torch
import torch.nn.functional as F
from torchvision import models

from imagegen_lessons import images, style
from imagegen_lessons.networks import features

TAPS = {"conv1": 1, "fire2": 3, "fire3": 4, "fire4": 5, "fire6": 8}


@pytest.fixture
def untaught(monkeypatch):
    """SqueezeNet as it is before it has learned anything."""
    torch.manual_seed(0)
    layers = models.squeezenet1_0(weights=None).features
    monkeypatch.setattr(features, "_borrowed", lambda name: features.PretrainedExtractor(layers, TAPS))


@pytest.fixture
def folder(tmp_path):
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(images.to_bytes(torch.rand(1, 3, 100, 120)))
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_the_teacher_speaks_where_the_eye_reports(untaught):
    x = torch.rand(2, 3, 64, 64)
    said, learner = extractor.Teacher(x)(x), extractor.Learner()
    for f, head, report in zip(learner.extractor.trunk(x), learner.heads, said, strict=True):
        assert head(f).shape == report.shape
        assert report.square().mean() == pytest.approx(1, abs=0.3)  # each channel by its root mean square


def test_pieces_of_pictures_are_pictures_and_can_be_resumed():
    pictures = [torch.rand(1, 3, 70, 90), torch.rand(1, 3, 200, 65)]
    batches = extractor.Pictures(pictures, seed=0)
    next(batches)
    state = batches.state_dict()
    x = next(batches)
    assert x.shape == (extractor.BATCH, 3, extractor.SIZE, extractor.SIZE) and images.check(x) is x
    again = extractor.Pictures(pictures, seed=1)
    again.load_state_dict(state)
    assert torch.equal(next(again), x)


def test_the_eye_learns_and_graduates(untaught, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEGEN_OUTPUT", str(tmp_path / "out"))
    monkeypatch.setattr(extractor, "SEEN", ("coffee",))
    monkeypatch.setattr(extractor, "BATCH", 2)
    ours, figures = extractor.learn([str(folder)], steps=2)
    assert figures["steps"] == 2 and not ours.training
    assert [f.shape[1] for f in ours(torch.rand(1, 3, 32, 32))] == [56, 144, 256, 384, 320]


def test_graduating_keeps_every_second_channel():
    learner = extractor.Learner()
    x = torch.rand(1, 3, 32, 32)
    for f, head, seen in zip(learner.extractor.trunk(x), learner.heads, learner.graduate()(x), strict=True):
        torch.testing.assert_close(seen, torch.cat([f, F.relu(head(f)[:, ::2])], dim=1))


def test_the_eye_says_what_it_needs():
    with pytest.raises(SystemExit, match="photographs"):
        extractor.main([])


def test_the_decoder_learns(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEGEN_OUTPUT", str(tmp_path))
    gallery = any_style.paintings.gallery
    monkeypatch.setattr(
        any_style.paintings, "gallery", lambda n, seed, size: gallery(min(n, 2), seed, 64, ["dots"])
    )
    for name, value in {"STEPS": 3, "SIZE": 32, "LARGEST": 64}.items():
        monkeypatch.setattr(any_style, name, value)
    torch.manual_seed(0)
    net, figures = any_style.any_style()
    assert isinstance(net, style.AdaINNet) and figures["steps"] == 3
    assert all(p.dtype == torch.float16 and p.isfinite().all() for p in net.parameters())
