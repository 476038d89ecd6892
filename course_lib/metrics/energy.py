"""Energy distance: are two clouds of points draws of one distribution? (chapter 18)

    d = 2 E|X - Y| - E|X - X'| - E|Y - Y'|

with independent X, X' and Y, Y'. It is 0 only for equal distributions: Szekely and Rizzo, "Energy statistics", 2013.
Means are over all pairs, a point with itself included, as SciPy's `energy_distance` has it in one dimension (which
returns the root of d). Between finite draws of one distribution it is not 0 but about E|X - X'| (1/N + 1/M): the floor
to compare with.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors


def energy_distance(x: Tensor, y: Tensor) -> float:
    """Squared energy distance of two samples.

    Args:
        x: (N, D).
        y: (M, D).

    Returns:
        0 or more, in the unit of x and y.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(x=(x, "N D"), y=(y, "M D"))
    x, y = x.double(), y.double()
    between, within, others = (float(torch.cdist(a, b).mean()) for a, b in ((x, y), (x, x), (y, y)))
    return max(2 * between - within - others, 0.0)
