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

import torch
from torch import Tensor

from course_lib.core.checks import check_positive


class Adam:
    """Updates parameters in place from their `.grad`, with the interface of torch's optimisers."""

    decoupled = False  # where the weight decay acts; AdamW overrides it

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        """Remember the parameters and start with empty averages.

        Args:
            params: Tensors that require gradients.
            lr: Learning rate, above 0; about the length of a step in each coordinate.
            betas: Memory of the two averages, each at least 0 and below 1.
            eps: Keeps the division finite, above 0.
            weight_decay: At least 0.

        Raises:
            ValueError: For no parameters or a value out of range.
        """
        self.params = list(params)
        check_positive(lr=lr, eps=eps)
        if not self.params or not all(0 <= b < 1 for b in betas) or weight_decay < 0:
            raise ValueError(
                "Adam needs at least one parameter, betas in [0, 1) and weight_decay >= 0, "
                f"not {len(self.params)} parameters, betas={betas}, weight_decay={weight_decay}"
            )
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.means = [torch.zeros_like(p) for p in self.params]
        self.squares = [torch.zeros_like(p) for p in self.params]
        self.steps = [0] * len(self.params)

    def zero_grad(self) -> None:
        """Forget the gradients of the last batch."""
        for p in self.params:
            p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient once."""
        b1, b2 = self.betas
        for i, (p, m, v) in enumerate(zip(self.params, self.means, self.squares, strict=True)):
            if p.grad is None:
                continue
            g = p.grad
            if self.weight_decay and self.decoupled:
                p.mul_(1 - self.lr * self.weight_decay)
            elif self.weight_decay:
                g = g + self.weight_decay * p
            self.steps[i] += 1
            m.lerp_(g, 1 - b1)
            v.mul_(b2).addcmul_(g, g, value=1 - b2)
            m_grown, v_grown = 1 - b1 ** self.steps[i], 1 - b2 ** self.steps[i]
            root = v.sqrt().div_(v_grown**0.5).add_(self.eps)
            p.addcdiv_(m, root, value=-self.lr / m_grown)


class AdamW(Adam):
    """Adam with weight decay beside the step instead of inside the gradient."""

    decoupled = True
