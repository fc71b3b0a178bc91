"""The classifier of faces: it learns, and the bundled one is as accurate as its card says."""

import pytest
import torch

from imagegen_lessons import networks
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint
from tests.unit.helpers import random, refused


def test_the_bundled_classifier_is_as_accurate_as_its_card_says():
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    people = faces.passports(500, seed=5)
    x = faces.render(people)
    right = (classifier.class_index(x) == faces.class_index(people)).float().mean().item()
    assert abs(right - checkpoint.card("faces_classifier")["class right"]) < 0.01
    assert classifier.features(x).shape == (500, 96)


def test_the_classifier_learns_what_its_loss_says():
    people = faces.passports(32, seed=3)
    x, classifier = faces.render(people), networks.FaceClassifier(width=8)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        losses.append(classifier.loss(x, people))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]
    predicted = classifier.eval().predict(x)
    assert set(predicted) == {*classifier.CHOICES, *classifier.NUMBERS}
    assert all(value.shape == (32,) for value in predicted.values())


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: networks.ConvNet(3, 2, size=20), "multiple of 8.*20"),
        (lambda: networks.ConvNet(3, 2, size=4), "multiple of 8.*4"),
        (lambda: networks.ConvNet(3, 2, size="32"), "size.*'32'"),
        (lambda: networks.ConvNet(3, 2, size=True), "size.*True"),
        (lambda: networks.ConvNet(0, 2), "channels.*0"),
        (lambda: networks.ConvNet(3, 1.5), "outputs.*1.5"),
        (lambda: networks.FaceClassifier(width=-1), "width.*-1"),
    ],
)
def test_networks_that_cannot_be_built(make, word):
    with refused(word):
        make()


@pytest.mark.parametrize("make", [lambda: networks.ConvNet(3, 2), networks.FaceClassifier])
@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (random(2, 1, 32, 32), r"\(n, 3, 32, 32\).*\(2, 1, 32, 32\)"),
        (random(3, 32, 32), r"\(3, 32, 32\)"),
        (random(2, 3, 16, 16), r"\(2, 3, 16, 16\)"),
        (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), "float32.*uint8"),
        (random(2, 3, 32, 32).double(), "float32.*float64"),
        (random(2, 3, 32, 32) * float("nan"), "nan"),
        (255 * random(2, 3, 32, 32), r"\[0, 1\], but these go from"),
        (-2 * random(2, 3, 32, 32), "go from -2 to"),
        ([random(3, 32, 32)], "list"),
    ],
)
def test_what_is_no_batch_of_its_pictures_gets_a_sentence(make, wrong, word):
    network = make().eval()
    for call in (network, network.features):
        with refused(word):
            call(wrong)


def test_an_empty_batch_and_noise_around_the_range_are_taken():
    network = networks.ConvNet(3, 2).eval()
    assert network(random(0, 3, 32, 32)).shape == (0, 2)
    assert network(1.5 * random(2, 3, 32, 32) - 0.25).shape == (2, 2)
    assert network.double()(random(2, 3, 32, 32).double()).dtype == torch.float64
