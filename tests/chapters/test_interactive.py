"""The sliders: their drawing functions work for any setting, and a live kernel shows the widgets."""

from __future__ import annotations

import pytest

from course_book.paths import all_chapters

from .demonstrations import code_cells, draw, live_controls, namespace, sources

NUMBERED = [name for name in all_chapters() if name[:2].isdigit()]
CHAPTER = "02_optimization"
MARKS = ("pin(0)", "point = lambda", "LANDSCAPES = {", "def descend")


@pytest.mark.parametrize("name", NUMBERED)
def test_every_chapter_has_a_demonstration_with_a_static_picture(name):
    interactive = [cell for cell in code_cells(name) if "interactive" in cell.metadata.get("tags", [])]
    assert interactive
    for cell in interactive:
        assert "explore(" in cell.source
        kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
        assert any(kind.startswith("image/") for kind in kinds), "no picture for the page"
        assert not any("widget" in kind for kind in kinds)


@pytest.mark.parametrize("landscape", ["long valley", "banana", "saddle"])
@pytest.mark.parametrize(("rate", "momentum"), [(0.001, 0.0), (0.03, 0.8), (0.1, 0.98)])
def test_chapter_2_draws_every_setting(landscape, rate, momentum):
    """Also the settings at which the walk flies apart."""
    made, caption = draw(namespace(sources(CHAPTER, MARKS)), "descend", landscape, rate, momentum)
    assert landscape in caption
    assert f"momentum {momentum:g}" in caption
    path = made.axes[0].lines[0].get_xydata()
    assert path.shape == (61, 2)


def test_chapter_2_shows_live_sliders():
    controls = live_controls(sources(CHAPTER, MARKS), sources(CHAPTER, ["explore("]))
    assert controls == {"Dropdown": 1, "FloatSlider": 2}
