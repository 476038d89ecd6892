"""R-CNN: look at every proposal with a network, one by one (chapter 10, "rcnn").

    crops      each proposal, with some surroundings, is warped to one size, whatever its shape
    features   of a network that has learned something else: the largest value of each map of its last levels
    classes    one linear SVM for each class; objects are positive, proposals with IoU < 0.3 negative, between: ignored
    boxes      one ridge regression for each class, from features to corrections, on proposals with IoU >= 0.6

Nothing is trained end to end: the network comes ready, SVMs and regressions are fitted on its features. Two thousand
crops a picture are two thousand passes of the network; Fast R-CNN shares one. Girshick, Donahue, Darrell, Malik, 2013,
arXiv:1311.2524. On purpose otherwise: the network is not tuned on crops before, and negatives are a sample.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.detection.anchors import decode_boxes, encode_boxes
from course_lib.detection.detector import Target, best_boxes, check_targets
from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.ops.boxes import box_cxcywh_to_xyxy, box_iou, box_xyxy_to_cxcywh, clip_boxes_to_image
from course_lib.ops.boxes.regions import roi_align

APART, CLOSE = 0.3, 0.6


def warp_crops(images: Tensor, boxes: Sequence[Tensor], size: int = 32, *, surroundings: float = 0.15) -> Tensor:
    """Cut boxes out of pictures and warp each to a square.

    Args:
        images: (B, C, H, W).
        boxes: For each picture (N_b, 4) xyxy.
        size: Side of the crops, pixels.
        surroundings: By which share of its size a box grows on each side first; beyond the picture the edge goes on.

    Returns:
        (N, C, size, size), N = sum of N_b.

    Raises:
        ValueError: For another number of lists than pictures, or shapes that do not fit.
    """
    if len(boxes) != len(images):
        raise ValueError(f"{len(images)} images and boxes of {len(boxes)}: one list for each is needed")
    check_positive(size=size)
    which = torch.cat([torch.full((len(part),), b, device=images.device) for b, part in enumerate(boxes)])
    grown = box_xyxy_to_cxcywh(torch.cat(list(boxes)))
    grown = box_cxcywh_to_xyxy(torch.cat([grown[:, :2], grown[:, 2:] * (1 + 2 * surroundings)], 1))
    border = round(surroundings * max(images.shape[2:])) + 1
    padded = torch.nn.functional.pad(images, (border,) * 4, mode="replicate")
    return roi_align(padded, grown + border, which, size=(size, size))


class RCNN:
    """Proposals, features, SVMs, regressions.

    Args:
        encoder: Ready; used as it is, in evaluation mode.
        classes: K.
        size: Side of the crops, pixels.
        C: Of the SVMs.
        penalty: Of the regressions.
        negatives: Most background proposals a picture that the SVMs see.
    """

    def __init__(self, encoder: Pyramid, classes: int, *, size: int = 32, C: float = 0.01, penalty: float = 100.0,
                 negatives: int = 8):  # fmt: skip
        check_positive(classes=classes, size=size, C=C, penalty=penalty, negatives=negatives)
        self.encoder, self.classes, self.size = encoder.eval(), classes, size
        self.C, self.penalty, self.negatives = C, penalty, negatives
        self.machines: list[LinearSVC | None] = []
        self.regressions: list[Ridge | None] = []

    @torch.no_grad()
    def features(self, images: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """(N, D) features of the crops of all boxes."""
        crops = warp_crops(images, boxes, self.size)
        parts = [torch.cat([level.amax((2, 3)) for level in self.encoder(part)[2:]], 1) for part in crops.split(256)]
        return torch.cat(parts) if parts else images.new_zeros(0, sum(self.encoder.widths[2:]))

    def fit(self, images: Tensor, targets: Sequence[Target], proposals: Sequence[Tensor], *,
            generator: torch.Generator) -> RCNN:  # fmt: skip
        """Fit the SVMs and the regressions.

        Args:
            images: (B, 3, H, W) in [0, 1].
            targets: Their objects.
            proposals: For each picture (N_b, 4) xyxy.
            generator: Source of the sample of negatives.

        Returns:
            Itself. A class without an object stays silent.

        Raises:
            ValueError: For bad targets, or pictures without any background proposal.
        """
        check_targets(images, targets, self.classes)
        chosen, labels, corrections = [], [], []
        for target, some in zip(targets, proposals, strict=True):
            objects, count = target["boxes"], len(target["boxes"])
            overlap = box_iou(some, objects)
            best, which = overlap.max(1) if count else (overlap.new_zeros(len(some)), torch.zeros(len(some)).long())
            close, apart = (best >= CLOSE).nonzero()[:, 0], (best < APART).nonzero()[:, 0]
            apart = apart[torch.randperm(len(apart), generator=generator)[: self.negatives]]
            chosen.append(torch.cat([objects, some[close], some[apart]]))
            # objects are K apart in number from proposals close to them: the SVMs see only objects themselves
            labels += [target["labels"], target["labels"][which[close]] + self.classes, torch.full_like(apart, -1)]
            moved = encode_boxes(objects[which[close]], some[close]) if count else some[:0]
            corrections += [torch.zeros_like(objects), moved, torch.zeros_like(some[apart])]
        X, y = self.features(images, chosen).numpy(), torch.cat(labels).numpy()
        T = torch.cat(corrections).numpy()
        if not (y == -1).any():
            raise ValueError("no proposal is background, IoU below 0.3: the SVMs have nothing to compare with")
        self.machines, self.regressions = [], []
        for k in range(self.classes):
            seen = y < self.classes
            positive = (y == k)[seen]
            machine = LinearSVC(C=self.C, class_weight="balanced", random_state=0) if positive.any() else None
            self.machines.append(machine.fit(X[seen], positive) if machine is not None else None)
            near = y % self.classes == k
            near &= y >= self.classes
            self.regressions.append(Ridge(self.penalty).fit(X[near], T[near]) if near.any() else None)
        return self

    def detect(self, images: Tensor, proposals: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """Boxes, scores and labels of each picture, best first; scores are sigmoids of the SVMs' distances.

        Args:
            images: (B, 3, H, W) in [0, 1].
            proposals: For each picture (N_b, 4) xyxy.

        Raises:
            ValueError: Before `fit`.
        """
        if not self.machines:
            raise ValueError("the detector has not been trained: call fit first")
        height, width = images.shape[2:]
        X, found = self.features(images, proposals).numpy(), []
        where = np.split(np.arange(len(X)), np.cumsum([len(part) for part in proposals])[:-1])
        for boxes, rows in zip(proposals, where, strict=True):
            parts = []
            for k, (machine, regression) in enumerate(zip(self.machines, self.regressions, strict=True)):
                if machine is None or not len(rows):
                    continue
                score = torch.from_numpy(machine.decision_function(X[rows])).sigmoid().to(boxes)
                moved = boxes if regression is None else decode_boxes(
                    torch.from_numpy(regression.predict(X[rows])).to(boxes), boxes)  # fmt: skip
                parts.append((clip_boxes_to_image(moved, (height, width)), score, torch.full((len(rows),), k)))
            if not parts:
                parts = [(boxes[:0], boxes.new_zeros(0), torch.zeros(0, dtype=torch.int64))]
            placed, scores, labels = (torch.cat(part) for part in zip(*parts, strict=True))
            found.append(best_boxes(placed, scores, labels, iou_threshold=0.3))
        return found
