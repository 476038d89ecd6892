"""A small automatic-differentiation engine on numpy arrays (chapter 3): tensors, functions, drawings."""

from course_lib.autograd.draw import backward_stages, draw_graph
from course_lib.autograd.functions import conv2d, cross_entropy, exp, log, relu, sigmoid, tanh
from course_lib.autograd.tensor import Tensor

__all__ = [
    "Tensor",
    "backward_stages",
    "conv2d",
    "cross_entropy",
    "draw_graph",
    "exp",
    "log",
    "relu",
    "sigmoid",
    "tanh",
]
