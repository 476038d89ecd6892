"""Frames lie where the boxes are: around whole pixels as imshow draws them."""

import pytest
import torch
from matplotlib.patches import Rectangle

from course_lib.viz.boxes import draw_boxes
from course_lib.viz.style import figure


def frames(ax) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def test_a_box_around_the_whole_picture_has_the_pictures_limits():
    _, ax = figure()
    ax.imshow(torch.zeros(6, 8))
    draw_boxes(ax, torch.tensor([[0.0, 0, 8, 6], [2, 1, 3, 2]]), ["all", "one pixel"], colour=["red", "blue"])
    whole, pixel = frames(ax)
    assert (*whole.get_xy(), whole.get_width(), whole.get_height()) == (-0.5, -0.5, 8, 6)
    assert sorted(ax.get_xlim()) == [-0.5, 7.5]
    assert (pixel.get_xy(), pixel.get_width()) == ((1.5, 0.5), 1)
    assert [text.get_text() for text in ax.texts] == ["all", "one pixel"]
    assert whole.get_edgecolor()[:3] == (1, 0, 0)


def test_no_boxes_draw_nothing_and_dashes_are_dashed():
    _, ax = figure()
    draw_boxes(ax, torch.zeros(0, 4))
    assert not frames(ax)
    draw_boxes(ax, torch.tensor([[0.0, 0, 1, 1]]), dashed=True)
    assert frames(ax)[0].get_linestyle() == "--"


def test_a_name_for_each_box():
    with pytest.raises(ValueError, match="1 boxes, but 2 names"):
        draw_boxes(figure()[1], torch.zeros(1, 4), ["a", "b"])
