"""Is a caption true of its scene? (chapter 14, "image-captioning")

A reader that takes a caption apart into a claim and looks the claim up among the objects of the scene:

    grammar     <number or article> <size>? <colour>? <texture>? <class>  [<relation> <article> ... <class>]
    object      something of each class that is named can be seen
    attributes  something of that class has all the sizes, colours and textures that are said of it
    count       as many fit as are said; after "the", exactly one
    relation    one that fits the first name lies as is said to one that fits the second
    true        all of it

A caption may be true and differ from every reference, or differ from one in a single word and be false: what BLEU
cannot see. The reader shares the list of words with the writer in `captions`, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from course_lib.data.scenes.captions import NUMBERS, PLURALS, RELATIONS, SEEN, SIZES, size_class
from course_lib.data.scenes.labels import visible_fraction
from course_lib.data.scenes.render import Rendered
from course_lib.data.scenes.scene import COLOURS, Scene
from course_lib.data.scenes.shapes import CLASSES
from course_lib.data.scenes.textures import TEXTURES

KINDS = (SIZES, COLOURS, TEXTURES)  # the order in which attributes stand before a class
LIES: dict[str, Callable[[float, float], bool]] = {
    "left": lambda dx, dy: -dx > abs(dy),
    "right": lambda dx, dy: dx > abs(dy),
    "above": lambda dx, dy: -dy > abs(dx),
    "below": lambda dx, dy: dy > abs(dx),
}


@dataclass(frozen=True)
class Thing:
    """An object that can be seen: its words, and its centre in pixels."""

    words: frozenset[str]
    kind: str
    x: float
    y: float


@dataclass(frozen=True)
class Name:
    """What a caption says of one object or one group: a class, attributes, and how many (0: some)."""

    kind: str
    attributes: frozenset[str]
    count: int


@dataclass(frozen=True)
class Verdict:
    """Which parts of a caption hold; `relation` is None where none is claimed."""

    grammar: bool
    object: bool = False
    attributes: bool = False
    count: bool = False
    relation: bool | None = None

    @property
    def true(self) -> bool:
        """Whether all that is claimed holds."""
        return self.grammar and self.object and self.attributes and self.count and self.relation is not False


def visible_things(scene: Scene, rendered: Rendered) -> list[list[Thing]]:
    """The objects of each scene of which captions may speak: those of which a fifth can be seen."""
    seen, sizes = visible_fraction(scene, rendered) >= SEEN, size_class(scene)
    out: list[list[Thing]] = []
    for b in range(len(seen)):
        out.append([])
        for n in seen[b].nonzero().flatten().tolist():
            words = (SIZES[sizes[b, n]], COLOURS[scene.colour_id[b, n]], TEXTURES[scene.texture_id[b, n]])
            x, y = scene.centre[b, n].tolist()
            out[-1].append(Thing(frozenset(words), CLASSES[scene.class_id[b, n]], x, y))
    return out


def read_caption(words: Sequence[str]) -> tuple[Name, str | None, Name | None] | None:
    """A claim: the first name, a relation and a second name, or None where the words are no caption."""
    marks = [k for k, word in enumerate(words) if word in LIES]
    if not marks:
        name = _read_name(words)
        return None if name is None else (name, None, None)
    at = marks[0]
    relation = next(pair for pair in RELATIONS if pair[0] == words[at])
    size = 1 if relation[1] == "<pad>" else 2
    if size == 2 and words[at + 1 : at + 2] != ["of"]:
        return None
    first, second = _read_name(words[:at]), _read_name(words[at + size :])
    if first is None or second is None or first.count > 1 or second.count > 1:
        return None
    return first, words[at], second


def judge_caption(words: Sequence[str], things: Sequence[Thing]) -> Verdict:
    """Look a caption's claim up.

    Args:
        words: The caption, split.
        things: The objects that can be seen, from `visible_things`.

    Returns:
        The verdict; a caption that cannot be read is false in every part.
    """
    claim = read_caption(list(words))
    if claim is None:
        return Verdict(False)
    first, relation, second = claim
    names = [first] if second is None else [first, second]
    fits = [[thing for thing in things if thing.kind == name.kind and name.attributes <= thing.words] for name in names]
    present = all(any(thing.kind == name.kind for thing in things) for name in names)
    count = all(len(fit) == name.count if name.count else bool(fit) for fit, name in zip(fits, names, strict=True))
    lies = None if relation is None else any(LIES[relation](a.x - b.x, a.y - b.y) for a in fits[0] for b in fits[1])
    return Verdict(True, present, all(fits), count, lies)


def _read_name(words: Sequence[str]) -> Name | None:
    """Article or number, attributes in order, class."""
    if len(words) < 2:
        return None
    count = {"a": 0, "an": 0, "the": 1, **{word: k for k, word in enumerate(NUMBERS, 2)}}.get(words[0])
    names = PLURALS if count is not None and count > 1 else CLASSES
    if count is None or words[-1] not in names:
        return None
    left = list(words[1:-1])
    attributes = [left.pop(0) for kind in KINDS if left and left[0] in kind]
    return None if left else Name(CLASSES[names.index(words[-1])], frozenset(attributes), count)
