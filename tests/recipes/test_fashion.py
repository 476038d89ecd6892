"""The shipped referee of generated pictures holds what its card says, on the pictures that the project has."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.core.weights import FOLDER, load_checkpoint, read_card
from course_lib.data.fashion import fashion_evaluation, fashion_reference
from course_lib.networks.backbones import FashionNet
from recipes import fashion, fashion_classifier, generative


def test_the_card_holds():
    card, model = read_card("fashion_classifier"), load_checkpoint("fashion_classifier", FashionNet())
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    assert card["accuracy_test"] > 0.9
    assert abs(fashion_classifier.score(model, *fashion_evaluation()) - card["accuracy_evaluation"]) < 0.004
    assert (FOLDER / "fashion_classifier.safetensors").stat().st_size <= 200_000


def test_the_reference_is_what_the_classifier_sees():
    """Each shipped picture's features are among those of the test set, since it is one of them."""
    seen, stored = generative.referee().features_of_many(fashion_evaluation()[0].float() / 255), fashion_reference()
    assert stored.shape == (10_000, 64)
    nearest = torch.cdist(seen, stored).amin(1)
    assert float(nearest.max()) < 1e-2 * float(stored.norm(dim=1).mean())
    assert fashion_classifier.first_of_each(torch.arange(40) % 10, 2).tolist() == list(range(20))


def test_scores_fall_with_what_goes_wrong():
    pictures, classes = fashion_evaluation()
    x = pictures.float() / 255
    real = generative.scores(x)
    blurred = generative.scores(torch.nn.functional.avg_pool2d(x, 5, 1, 2, count_include_pad=False))
    few = generative.scores(x[classes < 3])
    assert real["samples"] == 650
    assert real["frechet"] < 0.2 * min(blurred["frechet"], few["frechet"])
    assert blurred["precision"] < real["precision"]
    assert few["recall"] < real["recall"]
    assert generative.agreement(x, classes) > 0.85
    assert generative.agreement(x, (classes + 1) % 10) < 0.1


def test_parts_are_disjoint_and_in_order(tmp_path):
    rng = np.random.default_rng(0)
    x, xt = (rng.integers(0, 256, (n, 2, 2), dtype=np.uint8) for n in (60_000, 100))
    np.savez(tmp_path / "f.npz", x_train=x, y_train=np.arange(60_000) % 10, x_test=xt, y_test=np.arange(100) % 10)
    arguments = type("A", (), {"npz": str(tmp_path / "f.npz"), "data": None})()
    data = fashion.load(arguments)
    assert [len(part[0]) for part in (data.train, data.validation, data.test)] == [55_000, 5_000, 100]
    assert np.array_equal(torch.cat([data.train[0], data.validation[0]])[:, 0].numpy(), x)
    assert torch.equal(data.validation[1], torch.arange(55_000, 60_000) % 10)


def test_bad_input():
    with pytest.raises(ValueError, match="pictures"):
        FashionNet()(torch.rand(2, 1, 32, 32))
    with pytest.raises(ValueError, match="covariance needs at least 65"):
        generative.scores(torch.rand(20, 1, 28, 28))
