"""Peak signal-to-noise ratio, in decibels (chapter 5, "gaussian-denoising").

    PSNR = 10 log10(peak^2 / MSE)

Each factor of ten in the mean squared error costs 10 dB. 20 dB is a visibly noisy picture, 40 dB hardly differs to the
eye. It compares pixel by pixel, so that a picture moved by one pixel scores badly.
"""

from __future__ import annotations

import math

from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.metrics.basic import rmse


def psnr(picture: Tensor, reference: Tensor, peak: float = 1.0) -> float:
    """How near a picture is to its reference; higher is nearer.

    Args:
        picture: Any shape, floating point.
        reference: The same shape.
        peak: Largest possible value: 1 for pictures in [0, 1].

    Returns:
        Decibels over all pixels together; infinite for equal pictures.

    Raises:
        ValueError: If the two differ in shape or are empty, or peak is not above 0.
    """
    check_positive(peak=peak)
    error = rmse(picture, reference)
    return math.inf if error == 0 else 20 * math.log10(peak / error)
