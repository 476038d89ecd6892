"""The COCO export read by a reader of its own and by the reference evaluator: run lengths, boxes, areas, ids, AP."""

import json

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from course_lib.core.seeding import generator
from course_lib.data.scenes import as_coco, render, sample_figures, sample_scenes, visible_masks
from course_lib.ops.masks import from_run_lengths, run_lengths


def decode(segmentation):
    """cocodataset.org: counts of 0s and 1s in turn, starting with 0s, down the columns."""
    height, width = segmentation["size"]
    flat, value = [], 0
    for count in segmentation["counts"]:
        flat += [value] * count
        value = 1 - value
    assert len(flat) == height * width
    return np.array(flat, dtype=bool).reshape(width, height).T


@pytest.fixture(scope="module")
def export():
    scene = sample_scenes(20, (48, 64), generator=generator(0), objects=(1, 6), difficulty=0.9)
    drawn = render(scene, image=False)
    return scene, visible_masks(scene, drawn), json.loads(json.dumps(as_coco(scene, drawn, first_id=7)))


def test_masks_boxes_and_areas_survive_the_trip(export):
    scene, masks, data = export
    found = torch.zeros_like(masks)
    for entry in data["annotations"]:
        i, m = entry["image_id"] - 7, entry["id"] - entry["image_id"] * 100
        mask = decode(entry["segmentation"])
        found[i, m] = torch.from_numpy(mask)
        rows, columns = np.nonzero(mask)
        x, y, w, h = entry["bbox"]
        assert [x, y, x + w, y + h] == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert entry["area"] == mask.sum()
        assert entry["category_id"] == scene.class_id[i, m] + 1
        assert entry["iscrowd"] == 0
    assert torch.equal(found, masks)


def test_ids_refer_to_what_exists(export):
    _, _, data = export
    images, categories = [[entry["id"] for entry in data[name]] for name in ("images", "categories")]
    identity = [entry["id"] for entry in data["annotations"]]
    assert len(set(identity)) == len(identity)
    assert images == list(range(7, 27))
    assert {entry["image_id"] for entry in data["annotations"]} == set(images)
    assert {entry["category_id"] for entry in data["annotations"]} <= set(categories)
    assert min(identity + images + categories) >= 1
    assert data["images"][0] == {"id": 7, "file_name": "000000000007.png", "width": 64, "height": 48}


@pytest.mark.parametrize("kind", ["empty", "full", "corner", "random"])
def test_run_lengths_round_trip(kind):
    mask = {"empty": torch.zeros(5, 7), "full": torch.ones(5, 7), "corner": torch.zeros(5, 7),
            "random": torch.rand(5, 7, generator=generator(0)).round()}[kind].bool()  # fmt: skip
    if kind == "corner":
        mask[0, 0] = mask[-1, -1] = True
    counts = run_lengths(mask)
    assert sum(counts) == 35
    assert torch.equal(from_run_lengths(counts, 5, 7), mask)
    assert np.array_equal(decode({"counts": counts, "size": [5, 7]}), mask.numpy())


def test_figures_carry_key_points():
    scene = sample_figures(6, 64, generator=generator(1))
    data = as_coco(scene, render(scene, image=False))
    person = data["categories"][-1]
    assert person["name"] == "person"
    assert len(person["keypoints"]) == 13
    assert all(1 <= end <= 13 for bone in person["skeleton"] for end in bone)
    for entry in data["annotations"]:
        assert entry["category_id"] == person["id"]
        triples = np.array(entry["keypoints"]).reshape(13, 3)
        assert set(triples[:, 2]) <= {0, 1, 2}
        assert entry["num_keypoints"] == (triples[:, 2] > 0).sum()
        assert (triples[triples[:, 2] == 0] == 0).all()


def test_ids_start_at_one():
    scene = sample_scenes(1, generator=generator())
    with pytest.raises(ValueError, match="no match"):
        as_coco(scene, render(scene), first_id=0)


def average_precision(data, kind, change=lambda answer: answer):
    """AP of the reference evaluator for answers that are the ground truth itself, changed one by one."""
    truth = COCO()
    truth.dataset = json.loads(json.dumps(data))
    truth.createIndex()
    answers = [
        change({key: truth.annToRLE(entry) if key == "segmentation" else entry[key]
                for key in ("image_id", "category_id", "bbox", "segmentation")} | {"score": 1.0})
        for entry in truth.dataset["annotations"]
    ]  # fmt: skip
    answers = [answer for answer in answers if answer is not None]
    evaluator = COCOeval(truth, truth.loadRes(answers), kind)
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator.stats


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_the_reference_evaluator_gives_the_truth_full_marks(export, kind):
    assert average_precision(export[2], kind)[0] == pytest.approx(1.0)


def test_the_reference_evaluator_notices_moved_boxes_and_wrong_classes(export):
    def moved(answer):
        x, y, w, h = answer["bbox"]
        return answer | {"bbox": [x + 0.4 * w, y, w, h]}  # IoU 0.6 / 1.4 = 0.43

    def renamed(answer):
        return answer | {"category_id": answer["category_id"] % 10 + 1}

    assert average_precision(export[2], "bbox", moved)[1] < 0.1
    assert average_precision(export[2], "bbox", renamed)[1] < 0.2
