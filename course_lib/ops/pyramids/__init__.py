"""Pyramids (chapter 5): pictures at many scales at once. A shared module."""

from course_lib.ops.pyramids.gaussian import gaussian_pyramid, pyramid_expand, pyramid_reduce
from course_lib.ops.pyramids.laplacian import blend, laplacian_collapse, laplacian_pyramid
from course_lib.ops.pyramids.mip_map import mip_lookup, mip_map
from course_lib.ops.pyramids.steerable import SteerablePyramid, steer, steerable_pyramid, steerable_reconstruct

__all__ = [
    "SteerablePyramid",
    "blend",
    "gaussian_pyramid",
    "laplacian_collapse",
    "laplacian_pyramid",
    "mip_lookup",
    "mip_map",
    "pyramid_expand",
    "pyramid_reduce",
    "steer",
    "steerable_pyramid",
    "steerable_reconstruct",
]
