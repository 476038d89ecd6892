"""The detector before deep learning: HOG, a linear SVM, a window that slides (chapter 10, "hog-svm", "sliding-window").

    train      HOG of each patch; the plane w that separates faces from the rest with the widest margin (scikit-learn)
    mine       windows of pictures without a face that score highest are further negatives; train again
    slide      every window of every level of a pyramid, `step` pixels apart; the score is w . HOG + b
    at last    windows of all levels in pixels of the picture; those above a threshold; non-maximum suppression

A window of one size finds faces of one size; so the picture is shrunk, again and again, until a face fits. Windows of n
by n pixels, s apart, on a level of h x w: floor((h - n) / s + 1) floor((w - n) / s + 1). Dalal and Triggs, 2005; the
pyramid's levels are a factor apart that is well below 2, since HOG forgives a shift of a cell, and a scale of a fifth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from sklearn.svm import LinearSVC
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_labels, check_positive, check_tensors
from course_lib.detection.hog import hog
from course_lib.ops.boxes import nms


def window_count(height: int, width: int, *, window: int, step: int, factor: float) -> list[int]:
    """Windows on each level of the pyramid, the picture itself first; none of a level that is smaller than a window."""
    check_positive(step=step)
    sizes = level_sizes(height, width, window=window, factor=factor)
    return [((h - window) // step + 1) * ((w - window) // step + 1) for h, w in sizes]


def level_sizes(height: int, width: int, *, window: int, factor: float) -> list[tuple[int, int]]:
    """(height, width) of each level: the picture, then smaller by a factor each, as long as a window fits.

    Raises:
        ValueError: For a factor that is not above 1, or numbers that are not positive.
    """
    check_positive(height=height, width=width, window=window)
    if not factor > 1:
        raise ValueError(f"factor must be above 1, not {factor}: each level is smaller by it")
    sizes, level = [], 0
    while min(size := (round(height / factor**level), round(width / factor**level))) >= window:
        sizes.append(size)
        level += 1
    return sizes


class WindowDetector:
    """HOG and a linear SVM over a pyramid.

    Args:
        window: Side of the patches, pixels.
        cell: Of HOG, pixels.
        block: Of HOG, cells.
        C: Of the SVM; smaller is a wider margin.

    Attributes:
        weights, bias: Of the separating plane, after `fit`.
    """

    def __init__(self, window: int = 25, *, cell: int = 5, block: int = 2, C: float = 0.01):
        check_positive(window=window, cell=cell, block=block, C=C)
        self.window, self.cell, self.block, self.C = window, cell, block, C
        self.weights: Tensor | None = None
        self.bias = 0.0

    def features(self, patches: Tensor) -> Tensor:
        """(N, D) HOG of patches (N, 1, window, window)."""
        return hog(patches, cell=self.cell, block=self.block).flatten(1)

    def fit(self, patches: Tensor, labels: Tensor) -> WindowDetector:
        """Find the plane.

        Args:
            patches: (N, 1, window, window).
            labels: (N,) int64, 1 for what is looked for, 0 for the rest.

        Returns:
            Itself.

        Raises:
            ValueError: For other shapes or labels.
        """
        check_tensors(patches=(patches, f"N 1 {self.window} {self.window}"))
        check_labels("labels", labels, 2, patches=patches)
        machine = LinearSVC(C=self.C, random_state=0).fit(self.features(patches).numpy(), labels.numpy())
        self.weights, self.bias = torch.from_numpy(machine.coef_[0]).float(), float(machine.intercept_[0])
        return self

    def scores(self, patches: Tensor) -> Tensor:
        """(N,) signed scores of patches (N, 1, window, window); above 0 is found.

        Raises:
            ValueError: Before `fit`.
        """
        if self.weights is None:
            raise ValueError("the detector has not been trained: call fit first")
        return torch.cat([self.features(part) @ self.weights.to(part) + self.bias for part in patches.split(4096)])

    def slide(self, image: Tensor, *, step: int = 3, factor: float = 1.2) -> tuple[Tensor, Tensor]:
        """All windows.

        Args:
            image: (1, H, W) grey.
            step: Pixels of a level between windows.
            factor: Between levels, above 1.

        Returns:
            Boxes (N, 4) xyxy in pixels of the picture, and scores (N,); level by level, row by row.

        Raises:
            ValueError: For another shape, or a picture smaller than a window.
        """
        boxes, scores = [], []
        for patches, where in self.windows(image, step=step, factor=factor):
            boxes.append(where)
            scores.append(self.scores(patches))
        return torch.cat(boxes), torch.cat(scores)

    def windows(self, image: Tensor, *, step: int = 3, factor: float = 1.2) -> Iterator[tuple[Tensor, Tensor]]:
        """For each level of the pyramid its patches (N, 1, window, window) and boxes (N, 4) in pixels of the picture.

        Arguments and errors as in `slide`.
        """
        check_tensors(image=(image, "1 H W"))
        check_positive(step=step)
        height, width = image.shape[1:]
        sizes = level_sizes(height, width, window=self.window, factor=factor)
        if not sizes:
            raise ValueError(f"a picture of {height} x {width} pixels is smaller than a window of {self.window}")
        for h, w in sizes:
            level = F.interpolate(image[None], size=(h, w), mode="bilinear", antialias=True, align_corners=False)
            cut = level[0].unfold(1, self.window, step).unfold(2, self.window, step)  # (1, rows, columns, n, n)
            y, x = torch.meshgrid(*(torch.arange(count) * step for count in cut.shape[1:3]), indexing="ij")
            corner = torch.stack([x, y], -1).flatten(0, 1).to(image)
            scale = image.new_tensor([width / w, height / h] * 2)
            yield cut.flatten(1, 2).movedim(1, 0), torch.cat([corner, corner + self.window], 1) * scale

    def mine(self, images: Sequence[Tensor], *, most: int = 150) -> Tensor:
        """Patches of pictures without the object that look most like it: the hardest negatives.

        Args:
            images: Each (1, H, W) grey.
            most: Patches a picture.

        Returns:
            (at most most * len(images), 1, window, window).
        """
        hard = []
        for image in images:
            patches = torch.cat([part for part, _ in self.windows(image)])
            hard.append(patches[self.scores(patches).topk(min(most, len(patches))).indices])
        return torch.cat(hard)

    def detect(self, image: Tensor, *, step: int = 3, factor: float = 1.2, threshold: float = 0.0,
               iou_threshold: float = 0.3) -> dict[str, Tensor]:  # fmt: skip
        """Windows above a threshold that no better one covers: boxes (D, 4) and scores (D,), best first.

        Args:
            image: (1, H, W) grey.
            step, factor: As in `slide`.
            threshold: Least score.
            iou_threshold: Of non-maximum suppression.
        """
        boxes, scores = self.slide(image, step=step, factor=factor)
        boxes, scores = boxes[scores > threshold], scores[scores > threshold]
        kept = nms(boxes, scores, iou_threshold)
        return {"boxes": boxes[kept], "scores": scores[kept]}
