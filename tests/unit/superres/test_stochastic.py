"""Stochastic super-resolution: samples agree with the low-resolution face, and a proper score rewards diversity."""

import pytest
import torch

from imagegen_lessons import gans, runtime, superres
from imagegen_lessons.synthetic import faces


@pytest.fixture(scope="module")
def pair():
    high = faces.render(faces.passports(16, seed=1))
    return superres.downscale(high, 4), high


@pytest.fixture(scope="module")
def bundled():
    return superres.load_stochastic()


@torch.no_grad()
def samples(network, low, n):
    z = torch.randn(n, len(low), 64).to(runtime.device())
    return torch.stack([network(low.to(runtime.device()), z[k]) for k in range(n)]).cpu()


def test_before_training_it_interpolates(pair):
    low, _ = pair
    output = superres.StochasticUpscaler()(low, torch.randn(16, 64))
    expected = superres.back_project(superres.bicubic(low, 4), low, 4, steps=1)
    torch.testing.assert_close(output, expected)
    grey = superres.StochasticUpscaler(channels=1, width=8)
    assert grey(torch.rand(2, 1, 8, 8), torch.randn(2, 64)).shape == (2, 1, 32, 32)


def test_samples_downscale_to_what_was_given(pair, bundled):
    low, _ = pair
    for network in bundled.values():
        high = samples(network, low, 1)[0]
        assert high.shape == (16, 3, 32, 32)
        assert (superres.downscale(high.clamp(0, 1), 4) - low).abs().mean() < 2 / 255


def test_the_energy_score_is_smallest_for_samples_of_the_true_distribution():
    """The truth is 0 with probability 0.7, else 1. Of all ways to draw 0 with probability p, p = 0.7 is cheapest."""
    rng = runtime.generator(0)

    def draw(p):
        return (torch.rand(200_000, 1, generator=rng) > p).float()

    def score(p):
        return superres.energy_score(draw(0.7), draw(p), draw(p)).item()

    expected = {p: 0.7 * (1 - p) + 0.3 * p - p * (1 - p) for p in (0.0, 0.5, 0.7, 0.9, 1.0)}
    assert {p: score(p) for p in expected} == pytest.approx(expected, abs=0.005)
    assert min(expected, key=expected.get) == 0.7


@pytest.mark.parametrize("kind", [superres.StochasticTrainer, superres.EnergyScoreTrainer])
def test_steps_train_both_networks(kind, pair):
    torch.manual_seed(0)
    G, D = superres.StochasticUpscaler(width=8), gans.Discriminator(width=8)
    trainer = kind(G, D, gans.RELATIVISTIC, latent=64, gamma=1.0)
    # D's last bias cannot move: only differences of scores count.
    learned = [p for p in (*G.parameters(), *D.parameters()) if p is not D.score.bias]
    before = [p.clone() for p in learned]
    for _ in range(2):  # in the first, only the last layer of G has a gradient: it begins at 0
        values = trainer.step(pair)
    assert all(torch.isfinite(value) for value in values.values())
    assert ("energy score" in values) == (kind is superres.EnergyScoreTrainer)
    assert not any(torch.equal(a, b) for a, b in zip(before, learned, strict=True))


def test_mostly_light():
    tone = superres.mostly_light(4_000, seed=1)["skin_tone"]
    assert (tone >= 3).float().mean().item() == pytest.approx(0.95, abs=0.015)
    assert set(tone.tolist()) == set(range(6))


@pytest.mark.parametrize("name, low_ratio, high_ratio", [("energy_score", 0, 1.6), ("adversarial", 10, 1e9)])
def test_only_the_energy_score_makes_samples_as_diverse_as_they_are_wrong(
    pair, bundled, name, low_ratio, high_ratio
):
    low, high = pair
    drawn = samples(bundled[name], low, 8)
    error, deviation = drawn.mean(dim=0) - high, drawn.std(dim=0)
    assert low_ratio < (error.square().mean() / deviation.square().mean()).sqrt() < high_ratio


@pytest.mark.parametrize(
    "low, z",
    [
        ((1, 3, 16, 16), (1, 64)),
        ((1, 1, 8, 8), (1, 64)),
        ((3, 8, 8), (1, 64)),
        ((2, 3, 8, 8), (1, 64)),
        ((1, 3, 8, 8), (1, 8)),
    ],
)
def test_other_sizes_are_refused_with_a_sentence(low, z):
    with pytest.raises(ValueError, match="are needed"):
        superres.StochasticUpscaler()(torch.rand(low), torch.rand(z))


def test_the_energy_score_compares_equal_shapes_only():
    x = torch.rand(2, 3, 4, 4)
    for real, one, other in ((x, x[:1], x), (x[:, :1], x, x), (x, x, x[..., :2])):
        with pytest.raises(ValueError, match="one shape"):
            superres.energy_score(real, one, other)


@pytest.mark.parametrize("n", [-1, 1.5, "ten"])
def test_a_number_of_faces_is_whole(n):
    with pytest.raises(ValueError, match="number of faces"):
        superres.mostly_light(n)
