"""Guidance: more of what was asked for, less of everything else (chapter 18).

    Bayes             grad log p(x | y) = grad log p(x) + grad log p(y | x)
    classifier        eps_hat = eps(x) - gamma s grad_x log p(y | x)                     s = sqrt(1 - alpha_bar_t)
                      (Dhariwal and Nichol 2021, arXiv:2105.05233)
    classifier-free   eps_hat = eps(x) + w (eps(x, y) - eps(x))  =  (1 + gamma) eps(x, y) - gamma eps(x),  w = 1 + gamma
                      (Ho and Salimans 2022, arXiv:2207.12598)

w = 0 does not listen, w = 1 samples the conditional model as it is (gamma = 0), w > 1 exaggerates. The same combination
of velocities guides flow matching, because noise and velocity are linear in each other.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_labels
from course_lib.diffusion.losses import Predictor
from course_lib.diffusion.schedules import NoiseSchedule


def guided(conditional: Tensor, unconditional: Tensor, weight: float) -> Tensor:
    """unconditional + weight (conditional - unconditional), for predictions of any kind but of one shape."""
    if conditional.shape != unconditional.shape:
        raise ValueError(f"both must have one shape, not {tuple(conditional.shape)} and {tuple(unconditional.shape)}")
    return unconditional + weight * (conditional - unconditional)


def classifier_free(model: Callable[[Tensor, Tensor, Tensor], Tensor], labels: Tensor, weight: float) -> Predictor:
    """A predictor that asks with and without the label.

    Args:
        model: From x (B, ...), t (B,) and labels (B,), -1 for none, to a prediction (B, ...).
        labels: (B,) int64, what is asked for.
        weight: w. For 1 and for 0 one question is enough, and only one is asked; else both are asked in one batch.

    Returns:
        A function of x and t.

    Raises:
        ValueError: If labels are none.
    """
    check_labels("labels", labels)
    none = torch.full_like(labels, -1)

    def predict(x: Tensor, t: Tensor) -> Tensor:
        if weight in (0, 1):
            return model(x, t, labels if weight else none)
        both = model(torch.cat([x, x]), torch.cat([t, t]), torch.cat([labels, none]))
        told, untold = both.chunk(2)
        return guided(told, untold, weight)

    return predict


def class_gradient(classifier: Callable[[Tensor, Tensor], Tensor], x: Tensor, t: Tensor, *, labels: Tensor) -> Tensor:
    """grad_x log p(y | x) by a classifier that gives scores (B, K); (B, ...) as x."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        log = classifier(x, t).log_softmax(1).gather(1, labels[:, None]).sum()
        return torch.autograd.grad(log, x)[0]


def classifier_guided(predict: Predictor, classifier: Callable[[Tensor, Tensor], Tensor], labels: Tensor, *,
                      scale: float, schedule: NoiseSchedule) -> Predictor:  # fmt: skip
    """A predictor of noise that is pushed by a classifier of noisy pictures.

    Args:
        predict: The noise without a class.
        classifier: From x (B, ...) and t (B,) to scores (B, K).
        labels: (B,) int64, what is asked for.
        scale: gamma, 0 or more.
        schedule: Gives s.

    Returns:
        A function of x and t, (B,) int64.

    Raises:
        ValueError: If labels are none, or the scale is negative.
    """
    check_labels("labels", labels)
    if scale < 0:
        raise ValueError(f"scale must be 0 or more, not {scale}")

    def guided_noise(x: Tensor, t: Tensor) -> Tensor:
        sigma = schedule.rates(t, x)[1]
        push = class_gradient(classifier, x, t, labels=labels)
        return predict(x, t) - scale * sigma * push

    return guided_noise
