"""Panoptic FPN: one pyramid, two branches, things and stuff (chapter 11, "panoptic").

    instances   Mask R-CNN on the pyramid's maps
    semantic    each map: 3 x 3 conv, ReLU, enlarged to the finest one; their sum: 1 x 1 conv to C categories, enlarged
                to the picture (bilinear)
    loss        all losses of Mask R-CNN + weight x cross-entropy of the categories, mean over pixels; trained at once

Kirillov, Girshick, He, Dollar, Panoptic feature pyramid networks, 2019, arXiv:1901.02446. What the branches say is
merged by `course_lib.instances.panoptic`. On purpose otherwise: the paper's semantic branch calls every thing "other";
ours names the things as well, so that the page can ask how far one gets without instances. Both maps share one 3 x 3
convolution, and two maps are read instead of four: pictures are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, describe
from course_lib.detection.detector import Target
from course_lib.detection.mask_rcnn import MaskRCNN
from course_lib.detection.mask_targets import check_masked_targets
from course_lib.networks.backbones.scene_encoder import Pyramid


class SemanticHead(nn.Module):
    """From the maps of a pyramid to a score for each category and pixel.

    Args:
        width: Channels of the maps.
        categories: C, things and stuff.
        hidden: Channels in between.
    """

    def __init__(self, width: int, categories: int, *, hidden: int = 40):
        super().__init__()
        check_positive(width=width, categories=categories, hidden=hidden)
        self.conv, self.scores = nn.Conv2d(width, hidden, 3, padding=1), nn.Conv2d(hidden, categories, 1)

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Scores (B, C, height, width) of maps, finest first, and the picture's (height, width)."""
        fine, *coarse = (F.relu(self.conv(level)) for level in maps)
        for level in coarse:
            fine = fine + F.interpolate(level, size=fine.shape[2:], mode="bilinear")
        return F.interpolate(self.scores(fine), size=size, mode="bilinear")


class PanopticFPN(MaskRCNN):
    """Mask R-CNN and a semantic branch on one pyramid.

    Args:
        encoder: With maps of stride 4 and 8.
        classes: K, things; they are the first of the categories.
        categories: C, things and stuff.
        weight: How much the semantic loss counts.
        **options: Of `MaskRCNN`.

    Raises:
        ValueError: For fewer categories than classes.
    """

    def __init__(self, encoder: Pyramid, classes: int, categories: int, *, weight: float = 1.0, **options: Any):
        super().__init__(encoder, classes, **options)
        check_positive(weight=weight)
        if categories < classes:
            raise ValueError(f"categories must hold the {classes} classes of things, so be no fewer, not {categories}")
        self.categories, self.weight = categories, weight
        self.semantic_head = SemanticHead(self.neck.width, categories)

    def losses(self, images: Tensor, targets: Sequence[Target], generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of Mask R-CNN, and "semantic", weighted; a target has also "semantic" (H, W) int64, below 0 unknown.

        Raises:
            ValueError: Also for categories that are missing, misshapen or out of range.
        """
        check_masked_targets(images, targets, self.classes)
        size = (images.shape[2], images.shape[3])
        for number, target in enumerate(targets):
            truth = target.get("semantic")
            if not isinstance(truth, Tensor) or truth.dtype != torch.int64 or truth.shape != size:
                raise ValueError(
                    f"targets[{number}]['semantic'] must be int64 of shape {size}, not a {describe(truth)}"
                )
            if truth.max() >= self.categories:
                raise ValueError(
                    f"targets[{number}]['semantic'] must be below {self.categories}, not {int(truth.max())}"
                )
        maps = self.neck(images)
        found = self.map_losses(maps, images, targets, generator=generator)
        truth = torch.stack([target["semantic"] for target in targets])  # (B, H, W)
        entropy = F.cross_entropy(self.semantic_head(maps, size), truth.clamp(min=-1), ignore_index=-1, reduction="sum")
        return found | {"semantic": self.weight * entropy / (truth >= 0).sum().clamp(min=1)}

    def detect(self, images: Tensor) -> list[dict[str, Tensor]]:
        """Answers of Mask R-CNN, each with "semantic" (H, W) int64, the likeliest category of each pixel."""
        maps = self.neck(images)
        semantic = self.semantic_head(maps, (images.shape[2], images.shape[3])).argmax(1)
        return [answer | {"semantic": names}
                for answer, names in zip(self.map_answers(maps, images), semantic, strict=True)]  # fmt: skip
