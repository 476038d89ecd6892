"""The world this course looks at: one seeded renderer of textured, lit, overlapping, moving things, every label exact.

    scene = sample_scenes(8, 64, generator=generator(0))   a description: numbers only
    drawn = render(scene, geometry=True)                   image, slot map, depth, normals
    mask_boxes(visible_masks(scene, drawn))                any label, counted from the same pixels

Used by chapters 1, 7, 9 to 15, 18 and 19; the appendix "The world this course looks at" shows everything once.

scene       the description          shapes, textures, backgrounds   what things look like
sample      random scenes, splits    render                          pixels, depth, normals
labels      masks, boxes, maps       captions                        sentences and their words' objects
clips       motion, flow, tracks     actions                         classes that lie in motion alone
figures     people, key points       coco, datasets                  export, streams
world3d     solids on a plane        cameras, cast, views            views, pictures and labels in space
"""

from course_lib.data.scenes.actions import ACTIONS, REVERSED, sample_actions
from course_lib.data.scenes.cameras import grid_cameras, orbit_cameras
from course_lib.data.scenes.captions import VOCABULARY, Captions, decode, write_captions
from course_lib.data.scenes.cast import cast, occupancy
from course_lib.data.scenes.clips import flow, nearest_slot, object_tracks, occlusion, point_tracks, sample_clips
from course_lib.data.scenes.coco import as_coco
from course_lib.data.scenes.datasets import SceneStream, scene_dataset
from course_lib.data.scenes.figures import keypoints, sample_figures
from course_lib.data.scenes.labels import (
    image_class,
    instance_classes,
    instance_map,
    mask_boxes,
    panoptic_map,
    polygons,
    semantic_map,
    visible_fraction,
    visible_masks,
)
from course_lib.data.scenes.render import Rendered, amodal_masks, render
from course_lib.data.scenes.sample import SPLITS, Difficulty, held_out, sample_scenes
from course_lib.data.scenes.scene import CATEGORIES, COLOURS, KEYPOINTS, STUFF, Scene
from course_lib.data.scenes.shapes import CLASSES, LOOK_ALIKES
from course_lib.data.scenes.textures import TEXTURES
from course_lib.data.scenes.views import Views, point_cloud, render_views
from course_lib.data.scenes.world3d import SOLIDS, World, box_corners, oriented_boxes, sample_worlds

__all__ = [
    "ACTIONS",
    "CATEGORIES",
    "CLASSES",
    "COLOURS",
    "KEYPOINTS",
    "LOOK_ALIKES",
    "REVERSED",
    "SOLIDS",
    "SPLITS",
    "STUFF",
    "TEXTURES",
    "VOCABULARY",
    "Captions",
    "Difficulty",
    "Rendered",
    "Scene",
    "SceneStream",
    "Views",
    "World",
    "amodal_masks",
    "as_coco",
    "box_corners",
    "cast",
    "decode",
    "flow",
    "grid_cameras",
    "held_out",
    "image_class",
    "instance_classes",
    "instance_map",
    "keypoints",
    "mask_boxes",
    "nearest_slot",
    "object_tracks",
    "occlusion",
    "occupancy",
    "orbit_cameras",
    "oriented_boxes",
    "panoptic_map",
    "point_cloud",
    "point_tracks",
    "polygons",
    "render",
    "render_views",
    "sample_actions",
    "sample_clips",
    "sample_figures",
    "sample_scenes",
    "sample_worlds",
    "scene_dataset",
    "semantic_map",
    "visible_fraction",
    "visible_masks",
    "write_captions",
]  # fmt: skip
