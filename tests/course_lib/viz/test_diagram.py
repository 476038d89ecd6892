"""Arrows of a diagram end at the edges of its boxes, in the colours that were asked for."""

from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color

from course_lib.viz import BLUE, GREY, figure
from course_lib.viz.diagram import draw_diagram

BOXES = {"a": (0, 0, "first"), "b": (3, 0, "second"), "_c": (3, -1, "bare")}


def drawn(arrows, **options):
    fig, ax = figure()
    texts = draw_diagram(ax, BOXES, arrows, **options)
    FigureCanvasAgg(fig).draw()
    return fig, ax, texts


def test_an_arrow_begins_and_ends_at_the_edges_of_its_boxes():
    _, ax, texts = drawn([("a", "b", BLUE), ("b", "_c")])
    across, down = (child.arrow_patch for child in ax.texts if getattr(child, "arrow_patch", None))
    assert same_color(across.get_edgecolor(), BLUE)
    assert same_color(down.get_edgecolor(), GREY)
    left, right = (texts[name].get_bbox_patch().get_window_extent() for name in "ab")
    found = across.get_window_extent()
    assert left.x1 - 1 <= found.x0 <= left.x1 + 10  # pixels
    assert right.x0 - 10 <= found.x1 <= right.x0 + 1


def test_bare_text_has_no_frame_and_a_fill_counts_for_its_box_alone():
    _, _, texts = drawn([], fill={"a": "white"})
    assert same_color(texts["a"].get_bbox_patch().get_facecolor(), "white")
    assert texts["b"].get_bbox_patch().get_facecolor()[3] == 1
    assert texts["_c"].get_bbox_patch().get_facecolor()[3] == 0


def test_an_arrow_to_nowhere_is_refused():
    with pytest.raises(ValueError, match="'d', which is none of the boxes a, b, _c"):
        drawn([("a", "d")])
