"""Assignment 5's thresholds: right trainings stay above them, wrong ones below. MARGINS_a5.md has more.

The notebook's own locked and solution cells do the work, with other seeds and the changes that wrong submissions make.
"""

from __future__ import annotations

import re
from functools import partial

import pytest
import torch

from .conftest import source_notebook
from .submissions.a5_variants import VECTORS

FITTED = {"any": 23, "more": 25, "most": 27.5}  # decibels, known frames with the levels (5, 1)
GAIN, PLAIN = 4, (18, 24)
SHARP, BETWEEN, BASELINE = 24, {"any": 20, "most": 22.8}, 20.35


@pytest.fixture(scope="module")
def source():
    return source_notebook("a5_neural_implicit")


@pytest.fixture
def notebook(define, source):
    return partial(define, source)


def decibels(made, true):
    return float(-10 * torch.log10((made - true).square().mean()))


def trained(names, levels, seed):
    """PSNR of the known and of the hidden frames after one training."""
    weights = names["fit_clip"](names["known"], names["known_times"], levels, names["STEPS"], seed)

    def score(kind):
        made = [names["render_frame"](weights, 40, 40, t, levels) for t in names[f"{kind}_times"]]
        return decibels(torch.stack(made), names[kind])

    return score("known"), score("hidden")


def test_the_thresholds_are_those_of_the_notebook(source):
    cells = {cell.id: cell.source for cell in source.cells}
    for kind, threshold in FITTED.items():
        assert re.findall(r"^assert fitted > ([\d.]+),", cells[f"test_fit_{kind}"], re.MULTILINE) == [str(threshold)]
    assert f"assert fitted - plain_fitted > {GAIN}," in cells["test_fit_gain"]
    assert f"assert {PLAIN[0]} < plain_fitted < {PLAIN[1]}," in cells["test_fit_gain"]
    assert f"assert sharp > {SHARP}," in cells["test_between_any"]
    for kind, threshold in BETWEEN.items():
        assert f"assert between > {threshold}," in cells[f"test_between_{kind}"]
    assert "has 20.35 decibels" in " ".join(cells["between_text"].split())


def test_the_baseline_is_the_one_of_the_text(notebook):
    names = notebook()
    assert decibels(names["neighbour_means"](names["known"]), names["hidden"]) == pytest.approx(BASELINE, abs=0.005)


@pytest.mark.parametrize("seed", [0, 3])
def test_the_encoding_is_learned_with_margin(notebook, seed):
    names = notebook()
    known, _ = trained(names, (5, 1), seed)
    plain, _ = trained(names, (0, 0), seed)
    assert known > FITTED["most"] + 1
    assert known - plain > GAIN + 2
    assert PLAIN[0] + 1 < plain < PLAIN[1] - 1


def test_other_batches_learn_as_well(notebook):
    known, _ = trained(notebook(VECTORS), (5, 1), 0)
    assert known > FITTED["most"] + 1


@pytest.mark.parametrize(("levels", "seed"), [((5, 0), 0), ((5, 0), 3), ((3, 0), 1), ((6, 0), 0)])
def test_no_time_levels_are_best(notebook, levels, seed):
    known, hidden = trained(notebook(), levels, seed)
    assert known > SHARP + 1
    assert hidden > BETWEEN["most"] + 0.2


@pytest.mark.parametrize(("levels", "seed"), [((5, 1), 0), ((5, 1), 3), ((4, 1), 1)])
def test_one_time_level_is_as_good_as_the_mean(notebook, levels, seed):
    known, hidden = trained(notebook(), levels, seed)
    assert known > SHARP + 1
    assert BETWEEN["any"] + 0.4 < hidden < BETWEEN["most"] - 0.2


@pytest.mark.parametrize("levels", [(5, 2), (5, 3), (5, 5)])
def test_more_time_levels_are_worse_than_the_mean(notebook, levels):
    assert trained(notebook(), levels, 0)[1] < BETWEEN["any"] - 0.5


def test_no_levels_are_too_blurred(notebook):
    assert trained(notebook(), (0, 0), 0)[0] < SHARP - 1


def test_slow_and_plain_descent_do_not_reach_the_film(notebook):
    for change in (("RATE *", "RATE / 100 *"), ("torch.optim.Adam", "torch.optim.SGD")):
        known, _ = trained(notebook({"fit_clip": [change]}), (5, 1), 0)
        assert known < FITTED["any"] - 1
