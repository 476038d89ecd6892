"""Chapter 9's demonstrations: stamps add up to torch's transposed convolution; what is wrong is red."""

from __future__ import annotations

import re

import numpy as np
import pytest
from torch.nn import functional as F

from .demonstrations import draw, live_controls, namespace, sources

NAME = "09_semantic_segmentation"
OPENING = ("pin(0)", "K = len(CATEGORIES)", "def painted(")
STAMPS, COMPARE = ("kernel = torch.tensor([[1.0, 0.0, 2.0]", "def stamps(", "def stamping("), ("def compare(",)


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, (*OPENING, *STAMPS, *COMPARE)))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("step", range(5))
def test_the_stamps_pressed_so_far_are_a_transposed_convolution_of_the_inputs_so_far(space, stride, step):
    made, caption = draw(space, "stamping", stride, step)
    inputs = space["x"].flatten().clone()
    inputs[step:] = 0
    wanted = F.conv_transpose2d(inputs.view(1, 1, 2, 2), space["kernel"][None, None], stride=stride)[0, 0]
    assert np.array_equal(np.asarray(made.axes[2].images[0].get_array()), wanted.numpy())
    assert f"Stride {stride}: {step} of four" in caption
    frames = [patch for patch in made.axes[2].patches if patch.get_width() > 1]
    assert len(frames) == (step > 0)


@pytest.mark.parametrize("name", ["FCN-32s", "U-Net", "HRNet"])
@pytest.mark.parametrize("scene", [15, 24])
def test_wrong_pixels_are_red_and_their_share_is_what_the_caption_says(space, name, scene):
    made, caption = draw(space, "compare", name, scene)
    shown = np.asarray(made.axes[3].images[0].get_array())
    red = (np.abs(shown - (0.85, 0.1, 0.1)) < 1e-6).all(-1)
    wrong = (space["answers"][name][scene] != space["truth"][scene]).numpy()
    assert np.array_equal(red, wrong)
    assert float(re.search(r"([\d.]+) % of the pixels", caption)[1]) == pytest.approx(
        100 * (1 - wrong.mean()), abs=0.05
    )


def test_the_stored_answers_belong_to_the_scenes(space):
    answers, truth = space["answers"], space["truth"]
    right = {name: float((maps == truth[: len(maps)]).double().mean()) for name, maps in answers.items()}
    turned = {name: float((maps == truth[: len(maps)].flip(0)).double().mean()) for name, maps in answers.items()}
    assert min(right.values()) > 0.8  # saying "wall" everywhere gives 0.6
    assert all(turned[name] < right[name] - 0.1 for name in right)


def test_live_controls():
    needed = sources(NAME, (*OPENING, *STAMPS, *COMPARE))
    assert live_controls(needed, sources(NAME, ["explore("])) == {"SelectionSlider": 2, "IntSlider": 1, "Dropdown": 1}
