"""The game of G and D: losses, penalty, arrows, and that it learns a ring of blobs."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from imagegen_lessons import gans, metrics
from imagegen_lessons.synthetic import points
from imagegen_lessons.training import checkpoint

REAL = torch.tensor([2.0, -1.0, 0.5])
FAKE = torch.tensor([-3.0, 0.2, 1.0])


def players(seed=0, hidden=16):
    torch.manual_seed(seed)
    return gans.mlp(2, hidden, 2), gans.mlp(2, hidden, 1)


def test_mlp_has_its_layers_and_no_activation_at_the_end():
    network = gans.mlp(3, 8, 2, layers=3)
    assert [layer.out_features for layer in network if isinstance(layer, torch.nn.Linear)] == [8, 8, 2]
    assert network(torch.randn(5, 3)).shape == (5, 2)
    assert isinstance(network[-1], torch.nn.Linear)


def test_classic_losses_are_cross_entropies():
    one, zero = torch.ones(3), torch.zeros(3)
    expected = cross_entropy(REAL, one) + cross_entropy(FAKE, zero)
    torch.testing.assert_close(gans.d_loss_logistic(REAL, FAKE), expected)
    torch.testing.assert_close(gans.g_loss_non_saturating(REAL, FAKE), cross_entropy(FAKE, one))
    torch.testing.assert_close(gans.g_loss_minimax(REAL, FAKE), -cross_entropy(FAKE, zero))


def test_relativistic_losses_look_only_at_differences():
    torch.testing.assert_close(
        gans.d_loss_relativistic(REAL, FAKE), cross_entropy(REAL - FAKE, torch.ones(3))
    )
    torch.testing.assert_close(gans.g_loss_relativistic(REAL, FAKE), gans.d_loss_relativistic(FAKE, REAL))
    torch.testing.assert_close(
        gans.d_loss_relativistic(REAL + 7, FAKE + 7), gans.d_loss_relativistic(REAL, FAKE)
    )


@pytest.mark.parametrize("losses", [gans.MINIMAX, gans.NON_SATURATING, gans.RELATIVISTIC])
def test_losses_stay_finite_for_a_detective_who_is_certain(losses):
    for loss in losses:
        assert loss(torch.tensor([1e4]), torch.tensor([-1e4])).isfinite()


def test_gradient_penalty_of_a_plane_is_its_slope_squared_and_trains_d():
    slope = torch.tensor([3.0, 4.0], requires_grad=True)
    penalty = gans.gradient_penalty(lambda x: x @ slope, torch.randn(6, 2))
    torch.testing.assert_close(penalty, torch.tensor(25.0))
    penalty.backward()
    torch.testing.assert_close(slope.grad, torch.tensor([6.0, 8.0]))


def test_gradient_penalty_takes_pictures_and_leaves_its_input_alone():
    x = torch.rand(4, 1, 8, 8)
    assert gans.gradient_penalty(lambda x: (x**2).flatten(1).sum(1), x) > 0
    assert not x.requires_grad and x.grad is None


def test_arrows_point_where_the_score_rises_whatever_the_batch_size():
    fake = torch.randn(5, 2)
    for g_loss, real in [
        (gans.g_loss_minimax, None),
        (gans.g_loss_non_saturating, None),
        (gans.g_loss_relativistic, fake + 1),
    ]:
        arrow = gans.descent_directions(lambda x: x[:, :1], fake, g_loss, real)
        assert arrow.shape == (5, 2) and (arrow[:, 0] > 0).all() and (arrow[:, 1] == 0).all()
    twice = gans.descent_directions(lambda x: x[:, :1], torch.cat([fake, fake]), gans.g_loss_minimax)
    torch.testing.assert_close(
        twice[:5], gans.descent_directions(lambda x: x[:, :1], fake, gans.g_loss_minimax)
    )


def test_minimax_arrows_vanish_before_a_detective_too_strong_and_non_saturating_ones_do_not():
    G, D = players(hidden=64)
    game = gans.GANTrainer(G, D, gans.MINIMAX)
    batches = points.stream("ring", 256)
    fake = G(game.z(256)).detach()
    for _ in range(200):
        game.d_step(next(batches))
    assert gans.descent_directions(D, fake, gans.g_loss_minimax).norm(dim=1).median() < 0.03
    assert gans.descent_directions(D, fake, gans.g_loss_non_saturating).norm(dim=1).median() > 0.5


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_each_step_changes_its_own_player_only():
    G, D = players()
    game = gans.GANTrainer(G, D, gans.RELATIVISTIC, gamma=0.5)
    real = points.sample("ring", 32)
    g, d = weights(G), weights(D)
    loss = game.d_step(real)
    assert torch.equal(weights(G), g) and not torch.equal(weights(D), d)
    assert loss.shape == () and not loss.requires_grad
    d = weights(D)
    game.g_step(real)
    assert torch.equal(weights(D), d) and not torch.equal(weights(G), g)


def test_the_penalty_taken_every_third_step_counts_threefold():
    real = points.sample("ring", 32)
    seen = []
    for every, gamma in [(1, 3.0), (3, 1.0)]:
        game = gans.GANTrainer(*players(), gans.RELATIVISTIC, gamma=gamma)
        game.penalty_every = every
        torch.manual_seed(1)
        game.d_step(real)
        seen.append(weights(game.D))
    torch.testing.assert_close(seen[0], seen[1])


def test_a_saved_game_goes_on_as_if_nothing_had_happened(tmp_path):
    batches = points.stream("ring", 32)
    game = gans.GANTrainer(*players(), gans.RELATIVISTIC, gamma=0.1)
    for _ in range(3):
        game.step(next(batches))
    checkpoint.save(tmp_path / "game.safetensors", game=game)
    other = gans.GANTrainer(*players(seed=9), gans.RELATIVISTIC, gamma=0.1)
    checkpoint.load(tmp_path / "game.safetensors", game=other)
    real = next(batches)
    for each in (game, other):
        torch.manual_seed(4)
        each.step(real)
    assert torch.equal(weights(game.G), weights(other.G)) and torch.equal(weights(game.D), weights(other.D))
    assert torch.equal(weights(game.average), weights(other.average))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_repaired_game_finds_all_eight_blobs(seed):
    game = gans.GANTrainer(*players(seed, hidden=64), gans.RELATIVISTIC, gamma=0.2)
    batches = points.stream("ring", 128, seed)
    for _ in range(700):
        game.step(next(batches))
    with torch.no_grad():
        fake = game.average(game.z(2000))
    covered, good, _ = metrics.mode_coverage(fake, points.ring_centres(), 3 * points.BLOB_SIGMA)
    assert covered == 8 and good > 0.5


def test_the_same_game_plays_on_pictures():
    torch.manual_seed(0)
    G = torch.nn.Sequential(gans.mlp(16, 32, 64), torch.nn.Sigmoid(), torch.nn.Unflatten(1, (1, 8, 8)))
    D = torch.nn.Sequential(torch.nn.Flatten(), gans.mlp(64, 32, 1))
    game = gans.GANTrainer(G, D, gans.RELATIVISTIC, latent=16, gamma=0.2)
    for _ in range(2):
        losses = game.step(torch.rand(12, 1, 8, 8))
    assert set(losses) == {"D", "G"} and all(loss.isfinite() for loss in losses.values())
    fake = game.average(game.z(5))
    assert fake.shape == (5, 1, 8, 8) and fake.min() >= 0 and fake.max() <= 1


def test_the_conditional_generator_says_what_it_wants():
    G, D = gans.ConditionalGenerator((3, 4), latent=8), gans.ProjectionDiscriminator((3, 4))
    y = torch.tensor([[0, 3], [2, 1]])
    with pytest.raises(ValueError, match=r"latents of shape \(n, 8\), not \(2, 40\)"):
        G(torch.zeros(2, 40), y)
    for network, x in ((G, torch.zeros(1, 8)), (D, torch.zeros(1, 3, 32, 32))):
        with pytest.raises(ValueError, match="2 rows of labels for 1"):
            network(x, y)
    with pytest.raises(ValueError, match="Label 0 is a whole number from 0 to 2, not -1"):
        G(torch.zeros(2, 8), torch.tensor([[2, 0], [-1, 0]]))


def test_a_mixture_of_words_lies_between_its_labels():
    torch.manual_seed(0)
    G, z = gans.ConditionalGenerator((3, 4), latent=8), torch.randn(1, 8)
    one, other = torch.tensor([[0, 3]]), torch.tensor([[2, 3]])
    assert torch.equal(G.paint_words(z, G.words(one)), G(z, one))
    mixed = G.paint_words(z, torch.lerp(G.words(one), G.words(other), 0.5))
    assert mixed.shape == (1, 3, 32, 32) and not torch.equal(mixed, G(z, one))
