"""The program that trained the feature extractor still runs: a rehearsal of two steps, without weights or network."""

import pytest
import torch
import torch.nn.functional as F
from torchvision import models

from imagegen_lessons import images
from imagegen_lessons.networks import features
from tools import train_features

TAPS = {"conv1": 1, "fire2": 3, "fire3": 4, "fire4": 5, "fire6": 8}


@pytest.fixture
def untrained(monkeypatch):
    """SqueezeNet as it is before training."""
    torch.manual_seed(0)
    layers = models.squeezenet1_0(weights=None).features
    monkeypatch.setattr(features, "_pretrained", lambda name: features.PretrainedExtractor(layers, TAPS))


def test_the_students_heads_have_the_shape_of_the_teachers_maps(untrained):
    x = torch.rand(2, 3, 64, 64)
    targets, student = train_features.Teacher(x)(x), train_features.Student()
    for f, head, target in zip(student.extractor.backbone(x), student.heads, targets, strict=True):
        assert head(f).shape == target.shape
        assert target.square().mean() == pytest.approx(1, abs=0.3)  # each channel by its root mean square


def test_crops_are_pictures_and_can_be_resumed():
    pictures = [torch.rand(1, 3, 70, 90), torch.rand(1, 3, 200, 65)]
    batches = train_features.Pictures(pictures, seed=0)
    next(batches)
    state = batches.state_dict()
    x = next(batches)
    assert x.shape == (train_features.BATCH, 3, train_features.SIZE, train_features.SIZE)
    assert images.check(x) is x
    again = train_features.Pictures(pictures, seed=1)
    again.load_state_dict(state)
    assert torch.equal(next(again), x)


def test_the_student_learns(untrained, monkeypatch, tmp_path):
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(images.to_bytes(torch.rand(1, 3, 100, 120)))
    (tmp_path / "notes.txt").write_text("not a picture")
    monkeypatch.setenv("IMAGEGEN_OUTPUT", str(tmp_path / "out"))
    monkeypatch.setattr(train_features, "SEEN", ("coffee",))
    monkeypatch.setattr(train_features, "BATCH", 2)
    extractor, figures = train_features.learn([str(tmp_path)], steps=2)
    assert figures["steps"] == 2 and not extractor.training
    assert [f.shape[1] for f in extractor(torch.rand(1, 3, 32, 32))] == [56, 144, 256, 384, 320]


def test_the_finished_extractor_keeps_every_second_channel():
    student, x = train_features.Student(), torch.rand(1, 3, 32, 32)
    for f, head, seen in zip(
        student.extractor.backbone(x), student.heads, student.finished()(x), strict=True
    ):
        torch.testing.assert_close(seen, torch.cat([f, F.relu(head(f)[:, ::2])], dim=1))


def test_without_folders_it_says_what_it_needs():
    with pytest.raises(SystemExit, match="photographs"):
        train_features.main([])
