"""The pictures of the chapter on representation learning: one thing, 32 pixels, and what is known about it.

Six shapes, eight colours and nine textures before a colour gradient or a landscape (photographs as backgrounds would be
recognised again, see the chapter's exercises). Parts do not share seeds:

    train, val, test     all combinations of shape, colour and texture but a fifth of them
    heldout              that fifth
    shortcut             as train, but in 95 of 100 pictures the colour follows the shape
    confounded           all combinations, colour drawn without regard to the shape

`several_things` draws one to three things and writes a true sentence about them, for CLIP.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.data.scenes.captions import write_captions
from course_lib.data.scenes.datasets import block_generator
from course_lib.data.scenes.render import Rendered, render
from course_lib.data.scenes.sample import Difficulty, sample_scenes
from course_lib.data.scenes.scene import GRADIENT, LANDSCAPE, Scene
from course_lib.data.scenes.shapes import CLASSES

SHAPES = ("square", "star", "disc", "ring", "triangle", "saltire")
SIZE, BLOCK = 32, 256
ONE = Difficulty(clutter=1, smallest=0.5, largest=0.6, contrast=1.0)
SEVERAL = Difficulty(clutter=3, smallest=0.32, largest=0.45, contrast=1.0, occlusion=0.1)
PARTS = ("train", "val", "test", "heldout", "shortcut", "confounded")


@dataclass(frozen=True)
class Pictures:
    """Pictures and what is in them.

    Attributes:
        images: (N, 3, 32, 32) in [0, 1].
        shapes: (N,) int64, index into SHAPES.
        colours: (N,) int64, index into the scenes' COLOURS.
        textures: (N,) int64, index into the scenes' TEXTURES.
    """

    images: Tensor
    shapes: Tensor
    colours: Tensor
    textures: Tensor

    def __len__(self) -> int:
        return len(self.images)


def single_things(count: int, part: str = "train", *, seed: int = 0) -> Pictures:
    """Draw pictures of one thing each.

    Args:
        count: N, at least 1.
        part: One of PARTS.
        seed: Same seed, same pictures; longer requests begin with shorter ones.

    Raises:
        ValueError: For no picture or an unknown part.
    """
    check_positive(count=count)
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    tied = part == "shortcut"
    level = replace(ONE, confound=0.95) if tied else ONE
    number = torch.full((len(CLASSES),), -1)
    number[[CLASSES.index(name) for name in SHAPES]] = torch.arange(len(SHAPES))
    found = []
    for k in range(-(-count // BLOCK)):
        scene, drawn = _block(k, 1, level, "train" if tied else part, seed, epoch=int(tied))
        assert drawn.image is not None
        found.append((drawn.image, number[scene.class_id[:, 0]], scene.colour_id[:, 0], scene.texture_id[:, 0]))
    return Pictures(*(torch.cat(column)[:count] for column in zip(*found, strict=True)))


def several_things(count: int, part: str = "train", *, seed: int = 0,
                   objects: int | tuple[int, int] = (1, 3)) -> tuple[Tensor, Tensor, Scene]:  # fmt: skip
    """Draw pictures of one to three things with a sentence for each.

    Args:
        count: N, at least 1.
        part: train, val, test or heldout.
        seed: Same seed, same pictures.
        objects: How many things, or (fewest, most).

    Returns:
        Images (N, 3, 32, 32), sentences (N, 14) int64 of the scenes' VOCABULARY, and the scenes.
    """
    check_positive(count=count)
    scenes: list[Scene] = []
    images: list[Tensor] = []
    tokens: list[Tensor] = []
    for k in range(-(-count // BLOCK)):
        scene, drawn = _block(k, objects, SEVERAL, part, seed, epoch=2)
        stream = block_generator(seed, part, epoch=3, block=k)
        scenes.append(scene)
        assert drawn.image is not None
        images.append(drawn.image)
        tokens.append(write_captions(scene, drawn, stream).tokens)
    return torch.cat(images)[:count], torch.cat(tokens)[:count], _join(scenes)[slice(0, count)]


def _join(scenes: list[Scene]) -> Scene:
    """One batch of several, which have the same tensors."""
    rest = iter(scenes)
    joined = next(rest)
    for scene in rest:
        longer: dict[str, Any] = {}
        for name in scene.__dataclass_fields__:
            value = getattr(scene, name)
            if isinstance(value, Tensor):
                longer[name] = torch.cat([getattr(joined, name), value])
        joined = replace(joined, **longer)
    return joined


def _block(block: int, objects: int | tuple[int, int], level: Difficulty, part: str, seed: int, *,
           epoch: int) -> tuple[Scene, Rendered]:  # fmt: skip
    """256 scenes before gradients and landscapes, drawn."""
    stream = block_generator(seed, part, epoch=epoch, block=block)
    scene = sample_scenes(BLOCK, SIZE, generator=stream, objects=objects, difficulty=level, split=part, classes=SHAPES)
    plain = torch.where(scene.background == LANDSCAPE, LANDSCAPE, GRADIENT)
    scene = replace(scene, background=plain)
    return scene, render(scene)
