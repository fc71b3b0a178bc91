"""The space of buildings: what goes in and out, what the loss counts, and that it learns; small here, 16³ points."""

import pytest
import torch

from imagegen_lessons import shapes
from imagegen_lessons.runtime import generator
from imagegen_lessons.shapes.building_networks import (
    LABELS,
    NEAR,
    BuildingClassifier,
    BuildingDecoder,
    BuildingVAE,
    Decoded,
    GridEncoder,
    building_loss,
    features,
    fit_latent,
)
from imagegen_lessons.shapes.grid import REACH, STEP, Grids, drawn_grids
from imagegen_lessons.synthetic import buildings
from tests.unit.helpers import random, refused


@pytest.fixture(scope="module")
def factors():
    return buildings.sample(6, seed=4)


@pytest.fixture(scope="module")
def grids(factors):
    return drawn_grids(factors, 16)


def exact(grids) -> Decoded:
    """What a perfect decoder would say."""
    logits = 40 * (torch.nn.functional.one_hot(grids.surface.long(), 9).movedim(-1, 1).float() - 0.5)
    return Decoded(grids.distance * STEP, logits, grids.size.clone(), grids.palette.clone())


@pytest.fixture(scope="module")
def trained(grids):
    """A small VAE that has learned six buildings."""
    torch.manual_seed(0)
    vae = BuildingVAE(latent=8, resolution=16)
    optimizer = torch.optim.Adam(vae.parameters(), 3e-3)
    for _ in range(150):
        loss = sum(building_loss(vae(vae.encode(grids)[0]), grids).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return vae.eval()


def test_latents_become_buildings():
    torch.manual_seed(0)
    decoder = BuildingDecoder(latent=5, resolution=32, width=8)
    decoded = decoder(3 * torch.randn(2, 5))
    assert [tuple(x.shape) for x in decoded] == [(2, 32, 32, 32), (2, 9, 32, 32, 32), (2, 3), (2, 9, 3)]
    assert decoded.distance.abs().max() <= REACH and (decoded.size > 0).all()
    assert decoded.palette.min() >= 0 and decoded.palette.max() <= 1
    alone = decoder(torch.zeros(1, 5))
    torch.testing.assert_close(decoder(torch.zeros(3, 5)).distance[2], alone.distance[0])


def test_the_bundled_sizes_fit_into_four_megabytes():
    vae = BuildingVAE()
    assert 2 * sum(x.numel() for x in vae.state_dict().values()) < 4e6
    assert vae.decoder.latent == 64 and vae.encoder.resolution == 48


def test_what_is_decoded_can_be_asked_and_stored(grids):
    decoded = exact(grids)
    building = decoded.building(3)
    p = building.size * (random(500, 3) - torch.tensor([0.5, 0.0, 0.5]))
    torch.testing.assert_close(building.distance(p), grids.building(3).distance(p))
    assert torch.equal(building.surface(p), grids.building(3).surface(p))
    assert all(torch.equal(a, b) for a, b in zip(decoded.grids(), grids, strict=True))


def test_networks_see_the_distance_and_the_nearest_surface(grids):
    x = features(grids, 16)
    assert x.shape == (6, 10, 16, 16, 16)
    torch.testing.assert_close(x[:, 0] * REACH, grids.distance * STEP)
    assert torch.equal(x[:, 1:].argmax(1), grids.surface.long()) and (x[:, 1:].sum(1) == 1).all()


def test_the_loss_counts_what_is_wrong_and_nothing_else(grids):
    right = exact(grids)
    assert all(value < 1e-4 for value in building_loss(right, grids).values())
    near = (grids.distance * STEP).abs() < NEAR
    wrong_surface = right.logits.roll(1, dims=1)
    for changed, part, value in (
        (right._replace(distance=right.distance + 0.5), "distance", 0.5),
        (right._replace(size=right.size + 1.0), "size", 0.4),
        (right._replace(palette=right.palette + 0.1), "palette", 1.0),
        (right._replace(logits=torch.where(near[:, None], wrong_surface, right.logits)), "surface", 40.0),
    ):
        loss = building_loss(changed, grids)
        assert loss[part].item() == pytest.approx(value, rel=1e-3)
        assert all(loss[other] < 1e-4 for other in loss.keys() - {part})
    away = right._replace(logits=torch.where(near[:, None], right.logits, wrong_surface))
    assert building_loss(away, grids)["surface"] < 1e-4  # which surface is nearest there does not matter


def test_wavy_walls_cost_more_than_thick_ones(grids):
    right = exact(grids)
    wave = 0.5 * (1 - 2 * (torch.arange(16) % 2))
    wavy = building_loss(right._replace(distance=right.distance + wave), grids)
    assert wavy["distance"].item() == pytest.approx(0.5, rel=1e-3)
    assert wavy["slope"].item() == pytest.approx(1.0, rel=1e-3)  # along one axis, from -0.5 to 0.5


def test_what_is_hidden_does_not_count(grids):
    visible = torch.zeros(16, 16, 16, dtype=torch.bool)
    visible[:8] = True
    right = exact(grids)
    distance = torch.where(visible, right.distance, -right.distance)
    logits = torch.where(visible, right.logits, right.logits.roll(2, dims=1))
    loss = building_loss(right._replace(distance=distance, logits=logits), grids, visible)
    assert max(loss["distance"], loss["slope"], loss["surface"]) < 1e-4
    assert building_loss(right._replace(distance=distance), grids, ~visible)["distance"] > 1


def test_a_vae_restores_what_it_learned(trained, grids):
    with torch.no_grad():
        mean, log_variance = trained.encode(grids)
        decoded = trained(mean)
    assert mean.shape == log_variance.shape == (6, 8) and torch.equal(trained(mean).size, decoded.size)
    inside = (decoded.distance < 0) == (grids.distance < 0)
    assert inside.float().mean() > 0.93
    others = ((decoded.distance < 0) == (grids.distance.roll(1, 0) < 0)).float().mean(dim=(1, 2, 3))
    assert (inside.float().mean(dim=(1, 2, 3)) > others).all()
    assert (decoded.size - grids.size).abs().mean() < 1.5
    mesh = decoded.building(0).solid()
    assert shapes.is_closed(mesh) and shapes.stands_on_ground(mesh, tolerance=0.5)


def test_a_latent_is_found_from_a_half(trained, grids):
    one = Grids(*(x[2:3] for x in grids))
    visible = torch.zeros(16, 16, 16, dtype=torch.bool)
    visible[:8] = True
    trained.zero_grad()
    found = fit_latent(trained.decoder, one, visible, steps=40)
    assert found.shape == (1, 8) and not found.requires_grad
    with torch.no_grad():
        hidden = [building_loss(trained(z), one, ~visible)["distance"] for z in (found, torch.zeros(1, 8))]
        seen = [sum(building_loss(trained(z), one, visible).values()) for z in (found, torch.zeros(1, 8))]
    assert seen[0] < 0.7 * seen[1] and hidden[0] < hidden[1]
    assert all(p.grad is None for p in trained.parameters())  # only the latent was trained
    held = fit_latent(trained.decoder, one, visible, steps=40, prior=100.0)
    assert held.norm() < 0.3 * found.norm()


def test_a_latent_begins_where_it_is_told_and_leaves_that_as_it_is(trained, grids):
    start = torch.randn(6, 8, generator=generator(1))
    kept = start.clone()
    assert torch.equal(fit_latent(trained.decoder, grids, start=start, steps=1, lr=0.0), start)
    assert not torch.equal(fit_latent(trained.decoder, grids, start=start, steps=2), start)
    assert torch.equal(start, kept)


def test_a_classifier_learns_kind_storeys_and_roof(factors, grids):
    torch.manual_seed(0)
    network, labels = BuildingClassifier(16, width=8), buildings.label(factors)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        network.loss(grids, labels).backward()
        optimizer.step()
    assert torch.equal(network.predict(grids), labels)
    assert [x.shape[1] for x in network(grids)] == list(LABELS) == [3, 4, 4]
    assert network.features(grids).shape == (6, 128)


def test_what_does_not_fit_gets_one_sentence(grids):
    with refused("16 x 16 x 16"):
        GridEncoder(4, 16)(drawn_grids(buildings.sample(1), 32))
    with refused("Tensor"):
        GridEncoder(4, 16)(torch.zeros(1, 10, 16, 16, 16))
    for resolution in (20, 0, 16.0):
        with refused("resolution"):
            BuildingDecoder(4, resolution)
    with refused("latents"):
        BuildingDecoder(4, 16)(torch.zeros(1, 5))
    with refused("mask"):
        building_loss(exact(grids), grids, torch.ones(4, 4, 4))
    with refused("hides"):
        building_loss(exact(grids), grids, torch.zeros(16, 16, 16))
