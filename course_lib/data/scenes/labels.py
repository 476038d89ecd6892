"""Labels of images: classes, masks, boxes, maps and contours, all counted from the same pixels as the picture.

Most functions take the scene and what `render` gave for it. Labels of objects are (B, M, ...) with M the number
`scene.instances`; rows of empty slots and of objects without a visible pixel hold zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.data.scenes.backgrounds import stuff_map
from course_lib.data.scenes.render import Rendered, amodal_masks
from course_lib.data.scenes.scene import Scene
from course_lib.ops.masks import mask_to_polygons as polygons
from course_lib.ops.masks import masks_to_boxes as mask_boxes

__all__ = [
    "image_class",
    "instance_classes",
    "instance_map",
    "mask_boxes",
    "panoptic_map",
    "polygons",
    "semantic_map",
    "visible_fraction",
    "visible_masks",
]


def instance_classes(scene: Scene) -> Tensor:
    """Class of every object.

    Returns:
        (B, M) int64, index into CATEGORIES; -1 where there is no object.
    """
    classes = torch.full((len(scene), scene.instances), -1, device=scene.device)
    return classes.scatter_reduce(1, scene.instance, scene.class_id, "amax")


def image_class(scene: Scene) -> Tensor:
    """Class of the object that each image is of.

    Returns:
        (B,) int64, index into CLASSES.

    Raises:
        ValueError: If the scenes were drawn without a subject.
    """
    if scene.subject is None:
        raise ValueError("these scenes have no subject to name; draw them with sample_scenes(..., subject=True)")
    return scene.class_id.gather(1, scene.subject[:, None]).squeeze(1)


def instance_map(scene: Scene, rendered: Rendered) -> Tensor:
    """Which object each pixel shows.

    Returns:
        (B, H, W) int64 in 0 ... M - 1; -1 for background.
    """
    owner = torch.cat([torch.full_like(scene.instance[:, :1], -1), scene.instance], 1)
    return owner.gather(1, (rendered.slots + 1).flatten(1)).view_as(rendered.slots)


def visible_masks(scene: Scene, rendered: Rendered) -> Tensor:
    """The pixels that show each object. Together with the background they partition the image.

    Returns:
        (B, M, H, W) bool.
    """
    owners = torch.arange(scene.instances, device=scene.device)[:, None, None]
    return instance_map(scene, rendered)[:, None] == owners


def visible_fraction(scene: Scene, rendered: Rendered) -> Tensor:
    """Visible pixels over all pixels that the object would have in the image if nothing hid it.

    Returns:
        (B, M) float32 in [0, 1]; 0 for empty slots.
    """
    seen = visible_masks(scene, rendered).sum((-2, -1))
    return seen / amodal_masks(scene).sum((-2, -1)).clamp(min=1)


def semantic_map(scene: Scene, rendered: Rendered) -> Tensor:
    """Category of each pixel, things and stuff.

    Returns:
        (B, H, W) int64, index into CATEGORIES.
    """
    thing = scene.class_id.gather(1, rendered.slots.clamp(min=0).flatten(1)).view_as(rendered.slots)
    return torch.where(rendered.slots >= 0, thing, stuff_map(scene))


def panoptic_map(scene: Scene, rendered: Rendered) -> Tensor:
    """One number per segment: category * 1000 + 1 + object number for things, category * 1000 for stuff.

    Returns:
        (B, H, W) int64.
    """
    return semantic_map(scene, rendered) * 1000 + instance_map(scene, rendered) + 1
