"""DETR: detection as a set that a transformer writes down at once (chapter 10, "detr").

    tokens      the map of stride 8, one token a place; a code of the place is added to queries and keys alone
    encoder     self-attention: each place learns to which object it belongs
    queries     N vectors, learned, one for each object that might be there; all answered at the same time
    decoder     queries look at each other (who takes which?), then at the places; K + 1 scores and a box of each
    loss        `set_losses` of every layer of the decoder (the last is the answer, the others are auxiliary)

No anchors and no suppression; a query's best score is the detection's. Carion, Massa, Synnaeve, Usunier, Kirillov,
Zagoruyko, 2020, arXiv:2005.12872. On purpose otherwise: small (96 dimensions, 2 + 3 layers, 12 queries; the paper has
256, 6 + 6 and 100), stride 8 instead of 32, since pictures have 64 pixels, and pre-norm, which needs no slow start.
The decoder's attention begins spread over the whole picture and has to learn where to look: that is why DETR is slow.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.detection.detector import Detector, Target, check_targets
from course_lib.detection.neck import FeaturePyramid
from course_lib.detection.set_loss import pixel_boxes, set_losses
from course_lib.networks.attention import MultiHeadAttention
from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.networks.positional import sinusoidal_encoding_2d


class BoxHead(nn.Sequential):
    """Three linear layers to four numbers, which a sigmoid makes centre and size; begins at `start`."""

    def __init__(self, dimensions: int, start: Sequence[float] = (0.0, 0.0, -1.0, -1.0)):
        last = nn.Linear(dimensions, 4)
        nn.init.zeros_(last.weight)
        last.bias.data.copy_(torch.tensor(start))
        super().__init__(
            nn.Linear(dimensions, dimensions), nn.ReLU(), nn.Linear(dimensions, dimensions), nn.ReLU(), last
        )


class PlacedLayer(nn.Module):
    """A layer of the encoder or, with a memory, of the decoder: places are added to queries and keys only.

    Args:
        dimensions: E, a multiple of heads.
        heads: h.
        hidden: Width of the feed-forward network.
        memory: Also look at a memory.
    """

    def __init__(self, dimensions: int, heads: int, hidden: int, *, memory: bool = False):
        super().__init__()
        self.self_attn = MultiHeadAttention(dimensions, heads)
        self.cross_attn = MultiHeadAttention(dimensions, heads) if memory else None
        self.linear1, self.linear2 = nn.Linear(dimensions, hidden), nn.Linear(hidden, dimensions)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dimensions) for _ in range(3))

    def forward(self, x: Tensor, places: Tensor, memory: Tensor | None = None,
                memory_places: Tensor | None = None) -> Tensor:  # fmt: skip
        """(B, N, E) and its places, and a memory (B, M, E) with its places, to (B, N, E)."""
        y = self.norm1(x)
        x = x + self.self_attn(y + places, y + places, y)
        if self.cross_attn is not None and memory is not None:
            key = memory if memory_places is None else memory + memory_places
            x = x + self.cross_attn(self.norm2(x) + places, key, memory)
        return x + self.linear2(F.relu(self.linear1(self.norm3(x))))


class DETR(Detector):
    """Encoder, feature pyramid, transformer.

    Args:
        encoder: With maps of stride 8.
        classes: K.
        dimensions: E.
        heads: h.
        layers: Of the transformer's encoder and of its decoder.
        queries: N, most objects that can be found.
        auxiliary: Ask all layers of the decoder while training, not the last one alone.
    """

    def __init__(self, encoder: Pyramid, classes: int, *, dimensions: int = 96, heads: int = 4,
                 layers: tuple[int, int] = (2, 3), queries: int = 12, auxiliary: bool = True):  # fmt: skip
        super().__init__(classes)
        check_positive(queries=queries)
        self.auxiliary, hidden = auxiliary, 2 * dimensions
        self.encode = nn.ModuleList(PlacedLayer(dimensions, heads, hidden) for _ in range(layers[0]))
        self.decode = nn.ModuleList(PlacedLayer(dimensions, heads, hidden, memory=True) for _ in range(layers[1]))
        self.encoded, self.decoded = nn.LayerNorm(dimensions), nn.LayerNorm(dimensions)
        self.queries = nn.Parameter(torch.randn(queries, dimensions))
        self.scores, self.boxes = nn.Linear(dimensions, classes + 1), BoxHead(dimensions)
        self.neck = FeaturePyramid(encoder, dimensions, strides=(8,))

    def layers(self, images: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Scores (B, N, K + 1) and boxes (B, N, 4), centre and size in [0, 1], of each layer of the decoder."""
        maps = self.neck(images)[0]
        rows, columns = (torch.arange(1.0, size + 1, device=maps.device) for size in maps.shape[2:])
        places = sinusoidal_encoding_2d(rows, columns, maps.shape[1]).flatten(0, 1).to(maps)  # (h w, E)
        memory = maps.flatten(2).mT  # (B, h w, E)
        for layer in self.encode:
            memory = layer(memory, places)
        memory = self.encoded(memory)
        x, found = torch.zeros_like(self.queries).expand(len(images), -1, -1), []
        for layer in self.decode:
            x = layer(x, self.queries, memory, places)
            y = self.decoded(x)
            found.append((self.scores(y), self.boxes(y).sigmoid()))
        return found

    def losses(self, images: Tensor, targets: Sequence[Target], generator: torch.Generator) -> dict[str, Tensor]:
        """Losses "class", "l1" and "giou", summed over the layers that are asked."""
        check_targets(images, targets, self.classes)
        return layered_losses(self.layers(images), images, targets, auxiliary=self.auxiliary)

    def detect(self, images: Tensor) -> list[dict[str, Tensor]]:
        """Boxes, scores and labels of each of (B, 3, H, W) images, best first: one of each query."""
        height, width = images.shape[2:]
        scores, boxes = self.layers(images)[-1]
        value, label = scores.softmax(-1)[..., :-1].max(-1)
        order = value.argsort(descending=True)
        placed = pixel_boxes(boxes, (height, width)).gather(1, order[..., None].expand(-1, -1, 4))
        rows = zip(placed, value.gather(1, order), label.gather(1, order), strict=True)
        return [{"boxes": box, "scores": score, "labels": kind} for box, score, kind in rows]


def layered_losses(layers: Sequence[tuple[Tensor, Tensor]], images: Tensor, targets: Sequence[Target], *,
                   auxiliary: bool = True, focal: bool = False) -> dict[str, Tensor]:  # fmt: skip
    """The set losses of the last of several layers, or with `auxiliary` their sum over all layers."""
    height, width = images.shape[2:]
    asked = list(layers) if auxiliary else [layers[-1]]
    parts = [set_losses(scores, boxes, targets, size=(height, width), focal=focal) for scores, boxes in asked]
    return {name: torch.stack([part[name] for part in parts]).sum() for name in parts[0]}
