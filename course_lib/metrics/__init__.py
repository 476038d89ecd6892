"""How good is it? Numbers that judge predictions and pictures."""

from course_lib.metrics.average_precision import AveragePrecision
from course_lib.metrics.basic import accuracy, rmse
from course_lib.metrics.bleu import bleu
from course_lib.metrics.disparity import bad_pixels, mean_error, seen_by_both
from course_lib.metrics.flow import endpoint_error
from course_lib.metrics.frechet import frechet_distance
from course_lib.metrics.lpips import lpips, unit_length
from course_lib.metrics.matching import interpolated_precision, match_detections, precision_recall_curve
from course_lib.metrics.panoptic import PanopticQuality
from course_lib.metrics.pixel import charbonnier, huber, l2_distance, mae, mse
from course_lib.metrics.precision_recall import precision_recall
from course_lib.metrics.psnr import psnr
from course_lib.metrics.segmentation import (
    boundary_f_score,
    class_dice,
    class_iou,
    confusion_matrix,
    mask_boundary,
    mean_iou,
    pixel_accuracy,
)
from course_lib.metrics.ssim import ssim, ssim_map
from course_lib.metrics.tracking import TrackingScore

__all__ = [
    "AveragePrecision",
    "PanopticQuality",
    "TrackingScore",
    "accuracy",
    "bad_pixels",
    "bleu",
    "boundary_f_score",
    "charbonnier",
    "class_dice",
    "class_iou",
    "confusion_matrix",
    "endpoint_error",
    "frechet_distance",
    "huber",
    "interpolated_precision",
    "l2_distance",
    "lpips",
    "mae",
    "mask_boundary",
    "match_detections",
    "mean_error",
    "mean_iou",
    "mse",
    "pixel_accuracy",
    "precision_recall",
    "precision_recall_curve",
    "psnr",
    "rmse",
    "seen_by_both",
    "ssim",
    "ssim_map",
    "unit_length",
]
