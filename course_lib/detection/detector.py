"""What all detectors of this folder have in common (chapter 10): pictures and boxes in, losses or boxes out.

    model.losses(images, targets, generator)   {"name": loss, ...} whose sum is trained; finite without objects, too
    model.detect(images)                       [{"boxes": (D, 4), "scores": (D,), "labels": (D,)}, ...], best first

A target is {"boxes": (G, 4) xyxy in pixels, "labels": (G,) int64 from 0}, one a picture, G may be 0: the form that
`AveragePrecision` reads, so that answers and truth go straight from one to the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, describe
from course_lib.ops.boxes import batched_nms, check_boxes

Target = Mapping[str, Tensor]


class Detector(nn.Module):
    """A network that finds boxes.

    Args:
        classes: K, how many kinds of objects.
    """

    def __init__(self, classes: int):
        super().__init__()
        check_positive(classes=classes)
        self.classes = classes

    def losses(self, images: Tensor, targets: Sequence[Target], generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of shape () of images (B, 3, H, W) in [0, 1] and targets; draws from the generator."""
        raise NotImplementedError

    def detect(self, images: Tensor) -> list[dict[str, Tensor]]:
        """Boxes, scores and labels of each of (B, 3, H, W) images, best first."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
        """The same as `detect`, so that costs can be counted."""
        return self.detect(images)


def begin_small(*layers: nn.Conv2d, bias: float = 0.0) -> None:
    """Start convolutions of a head with weights of deviation 0.01 and one bias, so that its first answers are alike."""
    for layer in layers:
        nn.init.normal_(layer.weight, std=0.01)
        assert layer.bias is not None
        nn.init.constant_(layer.bias, bias)


def check_targets(images: Tensor, targets: Sequence[Target], classes: int) -> None:
    """Check the targets of a batch by their values; an entry point, waits for a GPU.

    Raises:
        ValueError: One line, for a wrong number of targets, missing or misshapen entries, boxes that are reversed,
            empty or outside of their picture, and labels beyond K.
    """
    if len(targets) != len(images):
        raise ValueError(f"{len(images)} images and {len(targets)} targets: one target for each image is needed")
    height, width = images.shape[-2:]
    for number, target in enumerate(targets):
        boxes, labels = target.get("boxes"), target.get("labels")
        check_boxes(**{f"targets[{number}]['boxes']": boxes})
        assert isinstance(boxes, Tensor)
        if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.shape != boxes.shape[:-1]:
            raise ValueError(f"targets[{number}]['labels'] must be int64, one for each of {len(boxes)} boxes, not a "
                             f"{describe(labels)}")  # fmt: skip
        if not len(boxes):
            continue
        if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            raise ValueError(f"targets[{number}]['labels'] must be 0 to {classes - 1}, not {int(labels.min())} to "
                             f"{int(labels.max())}")  # fmt: skip
        if not (boxes[:, 2:] > boxes[:, :2]).all():
            raise ValueError(f"targets[{number}]['boxes'] holds a box without area; leave it out")
        if boxes.min() < 0 or boxes[:, 2].max() > width or boxes[:, 3].max() > height:
            raise ValueError(f"targets[{number}]['boxes'] reach out of the picture of {width} x {height} pixels; "
                             "clip_boxes_to_image cuts them")  # fmt: skip


def padded_targets(boxes: Tensor, labels: Tensor) -> list[dict[str, Tensor]]:
    """Targets from tables with empty rows, as the course's scenes have them.

    Args:
        boxes: (B, M, 4) xyxy; objects without a visible pixel and empty slots have no area.
        labels: (B, M) int64; -1 for an empty slot.

    Returns:
        A target for each picture, without those rows.

    Raises:
        ValueError: For shapes that do not fit.
    """
    if boxes.shape != (*labels.shape, 4) or labels.ndim != 2:
        raise ValueError(
            f"boxes must be (B, M, 4) and labels (B, M), not {tuple(boxes.shape)} and {tuple(labels.shape)}"
        )
    kept = (labels >= 0) & (boxes[..., 2:] > boxes[..., :2]).all(-1)
    return [{"boxes": box[keep].float(), "labels": label[keep]}
            for box, label, keep in zip(boxes, labels, kept, strict=True)]  # fmt: skip


def best_boxes(boxes: Tensor, scores: Tensor, labels: Tensor, *, iou_threshold: float = 0.5, least: float = 0.02,
               most: int = 20) -> dict[str, Tensor]:  # fmt: skip
    """The last step of most detectors: drop the hopeless, suppress doubles within a class, keep the best.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,).
        labels: (N,) int64.
        iou_threshold: Of non-maximum suppression.
        least: Scores must be above it.
        most: How many boxes may stay.

    Returns:
        boxes (D, 4), scores (D,) and labels (D,), best first.
    """
    hopeful = (scores > least).nonzero()[:, 0]
    kept = hopeful[batched_nms(boxes[hopeful], scores[hopeful], labels[hopeful], iou_threshold=iou_threshold)][:most]
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": labels[kept]}


def detect_all(model: Detector, images: Tensor, *, batch: int = 64) -> list[dict[str, Tensor]]:
    """What a detector finds in any number of pictures (N, 3, H, W), in evaluation mode and without gradients."""
    was = model.training
    model.eval()
    device = next(model.parameters()).device
    with torch.no_grad():
        found = [answer for part in images.split(batch) for answer in model.detect(part.to(device))]
    model.train(was)
    return found
