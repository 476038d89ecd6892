"""One stage: every place of the map answers at once (chapter 10, "one-stage").

    at each place (x, y)   K scores, one for each class; four distances l, t, r, b = stride exp(.) to the box's sides;
                           a centredness
    positive places        those inside a box and within 1.5 strides of its centre; of several boxes the smallest
    loss                   focal loss of the K scores, over all places                          / positive places
                           1 - GIoU of the box, weighted by the wanted centredness, and cross-entropy of centredness
    centredness            sqrt(min(l, r) / max(l, r) * min(t, b) / max(t, b)): 1 in the middle, 0 on a side
    answer                 score = sqrt(p_k centredness); suppression within each class

No proposals and no anchors: nothing is cut out, so one pass of convolutions is all. The price is that nearly all places
are background; the focal loss pays it (Lin et al., RetinaNet, 2017, arXiv:1708.02002). Places instead of anchors, and
centredness: Tian, Shen, Chen, He, FCOS, 2019, arXiv:1904.01355. On purpose small: one level, stride 8, since the sizes
of the objects differ by a factor of three only, and heads of two convolutions (four there).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.detection.detector import Detector, Target, begin_small, best_boxes, check_targets
from course_lib.detection.focal import sigmoid_focal_loss
from course_lib.detection.neck import FeaturePyramid
from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.networks.unet_parts import group_norm
from course_lib.ops.boxes import box_area, clip_boxes_to_image, generalized_box_iou_loss


def grid_places(height: int, width: int, stride: float) -> Tensor:
    """Centres (height * width, 2) of a map's places, x and y in pixels, row by row."""
    check_positive(height=height, width=width, stride=stride)
    y, x = torch.meshgrid((torch.arange(height) + 0.5) * stride, (torch.arange(width) + 0.5) * stride, indexing="ij")
    return torch.stack([x, y], -1).flatten(0, 1)


def side_distances(places: Tensor, boxes: Tensor) -> Tensor:
    """Distances (..., 4) left, top, right and bottom from places (..., 2) to boxes (..., 4); negative outside."""
    return torch.cat([places - boxes[..., :2], boxes[..., 2:] - places], -1)


def centredness(distances: Tensor) -> Tensor:
    """(...) in [0, 1] of distances (..., 4) that are not negative; 0 for a box without area."""
    across, down = distances[..., 0::2], distances[..., 1::2]
    share = (across.amin(-1) * down.amin(-1)) / (across.amax(-1) * down.amax(-1)).clamp(min=1e-9)
    return share.clamp(min=0).sqrt()


def match_places(places: Tensor, boxes: Tensor, stride: float, *, radius: float = 1.5) -> Tensor:
    """Which box each place is to find.

    Args:
        places: (N, 2) pixels.
        boxes: (G, 4) xyxy; G may be 0.
        stride: Pixels between places.
        radius: Largest distance from the box's centre along each axis, in strides.

    Returns:
        (N,) int64, number of a box or -1 for background. Of several boxes the smallest.
    """
    if not len(boxes):
        return torch.full((len(places),), -1, device=places.device)
    inside = side_distances(places[:, None], boxes).amin(-1) > 0  # (N, G)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    near = (places[:, None] - centre).abs().amax(-1) < radius * stride
    cost = torch.where(inside & near, box_area(boxes), math.inf)
    best, match = cost.min(1)
    return torch.where(best.isfinite(), match, -1)


class OneStage(Detector):
    """Encoder, feature pyramid, two heads.

    Args:
        encoder: With maps of the stride.
        classes: K.
        stride: Of the places that answer.
        width: Channels of the pyramid and of the heads.
        gamma: Of the focal loss; 0 with `alpha` below 0 is plain cross-entropy.
        alpha: Weight of objects in it.
    """

    def __init__(self, encoder: Pyramid, classes: int, *, stride: int = 8, width: int = 64, gamma: float = 2.0,
                 alpha: float = 0.25):  # fmt: skip
        super().__init__(classes)
        self.stride, self.gamma, self.alpha = stride, gamma, alpha

        def tower() -> nn.Sequential:
            layers = [(nn.Conv2d(width, width, 3, padding=1), group_norm(width), nn.ReLU()) for _ in range(2)]
            return nn.Sequential(*(part for layer in layers for part in layer))

        self.what, self.where = tower(), tower()
        self.scores, self.sides = nn.Conv2d(width, classes, 3, padding=1), nn.Conv2d(width, 5, 3, padding=1)
        begin_small(self.scores, bias=-math.log(99))  # p = 0.01: background does not shout at first
        begin_small(self.sides)
        self.neck = FeaturePyramid(encoder, width, strides=(stride,))

    def answers(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Scores (B, N, K), distances (B, N, 4) in pixels, centredness (B, N) before the sigmoid, places (N, 2)."""
        maps = self.neck(images)[0]
        scores = self.scores(self.what(maps)).flatten(2).mT
        sides = self.sides(self.where(maps)).flatten(2).mT
        places = grid_places(maps.shape[2], maps.shape[3], self.stride).to(maps)
        return scores, self.stride * sides[..., :4].clamp(max=6).exp(), sides[..., 4], places

    def losses(self, images: Tensor, targets: Sequence[Target], generator: torch.Generator) -> dict[str, Tensor]:
        """Losses "class", "boxes" and "centre"."""
        check_targets(images, targets, self.classes)
        scores, sides, central, places = self.answers(images)
        matches = torch.stack([match_places(places, target["boxes"], self.stride) for target in targets])
        picture, place = (matches >= 0).nonzero(as_tuple=True)
        wanted = torch.zeros_like(scores)
        boxes = torch.cat([t["boxes"][m[m >= 0]] for t, m in zip(targets, matches, strict=True)])
        labels = torch.cat([t["labels"][m[m >= 0]] for t, m in zip(targets, matches, strict=True)])
        wanted[picture, place, labels] = 1
        count = max(len(labels), 1)
        focal = sigmoid_focal_loss(scores, wanted, alpha=self.alpha, gamma=self.gamma).sum() / count
        middle = centredness(side_distances(places[place], boxes))
        apart = generalized_box_iou_loss(_boxes(places[place], sides[picture, place]), boxes)
        entropy = F.binary_cross_entropy_with_logits(central[picture, place], middle, reduction="sum") / count
        return {"class": focal, "boxes": (apart * middle).sum() / middle.sum().clamp(min=1), "centre": entropy}

    def detect(self, images: Tensor) -> list[dict[str, Tensor]]:
        """Boxes, scores and labels of each of (B, 3, H, W) images, best first."""
        height, width = images.shape[2:]
        scores, sides, central, places = self.answers(images)
        chance = (scores.sigmoid() * central.sigmoid()[..., None]).sqrt()  # (B, N, K)
        boxes = clip_boxes_to_image(_boxes(places, sides), (height, width))
        most = min(100, chance[0].numel())
        found = []
        for said, box in zip(chance.flatten(1), boxes, strict=True):
            value, best = said.topk(most)
            found.append(best_boxes(box[best // self.classes], value, best % self.classes))
        return found


def _boxes(places: Tensor, sides: Tensor) -> Tensor:
    """Boxes (..., 4) xyxy that lie around places (..., 2) at four distances."""
    return torch.cat([places - sides[..., :2], places + sides[..., 2:]], -1)
