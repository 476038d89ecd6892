"""Every public function of chapter 5 turns bad input away with one line that says what came and what was wanted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from course_lib.metrics import psnr
from course_lib.ops import filters, pyramids

from ...refusals import refused

IMAGE = torch.rand(1, 1, 8, 8)
NAN = IMAGE * float("nan")
KERNEL = torch.ones(3, 3)
WEIGHT = torch.ones(2, 1, 3, 3)

TAKES_AN_IMAGE: dict[str, Callable] = {
    "average_pool": lambda a: filters.average_pool(a, 2),
    "max_pool": lambda a: filters.max_pool(a, 2),
    "min_pool": lambda a: filters.min_pool(a, 2),
    "box_filter": lambda a: filters.box_filter(a, 3),
    "gaussian_filter": lambda a: filters.gaussian_filter(a, 1.0),
    "filter2d": lambda a: filters.filter2d(a, KERNEL),
    "filter_normalised": lambda a: filters.filter_normalised(a, KERNEL),
    "filter_separable": lambda a: filters.filter_separable(a, KERNEL[0], KERNEL[0]),
    "sobel": filters.sobel,
    "spot_and_lines": filters.spot_and_lines,
    "conv2d_naive": lambda a: filters.conv2d_naive(a, WEIGHT),
    "conv2d_im2col": lambda a: filters.conv2d_im2col(a, WEIGHT),
    "conv2d_fft": lambda a: filters.conv2d_fft(a, WEIGHT),
    "conv_per_channel": lambda a: filters.conv_per_channel(a, KERNEL[None]),
    "im2col": lambda a: filters.im2col(a, (3, 3)),
    "gaussian_pyramid": lambda a: pyramids.gaussian_pyramid(a, 2),
    "pyramid_reduce": pyramids.pyramid_reduce,
    "pyramid_expand": lambda a: pyramids.pyramid_expand(a, (16, 16)),
    "laplacian_pyramid": lambda a: pyramids.laplacian_pyramid(a, 2),
    "mip_map": pyramids.mip_map,
    "steerable_pyramid": lambda a: pyramids.steerable_pyramid(a, 1),
    "blend": lambda a: pyramids.blend(a, IMAGE, IMAGE, levels=2),
}
BAD: dict[str, tuple[object, str]] = {
    "NaN": (NAN, r"holds 64 NaN or infinite values of 64; remove or replace"),
    "one picture without batch": (IMAGE[0], r"must be a floating-point tensor of shape \(.*\), not a float32 tensor"),
    "bytes": ((IMAGE * 255).byte(), r"not a uint8 tensor of shape \(1, 1, 8, 8\); \w+\.float\(\) converts it"),
    "numpy": (IMAGE.numpy(), r"not a float32 ndarray of shape \(1, 1, 8, 8\); torch.as_tensor"),
    "empty": (IMAGE[:0], r"is empty: float32 tensor of shape \(0, 1, 8, 8\)"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("function", TAKES_AN_IMAGE)
def test_bad_images(function, bad):
    value, message = BAD[bad]
    refused(lambda: TAKES_AN_IMAGE[function](value), message)


@pytest.mark.parametrize("function", TAKES_AN_IMAGE)
def test_good_images_pass(function):
    TAKES_AN_IMAGE[function](IMAGE)


CASES: dict[str, tuple[Callable, str]] = {
    "kernel too large": (lambda: filters.output_size(3, 5), r"kernel that reaches over 5 pixels does not fit into 3"),
    "stride 0": (lambda: filters.output_size(3, 1, 0), r"stride must be an integer of at least 1, not 0"),
    "padding": (lambda: filters.output_size(3, 1, 1, padding=-1), r"padding must be an integer of at least 0, not -1"),
    "size 2.5": (lambda: filters.output_size(2.5, 1), r"size must be an integer of at least 1, not 2.5"),
    "dtype": (lambda: filters.conv2d_im2col(IMAGE.double(), WEIGHT), r"weight is torch.float32; convert one"),
    "channels": (lambda: filters.conv2d_naive(IMAGE, WEIGHT.expand(2, 3, 3, 3)), r"weight has C = 3 but image has C"),
    "even window": (lambda: filters.box_filter(IMAGE, 4), r"size must be an odd integer .* not 4"),
    "even kernel": (lambda: filters.filter2d(IMAGE, KERNEL[:2]), r"size must be an odd integer .* not 2"),
    "kernel dtype": (lambda: filters.filter2d(IMAGE, KERNEL.double()), r"image is torch.float32 but kernel is a"),
    "border": (lambda: filters.gaussian_filter(IMAGE, 1.0, "edge"), r"border must be one of constant, .*, not 'edge'"),
    "negative padding": (lambda: filters.pad_image(IMAGE, -1, 0), r"rows and columns must be 0 or more, not -1 and 0"),
    "sigma": (lambda: filters.gaussian_filter(IMAGE, 0.0), r"sigma must be a finite number above 0, not 0.0"),
    "line": (lambda: filters.line_kernel(30), r"degrees must be 0, 45, 90 or 135, not 30"),
    "weights": (lambda: filters.filter_normalised(IMAGE, -KERNEL), r"weights .* and of known must be 0 or more"),
    "colour": (lambda: filters.spot_and_lines(IMAGE.expand(1, 3, 8, 8)), r"shape \(B, 1, H, W\)"),
    "pool window": (lambda: filters.max_pool(IMAGE, 9), r"reaches over 9 pixels does not fit into 8"),
    "conv3d depth": (lambda: filters.conv3d(IMAGE[None], torch.ones(1, 1, 2, 3, 3)), r"2 pixels does not fit into 1"),
    "levels": (lambda: pyramids.gaussian_pyramid(IMAGE, 5), r"levels must be 1 to 4 for a picture of \(8, 8\), not 5"),
    "expand": (lambda: pyramids.pyramid_expand(IMAGE, (8, 16)), r"size \(8, 16\) does not halve to \(8, 8\)"),
    "mip size": (lambda: pyramids.mip_map(IMAGE[..., :6, :6]), r"power of two pixels a side, not 6"),
    "mip empty": (lambda: pyramids.mip_lookup([], torch.rand(1, 2, 2), torch.rand(1, 2)), r"levels is empty"),
    "mip points": (lambda: pyramids.mip_lookup([IMAGE], torch.rand(2, 2), torch.rand(1, 2)), r"points must .*B, N, 2"),
    "steerable size": (lambda: pyramids.steerable_pyramid(IMAGE[..., :6], 2), r"multiples of 2\^levels = 4, not"),
    "steerable levels": (lambda: pyramids.steerable_pyramid(IMAGE, 0), r"levels and orientations must be at least 1"),
    "steer": (lambda: pyramids.steer(IMAGE, 0.0), r"band must be .*\(B, C, K, H, W\)"),
    "collapse": (lambda: pyramids.laplacian_collapse([]), r"pyramid is empty"),
    "mask": (lambda: pyramids.blend(IMAGE, IMAGE, IMAGE + 1, levels=2), r"mask must lie in \[0, 1\], not between 1"),
    "psnr shapes": (lambda: psnr(IMAGE, IMAGE[0]), r"must be tensors of one shape"),
    "psnr peak": (lambda: psnr(IMAGE, IMAGE, 0.0), r"peak must be a finite number above 0"),
}


@pytest.mark.parametrize("case", CASES)
def test_refusal(case):
    refused(*CASES[case])
