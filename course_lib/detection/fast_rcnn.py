"""Fast R-CNN: one pass over the picture, then a small head for each region (chapter 10, "fast-rcnn").

    features     the whole picture once; RoIAlign (or RoI pooling, the paper) cuts each proposal out of the map
    head         two linear layers; K + 1 scores, the last of them background; 4 K corrections, four for each class
    matching     IoU >= 0.5 with an object: its class; else background. Objects themselves are proposals as well
    loss         cross-entropy + smooth L1 of the corrections of the true class, both / size of the sample
    answer       softmax; each class has its own box; suppression within each class

R-CNN runs the encoder once for each of its proposals, this once a picture. Girshick, Fast R-CNN, 2015,
arXiv:1504.08083. Losses and answers equal torchvision's `RoIHeads` (its background is class 0, ours K). RoI pooling is
torchvision's compiled operator, many times as fast in training as `ops.boxes.regions.roi_pool`, which equals it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import roi_pool

from course_lib.core.checks import check_positive
from course_lib.detection.anchors import decode_boxes, encode_boxes, match_anchors
from course_lib.detection.detector import Detector, Target, best_boxes, check_targets
from course_lib.detection.neck import FeaturePyramid
from course_lib.detection.rpn import correction_loss, sample_balanced
from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.ops.boxes import clip_boxes_to_image
from course_lib.ops.boxes.regions import roi_align

SCALE = (10.0, 10.0, 5.0, 5.0)  # corrections of proposals are small; so scaled they have a spread of about 1


def region_targets(proposals: Tensor, target: Target, sample: int, *, classes: int, share: float = 0.25,
                   above: float = 0.5, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Which regions of a picture are asked, and what the answers should be.

    Args:
        proposals: (N, 4) xyxy.
        target: The picture's objects, which are added to the proposals.
        sample: How many regions are asked.
        classes: K; background is K.
        share: Largest share of regions with an object.
        above: IoU from which a region takes an object.
        generator: Source of the sample.

    Returns:
        boxes (R, 4), labels (R,) in 0 ... K, and corrections (R, 4), 0 for background, R at most `sample`.
    """
    objects = target["boxes"]
    boxes = torch.cat([proposals, objects])
    match = match_anchors(boxes, objects, above=above, below=above, rescue=False)
    chosen = sample_balanced(match, sample, share, generator=generator)
    boxes, match = boxes[chosen], match[chosen]
    labels, corrections = torch.full_like(match, classes), torch.zeros_like(boxes)
    found = match >= 0
    labels[found] = target["labels"][match[found]]
    corrections[found] = encode_boxes(objects[match[found]], boxes[found]) * boxes.new_tensor(SCALE)
    return boxes, labels, corrections


def cut_regions(maps: Tensor, boxes: Sequence[Tensor], size: int, *, stride: int, align: bool = True) -> Tensor:
    """Cut boxes out of a batch of maps.

    Args:
        maps: (B, C, h, w).
        boxes: (R_b, 4) xyxy in pixels for each picture.
        size: Bins a side.
        stride: Pixels between the map's places.
        align: RoIAlign; otherwise RoI pooling.

    Returns:
        (R, C, size, size), R = sum of R_b.
    """
    which = torch.cat([torch.full((len(part),), b, device=maps.device) for b, part in enumerate(boxes)])
    every, bins, scale = torch.cat(list(boxes)), (size, size), 1 / stride
    if align:
        return roi_align(maps, every, which, size=bins, scale=scale)
    return roi_pool(maps, torch.cat([which[:, None].to(every), every], 1), bins, scale)


