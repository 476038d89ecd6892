"""Prompts as tokens: clicks, box corners and an earlier mask (chapter 11, "promptable").

    place    p in [-1, 1]^2  ->  (sin 2 pi G p, cos 2 pi G p)      G: random and fixed, one row a frequency
    token    code of the place + a learnt vector for its kind       kinds: not this, this, top left, bottom right
    padding  a learnt vector without a place, so that prompts of several lengths fit into one batch
    mask     logits of an earlier answer, convolved to the size of the map and added to it

Random Fourier features: Tancik et al. 2020, arXiv:2006.10739; the prompts are those of Segment Anything, Kirillov et
al. 2023, arXiv:2304.02643, section 3 and appendix A. Points are (x, y) in pixels, 0 the left edge of the first pixel;
the same code, at the middles of the map's places, tells the map's tokens where they are. On purpose smaller: no text,
and one convolution for the earlier mask instead of three.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes, describe
from course_lib.ops.boxes import check_box_shape

NOTHING, NOT_THIS, THIS, TOP_LEFT, BOTTOM_RIGHT = range(-1, 4)


class RandomFourier(nn.Module):
    """A place as sines and cosines of random frequencies.

    Args:
        dimensions: D, even.
        deviation: Of the frequencies, periods over half a picture.
    """

    frequencies: Tensor

    def __init__(self, dimensions: int, deviation: float = 1.0):
        super().__init__()
        check_positive(dimensions=dimensions, deviation=deviation)
        if dimensions % 2:
            raise ValueError(f"dimensions must be even, one sine and one cosine a frequency, not {dimensions}")
        self.register_buffer("frequencies", deviation * torch.randn(dimensions // 2, 2))

    def forward(self, points: Tensor, height: int, width: int) -> Tensor:
        """Codes (..., D) of points (..., 2) in pixels of a picture of that size."""
        check_shapes(points=(points, "... 2"))
        size = torch.tensor([width, height], dtype=points.dtype, device=points.device)
        angles = 2 * math.pi * (2 * points / size - 1) @ self.frequencies.mT  # (..., D / 2)
        return torch.cat([angles.sin(), angles.cos()], -1)

    def grid(self, height: int, width: int) -> Tensor:
        """Codes (height * width, D) of the middles of a map's places, row after row."""
        y, x = (torch.arange(n, device=self.frequencies.device).to(self.frequencies) + 0.5 for n in (height, width))
        return self(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).flatten(0, 1), height, width)


class PromptEncoder(nn.Module):
    """Tokens from points and their kinds, and a map from an earlier mask.

    Args:
        dimensions: D.
    """

    def __init__(self, dimensions: int):
        super().__init__()
        self.places = RandomFourier(dimensions)
        self.kinds = nn.Embedding(5, dimensions)  # NOTHING comes first
        self.no_mask = nn.Parameter(torch.zeros(dimensions))
        self.mask = nn.Sequential(nn.Conv2d(1, 16, 2, stride=2), nn.GELU(), nn.Conv2d(16, dimensions, 1))

    def forward(self, points: Tensor, kinds: Tensor, size: tuple[int, int]) -> Tensor:
        """Tokens.

        Args:
            points: (N, P, 2) pixels; what stands where the kind is NOTHING is not read.
            kinds: (N, P) int64, NOTHING to BOTTOM_RIGHT.
            size: Height and width of the picture.

        Returns:
            (N, P, D).

        Raises:
            ValueError: For shapes that do not fit.
        """
        check_shapes(points=(points, "N P 2"))
        if kinds.dtype != torch.int64 or kinds.shape != points.shape[:2]:
            raise ValueError(f"kinds must be int64, one for each of {tuple(points.shape[:2])} points, not a "
                             f"{describe(kinds)}")  # fmt: skip
        placed = self.places(points, *size) * (kinds != NOTHING)[..., None]
        return placed + self.kinds(kinds + 1)

    def dense(self, earlier: Tensor | None, height: int, width: int) -> Tensor:
        """What is added to a map: (N, D, height, width) of logits (N, 2 height, 2 width), or (1, D, 1, 1) of none."""
        if earlier is None:
            return self.no_mask[None, :, None, None]
        if earlier.ndim != 3 or earlier.shape[1:] != (2 * height, 2 * width):
            raise ValueError(f"earlier masks must be (N, {2 * height}, {2 * width}), not {tuple(earlier.shape)}")
        return self.mask(earlier[:, None].clamp(-8, 8) / 4)


def box_prompts(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes as prompts: (N, 4) xyxy to points (N, 2, 2) and kinds (N, 2)."""
    check_box_shape(boxes=boxes)
    kinds = torch.tensor([TOP_LEFT, BOTTOM_RIGHT], device=boxes.device)
    return boxes.unflatten(1, (2, 2)), kinds.expand(len(boxes), 2)
