"""Data that need no network: real tables and photographs that come with scikit-learn and scikit-image."""

from course_lib.data.augment import turn_and_move
from course_lib.data.clips import camera_clip
from course_lib.data.fashion import FASHION_CLASSES, fashion_evaluation, fashion_reference
from course_lib.data.photographs import photograph
from course_lib.data.split import split_groups, split_indices, standardise
from course_lib.data.tables import Dataset, breast_cancer, digit_writers, digits, iris

__all__ = [
    "FASHION_CLASSES",
    "Dataset",
    "breast_cancer",
    "camera_clip",
    "digit_writers",
    "digits",
    "fashion_evaluation",
    "fashion_reference",
    "iris",
    "photograph",
    "split_groups",
    "split_indices",
    "standardise",
    "turn_and_move",
]
