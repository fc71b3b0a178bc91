"""Metrics: of single images (PSNR, SSIM), of sets of images (Fréchet, precision, coverage), and of detectors (ROC)."""

from imagegen_lessons.metrics.detection import (
    auc,
    auc_interval,
    calibration_error,
    roc,
    roc_points,
    wilson_interval,
)
from imagegen_lessons.metrics.distributions import (
    class_coverage,
    class_frequencies,
    coverage,
    density_coverage,
    frechet_distance,
    gaussian,
    matrix_sqrt,
    mode_coverage,
    nearest_neighbours,
    precision,
    precision_recall,
    sliced_wasserstein,
    total_variation,
)
from imagegen_lessons.metrics.quality import LUMA, LUMA_RANGE, check_luma, luma, luma_or_grey, psnr, ssim
