"""Descent methods written out (chapter 2): on drawn surfaces, on batches of data, and the checks of their gradients."""

from course_lib.optim.descent import gradient_descent, local_search
from course_lib.optim.gradients import classify_stationary_point, numerical_gradient
from course_lib.optim.newton import newton
from course_lib.optim.sgd import SGD, gradient_noise

__all__ = [
    "SGD",
    "classify_stationary_point",
    "gradient_descent",
    "gradient_noise",
    "local_search",
    "newton",
    "numerical_gradient",
]
