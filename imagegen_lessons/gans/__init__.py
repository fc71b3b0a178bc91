"""Generative adversarial networks: a generator G and a discriminator D, and each learns from the other."""

from imagegen_lessons.gans.augment import Augment, colour, cutout, mirror, translate
from imagegen_lessons.gans.losses import (
    MINIMAX,
    NON_SATURATING,
    RELATIVISTIC,
    d_loss_logistic,
    d_loss_relativistic,
    descent_directions,
    g_loss_minimax,
    g_loss_non_saturating,
    g_loss_relativistic,
    r1_penalty,
)
from imagegen_lessons.gans.networks import (
    ConditionalGenerator,
    Discriminator,
    Generator,
    ProjectionDiscriminator,
    blur,
    check_images,
    check_labels,
    check_latent,
    check_size,
    mlp,
)
from imagegen_lessons.gans.trainer import GANTrainer, adam, frozen
