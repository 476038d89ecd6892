"""Assignment 3's thresholds: right networks stay above them, blurs and wrong networks below. MARGINS_a3.md has more.

The notebook's own cells do the work: the judging cell of a noise level is run with other seeds and other submissions.
"""

from __future__ import annotations

import contextlib
import re

import matplotlib
import numpy as np
import pytest
import torch

from course_grader.notebooks import read_notebook, solution_sources

from .conftest import ASSIGNMENTS
from .submissions.case import right

LADDER = {25: [0.3, 0.5, 0.75, 1.0], 15: [0.7, 1.8], 50: [0.2, 0.35]}  # dB above the best blur
SSIM = 0.04
KINDS = {25: ["any", "half", "more", "most"], 15: ["any", "most"], 50: ["any", "most"]}

# What a wrong submission does, as changes to the solution; from MARGINS_a3.md, the ones nearest to a threshold.
DIRECT = {
    "train_denoiser": [("(network(x + noise - 0.5), noise)", "(network(x + noise - 0.5) + 0.5, x)")],
    "denoise": [("return noisy - noise", "return noise + 0.5")],
}
LINEAR = {"train_denoiser": [("        nn.LeakyReLU(0.05),\n", "")]}
FOR_25 = {"train_denoiser": [("noise = sigma *", "noise = 25 / 255 *")]}


@pytest.fixture(scope="module")
def source():
    return read_notebook(ASSIGNMENTS / "source" / "a3_denoising" / "a3_denoising.ipynb")


@pytest.fixture(scope="module")
def cells(source):
    return {cell.id: cell.source for cell in source.cells}


@pytest.fixture
def notebook(cells, monkeypatch):
    """The names that the locked cells define."""
    matplotlib.use("Agg")
    monkeypatch.setattr("sys.stderr", None)  # restored afterwards: the setup cell replaces it
    threads, names = torch.get_num_threads(), {}
    for cell in ("setup", "pictures", "checks", "referee"):
        exec(compile(cells[cell], cell, "exec"), names)
    yield names
    torch.set_num_threads(threads)


def judge(notebook, cells, source, level, seed, changes=None):
    """Gains (PSNR, SSIM) on the held-out and on the validation pictures, as the notebook's judging cell has them."""
    sources = right("", changes or {}).sources(solution_sources(source))
    for cell in ("train_denoiser", "denoise"):
        exec(compile(sources[cell], cell, "exec"), notebook)
    code, call = cells[f"test_beat{level}_any"], f"train_patches, {level} / 255, {level}, STEPS"
    assert call in code
    with contextlib.suppress(AssertionError):  # below the first threshold, perhaps as it should be
        exec(code.replace(call, f"train_patches, {level} / 255, {seed}, STEPS"), notebook)
    return np.array(notebook["held_out"][level]), np.array(notebook["visible"][level])


def test_the_thresholds_here_are_those_of_the_notebook(cells):
    for level, thresholds in LADDER.items():
        for kind, threshold in zip(KINDS[level], thresholds, strict=True):
            found = re.findall(rf"(?:visible|held_out)\[{level}\]\[0\] > ([\d.]+),", cells[f"test_beat{level}_{kind}"])
            assert [float(value) for value in found] == [threshold, threshold]
    assert re.findall(r"\[25\]\[1\] > ([\d.]+),", cells["test_beat25_ssim"]) == [str(SSIM)] * 2


@pytest.mark.parametrize("level", LADDER)
def test_no_blur_of_any_width_passes(level, notebook, cells):
    """Not even the width that suits the judged pictures best: it would be a blur sold as a network."""
    blurs = """
def train_denoiser(clean, sigma, seed, steps):
    return {"width": torch.tensor(WIDTH)}


def denoise(weights, noisy):
    blurred = scipy.ndimage.gaussian_filter(noisy[0, 0].double().numpy(), float(weights["width"]), mode="reflect")
    return to_batch(blurred)
"""
    both = []
    for width in np.arange(0.3, 2.6, 0.2):
        notebook["WIDTH"] = float(width)
        exec(blurs, notebook)
        with contextlib.suppress(AssertionError):
            exec(cells[f"test_beat{level}_any"], notebook)
        both.append(min(notebook["held_out"][level][0], notebook["visible"][level][0]))
    assert -0.2 < max(both) < LADDER[level][0] - 0.1


@pytest.mark.parametrize("level", LADDER)
def test_the_solution_has_margin(level, notebook, cells, source):
    held_out, visible = judge(notebook, cells, source, level, seed=3)
    assert min(held_out[0], visible[0]) > LADDER[level][-1] + 0.1
    if level == 25:
        assert min(held_out[1], visible[1]) > SSIM + 0.02


@pytest.mark.parametrize(
    ("changes", "level", "kind"),
    [(DIRECT, 15, "most"), (LINEAR, 25, "any"), (FOR_25, 15, "any"), (FOR_25, 50, "any")],
    ids=["predicts_the_picture", "linear", "trained_for_25_judged_at_15", "trained_for_25_judged_at_50"],
)
def test_wrong_networks_have_margin(changes, level, kind, notebook, cells, source):
    held_out, visible = judge(notebook, cells, source, level, seed=3, changes=changes)
    assert min(held_out[0], visible[0]) < LADDER[level][KINDS[level].index(kind)] - 0.1
