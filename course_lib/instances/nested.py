"""What a click on a person can mean: the arm, or all of the person (chapter 11, "promptable").

Scenes of articulated figures draw each person from ten pieces. Joined by pairs they are six parts that have names: a
head, a trunk, two arms and two legs; joined all, the person. All masks are of visible pixels, so each part lies inside
its person: two right answers to a click on either, which is what makes a prompt ambiguous. The course's other scenes
have nothing of the kind; their objects are one piece.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.data.scenes import Rendered, Scene
from course_lib.data.scenes.figures import PARTS

LIMBS = {"far arm": ("far upper arm", "far forearm"), "far leg": ("far thigh", "far shin"), "trunk": ("trunk",),
         "head": ("head",), "near leg": ("near thigh", "near shin"),
         "near arm": ("near upper arm", "near forearm")}  # fmt: skip


def person_and_part_masks(scene: Scene, rendered: Rendered) -> tuple[Tensor, Tensor]:
    """Masks of persons and of their parts.

    Args:
        scene: From `sample_figures`.
        rendered: The same, drawn.

    Returns:
        Persons (B, M, H, W) and parts (B, M, 6, H, W) in the order of LIMBS, bool; all False where nobody is.

    Raises:
        ValueError: For scenes of other things than figures.
    """
    if scene.joints is None:
        raise ValueError("scene must come from sample_figures: only figures have parts")
    piece = torch.arange(scene.class_id.shape[1], device=scene.device).unflatten(0, (-1, len(PARTS)))  # (M, 10)
    seen = rendered.slots[:, None, None] == piece[None, :, :, None, None]  # (B, M, 10, H, W)
    parts = [seen[:, :, [PARTS.index(name) for name in names]].any(2) for names in LIMBS.values()]
    return seen.any(2), torch.stack(parts, 2)
