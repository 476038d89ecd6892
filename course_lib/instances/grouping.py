"""From maps to people: find the peaks, join them limb by limb, follow the joins (chapter 11, "pose").

    peaks       cells of a heat map that no neighbour exceeds; a parabola through log H of three cells moves each by
                delta = (l_- - l_+) / (2 (l_- - 2 l_0 + l_+)): exact for a Gaussian bump
    pairs       for each limb, candidates a x b with scores E_ab: take the best, strike its row and column, go on
    people      the limbs form a tree and each limb's pairs are one to one, so a connected set of joined peaks holds
                each key point at most once: it is one person

Cao et al. 2017, arXiv:1611.08050; the greedy rule replaces the assignment of least cost (Kuhn 1955, here SciPy's),
which `optimal_pairs` keeps for comparison. `distance_scores` is the control without any field: near is joined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_shapes
from course_lib.instances.affinity import LIMBS, limb_scores

Pairs = list[tuple[int, int]]


def find_peaks(maps: Tensor, stride: int = 2, *, least: float = 0.2) -> list[Tensor]:
    """Local maxima of heat maps, between the cells.

    Args:
        maps: (K, h, w), one map a key point.
        stride: Pixels between neighbours.
        least: Smallest value of a peak.

    Returns:
        K tensors (P, 3): x, y in pixels and the value of the cell; the largest first.

    Raises:
        ValueError: For other shapes.
    """
    check_shapes(maps=(maps, "K h w"))
    top = F.max_pool2d(maps[None], 3, stride=1, padding=1)[0]
    number, row, column = ((maps == top) & (maps >= least)).nonzero().unbind(1)
    logs = F.pad(maps.clamp(min=1e-4).log()[None], (1, 1, 1, 1), mode="replicate")[0]

    def shift(down: int, right: int) -> Tensor:
        before, here, after = (logs[number, row + 1 + n * down, column + 1 + n * right] for n in (-1, 0, 1))
        bend = before - 2 * here + after
        return torch.where(bend < -1e-6, (before - after) / (2 * bend.clamp(max=-1e-6)), 0.0).clamp(-0.5, 0.5)

    x, y = (column + 0.5 + shift(0, 1)) * stride, (row + 0.5 + shift(1, 0)) * stride
    found = torch.stack([x, y, maps[number, row, column]], 1)
    mine = [found[number == k] for k in range(len(maps))]
    return [one[one[:, 2].argsort(descending=True, stable=True)] for one in mine]


def strongest_points(maps: Tensor, stride: int = 2) -> Tensor:
    """One person's key points: the highest peak of each heat map.

    Args:
        maps: (B, K, h, w).
        stride: Pixels between neighbours.

    Returns:
        (B, K, 3) x, y in pixels and the cell's value.
    """
    return torch.stack([torch.stack([peaks[0] for peaks in find_peaks(one, stride, least=-torch.inf)])
                        for one in maps])  # fmt: skip


def greedy_pairs(scores: Tensor, least: float = 0.0) -> Pairs:
    """One-to-one pairs, the best first.

    Args:
        scores: (P, Q).
        least: Scores up to here are no pair.

    Returns:
        (row, column) of each pair.
    """
    left, pairs = scores.clone(), []
    while left.numel() and left.max() > least:
        row, column = divmod(int(left.argmax()), left.shape[1])
        pairs.append((row, column))
        left[row], left[:, column] = -torch.inf, -torch.inf
    return pairs


def optimal_pairs(scores: Tensor, least: float = 0.0) -> Pairs:
    """One-to-one pairs whose scores above `least` have the largest sum; arguments as for `greedy_pairs`."""
    gain = (scores - least).clamp(min=0)
    rows, columns = linear_sum_assignment(gain.detach().cpu().numpy(), maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if scores[r, c] > least]


def field_scores(peaks: Sequence[Tensor], fields: Tensor, stride: int = 2) -> list[Tensor]:
    """Line integrals between the candidates of each limb.

    Args:
        peaks: 13 tensors (P, 2 or more) of x, y in pixels.
        fields: (12, 2, h, w).
        stride: Pixels between neighbours of the fields.

    Returns:
        12 tensors (P, Q).
    """
    return [limb_scores(field, peaks[a][:, :2], peaks[b][:, :2], stride=stride)
            for field, (a, b) in zip(fields, LIMBS, strict=True)]  # fmt: skip


def distance_scores(peaks: Sequence[Tensor], usual: Tensor | None = None) -> list[Tensor]:
    """The control: minus the distance between candidates, or minus its difference from a limb's usual length.

    Args:
        peaks: As for `field_scores`.
        usual: (12,) lengths, pixels; without it nearer is better.

    Returns:
        12 tensors (P, Q), pixels.
    """
    apart = [torch.cdist(peaks[a][:, :2], peaks[b][:, :2]) for a, b in LIMBS]
    return [-far if usual is None else -(far - usual[limb]).abs() for limb, far in enumerate(apart)]


def join_limbs(scores: Sequence[Tensor], least: float = 0.0, *,
               choose: Callable[[Tensor, float], Pairs] = greedy_pairs) -> list[Pairs]:  # fmt: skip
    """Pairs of each limb; `choose` is `greedy_pairs` or `optimal_pairs`."""
    return [choose(score, least) for score in scores]


def group_people(peaks: Sequence[Tensor], limbs: Sequence[Pairs]) -> Tensor:
    """Follow the joins from peak to peak.

    Args:
        peaks: 13 tensors (P, 3) of x, y and value.
        limbs: For each of LIMBS the pairs (peak of its first key point, peak of its second).

    Returns:
        (N, 13, 3) x, y and value; all 0 for key points that nothing was joined to. Peaks that are joined to nothing
        are nobody.
    """
    owner: dict[tuple[int, int], int] = {}
    people: list[set[tuple[int, int]]] = []
    for (a, b), pairs in zip(LIMBS, limbs, strict=True):
        for p, q in pairs:
            mine = [owner.get(end) for end in ((a, p), (b, q))]
            old = [number for number in mine if number is not None]
            target = old[0] if old else len(people)
            if not old:
                people.append(set())
            for other in old[1:]:
                if other != target:
                    people[target] |= people[other]
                    people[other] = set()
            people[target] |= {(a, p), (b, q)}
            owner |= dict.fromkeys(people[target], target)
    found = torch.zeros(sum(map(bool, people)), len(peaks), 3)
    for row, person in zip(found, filter(None, people), strict=True):
        for kind, number in person:
            row[kind] = peaks[kind][number]
    return found
