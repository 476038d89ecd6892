"""The demonstrations of chapter 4's second page draw every setting, show what they say, and appear as live controls."""

from __future__ import annotations

import pytest
import torch

from .demonstrations import REST, drawn, live_controls, sources, without_rest

NAME = "04b_motion_depth_and_shape"
IMPORTS = ("import motorcycle", "pin(0)")
NEEDED = {
    "draw_window": ("pair = motorcycle(2)", "costs = {"),
    "focus_on": ("cameras = light_field.camera_grid(9)", "def focus_on("),
    "mesh_studio": ("ring = voxels.torus_field", "def portrait(", "def mesh_studio("),
}
CONTROLS = {
    "draw_window": {"IntSlider": 1, "Dropdown": 1},
    "focus_on": {"FloatSlider": 1, "IntSlider": 1},
    "mesh_studio": {"Dropdown": 1, "IntSlider": 1, "FloatSlider": 1},
}


def needed(function):
    """The cells that a demonstration needs: imports, its data, its drawing function."""
    return without_rest(sources(NAME, (*IMPORTS, *NEEDED[function], f"def {function}(")))


def picture(made, axis=0):
    return torch.as_tensor(made.axes[axis].images[0].get_array())


def test_window_size_every_setting():
    names, shown = drawn(
        needed("draw_window"), "draw_window", [(size, cost) for cost in ("SAD", "census 5 x 5") for size in (1, 5, 31)]
    )
    rates = [float(caption.split(": ")[1].split(" %")[0]) for _, caption in shown]
    assert rates[1] < rates[0]
    assert rates[4] < min(rates[3], rates[5]), "neither single pixels nor huge windows"
    assert list(names["costs"]) == ["SAD", "census 5 x 5"]


def test_focus_every_setting():
    settings = [(d, n) for n in (1, 3, 9) for d in (0.0, 1.1, 2.4)]
    names, shown = drawn(needed("focus_on"), "focus_on", settings)
    for (d, n), (_, caption) in zip(settings, shown, strict=True):
        assert f"disparity {d:.1f} with {n} x {n} cameras" in caption
    pinhole = [picture(made) for made, _ in shown[:3]]
    torch.testing.assert_close(pinhole[0], pinhole[2], msg="one camera has no focus")
    cup = (names["exact_d"] - 1.1).abs() < 0.1
    far, near = ((picture(shown[settings.index((d, 9))][0]) - pinhole[1]).abs()[cup].mean() for d in (0.0, 1.1))
    assert near < 0.5 * far, "focused on the cup, the cup is sharp"


def test_mesh_studio_every_setting():
    settings = [(m, s, n) for m in ("Laplacian", "Taubin") for s in (0, 40, 200) for n in (0.0, 0.06)]
    _, shown = drawn(needed("mesh_studio"), "mesh_studio", settings)
    shares = [float(caption.split(": ")[1].split(" %")[0]) for _, caption in shown]
    left = dict(zip(settings, shares, strict=True))
    assert left["Laplacian", 0, 0.0] == left["Taubin", 0, 0.0] == 100
    assert left["Laplacian", 200, 0.0] < 60
    assert abs(left["Taubin", 40, 0.0] - 100) < 3


@pytest.mark.parametrize("function", NEEDED)
def test_live_controls(function):
    call = [REST.search(code)[0] for code in sources(NAME, [f"explore({function},"])]
    assert live_controls(needed(function), call) == CONTROLS[function]
