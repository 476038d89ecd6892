"""Classic optical flow (chapter 4, "optical-flow-classic"): Lucas-Kanade, Horn-Schunck, robust, measuring, drawing."""

from course_lib.representation.flow.horn_schunck import horn_schunck
from course_lib.representation.flow.lucas_kanade import lucas_kanade, structure_tensor, tensor_eigenvalues
from course_lib.representation.flow.measure import endpoint_error, flow_to_color
from course_lib.representation.flow.robust import robust_flow, weight
from course_lib.representation.flow.warp import coarse_to_fine, derivatives, median_filter, warp

__all__ = [
    "coarse_to_fine",
    "derivatives",
    "endpoint_error",
    "flow_to_color",
    "horn_schunck",
    "lucas_kanade",
    "median_filter",
    "robust_flow",
    "structure_tensor",
    "tensor_eigenvalues",
    "warp",
    "weight",
]
