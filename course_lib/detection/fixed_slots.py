"""Detection with a fixed number of outputs: enough for one object, in trouble with two (chapter 10, "single-object").

    one object     L = -log p_y + lambda sum_j smooth_l1(b_j - b*_j): a name and four numbers from one hidden layer
    two objects    which output is to find which object? listed in any order, the mean of both is the best answer
    pairing        the cheaper of both orders counts: min( d(b1, A) + d(b2, B), d(b1, B) + d(b2, A) )

The last line is the idea of `set_loss` for two. Boxes are shares of the picture's sides.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes

BETA = 0.1  # where the distance of a box turns from quadratic to linear, in picture widths


class FixedSlots(nn.Module):
    """One hidden layer, a name, and a number of boxes.

    Args:
        features: D, numbers that describe a picture.
        classes: K.
        boxes: M, how many boxes there are, always.
        hidden: Units that name and boxes share.
    """

    def __init__(self, features: int, classes: int, boxes: int = 1, *, hidden: int = 64):
        super().__init__()
        check_positive(features=features, classes=classes, boxes=boxes, hidden=hidden)
        self.trunk = nn.Sequential(nn.Linear(features, hidden), nn.ReLU())
        self.name, self.place = nn.Linear(hidden, classes), nn.Linear(hidden, 4 * boxes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, K) and boxes (B, M, 4) of features (B, D)."""
        h = self.trunk(x)
        return self.name(h), self.place(h).unflatten(1, (-1, 4))


def box_costs(boxes: Tensor, targets: Tensor) -> Tensor:
    """Smooth L1 distance (B,) of all M boxes (B, M, 4) from targets (B, M, 4), the mean over their numbers.

    Raises:
        ValueError: For shapes that differ.
    """
    check_shapes(boxes=(boxes, "B M 4"), targets=(targets, "B M 4"))
    return F.smooth_l1_loss(boxes, targets, beta=BETA, reduction="none").mean((1, 2))


def name_and_box_loss(scores: Tensor, boxes: Tensor, labels: Tensor, *, targets: Tensor, weight: float) -> Tensor:
    """Cross-entropy of the name plus `weight` (lambda) times the distance of the box; of shape ().

    Args:
        scores: (B, K) before the softmax.
        boxes: (B, 1, 4).
        labels: (B,) int64.
        targets: (B, 1, 4).
        weight: How many nats a picture width is worth.
    """
    return F.cross_entropy(scores, labels) + weight * box_costs(boxes, targets).mean()


def pair_costs(boxes: Tensor, targets: Tensor) -> Tensor:
    """Distance (B,) of two boxes (B, 2, 4) from two targets (B, 2, 4) in the cheaper of both orders.

    Raises:
        ValueError: For another number than two, or shapes that differ.
    """
    check_shapes(boxes=(boxes, "B 2 4"), targets=(targets, "B 2 4"))
    return box_costs(boxes, targets).minimum(box_costs(boxes, targets.flip(1)))
