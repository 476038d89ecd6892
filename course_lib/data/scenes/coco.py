"""Export to COCO's JSON format, which detection and segmentation evaluators read.

Boxes are [x, y, width, height] in pixels. Masks are uncompressed run lengths: how many 0s, then 1s, then 0s ... when
the mask is read column by column (format description: cocodataset.org/#format-data). Category ids start at 1.
"""

from __future__ import annotations

from course_lib.data.scenes.figures import keypoints
from course_lib.data.scenes.labels import instance_classes, mask_boxes, visible_masks
from course_lib.data.scenes.render import Rendered
from course_lib.data.scenes.scene import CATEGORIES, KEYPOINTS, PERSON, Scene
from course_lib.ops.masks import run_lengths

SKELETON = (
    (1, 2),
    (1, 3),
    (2, 3),
    (2, 4),
    (4, 6),
    (3, 5),
    (5, 7),
    (2, 8),
    (3, 9),
    (8, 9),
    (8, 10),
    (10, 12),
    (9, 11),
    (11, 13),
)


def as_coco(scene: Scene, rendered: Rendered, first_id: int = 1) -> dict:
    """Ground truth of a batch of single images in COCO's format.

    Args:
        scene: The scenes.
        rendered: What `render(scene)` gave.
        first_id: `id` of the first image; the others follow. Annotation ids are image id * 100 + object number.

    Returns:
        A dict with "images", "annotations" and "categories" that `json.dump` writes. Objects without a visible pixel
        are left out. Figures carry "keypoints" and "num_keypoints".

    Raises:
        ValueError: If `first_id` is below 1, because evaluators take an id of 0 for "no match".
    """
    if first_id < 1:
        raise ValueError(f"ids must start at 1 or above, not {first_id}: evaluators take 0 for no match")
    masks = visible_masks(scene, rendered)
    boxes, classes = mask_boxes(masks), instance_classes(scene)
    points = keypoints(scene) if scene.joints is not None else None
    annotations = []
    for i, m in masks.any(-1).any(-1).nonzero().tolist():
        x0, y0, x1, y1 = boxes[i, m].tolist()
        entry = {
            "id": (first_id + i) * 100 + m,
            "image_id": first_id + i,
            "category_id": int(classes[i, m]) + 1,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": int(masks[i, m].sum()),
            "iscrowd": 0,
            "segmentation": {"counts": run_lengths(masks[i, m]), "size": [scene.height, scene.width]},
        }
        if points is not None:
            entry["keypoints"] = [value for point in points[i, m].tolist() for value in (*point[:2], int(point[2]))]
            entry["num_keypoints"] = int((points[i, m, :, 2] > 0).sum())
        annotations.append(entry)
    size = {"width": scene.width, "height": scene.height}
    images = [{"id": first_id + i, "file_name": f"{first_id + i:012d}.png", **size} for i in range(len(scene))]
    categories = [{"id": k + 1, "name": name, "supercategory": "shape"} for k, name in enumerate(CATEGORIES[:PERSON])]
    person = {"id": PERSON + 1, "name": "person", "supercategory": "person", "keypoints": list(KEYPOINTS),
              "skeleton": [list(pair) for pair in SKELETON]}  # fmt: skip
    return {"images": images, "annotations": annotations, "categories": [*categories, person]}
