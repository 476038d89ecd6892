"""Optimisation written out (chapters 2 and 3): descent on surfaces and on batches, schedules, averages, checks."""

from course_lib.optim.adam import Adam, AdamW
from course_lib.optim.averaging import EMA
from course_lib.optim.clipping import clip_gradient_norm
from course_lib.optim.descent import gradient_descent, local_search
from course_lib.optim.gradients import classify_stationary_point, numerical_gradient
from course_lib.optim.newton import newton
from course_lib.optim.schedules import step_decay, warmup_cosine
from course_lib.optim.sgd import SGD, gradient_noise

__all__ = [
    "EMA",
    "SGD",
    "Adam",
    "AdamW",
    "classify_stationary_point",
    "clip_gradient_norm",
    "gradient_descent",
    "gradient_noise",
    "local_search",
    "newton",
    "numerical_gradient",
    "step_decay",
    "warmup_cosine",
]
