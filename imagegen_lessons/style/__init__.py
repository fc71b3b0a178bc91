"""Style transfer: by optimising a picture (Gatys), and by one pass of a network (Johnson, AdaIN)."""

from imagegen_lessons.style.feedforward import (
    AdaINNet,
    ConditionalInstanceNorm,
    TransformNet,
    adain,
    blend,
    convolution,
    instance_norm,
    mean_std,
)
from imagegen_lessons.style.optimize import (
    CONTENT_LAYER,
    STATISTICS,
    Recipe,
    StyleError,
    StyleTransfer,
    fit_in,
    gram_matrix,
    moments,
    preserve_colours,
    quantiles,
    relative_error,
    total_variation,
)
