"""Mask R-CNN: a detector that also says which pixels of its box are the object (chapter 11, "mask-rcnn").

    features   RoIAlign (or RoI pooling, for comparison) cuts S x S places out of the map of stride 4 for each region
    head       two 3 x 3 convolutions, one transposed convolution to 2S x 2S, one score for each class and cell
    target     the mask of the region's object, cropped by the region (`crop_masks`)
    loss       mean binary cross-entropy of the cells of the TRUE class, over regions with an object; other classes are
               not asked. Sigmoids, no softmax: the name is the box head's business, the mask need only be the shape
    answer     the mask of each final box for its class, pasted into the picture, above 1/2

He, Gkioxari, Dollar, Girshick, Mask R-CNN, 2017, arXiv:1703.06870. The loss equals torchvision's for the same targets.
On purpose small: two convolutions of 40 channels (four of 256 in the paper), 10 x 10 places (14 x 14), one map for all
sizes of objects. RoI pooling is torchvision's compiled operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.detection.detector import Target, begin_small
from course_lib.detection.fast_rcnn import cut_regions
from course_lib.detection.faster_rcnn import FasterRCNN
from course_lib.detection.mask_targets import check_masked_targets, crop_masks, paste_masks
from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.ops.boxes import box_iou


class MaskHead(nn.Module):
    """From regions of a map to a mask for each class.

    Args:
        width: Channels of the map.
        classes: K.
        stride: Pixels between the map's places.
        size: S, places a side that are cut out; masks have 2 S cells a side.
        hidden: Channels of the convolutions.
        align: RoIAlign; otherwise RoI pooling.
    """

    def __init__(self, width: int, classes: int, *, stride: int, size: int = 10, hidden: int = 40, align: bool = True):
        super().__init__()
        check_positive(stride=stride, size=size, hidden=hidden)
        self.stride, self.size, self.align = stride, size, align
        self.body = nn.Sequential(nn.Conv2d(width, hidden, 3, padding=1), nn.ReLU(),
                                  nn.Conv2d(hidden, hidden, 3, padding=1), nn.ReLU(),
                                  nn.ConvTranspose2d(hidden, hidden, 2, stride=2), nn.ReLU())  # fmt: skip
        self.scores = nn.Conv2d(hidden, classes, 1)
        for layer in self.body[::2]:
            assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
            assert layer.bias is not None
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        begin_small(self.scores)

    def forward(self, maps: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """Scores (R, K, 2 S, 2 S) of the (R_b, 4) boxes of each picture, R = sum of R_b."""
        return self.scores(self.body(cut_regions(maps, boxes, self.size, stride=self.stride, align=self.align)))

    def losses(self, maps: Tensor, asked: Sequence[tuple[Tensor, ...]], targets: Sequence[Target]) -> dict[str, Tensor]:
        """Loss "masks" of the regions with an object that `region_targets` chose in each picture."""
        boxes, labels, wanted = [], [], []
        for (regions, names, *_), target in zip(asked, targets, strict=True):
            found = names < self.scores.out_channels  # the last name is background
            boxes.append(regions[found])
            labels.append(names[found])
            if found.any():
                objects = box_iou(regions[found], target["boxes"]).argmax(1)
                wanted.append(crop_masks(target["masks"], regions[found], objects, size=2 * self.size))
        if not wanted:
            return {"masks": maps.sum() * 0}
        return {"masks": mask_loss(self(maps, boxes), torch.cat(labels), torch.cat(wanted))}

    def masks(self, maps: Tensor, answers: Sequence[dict[str, Tensor]], size: tuple[int, int]) -> list[Tensor]:
        """Masks (D, H, W) bool of each picture's answers with "boxes" and "labels"; pictures are (height, width)."""
        height, width = size
        counts = [len(answer["boxes"]) for answer in answers]
        if not sum(counts):
            return [torch.zeros(0, *size, dtype=torch.bool, device=maps.device) for _ in answers]
        labels = torch.cat([answer["labels"] for answer in answers])
        scores = self(maps, [answer["boxes"] for answer in answers])
        chance = scores[torch.arange(len(labels), device=maps.device), labels].sigmoid()
        return [paste_masks(cells, answer["boxes"], height=height, width=width) > 0.5
                for cells, answer in zip(chance.split(counts), answers, strict=True)]  # fmt: skip


def mask_loss(scores: Tensor, labels: Tensor, wanted: Tensor) -> Tensor:
    """Mean binary cross-entropy of the true class's cells; of shape ().

    Args:
        scores: (R, K, M, M) before the sigmoid.
        labels: (R,) int64 in 0 ... K - 1.
        wanted: (R, M, M) bool.
    """
    mine = scores[torch.arange(len(labels), device=labels.device), labels]  # (R, M, M)
    return F.binary_cross_entropy_with_logits(mine, wanted.to(mine))


class MaskRCNN(FasterRCNN):
    """Faster R-CNN and a mask head beside the box head.

    Args:
        encoder: With maps of stride 4 and 8.
        classes: K.
        align_masks: RoIAlign for the mask head; otherwise RoI pooling. The box head always has RoIAlign.
        **options: Of `FasterRCNN`.
    """

    def __init__(self, encoder: Pyramid, classes: int, *, align_masks: bool = True, **options: Any):
        super().__init__(encoder, classes, **options)
        self.mask_head = MaskHead(self.neck.width, classes, stride=4, align=align_masks)

    def losses(self, images: Tensor, targets: Sequence[Target], generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of Faster R-CNN, and "masks"."""
        check_masked_targets(images, targets, self.classes)
        return self.map_losses(self.neck(images), images, targets, generator=generator)

    def map_losses(self, maps: Sequence[Tensor], images: Tensor, targets: Sequence[Target], *,
                   generator: torch.Generator) -> dict[str, Tensor]:  # fmt: skip
        """The losses, once the maps of the pyramid are there."""
        found, asked = self.box_losses(maps, images, targets, generator=generator)
        return found | self.mask_head.losses(maps[0], asked, targets)

    def detect(self, images: Tensor) -> list[dict[str, Tensor]]:
        """Boxes, scores, labels and "masks" (D, H, W) bool of each of (B, 3, H, W) images, best first."""
        return self.map_answers(self.neck(images), images)

    def map_answers(self, maps: Sequence[Tensor], images: Tensor) -> list[dict[str, Tensor]]:
        """The answers, once the maps of the pyramid are there."""
        answers = self.box_answers(maps, images)
        masks = self.mask_head.masks(maps[0], answers, (images.shape[2], images.shape[3]))
        return [answer | {"masks": mask} for answer, mask in zip(answers, masks, strict=True)]
