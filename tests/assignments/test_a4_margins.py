"""Assignment 4's thresholds: right syntheses stay above them, wrong ones below. MARGINS_a4.md has more.

The notebook's own locked and solution cells do the work, with other seeds and the changes that wrong submissions make.
"""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
import torch

from course_lib.texture.judge import periodicity_error

from .conftest import source_notebook
from .submissions.a4_variants import NUMPY

GAINS = {"any": 0.1, "more": 0.4, "most": 0.5}
LOSS, FROM_NOISE, FROM_BLUR = 0.01, 0.2, 0.3

# What a wrong submission does, as changes to the solution, and the threshold of the gain that it does not reach.
WRONG = {
    "pyramid ignored": ("any", {"texture_statistics": [("range(levels)", "range(1)")]}),
    "plain gradient descent": ("any", {"synthesise": [("torch.optim.Adam", "torch.optim.SGD")]}),
    "every second pixel": (
        "more",
        {"texture_statistics": [("F.avg_pool2d(images, 2)", "images[:, :, ::2, ::2]")]},
    ),
    "two levels only": ("more", {"texture_statistics": [("range(levels)", "range(min(levels, 2))")]}),
    "maxima instead of means": (
        "most",
        {"texture_statistics": [("F.avg_pool2d(images, 2)", "F.max_pool2d(images, 2)")]},
    ),
}


@pytest.fixture(scope="module")
def source():
    return source_notebook("a4_texture_synthesis")


@pytest.fixture
def notebook(define, source):
    return partial(define, source)


def synthesis(names, name, start, levels):
    targets = names["texture_statistics"](names["exemplars"][name], names["NETWORK"], "gram", levels)
    return names["synthesise"](start, targets, names["NETWORK"], "gram", levels, names["STEPS"])


def board_gain(names, seeds):
    """The error with one level, and what three levels take off it; the error is course_lib's."""
    board = names["exemplars"]["chequerboard"]
    start = torch.cat([names["noise_start"](board, seed) for seed in seeds])
    errors = [
        np.mean([periodicity_error(one[None], board, names["PERIOD"]) for one in synthesis(names, *job)[0]])
        for job in [("chequerboard", start, 1), ("chequerboard", start, 3)]
    ]
    return errors[0], errors[0] - errors[1]


def likeness(picture, exemplar):
    return float(np.corrcoef(picture.flatten(), exemplar.flatten())[0, 1])


def test_the_thresholds_are_those_of_the_notebook(source):
    cells = {cell.id: cell.source for cell in source.cells}
    for kind, threshold in GAINS.items():
        assert re.findall(r"^assert gain > ([\d.]+),", cells[f"test_gain_{kind}"], re.MULTILINE) == [str(threshold)]
    assert f"loss_after < {LOSS} * loss_before" in cells["test_synthesise_gravel"]
    assert f"< {FROM_NOISE}, " in cells["test_synthesise_starts"]
    assert f"> {FROM_BLUR}, " in cells["test_synthesise_starts"]
    assert "seeds = [0, 1]" in cells["test_gain_any"]
    text = " ".join(cells["gain_text"].split())
    assert f"above {GAINS['any']}, again above {GAINS['more']} and again above {GAINS['most']}" in text


@pytest.mark.parametrize(("seeds", "margin"), [([0, 1], 0.15), ([6, 7], 0.0)])
def test_three_levels_gain_enough(notebook, seeds, margin):
    """The graded seeds 0 and 1 by far; seeds 6 and 7, the lowest pair that was measured, reach all points as well."""
    alone, gain = board_gain(notebook(), seeds)
    assert 0.9 < alone < 1.1
    assert gain > GAINS["most"] + margin


def test_noise_of_another_generator_gains_enough(notebook):
    alone, gain = board_gain(notebook(NUMPY), [0, 1])
    assert 0.9 < alone < 1.1
    assert gain > GAINS["most"] + 0.07


@pytest.mark.parametrize("way", WRONG)
def test_wrong_ways_gain_too_little(notebook, way):
    kind, changes = WRONG[way]
    assert board_gain(notebook(changes), [0, 1])[1] < GAINS[kind] - 0.09


def test_gravel_has_margin(notebook):
    names = notebook()
    gravel = names["exemplars"]["gravel"]
    noise = names["noise_start"](gravel, 11)
    from_noise, losses = synthesis(names, "gravel", noise, 3)
    from_blur, blur_losses = synthesis(names, "gravel", names["blurred_start"](gravel, 4), 3)
    assert max(losses[-1], blur_losses[-1]) < LOSS / 4 * losses[0]
    assert abs(likeness(from_noise, gravel)) < FROM_NOISE - 0.1
    assert likeness(from_blur, gravel) > FROM_BLUR + 0.07


def test_slow_and_plain_descent_do_not_reach_gravel(notebook):
    for change in (("lr=RATE", "lr=RATE / 10"), ("torch.optim.Adam", "torch.optim.SGD")):
        names = notebook({"synthesise": [change]})
        _, losses = synthesis(names, "gravel", names["noise_start"](names["exemplars"]["gravel"], 11), 3)
        assert losses[-1] > 3 * LOSS * losses[0]
