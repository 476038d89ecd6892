"""Deformable DETR: each query looks around the box that it believes in (chapter 10, "detr").

    maps        strides 4, 8 and 16; places of strides 8 and 16 ask each other by deformable attention (encoder)
    queries     N, each with a content, a code of its box, and a first box, all learned
    decoder     queries ask each other, then look around their boxes; each layer corrects the box:
                b <- sigmoid(logit(b) + W q), and the next layer looks there; no gradient goes through b itself
    loss        `set_losses` in the sigmoid form, of every layer; no suppression

Zhu, Su, Lu, Li, Wang, Dai, 2020, arXiv:2010.04159, with its iterative refinement of boxes. The code of the box is a
function of the box, computed anew in each layer (Liu et al., DAB-DETR, 2022, arXiv:2201.12329). On purpose small: 96
dimensions, 1 + 3 layers, 16 queries whose first boxes are spread over the picture; the paper has 256, 6 + 6 and 300.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.detection.deformable import DeformableAttention
from course_lib.detection.detector import Detector, Target, check_targets
from course_lib.detection.detr import BoxHead, layered_losses
from course_lib.detection.neck import FeaturePyramid
from course_lib.detection.one_stage import grid_places
from course_lib.detection.set_loss import pixel_boxes
from course_lib.networks.attention import MultiHeadAttention
from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.networks.positional import fourier_encoding

STRIDES = (4, 8, 16)
FREQUENCIES = 4


class DeformableLayer(nn.Module):
    """Look around a reference, then feed-forward; with `among` the queries ask each other first.

    Args:
        dimensions: E.
        heads: h.
        levels: Maps to look at.
        among: A decoder's layer.
    """

    def __init__(self, dimensions: int, heads: int, levels: int, *, among: bool = False):
        super().__init__()
        self.self_attn = MultiHeadAttention(dimensions, heads) if among else None
        self.look = DeformableAttention(dimensions, heads, levels)
        self.linear1, self.linear2 = nn.Linear(dimensions, 2 * dimensions), nn.Linear(2 * dimensions, dimensions)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dimensions) for _ in range(3))

    def forward(self, x: Tensor, places: Tensor, reference: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """(B, N, E), its codes of places, its references (B, N, 2 or 4) and the maps, to (B, N, E)."""
        if self.self_attn is not None:
            y = self.norm1(x)
            x = x + self.self_attn(y + places, y + places, y)
        x = x + self.look(self.norm2(x) + places, reference, maps)
        return x + self.linear2(F.relu(self.linear1(self.norm3(x))))


class DeformableDETR(Detector):
    """Encoder, feature pyramid, deformable transformer.

    Args:
        encoder: With maps of stride 4, 8 and 16.
        classes: K.
        dimensions: E.
        heads: h.
        layers: Of the decoder.
        queries: N, a square number.
        auxiliary: Ask all layers of the decoder while training, not the last one alone.
    """

    def __init__(self, encoder: Pyramid, classes: int, *, dimensions: int = 96, heads: int = 4, layers: int = 3,
                 queries: int = 16, auxiliary: bool = True):  # fmt: skip
        super().__init__(classes)
        check_positive(queries=queries, layers=layers)
        side = round(queries**0.5)
        if side**2 != queries:
            raise ValueError(f"queries must be a square number, for they begin on a grid, not {queries}")
        self.auxiliary = auxiliary
        self.code = nn.Linear(2 * FREQUENCIES * 4, dimensions)
        self.encode = DeformableLayer(dimensions, heads, 2)
        self.decode = nn.ModuleList(DeformableLayer(dimensions, heads, len(STRIDES), among=True) for _ in range(layers))
        self.encoded, self.decoded = nn.LayerNorm(dimensions), nn.LayerNorm(dimensions)
        self.queries = nn.Parameter(torch.randn(queries, dimensions))
        size = torch.full((queries, 2), 0.35)
        self.start = nn.Parameter(torch.logit(torch.cat([grid_places(side, side, 1 / side), size], 1)))
        self.scores = nn.Linear(dimensions, classes)
        nn.init.constant_(self.scores.bias, -4.6)  # p = 0.01, as for every focal loss
        self.boxes = nn.ModuleList(BoxHead(dimensions, (0.0, 0.0, 0.0, 0.0)) for _ in range(layers))
        self.neck = FeaturePyramid(encoder, dimensions, strides=STRIDES)

    def memory(self, images: Tensor) -> list[Tensor]:
        """The pyramid's maps (B, E, h, w); the two coarser ones have asked each other."""
        fine, *coarse = self.neck(images)
        shapes = [(level.shape[2], level.shape[3]) for level in coarse]
        places = torch.cat([grid_places(h, w, 1.0) / torch.tensor([w, h]) for h, w in shapes]).to(fine)
        sizes = torch.cat([torch.full((level[0, 0].numel(), 2), 1 / level.shape[2]) for level in coarse]).to(fine)
        code = self.box_code(torch.cat([places, sizes], 1))
        x = torch.cat([level.flatten(2).mT for level in coarse], 1)
        x = self.encoded(self.encode(x, code, places.expand(len(x), -1, -1), coarse))
        parts = x.split([level[0, 0].numel() for level in coarse], 1)
        asked = [part.mT.unflatten(2, level.shape[2:]) for part, level in zip(parts, coarse, strict=True)]
        return [fine, *asked]

    def box_code(self, boxes: Tensor) -> Tensor:
        """(..., E) code of boxes (..., 4), centre and size in [0, 1]."""
        return self.code(fourier_encoding(boxes, FREQUENCIES))

    def layers(self, images: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Scores (B, N, K) and boxes (B, N, 4), centre and size in [0, 1], of each layer of the decoder."""
        maps, found = self.memory(images), []
        x = self.queries.expand(len(images), -1, -1)
        logits = self.start.expand(len(images), -1, -1)
        for layer, head in zip(self.decode, self.boxes, strict=True):
            box = logits.sigmoid()
            x = layer(x, self.box_code(box), box, maps)
            y = self.decoded(x)
            moved = logits + head(y)
            found.append((self.scores(y), moved.sigmoid()))
            logits = moved.detach()
        return found

    def losses(self, images: Tensor, targets: Sequence[Target], generator: torch.Generator) -> dict[str, Tensor]:
        """Losses "class", "l1" and "giou", summed over the layers that are asked."""
        check_targets(images, targets, self.classes)
        return layered_losses(self.layers(images), images, targets, auxiliary=self.auxiliary, focal=True)

    def detect(self, images: Tensor) -> list[dict[str, Tensor]]:
        """Boxes, scores and labels of each of (B, 3, H, W) images, best first."""
        height, width = images.shape[2:]
        scores, boxes = self.layers(images)[-1]
        value, best = scores.sigmoid().flatten(1).topk(20)  # a query may be two classes at once
        query = (best // self.classes)[..., None].expand(-1, -1, 4)
        placed = pixel_boxes(boxes, (height, width)).gather(1, query)
        return [{"boxes": box, "scores": score, "labels": kind}
                for box, score, kind in zip(placed, value, best % self.classes, strict=True)]  # fmt: skip
