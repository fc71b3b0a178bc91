"""Detectors: the dataset is what it claims, the DCT agrees with SciPy, scores are taken as they should be."""

import numpy as np
import pytest
import scipy.fft
import torch

from imagegen_lessons import metrics
from imagegen_lessons.deepfakes import detectors, forgeries
from imagegen_lessons.runtime import generator
from imagegen_lessons.synthetic import faces
from tests.unit.helpers import refused


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEGEN_PACE", "quick")
    monkeypatch.setenv("IMAGEGEN_CACHE", str(tmp_path))
    return tmp_path


def test_the_dataset_is_made_once_and_read_again(cache):
    first = detectors.load_dataset("test")
    (file,) = cache.glob("forgeries*")
    made = file.stat().st_mtime_ns
    again = detectors.load_dataset("test")
    assert file.stat().st_mtime_ns == made
    assert tuple(first.fakes) == forgeries.METHODS and first.real.shape == (30, 3, 64, 64)
    assert torch.equal(first.real, again.real) and first.real.min() >= 0 and first.real.max() <= 1
    assert all(torch.equal(x, again.fakes[method]) for method, x in first.fakes.items())
    assert len(first.who) == 30 and first.who.max() == 14


@pytest.mark.parametrize("damage", ["cut", "noise", "another"])
def test_a_damaged_cache_is_made_anew(cache, damage):
    want = detectors.load_dataset("validation").real
    (file,) = cache.glob("forgeries*")
    data = file.read_bytes()
    damaged = {"cut": data[:1000], "noise": b"\xff" * 500, "another": data[:-9] + b"\x00" * 9}[damage]
    file.write_bytes(damaged)
    assert torch.equal(detectors.load_dataset("validation").real, want)


def test_nobody_is_in_two_parts(cache):
    def people(part):
        data = detectors.load_dataset(part)
        identities = zip(*(data.factors[name].tolist() for name in faces.IDENTITY), strict=True)
        return set(identities)

    train, validation, test = map(people, detectors.PEOPLE)
    assert not train & validation and not train & test and not validation & test


def test_an_unknown_part_is_refused():
    with refused("train, validation, test, not 'all'"):
        detectors.load_dataset("all")


@pytest.mark.parametrize("n", [1, 8, 64])
def test_the_cosine_transform_is_scipys(n):
    x = torch.rand(5, n, n)
    waves = detectors.dct_matrix(n)
    want = scipy.fft.dctn(x.numpy(), axes=(1, 2), norm="ortho")
    np.testing.assert_allclose((waves @ x @ waves.T).numpy(), want, atol=2e-4)


def test_the_spectrum_of_a_fine_pattern_is_strong_at_the_end():
    fine = (torch.arange(64) % 2).float().expand(1, 3, 64, 64)
    coarse = (torch.arange(64) // 32).float().expand(1, 3, 64, 64)
    fine, coarse = (detectors.spectrum(x).view(16, 16)[0] for x in (fine, coarse))
    assert fine[-1] > fine[1:8].max() and coarse[0] > coarse[8:].max()
    assert detectors.spectrum(torch.rand(7, 3, 64, 64)).shape == (7, 256)


def test_the_residual_of_a_smooth_picture_is_nothing():
    net = detectors.ResidualDetector()
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    assert torch.nn.functional.conv2d(ramp, net.filter, groups=3).abs().max() < 1e-5
    assert "filter" in net.state_dict() and net(torch.rand(4, 3, 64, 64)).shape == (4, 1)


def test_self_blending_changes_the_face_and_only_that():
    scene = faces.render(forgeries.portraits(6, 1, seed=5)[0], 64)
    x = detectors.self_blended(scene, generator(0))
    assert x.shape == scene.shape and x.min() >= 0 and x.max() <= 1
    assert torch.equal(x[..., :8, :], scene[..., :8, :])
    assert (x - scene).abs().amax(dim=(1, 2, 3)).min() > 0.02 and metrics.psnr(x, scene).min() > 18


def test_scores_leave_the_detector_as_it_was():
    net = detectors.ResidualDetector().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    scores = detectors.scores(net, torch.rand(130, 3, 64, 64))
    assert scores.shape == (130,) and net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("shape", [(3, 64, 64), (2, 3, 48, 48), (2, 1, 64, 64)])
def test_a_detector_takes_pictures_of_its_size_alone(shape):
    with refused(r"Pictures \(n, 3, 64, 64\) are needed|1 or 3 channels"):
        detectors.scores(detectors.ResidualDetector(), torch.rand(shape))


X = torch.rand(2, 3, 64, 64)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: detectors.scores(detectors.ResidualDetector(), (255 * X).byte()), "image.float"),
        (lambda: detectors.scores(detectors.ResidualDetector(), 255 * X), "image / 255"),
        (lambda: detectors.scores(detectors.ResidualDetector(), X * torch.nan), "not finite"),
        (lambda: detectors.scores(detectors.ResidualDetector(), "my.jpg"), "not str"),
        (lambda: detectors.spectrum(X, bands=10), "whose side 10 divides"),
        (lambda: detectors.spectrum(X[..., :32]), "Square pictures"),
        (lambda: detectors.self_blended(X[..., ::2, ::2], generator(0)), "Pictures"),
        (lambda: detectors.dct_matrix(0), "whole number from 1"),
        (lambda: detectors.dct_matrix(2.5), "whole number from 1"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_sentence(call, says):
    with refused(says):
        call()


def test_the_bundled_detector_finds_what_it_was_trained_on_and_less_of_the_rest(cache):
    data, detector = detectors.load_dataset("test"), detectors.load_detector()
    real = detectors.scores(detector, data.real)
    areas = {method: metrics.auc(real, detectors.scores(detector, x)) for method, x in data.fakes.items()}
    assert areas["enlarged"] > 0.85 and min(areas.values()) > 0.7, areas  # of only 30 pictures each
