"""Chapter 18's demonstrations: the diary of a sampling, and guidance by strength and garment."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.networks.backbones import FashionNet

from .demonstrations import draw, live_controls, namespace, sources

NAME = "18_diffusion_models"
CELLS = ("import json", "pin(0)", "asked_now = ", "STRENGTHS, ASKED = ")
CONTROLS = ("TIMES = ", "explore(louder")


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, CELLS))


@pytest.mark.parametrize("t", [0, 120, 200])
def test_each_time_shows_its_own_noise_and_belief(space, t):
    made, caption = draw(space, "at_time", t)
    assert f"t = {t}." in caption
    x = space["diary"][t][0] if t else space["last"]
    assert np.allclose(made.axes[0].images[0].get_array(), space["to_images"](x[0, 0]), atol=1e-6)
    believed = np.asarray(made.axes[3].images[0].get_array())
    if t == 0:
        assert np.allclose(believed, made.axes[0].images[0].get_array(), atol=1e-6)


def test_noise_falls_with_time(space):
    rough = []
    for t in (200, 120, 0):
        picture = np.asarray(draw(space, "at_time", t)[0].axes[0].images[0].get_array())
        rough.append(np.abs(np.diff(picture, axis=1)).mean())
    assert rough[0] > rough[1] > rough[2]


@pytest.mark.parametrize(("strength", "garment"), [(0, "bag"), (4, "sandal"), (8, "ankle boot")])
def test_each_setting_shows_its_own_samples(space, strength, garment):
    made, caption = draw(space, "louder", strength, garment)
    assert f"w = {strength} ({garment})" in caption
    k = 6 * list(space["ASKED"]).index(garment)
    wanted = space["to_images"](space["gallery"][strength][k])[0]
    assert np.allclose(made.axes[0].images[0].get_array(), wanted, atol=1e-6)


def test_nobody_listens_at_zero_and_all_do_at_four(space):
    net = space["load_checkpoint"]("fashion_classifier", FashionNet())
    asked = torch.tensor([*space["ASKED"].values()]).repeat_interleave(6)
    right = [float((net(space["to_images"](space["gallery"][w])).argmax(1) == asked).double().mean()) for w in (0, 4)]
    assert right[0] < 0.5
    assert right[1] > 0.75


def test_live_sliders():
    assert live_controls(sources(NAME, CELLS), sources(NAME, CONTROLS)) == {"SelectionSlider": 3}
