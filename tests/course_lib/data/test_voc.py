"""The loader of PASCAL VOC on a tiny folder of the same form, and what it says when nothing is there."""

from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.data import voc
from course_lib.data.voc import VOC_CLASSES, VOCBoxes

OBJECT = ("<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
          "<ymax>{}</ymax></bndbox></object>")  # fmt: skip


def voc_folder(root: Path) -> Path:
    """Two photographs: one with a cat and a difficult dog, one without objects."""
    folder = root / "VOCdevkit" / "VOC2012"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    (folder / "ImageSets/Main/train.txt").write_text("a\nb\n")
    pixels = np.arange(8 * 10 * 3, dtype=np.uint8).reshape(8, 10, 3)
    objects = {"a": OBJECT.format("cat", 0, 1, 1, 10, 8) + OBJECT.format("dog", 1, 3, 2, 5, 4), "b": ""}
    for name, text in objects.items():
        Image.fromarray(pixels).save(folder / "JPEGImages" / f"{name}.jpg", quality=100)
        (folder / "Annotations" / f"{name}.xml").write_text(f"<annotation><filename>{name}.jpg</filename>{text}"
                                                            "</annotation>")  # fmt: skip
    return root


def test_boxes_lie_between_pixels_and_count_from_zero(tmp_path):
    data = VOCBoxes(voc_folder(tmp_path))
    picture, target = data[0]
    assert len(data) == 2
    assert picture.shape == (3, 8, 10)
    assert 0 <= picture.min() < picture.max() <= 1
    assert target["boxes"].tolist() == [[0, 0, 10, 8], [2, 1, 5, 4]]  # the first is the whole picture
    assert [VOC_CLASSES[k] for k in target["labels"]] == ["cat", "dog"]
    assert target["difficult"].tolist() == [False, True]


def test_a_photograph_without_objects_has_empty_tables(tmp_path):
    _, target = VOCBoxes(voc_folder(tmp_path))[1]
    assert target["boxes"].shape == (0, 4)
    assert target["labels"].dtype == torch.int64
    assert len(target["labels"]) == len(target["difficult"]) == 0


def test_twenty_classes_in_alphabetical_order():
    assert len(set(VOC_CLASSES)) == 20
    assert list(VOC_CLASSES) == sorted(VOC_CLASSES)


def test_without_files_one_line_says_where_it_looked_and_what_to_do(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"no PASCAL VOC 2012 with split 'train' under .*VOC2012.*download=True.*scene_dataset"
    ):
        VOCBoxes(tmp_path)


def test_a_split_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no PASCAL VOC 2012 with split 'val' under"):
        VOCBoxes(voc_folder(tmp_path), "val")


def test_without_a_network_one_line_says_so(tmp_path, monkeypatch):
    def unreachable(*arguments, **options):
        raise URLError("no network")

    monkeypatch.setattr(voc, "VOCDetection", unreachable)
    with pytest.raises(FileNotFoundError, match=r"could not be fetched .*no network.*VOCdevkit"):
        VOCBoxes(tmp_path, download=True)


@pytest.mark.parametrize("wrong", [{"year": "1999"}, {"split": "everything"}])
def test_unknown_years_and_splits_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"Unknown value|Valid"):
        VOCBoxes(voc_folder(tmp_path), **wrong)
