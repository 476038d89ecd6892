"""Adam and AdamW (chapter 3, "training-tricks"): momentum, and a step size for every weight.

    m <- b1 m + (1 - b1) g            running mean of the gradient
    v <- b2 v + (1 - b2) g^2          running mean of its square
    p <- p - lr * m_hat / (sqrt(v_hat) + eps),     m_hat = m / (1 - b1^t),  v_hat = v / (1 - b2^t)

m and v start at zero; the divisions undo that bias. Adam adds weight_decay * p to g, where the division then changes
its strength from weight to weight; AdamW shrinks p <- (1 - lr weight_decay) p beside the step. Step for step equal to
torch.optim.Adam and AdamW. Kingma and Ba 2015, 1412.6980; Loshchilov and Hutter 2019, 1711.05101.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.optim.optimiser import Optimiser


class Adam(Optimiser):
    """Adaptive moments, with the interface of torch's optimisers."""

    decoupled = False  # where the weight decay acts; AdamW overrides it

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        """Remember the parameters and start with empty averages.

        Args:
            params: Tensors that require gradients, or groups of them.
            lr: Learning rate, above 0; about the length of a step in each coordinate.
            betas: Memory of the two averages, each at least 0 and below 1.
            eps: Keeps the division finite, above 0.
            weight_decay: At least 0.

        Raises:
            ValueError: For no parameters or a value out of range.
        """
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def check(self, group: dict[str, Any]) -> None:
        """Betas in [0, 1), eps above 0, weight decay at least 0."""
        betas, decay = group["betas"], group["weight_decay"]
        check_positive(eps=group["eps"])
        if not all(0 <= b < 1 for b in betas) or decay < 0:
            raise ValueError(
                f"{type(self).__name__} needs betas in [0, 1) and weight_decay >= 0, not {betas} and {decay}"
            )

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any], state: dict[str, Any]) -> None:
        """One step of the equations above."""
        if not state:
            state.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
        if group["weight_decay"] and self.decoupled:
            p.mul_(1 - group["lr"] * group["weight_decay"])
        elif group["weight_decay"]:
            g = g + group["weight_decay"] * p
        (b1, b2), m, v = group["betas"], state["exp_avg"], state["exp_avg_sq"]
        state["step"] += 1
        m.lerp_(g, 1 - b1)
        v.mul_(b2).addcmul_(g, g, value=1 - b2)
        m_grown, v_grown = 1 - b1 ** state["step"], 1 - b2 ** state["step"]
        root = v.sqrt().div_(v_grown**0.5).add_(group["eps"])
        p.addcdiv_(m, root, value=-group["lr"] / m_grown)


class AdamW(Adam):
    """Adam with weight decay beside the step instead of inside the gradient."""

    decoupled = True
