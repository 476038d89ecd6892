"""The Laplacian pyramid (chapter 5, "laplacian-pyramid"): what each halving of a picture loses.

    L_l = g_l - expand(g_{l+1})    for all levels but the last;    L_last = g_last
    back:  g_l = L_l + expand(g_{l+1}),  from the small end

Burt and Adelson (1983). The way back repeats the same expand, so it is exact whatever expand does. Blending (Burt and
Adelson, "A multiresolution spline", 1983) mixes two pictures level by level: coarse levels over a wide seam, fine
levels over a narrow one, because the mask's Gaussian pyramid gets softer in the picture's pixels from level to level.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.pyramids.gaussian import gaussian_pyramid, pyramid_expand


def laplacian_pyramid(image: Tensor, levels: int) -> list[Tensor]:
    """Split a picture into bands of detail and a small rest.

    Args:
        image: (B, C, H, W), floating point.
        levels: How many bands, the rest included; see `gaussian_pyramid`.

    Returns:
        Bands of detail around 0, finest first, then the rest.

    Raises:
        ValueError: For bad shapes or values, or too many levels.
    """
    steps = gaussian_pyramid(image, levels)
    bands = [fine - pyramid_expand(coarse, (fine.shape[2], fine.shape[3])) for fine, coarse in pairwise(steps)]
    return [*bands, steps[-1]]


def laplacian_collapse(pyramid: list[Tensor]) -> Tensor:
    """Put the picture together again.

    Args:
        pyramid: From `laplacian_pyramid`; bands may have been changed.

    Raises:
        ValueError: For an empty pyramid, or bands whose sizes do not halve from one to the next.
    """
    if not pyramid:
        raise ValueError("pyramid is empty: make it with laplacian_pyramid(image, levels)")
    image = pyramid[-1]
    for band in reversed(pyramid[:-1]):
        image = band + pyramid_expand(image, (band.shape[2], band.shape[3]))
    return image


def blend(first: Tensor, second: Tensor, mask: Tensor, *, levels: int) -> Tensor:
    """Join two pictures without a visible seam.

    Args:
        first: (B, C, H, W), shown where the mask is 1.
        second: (B, C, H, W), shown where the mask is 0.
        mask: (B, 1, H, W) in [0, 1]; sharp edges are what it is made for.
        levels: The seam of the coarsest level is about 2^levels pixels wide. 1 is the mask as it is.

    Returns:
        (B, C, H, W). Values can pass the pictures' range a little; clamp before showing.

    Raises:
        ValueError: For bad shapes or values, or too many levels.
    """
    check_tensors(first=(first, "B C H W"), second=(second, "B C H W"), mask=(mask, "B 1 H W"))
    if mask.min() < 0 or mask.max() > 1:
        raise ValueError(f"mask must lie in [0, 1], not between {float(mask.min()):g} and {float(mask.max()):g}")
    parts = zip(
        laplacian_pyramid(first, levels), laplacian_pyramid(second, levels), gaussian_pyramid(mask, levels), strict=True
    )
    return laplacian_collapse([m * a + (1 - m) * b for a, b, m in parts])
