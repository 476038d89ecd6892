"""The pictures of clothes that the library ships."""

from __future__ import annotations

import torch

from course_lib.data import FASHION_CLASSES, fashion_evaluation
from course_lib.data.fashion import PICTURES


def test_sixty_five_of_each_class():
    pictures, classes = fashion_evaluation()
    assert pictures.shape == (650, 1, 28, 28)
    assert pictures.dtype == torch.uint8
    assert classes.bincount().tolist() == [65] * len(FASHION_CLASSES)
    assert int(pictures.amin()) == 0
    assert int(pictures.amax()) == 255
    assert len(pictures.flatten(1).unique(dim=0)) == 650


def test_names_stand_by_their_pictures():
    """Trousers and ankle boots fill their frames in ways that no shuffled list of names would have."""
    pictures, classes = fashion_evaluation()
    mean = torch.stack([pictures[classes == k, 0].double().mean(0) for k in range(10)]) / 255
    wide = (mean > 0.2).any(1).sum(1)  # columns in which something is
    assert FASHION_CLASSES[int(wide.argmin())] == "trousers"
    low = mean[:, :8].mean((1, 2))  # shoes leave the upper part of the frame empty
    assert {FASHION_CLASSES[k] for k in low.argsort()[:2].tolist()} <= {"sneaker", "sandal", "ankle boot"}


def test_they_are_small_and_their_licence_stands_beside_them():
    assert PICTURES.stat().st_size <= 300_000
    assert "MIT License" in PICTURES.with_name("fashion_mnist_licence.txt").read_text(encoding="utf-8")
