"""Saliency: which pixels would change the score most (chapter 7).

Simonyan, Vedaldi, Zisserman, "Deep inside convolutional networks", 2013, arXiv:1312.6034.

    M(y, x) = max over channels of |d f_c / d I(channel, y, x)|

f_c is the score of class c in front of the softmax. For a linear model f_c(I) = w . I + b the gradient is w, so the map
says where the template has its weight; for a deep network it is the template that holds near this one image.
"""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.core.checks import check_tensors
from course_lib.interpretability.record import score_gradient


def saliency(model: nn.Module, images: Tensor, targets: Tensor | None = None) -> Tensor:
    """Largest absolute gradient over the channels of each pixel.

    Args:
        model: Maps images to logits (B, K), in evaluation mode.
        images: (B, C, H, W), floating point.
        targets: (B,) int64; None takes the class with the highest score.

    Returns:
        Maps (B, H, W), not negative.

    Raises:
        ValueError: If images or targets do not fit.
    """
    check_tensors(images=(images, "B C H W"))
    return score_gradient(model, images, targets).abs().amax(dim=1)
