"""Labels against counting by hand on the pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.measure import grid_points_in_poly

from course_lib.core.seeding import generator
from course_lib.data.scenes import (
    CATEGORIES,
    amodal_masks,
    image_class,
    instance_classes,
    instance_map,
    mask_boxes,
    panoptic_map,
    polygons,
    render,
    sample_figures,
    sample_scenes,
    semantic_map,
    visible_fraction,
    visible_masks,
)
from course_lib.data.scenes.backgrounds import stuff_map


def test_masks_and_background_partition_the_image(scene, drawn):
    masks = visible_masks(scene, drawn)
    assert torch.equal(masks.sum(1) + (drawn.slots < 0), torch.ones_like(drawn.slots))
    assert masks.any(-1).any(-1).sum() > 40


def test_boxes_are_tight_to_the_pixel(scene, drawn):
    masks = visible_masks(scene, drawn)
    boxes = mask_boxes(masks)
    for box, mask in zip(boxes.flatten(0, 1).tolist(), masks.flatten(0, 1).numpy(), strict=True):
        rows, columns = np.nonzero(mask)
        wanted = [0, 0, 0, 0] if len(rows) == 0 else [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert box == wanted


def alone(scene, slot):
    """The same scenes with a single object left."""
    others = torch.arange(scene.class_id.shape[1]) != slot
    return replace(scene, class_id=scene.class_id.masked_fill(others, -1))


def test_amodal_masks_are_what_each_object_shows_alone(scene):
    whole = amodal_masks(scene)
    for slot in range(scene.class_id.shape[1]):
        assert torch.equal(whole[:, slot], render(alone(scene, slot), image=False).slots == slot)


def test_visible_fraction_is_counted(scene, drawn):
    share = visible_fraction(scene, drawn)
    some = 0
    for slot in range(scene.class_id.shape[1]):
        seen = (drawn.slots == slot).sum((1, 2))
        whole = (render(alone(scene, slot), image=False).slots == slot).sum((1, 2))
        assert torch.allclose(share[:, slot], torch.where(whole > 0, seen / whole.clamp(min=1), 0.0))
        some += ((share[:, slot] > 0) & (share[:, slot] < 1)).sum().item()
    assert some > 10  # occlusion does happen
    nearest = scene.present.sum(1) - 1
    assert torch.equal(share[torch.arange(24), nearest], torch.ones(24))


def test_depth_order_is_occlusion_order(scene, drawn):
    whole = amodal_masks(scene)
    depth = torch.where(whole, scene.depth[:, :, None, None], torch.inf)
    nearest = torch.where(whole.any(1), depth.argmin(1), -1)
    assert torch.equal(nearest, drawn.slots)
    # The depth map agrees: where one object covers another, its surface is nearer than the other's when that is alone.
    for slot in range(scene.class_id.shape[1]):
        behind = render(alone(scene, slot), image=False, geometry=True)
        hidden = (behind.slots == slot) & (drawn.slots != slot)
        assert (drawn.depth[hidden] < behind.depth[hidden]).all()
    assert drawn.depth.min() > 0


def test_normals_are_the_gradient_of_depth(scene, drawn):
    z, slots = drawn.depth.double(), drawn.slots
    along_x, along_y = (z[:, 1:-1, 2:] - z[:, 1:-1, :-2]) / 2, (z[:, 2:, 1:-1] - z[:, :-2, 1:-1]) / 2
    wanted = torch.nn.functional.normalize(torch.stack([along_x, along_y, -torch.ones_like(along_x)], 1), dim=1)
    surface = torch.where(slots < 0, -1 - stuff_map(scene), slots)
    same = torch.ones_like(slots[:, 1:-1, 1:-1], dtype=torch.bool)
    for dy, dx in ((0, 1), (2, 1), (1, 0), (1, 2)):
        same &= surface[:, dy : dy + 62, dx : dx + 78] == surface[:, 1:-1, 1:-1]
    error = (drawn.normals[:, :, 1:-1, 1:-1] - wanted).abs().amax(1)
    assert same.float().mean() > 0.7
    assert error[same].max() < 1e-3
    assert error[same].mean() < 1e-5
    assert (drawn.normals.norm(dim=1) - 1).abs().max() < 1e-5
    tilted = (drawn.normals[:, 2] > -0.95) & (slots >= 0)
    assert tilted.float().mean() > 0.02  # the rims do bend


def test_semantic_and_panoptic_maps(scene, drawn):
    semantic, panoptic = semantic_map(scene, drawn), panoptic_map(scene, drawn)
    things = drawn.slots >= 0
    assert torch.equal(panoptic // 1000, semantic)
    assert torch.equal(panoptic % 1000 > 0, things)
    assert torch.equal(panoptic % 1000 - 1, instance_map(scene, drawn))
    rows = torch.arange(24)[:, None, None].expand_as(drawn.slots)
    assert torch.equal(semantic[things], scene.class_id[rows[things], drawn.slots[things]])
    names = {CATEGORIES[k] for k in semantic[~things].unique().tolist()}
    assert names == {"sky", "ground", "wall"}
    sky, ground = semantic == CATEGORIES.index("sky"), semantic == CATEGORIES.index("ground")
    y = torch.arange(64)[:, None].expand(64, 80)
    for i in range(24):
        if sky[i].any() and ground[i].any():
            assert y[sky[i]].max() < y[ground[i]].min()
            assert not (semantic[i] == CATEGORIES.index("wall")).any()


def test_polygons_fill_the_mask_again(scene, drawn):
    worst, holes = 1.0, 0
    for mask in visible_masks(scene, drawn).flatten(0, 1):
        if not mask.any():
            continue
        filled = np.zeros(mask.shape, dtype=bool)
        outlines = polygons(mask)
        holes += len(outlines) > 1
        for line in outlines:
            assert torch.equal(line[0], line[-1])
            filled ^= grid_points_in_poly(mask.shape, line.numpy()[:, ::-1] - 0.5)  # even-odd, at pixel centres
        worst = min(worst, (filled & mask.numpy()).sum() / (filled | mask.numpy()).sum())
    assert worst > 0.98
    assert holes > 0


def test_classes_of_images_objects_and_figures(scene):
    assert torch.equal(instance_classes(scene), scene.class_id)
    subjects = sample_scenes(200, generator=generator(0), subject=True)
    drawn = render(subjects, image=False)
    areas = amodal_masks(subjects).sum((-2, -1))
    named = instance_classes(subjects).gather(1, subjects.subject[:, None]).squeeze(1)
    assert torch.equal(image_class(subjects), named)
    assert (subjects.radius.argmax(1) == subjects.subject).all()
    assert (visible_fraction(subjects, drawn).gather(1, subjects.subject[:, None]) == 1).all()
    assert (areas.argmax(1) == subjects.subject).float().mean() > 0.95
    figures = sample_figures(5, generator=generator(0), figures=2)
    assert instance_classes(figures).tolist() == [[CATEGORIES.index("person")] * 2] * 5
    with pytest.raises(ValueError, match="no subject"):
        image_class(scene)
