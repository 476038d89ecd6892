"""Judge optical flow (chapter 4, "optical-flow-classic").

end-point error   |w - w_true|, the distance between arrow heads, in pixels; its mean over pixels is the EPE
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors


def endpoint_error(flow: Tensor, truth: Tensor) -> Tensor:
    """Distance between estimated and true motion.

    Args:
        flow, truth: (B, 2, H, W) pixels.

    Returns:
        (B, H, W) pixels; its mean is the usual score.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(flow=(flow, "B 2 H W"), truth=(truth, "B 2 H W"))
    return torch.linalg.vector_norm(flow - truth, dim=1)
