"""Gaussian blur, box, Sobel and pyramids at 512 and 2,048 pixels against scipy, scikit-image, torch and OpenCV.

OpenCV is an extra of the benchmarks alone; where it is not installed its rows are left out. Its filters are written by
hand for the processor's vector instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from scipy import ndimage
from skimage import filters as skimage_filters
from skimage import transform
from torch.nn import functional as F

from benchmarks.common import THREADS, compare
from course_lib.core.seeding import generator
from course_lib.ops.filters import box_filter, gaussian_filter, gaussian_kernel, sobel
from course_lib.ops.pyramids import gaussian_pyramid, laplacian_pyramid

try:
    import cv2
except ImportError:  # the extra "bench" is not installed
    cv2 = None

SIGMA, WINDOW, LEVELS = 2.0, 15, 5


def opencv(grey: np.ndarray) -> dict[str, dict[str, Callable[[], object]]]:
    """OpenCV's rows for each comparison, with the same kernels and borders; empty without OpenCV."""
    if cv2 is None:
        return {name: {} for name in ("blur", "box", "sobel", "gaussian", "laplacian")}
    cv2.setNumThreads(THREADS)
    taps, border = 2 * round(4 * SIGMA) + 1, cv2.BORDER_REFLECT

    def sobel_magnitude() -> np.ndarray:
        parts = (cv2.Sobel(grey, cv2.CV_32F, *order, scale=1 / 8, borderType=border) for order in ((1, 0), (0, 1)))
        return cv2.magnitude(*parts)

    def down() -> list[np.ndarray]:
        pictures = [grey]
        while len(pictures) < LEVELS:
            pictures.append(cv2.pyrDown(pictures[-1]))
        return pictures

    def differences() -> list[np.ndarray]:
        pictures = down()
        pairs = pairwise(pictures)
        return [*(fine - cv2.pyrUp(small, dstsize=fine.shape[::-1]) for fine, small in pairs), pictures[-1]]

    return {
        "blur": {"OpenCV GaussianBlur": lambda: cv2.GaussianBlur(grey, (taps, taps), SIGMA, borderType=border)},
        "box": {"OpenCV blur": lambda: cv2.blur(grey, (WINDOW, WINDOW), borderType=border)},
        "sobel": {"OpenCV Sobel, magnitude": sobel_magnitude},
        "gaussian": {"OpenCV pyrDown": down},
        "laplacian": {"OpenCV pyrDown, pyrUp": differences},
    }


def run() -> None:
    """Print the comparisons on one grey float32 picture of each size."""
    for size in (512, 2048):
        picture = torch.rand(1, 1, size, size, generator=generator(0))
        grey = picture[0, 0].numpy()
        bell = gaussian_kernel(SIGMA)
        radius = len(bell) // 2
        theirs = opencv(np.ascontiguousarray(grey))
        compare(
            f"Gaussian blur, sigma {SIGMA:g}, {size} x {size}",
            {"gaussian_filter": lambda p=picture: gaussian_filter(p, SIGMA)},
            {
                "scipy gaussian_filter": lambda g=grey: ndimage.gaussian_filter(g, SIGMA),
                "scikit-image gaussian": lambda g=grey: skimage_filters.gaussian(g, SIGMA),
                "torch conv2d twice": lambda p=picture, r=radius, b=bell: F.conv2d(
                    F.conv2d(F.pad(p, [r] * 4, "reflect"), b[None, None, :, None]), b[None, None, None]
                ),
                **theirs["blur"],
            },
            rounds=9,
        )
        compare(
            f"Mean over {WINDOW} x {WINDOW} windows, {size} x {size}",
            {"box_filter": lambda p=picture: box_filter(p, WINDOW)},
            {
                "scipy uniform_filter": lambda g=grey: ndimage.uniform_filter(g, WINDOW),
                "torch avg_pool2d": lambda p=picture: F.avg_pool2d(p, WINDOW, 1, WINDOW // 2),
                **theirs["box"],
            },
            why="sums in float64 of whole columns; scipy runs along cache-sized lines",
            rounds=9,
        )
        compare(
            f"Sobel magnitude, {size} x {size}",
            {"sobel": lambda p=picture: sobel(p).magnitude()},
            {"scikit-image sobel": lambda g=grey: skimage_filters.sobel(g), **theirs["sobel"]},
            why="four passes over whole pictures that keep both gradients for autograd",
            rounds=9,
        )
        compare(
            f"Gaussian pyramid of {LEVELS} levels, {size} x {size}",
            {"gaussian_pyramid": lambda p=picture: gaussian_pyramid(p, LEVELS)},
            {
                "scikit-image pyramid_gaussian": lambda g=grey: list(transform.pyramid_gaussian(g, LEVELS - 1)),
                **theirs["gaussian"],
            },
            why="blurs every pixel and drops three of four; OpenCV computes only those it keeps",
            rounds=9,
        )
        compare(
            f"Laplacian pyramid of {LEVELS} levels, {size} x {size}",
            {"laplacian_pyramid": lambda p=picture: laplacian_pyramid(p, LEVELS)},
            {
                "scikit-image pyramid_laplacian": lambda g=grey: list(transform.pyramid_laplacian(g, LEVELS - 1)),
                **theirs["laplacian"],
            },
            why="as the Gaussian pyramid, and expands over zeros",
            rounds=9,
        )
