"""Arrows of a diagram end at the edges of its boxes, in the colours that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color, to_rgb

from course_lib.viz import BLUE, figure
from course_lib.viz.diagram import draw_diagram

BOXES = {"a": (0, 0, "first"), "b": (3, 0, "second"), "_c": (3, -1, "bare")}


def drawn(arrows, **options):
    fig, ax = figure()
    texts = draw_diagram(ax, BOXES, arrows, **options)
    canvas = FigureCanvasAgg(fig)
    fig.set_dpi(2 * fig.dpi)  # a box takes its place when it is drawn: arrows must not trust an older one
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()), texts


def test_an_arrow_fills_the_gap_between_its_boxes_and_shows_its_head():
    pixels, texts = drawn([("a", "b", BLUE), ("b", "_c")])
    found = (abs(pixels[..., :3] - 255 * np.array(to_rgb(BLUE))) < 8).all(2).sum(0)  # blue pixels by column
    left, right = (texts[name].get_bbox_patch().get_window_extent() for name in "ab")
    across = found.nonzero()[0]
    assert left.x1 - 5 <= across[0] <= left.x1 + 10
    assert right.x0 - 25 <= across[-1] <= right.x0
    line, head = np.median(found[across]), found[across[-40:]].max()
    assert head > 2 * line


def test_bare_text_has_no_frame_and_a_fill_counts_for_its_box_alone():
    _, texts = drawn([], fill={"a": "white"})
    assert same_color(texts["a"].get_bbox_patch().get_facecolor(), "white")
    assert texts["b"].get_bbox_patch().get_facecolor()[3] == 1
    assert texts["_c"].get_bbox_patch().get_facecolor()[3] == 0


def test_an_arrow_to_nowhere_is_refused():
    with pytest.raises(ValueError, match="'d', which is none of the boxes a, b, _c"):
        drawn([("a", "d")])
