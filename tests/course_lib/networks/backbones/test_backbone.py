"""The shipped backbone: what its card says, and that the weights in the file still see.

With the environment variable COURSE_CIFAR naming a folder in which torchvision finds CIFAR-10, the accuracy on the
10,000 test images is computed again; the images are not part of the project.
"""

from __future__ import annotations

import os

import pytest
import torch
import torchvision
from torch.nn import functional as F

from course_lib.architectures import parameter_count
from course_lib.core.weights import FOLDER, load_checkpoint, read_card
from course_lib.data import photograph
from course_lib.networks.backbones import CIFAR_CLASSES, Backbone


def test_card_says_at_least_92_5_per_cent():
    card = read_card("backbone")
    assert card["accuracy"] >= 0.925
    assert card["accuracy"] == pytest.approx(card["curve"]["test_accuracy"][-1], abs=0.002)
    assert card["parameters"] == parameter_count(Backbone()) <= 1_000_000
    assert (FOLDER / "backbone.safetensors").stat().st_size <= 2_000_000


def test_the_weights_know_a_cat_and_an_aircraft_from_the_rest():
    """Photographs that everybody has: the cat is a cat and the rocket is something that flies or floats."""
    model = load_checkpoint("backbone", Backbone())
    views = [F.interpolate(photograph(name)[None], (32, 32), mode="area") for name in ("chelsea", "rocket")]
    with torch.no_grad():
        cat, rocket = (CIFAR_CLASSES[int(model(view).argmax())] for view in views)
    assert cat == "cat"
    assert rocket in ("airplane", "ship")


def test_accuracy_on_the_test_images():
    root = os.environ.get("COURSE_CIFAR")
    if not root:
        pytest.skip("COURSE_CIFAR names no folder with CIFAR-10")
    data = torchvision.datasets.CIFAR10(root, train=False)
    images = torch.from_numpy(data.data).permute(0, 3, 1, 2)
    model = load_checkpoint("backbone", Backbone())
    with torch.no_grad():
        right = [(model(part.float() / 255).argmax(1)) for part in images.split(1000)]
    found = float((torch.cat(right) == torch.tensor(data.targets)).double().mean())
    assert found == pytest.approx(read_card("backbone")["accuracy"], abs=0.001)
