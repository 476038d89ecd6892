"""Windows are counted and placed right, and a plane trained on real patches finds the face in a real photograph."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.data import lfw_subset
from skimage.feature import hog
from sklearn.svm import LinearSVC

from course_lib.core.seeding import generator
from course_lib.data.photographs import photograph
from course_lib.detection.hog_svm import WindowDetector, level_sizes, window_count
from course_lib.ops.boxes import box_iou

from ..refusals import refused

FACE = torch.tensor([[176.0, 78, 274, 178]])  # brow to chin, ear to ear, in the astronaut's 512 x 512 pixels


def patches() -> tuple[torch.Tensor, torch.Tensor]:
    """A hundred faces and a hundred other patches, of 25 x 25 pixels."""
    return torch.from_numpy(lfw_subset()).float()[:, None], (torch.arange(200) < 100).long()


def grey(name: str, height: int) -> torch.Tensor:
    return photograph(name, height).mean(0, keepdim=True)


def test_windows_are_counted_as_they_are_enumerated():
    image = torch.zeros(1, 60, 83)
    counts = window_count(60, 83, window=25, step=4, factor=1.3)
    by_hand = [sum(1 for _ in range(0, h - 24, 4) for _ in range(0, w - 24, 4)) for h, w in
               level_sizes(60, 83, window=25, factor=1.3)]  # fmt: skip
    found = [len(boxes) for _, boxes in WindowDetector().windows(image, step=4, factor=1.3)]
    assert counts == by_hand == found
    assert len(counts) == 4


def test_levels_shrink_by_the_factor_until_no_window_fits():
    sizes = level_sizes(100, 200, window=25, factor=2.0)
    assert sizes == [(100, 200), (50, 100), (25, 50)]
    assert level_sizes(24, 100, window=25, factor=2.0) == []


def test_boxes_lie_where_the_windows_were_cut():
    image = torch.rand(1, 50, 60, generator=generator(0))
    for level, (cut, boxes) in enumerate(WindowDetector().windows(image, step=5, factor=2.0)):
        if level == 0:
            for patch, (x0, y0, x1, y1) in zip(cut, boxes.int().tolist(), strict=True):
                assert torch.equal(patch, image[:, y0:y1, x0:x1])
        else:
            assert boxes[0].tolist() == [0, 0, 50, 50]
    assert level == 1


def test_scores_are_those_of_scikit_learn_on_scikit_images_hog():
    images, labels = patches()
    mine = WindowDetector(C=0.1).fit(images, labels)
    table = np.stack([hog(image[0].numpy(), pixels_per_cell=(5, 5), cells_per_block=(2, 2), feature_vector=True)
                      for image in images])  # fmt: skip
    theirs = LinearSVC(C=0.1, random_state=0).fit(table, labels.numpy())
    np.testing.assert_allclose(
        mine.scores(images).numpy(), theirs.decision_function(table), atol=2e-2
    )  # its solver stops early


def test_patches_that_were_not_seen_are_told_apart():
    images, labels = patches()
    seen = torch.arange(200) % 5 > 0
    model = WindowDetector(C=0.1).fit(images[seen], labels[seen])
    right = (model.scores(images[~seen]) > 0).long() == labels[~seen]
    assert right.float().mean() >= 0.9


def test_mined_negatives_bring_the_astronauts_face_among_the_first():
    """Two hundred patches leave many false alarms; what fooled it on faceless photographs teaches it the rest."""
    images, labels = patches()
    images, labels = torch.cat([images, images.flip(3)]), labels.repeat(2)
    model, picture = WindowDetector(block=3, C=0.1).fit(images, labels), grey("astronaut", 224)

    def rank() -> int:
        found = model.detect(picture, threshold=-0.5)
        hits = (box_iou(found["boxes"], FACE * 224 / 512)[:, 0] > 0.5).nonzero()
        return int(hits[0])

    before = rank()
    faceless = ("coffee", "china", "flower", "rocket", "chelsea", "brick", "coins")
    hard = model.mine([grey(name, 160) for name in faceless])
    assert hard.shape == (7 * 150, 1, 25, 25)
    assert (model.scores(hard) > 0).float().mean() > 0.5, "they do look like faces to it"
    model.fit(torch.cat([images, hard]), torch.cat([labels, torch.zeros(len(hard), dtype=torch.int64)]))
    assert rank() < 4 < 20 < before


def test_bad_input_is_refused():
    model = WindowDetector()
    refused(lambda: model.scores(torch.zeros(1, 1, 25, 25)), "call fit first")
    refused(lambda: next(model.windows(torch.zeros(1, 20, 90))), "smaller than a window of 25")
    refused(lambda: level_sizes(50, 50, window=25, factor=1.0), "factor must be above 1")
    refused(lambda: model.fit(torch.zeros(3, 1, 24, 24), torch.tensor([0, 1, 1])), "patches must be")
    with pytest.raises(ValueError, match="labels"):
        model.fit(torch.zeros(3, 1, 25, 25), torch.tensor([0, 1, 2]))
