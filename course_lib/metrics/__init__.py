"""How good is it? Numbers that judge predictions and pictures."""

from course_lib.metrics.basic import accuracy, rmse
from course_lib.metrics.disparity import bad_pixels, mean_error, seen_by_both
from course_lib.metrics.flow import endpoint_error
from course_lib.metrics.lpips import lpips, unit_length
from course_lib.metrics.pixel import charbonnier, huber, l2_distance, mae, mse
from course_lib.metrics.psnr import psnr
from course_lib.metrics.ssim import ssim, ssim_map

__all__ = [
    "accuracy",
    "bad_pixels",
    "charbonnier",
    "endpoint_error",
    "huber",
    "l2_distance",
    "lpips",
    "mae",
    "mean_error",
    "mse",
    "psnr",
    "rmse",
    "seen_by_both",
    "ssim",
    "ssim_map",
    "unit_length",
]
