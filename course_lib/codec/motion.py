"""Block motion (chapter 4, "video-compression"): for each 16 x 16 block, where was it in the frame before?

    SAD(v) = sum over the block of |current(p) - reference(p + v)|

Full search tries every whole-pixel vector in a window. Diamond search (Zhu and Ma, 2000) walks: try the four
neighbours two pixels away on each axis and the four between them, go to the best, repeat; when the centre is best, try
the four nearest. Both prefer, among nearly equal vectors, the shorter one, which is cheaper to send. Vectors are
(dx, dy) in half pixels; refine_half_pixel adds the last half. Outside the picture the edge pixel goes on.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_tensors

BLOCK = 16
LARGE = ((0, 2), (1, 1), (2, 0), (1, -1), (0, -2), (-1, -1), (-2, 0), (-1, 1))
SMALL = ((0, 1), (1, 0), (0, -1), (-1, 0))
AROUND = tuple((x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if x or y)
BIAS = 2.0 / 255 * BLOCK  # what a vector must save, per pixel of its length, to be worth its bits


def compensate(reference: Tensor, vectors: Tensor, block: int = BLOCK, *, unit: float = 0.5) -> Tensor:
    """Build a picture from moved blocks of another, bilinear between pixels.

    Args:
        reference: (B, H, W), H and W multiples of block.
        vectors: (B, H / block, W / block, 2) int64, (dx, dy).
        block: Side of a block in this picture.
        unit: Length of one step of a vector in pixels of this picture: 0.5 for brightness, 0.25 for halved colour.

    Returns:
        (B, H, W).
    """
    count, height, width = reference.shape
    moved = vectors.to(reference.dtype).repeat_interleave(block, 1).repeat_interleave(block, 2) * unit  # (B, H, W, 2)
    x = (torch.arange(width, device=reference.device) + moved[..., 0]).clamp(0, width - 1)
    y = (torch.arange(height, device=reference.device)[:, None] + moved[..., 1]).clamp(0, height - 1)
    flat = reference.flatten(1)

    def fetch(row: Tensor, column: Tensor) -> Tensor:
        return flat.gather(1, (row * width + column).flatten(1)).view(count, height, width)

    left, top = x.floor().long(), y.floor().long()
    if torch.equal(x, left.to(x)) and torch.equal(y, top.to(y)):
        return fetch(top, left)  # whole pixels, as in a search: nothing to blend
    left, top = left.clamp(max=max(width - 2, 0)), top.clamp(max=max(height - 2, 0))
    a, b = x - left, y - top
    upper = (1 - a) * fetch(top, left) + a * fetch(top, left + 1)
    lower = (1 - a) * fetch(top + 1, left) + a * fetch(top + 1, left + 1)
    return (1 - b) * upper + b * lower


def block_cost(current: Tensor, reference: Tensor, vectors: Tensor) -> Tensor:
    """SAD of each block for one vector each, with the price of the vector's length; (B, rows, columns)."""
    error = (current - compensate(reference, vectors)).abs()
    sums = F.avg_pool2d(error[:, None], BLOCK)[:, 0] * BLOCK**2
    return sums + BIAS * 0.5 * vectors.abs().sum(-1).to(sums.dtype)


def full_search(current: Tensor, reference: Tensor, reach: int = 7) -> tuple[Tensor, int]:
    """The best whole-pixel vector of each block among all (2 reach + 1)^2.

    Args:
        current, reference: (B, H, W) in [0, 1], H and W multiples of 16.
        reach: Largest |dx| and |dy| in pixels, at least 0.

    Returns:
        (B, H / 16, W / 16, 2) int64 vectors in half pixels, and how many vectors were tried for each block.

    Raises:
        ValueError: For bad shapes or values, sizes that are no multiples of 16, or a negative reach.
    """
    _check(current, reference, reach)
    rows, columns = (n // BLOCK for n in current.shape[1:])
    padded = F.pad(reference[:, None], [reach] * 4, mode="replicate")[:, 0]
    best, lowest = current.new_zeros(len(current), rows, columns, 2).long(), None
    moves = sorted(((x, y) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)),
                   key=lambda v: abs(v[0]) + abs(v[1]))  # fmt: skip
    for x, y in moves:
        there = padded[:, reach + y : reach + y + current.shape[1], reach + x : reach + x + current.shape[2]]
        cost = F.avg_pool2d((current - there).abs()[:, None], BLOCK)[:, 0] * BLOCK**2 + BIAS * (abs(x) + abs(y))
        vector = torch.tensor([2 * x, 2 * y], device=current.device)
        if lowest is None:
            lowest, best = cost, vector.expand_as(best)
        else:
            better = cost < lowest
            best, lowest = torch.where(better[..., None], vector, best), torch.minimum(cost, lowest)
    return best, len(moves)


def diamond_search(current: Tensor, reference: Tensor, reach: int = 7) -> tuple[Tensor, float]:
    """A good whole-pixel vector of each block by walking downhill; may stop in a local minimum.

    Arguments, errors and vectors as `full_search`; the count is the mean over blocks of vectors tried.
    """
    _check(current, reference, reach)
    rows, columns = (n // BLOCK for n in current.shape[1:])
    best = torch.zeros(len(current), rows, columns, 2, dtype=torch.int64, device=current.device)
    lowest = block_cost(current, reference, best)
    tried = torch.ones_like(lowest)
    walking = torch.ones_like(lowest, dtype=torch.bool)
    while walking.any():  # a block that has stopped finds nothing better at the same place, so all may try again
        best, lowest, moved = _step(current, reference, best, lowest, LARGE, 2, reach)
        tried += walking * len(LARGE)
        walking = walking & moved
    best, _, _ = _step(current, reference, best, lowest, SMALL, 2, reach)
    return best, float((tried + len(SMALL)).mean())


def refine_half_pixel(current: Tensor, reference: Tensor, vectors: Tensor) -> Tensor:
    """Try the eight half-pixel neighbours of each vector and keep the best; shapes as `full_search`."""
    lowest = block_cost(current, reference, vectors)
    return _step(current, reference, vectors, lowest, AROUND, 1, 1 << 14)[0]


def _step(current: Tensor, reference: Tensor, start: Tensor, lowest: Tensor, moves: tuple, scale: int,
          reach: int) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Try moves from `start`; give the best vectors, their costs, and which blocks moved."""
    best = start
    trials = start + scale * torch.tensor(moves, device=start.device).view(-1, 1, 1, 1, 2)  # one for each move
    now, past = (x.expand(len(moves), *x.shape).flatten(0, 1) for x in (current, reference))
    costs = block_cost(now, past, trials.flatten(0, 1)).view(trials.shape[:-1])
    for tried, cost in zip(trials, costs, strict=True):
        better = (cost < lowest) & (tried.abs().amax(-1) <= 2 * reach)
        best, lowest = torch.where(better[..., None], tried, best), torch.where(better, cost, lowest)
    return best, lowest, (best != start).any(-1)


def _check(current: Tensor, reference: Tensor, reach: int) -> None:
    check_tensors(current=(current, "B H W"), reference=(reference, "B H W"))
    if current.shape[1] % BLOCK or current.shape[2] % BLOCK:
        raise ValueError(f"height and width must be multiples of {BLOCK}, not {tuple(current.shape[1:])}")
    if not isinstance(reach, int) or reach < 0:
        raise ValueError(f"reach must be an integer of 0 or more pixels, not {reach!r}")
