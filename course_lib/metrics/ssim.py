"""Structural similarity: compare brightness, contrast and structure in windows instead of pixels (chapter 8).

Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004.

    SSIM(x, y) = (2 mu_x mu_y + C1) (2 sigma_xy + C2) / ((mu_x^2 + mu_y^2 + C1) (sigma_x^2 + sigma_y^2 + C2))

with means, variances and the covariance over a window around each pixel, weighted by a Gaussian of sigma 1.5 (11 x 11),
or all alike in 7 x 7; C1 = (0.01 peak)^2, C2 = (0.03 peak)^2. The result is the mean over all pixels whose window lies
inside the picture: 1 for equal pictures, less (down to -1) otherwise.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.ops.filters import gaussian_kernel


def ssim_map(images: Tensor, references: Tensor, peak: float = 1.0, *, gaussian: bool = True) -> Tensor:
    """SSIM of each window that lies inside the picture.

    Args:
        images: (B, C, H, W), floating point.
        references: The same shape.
        peak: Largest possible value.
        gaussian: 11 x 11 windows weighted by a Gaussian (the paper's choice), or plain 7 x 7 ones with the unbiased
            covariance (scikit-image's default).

    Returns:
        (B, C, H - 10, W - 10), or (B, C, H - 6, W - 6) for plain windows.

    Raises:
        ValueError: If shapes differ, the pictures are smaller than a window, or peak is not above 0.
    """
    check_positive(peak=peak)
    check_tensors(images=(images, "B C H W"), references=(references, "B C H W"))
    side = 11 if gaussian else 7
    if min(images.shape[2:]) < side:
        raise ValueError(f"images must have at least {side} x {side} pixels, not {tuple(images.shape[2:])}")
    line = gaussian_kernel(1.5, truncate=3.5) if gaussian else images.new_full((side,), 1 / side)
    line = line.to(images)
    channels = images.shape[1]

    def smooth(x: Tensor) -> Tensor:
        x = F.conv2d(x, line.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
        return F.conv2d(x, line.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)

    # A covariance does not depend on a common shift, but its rounding error does.
    middle = ((images + references) / 2).mean(dim=(2, 3), keepdim=True).detach()
    x, y = images - middle, references - middle
    near_x, near_y = smooth(x), smooth(y)
    unbiased = 1.0 if gaussian else side**2 / (side**2 - 1)
    covariance = unbiased * (smooth(x * y) - near_x * near_y)
    variances = unbiased * (smooth(x.square() + y.square()) - near_x.square() - near_y.square())
    mean_x, mean_y = near_x + middle, near_y + middle
    both, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    return (2 * both + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))


def ssim(images: Tensor, references: Tensor, peak: float = 1.0, *, gaussian: bool = True) -> Tensor:
    """Mean SSIM of each picture, (B,); arguments as in `ssim_map`. Gradients flow: 1 - ssim is a loss."""
    return ssim_map(images, references, peak, gaussian=gaussian).mean(dim=(1, 2, 3))
