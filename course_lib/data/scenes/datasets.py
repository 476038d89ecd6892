"""Data sets of scenes for a `DataLoader`: a stream of fresh scenes, and a fixed set in memory.

A stream is cut into blocks of 64 scenes. Block k is drawn by a generator seeded with (seed, split, epoch, k) and
belongs to worker k mod workers: so the samples are the same whatever the number of workers, none comes twice, and
memory holds one block. Blocks of different splits never share a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, TensorDataset, get_worker_info

from course_lib.data.scenes.labels import (
    image_class,
    instance_classes,
    mask_boxes,
    panoptic_map,
    semantic_map,
    visible_fraction,
    visible_masks,
)
from course_lib.data.scenes.render import Rendered, render
from course_lib.data.scenes.sample import SPLITS, sample_scenes
from course_lib.data.scenes.scene import Scene

BLOCK = 64
FIELDS: dict[str, Callable[[Scene, Rendered], Any]] = {
    "image": lambda scene, drawn: drawn.image,
    "class": lambda scene, drawn: image_class(scene),
    "classes": lambda scene, drawn: instance_classes(scene),
    "masks": visible_masks,
    "boxes": lambda scene, drawn: mask_boxes(visible_masks(scene, drawn)),
    "visible": visible_fraction,
    "semantic": semantic_map,
    "panoptic": panoptic_map,
    "depth": lambda scene, drawn: drawn.depth,
    "normals": lambda scene, drawn: drawn.normals,
}


def _check_fields(fields: tuple[str, ...]) -> None:
    unknown = [name for name in fields if name not in FIELDS]
    if unknown or not fields:
        what = f"unknown field {unknown[0]!r}" if unknown else "no field asked for"
        raise ValueError(f"{what}; the fields are {', '.join(FIELDS)}")


def block_generator(seed: int, split: str, epoch: int = 0, *, block: int = 0) -> torch.Generator:
    """The random stream of one block; different for every combination of its arguments.

    Raises:
        ValueError: For an unknown split or a negative seed.
    """
    if split not in SPLITS or seed < 0:
        raise ValueError(f"split must be one of {', '.join(SPLITS)} and seed 0 or more, not {split!r} and {seed}")
    state = np.random.SeedSequence((seed, SPLITS.index(split), epoch, block)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) % 2**63)


def scene_block(count: int, fields: tuple[str, ...], size: int | tuple[int, int], *, generator: torch.Generator,
                **request) -> list[Tensor]:  # fmt: skip
    """Draw `count` scenes and return the wanted fields, each (count, ...)."""
    scene = sample_scenes(count, size, generator=generator, subject="class" in fields, **request)
    drawn = render(scene, image="image" in fields, geometry=bool({"depth", "normals"} & set(fields)))
    return [FIELDS[name](scene, drawn) for name in fields]


class SceneStream(IterableDataset):
    """A stream of freshly drawn scenes.

    Each item is a dict of the wanted fields. `set_epoch` gives other scenes; without it every pass is the same.

    Args:
        length: Scenes in one pass.
        fields: Names from FIELDS: "image", "class" (draws scenes with a subject), "classes", "masks", "boxes",
            "visible", "semantic", "panoptic", "depth", "normals".
        size: Image side in pixels, or (height, width).
        split: As in `sample_scenes`; splits do not share seeds.
        seed: Same seed, same stream.
        **request: Further arguments of `sample_scenes` (objects, difficulty, classes).

    Raises:
        ValueError: For an unknown field or split, a length below one, or what `sample_scenes` refuses.
    """

    def __init__(self, length: int, fields: tuple[str, ...] = ("image", "class"), size: int | tuple[int, int] = 64, *,
                 split: str = "train", seed: int = 0, **request):  # fmt: skip
        _check_fields(fields)
        if length < 1:
            raise ValueError(f"a stream needs a length of at least 1, not {length}")
        scene_block(
            1, fields, size, generator=block_generator(seed, split), split=split, **request
        )  # bad requests fail here
        self.length, self.fields, self.size = length, fields, size
        self.split, self.seed, self.request, self.epoch = split, seed, request, 0

    def __len__(self) -> int:
        return self.length

    def set_epoch(self, epoch: int) -> None:
        """Choose which scenes the next pass draws."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for block in range(first, -(-self.length // BLOCK), step):
            generator = block_generator(self.seed, self.split, self.epoch, block=block)
            values = scene_block(BLOCK, self.fields, self.size, generator=generator, split=self.split, **self.request)
            for i in range(min(BLOCK, self.length - block * BLOCK)):
                yield {name: value[i].clone() for name, value in zip(self.fields, values, strict=True)}


def scene_dataset(length: int, fields: tuple[str, ...] = ("image", "class"), size: int | tuple[int, int] = 64, *,
                  split: str = "train", seed: int = 0, **request) -> TensorDataset:  # fmt: skip
    """A fixed set of scenes in memory: the first pass of the `SceneStream` with the same arguments.

    Args:
        length, fields, size, split, seed, **request: As for `SceneStream`. One image of 64 pixels takes 48 KiB.

    Returns:
        A TensorDataset whose items are the fields in the given order.
    """
    stream = SceneStream(length, fields, size, split=split, seed=seed, **request)
    blocks = []
    for block in range(-(-length // BLOCK)):
        blocks.append(
            scene_block(
                BLOCK,
                fields,
                size,
                generator=block_generator(seed, split, 0, block=block),
                split=split,
                **stream.request,
            )
        )
    return TensorDataset(*[torch.cat(parts)[:length] for parts in zip(*blocks, strict=True)])
