"""Generators and discriminators: shapes, labels, clear sentences, and the bundled generator of faces."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from torch import nn

from imagegen_lessons import gans, networks, training
from imagegen_lessons.training import checkpoint
from tests.unit.helpers import refused


def test_mlp_has_its_layers_and_no_activation_at_the_end():
    network = gans.mlp(3, 8, 2, layers=3)
    assert [layer.out_features for layer in network if isinstance(layer, nn.Linear)] == [8, 8, 2]
    assert network(torch.randn(5, 3)).shape == (5, 2)
    assert isinstance(network[-1], nn.Linear)


@pytest.mark.parametrize(("channels", "size"), [(3, 32), (4, 24), (1, 32), (3, 64)])
def test_g_and_d_fit_each_other_at_every_size(channels, size):
    G, D = gans.Generator(channels=channels, size=size), gans.Discriminator(channels=channels, size=size)
    x = G(3 * torch.randn(5, 64))
    assert x.shape == (5, channels, size, size)
    assert x.min() >= 0 and x.max() <= 1
    assert D(x).shape == (5, 1)
    torch.testing.assert_close(D(x)[2:3], D(x[2:3]))  # each image by itself


def test_blur_is_the_known_filter_and_removes_what_alternates():
    x = torch.rand(2, 3, 8, 10, dtype=torch.float64)
    line = np.array([0.25, 0.5, 0.25])
    for picture, smooth in zip(x.flatten(0, 1), gans.blur(x).flatten(0, 1), strict=True):
        expected = scipy.ndimage.convolve(picture.numpy(), np.outer(line, line), mode="constant")
        np.testing.assert_allclose(smooth.numpy(), expected)
    board = (torch.arange(8)[:, None] + torch.arange(8)).remainder(2).float()[None, None]
    inside = gans.blur(board)[..., 1:-1, 1:-1]
    torch.testing.assert_close(inside, torch.full_like(inside, 0.5))


def test_g_comes_back_from_pure_black():
    """Where a sigmoid would be at e^-30, without slope: a hundred steps towards white lead out of it."""
    torch.manual_seed(0)
    G, z = gans.Generator(width=8), torch.randn(8, 64)
    nn.init.constant_(G.to_rgb.bias, -30.0)
    assert G(z).max() < 0.02
    optimizer = gans.adam(G)
    for _ in range(100):
        loss = -G(z).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert G(z).mean() > 0.5


@pytest.mark.parametrize("shape", [(64,), (2, 63), (2, 64, 1, 1)])
def test_a_latent_of_the_wrong_shape_gets_one_sentence(shape):
    with refused(r"\(n, 64\)"):
        gans.Generator()(torch.zeros(shape))
    with refused(r"\(n, 64\)"):
        gans.ConditionalGenerator((3, 4))(torch.zeros(shape), torch.tensor([[0, 3]]))


@pytest.mark.parametrize(
    ("z", "message"),
    [
        ([[0.0] * 64], "not a list"),
        (torch.zeros(2, 64).double(), "float32, .* not torch.float64"),
        (torch.zeros(2, 64, dtype=torch.int64), "float32, .* not torch.int64"),
        (torch.full((2, 64), torch.nan), "without NaN"),
        (torch.full((2, 64), torch.inf), "without NaN"),
    ],
)
def test_latents_that_are_no_finite_floats_get_one_sentence(z, message):
    with refused(message):
        gans.Generator()(z)
    with refused(message):
        gans.ConditionalGenerator((3, 4))(z, torch.tensor([[0, 3], [0, 3]]))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[0, 1]], "not a list"),
        (torch.zeros(3, 32, 32), r"not torch.float32 \(3, 32, 32\)"),
        (torch.zeros(2, 1, 32, 32), r"\(n, 3, 32, 32\)"),
        (torch.zeros(2, 3, 16, 16), r"\(n, 3, 32, 32\)"),
        (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), "floats in .* not torch.uint8"),
        (torch.zeros(2, 3, 32, 32).double(), "float32, .* not torch.float64"),
        (torch.full((2, 3, 32, 32), torch.nan), "NaN.* lower learning rate"),
    ],
)
def test_pictures_that_d_cannot_score_get_one_sentence(x, message):
    with refused(message):
        gans.Discriminator()(x)
    with refused(message):
        gans.ProjectionDiscriminator((3, 4))(x, torch.tensor([[0, 3]] * len(x)))


def test_networks_of_another_precision_take_what_their_weights_are():
    G, D = gans.Generator().double(), gans.Discriminator().double()
    assert D(G(torch.zeros(2, 64).double())).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert gans.Discriminator()(gans.Generator()(torch.zeros(2, 64)).bfloat16()).shape == (2, 1)


def test_a_training_that_diverges_ends_as_every_training_does():
    G, D = gans.Generator(width=8), gans.Discriminator(width=8)
    nn.init.constant_(G.to_rgb.bias, torch.nan)
    trainer = gans.GANTrainer(G, D, gans.RELATIVISTIC, latent=64)
    with refused("lower learning rate", training.TrainingError):
        training.fit(trainer.step, [torch.rand(4, 3, 32, 32)], 2)


@pytest.mark.parametrize("network", [gans.Generator, gans.Discriminator])
def test_a_size_that_cannot_be_gets_one_sentence(network):
    for size in (0, 4, 30, "32", 32.0, True, None):
        with refused(f"multiple of 8, not {size!r}"):
            network(size=size)


@pytest.mark.parametrize("count", [0, 2.5, "64", None])
def test_a_count_that_cannot_be_gets_one_sentence(count):
    for setting in ("latent", "channels", "width"):
        with refused(f"{setting} is a whole number"):
            gans.Generator(**{setting: count})
    for setting in ("channels", "width"):
        with refused(f"{setting} is a whole number"):
            gans.Discriminator(**{setting: count})
    for setting in ("inputs", "hidden", "outputs", "layers"):
        with refused(f"{setting} is a whole number"):
            gans.mlp(**{"inputs": 2, "hidden": 8, "outputs": 1, setting: count})


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.tensor([[0, 4]]), r"Label 1 .* from 0 to 3, not 4"),
        (torch.tensor([[-1, 0]]), r"Label 0 .* from 0 to 2, not -1"),
        (torch.tensor([0, 1]), r"shape \(n, 2\)"),
        ([[0, 1]], "whole numbers .* not a list"),
        (torch.tensor([[0.5, 1.0]]), "whole numbers"),
        (torch.tensor([[0, 3], [2, 1]]), "2 rows of labels for 1"),
    ],
)
def test_a_label_that_cannot_be_gets_one_sentence(y, message):
    G, D = gans.ConditionalGenerator((3, 4)), gans.ProjectionDiscriminator((3, 4))
    for network, x in ((G, torch.zeros(1, 64)), (D, torch.zeros(1, 3, 32, 32))):
        with refused(message):
            network(x, y)


def test_labels_reach_both_networks():
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


def test_a_mixture_of_embeddings_lies_between_its_labels():
    torch.manual_seed(0)
    G, z = gans.ConditionalGenerator((3, 4), latent=8), torch.randn(1, 8)
    one, other = torch.tensor([[0, 3]]), torch.tensor([[2, 3]])
    assert torch.equal(G.from_embedding(z, G.embedding(one)), G(z, one))
    mixed = G.from_embedding(z, torch.lerp(G.embedding(one), G.embedding(other), 0.5))
    assert mixed.shape == (1, 3, 32, 32) and not torch.equal(mixed, G(z, one))


def test_the_bundled_generator_covers_nearly_all_classes_of_faces():
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    pair = nn.ModuleDict({"G": gans.Generator(), "D": gans.Discriminator()})
    G = checkpoint.load_network("faces_gan", pair)["G"]
    with torch.no_grad():
        classes = classifier.class_index(G(torch.randn(500, 64))).unique()
    assert len(classes) >= 65
