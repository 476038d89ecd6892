"""One referee for all that makes pictures of clothes (chapters 16 to 18).

    scores(pictures)        Frechet distance, precision and recall against the 10,000 test pictures
    agreement(pictures, classes)      how often the classifier sees the class that was asked for

Pictures are (N, 1, 28, 28) in [0, 1]; compare scores of equal N only: the Frechet distance of few samples is too large.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.weights import load_checkpoint
from course_lib.data.fashion import fashion_reference
from course_lib.metrics import accuracy
from course_lib.metrics.frechet import frechet_distance
from course_lib.metrics.precision_recall import precision_recall
from course_lib.networks.backbones import FashionNet

NEIGHBOURS = 3


def referee() -> FashionNet:
    """The shipped classifier, in evaluation mode."""
    return load_checkpoint("fashion_classifier", FashionNet()).eval()


def scores(pictures: Tensor) -> dict[str, float]:
    """Frechet distance to all 10,000 test pictures; precision and recall against as many of them as there are samples.

    Regions of precision and recall grow where samples are few, so both sets have one size: the first N test pictures.
    """
    seen, real = referee().features_of_many(pictures), fashion_reference()
    precision, recall = precision_recall(seen, real[: len(seen)], NEIGHBOURS)
    distance = float(frechet_distance(seen, real))
    return {"samples": len(seen), "frechet": round(distance, 4), "precision": round(precision, 4),
            "recall": round(recall, 4)}  # fmt: skip


@torch.no_grad()
def agreement(pictures: Tensor, classes: Tensor) -> float:
    """Share of pictures that the classifier puts into the class (N,) that was asked for."""
    net = referee()
    return round(accuracy(net.head(net.features_of_many(pictures)).argmax(1), classes), 4)
