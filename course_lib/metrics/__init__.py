"""How good is it? Numbers that judge predictions."""

from course_lib.metrics.basic import accuracy, rmse
from course_lib.metrics.psnr import psnr

__all__ = ["accuracy", "psnr", "rmse"]
