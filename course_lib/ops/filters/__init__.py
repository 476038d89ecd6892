"""Filters on pictures (chapter 5): convolution, smoothing, edges, borders, pooling. A shared module."""

from course_lib.ops.filters.apply import filter2d, filter_normalised, filter_separable
from course_lib.ops.filters.borders import MODES, pad_image, source_index
from course_lib.ops.filters.channels import conv3d, conv_per_channel
from course_lib.ops.filters.convolution import (
    conv2d_fft,
    conv2d_im2col,
    conv2d_naive,
    convolution_matrix,
    flip,
    im2col,
    output_size,
)
from course_lib.ops.filters.edges import Gradient, sobel, spot_and_lines
from course_lib.ops.filters.kernels import (
    box_kernel,
    gaussian_kernel,
    line_kernel,
    separate,
    sobel_kernels,
    spot_kernel,
)
from course_lib.ops.filters.nonlinear import bilateral_filter, median_filter
from course_lib.ops.filters.pooling import average_pool, max_pool, min_pool
from course_lib.ops.filters.smoothing import box_filter, gaussian_filter, running_mean

__all__ = [
    "MODES",
    "Gradient",
    "average_pool",
    "bilateral_filter",
    "box_filter",
    "box_kernel",
    "conv2d_fft",
    "conv2d_im2col",
    "conv2d_naive",
    "conv3d",
    "conv_per_channel",
    "convolution_matrix",
    "filter2d",
    "filter_normalised",
    "filter_separable",
    "flip",
    "gaussian_filter",
    "gaussian_kernel",
    "im2col",
    "line_kernel",
    "max_pool",
    "median_filter",
    "min_pool",
    "output_size",
    "pad_image",
    "running_mean",
    "separate",
    "sobel",
    "sobel_kernels",
    "source_index",
    "spot_and_lines",
    "spot_kernel",
]
