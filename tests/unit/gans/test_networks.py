"""The convolutional players of lessons 03 to 06: shapes, labels, clear sentences, what a step may change."""

import pytest
import torch
from torch import nn

from imagegen_lessons import datasets, gans, networks, training
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint


@pytest.mark.parametrize(("channels", "size"), [(3, 32), (4, 24), (1, 32), (3, 64)])
def test_players_fit_each_other_at_every_size(channels, size):
    G, D = gans.Generator(channels=channels, size=size), gans.Discriminator(channels=channels, size=size)
    x = G(3 * torch.randn(5, 64))
    assert x.shape == (5, channels, size, size)
    assert x.min() >= 0 and x.max() <= 1
    assert D(x).shape == (5, 1)


def test_d_judges_each_picture_by_itself():
    D, x = gans.Discriminator(), torch.rand(6, 3, 32, 32)
    torch.testing.assert_close(D(x)[2:3], D(x[2:3]))


@pytest.mark.parametrize("shape", [(64,), (2, 63), (2, 64, 1, 1)])
def test_a_latent_of_the_wrong_shape_gets_one_sentence(shape):
    with pytest.raises(ValueError, match=r"G wants latents of shape \(n, 64\), not"):
        gans.Generator()(torch.zeros(shape))


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (torch.tensor([[0, 4]]), r"Label 1 is a whole number from 0 to 3, not 4"),
        (torch.tensor([[-1, 0]]), r"Label 0 is a whole number from 0 to 2, not -1"),
        (torch.tensor([0, 1]), r"shape \(n, 2\)"),
        (torch.tensor([[0.5, 1.0]]), "whole numbers"),
    ],
)
def test_a_label_that_does_not_exist_gets_one_sentence(y, words):
    G, D = gans.ConditionalGenerator((3, 4)), gans.ProjectionDiscriminator((3, 4))
    for network, x in ((G, torch.zeros(1, 64)), (D, torch.zeros(1, 3, 32, 32))):
        with pytest.raises(ValueError, match=words):
            network(x, y)


def test_labels_reach_both_players():
    torch.manual_seed(0)
    G, D = gans.ConditionalGenerator((3, 4)), gans.ProjectionDiscriminator((3, 4))
    z, y, other = torch.randn(2, 64), torch.tensor([[0, 1], [2, 3]]), torch.tensor([[0, 2], [2, 3]])
    changed = (G(z, y) - G(z, other)).abs().flatten(1).amax(1)
    assert changed[0] > 0 and changed[1] == 0
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(D(x, y), D.score(D.features(x)))  # at first no label matters
    nn.init.normal_(D.embed[1].weight)
    torch.testing.assert_close(
        D(x, y)[0], D.score(D.features(x))[0] + D.features(x)[0] @ D.embed[1].weight[1]
    )
    assert not torch.equal(D(x, y)[0], D(x, other)[0])


def test_a_conditional_game_trains_saves_and_goes_on(tmp_path):
    def new():
        torch.manual_seed(1)
        G = gans.ConditionalGenerator((2,), size=16, width=8)
        D = gans.ProjectionDiscriminator((2,), size=16, width=8)
        return gans.ConditionalGANTrainer(G, D, gans.RELATIVISTIC, latent=64, gamma=1.0)

    x, y = torch.rand(32, 3, 16, 16), torch.randint(0, 2, (32, 1))
    game = new()
    history = training.fit(game.step, datasets.Batches(x, y, size=8), 6)
    assert history.steps == 6
    checkpoint.save(tmp_path / "game.safetensors", game=game)
    again = new()
    checkpoint.load(tmp_path / "game.safetensors", game=again)
    z = torch.randn(3, 64)
    torch.testing.assert_close(again.average(z, y[:3]), game.average(z, y[:3]))


def test_one_batch_of_fakes_serves_both_moves():
    made = []

    class Counting(gans.GANTrainer):
        def fakes(self, n):
            made.append(n)
            return super().fakes(n)

    game = Counting(gans.mlp(2, 8, 2), gans.mlp(2, 8, 1), gans.RELATIVISTIC)
    game.step(torch.randn(4, 2))
    assert made == [4]


def test_who_waits_gets_no_gradients():
    game = gans.GANTrainer(gans.mlp(2, 8, 2), gans.mlp(2, 8, 1), gans.RELATIVISTIC, gamma=1.0)
    game.g_step(torch.randn(4, 2))
    assert all(p.grad is None and p.requires_grad for p in game.D.parameters())
    with pytest.raises(RuntimeError), gans.frozen(game.D):
        raise RuntimeError
    assert all(p.requires_grad for p in game.D.parameters())


def test_a_checkpoint_of_another_network_gets_one_sentence(tmp_path):
    path = tmp_path / "G.safetensors"
    checkpoint.save(path, network=gans.Generator(width=32))
    with pytest.raises(checkpoint.CheckpointError, match="another .network.: plant.weight"):
        checkpoint.load_network(path, gans.Generator())
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(checkpoint.CheckpointError):
        checkpoint.load_network(path, gans.Generator(width=32))


def test_the_bundled_faces_are_what_their_card_says():
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    people = faces.passports(500, seed=5)
    x = faces.render(people)
    right = (classifier.class_index(x) == faces.class_index(people)).float().mean().item()
    assert abs(right - checkpoint.card("faces_classifier")["kind right"]) < 0.01
    assert classifier.features(x).shape == (500, 96)
    players = nn.ModuleDict({"G": gans.Generator(), "D": gans.Discriminator()})
    G = checkpoint.load_network("faces_gan", players)["G"]
    with torch.no_grad():
        kinds = classifier.class_index(G(torch.randn(500, 64))).unique()
    assert len(kinds) >= 65


def test_passports_look_ahead_before_a_plain_background():
    people = faces.passports(200, seed=1)
    assert (people["background_style"] == 0).all()
    assert people["yaw"].abs().max() <= 0.4
    assert torch.equal(people["skin_tone"], faces.sample(200, seed=1)["skin_tone"])
    assert faces.passports(2, yaw=1.0)["yaw"].tolist() == [1.0, 1.0]


def test_the_reader_learns_what_its_loss_says():
    people = faces.passports(32, seed=3)
    x, reader = faces.render(people), networks.FaceClassifier(width=8)
    optimizer = torch.optim.Adam(reader.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        losses.append(reader.loss(x, people))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]
    read = reader.eval().read(x)
    assert set(read) == {*reader.CHOICES, *reader.NUMBERS}
    assert all(value.shape == (32,) for value in read.values())


@pytest.mark.parametrize("size", [0, 4, 30])
def test_a_size_that_cannot_be_gets_one_sentence(size):
    for network in (gans.Generator, gans.Discriminator):
        with pytest.raises(ValueError, match=f"multiple of 8, not {size}"):
            network(size=size)


def test_three_pictures_are_too_few_for_a_batch():
    with pytest.raises(ValueError, match="A batch takes 32 items, but there are 3"):
        datasets.Batches(torch.zeros(3, 3, 32, 32), size=32)
