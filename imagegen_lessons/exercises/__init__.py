"""Every exercise of the course, by name: `exercises.luminance.check(luminance)`.

A module per arc of lessons holds the answers, the cases, the mistakes that people make, and the hints.
"""

from imagegen_lessons.exercise import Exercise
from imagegen_lessons.exercises.asking import MyJudge, agreement, frames, projection, purity
from imagegen_lessons.exercises.blink import adain, borrowed_palette, find_shift, mixed_norm, two_hands
from imagegen_lessons.exercises.borrowing import (
    gatys_layer_loss,
    keep_colours,
    masked_gram,
    my_statistic,
    total_variation,
)
from imagegen_lessons.exercises.diversity import (
    coverage,
    effective_kinds,
    fool_frechet,
    frechet_distance,
    precision,
)
from imagegen_lessons.exercises.doubt import abstain, calibration_curve
from imagegen_lessons.exercises.forger import MyGenerator, ema_update, pairing_losses, r1_penalty, slerp
from imagegen_lessons.exercises.game import best_score, blobs_covered, d_loss_hinge, my_shape, slopes
from imagegen_lessons.exercises.honest import area_under_roc, calibration_gap, roc_points, worth_of_an_alarm
from imagegen_lessons.exercises.inside import inversion_step, logistic_step, my_reading, set_along, units_hook
from imagegen_lessons.exercises.larger import (
    back_projection_step,
    cubic_weights,
    pixel_shuffle,
    psnr,
    ssim_window,
)
from imagegen_lessons.exercises.owing import (
    brier,
    by_chance,
    card_problems,
    cheapest_threshold,
    hide_bits,
    verdict,
    worst_slice,
)
from imagegen_lessons.exercises.pixels import crop_centre, downsample, luminance, my_filter, sharpen_kernel
from imagegen_lessons.exercises.seeing import TinyEye, linear_gradient, output_size, right_by_group, sgd_step
from imagegen_lessons.exercises.sharper import between, perceptual_loss, softest_answer
from imagegen_lessons.exercises.telling import cosine_waves, poisson_sweep, self_blend

__all__ = [
    "MyGenerator",
    "MyJudge",
    "TinyEye",
    "abstain",
    "adain",
    "agreement",
    "area_under_roc",
    "back_projection_step",
    "best_score",
    "between",
    "blobs_covered",
    "borrowed_palette",
    "brier",
    "by_chance",
    "calibration_curve",
    "calibration_gap",
    "card_problems",
    "cheapest_threshold",
    "cosine_waves",
    "coverage",
    "crop_centre",
    "cubic_weights",
    "d_loss_hinge",
    "downsample",
    "effective_kinds",
    "ema_update",
    "everything",
    "find_shift",
    "fool_frechet",
    "frames",
    "frechet_distance",
    "gatys_layer_loss",
    "hide_bits",
    "inversion_step",
    "keep_colours",
    "linear_gradient",
    "logistic_step",
    "luminance",
    "masked_gram",
    "mixed_norm",
    "my_filter",
    "my_reading",
    "my_shape",
    "my_statistic",
    "output_size",
    "pairing_losses",
    "perceptual_loss",
    "pixel_shuffle",
    "poisson_sweep",
    "precision",
    "projection",
    "psnr",
    "purity",
    "r1_penalty",
    "right_by_group",
    "roc_points",
    "self_blend",
    "set_along",
    "sgd_step",
    "sharpen_kernel",
    "slerp",
    "slopes",
    "softest_answer",
    "ssim_window",
    "total_variation",
    "two_hands",
    "units_hook",
    "verdict",
    "worst_slice",
    "worth_of_an_alarm",
]


def everything() -> dict[str, Exercise]:
    """All exercises of the course, name -> exercise."""
    return {name: value for name, value in globals().items() if isinstance(value, Exercise)}
