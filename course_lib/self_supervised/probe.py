"""The protocol: how good are frozen features? A linear probe and nearest neighbours, both with a choice on validation.

Taught in the chapter on representation learning ("pretext-tasks"). Alain and Bengio 2016, arXiv:1610.01644 (probes);
Wu et al. 2018, arXiv:1805.01978 (weighted k-NN with cosines).

    linear probe   standardise each feature on the labelled pictures, then multinomial logistic regression
                   min over W, b   mean_n -log softmax(W z_n + b)_{y_n} + |W|^2 / (2 C N),   C chosen on validation
    k-NN           cosine of standardised features; the class with the largest sum of exp(cosine / 0.1) among k

The encoder is never touched. Labels of validation choose C and nothing else; test pictures are scored once.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_labels, check_positive, check_tensors

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
ITERATIONS = 100


@dataclass(frozen=True)
class Probe:
    """A fitted linear probe.

    Attributes:
        model: Scaler and logistic regression of scikit-learn.
        strength: C, the inverse of the regularisation that validation chose.
        validation: Its share of right answers there, in [0, 1].
    """

    model: Pipeline
    strength: float
    validation: float

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Share of right answers, in [0, 1], for features (N, D) and labels (N,)."""
        check_tensors(features=(features, "N D"))
        check_labels("labels", labels, features=features)
        return float(self.model.score(features.double().numpy(), labels.numpy()))


def linear_probe(features: Tensor, labels: Tensor, *, validation: tuple[Tensor, Tensor],
                 strengths: Sequence[float] = STRENGTHS) -> Probe:  # fmt: skip
    """Fit a linear classifier on frozen features.

    Args:
        features: (N, D) of labelled pictures.
        labels: (N,) int64.
        validation: Features (M, D) and labels (M,) that choose C.
        strengths: Values of C to try, ascending, each from where the last one ended and for at most 100 iterations of
            L-BFGS; of equally good ones the smallest is taken.

    Raises:
        ValueError: For shapes or labels that do not fit, or no value of C.
    """
    check_tensors(features=(features, "N D"), validation=(validation[0], "M D"))
    check_labels("labels", labels, features=features)
    if not strengths:
        raise ValueError("strengths must name at least one value of C, not none")
    scaler = StandardScaler().fit(features.double().numpy())
    x, checked = (scaler.transform(f.double().numpy()) for f in (features, validation[0]))
    model: Any = LogisticRegression(max_iter=ITERATIONS, tol=1e-3, warm_start=True)
    best: Probe | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the next, larger C goes on from here
        for strength in strengths:
            model.set_params(C=strength).fit(x, labels.numpy())
            score = float(model.score(checked, validation[1].numpy()))
            if best is None or score > best.validation:
                best = Probe(make_pipeline(scaler, copy.deepcopy(model)), strength, score)
    assert best is not None
    return best


def knn_labels(queries: Tensor, features: Tensor, labels: Tensor, *, k: int = 10, temperature: float = 0.1) -> Tensor:
    """Classes by a weighted vote of the nearest labelled pictures.

    Args:
        queries: (M, D) features.
        features: (N, D) of labelled pictures; their mean and deviation standardise both.
        labels: (N,) int64.
        k: Neighbours, 1 ... N.
        temperature: Of the votes, above 0.

    Returns:
        (M,) int64.

    Raises:
        ValueError: For shapes or labels that do not fit, or k out of range.
    """
    check_tensors(queries=(queries, "M D"), features=(features, "N D"))
    check_labels("labels", labels, features=features)
    check_positive(temperature=temperature)
    if not 1 <= k <= len(features):
        raise ValueError(f"k must be 1 to {len(features)}, the number of labelled pictures, not {k}")
    mean, deviation = features.mean(0), features.std(0, correction=0).clamp(min=1e-6)
    known = F.normalize((features - mean) / deviation, dim=1)
    cosine, index = (F.normalize((queries - mean) / deviation, dim=1) @ known.T).topk(k, dim=1)  # (M, k)
    votes = torch.zeros(len(queries), int(labels.max()) + 1, dtype=queries.dtype)
    votes.scatter_add_(1, labels[index], (cosine / temperature).exp())
    return votes.argmax(1)
