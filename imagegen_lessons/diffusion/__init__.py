"""Pictures without a GAN: autoencoders, diffusion and flow matching."""

from imagegen_lessons.diffusion.autoencoders import VAE, Decoder, Encoder, kl_divergence, reparametrise
from imagegen_lessons.diffusion.flow import (
    categorical_loss,
    check_time,
    flow_matching_loss,
    interpolate,
    logit_normal,
    over,
    predictions,
    velocity_from_noise,
)
from imagegen_lessons.diffusion.networks import (
    Block,
    CategoricalUNet,
    ConditionalUNet,
    UNet,
    VelocityMLP,
    check_noisy,
    check_widths,
    time_embedding,
)
from imagegen_lessons.diffusion.samplers import (
    ddim_step,
    euler_step,
    guidance,
    guided,
    heun_step,
    inpaint,
    sample,
    trajectory,
    vary,
)
from imagegen_lessons.diffusion.text import (
    CLIP,
    MultiHeadAttention,
    TextEncoder,
    TransformerBlock,
    attention,
    attention_weights,
    contrastive_loss,
    retrieval,
)
from imagegen_lessons.diffusion.text_unet import CrossAttention, TextUNet, hide_captions
from imagegen_lessons.diffusion.tokens import NO_TOKEN, UNKNOWN, Tokenizer, check_tokens
from imagegen_lessons.diffusion.trainer import FlowTrainer
