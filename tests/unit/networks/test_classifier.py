"""The classifier of faces: it learns, and the bundled one is as accurate as its card says."""

import torch

from imagegen_lessons import networks
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint


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
