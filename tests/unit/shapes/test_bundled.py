"""The networks of lesson 13 that come with the course: what their cards promise, and what the lesson asks of them."""

import json

import pytest
import torch

from imagegen_lessons import diffusion, metrics, runtime, shapes
from imagegen_lessons.shapes.building_networks import BuildingClassifier, BuildingVAE
from imagegen_lessons.shapes.grid import drawn_grids
from imagegen_lessons.synthetic import buildings, plans
from imagegen_lessons.training import checkpoint

HELD_OUT = 9_000  # the seed of buildings and plans that no network has seen


@pytest.fixture(scope="module")
def vae():
    return checkpoint.load_network("buildings_decoder", BuildingVAE())


@pytest.fixture(scope="module")
def classifier():
    return checkpoint.load_network("buildings_classifier", BuildingClassifier())


def test_their_cards_keep_the_promises():
    card = checkpoint.card("buildings_classifier")
    assert float(card["class right"]) >= 0.95
    card = checkpoint.card("buildings_decoder")
    assert float(card["new: closed and on the ground"]) >= 0.9
    assert int(card["new: classes of 48"]) >= 45
    assert min(json.loads(card["restored: labels right"])) >= 0.7
    card = checkpoint.card("plans_flow")
    assert float(card["and are as asked for"]) >= 0.7


@torch.no_grad()
def test_buildings_that_nobody_has_shown_are_restored_as_what_they_are(vae, classifier):
    factors = buildings.sample(24, seed=HELD_OUT)
    grids = drawn_grids(factors)
    labels = buildings.label(factors)
    assert (classifier.predict(grids) == labels).float().mean() > 0.95
    decoded = vae(vae.encode(grids)[0])
    assert (classifier.predict(decoded.grids()) == labels).float().mean() > 0.8
    assert (decoded.size - grids.size).abs().mean() < 0.5  # metres


def test_latents_of_the_first_buildings_come_with_it(vae):
    factors = {name: value[:8] for name, value in buildings.sample(8, seed=vae.SEED).items()}
    with torch.no_grad():
        mean, _ = vae.encode(drawn_grids(factors))
    assert (mean - vae.known[:8]).abs().mean() < 0.05 * vae.known.std()
    assert len(vae.known.unique(dim=0)) == vae.KNOWN


@torch.no_grad()
def test_what_lies_between_two_buildings_is_solid(vae):
    z = torch.lerp(vae.known[:8], vae.known[8:16], 0.5)
    decoded = vae(z)
    meshes = [decoded.building(i).solid() for i in range(8)]
    assert sum(shapes.is_closed(m) and shapes.stands_on_ground(m, tolerance=0.1) for m in meshes) >= 7


@torch.no_grad()
def test_most_plans_obey_the_rules_and_repaired_ones_all():
    network = diffusion.CategoricalUNet((4, 5), channels=10, widths=(48, 96, 128))
    flow = checkpoint.load_network("plans_flow", network)
    y = plans.label(plans.sample(24, seed=HELD_OUT))
    noise = torch.randn(24, 10, 24, 24, generator=runtime.generator(1))
    made = plans.from_scores(diffusion.sample(lambda x, t: flow(x, t, y), noise, 20))
    wishes = [(plans.OUTLINES[outline], rooms + 2) for outline, rooms in y.tolist()]
    right = [not plans.rules(plan, *wish) for plan, wish in zip(made, wishes, strict=True)]
    assert sum(right) >= 12
    assert not any(
        plans.rules(plans.repair(plan, *wish), *wish) for plan, wish in zip(made, wishes, strict=True)
    )
    assert metrics.class_coverage(y[:, 0], 4) == 4
