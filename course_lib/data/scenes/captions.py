"""Captions: short sentences about a scene, their token ids, and which word speaks of which object.

A small grammar, three forms:

    the small red star                              one object among several, named so that no other fits
    a red striped star left of a small grey ring    two objects, both named so that no other fits, and how they lie
    two yellow discs                                how many there are

A name is the class with any of size, colour and texture before it. For every object all eight choices of these three
are tried, those that fit no other object are kept, and one of them is drawn. Objects of which less than a fifth can be
seen are not spoken of and not counted. Captions are built as a table of token ids for the whole batch at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data.scenes.backgrounds import side_of
from course_lib.data.scenes.labels import visible_fraction
from course_lib.data.scenes.render import Rendered
from course_lib.data.scenes.scene import COLOURS, Scene
from course_lib.data.scenes.shapes import CLASSES
from course_lib.data.scenes.textures import TEXTURES

SIZES = ("small", "medium", "large")
SIZE_LIMITS = (0.27, 0.37)  # diameter over the shorter image side: medium from, large from
SEEN = 0.2  # visible share from which on an object counts
RELATIONS = (("left", "of"), ("right", "of"), ("above", "<pad>"), ("below", "<pad>"))
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
PLURALS = tuple(name + ("es" if name.endswith("s") else "s") for name in CLASSES)
VOCABULARY = ("<pad>", "<start>", "<end>", "a", "an", "the", "left", "right", "of", "above", "below",
              *NUMBERS, *SIZES, *COLOURS, *TEXTURES, *CLASSES, *PLURALS)  # fmt: skip
TOKEN = {word: number for number, word in enumerate(VOCABULARY)}
LENGTH = 14  # tokens of the longest caption, with <start> and <end>


@dataclass(frozen=True)
class Captions:
    """Captions of a batch.

    Attributes:
        tokens: (B, 14) int64, index into VOCABULARY: <start>, words, <end>, then <pad>.
        alignment: (B, 14, N) bool, the objects that each word speaks of (slots).
    """

    tokens: Tensor
    alignment: Tensor

    @property
    def texts(self) -> list[str]:
        """The captions as strings."""
        return [decode(row) for row in self.tokens]


def decode(tokens: Tensor) -> str:
    """Token ids (L,) to words, without <start>, <end> and <pad>."""
    return " ".join(VOCABULARY[k] for k in tokens.tolist() if k > 2)


def size_class(scene: Scene) -> Tensor:
    """(B, N) int64, index into SIZES, from the diameter over the shorter image side."""
    limits = torch.tensor(SIZE_LIMITS, device=scene.device)
    return torch.bucketize(2 * scene.radius / side_of(scene), limits, right=True)


def write_captions(scene: Scene, rendered: Rendered, generator: torch.Generator) -> Captions:
    """Write one caption for each image.

    Args:
        scene: Single images of shapes.
        rendered: What `render(scene)` gave: what cannot be seen is not spoken of.
        generator: Chooses among the true captions, on the scene's device.

    Returns:
        Captions of the batch.

    Raises:
        ValueError: For figures, which this grammar has no words for.
    """
    if (scene.class_id >= len(CLASSES)).any():
        raise ValueError("captions speak of shapes; these scenes hold figures")
    b, n = scene.class_id.shape
    seen = visible_fraction(scene, rendered) >= SEEN  # (B, N)
    bits = torch.arange(8, device=scene.device)
    same = (scene.class_id[:, :, None] == scene.class_id[:, None])[..., None] & seen[:, None, :, None]
    for bit, value in enumerate((size_class(scene), scene.colour_id, scene.texture_id)):
        equal = value[:, :, None] == value[:, None]
        same = same & (equal[..., None] | (bits & (1 << bit) == 0))
    fits = same.sum(2)  # (B, N, 8) objects that each name fits
    chance = torch.rand(b, n, 8, generator=generator, device=scene.device)

    unique = (fits == 1) & seen[..., None]
    name = torch.where(unique, chance, -1.0).argmax(2)  # (B, N) a name that fits one object
    nameable = unique.any(2)
    several = ((fits > 1) & (fits < 2 + len(NUMBERS)) & seen[..., None]).flatten(1)
    count_name = torch.where(several, chance.flatten(1), -1.0).argmax(1)
    counted, count_bits = count_name // 8, count_name % 8
    relation, related = _relations(scene)
    pairs = related & nameable[:, :, None] & nameable[:, None]
    pair = torch.where(pairs, torch.rand(b, n, n, generator=generator, device=scene.device), -1.0).flatten(1).argmax(1)
    alone = torch.where(nameable, torch.rand(b, n, generator=generator, device=scene.device), -1.0).argmax(1)

    able = torch.stack([nameable.any(1), pairs.flatten(1).any(1), several.any(1)], 1)
    taste = torch.tensor([0.5, 1.5, 1.0], device=scene.device) * torch.rand(
        b, 3, generator=generator, device=scene.device
    )
    form = torch.where(able, taste, -1.0).argmax(1)
    rows = torch.arange(b, device=scene.device)
    first = torch.where(form == 0, alone, torch.where(form == 1, pair // n, counted))
    second = pair % n
    first_bits = torch.where(form == 2, count_bits, name[rows, first])

    tokens = torch.zeros(b, LENGTH, dtype=torch.long, device=scene.device)
    tokens[:, 0], tokens[:, -1] = TOKEN["<start>"], TOKEN["<end>"]
    tokens[:, 2:6] = _noun_phrase(scene, first, first_bits, plural=form == 2)
    tokens[:, 9:13] = _noun_phrase(scene, second, name[rows, second], plural=torch.zeros_like(form, dtype=torch.bool))
    article = torch.where((form == 1) | (seen.sum(1) == 1), _article(tokens[:, 2:6]), TOKEN["the"])
    number = TOKEN["two"] - 2 + fits[rows, first, first_bits]
    tokens[:, 1] = torch.where(form == 2, number, article)
    tokens[:, 6:8] = torch.tensor([[TOKEN[word] for word in pair] for pair in RELATIONS], device=scene.device)[
        relation[rows, first, second]]  # fmt: skip
    tokens[:, 8] = _article(tokens[:, 9:13])
    tokens[:, 6:13].masked_fill_((form != 1)[:, None], 0)

    spoken = same[rows, first, :, first_bits]  # (B, N) what the first name fits
    alignment = torch.zeros(b, LENGTH, n, dtype=torch.bool, device=scene.device)
    alignment[:, 1:6] = spoken[:, None]
    alignment[:, 8:13] = torch.nn.functional.one_hot(second, n).bool()[:, None]
    alignment &= (tokens > 2)[..., None]
    order = (tokens == 0).long().argsort(dim=1, stable=True)  # words first, padding last
    return Captions(tokens.gather(1, order), alignment.gather(1, order[..., None].expand(-1, -1, n)))


def _relations(scene: Scene) -> tuple[Tensor, Tensor]:
    """How slot i lies to slot j: index into RELATIONS (B, N, N), and where it is clear enough to say (B, N, N)."""
    offset = scene.centre[:, :, None] - scene.centre[:, None]
    dx, dy = offset.unbind(-1)
    sideways = dx.abs() > dy.abs()
    relation = torch.where(sideways, (dx > 0).long(), 2 + (dy > 0).long())
    return relation, (dx.abs() - dy.abs()).abs() > 0.08 * side_of(scene)


def _noun_phrase(scene: Scene, slot: Tensor, bits: Tensor, plural: Tensor) -> Tensor:
    """(B, 4) tokens: size, colour, texture (or <pad>) and class."""
    rows = torch.arange(len(slot), device=slot.device)
    words = []
    for bit, (names, value) in enumerate(
        ((SIZES, size_class(scene)), (COLOURS, scene.colour_id), (TEXTURES, scene.texture_id))
    ):
        table = torch.tensor([TOKEN[word] for word in names], device=slot.device)
        words.append(torch.where(bits & (1 << bit) != 0, table[value[rows, slot]], 0))
    kind = scene.class_id[rows, slot].clamp(min=0)
    return torch.stack([*words, torch.where(plural, TOKEN[PLURALS[0]], TOKEN[CLASSES[0]]) + kind], 1)


def _article(phrase: Tensor) -> Tensor:
    """(B,) "an" before "orange", else "a"."""
    first = phrase.gather(1, (phrase > 0).long().argmax(1, keepdim=True)).squeeze(1)
    return torch.where(first == TOKEN["orange"], TOKEN["an"], TOKEN["a"])
