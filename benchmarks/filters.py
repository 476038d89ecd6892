"""Gaussian blur, box, Sobel and pyramids at 512 and 2,048 pixels against scipy, scikit-image and torch."""

from __future__ import annotations

import torch
from scipy import ndimage
from skimage import filters as skimage_filters
from skimage import transform
from torch.nn import functional as F

from benchmarks.common import compare
from course_lib.filters import box_filter, gaussian_filter, gaussian_kernel, sobel
from course_lib.pyramids import gaussian_pyramid, laplacian_pyramid
from course_lib.seeding import generator

SIGMA, WINDOW, LEVELS = 2.0, 15, 5


def run() -> None:
    """Print the comparisons on one grey float32 picture of each size."""
    for size in (512, 2048):
        picture = torch.rand(1, 1, size, size, generator=generator(0))
        grey = picture[0, 0].numpy()
        bell = gaussian_kernel(SIGMA)
        radius = len(bell) // 2
        compare(
            f"Gaussian blur, sigma {SIGMA:g}, {size} x {size}",
            {"gaussian_filter": lambda p=picture: gaussian_filter(p, SIGMA)},
            {
                "scipy gaussian_filter": lambda g=grey: ndimage.gaussian_filter(g, SIGMA),
                "scikit-image gaussian": lambda g=grey: skimage_filters.gaussian(g, SIGMA),
                "torch conv2d twice": lambda p=picture, r=radius, b=bell: F.conv2d(
                    F.conv2d(F.pad(p, [r] * 4, "reflect"), b[None, None, :, None]), b[None, None, None]
                ),
            },
            rounds=9,
        )
        compare(
            f"Mean over {WINDOW} x {WINDOW} windows, {size} x {size}",
            {"box_filter": lambda p=picture: box_filter(p, WINDOW)},
            {
                "scipy uniform_filter": lambda g=grey: ndimage.uniform_filter(g, WINDOW),
                "torch avg_pool2d": lambda p=picture: F.avg_pool2d(p, WINDOW, 1, WINDOW // 2),
            },
            why="sums in float64 of whole columns; scipy runs along cache-sized lines",
            rounds=9,
        )
        compare(
            f"Sobel magnitude, {size} x {size}",
            {"sobel": lambda p=picture: sobel(p).magnitude()},
            {"scikit-image sobel": lambda g=grey: skimage_filters.sobel(g)},
            why="four passes over whole pictures that keep both gradients for autograd",
            rounds=9,
        )
        compare(
            f"Gaussian pyramid of {LEVELS} levels, {size} x {size}",
            {"gaussian_pyramid": lambda p=picture: gaussian_pyramid(p, LEVELS)},
            {"scikit-image pyramid_gaussian": lambda g=grey: list(transform.pyramid_gaussian(g, LEVELS - 1))},
            rounds=9,
        )
        compare(
            f"Laplacian pyramid of {LEVELS} levels, {size} x {size}",
            {"laplacian_pyramid": lambda p=picture: laplacian_pyramid(p, LEVELS)},
            {"scikit-image pyramid_laplacian": lambda g=grey: list(transform.pyramid_laplacian(g, LEVELS - 1))},
            rounds=9,
        )
