"""Three small real data sets as tensors: flowers, handwritten digits, tumours (chapters 1 to 3, 6 and assignment 1).

They are read from scikit-learn's own files; nothing is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn import datasets
from torch import Tensor

FORM_STARTS = (0, 130, 256, 386, 516, 646, 776, 905, 1029, 1157, 1287, 1415, 1545, 1667)


@dataclass(frozen=True)
class Dataset:
    """A table of samples with one class each.

    Attributes:
        features: (N, D) float64.
        labels: (N,) int64, 0 ... K - 1.
        feature_names: D names with their units.
        class_names: K names.
        source: Who measured it, and where it was published.
    """

    features: Tensor
    labels: Tensor
    feature_names: list[str]
    class_names: list[str]
    source: str

    def __len__(self) -> int:
        """Number of samples N."""
        return len(self.labels)


def iris() -> Dataset:
    """150 iris flowers of three species, 50 each: sepal and petal length and width in centimetres."""
    return _load(datasets.load_iris(), "Anderson (1935); Fisher (1936)")


def digits() -> Dataset:
    """1,797 handwritten digits, 8 x 8 pixels each, flattened row by row; grey values 0 (paper) to 16 (ink)."""
    return _load(datasets.load_digits(), "Alpaydin and Kaynak (1998), UCI repository, test part")


def digit_writers() -> Tensor:
    """Which of fourteen filled-in forms each digit of `digits()` comes from, 0 ... 13, in the order of the rows.

    Every writer filled in the same form of 130 digits, so the labels run through one sequence again and again, with a
    few digits missing here and there. `FORM_STARTS` holds the rows at which it begins anew. The archive's description
    speaks of thirteen writers. One person may therefore have filled in two of the forms; which, nobody has recorded.

    Returns:
        (1797,) int64.
    """
    lengths = torch.tensor(FORM_STARTS).diff(append=torch.tensor([1797]))
    return torch.arange(len(FORM_STARTS)).repeat_interleave(lengths)


def breast_cancer() -> Dataset:
    """569 biopsies with 30 measurements of their cell nuclei; class 0 malignant, class 1 benign."""
    return _load(datasets.load_breast_cancer(), "Street, Wolberg and Mangasarian (1993), UCI repository")


def _load(bunch, source: str) -> Dataset:
    return Dataset(
        features=torch.tensor(bunch.data, dtype=torch.float64),
        labels=torch.tensor(bunch.target, dtype=torch.int64),
        feature_names=[str(name) for name in bunch.feature_names],
        class_names=[str(name) for name in bunch.target_names],
        source=source,
    )
