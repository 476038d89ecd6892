"""The demonstration of chapter 4's first page draws every setting, shows what it says, and appears as live controls."""

from __future__ import annotations

import pytest
import torch

from .demonstrations import REST, drawn, live_controls, sources, without_rest

NAME = "04_representing_visual_data"
IMPORTS = ("import io\n", "pin(0)")
NEEDED = {
    "draw_subsampled": (),
}
CONTROLS = {
    "draw_subsampled": {"Dropdown": 1, "IntSlider": 1, "Checkbox": 1},
}


def needed(function):
    """The cells that a demonstration needs: imports, its data, its drawing function."""
    return without_rest(sources(NAME, (*IMPORTS, *NEEDED[function], f"def {function}(")))


def picture(made, axis=0):
    return torch.as_tensor(made.axes[axis].images[0].get_array())


def test_aliasing_every_setting():
    settings = [(p, f, b) for p in ("brick", "zone plate", "camera") for f in (1, 6, 12) for b in (False, True)]
    _, shown = drawn(needed("draw_subsampled"), "draw_subsampled", settings)
    assert len(shown) == len(settings)
    for (name, factor, blur), (_, caption) in zip(settings, shown, strict=True):
        assert name in caption
        assert f"{factor}th" in caption
        assert ("without" in caption) != blur
    plain, soft = (picture(shown[settings.index(("zone plate", 6, b))][0]) for b in (False, True))
    assert plain.std() > 1.5 * soft.std(), "without blur the plate's fine rings come back as false ones"


@pytest.mark.parametrize("function", NEEDED)
def test_live_controls(function):
    call = [REST.search(code)[0] for code in sources(NAME, [f"explore({function},"])]
    assert live_controls(needed(function), call) == CONTROLS[function]
