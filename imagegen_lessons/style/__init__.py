"""Style transfer: by optimising a picture (Gatys), and by one pass of a network (Johnson, AdaIN)."""

from imagegen_lessons.style.feedforward import (
    AdaINNet,
    ConditionalInstanceNorm,
    TransformNet,
    adain,
    blend,
    check_mix,
    check_pictures,
    conditional_instance_norm,
    convolution,
    instance_norm,
    mean_std,
)
from imagegen_lessons.style.losses import (
    CONTENT_LAYER,
    ContentLoss,
    StyleLoss,
    gram_matrix,
    masked_gram,
    moments,
    quantiles,
    relative_error,
    total_variation,
)
from imagegen_lessons.style.optimize import Recipe, StyleError, StyleTransfer, fit_in, preserve_colours
