"""The training of a GAN: what each step changes, penalties, conditions, resuming, and that it covers a ring."""

import pytest
import torch

from imagegen_lessons import datasets, gans, metrics, training
from imagegen_lessons.synthetic import points
from imagegen_lessons.training import checkpoint
from tests.unit.helpers import refused


def trainer(losses=gans.RELATIVISTIC, seed=0, hidden=16, **settings):
    torch.manual_seed(seed)
    return gans.GANTrainer(gans.mlp(2, hidden, 2), gans.mlp(2, hidden, 1), losses, **settings)


def conditional(**settings):
    torch.manual_seed(1)
    G = gans.ConditionalGenerator((2,), size=16, width=8)
    D = gans.ProjectionDiscriminator((2,), size=16, width=8)
    return gans.GANTrainer(G, D, gans.RELATIVISTIC, latent=64, **settings)


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_each_step_changes_its_own_network_only():
    gan, real = trainer(gamma=0.5), points.sample("ring", 32)
    g, d = weights(gan.G), weights(gan.D)
    loss = gan.d_step(real)
    assert torch.equal(weights(gan.G), g) and not torch.equal(weights(gan.D), d)
    assert all(p.grad is None for p in gan.G.parameters())  # no gradient of D's loss waits for G's step
    assert loss.shape == () and not loss.requires_grad
    d = weights(gan.D)
    gan.g_step(real)
    assert torch.equal(weights(gan.D), d) and not torch.equal(weights(gan.G), g)


def test_a_step_is_what_pytorch_does_by_hand():
    gan, real = trainer(gans.NON_SATURATING, gamma=0.8), points.sample("ring", 32)
    G, D = gans.mlp(2, 16, 2), gans.mlp(2, 16, 1)
    G.load_state_dict(gan.G.state_dict())
    D.load_state_dict(gan.D.state_dict())
    torch.manual_seed(5)
    losses = gan.step(real)
    torch.manual_seed(5)
    fake = G(torch.randn(32, 2))
    x, y = real.clone().requires_grad_(), fake.detach().requires_grad_()
    loss = gans.d_loss_logistic(D(x), D(y))
    (loss + 0.4 * gans.r1_penalty(D(x), x) + 0.4 * gans.r1_penalty(D(y), y)).backward()
    gans.adam(D).step()
    gans.g_loss_non_saturating(None, D(fake)).backward()
    gans.adam(G).step()
    torch.testing.assert_close(losses["D"], loss.detach())  # the loss without the penalty
    for mine, theirs in ((D, gan.D), (G, gan.G), (G, gan.average)):
        torch.testing.assert_close(weights(mine), weights(theirs), rtol=1e-4, atol=1e-5)


def test_the_penalty_taken_every_third_step_counts_threefold():
    def d_after_a_step(d_steps=0, **settings):
        gan = trainer(**settings)
        gan.d_steps = d_steps  # so many steps were taken before
        torch.manual_seed(1)
        gan.d_step(points.sample("ring", 32, 0))
        return weights(gan.D)

    often = d_after_a_step(gamma=3.0)
    torch.testing.assert_close(d_after_a_step(gamma=1.0, penalty_interval=3), often)
    between, without = (d_after_a_step(d_steps=3, gamma=gamma, penalty_interval=4) for gamma in (5.0, 0.0))
    assert torch.equal(between, without)


def test_a_frozen_network_gets_no_gradients_and_is_free_again():
    gan = trainer(gamma=1.0)
    gan.g_step(torch.randn(4, 2))
    assert all(p.grad is None and p.requires_grad for p in gan.D.parameters())
    with pytest.raises(RuntimeError), gans.frozen(gan.D):
        raise RuntimeError
    assert all(p.requires_grad for p in gan.D.parameters())


def test_an_extra_loss_is_added_to_that_of_g():
    def extra_loss(fake, real, y):
        return {"mean": 100 * (fake.mean() - 0.9).square()}

    gan = conditional(extra_loss=extra_loss)
    x, y = torch.rand(8, 3, 16, 16), torch.randint(0, 2, (8, 1))
    losses = [gan.step((x, y)) for _ in range(20)]
    assert set(losses[0]) == {"D", "G", "mean"}
    assert losses[-1]["mean"] < 0.5 * losses[0]["mean"]


def test_conditions_reach_both_networks():
    gan, x = conditional(), torch.rand(4, 3, 16, 16)
    one, other = torch.zeros(4, 1).long(), torch.ones(4, 1).long()
    z = gan.z(4)
    assert not torch.equal(gan.G(z, one), gan.G(z, other))
    gan.step((x, one))
    gan.step((x, one))
    assert gan.D.embed[0].weight[0].any() and not gan.D.embed[0].weight[1].any()


@pytest.mark.parametrize("make", [trainer, conditional])
def test_saved_training_goes_on_as_if_nothing_had_happened(make, tmp_path):
    """Batches of points, and of pairs (image, label)."""
    batches = points.stream("ring", 32)
    if make is conditional:
        batches = datasets.Batches(torch.rand(32, 3, 16, 16), torch.randint(0, 2, (32, 1)), size=8)
    gan, other = (make(gamma=0.1, penalty_interval=2) for _ in range(2))
    assert training.fit(gan.step, batches, 3).steps == 3
    checkpoint.save(tmp_path / "gan.safetensors", gan=gan)
    checkpoint.load(tmp_path / "gan.safetensors", gan=other)
    batch = next(batches)
    for each in (gan, other):
        torch.manual_seed(4)
        each.step(batch)
    for name in ("G", "D", "average"):
        assert torch.equal(weights(getattr(gan, name)), weights(getattr(other, name)))


def test_the_improved_recipe_covers_all_eight_modes():
    gan = trainer(seed=1, hidden=64, gamma=0.2)
    batches = points.stream("ring", 128, seed=1)
    for _ in range(700):
        gan.step(next(batches))
    with torch.no_grad():
        fake = gan.average(gan.z(2000))
    covered, good, _ = metrics.mode_coverage(fake, points.ring_centres(), 3 * points.BLOB_SIGMA)
    assert covered == 8 and good > 0.5


def test_minimax_gradients_vanish_where_d_is_far_ahead_and_non_saturating_ones_do_not():
    gan = trainer(gans.MINIMAX, hidden=64)
    batches = points.stream("ring", 256)
    fake = gan.fakes(256).detach()
    for _ in range(200):
        gan.d_step(next(batches))
    minimax, non_saturating = (
        gans.descent_directions(gan.D, fake, loss).norm(dim=1).median()
        for loss in (gans.g_loss_minimax, gans.g_loss_non_saturating)
    )
    assert minimax < 0.03 and non_saturating > 0.5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(losses=gans.RELATIVISTIC[::-1]), "losses are swapped"),
        (dict(losses=gans.NON_SATURATING[::-1]), "losses are swapped"),
        (dict(losses=gans.RELATIVISTIC[0]), "a pair"),
        (dict(latent=0), "latent.*from 1, not 0"),
        (dict(latent=2.0), "latent.*not 2.0"),
        (dict(gamma=-3), "gamma.*from 0, not -3"),
        (dict(gamma="0.1"), "gamma.*not '0.1'"),
        (dict(gamma=float("nan")), "gamma.*not nan"),
        (dict(penalty_interval=0), "penalty_interval.*from 1, not 0"),
        (dict(penalty_interval="2"), "penalty_interval.*not '2'"),
    ],
)
def test_a_setting_that_cannot_be_gets_a_sentence(settings, words):
    with refused(words):
        trainer(**settings)
