"""Boxes as words: a picture's objects written as one sequence (chapter 10, "pix2seq").

    an object      y0 x0 y1 x1 class: five tokens; a side of `bins` words cuts the picture into equal strips
    a sequence     START, then objects in random order, then END
    augmented      START, objects, then invented objects until there are `most`: their class is to be read as NOISE,
                   their coordinates are not asked

    vocabulary     0 padding, 1 START, 2 END, then bins coordinates, then K classes, then NOISE

Without augmentation the model learns to stop, and stops early: END is right after any object. Augmented it never stops;
it writes `most` objects, and the chance that it gives to NOISE tells which of them are real. Invented objects are boxes
anywhere, or real ones shifted and resized. Chen, Saxena, Li, Fleet, Hinton, Pix2seq, 2021, arXiv:2109.10852.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.detection.detector import Target
from course_lib.networks.decoding import END, PAD, START
from course_lib.ops.boxes import check_box_shape

FIRST = 3  # the first coordinate
WORDS = 5  # of an object


@dataclass(frozen=True)
class BoxVocabulary:
    """What the tokens mean.

    Attributes:
        bins: Words for coordinates.
        classes: K.
    """

    bins: int
    classes: int

    def __post_init__(self):
        check_positive(bins=self.bins, classes=self.classes)

    @property
    def noise(self) -> int:
        """The token of an object that is none."""
        return FIRST + self.bins + self.classes

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return self.noise + 1

    def write(self, boxes: Tensor, labels: Tensor, size: tuple[int, int]) -> Tensor:
        """Tokens (G, 5) of boxes (G, 4) xyxy in pixels of a picture of (height, width), and labels (G,)."""
        check_box_shape(boxes=boxes)
        height, width = size
        share = boxes[:, [1, 0, 3, 2]] / boxes.new_tensor([height, width, height, width])
        words = (share * self.bins).floor().long().clamp(0, self.bins - 1)
        return torch.cat([FIRST + words, FIRST + self.bins + labels[:, None]], 1)

    def read(self, tokens: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Boxes (..., 4) xyxy, in the middle of their strips, and labels (...) of tokens (..., 5)."""
        height, width = size
        share = (tokens[..., :4] - FIRST + 0.5) / self.bins
        boxes = share[..., [1, 0, 3, 2]] * share.new_tensor([width, height, width, height])
        return torch.cat([boxes[..., :2], torch.maximum(boxes[..., 2:], boxes[..., :2])], -1), \
            tokens[..., 4] - FIRST - self.bins  # fmt: skip

    def allowed(self, position: int, *, may_end: bool) -> Tensor:
        """(V,) bool: which tokens may stand at a position after START: coordinates, or the classes but never NOISE."""
        token = torch.arange(self.size)
        if position % WORDS == WORDS - 1:
            return (token >= FIRST + self.bins) & (token < self.noise)
        coordinate = (token >= FIRST) & (token < FIRST + self.bins)
        return coordinate | (token == END) if may_end and position % WORDS == 0 else coordinate


def invented_boxes(count: int, real: Tensor, size: tuple[int, int], *, generator: torch.Generator) -> Tensor:
    """Boxes of no object: half anywhere, half real ones that are shifted and resized by up to half their size.

    Args:
        count: N; may be 0.
        real: (G, 4) xyxy; G may be 0, then all are anywhere.
        size: (height, width) of the picture.
        generator: Source of the boxes.

    Returns:
        (N, 4) xyxy within the picture.
    """
    height, width = size
    limit = real.new_tensor([width, height])
    uniform = torch.rand(count, 5, generator=generator, device=real.device)
    side = (0.15 + 0.45 * uniform[:, 2:4]) * limit
    centre = uniform[:, :2] * limit
    if len(real):
        like = real[torch.randint(len(real), (count,), generator=generator, device=real.device)]
        scale = like[:, 2:] - like[:, :2]
        near = uniform[:, 4:] < 0.5
        centre = torch.where(near, (like[:, :2] + like[:, 2:]) / 2 + (uniform[:, :2] - 0.5) * scale, centre)
        side = torch.where(near, scale * (0.5 + uniform[:, 2:4]), side)
    corners = torch.cat([centre - side / 2, centre + side / 2], 1)
    return corners.clamp(min=0).minimum(limit.repeat(2))


def object_sequence(target: Target, vocabulary: BoxVocabulary, size: tuple[int, int], *, most: int,
                    generator: torch.Generator, augment: bool = True) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One picture's sequence for training.

    Args:
        target: The picture's objects, at most `most`.
        vocabulary: What the tokens mean.
        size: (height, width) of the picture.
        most: Objects that the sequence has room for.
        generator: Source of the order and of invented objects.
        augment: Fill up with invented objects, instead of END and padding.

    Returns:
        What the decoder reads, (5 most + 1,), and what it should say, (5 most + 1,); 0 where it is not asked.

    Raises:
        ValueError: For more objects than there is room.
    """
    boxes, labels = target["boxes"], target["labels"]
    if len(boxes) > most:
        raise ValueError(f"a picture has {len(boxes)} objects, but the sequence has room for {most}")
    order = torch.randperm(len(boxes), generator=generator, device=boxes.device)
    real = vocabulary.write(boxes[order], labels[order], size)
    room = most - len(boxes)
    begin, end = real.new_tensor([START]), real.new_tensor([END])
    if not augment:
        rest = real.new_full((WORDS * room,), PAD)
        read = torch.cat([begin, real.flatten(), rest])
        return read, torch.cat([real.flatten(), end, rest])
    fake = invented_boxes(room, boxes, size, generator=generator)
    kinds = torch.randint(vocabulary.classes, (room,), generator=generator, device=boxes.device)
    invented = vocabulary.write(fake, kinds, size)
    asked = torch.full_like(invented, PAD)
    asked[:, 4] = vocabulary.noise
    read = torch.cat([begin, real.flatten(), invented.flatten()])
    return read, torch.cat([real.flatten(), asked.flatten(), real.new_tensor([PAD])])
