"""Faster R-CNN: a network that proposes its own regions (chapter 10, "faster-rcnn"; masks in chapter 11).

    maps        encoder and feature pyramid, once a picture
    proposals   `RegionProposals` on the maps of stride 8: sizes 16, 24 and 32 px, ratios 1/2, 1 and 2
    regions     `RegionHead` on the maps of stride 4: each proposal's class and its final box
    loss        objectness + proposal boxes + class + boxes, all four trained at once

The proposals are taken as they are: no gradient goes through their coordinates, as in the paper's joint training. Ren,
He, Girshick, Sun, Faster R-CNN, 2015, arXiv:1506.01497. On purpose small: pictures of 64 to 96 pixels, one level of
anchors, 64 anchors and 32 regions a picture are asked (256 and 128 in the paper), and 24 proposals (300).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.detection.detector import Detector, Target, check_targets
from course_lib.detection.fast_rcnn import RegionHead, region_targets
from course_lib.detection.neck import FeaturePyramid
from course_lib.detection.rpn import RegionProposals
from course_lib.networks.backbones.scene_encoder import Pyramid


class FasterRCNN(Detector):
    """Encoder, feature pyramid, proposals, regions.

    Args:
        encoder: With maps of stride 4 and 8.
        classes: K.
        sizes: Of the anchors, pixels.
        ratios: Of the anchors, height over width.
        width: Channels of the pyramid's maps.
        sample: Regions of a picture that are asked in training.
        proposals: How many the first stage hands to the second.
        hidden: Width of the two linear layers of the second.
    """

    def __init__(self, encoder: Pyramid, classes: int, *, sizes: Sequence[float] = (16, 24, 32),
                 ratios: Sequence[float] = (0.5, 1.0, 2.0), width: int = 56, sample: int = 32,
                 proposals: int = 24, hidden: int = 96):  # fmt: skip
        super().__init__(classes)
        self.neck, self.sample = FeaturePyramid(encoder, width, strides=(4, 8)), sample
        self.rpn = RegionProposals(width, 8, sizes, ratios=ratios, after=proposals)
        self.head = RegionHead(width, classes, stride=4, hidden=hidden)

    def losses(self, images: Tensor, targets: Sequence[Target], generator: torch.Generator) -> dict[str, Tensor]:
        """Losses "objectness", "proposal_boxes", "class" and "boxes"."""
        check_targets(images, targets, self.classes)
        return self.box_losses(self.neck(images), images, targets, generator=generator)[0]

    def box_losses(
        self, maps: Sequence[Tensor], images: Tensor, targets: Sequence[Target], *, generator: torch.Generator
    ) -> tuple[dict[str, Tensor], list[tuple[Tensor, Tensor, Tensor]]]:
        """The losses, once the pyramid's maps are there, and the regions of each picture that were asked."""
        fine, coarse = maps
        guess = self.rpn(coarse)
        first = self.rpn.losses(*guess, objects=[target["boxes"] for target in targets], generator=generator)
        proposals = self.rpn.propose(*guess, size=(images.shape[2], images.shape[3]))
        asked = [region_targets(some, target, self.sample, classes=self.classes, generator=generator)
                 for some, target in zip(proposals, targets, strict=True)]  # fmt: skip
        return first | self.head.losses(fine, asked), asked

    def proposals(self, images: Tensor) -> list[Tensor]:
        """What the first stage alone finds in (B, 3, H, W) images: (at most 24, 4) boxes each, best first."""
        height, width = images.shape[2:]
        return self.rpn.propose(*self.rpn(self.neck(images)[1]), size=(height, width))

    def detect(self, images: Tensor) -> list[dict[str, Tensor]]:
        """Boxes, scores and labels of each of (B, 3, H, W) images, best first."""
        return self.box_answers(self.neck(images), images)

    def box_answers(self, maps: Sequence[Tensor], images: Tensor) -> list[dict[str, Tensor]]:
        """The answers, once the pyramid's maps are there."""
        fine, coarse = maps
        height, width = images.shape[2:]
        return self.head.detect(fine, self.rpn.propose(*self.rpn(coarse), size=(height, width)), (height, width))
