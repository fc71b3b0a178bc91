"""Super-resolution: PSNR-oriented, perceptual (with a GAN), and stochastic (several answers to one image)."""

from imagegen_lessons.superres.perceptual import (
    PatchDiscriminator,
    PerceptualTrainer,
    grey,
    load_perceptual,
    perceptual_loss,
)
from imagegen_lessons.superres.stochastic import (
    EnergyScoreTrainer,
    StochasticTrainer,
    StochasticUpscaler,
    energy_score,
    load_stochastic,
    mostly_light,
)
from imagegen_lessons.superres.upscaler import (
    HELD_OUT,
    SCALES,
    PatchPairs,
    ResidualBlock,
    Upscaler,
    back_project,
    back_projection_step,
    bicubic,
    check_scale,
    downscale,
    enlarge,
    load,
    modcrop,
    self_ensemble,
)
