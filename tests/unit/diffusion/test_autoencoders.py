"""Autoencoders: shapes, the reparametrisation, and the KL divergence against PyTorch's."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from imagegen_lessons import diffusion, gans
from imagegen_lessons.runtime import generator
from tests.unit.helpers import refused


@pytest.mark.parametrize(("channels", "size"), [(3, 32), (1, 16)])
def test_a_vae_restores_pictures_and_says_where_it_looked(channels, size):
    vae = diffusion.VAE(latent=7, channels=channels, size=size)
    restored, mean, log_variance = vae(torch.rand(4, channels, size, size))
    assert restored.shape == (4, channels, size, size) and restored.min() >= 0 and restored.max() <= 1
    assert mean.shape == log_variance.shape == (4, 7)


def test_the_decoder_has_the_generators_layers_and_another_end():
    decoder, G = diffusion.Decoder(7, channels=1, size=16, width=8), gans.Generator(7, 1, 16, width=8)
    G.load_state_dict(decoder.state_dict())
    z = torch.randn(3, 7, generator=generator(0))
    x = decoder(z)
    assert x.shape == (3, 1, 16, 16) and x.min() > 0 and x.max() < 1
    assert not torch.allclose(x, G(z), atol=1e-4)
    with refused("latents"):
        decoder(torch.zeros(3, 8))


def test_the_kl_divergence_is_pytorchs():
    mean, log_variance = (torch.randn(5, 3, generator=generator(i)) for i in (1, 2))
    theirs = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(diffusion.kl_divergence(mean, log_variance), theirs)
    assert diffusion.kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0]


def test_reparametrised_latents_have_their_distribution_and_carry_gradients():
    torch.manual_seed(0)
    mean, log_variance = (
        torch.full((20_000, 1), 2.0).requires_grad_(),
        torch.full((20_000, 1), 1.0).requires_grad_(),
    )
    z = diffusion.reparametrise(mean, log_variance)
    assert z.mean().item() == pytest.approx(2, abs=0.05)
    assert z.std().item() == pytest.approx(1.6487, rel=0.02)  # exp(1 / 2)
    z.sum().backward()
    torch.testing.assert_close(mean.grad, torch.ones_like(mean))
    torch.testing.assert_close(log_variance.grad, (z - mean).detach() / 2)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(2, 3, 16, 16), r"\(n, 3, 32, 32\)"),
        (torch.full((2, 3, 32, 32), 9.0), "from 9 to 9"),
        (torch.full((2, 3, 32, 32), torch.nan), "nan"),
        ("picture", "a str"),
    ],
)
def test_an_encoder_says_what_it_wants(x, message):
    with refused(message):
        diffusion.Encoder(4)(x)


def test_a_size_must_be_halved_three_times():
    with refused("multiple of 8"):
        diffusion.VAE(size=20)
