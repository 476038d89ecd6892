"""Lucas-Kanade flow (chapter 4, "optical-flow-classic"): all pixels of a window move alike. Lucas and Kanade (1981).

One pixel gives one equation for two unknowns. A window gives many; least squares with weights g (a Gaussian) is

    [ g * I_x^2    g * I_x I_y ] [ dx ]     [ g * I_x r ]
    [ g * I_x I_y  g * I_y^2   ] [ dy ]  =  [ g * I_y r ]        r = I_x u_0 + I_y v_0 - I_t

around the flow (u_0, v_0) found so far. The 2 x 2 matrix is the structure tensor. Two large eigenvalues: a corner, the
answer is sure. One: an edge, only the motion across it is known (the aperture problem). None: a flat place, nothing is
known. Because the whole flow is fitted and not its last increment, structured places of a window speak for the flat
ones (Le Besnerais and Champagnat, 2005). A small damping pulls towards g * (u_0, v_0) and keeps the matrix invertible.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.flow.coarse_to_fine import check_frames, coarse_to_fine, image_derivatives
from course_lib.ops.filters import gaussian_filter


def structure_tensor(image: Tensor, sigma: float = 2.0) -> Tensor:
    """Products of derivatives averaged over a Gaussian window: g * (I_x^2, I_x I_y, I_y^2).

    Args:
        image: (B, 1, H, W).
        sigma: Standard deviation of the window in pixels.

    Returns:
        (B, 3, H, W).

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(image=(image, "B 1 H W"))
    check_positive(sigma=sigma)
    dx, dy = image_derivatives(image)
    return gaussian_filter(torch.cat([dx * dx, dx * dy, dy * dy], 1), sigma, truncate=3.0)


def tensor_eigenvalues(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Larger and smaller eigenvalue of each [[a, b], [b, c]], in closed form.

    Args:
        tensor: (B, 3, H, W) as a, b, c.

    Returns:
        Two (B, 1, H, W), the larger first.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(tensor=(tensor, "B 3 H W"))
    a, b, c = tensor.split(1, dim=1)
    mean, spread = (a + c) / 2, torch.complex((a - c) / 2, b).abs()
    return mean + spread, mean - spread


def lucas_kanade(first: Tensor, second: Tensor, sigma: float = 4.0, *, levels: int | None = None, warps: int = 5,
                 damping: float = 1e-6, median: int = 1) -> Tensor:  # fmt: skip
    """Dense pyramidal Lucas-Kanade flow from the first frame to the second.

    Args:
        first, second: (B, 1, H, W) grey, in [0, 1], at least 8 pixels a side.
        sigma: Standard deviation of the Gaussian window, pixels.
        levels: Pyramid levels; None takes as many as leave 16 pixels a side.
        warps: Steps at each level.
        damping: Added to the diagonal of the structure tensor (squared brightness per pixel).
        median: Side of a median window after each step; 1 for none.

    Returns:
        (B, 2, H, W), (dx, dy) in pixels.

    Raises:
        ValueError: For bad shapes or values, frames below 8 pixels a side, or numbers that are not above 0.
    """
    check_frames(first, second, levels)
    check_positive(sigma=sigma, damping=damping, warps=warps)

    def improve(one: Tensor, two: Tensor, flow: Tensor) -> Tensor:
        dx, dy = image_derivatives((one + two) / 2)
        target = dx * flow[:, :1] + dy * flow[:, 1:] - (two - one)
        products = torch.cat([dx * dx, dx * dy, dy * dy, dx * target, dy * target, flow], 1)
        a, b, c, p, q, u, v = gaussian_filter(products, sigma, truncate=3.0).unbind(1)  # (B, H, W) each
        a, c, p, q = a + damping, c + damping, p + damping * u, q + damping * v
        solved = torch.stack([c * p - b * q, a * q - b * p], 1) / (a * c - b * b)[:, None]
        return flow + (solved - flow).clamp(-1.0, 1.0)  # the linear model holds for about a pixel

    return coarse_to_fine(first, second, levels, warps=warps, improve=improve, median=median)
