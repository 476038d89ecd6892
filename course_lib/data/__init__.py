"""Data that need no network: real tables and photographs that come with scikit-learn and scikit-image."""

from course_lib.data.photographs import photograph
from course_lib.data.split import split_indices, standardise
from course_lib.data.tabular import Dataset, breast_cancer, digits, iris

__all__ = ["Dataset", "breast_cancer", "digits", "iris", "photograph", "split_indices", "standardise"]
