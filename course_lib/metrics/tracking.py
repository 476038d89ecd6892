"""How good are tracks of many objects? (chapter 13, "multi-object-tracking")

    MOTA   1 - (misses + false positives + switches) / objects             errors frame by frame; can fall below 0
    MOTP   mean IoU of the matches
    switch an object is matched with another track than the last time it was matched
    IDF1   2 IDTP / (objects + tracked boxes)                              who is who over the whole clip

In each frame pairs with an IoU below the threshold are impossible. Objects keep the track of their last match while
that is possible; the rest is matched so that as many as possible are, with the largest sum of IoU. For IDF1 each object
gets one track for good, so that IDTP, the number of frames in which the pair is possible, is as large as can be. MOTA:
Bernardin and Stiefelhagen 2008; IDF1: Ristani et al. 2016, arXiv:1609.01775. Equal to py-motmetrics, which calls
1 - IoU a distance. Boxes are xyxy; the assignment problem is scipy's.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from torch import Tensor

from course_lib.core.checks import describe
from course_lib.ops.boxes import box_iou, check_boxes


class TrackingScore:
    """Collect the frames of one clip in their order, then compute. For several clips number objects and tracks anew.

    Boxes may be on any device; who is who is decided on the CPU.

    Args:
        iou_threshold: Least IoU of a possible pair, above 0 up to 1.
    """

    def __init__(self, iou_threshold: float = 0.5):
        if not 0 < iou_threshold <= 1:
            raise ValueError(f"iou_threshold must be above 0 and at most 1, not {iou_threshold}")
        self.iou_threshold = iou_threshold
        self.last: dict[int, int] = {}  # the track that each object was last matched with
        self.together: Counter[tuple[int, int]] = Counter()  # frames in which object and track are a possible pair
        self.objects, self.tracked, self.matches, self.switches = 0, 0, 0, 0
        self.overlap = 0.0

    def update(self, ids: Tensor, boxes: Tensor, track_ids: Tensor, track_boxes: Tensor) -> None:
        """Add a frame.

        Args:
            ids: (G,) int64, numbers of the true objects, each once.
            boxes: (G, 4) xyxy.
            track_ids: (M,) int64, numbers of the tracks, each once.
            track_boxes: (M, 4) xyxy.

        Raises:
            ValueError: For bad shapes or boxes, or a number that comes twice.
        """
        check_boxes(boxes=boxes, track_boxes=track_boxes)
        for name, value, box in (("ids", ids, boxes), ("track_ids", track_ids, track_boxes)):
            if not isinstance(value, Tensor) or value.dtype != torch.int64 or value.shape != box.shape[:-1]:
                raise ValueError(f"{name} must be int64 of shape ({len(box)},), one a box, not a {describe(value)}")
            if len(value.unique()) < len(value):
                raise ValueError(f"{name} must name each box of a frame once, not {value.tolist()}")
        iou = box_iou(boxes.double(), track_boxes.double()).cpu().numpy()  # (G, M)
        possible = iou >= self.iou_threshold
        names, tracks = ids.tolist(), track_ids.tolist()
        self.together.update((names[g], tracks[m]) for g, m in np.argwhere(possible).tolist())
        pairs = self._match(iou, possible, names, tracks)
        for g, m in pairs:
            self.switches += self.last.get(names[g], tracks[m]) != tracks[m]
            self.last[names[g]] = tracks[m]
            self.overlap += float(iou[g, m])
        self.objects += len(names)
        self.tracked += len(tracks)
        self.matches += len(pairs)

    def _match(self, iou: np.ndarray, possible: np.ndarray, names: list, tracks: list) -> list[tuple[int, int]]:
        """Who is who in this frame: first those who were already, then the best of the rest."""
        column = {track: m for m, track in enumerate(tracks)}
        pairs: dict[int, int] = {}
        for g, name in enumerate(names):
            m = column.get(self.last.get(name))
            if m is not None and possible[g, m] and m not in pairs.values():
                pairs[g] = m
        free = possible.copy()
        free[list(pairs)] = False
        free[:, list(pairs.values())] = False
        # An impossible pair costs more than all possible ones can together.
        best = _assign(np.where(free, 1 - iou, 1.0 + min(iou.shape)))
        pairs.update((g, m) for g, m in best if free[g, m])
        return sorted(pairs.items())

    def compute(self) -> dict[str, float]:
        """MOTA, MOTP, IDF1, switches, misses and false_positives; NaN where there is nothing to divide by."""
        misses, extra = self.objects - self.matches, self.tracked - self.matches
        names, tracks = (sorted({pair[side] for pair in self.together}) for side in (0, 1))
        frames = np.array([[self.together[name, track] for track in tracks] for name in names])
        shared = sum(int(frames[g, m]) for g, m in _assign(-frames)) if self.together else 0
        return {
            "MOTA": _ratio(self.objects - misses - extra - self.switches, self.objects),
            "MOTP": _ratio(self.overlap, self.matches),
            "IDF1": _ratio(2 * shared, self.objects + self.tracked),
            "switches": self.switches,
            "misses": misses,
            "false_positives": extra,
        }


def _assign(costs: np.ndarray) -> list[tuple[int, int]]:
    """The pairs (row, column), each row and column once, whose costs have the least sum."""
    from scipy.optimize import linear_sum_assignment  # imported here: it takes longer than all other metrics together

    rows, columns = linear_sum_assignment(costs)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
