"""Guesses: answers that shrink to what was given, a score that rewards honest doubt, and the bundled networks."""

import pytest
import torch

from imagegen_lessons import gans, runtime, superres
from imagegen_lessons.synthetic import faces


@pytest.fixture(scope="module")
def pair():
    high = faces.render(faces.passports(16, seed=1))
    return superres.downscale(high, 4), high


def test_an_untrained_guesser_interpolates(pair):
    low, _ = pair
    answer = superres.StochasticUpscaler()(low, torch.randn(16, 64))
    wanted = superres.back_project(superres.bicubic(low, 4), low, 4, rounds=1)
    torch.testing.assert_close(answer, wanted)


def test_answers_shrink_to_what_was_given(pair):
    low, _ = pair
    for network in superres.load_stochastic().values():
        with torch.no_grad():
            answer = network(low, torch.randn(16, 64))
        assert answer.shape == (16, 3, 32, 32)
        assert (superres.downscale(answer.clamp(0, 1), 4) - low).abs().mean() < 2 / 255


def test_grey_guesser():
    assert superres.StochasticUpscaler(channels=1, width=8)(
        torch.rand(2, 1, 8, 8), torch.randn(2, 64)
    ).shape == (
        2,
        1,
        32,
        32,
    )


def test_the_energy_score_is_smallest_for_honest_draws():
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
def test_a_step_of_each_game_moves_both_players(kind, pair):
    torch.manual_seed(0)
    game = kind(
        superres.StochasticUpscaler(width=8),
        gans.Discriminator(width=8),
        gans.RELATIVISTIC,
        latent=64,
        gamma=1.0,
    )
    # D's last bias cannot move: only differences of scores count.
    players = [p for p in (*game.G.parameters(), *game.D.parameters()) if p is not game.D.score.bias]
    before = [p.clone() for p in players]
    for _ in range(2):  # in the first, only the last layer of G moves: it begins at 0
        numbers = game.step(pair)
    assert all(torch.isfinite(value) for value in numbers.values())
    assert not any(torch.equal(a, b) for a, b in zip(before, players, strict=True))


def test_mostly_light():
    tone = superres.mostly_light(4_000, seed=1)["skin_tone"]
    assert (tone >= 3).float().mean().item() == pytest.approx(0.95, abs=0.015)
    assert set(tone.tolist()) == set(range(6))


def test_the_honest_network_shows_its_doubt_and_the_sharp_one_does_not(pair):
    low, high = pair
    ratio = {}
    for name in ("sharp", "honest"):
        with torch.no_grad():
            answers = torch.stack(
                [superres.load_stochastic()[name](low, torch.randn(16, 64)) for _ in range(8)]
            )
        error, doubt = answers.mean(dim=0) - high, answers.std(dim=0)
        ratio[name] = (error.square().mean() / doubt.square().mean()).sqrt().item()
    assert ratio["honest"] < 1.6 and ratio["sharp"] > 10
