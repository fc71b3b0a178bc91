"""The flow of faces that comes with the course: what its card promises, and what lesson 11 asks of it."""

import json

import pytest
import torch

from imagegen_lessons import diffusion, metrics, networks, runtime
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint

LABELS = ("skin_tone", "hair_colour", "glasses")


@pytest.fixture(scope="module")
def flow():
    return checkpoint.load_network("faces_flow", diffusion.ConditionalUNet((6, 6, 2), widths=(48, 96, 128)))


@pytest.fixture(scope="module")
def classifier():
    return checkpoint.load_network("faces_classifier", networks.FaceClassifier())


def noise(n, seed):
    return torch.randn(n, 3, 32, 32, generator=runtime.generator(seed))


def pictures(x):
    return (x / 2 + 0.5).clamp(0, 1)


def test_its_card_keeps_the_promises():
    card = checkpoint.card("faces_flow")
    distance = {
        int(n): float(d) for n, d in (part.split(": ") for part in card["Fréchet, Euler"].split(", "))
    }
    assert distance[20] <= 0.35 and distance[5] <= 0.6
    assert min(json.loads(card["agreement, guidance 2"])) >= 0.95


@torch.no_grad()
def test_its_people_are_like_real_ones(flow, classifier):
    real, other = (faces.render(faces.passports(400, seed=seed)) for seed in (3000, 3001))
    made = pictures(diffusion.sample(flow, noise(400, seed=1), 6))
    features = classifier.features(real)
    among_real = metrics.frechet_distance(features, classifier.features(other))
    assert metrics.frechet_distance(features, classifier.features(made)) < 1.0 + among_real


@torch.no_grad()
def test_it_obeys_one_label_alone_and_leaves_the_others_open(flow, classifier):
    z = noise(36, seed=2)
    before = classifier.predict(pictures(diffusion.sample(flow, z, 8)))
    for k, name in enumerate(LABELS):
        y = torch.full((36, 3), -1)
        y[:, k] = torch.arange(36) % len(faces.FACTORS[name].names)
        after = classifier.predict(pictures(diffusion.sample(diffusion.guided(flow, y, 2.0), z, 8)))
        assert (after[name] == y[:, k]).float().mean() > 0.9
        for other in {*LABELS} - {name}:
            assert (
                len(after[other].unique()) == len(before[other].unique()) == len(faces.FACTORS[other].names)
            )


@torch.no_grad()
def test_it_makes_people_of_many_classes_in_five_steps(flow, classifier):
    x = pictures(diffusion.sample(flow, noise(120, seed=5), 5))
    assert (
        metrics.class_coverage(classifier.class_index(x), faces.CLASSES) >= 45
    )  # 120 real ones have about 58


@torch.no_grad()
def test_with_guidance_it_obeys(flow, classifier):
    y = torch.stack([torch.arange(36) % 6, torch.arange(36) // 6, torch.arange(36) % 2], dim=1)
    seen = classifier.predict(
        pictures(diffusion.sample(diffusion.guided(flow, y, 2.0), noise(36, seed=6), 8))
    )
    for column, name in enumerate(LABELS):
        assert (seen[name] == y[:, column]).float().mean() >= 0.9
