"""Selective search: join the most similar neighbours, again and again, and propose all that there ever was.

(Chapter 10, "selective-search".)

    start      the segments of `graph_segmentation`
    repeat     join the two neighbours with the largest similarity; the new region is one more proposal
    until      one region is left; n segments give 2 n - 1 boxes

    colour     sum over bins min(c_i, c_j), histograms of 25 bins a channel          1 for equal ones
    texture    the same for gradients in 8 directions, 10 bins each and channel
    size       1 - (|i| + |j|) / |picture|                                           small ones first
    fill       1 - (|box around both| - |i| - |j|) / |picture|                       first what fits into each other

Objects have all sizes, so all stages of the hierarchy are asked; and none of the four cues is right everywhere, so
their sum counts. A region's histograms are the means of its parts', weighted by size: no pixel is read again. Uijlings,
van de Sande, Gevers, Smeulders, Selective search for object recognition, IJCV 104, 2013. On purpose simpler: one colour
space, that of the picture, and one k a call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.detection.graph_segmentation import graph_segmentation
from course_lib.ops.boxes import box_iou, check_boxes
from course_lib.ops.filters.smoothing import gaussian_filter

COLOURS, DIRECTIONS, STRENGTHS = 25, 8, 10
CUES = ("colour", "texture", "size", "fill")


@dataclass
class Region:
    """Part of a picture.

    Attributes:
        size: Pixels.
        box: x0, y0, x1, y1.
        colour: Histogram, sum 1.
        texture: Histogram, sum 1.
    """

    size: int
    box: tuple[int, int, int, int]
    colour: np.ndarray
    texture: np.ndarray

    def joined(self, other: Region) -> Region:
        """Both as one."""
        size = self.size + other.size
        box = (min(self.box[0], other.box[0]), min(self.box[1], other.box[1]),
               max(self.box[2], other.box[2]), max(self.box[3], other.box[3]))  # fmt: skip
        colour = (self.size * self.colour + other.size * other.colour) / size
        return Region(size, box, colour, (self.size * self.texture + other.size * other.texture) / size)


def similarity(a: Region, b: Region, pixels: int) -> dict[str, float]:
    """The four cues, each in [0, 1], of two regions of a picture with that many pixels."""
    x0, y0, x1, y1 = a.joined(b).box
    both = a.size + b.size
    return {"colour": float(np.minimum(a.colour, b.colour).sum()),
            "texture": float(np.minimum(a.texture, b.texture).sum()),
            "size": 1 - both / pixels,
            "fill": 1 - ((x1 - x0) * (y1 - y0) - both) / pixels}  # fmt: skip


def describe_regions(image: Tensor, segments: Tensor) -> list[Region]:
    """Regions of a picture.

    Args:
        image: (C, H, W) in [0, 1].
        segments: (H, W) int64, numbered 0 ... n - 1 without gaps.

    Returns:
        n regions.
    """
    count = int(segments.max()) + 1
    flat = segments.flatten().numpy()
    smooth = gaussian_filter(image[None], 1.0)[0]
    down, across = torch.gradient(smooth, dim=(1, 2))
    angles = torch.arange(DIRECTIONS) * (2 * math.pi / DIRECTIONS)
    turned = (angles.cos()[:, None, None, None] * across + angles.sin()[:, None, None, None] * down).clamp(min=0)
    colour = _histograms(image, flat, count, bins=COLOURS)
    texture = _histograms(turned.flatten(0, 1) / turned.max().clamp(min=1e-9), flat, count, bins=STRENGTHS)
    y, x = (part.flatten().numpy() for part in torch.meshgrid(*map(torch.arange, segments.shape), indexing="ij"))
    size = np.bincount(flat, minlength=count)
    low, high = np.full((2, count), np.iinfo(np.int64).max), np.zeros((2, count), np.int64)
    for k, places in enumerate((x, y)):
        np.minimum.at(low[k], flat, places)
        np.maximum.at(high[k], flat, places + 1)
    boxes = np.concatenate([low, high]).T.tolist()
    return [Region(int(size[k]), tuple(boxes[k]), colour[k], texture[k]) for k in range(count)]


def selective_search(image: Tensor, *, scale: float = 100.0, sigma: float = 0.8, smallest: int = 20,
                     cues: Sequence[str] = CUES) -> Tensor:  # fmt: skip
    """Boxes in which objects may be.

    Args:
        image: (C, H, W) in [0, 1].
        scale, sigma, smallest: Of the first segments, as in `graph_segmentation`.
        cues: Which similarities are added, names from CUES.

    Returns:
        (N, 4) float32 xyxy, each box once; the last regions to be made come first, the first segments last.

    Raises:
        ValueError: For another shape, an unknown cue or none, or numbers out of range.
    """
    check_tensors(image=(image, "C H W"))
    unknown = [cue for cue in cues if cue not in CUES]
    if unknown or not cues:
        raise ValueError(f"cues must be some of {', '.join(CUES)}, not {', '.join(unknown) or 'none'}")
    segments = graph_segmentation(image, scale=scale, sigma=sigma, smallest=smallest).cpu()
    regions = describe_regions(image.float().cpu(), segments)
    pixels = segments.numel()
    beside: dict[int, set[int]] = {k: set() for k in range(len(regions))}
    for a, b in _neighbours(segments):
        beside[a].add(b)
        beside[b].add(a)

    def alike(a: int, b: int) -> float:
        found = similarity(regions[a], regions[b], pixels)
        return sum(found[cue] for cue in cues)

    similar = {(a, b): alike(a, b) for a in beside for b in beside[a] if a < b}
    while similar:
        a, b = max(similar, key=similar.__getitem__)
        new = len(regions)
        regions.append(regions[a].joined(regions[b]))
        around = (beside.pop(a) | beside.pop(b)) - {a, b}
        similar = {pair: value for pair, value in similar.items() if not {a, b} & set(pair)}
        beside[new] = around
        for other in around:
            beside[other] -= {a, b}
            beside[other].add(new)
            similar[other, new] = alike(other, new)
    boxes = dict.fromkeys(region.box for region in reversed(regions))  # each once, in order
    return torch.tensor(list(boxes), dtype=torch.float32)


def proposal_recall(proposals: Sequence[Tensor], objects: Sequence[Tensor], counts: Sequence[int], *,
                    iou_threshold: float = 0.5) -> Tensor:  # fmt: skip
    """Share of objects that one of the first n proposals of their picture overlaps enough.

    Args:
        proposals: For each picture (N, 4) xyxy, best first.
        objects: For each picture (G, 4) xyxy.
        counts: The n that are asked.
        iou_threshold: What is enough.

    Returns:
        (len(counts),) in [0, 1]; NaN without objects.

    Raises:
        ValueError: For lists of different lengths or boxes that are none.
    """
    if len(proposals) != len(objects):
        raise ValueError(f"proposals of {len(proposals)} pictures, but objects of {len(objects)}")
    found, total = torch.zeros(len(counts)), 0
    for some, true in zip(proposals, objects, strict=True):
        check_boxes(proposals=some, objects=true)
        overlap = box_iou(some, true) >= iou_threshold  # (N, G)
        found += torch.stack([overlap[:count].any(0).sum() for count in counts]).cpu()
        total += len(true)
    return found / total if total else torch.full_like(found, torch.nan)


def _histograms(channels: Tensor, segments: np.ndarray, count: int, *, bins: int) -> np.ndarray:
    """(count, C * bins) histograms of channels (C, H, W) in [0, 1] in each segment, each with sum 1."""
    number = (channels * bins).long().clamp(0, bins - 1).flatten(1).numpy()
    parts = [np.bincount(segments * bins + part, minlength=count * bins).reshape(count, bins) for part in number]
    table = np.concatenate(parts, 1).astype(float)
    return table / table.sum(1, keepdims=True)


def _neighbours(segments: Tensor) -> list[list[int]]:
    """Pairs of segments that touch along a side."""
    across = torch.stack([segments[:, :-1].flatten(), segments[:, 1:].flatten()], 1)
    down = torch.stack([segments[:-1].flatten(), segments[1:].flatten()], 1)
    pairs = torch.cat([across, down])
    return pairs[pairs[:, 0] != pairs[:, 1]].unique(dim=0).tolist()
