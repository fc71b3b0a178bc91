"""The classifier of what captions say: shapes, a loss that leaves out what is not clear, and learning."""

import pytest
import torch
import torch.nn.functional as F

from imagegen_lessons import networks
from imagegen_lessons.synthetic import captions, faces
from tests.unit.helpers import random, refused


def test_each_attribute_has_a_logit_for_each_of_its_names():
    network = networks.AttributeClassifier(width=4).eval()
    x = random(120, 3, 32, 32)
    logits, predicted = network(x), network.predict(x)
    assert {name: y.shape[1] for name, y in logits.items()} == {
        name: len(names) for name, names in captions.ATTRIBUTES.items()
    }
    for name, y in predicted.items():
        assert y.shape == (120,) and torch.equal(y, logits[name].argmax(dim=1))


def test_what_is_not_clear_does_not_count():
    torch.manual_seed(0)
    network, x = networks.AttributeClassifier(width=4).eval(), random(6, 3, 32, 32)
    values = {name: torch.full((6,), captions.UNCLEAR) for name in captions.ATTRIBUTES}
    assert network.loss(x, values).item() == 0
    values["beard"][2] = 2
    expected = F.cross_entropy(network(x)["beard"][2:3], torch.tensor([2])) / 6
    torch.testing.assert_close(network.loss(x, values), expected)


def test_it_learns_to_read_faces():
    torch.manual_seed(0)
    factors = captions.people(64, seed=1)
    x, values = faces.render(factors), captions.attributes(factors)
    network = networks.AttributeClassifier(width=8)
    optimizer = torch.optim.Adam(network.parameters(), 4e-3)
    losses = []
    for _ in range(40):
        loss = network.loss(x, values)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    clear = values["background"] >= 0
    right = network.eval().predict(x)["background"] == values["background"]
    assert right[clear].float().mean() > 0.8  # by chance: a sixth


@pytest.mark.parametrize("x", [torch.zeros(1, 3, 64, 64), torch.full((1, 3, 32, 32), 9.0)])
def test_other_pictures_get_one_sentence(x):
    with refused("pictures"):
        networks.AttributeClassifier().eval().predict(x)
