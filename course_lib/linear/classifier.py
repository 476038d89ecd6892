"""What all linear classifiers share: scores, hyperplanes and distances to them (chapter 2, "linear-classifier").

    score(x) = w^T x + b,   class = sign(score) for two classes, argmax_k score_k for more

w is perpendicular to the hyperplane score = 0, and score / |w| is the signed distance of x from it.
"""

from __future__ import annotations

from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.linear.basis import add_bias


def linear_scores(X: Tensor, weights: Tensor) -> Tensor:
    """w^T x + b for each sample and class.

    Args:
        X: (N, D) samples, floating point.
        weights: (D + 1,) for two classes or (D + 1, K), the intercept last.

    Returns:
        (N,) or (N, K) scores.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(X=(X, "N D"), weights=(weights, "F K" if isinstance(weights, Tensor) and weights.ndim == 2 else "F"))
    if weights.dtype != X.dtype:
        raise ValueError(f"X is {X.dtype} but weights is {weights.dtype}; convert one with .to(dtype)")
    if len(weights) != X.shape[1] + 1:
        raise ValueError(f"weights needs {X.shape[1] + 1} rows, one a feature and an intercept, not {len(weights)}")
    return add_bias(X) @ weights


def hyperplane_distance(X: Tensor, weights: Tensor) -> Tensor:
    """Signed distance of each sample from the hyperplane w^T x + b = 0, in the units of x.

    Args:
        X: (N, D) samples, floating point.
        weights: (D + 1,), the intercept last; the other weights must not all be zero.

    Returns:
        (N,) distances, positive on the side that w points to.

    Raises:
        ValueError: For bad shapes or values, or w = 0.
    """
    check_tensors(X=(X, "N D"), weights=(weights, "F"))
    norm = weights[:-1].norm()
    if norm == 0:
        raise ValueError("w = 0 defines no hyperplane: at least one weight beside the intercept must differ from 0")
    return linear_scores(X, weights) / norm
