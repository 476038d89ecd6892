"""Labels from the clock: in which order do these frames belong? (chapter 12, "temporal-order")

    n frames of a clip, shuffled by a permutation s; the network says which s it was, forwards or backwards alike
    n! / 2 classes:    (0, 1, 2) = (2, 1, 0),    (0, 2, 1) = (2, 0, 1),    (1, 0, 2) = (1, 2, 0)

A swing looks right both ways: an order s of a clip and the order n - 1 - s of the clip played backwards show the same
pictures, so these are one class. (To read the shown strip backwards is something else.) Frames go through one
network, pairs of features meet in one hidden layer each, and all pairs together decide: Lee, Huang, Singh, Yang,
Unsupervised representation learning by sorting sequences, ICCV 2017, arXiv:1708.01246; the yes-or-no question "is the
order right?" is Misra, Zitnick, Hebert, Shuffle and learn, ECCV 2016, arXiv:1603.08561. What was learnt is judged by
a linear probe.
"""

from __future__ import annotations

from itertools import combinations, permutations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive
from course_lib.video.clips import check_clips
from course_lib.video.fusion import WIDTHS, trunk


def frame_orders(frames: int, *, both_ways: bool = True) -> Tensor:
    """All orders that count as different.

    Args:
        frames: n, from 2 to 6.
        both_ways: Whether an order and that of the clip played backwards, n - 1 - s, are the same; then the one stands
            whose first number is smaller than its last.

    Returns:
        (n! / 2, n) int64, or (n!, n).

    Raises:
        ValueError: For another number of frames.
    """
    if not 2 <= frames <= 6:
        raise ValueError(f"frames must be from 2 to 6, not {frames}")
    found = [order for order in permutations(range(frames)) if not both_ways or order[0] < order[-1]]
    return torch.tensor(found)


def shuffled(clips: Tensor, orders: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each clip in an order drawn from a list, and half of them played backwards if the list has one way only.

    Args:
        clips: (B, n, C, H, W).
        orders: (K, n) permutations, as `frame_orders` gives them.
        generator: Source of the orders.

    Returns:
        Clips of the same shape and the number of each one's order, (B,) int64.

    Raises:
        ValueError: If clips and orders have different numbers of frames.
    """
    if clips.shape[1] != orders.shape[1]:
        raise ValueError(f"clips of {clips.shape[1]} frames cannot be put in orders of {orders.shape[1]}")
    count = len(clips)
    labels = torch.randint(len(orders), (count,), generator=generator, device=generator.device).to(clips.device)
    chosen = orders.to(clips.device)[labels]
    back = torch.rand(count, generator=generator, device=generator.device).to(clips.device) < 0.5
    last = orders.shape[1] - 1
    one_way = not bool((orders[:, None] == (last - orders)[None]).all(2).any())
    chosen = torch.where((back & one_way)[:, None], last - chosen, chosen)
    return clips[torch.arange(count, device=clips.device)[:, None], chosen], labels


class OrderNetwork(nn.Module):
    """Which order were these frames put in?

    Args:
        orders: K, how many there are.
        frames: n.
        side: Side of the trunk's last map, a 16th of the clips'.
        hidden: Width of the layer in which two frames meet.
    """

    def __init__(self, orders: int, frames: int = 3, *, side: int = 4, hidden: int = 64):
        super().__init__()
        check_positive(orders=orders, frames=frames, side=side, hidden=hidden)
        self.trunk, self.pairs = trunk(3), list(combinations(range(frames), 2))
        self.meet = nn.Sequential(nn.Linear(2 * WIDTHS[-1] * side**2, hidden), nn.ReLU())
        self.head = nn.Linear(hidden * len(self.pairs), orders)

    def features(self, clips: Tensor) -> Tensor:
        """What the pairs of frames say, (B, pairs * hidden), of clips (B, n, 3, H, W) in [0, 1]."""
        check_clips(clips, frames=2)
        maps = self.trunk(2 * clips.flatten(0, 1) - 1).flatten(1).unflatten(0, clips.shape[:2])  # (B, n, D side side)
        met = [self.meet(torch.cat([maps[:, a], maps[:, b]], 1)) for a, b in self.pairs]
        return torch.cat(met, 1)

    def forward(self, clips: Tensor) -> Tensor:
        """Logits (B, K) of clips (B, n, 3, H, W) in [0, 1]."""
        return self.head(self.features(clips))
