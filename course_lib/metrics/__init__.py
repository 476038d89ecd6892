"""How good is it? Numbers that judge predictions."""

from course_lib.metrics.basic import accuracy, rmse

__all__ = ["accuracy", "rmse"]
