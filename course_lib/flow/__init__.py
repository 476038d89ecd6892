"""Classic optical flow (chapter 4, "optical-flow-classic"): Lucas-Kanade, Horn-Schunck, robust, and flow as colours."""

from course_lib.flow.coarse_to_fine import coarse_to_fine, image_derivatives
from course_lib.flow.color_code import flow_to_color
from course_lib.flow.horn_schunck import horn_schunck
from course_lib.flow.lucas_kanade import lucas_kanade, structure_tensor, tensor_eigenvalues
from course_lib.flow.robust import robust_flow, weight

__all__ = [
    "coarse_to_fine",
    "flow_to_color",
    "horn_schunck",
    "image_derivatives",
    "lucas_kanade",
    "robust_flow",
    "structure_tensor",
    "tensor_eigenvalues",
    "weight",
]
