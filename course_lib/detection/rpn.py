"""Region proposal network: where something is, whatever it is (chapter 10, "faster-rcnn").

    at each place of the map    3 x 3 conv, ReLU; for each of A anchors a score s and corrections t
    anchors are matched         IoU >= 0.7 with an object, or its best: positive; < 0.3: background; between: ignored
    loss                        cross-entropy of s over a sample, smooth L1 of t over its positives / size of the sample
    proposals                   the best anchors, corrected, clipped, thinned by non-maximum suppression

Of hundreds of anchors two or three are positive. A sample of fixed size, at most half of it positives, keeps the easy
background from drowning them. Ren, He, Girshick, Sun, Faster R-CNN, 2015, arXiv:1506.01497. Losses and proposals equal
torchvision's. Pictures without objects teach background alone; no anchor outside of the picture is left out, since on
small pictures those are many.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.detection.anchors import BACKGROUND, decode_boxes, encode_boxes, grid_anchors, match_anchors
from course_lib.detection.detector import begin_small
from course_lib.ops.boxes import clip_boxes_to_image, nms_mask


def sample_balanced(matches: Tensor, size: int, share: float = 0.5, *, generator: torch.Generator) -> Tensor:
    """Choose among matched boxes, so that background does not drown the rest.

    Args:
        matches: (N,) int64, an object's number, BACKGROUND or IGNORED.
        size: How many are chosen, if there are as many.
        share: Largest share of boxes with an object; background fills up.
        generator: Source of the choice.

    Returns:
        (at most size,) int64 places in `matches`, those with an object first.

    Raises:
        ValueError: For a size that is not positive or a share outside of 0 ... 1.
    """
    check_positive(size=size)
    if not 0 <= share <= 1:
        raise ValueError(f"share must be in [0, 1], not {share}")
    chosen: list[Tensor] = []
    room = int(size * share)
    for candidates in ((matches >= 0).nonzero()[:, 0], (matches == BACKGROUND).nonzero()[:, 0]):
        order = torch.randperm(len(candidates), generator=generator, device=matches.device)
        chosen.append(candidates[order[:room]])
        room = size - len(chosen[0])
    return torch.cat(chosen)


def correction_loss(found: Tensor, wanted: Tensor, *, beta: float = 1 / 9) -> Tensor:
    """Sum of smooth L1 over corrections (N, 4): quadratic below beta, linear above, so that a wild box cannot rule."""
    return F.smooth_l1_loss(found, wanted, beta=beta, reduction="sum")


class RegionProposals(nn.Module):
    """A small network over one map.

    Args:
        width: Channels of the map.
        stride: Pixels between its places.
        sizes: Of the anchors, pixels.
        ratios: Height over width of the anchors.
        sample: Anchors of a picture that are asked in training.
        before: How many of the best go into suppression.
        after: How many proposals a picture gives.
        iou_threshold: Of suppression.
    """

    def __init__(self, width: int, stride: int, sizes: Sequence[float], *, ratios: Sequence[float] = (0.5, 1.0, 2.0),
                 sample: int = 64, before: int = 100, after: int = 24, iou_threshold: float = 0.7):  # fmt: skip
        super().__init__()
        check_positive(sample=sample, before=before, after=after)
        self.stride, self.sizes, self.ratios = stride, tuple(sizes), tuple(ratios)
        self.sample, self.before, self.after, self.iou_threshold = sample, before, after, iou_threshold
        anchors = len(self.sizes) * len(self.ratios)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.scores, self.corrections = nn.Conv2d(width, anchors, 1), nn.Conv2d(width, 4 * anchors, 1)
        begin_small(self.conv, self.scores, self.corrections)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (B, N), corrections (B, N, 4) and anchors (N, 4) xyxy of maps (B, width, h, w)."""
        check_shapes(maps=(maps, "B C h w"))
        x = F.relu(self.conv(maps))
        scores = self.scores(x).permute(0, 2, 3, 1).flatten(1)  # (B, h w A)
        corrections = self.corrections(x).permute(0, 2, 3, 1).reshape(len(x), -1, 4)
        anchors = grid_anchors(*maps.shape[2:], stride=self.stride, sizes=self.sizes, ratios=self.ratios)
        return scores, corrections, anchors.to(x)

    def losses(self, scores: Tensor, corrections: Tensor, anchors: Tensor, *, objects: Sequence[Tensor],
               generator: torch.Generator) -> dict[str, Tensor]:  # fmt: skip
        """Losses of what `forward` gave.

        Args:
            scores, corrections, anchors: From `forward`.
            objects: For each picture its (G, 4) boxes xyxy; G may be 0.
            generator: Source of the samples.

        Returns:
            "objectness" and "proposal_boxes", each of shape ().
        """
        said, wanted, moved, correct = [], [], [], []
        for score, correction, boxes in zip(scores, corrections, objects, strict=True):
            matches = match_anchors(anchors, boxes)
            chosen = sample_balanced(matches, self.sample, generator=generator)
            positive = chosen[matches[chosen] >= 0]
            said.append(score[chosen])
            wanted.append((matches[chosen] >= 0).to(score))
            moved.append(correction[positive])
            correct.append(encode_boxes(boxes[matches[positive]], anchors[positive]))
        count = max(sum(len(part) for part in said), 1)
        entropy = F.binary_cross_entropy_with_logits(torch.cat(said), torch.cat(wanted))
        return {"objectness": entropy, "proposal_boxes": correction_loss(torch.cat(moved), torch.cat(correct)) / count}

    @torch.no_grad()
    def propose(self, scores: Tensor, corrections: Tensor, anchors: Tensor, *, size: tuple[int, int]) -> list[Tensor]:
        """Proposals (at most `after`, 4) of each picture of (height, width) pixels, best first; no gradients."""
        best = scores.topk(min(self.before, scores.shape[1])).indices  # (B, n), sorted
        corrections = corrections.gather(1, best[..., None].expand(-1, -1, 4))
        boxes = clip_boxes_to_image(decode_boxes(corrections, anchors[best]), size)
        large = (boxes[..., 2:] - boxes[..., :2]).amin(-1) >= 1  # a box of less than a pixel shows nothing, covers none
        kept = large & nms_mask(boxes, iou_threshold=self.iou_threshold)
        return [some[keep][: self.after] for some, keep in zip(boxes, kept, strict=True)]
