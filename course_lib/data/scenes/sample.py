"""Drawing random scenes: how many objects, which, where, how large, how hidden, before what.

One knob, `Difficulty`, sets clutter, occlusion, contrast, scale range and texture confounds. Combinations of class,
colour and texture are split in two by a rule that is as balanced as a Latin square: one fifth of them is never seen in
training, while every class, colour and texture, and every pair of them, is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data.scenes.backgrounds import WALL_DEPTH, draw_surroundings
from course_lib.data.scenes.scene import COLOURS, PALETTE, Scene
from course_lib.data.scenes.shapes import CLASSES
from course_lib.data.scenes.textures import TEXTURES

SPLITS = ("train", "val", "test", "heldout", "confounded")
DEPTH_GAP = 0.1  # image sides between one object and the next


@dataclass(frozen=True)
class Difficulty:
    """How hard the scenes are.

    Attributes:
        clutter: Most objects in a scene, at least 1.
        occlusion: Largest share of an object's circle that placement lets a nearer one cover, in [0, 1].
        contrast: 1 leaves colours as they are, 0 turns every object into the grey of its surroundings.
        smallest, largest: Diameter of objects over the shorter image side, 0 < smallest <= largest <= 0.6.
        confound: Probability that colour and texture follow the class, in [0, 1] (in training; see `sample_scenes`).
    """

    clutter: int = 4
    occlusion: float = 0.35
    contrast: float = 0.8
    smallest: float = 0.2
    largest: float = 0.5
    confound: float = 0.0

    def __post_init__(self):
        if self.clutter < 1:
            raise ValueError(f"a scene needs at least one object; clutter={self.clutter}")
        if not 0 < self.smallest <= self.largest <= 0.6:
            raise ValueError(f"object diameters must satisfy 0 < smallest <= largest <= 0.6 of the image side, not "
                             f"{self.smallest} and {self.largest}: larger objects do not fit")  # fmt: skip
        for name in ("occlusion", "contrast", "confound"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], not {getattr(self, name)}")

    @staticmethod
    def at(level: float) -> Difficulty:
        """From 0 (few large, clear objects) over 0.5 (the default) to 1 (many small, hidden, pale ones)."""
        if not 0 <= level <= 1:
            raise ValueError(f"difficulty must be in [0, 1], not {level}")
        return Difficulty(
            clutter=round(1 + 6 * level),
            occlusion=0.7 * level,
            contrast=1 - 0.4 * level,
            smallest=0.275 - 0.15 * level,
            largest=0.55 - 0.1 * level,
        )


def held_out(class_id: Tensor, colour_id: Tensor, texture_id: Tensor) -> Tensor:
    """Which combinations training never shows: (class + 2 colour + texture) mod 5 == 0.

    Args:
        class_id, colour_id, texture_id: int64 tensors of one shape.

    Returns:
        bool tensor of that shape.
    """
    return (class_id + 2 * colour_id + texture_id) % 5 == 0


def sample_scenes(
    count: int,
    size: int | tuple[int, int] = 64,
    *,
    generator: torch.Generator,
    objects: int | tuple[int, int] | None = None,
    difficulty: Difficulty | float = 0.5,
    split: str = "train",
    classes: tuple[str, ...] = CLASSES,
    subject: bool = False,
    device: str | torch.device | None = None,
) -> Scene:
    """Draw random scenes.

    Args:
        count: How many, B.
        size: Image side in pixels, or (height, width); at least 16.
        generator: Source of all randomness; the scenes live on its device.
        objects: Objects in each scene, a number or (fewest, most); by default 1 to the difficulty's clutter.
        difficulty: A `Difficulty`, or a level in [0, 1].
        split: Which combinations of class, colour and texture may occur. "train", "val", "test": all but the held-out
            ones (the three differ by their seeds); "heldout": only those; "confounded": all, drawn independently of
            each other, which takes away what a shortcut learnt in training if the difficulty's confound is above 0.
        classes: Names from CLASSES that may occur.
        subject: Let the nearest object be clearly the largest and the one that the image is "of".
        device: Only checked: where the caller expects the scenes.

    Returns:
        A Scene with N = the most objects; empty slots come last.

    Raises:
        ValueError: For counts below one, unknown names, or a generator on another device than wanted.
    """
    level = Difficulty.at(difficulty) if isinstance(difficulty, int | float) else difficulty
    height, width = check_size(size)
    fewest, most = _check_request(count, objects, level, split, classes, generator, device)
    where = generator.device

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(*shape, generator=generator, device=where) * (high - low) + low

    side, n = min(height, width), most
    number = torch.randint(fewest, most + 1, (count, 1), generator=generator, device=where)
    slot = torch.arange(n, device=where).expand(count, n)
    present = slot < number
    names = torch.tensor([CLASSES.index(name) for name in classes], device=where)
    class_id = names[torch.randint(len(names), (count, n), generator=generator, device=where)]
    colour_id, texture_id = _combine(class_id, level.confound, split, generator)

    diameter = uniform(count, n, low=level.smallest, high=level.largest)
    nearest = slot == number - 1
    if subject:
        main = uniform(count, 1, low=max(level.smallest, 0.5 * level.largest), high=level.largest)
        diameter = torch.where(nearest, main, torch.minimum(diameter, 0.6 * main))
    radius = torch.where(present, diameter * side / 2, 0.0)
    colour = torch.tensor(PALETTE, device=where)[colour_id] + uniform(count, n, 3, low=-0.05, high=0.05)
    return Scene(
        height=height,
        width=width,
        class_id=torch.where(present, class_id, -1),
        shape_id=class_id,
        instance=slot.contiguous(),
        colour_id=colour_id,
        texture_id=texture_id,
        colour=0.5 + (colour.clamp(0, 1) - 0.5) * level.contrast,
        texture_gain=uniform(count, n, low=0.22, high=0.34) * level.contrast,
        texture_scale=radius / side * uniform(count, n, low=0.7, high=1.1),
        texture_origin=uniform(count, n, 2, low=0.0, high=2.0),
        centre=_place(radius, height, width, level.occlusion, generator),
        radius=radius,
        angle=uniform(count, n, low=-0.3, high=0.3),
        stretch=torch.ones(count, n, 2, device=where),
        wobble=torch.zeros(count, n, 2, device=where),
        thickness=torch.full((count, n), 0.3, device=where),
        depth=(WALL_DEPTH - 1 - DEPTH_GAP * (slot + 1)) * side,
        bevel=uniform(count, n, low=0.3, high=0.45),
        **draw_surroundings(count, height, width, uniform=uniform, generator=generator),
        subject=(number - 1).squeeze(1) if subject else None,
    )


def check_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of an image from a side or a pair; one-line ValueError below 16 pixels."""
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 16:
        raise ValueError(f"images need at least 16 pixels a side, not {height} x {width}")
    return height, width


