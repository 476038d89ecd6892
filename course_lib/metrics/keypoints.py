"""Judging key points: PCK for one person, OKS and AP for several (chapter 11, "pose").

    PCK@alpha   share of key points within alpha * torso of the truth; torso: mid-shoulders to mid-hips
    OKS         mean over labelled key points of exp(-d_k^2 / (2 A (2 sigma_k)^2)): 1 is exact, A the person's area
    AP          as for boxes, with OKS in place of IoU: mean over thresholds 0.50, 0.55, ..., 0.95

PCK: Yang and Ramanan 2013, here with the torso as Sapp and Taskar 2013 measure it. OKS: COCO's evaluator (Lin et al.
2014, arXiv:1405.0312) with its sigmas; A is the area of the box around the key points, where COCO has the mask's.
Points are (x, y) in pixels; a flag of 0 marks a point that is not there, 1 a hidden and 2 a visible one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes
from course_lib.metrics.average_precision import THRESHOLDS
from course_lib.metrics.matching import interpolated_precision, match_detections, precision_recall_curve

_SIGMAS = {"head": 0.026, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062, "hip": 0.107, "knee": 0.087,
           "ankle": 0.089}  # COCO's, the nose's for the head  # fmt: skip
# Kinds of the thirteen points in the order of `data.scenes.KEYPOINTS`, left before right.
POINTS = ("head", *(part for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for _ in range(2)))
SIGMAS = tuple(_SIGMAS[part] for part in POINTS)
SHOULDERS, HIPS = ([n for n, kind in enumerate(POINTS) if kind == part] for part in ("shoulder", "hip"))


def torso_lengths(points: Tensor) -> Tensor:
    """(...) distance from the middle of the shoulders to that of the hips of points (..., 13, 2 or more), pixels."""
    middles = [points[..., ends, :2].mean(-2) for ends in (SHOULDERS, HIPS)]
    return (middles[0] - middles[1]).norm(dim=-1)


def correct_keypoints(found: Tensor, points: Tensor, alpha: float = 0.2, *, torsos: Tensor | None = None) -> Tensor:
    """Which key points are near enough; the mean over those with a flag is PCK@alpha.

    Args:
        found: (N, 13, 2 or more) x, y in pixels.
        points: (N, 13, 3) the truth.
        alpha: Farthest distance in torsos.
        torsos: (N,) pixels; measured on the truth without it.

    Returns:
        (N, 13) bool.

    Raises:
        ValueError: For other shapes or an alpha that is not above 0.
    """
    check_shapes(points=(points, f"N {len(POINTS)} 3"), found=(found[..., :2], f"N {len(POINTS)} 2"))
    check_positive(alpha=alpha)
    torsos = torso_lengths(points) if torsos is None else torsos
    return (found[..., :2] - points[..., :2]).norm(dim=-1) <= alpha * torsos[:, None]


def person_areas(points: Tensor) -> Tensor:
    """(N,) area in square pixels of the box around each person's points (N, 13, 3) that have a flag; 1 at least."""
    there = points[..., 2:] > 0
    low = torch.where(there, points[..., :2], torch.inf).amin(-2)
    high = torch.where(there, points[..., :2], -torch.inf).amax(-2)
    return torch.where(there.any(-2).any(-1), (high - low).prod(-1), 0.0).clamp(min=1.0)


def keypoint_similarity(found: Tensor, points: Tensor, areas: Tensor | None = None) -> Tensor:
    """OKS of all found people with all true ones.

    Args:
        found: (D, 13, 2 or more) x, y in pixels; a point that was not found is far away, for instance at (0, 0).
        points: (G, 13, 3) with flags; points with flag 0 do not count, a person without any has similarity 0.
        areas: (G,) square pixels; `person_areas` without it.

    Returns:
        (D, G) in [0, 1].
    """
    areas = person_areas(points) if areas is None else areas
    apart = (found[:, None, :, :2] - points[None, :, :, :2]).square().sum(-1)  # (D, G, 13)
    wide = 2 * areas[:, None] * (2 * torch.tensor(SIGMAS).to(points)).square()  # (G, 13)
    there = points[..., 2] > 0
    return ((-apart / wide).exp() * there).sum(-1) / there.sum(-1).clamp(min=1)


def keypoint_precision(found: Sequence[tuple[Tensor, Tensor]], truth: Sequence[Tensor]) -> dict[str, float]:
    """Average precision of people, as COCO counts it for key points.

    Args:
        found: For each picture people (D, 13, 2 or more) and their scores (D,).
        truth: For each picture people (G, 13, 3); those without any flag are left out.

    Returns:
        AP, AP50 and AP75 in [0, 1].

    Raises:
        ValueError: For lists of different length, or no person at all.
    """
    if len(found) != len(truth):
        raise ValueError(f"found and truth must be of the same pictures, not {len(found)} and {len(truth)}")
    thresholds, scores, hits, positives = torch.tensor(THRESHOLDS, dtype=torch.float64), [], [], 0
    for (people, score), points in zip(found, truth, strict=True):
        points = points[(points[..., 2] > 0).any(-1)]
        order = score.argsort(descending=True, stable=True)
        overlap = keypoint_similarity(people[order], points).double()
        none = torch.zeros(1, len(points), dtype=torch.bool)
        hits.append(match_detections(overlap, thresholds, none)[0] >= 0)  # (T, D)
        scores.append(score[order])
        positives += len(points)
    if positives == 0:
        raise ValueError("truth holds no person")
    precision, recall = precision_recall_curve(torch.cat(scores), torch.cat(hits, 1), positives)
    area = interpolated_precision(precision, recall).mean(-1)
    return {"AP": float(area.mean()), "AP50": float(area[0]), "AP75": float(area[5])}
