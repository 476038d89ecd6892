"""The square attack: fool a network of which only the answers can be seen (chapter 7).

Andriushchenko, Croce, Flammarion, Hein, "Square attack: a query-efficient black-box adversarial attack via random
search", 2019, arXiv:1912.00049. Random search in the cube |x - x0|_inf <= eps:

    start     vertical stripes of width 1, each channel of each stripe at +eps or -eps
    query     in one random square, each channel goes to x0 + eps or x0 - eps; kept if the margin
              f_y - max over k != y of f_k  falls
    stop      an image whose margin is negative is left alone

The square's area begins at a share of the picture and is halved as queries are spent. The paper halves at fixed counts
of queries out of 10,000; here at the same shares of `queries`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_labels, check_positive, check_tensors

HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # shares of the queries after which the area is halved


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """The true class's score minus the best other score, (B,); negative when the answer is wrong."""
    own = logits.gather(1, labels[:, None])
    return (own - logits.scatter(1, labels[:, None], -torch.inf).amax(1, keepdim=True))[:, 0]


@torch.no_grad()
def square_attack(
    scores: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    queries: int,
    generator: torch.Generator,
    share: float = 0.3,
) -> tuple[Tensor, Tensor]:
    """Random search with squares; no gradient is ever asked for.

    Args:
        scores: Maps images (B, C, H, W) to scores (B, K): all that the attacker may see.
        images: (B, C, H, W) in [0, 1].
        labels: (B,) int64, the true classes.
        eps: Largest change of a value.
        queries: Most questions for each image.
        generator: Source of stripes, squares and signs.
        share: Of the picture's area that the first squares cover, in (0, 1].

    Returns:
        Images (B, C, H, W) in [0, 1] at most eps away, and the questions each needed (B,) int64; `queries` + 1 where
        the class still stands.

    Raises:
        ValueError: If an argument does not fit.
    """
    check_tensors(images=(images, "B C H W"))
    check_positive(queries=queries, share=share)
    count, channels, height, width = images.shape

    def signs(*shape: int) -> Tensor:
        return 2.0 * torch.randint(0, 2, shape, generator=generator, device=images.device) - 1

    moved = (images + eps * signs(count, channels, 1, width)).clamp(0, 1)
    logits = scores(moved)
    check_labels("labels", labels, logits.shape[1], images=images)
    best = margins(logits, labels)
    needed = torch.where(best < 0, 1, queries + 1)
    for query in range(2, queries + 1):
        rows = (best >= 0).nonzero()[:, 0]
        if len(rows) == 0:
            break
        area = share / 2 ** sum(query > h * queries for h in HALVINGS)
        side = max(1, min(round((area * height * width) ** 0.5), height, width))
        tried = moved[rows]
        for i, row in enumerate(rows.tolist()):
            top, left = (
                int(torch.randint(0, n - side + 1, (), generator=generator, device=images.device))
                for n in (height, width)
            )
            window = (slice(None), slice(top, top + side), slice(left, left + side))
            tried[i][window] = (images[row][window] + eps * signs(channels, 1, 1)).clamp(0, 1)
        margin = margins(scores(tried), labels[rows])
        better = margin < best[rows]
        moved[rows[better]], best[rows[better]] = tried[better], margin[better]
        needed[rows[margin < 0]] = query
    return moved, needed
