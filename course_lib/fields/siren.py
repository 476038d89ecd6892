"""A network whose bend is a sine (chapter 20, "beyond-encoding").

    h_1 = sin(w_0 (W_1 x + b_1)),   h_{k+1} = sin(w_0 (W_k h_k + b_k)),   f = W h_K + b       w_0 = 30

First weights U(-1/n, 1/n), the others U(-sqrt(6/n)/w_0, sqrt(6/n)/w_0), with n inputs to the layer. Why: let the inputs
of a layer have mean 0 and second moment v. With weights U(-c/sqrt(n), c/sqrt(n)), times w_0 already, the sum has the
variance n (c^2 / 3n) v = c^2 v / 3, which for v = 1/2 and c = sqrt(6) is 1; it is nearly normal; and a sine of a normal
variable of variance s has the second moment (1 - exp(-2 s)) / 2. So v' = (1 - exp(-4 v)) / 2, whose fixed point is
v = 0.398: deep layers see what early layers see. Sitzmann et al. 2020, 2006.09661, argue with v = 1/2, the second
moment of sin(u) for even u. Derivatives of a SIREN are SIRENs, so it can also be fitted to slopes.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes


class Siren(nn.Module):
    """An MLP with sines.

    Args:
        dims: D, coordinates of a point.
        hidden: Units of a hidden layer.
        depth: Hidden layers.
        outputs: Numbers at a point.
        omega: w_0, how fast the sines of all layers are; above 0. The first layer's decides which detail is easy.
    """

    def __init__(self, dims: int = 2, hidden: int = 64, *, depth: int = 3, outputs: int = 3, omega: float = 30.0):
        super().__init__()
        check_positive(dims=dims, hidden=hidden, depth=depth, outputs=outputs, omega=omega)
        self.omega = omega
        sizes = [dims] + [hidden] * depth
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.last = nn.Linear(hidden, outputs)
        for k, layer in enumerate([*self.layers, self.last]):
            siren_init(layer, omega, first=k == 0)

    def forward(self, points: Tensor) -> Tensor:
        """Points (..., D) in [-1, 1] to values (..., outputs)."""
        check_shapes(points=(points, "... D"))
        for sums in self.sums(points):
            hidden = sums.sin()
        return self.last(hidden)

    def sums(self, points: Tensor) -> list[Tensor]:
        """What goes into the sines, one (..., hidden) for each layer: to look at."""
        found: list[Tensor] = []
        hidden = points
        for layer in self.layers:
            found.append(self.omega * layer(hidden))
            hidden = found[-1].sin()
        return found


@torch.no_grad()
def siren_init(layer: nn.Linear, omega: float, *, first: bool = False) -> None:
    """Draw the weights of a layer in place, as derived above.

    Args:
        layer: Followed by sin(omega * ...), or the last one.
        omega: w_0, above 0.
        first: Whether its inputs are coordinates in [-1, 1] instead of sines.
    """
    check_positive(omega=omega)
    inputs = layer.in_features
    reach = 1 / inputs if first else math.sqrt(6 / inputs) / omega
    layer.weight.uniform_(-reach, reach)
    layer.bias.uniform_(-reach, reach)


def next_moment(moment: float) -> float:
    """Second moment of a layer's sines if that of its inputs is `moment`: v' = (1 - exp(-4 v)) / 2."""
    check_positive(moment=moment)
    return (1 - math.exp(-4 * moment)) / 2
