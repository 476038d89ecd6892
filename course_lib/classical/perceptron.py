"""Rosenblatt's perceptron (chapter 3, "perceptron"): the first rule by which a machine learned weights from examples.

Append 1 to every sample; labels are +1 and -1. Go through the samples in order, and whenever one is on the wrong side
of the border (or on it),

    w <- w + y x

If a hyperplane separates the classes with margin gamma (weights of length 1) and all samples have length at most R,
there are at most (R / gamma)^2 mistakes ever (Novikoff 1962). If none does, the weights never settle, but they stay
bounded; with integer inputs they must come back to a state that they have been in. Rosenblatt 1958.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


@dataclass(frozen=True)
class PerceptronFit:
    """What the rule did.

    Attributes:
        weights: (E + 1, D + 1) weights before the first pass and after each of the E passes, the bias last.
        mistakes: Wrong samples met in each pass.
        converged: Whether the last pass made no mistake.
        cycle: Passes after which the weights came back to an earlier state, or None; then they repeat for ever.
    """

    weights: Tensor
    mistakes: list[int]
    converged: bool
    cycle: int | None


def perceptron(X: Tensor, y: Tensor, epochs: int = 100) -> PerceptronFit:
    """Run the perceptron rule until a pass makes no mistake, the weights cycle, or the passes are used up.

    Args:
        X: (N, D) samples, floating point.
        y: (N,) labels +1 and -1, floating point.
        epochs: At most this often through the data, at least 1.

    Returns:
        The weights after each pass and how it ended.

    Raises:
        ValueError: If shapes do not fit or a label is neither +1 nor -1.
    """
    check_tensors(X=(X, "N D"), y=(y, "N"))
    check_positive(epochs=epochs)
    if not (y.abs() == 1).all():
        raise ValueError(f"y must hold +1 and -1 only, but it holds {sorted(set(y.tolist()))[:4]}")
    samples = torch.cat([X, X.new_ones(len(X), 1)], dim=1)  # (N, D + 1)
    w = samples.new_zeros(samples.shape[1])
    states, mistakes = [w.clone()], []
    for _ in range(epochs):
        wrong = 0
        for x, label in zip(samples, y, strict=True):
            if label * (w @ x) <= 0:
                w = w + label * x
                wrong += 1
        mistakes.append(wrong)
        seen = [i for i, state in enumerate(states) if torch.equal(state, w)]
        states.append(w)
        if wrong == 0:
            return PerceptronFit(torch.stack(states), mistakes, True, None)
        if seen:
            return PerceptronFit(torch.stack(states), mistakes, False, len(states) - 1 - seen[-1])
    return PerceptronFit(torch.stack(states), mistakes, False, None)
