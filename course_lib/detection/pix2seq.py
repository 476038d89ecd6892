"""Pix2Seq: detection as writing down what is seen, word by word (chapter 10, "pix2seq").

    picture    the map of stride 8 through layers of self-attention: one token a place
    decoder    reads the words written so far and the picture; says the next: p(y_t | y_<t, x)
    loss       cross-entropy of the next word; `box_tokens` says what the words are and which are asked
    answer     the likeliest word again and again, where coordinates may stand only coordinates, where a class stands
               only classes; the score of a box is the probability of its class

No anchors, no matching, no suppression and no loss of its own: a box is a sentence, and IoU occurs nowhere. Chen,
Saxena, Li, Fleet, Hinton, 2021, arXiv:2109.10852. On purpose small: 96 dimensions, 2 + 3 layers, 64 coordinates, room
for six objects (the paper: 2000 coordinates and 100 objects), and pre-norm. Words of
coordinates begin as sinusoidal codes, the same for reading and for saying: neighbours are alike before any training.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.detection.box_tokens import FIRST, WORDS, BoxVocabulary, object_sequence
from course_lib.detection.detector import Detector, Target, check_targets
from course_lib.detection.detr import PlacedLayer
from course_lib.detection.neck import FeaturePyramid
from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.networks.decoding import END, PAD, State, greedy
from course_lib.networks.positional import LearntPositions, sinusoidal_encoding, sinusoidal_encoding_2d
from course_lib.networks.transformer import TransformerDecoder


class Pix2Seq(Detector):
    """Encoder, feature pyramid, transformer over words.

    Args:
        encoder: With maps of stride 8.
        classes: K.
        bins: Words for coordinates.
        most: Objects that a sequence has room for.
        augment: Train with invented objects, write `most` objects always.
        dimensions: E.
        heads: h.
        layers: Of self-attention over the picture, and of the decoder.
    """

    def __init__(self, encoder: Pyramid, classes: int, *, bins: int = 64, most: int = 6, augment: bool = True,
                 dimensions: int = 96, heads: int = 4, layers: tuple[int, int] = (2, 3)):  # fmt: skip
        super().__init__(classes)
        check_positive(bins=bins, most=most)
        self.vocabulary, self.most, self.augment = BoxVocabulary(bins, classes), most, augment
        self.encode = nn.ModuleList(PlacedLayer(dimensions, heads, 2 * dimensions) for _ in range(layers[0]))
        self.encoded = nn.LayerNorm(dimensions)
        self.words = nn.Embedding(self.vocabulary.size, dimensions, padding_idx=PAD)
        nn.init.normal_(self.words.weight, std=0.1)
        with torch.no_grad():  # neighbouring coordinates begin as neighbours
            self.words.weight[FIRST : FIRST + bins] = 0.3 * sinusoidal_encoding(torch.arange(float(bins)), dimensions)
        self.positions = LearntPositions(WORDS * most + 1, dimensions, 0.1)
        self.decoder = TransformerDecoder(layers[1], dimensions, heads, hidden=2 * dimensions, dropout=0.0,
                                          norm_first=True)  # fmt: skip
        self.bias = nn.Parameter(torch.zeros(self.vocabulary.size))
        self.neck = FeaturePyramid(encoder, dimensions, strides=(8,))

    def memory(self, images: Tensor) -> Tensor:
        """(B, h w, E) tokens of images (B, 3, H, W); each carries the code of its place."""
        maps = self.neck(images)[0]
        rows, columns = (torch.arange(1.0, size + 1, device=maps.device) for size in maps.shape[2:])
        places = sinusoidal_encoding_2d(rows, columns, maps.shape[1]).flatten(0, 1).to(maps)
        x = maps.flatten(2).mT
        for layer in self.encode:
            x = layer(x, places)
        return self.encoded(x) + places

    def read(self, tokens: Tensor, memory: Tensor) -> Tensor:
        """Scores (B, T, V) of the word after each of tokens (B, T)."""
        x = self.decoder(self.positions(self.words(tokens)), memory, causal=True)
        return F.linear(x, self.words.weight, self.bias)

    def losses(self, images: Tensor, targets: Sequence[Target], generator: torch.Generator) -> dict[str, Tensor]:
        """Losses "coordinates" and "class", each the mean over its words; they are weighted by the words' numbers."""
        check_targets(images, targets, self.classes)
        height, width = images.shape[2:]
        pairs = [object_sequence(target, self.vocabulary, (height, width), most=self.most, generator=generator,
                                 augment=self.augment) for target in targets]  # fmt: skip
        read, wanted = (torch.stack(part) for part in zip(*pairs, strict=True))
        scores = self.read(read, self.memory(images))
        entropy = F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), ignore_index=PAD, reduction="none")
        count = (wanted != PAD).sum().clamp(min=1)
        place = torch.arange(wanted.shape[1], device=wanted.device).expand_as(wanted).flatten() % WORDS == WORDS - 1
        return {"coordinates": entropy[~place].sum() / count, "class": entropy[place].sum() / count}

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """For `networks.decoding`: scores (B, V) after one more token (B,); the state has all tokens before it."""
        memory, before = state
        written = torch.cat([before, tokens[:, None]], 1)
        scores = self.read(written, memory)[:, -1]
        allowed = self.vocabulary.allowed(before.shape[1], may_end=not self.augment).to(scores.device)
        return scores.masked_fill(~allowed, -torch.inf), (memory, written)

    def detect(self, images: Tensor) -> list[dict[str, Tensor]]:
        """Boxes, scores and labels of each of (B, 3, H, W) images, best first: at most `most`."""
        height, width = images.shape[2:]
        memory = self.memory(images)
        state = (memory, torch.empty(len(images), 0, dtype=torch.int64, device=images.device))
        written = greedy(self.step, state, len(images), length=WORDS * self.most, device=images.device)
        chance = self.read(written[:, :-1], memory).softmax(-1)
        chance = chance.gather(2, written[:, 1:, None])[..., 0]  # (B, T) of each written word
        whole = written[:, 1:][:, : (written.shape[1] - 1) // WORDS * WORDS].unflatten(1, (-1, WORDS))  # (B, M, 5)
        scores = chance[:, : whole.shape[1] * WORDS].unflatten(1, (-1, WORDS))[..., -1]
        boxes, labels = self.vocabulary.read(whole, (height, width))
        real = (whole > END).all(-1)
        found = []
        for box, score, label, kept in zip(boxes, scores, labels, real, strict=True):
            order = score[kept].argsort(descending=True)
            found.append({"boxes": box[kept][order], "scores": score[kept][order], "labels": label[kept][order]})
        return found
