"""Many objects: detections joined over time (chapter 13, "multi-object-tracking").

In each frame every track says where its object should be (Kalman filter, constant velocity of centre and size). Pairs
of track and detection cost

    c = (1 - w) (1 - IoU) + w (1 - cosine of appearances),      impossible where IoU is below a gate

and the cheapest set of pairs is found (assignment problem, scipy). A pair corrects its track. A detection without a
track starts one, which counts once it was seen `confirm` times in a row; a track that was missed `patience` times ends.
Bewley, Ge, Ott, Ramos, Upcroft, Simple online and realtime tracking, 2016, arXiv:1602.00763; appearance: Wojke, Bewley,
Paulus, 2017, arXiv:1703.07402. Costs are theirs in spirit; the gate is on IoU alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.ops.boxes import box_cxcywh_to_xyxy, box_iou, box_xyxy_to_cxcywh, check_boxes
from course_lib.tracking.kalman import KalmanFilter, constant_velocity

LARGE = 1e6


@dataclass
class Track:
    """One object that is followed.

    Attributes:
        name: Its number, never given twice.
        filter: Of centre and size, one system.
        seen: How often in a row it was seen since it began; it counts from `confirm` on.
        missed: How often in a row it was not.
        look: (D,) of length 1, mean appearance, or None.
        known: Whether it counts.
    """

    name: int
    filter: KalmanFilter
    seen: int = 1
    missed: int = 0
    look: Tensor | None = None
    known: bool = False


class ManyObjects:
    """A tracker of any number of objects, fed with detections.

    Args:
        gate: Least IoU of a possible pair.
        patience: Frames that a track may be missed.
        confirm: Sightings in a row before a track counts.
        appearance: w, the weight of appearance in a pair's cost, from 0 to 1.
        noise: Deviation of a step's random acceleration, pixels.
        error: Deviation of a detection, pixels.

    Raises:
        ValueError: For numbers out of range.
    """

    def __init__(self, gate: float = 0.3, patience: int = 5, confirm: int = 2, *, appearance: float = 0.0,
                 noise: float = 0.5, error: float = 1.0):  # fmt: skip
        check_positive(gate=gate, confirm=confirm, noise=noise, error=error)
        if not 0 <= appearance <= 1 or patience < 0:
            raise ValueError(f"appearance must be from 0 to 1 and patience 0 or more, not {appearance} and {patience}")
        self.gate, self.patience, self.confirm, self.weight = gate, patience, confirm, appearance
        self.law = constant_velocity(4, noise=noise, error=error)
        self.tracks: list[Track] = []
        self.begun = 0

    def step(self, boxes: Tensor, looks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One frame.

        Args:
            boxes: (D, 4) xyxy detections; may be none.
            looks: (D, E) appearance of each, needed if appearance counts.

        Returns:
            names (N,) int64 and boxes (N, 4) of the tracks that count and were seen in this frame.

        Raises:
            ValueError: For boxes that are none, or appearances that are missing or do not fit.
        """
        check_boxes(boxes=boxes)
        if self.weight and (looks is None or len(looks) != len(boxes)):
            raise ValueError(f"appearance counts, so looks must hold one row for each of {len(boxes)} boxes, not "
                             f"{None if looks is None else tuple(looks.shape)}")  # fmt: skip
        looks = None if looks is None else F.normalize(looks.float(), dim=1)
        boxes = boxes.float()
        for track in self.tracks:
            track.filter.predict()
        pairs = self.match(boxes, looks)
        for number, found in pairs:
            self.see(self.tracks[number], boxes[found], None if looks is None else looks[found])
        seen = {number for number, _ in pairs}
        for number, track in enumerate(self.tracks):
            if number not in seen:
                track.missed, track.seen = track.missed + 1, 0
        for found in sorted(set(range(len(boxes))) - {found for _, found in pairs}):
            self.start(boxes[found], None if looks is None else looks[found])
        self.tracks = [track for track in self.tracks
                       if track.missed <= (self.patience if track.known else 0)]  # fmt: skip
        shown = [track for track in self.tracks if track.known and not track.missed]
        names = torch.tensor([track.name for track in shown], dtype=torch.int64)
        places = [track.filter.mean[0, :4] for track in shown]
        return names, box_cxcywh_to_xyxy(torch.stack(places)) if places else boxes.new_zeros(0, 4)

    def match(self, boxes: Tensor, looks: Tensor | None) -> list[tuple[int, int]]:
        """Pairs of track and detection, as numbers in `tracks` and in boxes (D, 4)."""
        if not self.tracks or not len(boxes):
            return []
        expected = torch.stack([track.filter.mean[0, :4] for track in self.tracks])
        expected = torch.cat([expected[:, :2], expected[:, 2:].clamp(min=1e-3)], 1)
        iou = box_iou(box_cxcywh_to_xyxy(expected), boxes)
        cost = 1 - iou
        if self.weight and looks is not None:
            known = torch.stack([look for track in self.tracks if (look := track.look) is not None])
            cost = (1 - self.weight) * cost + self.weight * (1 - known @ looks.T)
        cost = torch.where(iou >= self.gate, cost, LARGE)
        rows, columns = linear_sum_assignment(np.asarray(cost))
        return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if cost[r, c] < LARGE]

    def see(self, track: Track, box: Tensor, look: Tensor | None) -> None:
        """Correct a track by a detection (4,) and mix its appearance (E,) in."""
        track.filter.update(box_xyxy_to_cxcywh(box)[None])
        track.seen, track.missed = track.seen + 1, 0
        track.known = track.known or track.seen >= self.confirm
        if look is not None and track.look is not None:
            track.look = F.normalize(0.8 * track.look + 0.2 * look, dim=0)

    def start(self, box: Tensor, look: Tensor | None) -> None:
        """Begin a track at a detection; its velocity is unknown."""
        F_, H, Q, R = self.law
        mean = torch.cat([box_xyxy_to_cxcywh(box), box.new_zeros(4)])[None]
        spread = torch.diag(torch.cat([R.diagonal(), torch.full((4,), 25.0)]))[None]
        begun = KalmanFilter(F_, H, Q, error=R, mean=mean, covariance=spread)
        self.tracks.append(Track(self.begun, begun, look=look, known=self.confirm <= 1))
        self.begun += 1
