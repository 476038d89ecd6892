"""Occlusion: cover a part of the picture and see what the score loses (chapter 7).

Zeiler, Fergus, "Visualizing and understanding convolutional networks", 2013, arXiv:1311.2901.

    O(r, q) = f_c(I) - f_c(I with the square at row r and column q of a grid covered)

No gradient is needed, so the model may be any function; the price is one pass for each square.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_tensors
from course_lib.interpretability.record import class_scores


@torch.no_grad()
def occlusion_map(
    model: nn.Module,
    images: Tensor,
    fill: Tensor | float = 0.5,
    *,
    side: int = 8,
    stride: int = 8,
    targets: Tensor | None = None,
) -> Tensor:
    """How much the score falls while each square is covered.

    Args:
        model: Maps images to logits (B, K), in evaluation mode.
        images: (B, C, H, W), floating point, at least `side` high and wide.
        fill: What covers: a grey value, or pictures of the images' shape such as a blurred copy.
        side: Of the square, in pixels.
        stride: From one square to the next.
        targets: (B,) int64; None takes the class with the highest score.

    Returns:
        (B, rows, columns); positive where the square held evidence for the class.

    Raises:
        ValueError: If images, fill or targets do not fit, or the square is larger than the images.
    """
    check_tensors(images=(images, "B C H W"))
    check_positive(side=side, stride=stride)
    height, width = images.shape[2:]
    if side > min(height, width):
        raise ValueError(f"side must be at most {min(height, width)}, the shorter side of the images, not {side}")
    cover = torch.as_tensor(fill, dtype=images.dtype, device=images.device).expand_as(images)
    scores, targets = class_scores(model, images, targets)
    rows = []
    for top in range(0, height - side + 1, stride):
        row = []
        for left in range(0, width - side + 1, stride):
            covered, window = images.clone(), (..., slice(top, top + side), slice(left, left + side))
            covered[window] = cover[window]
            row.append(scores - class_scores(model, covered, targets)[0])
        rows.append(torch.stack(row, dim=1))
    return torch.stack(rows, dim=1)  # (B, rows, columns)
