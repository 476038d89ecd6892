"""Gradients where formulas are singular: at equal pictures, flat pictures, black, the origin. They are finite.

Each case is a differentiable public function with the point at which its formula divides by zero, takes the root of
zero, or has no direction. A NaN there poisons every weight of a network at the first flat patch.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from course_lib import metrics, stereo, texture
from course_lib.flow import color_code, robust_flow, weight
from course_lib.geometry3d import mesh, smoothing, surface
from course_lib.linear import log_softmax
from course_lib.networks import layers, positional
from course_lib.ops import color, filters, neighbours, pyramids
from course_lib.ops.geometry.rotations import axis_angle_to_matrix
from course_lib.ops.warp import warp
from course_lib.signals import loudness, perception, stft
from course_lib.vector_graphics import outlines

FLAT = torch.full((1, 3, 16, 16), 0.5, dtype=torch.float64)
BLACK = torch.zeros_like(FLAT)
NOISE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LARGE = NOISE.repeat(1, 1, 3, 3)
STILL = torch.zeros(1, 2, 16, 16, dtype=torch.float64)
ORIGIN = torch.zeros(4, 3, dtype=torch.float64)
SQUARE = torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]], dtype=torch.float64)
TRIANGLE = torch.tensor([[0, 1, 2]])
SILENCE = torch.zeros(32, dtype=torch.float64)
FIRST, SECOND = NOISE[:, :1].repeat(1, 1, 2, 2), NOISE[:, :1].repeat(1, 1, 2, 2)

CASES: dict[str, tuple[Callable[[Tensor], Tensor], Tensor]] = {
    "l2_distance, equal": (lambda x: metrics.l2_distance(x, FLAT), FLAT),
    "mse, equal": (lambda x: metrics.mse(x, FLAT), FLAT),
    "mae, equal": (lambda x: metrics.mae(x, FLAT), FLAT),
    "huber, equal": (lambda x: metrics.huber(x, FLAT), FLAT),
    "charbonnier, equal": (lambda x: metrics.charbonnier(x, FLAT), FLAT),
    "ssim, equal and flat": (lambda x: metrics.ssim(x, FLAT), FLAT),
    "ssim, black": (lambda x: metrics.ssim(x, BLACK), BLACK),
    "unit_length, nothing": (metrics.unit_length, BLACK),
    "lpips, equal and black": (lambda x: metrics.lpips(lambda y: [y], x, BLACK), BLACK),
    "endpoint_error, equal": (lambda x: metrics.endpoint_error(x, STILL), STILL),
    "pairwise_distances, L2 of a point to itself": (lambda x: neighbours.pairwise_distances(x, ORIGIN + 1), ORIGIN + 1),
    "pairwise_distances, L1 of a point to itself": (lambda x: neighbours.pairwise_distances(x, ORIGIN, 1), ORIGIN),
    "rgb_to_lab, black": (color.rgb_to_lab, BLACK),
    "lab_to_rgb, black": (color.lab_to_rgb, BLACK),
    "srgb_to_linear, black": (color.srgb_to_linear, BLACK),
    "linear_to_srgb, black": (color.linear_to_srgb, BLACK),
    "delta_e, equal": (lambda x: color.delta_e(x, BLACK), BLACK),
    "rgb_to_cmyk, black": (color.rgb_to_cmyk, BLACK),
    "rgb_to_ycbcr, black": (color.rgb_to_ycbcr, BLACK),
    "flow_to_color, still": (color_code.flow_to_color, STILL),
    "robust weight, nothing": (lambda x: weight(x, 0.1), STILL),
    "warp, still": (lambda x: warp(FLAT[:, :1], x), STILL),
    "sobel magnitude, flat": (lambda x: filters.sobel(x[:, :1]).magnitude(), FLAT),
    "gaussian_filter, flat": (lambda x: filters.gaussian_filter(x, 1.0), FLAT),
    "max_pool, ties": (lambda x: filters.max_pool(x, 2), FLAT),
    "laplacian_pyramid, flat": (lambda x: pyramids.laplacian_pyramid(x, 3)[0], FLAT),
    "channel_mean_std, flat": (texture.channel_mean_std, FLAT),
    "gram_matrix, black": (texture.gram_matrix, BLACK),
    "adain, flat content": (lambda x: texture.adain(x, NOISE), FLAT),
    "adain, flat style": (lambda x: texture.adain(NOISE, x), FLAT),
    "autocorrelation, flat": (lambda x: texture.autocorrelation(x, 1, 1), FLAT),
    "band_power, flat": (texture.band_power, FLAT.repeat(1, 1, 3, 3)),
    "guided_aggregate, flat": (lambda x: stereo.guided_aggregate(x, FLAT, 3), FLAT),
    "axis_angle_to_matrix, no turn": (axis_angle_to_matrix, ORIGIN),
    "fourier_encoding, origin": (lambda x: positional.fourier_encoding(x, 4), ORIGIN),
    "log_softmax, equal scores": (log_softmax, ORIGIN),
    "smoothed_cross_entropy, sure": (
        lambda s: layers.smoothed_cross_entropy(s, torch.tensor([0, 1])), 1e4 * torch.eye(2, dtype=torch.float64)
    ),
    "face_normals, a face without area": (lambda v: mesh.face_normals(v, TRIANGLE), ORIGIN),
    "vertex_normals, a face without area": (lambda v: mesh.vertex_normals(v, TRIANGLE), ORIGIN),
    "laplacian_smooth, one place": (lambda v: smoothing.laplacian_smooth(v, TRIANGLE, 2), ORIGIN),
    "superquadric, poles": (
        lambda t: surface.superquadric(t, t, (0.5, 0.5)), torch.zeros(3, dtype=torch.float64)
    ),
    "outline_distance, on the outline": (lambda p: outlines.outline_distance(p, [SQUARE]), SQUARE + 0.0),
    "a_weighting, low": (loudness.a_weighting, torch.full((3,), 20.0, dtype=torch.float64)),
    "contrast_sensitivity, zero": (perception.contrast_sensitivity, torch.zeros(3, dtype=torch.float64)),
    "stft, silence": (lambda s: stft.stft(s, stft.hann_window(8, s.dtype), 4).abs(), SILENCE),
    "robust_flow, equal frames": (
        lambda x: robust_flow(x, SECOND, levels=1, warps=1, steps=2), FIRST
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_finite(name):
    function, point = CASES[name]
    point = point.clone().requires_grad_()
    value = function(point)
    assert torch.isfinite(value).all(), "the value is not finite"
    (gradient,) = torch.autograd.grad(value.sum(), point)
    assert torch.isfinite(gradient).all(), f"{int((~torch.isfinite(gradient)).sum())} entries of the gradient are not"
