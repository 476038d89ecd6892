"""Graph segmentation has scikit-image's segments, and selective search finds objects sooner than chance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.segmentation import felzenszwalb

from course_lib.core.seeding import generator
from course_lib.data.photographs import photograph
from course_lib.data.scenes import scene_dataset
from course_lib.detection.detector import padded_targets
from course_lib.detection.graph_segmentation import Forest, graph_segmentation, pixel_edges
from course_lib.detection.selective_search import (
    CUES,
    Region,
    describe_regions,
    proposal_recall,
    selective_search,
    similarity,
)

from ..refusals import refused


@pytest.mark.parametrize("sigma", [0.0, 0.8, 2.0])
@pytest.mark.parametrize(("name", "scale"), [("astronaut", 50), ("coffee", 200), ("camera", 100)])
def test_segments_are_scikit_images(name, scale, sigma):
    image = photograph(name, 96).double()
    found = graph_segmentation(image, scale=scale, sigma=sigma, smallest=15).numpy()
    wanted = felzenszwalb(image.permute(1, 2, 0).numpy(), scale=scale, sigma=sigma, min_size=15, channel_axis=2)
    pairs = np.unique(np.stack([found.ravel(), wanted.ravel()]), axis=1)
    assert pairs.shape[1] == found.max() + 1 == wanted.max() + 1 > 5, "a one-to-one map of names"
    assert np.bincount(found.ravel()).min() >= 15


def test_segments_are_numbered_as_they_come():
    image = torch.zeros(1, 8, 12)
    image[:, :, 4:8] = 1.0
    image[:, :, 8:] = 0.4
    found = graph_segmentation(image, scale=1, sigma=0, smallest=1)
    assert torch.equal(found, torch.arange(3).repeat_interleave(4).expand(8, 12))


def test_a_larger_scale_gives_larger_segments_and_one_colour_is_one():
    image = photograph("coffee", 64)
    counts = [int(graph_segmentation(image, scale=scale).max()) for scale in (10, 100, 1000)]
    assert counts[0] > counts[1] > counts[2]
    assert (graph_segmentation(torch.full((3, 9, 9), 0.3)) == 0).all()
    assert graph_segmentation(torch.rand(3, 1, 1)).tolist() == [[0]]


def test_edges_join_the_eight_neighbours_once():
    image = torch.rand(3, 4, 5, generator=generator(0))
    nodes, weights = pixel_edges(image)
    pairs = {frozenset(pair) for pair in nodes.tolist()}
    wanted = {frozenset((5 * y + x, 5 * v + u)) for y in range(4) for x in range(5) for v in range(4) for u in range(5)
              if max(abs(y - v), abs(x - u)) == 1}  # fmt: skip
    assert pairs == wanted
    assert len(nodes) == len(wanted)
    flat = image.flatten(1)
    torch.testing.assert_close(weights, (flat[:, nodes[:, 0]] - flat[:, nodes[:, 1]]).norm(dim=0))


def test_the_forest_counts_and_names_its_trees():
    forest = Forest(6)
    forest.join(forest.root(4), forest.root(1))
    forest.join(forest.root(5), forest.root(4))
    assert forest.size[forest.root(1)] == 3
    assert forest.labels().tolist() == [0, 1, 2, 3, 1, 1]


def region(size, box, colour=(1.0, 0.0), texture=(0.5, 0.5)) -> Region:
    return Region(size, box, np.array(colour), np.array(texture))


def test_the_four_cues_by_hand():
    a, b = region(20, (0, 0, 5, 4)), region(30, (5, 0, 10, 8), (0.25, 0.75), (0.5, 0.5))
    found = similarity(a, b, 200)
    assert found == pytest.approx({"colour": 0.25, "texture": 1.0, "size": 0.75, "fill": 1 - (80 - 50) / 200})
    joined = a.joined(b)
    assert joined.box == (0, 0, 10, 8)
    assert joined.colour == pytest.approx([(20 + 7.5) / 50, 22.5 / 50])


def test_histograms_of_joined_regions_are_those_of_their_pixels():
    image = photograph("coffee", 48)
    segments = graph_segmentation(image, scale=50)
    regions = describe_regions(image, segments)
    assert sum(part.size for part in regions) == segments.numel()
    for part in regions:
        assert part.colour.sum() == pytest.approx(1)
        assert part.texture.sum() == pytest.approx(1)
    whole = describe_regions(image, torch.zeros_like(segments))[0]
    total = regions[0]
    for part in regions[1:]:
        total = total.joined(part)
    assert total.box == whole.box == (0, 0, segments.shape[1], 48)
    np.testing.assert_allclose(total.colour, whole.colour, atol=1e-12)
    np.testing.assert_allclose(total.texture, whole.texture, atol=1e-12)


def test_a_striped_block_is_proposed_as_a_whole():
    image = torch.full((3, 48, 48), 0.9)
    image[:, 12:36, 10:40:6], image[0, 12:36, 10:40] = 0.1, 0.2
    image[:, 12:36, 13:40:6] = 0.4
    boxes = selective_search(image, scale=20, sigma=0, smallest=4)
    assert boxes[0].tolist() == [0, 0, 48, 48], "the whole picture comes first"
    assert [10, 12, 40, 36] in boxes.tolist()
    assert len(boxes.unique(dim=0)) == len(boxes)


def test_proposals_find_objects_of_scenes_sooner_than_boxes_drawn_at_random():
    images, classes, boxes = scene_dataset(24, ("image", "classes", "boxes"), 64, split="val", difficulty=0.3).tensors
    objects = [target["boxes"] for target in padded_targets(boxes, classes)]
    found = [selective_search(image, scale=50) for image in images]
    stream, chance = generator(0), []
    for some in found:
        centre, side = (
            64 * torch.rand(len(some), 2, generator=stream),
            13 + 20 * torch.rand(len(some), 2, generator=stream),
        )
        chance.append(torch.cat([centre - side / 2, centre + side / 2], 1))
    ours, theirs = (proposal_recall(part, objects, (5, 20, 1000)) for part in (found, chance))
    assert (ours.diff() >= 0).all()
    assert ours[2] > 0.9
    assert ours[1] > theirs[1] + 0.2
    assert proposal_recall([torch.zeros(0, 4)], [torch.zeros(0, 4)], (1,)).isnan().all()
    assert proposal_recall([torch.zeros(0, 4)], objects[:1], (1,)) == 0


def test_bad_input_is_refused():
    refused(lambda: graph_segmentation(torch.zeros(4, 4)), "image must be")
    refused(lambda: graph_segmentation(torch.zeros(3, 4, 4), scale=0), "scale")
    refused(lambda: graph_segmentation(torch.zeros(3, 4, 4), sigma=-1), "sigma must be at least 0")
    refused(lambda: selective_search(torch.zeros(3, 4, 4), cues=("smell",)), "cues must be some of .*, not smell")
    refused(lambda: selective_search(torch.zeros(3, 4, 4), cues=()), "not none")
    refused(lambda: proposal_recall([torch.zeros(0, 4)], [], (1,)), "1 pictures, but objects of 0")
    assert CUES == ("colour", "texture", "size", "fill")