def check_generator(generator: torch.Generator, device: str | torch.device | None) -> None:
    """One-line ValueError if `generator` is none, or draws on another device than `device`."""
    if not isinstance(generator, torch.Generator):
        raise ValueError(
            f"generator must be a torch.Generator, as course_lib.core.seeding.generator(seed) makes, not {generator!r}"
        )
    if device is not None and torch.device(device).type != generator.device.type:
        raise ValueError(
            f"the generator draws on {generator.device}, but the scenes are wanted on {device}; make it there"
        )


def _check_request(count, objects, level, split, classes, generator, device) -> tuple[int, int]:
    check_generator(generator, device)
    objects = (1, level.clutter) if objects is None else objects
    fewest, most = (objects, objects) if isinstance(objects, int) else objects
    if count < 1 or not 1 <= fewest <= most <= 40:
        raise ValueError(
            f"at least one scene with 1 to 40 objects is needed, not {count} scenes with {fewest} to {most}"
        )
    unknown = [name for name in classes if name not in CLASSES]
    if unknown or not classes:
        raise ValueError(
            f"unknown class {unknown[0]!r}; the classes are {', '.join(CLASSES)}" if unknown else "no class given"
        )
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    return fewest, most


def _combine(class_id: Tensor, confound: float, split: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Colours and textures for the classes: (B, N) each, allowed in the split, tied to the class with `confound`."""
    kinds = [torch.arange(k, device=class_id.device) for k in (len(CLASSES), len(COLOURS), len(TEXTURES))]
    hidden = held_out(*torch.meshgrid(*kinds, indexing="ij")).flatten(1)  # (10, 72)
    allowed = {"heldout": hidden, "confounded": torch.ones_like(hidden)}.get(split, ~hidden).float()
    pair = torch.multinomial(allowed[class_id.flatten()], 1, generator=generator).view_as(class_id)
    colour_id, texture_id = pair // len(TEXTURES), pair % len(TEXTURES)
    if confound > 0 and split not in ("heldout", "confounded"):
        tied = torch.rand(class_id.shape, generator=generator, device=class_id.device) < confound
        colour_id = torch.where(tied, class_id % len(COLOURS), colour_id)
        texture_id = torch.where(tied, (2 * class_id + 1) % len(TEXTURES), texture_id)
    return colour_id, texture_id


def _place(radius: Tensor, height: int, width: int, occlusion: float, generator: torch.Generator) -> Tensor:
    """Centres (B, N, 2) inside the image: the nearest objects first, the others where nearer ones cover them little."""
    tries = 12
    batch, n = radius.shape
    extent = torch.tensor([width, height], device=radius.device)
    spread = torch.rand(batch, n, tries, 2, generator=generator, device=radius.device)
    room = (extent - 2 * radius[..., None]).clamp(min=0)[:, :, None]
    candidates = radius[..., None, None] + spread * room  # (B, N, tries, 2)
    centre = candidates[:, :, 0].clone()
    patience = torch.arange(tries, device=radius.device) * 1e-5  # of equally good places, the first
    for slot in range(n - 2, -1, -1):
        own, nearer = radius[:, slot, None, None], radius[:, None, slot + 1 :]
        gap = torch.cdist(candidates[:, slot], centre[:, slot + 1 :])  # (B, tries, nearer slots)
        covered = ((own + nearer - gap) / (2 * own.clamp(min=1e-6))).clamp(0, 1) * (nearer > 0)
        excess = (covered.sum(2) - occlusion).clamp(min=0) + patience
        centre[:, slot] = candidates[torch.arange(batch, device=radius.device), slot, excess.argmin(1)]
    return centre
