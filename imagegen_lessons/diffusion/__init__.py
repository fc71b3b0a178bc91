"""Pictures without a GAN: autoencoders, diffusion and flow matching."""

from imagegen_lessons.diffusion.autoencoders import VAE, Encoder, kl_divergence, reparametrise
from imagegen_lessons.diffusion.flow import (
    check_time,
    flow_matching_loss,
    interpolate,
    logit_normal,
    over,
    predictions,
    signal_and_noise,
    velocity_from_noise,
)
from imagegen_lessons.diffusion.samplers import (
    ddim_step,
    euler_step,
    guidance,
    guided,
    heun_step,
    inpaint,
    path,
    sample,
    vary,
)
from imagegen_lessons.diffusion.trainer import FlowTrainer
from imagegen_lessons.diffusion.networks import Block, UNet, VelocityMLP, time_embedding