class RegionHead(nn.Module):
    """From regions of a map to classes and corrected boxes.

    Args:
        width: Channels of the map.
        classes: K.
        stride: Pixels between the map's places.
        size: Bins a side of a region.
        hidden: Width of the two linear layers.
        align: RoIAlign; otherwise RoI pooling, as in the paper.
    """

    def __init__(self, width: int, classes: int, *, stride: int, size: int = 5, hidden: int = 128, align: bool = True):
        super().__init__()
        check_positive(stride=stride, size=size, hidden=hidden)
        self.classes, self.stride, self.size, self.align = classes, stride, size, align
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(width * size**2, hidden), nn.ReLU(),
                                  nn.Linear(hidden, hidden), nn.ReLU())  # fmt: skip
        self.scores, self.corrections = nn.Linear(hidden, classes + 1), nn.Linear(hidden, 4 * classes)

    def forward(self, maps: Tensor, boxes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Scores (R, K + 1) and corrections (R, K, 4) of the (R_b, 4) boxes of each picture, R = sum of R_b."""
        x = self.body(cut_regions(maps, boxes, self.size, stride=self.stride, align=self.align))
        return self.scores(x), self.corrections(x).unflatten(1, (self.classes, 4))

    def losses(self, maps: Tensor, asked: Sequence[tuple[Tensor, Tensor, Tensor]]) -> dict[str, Tensor]:
        """Losses "class" and "boxes" of what `region_targets` chose in each picture."""
        boxes, labels, wanted = zip(*asked, strict=True)
        scores, corrections = self(maps, boxes)
        return region_losses(scores, corrections, torch.cat(labels), wanted=torch.cat(wanted))

    def detect(self, maps: Tensor, proposals: Sequence[Tensor], size: tuple[int, int]) -> list[dict[str, Tensor]]:
        """Boxes of pictures of (height, width) pixels, from the proposals (R_b, 4) of each."""
        scores, corrections = self(maps, proposals)
        counts, found = [len(part) for part in proposals], []
        for boxes, said, moved in zip(proposals, scores.split(counts), corrections.split(counts), strict=True):
            moved = moved / moved.new_tensor(SCALE)
            placed = clip_boxes_to_image(decode_boxes(moved, boxes[:, None].expand_as(moved)), size)  # (R, K, 4)
            labels = torch.arange(self.classes, device=maps.device).expand(len(boxes), -1)
            chance = said.softmax(1)[:, :-1]
            found.append(best_boxes(placed.flatten(0, 1), chance.flatten(), labels.flatten()))
        return found


def region_losses(scores: Tensor, corrections: Tensor, labels: Tensor, *, wanted: Tensor) -> dict[str, Tensor]:
    """Losses of regions.

    Args:
        scores: (R, K + 1).
        corrections: (R, K, 4).
        labels: (R,) in 0 ... K; K is background.
        wanted: (R, 4) corrections.

    Returns:
        "class" and "boxes", each of shape (); 0 without regions.
    """
    objects = (labels < corrections.shape[1]).nonzero()[:, 0]
    entropy = F.cross_entropy(scores, labels, reduction="sum") / max(len(labels), 1)
    moved = correction_loss(corrections[objects, labels[objects]], wanted[objects])
    return {"class": entropy, "boxes": moved / max(len(labels), 1)}


class FastRCNN(Detector):
    """Fast R-CNN for proposals that come from elsewhere.

    Args:
        encoder: Its maps of stride 4 to 32 are merged by a feature pyramid.
        classes: K.
        propose: From images (B, 3, H, W) to the proposals (N_b, 4) of each.
        sample: Regions of a picture that are asked in training.
        align: RoIAlign; otherwise RoI pooling.
    """

    def __init__(self, encoder: Pyramid, classes: int, propose: Callable[[Tensor], Sequence[Tensor]], *,
                 sample: int = 32, align: bool = True):  # fmt: skip
        super().__init__(classes)
        self.neck = FeaturePyramid(encoder, strides=(4,))
        self.head = RegionHead(self.neck.width, classes, stride=4, align=align)
        self.propose, self.sample = propose, sample

    def losses(self, images: Tensor, targets: Sequence[Target], generator: torch.Generator) -> dict[str, Tensor]:
        """Losses "class" and "boxes"."""
        check_targets(images, targets, self.classes)
        asked = [region_targets(proposals, target, self.sample, classes=self.classes, generator=generator)
                 for proposals, target in zip(self.propose(images), targets, strict=True)]  # fmt: skip
        return self.head.losses(self.neck(images)[0], asked)

    def detect(self, images: Tensor) -> list[dict[str, Tensor]]:
        """Boxes, scores and labels of each of (B, 3, H, W) images, best first."""
        height, width = images.shape[2:]
        return self.head.detect(self.neck(images)[0], list(self.propose(images)), (height, width))
