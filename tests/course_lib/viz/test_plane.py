"""What is drawn on a plane sits where the data say."""

from __future__ import annotations

import pytest
import torch
from matplotlib.colors import to_hex

from course_lib.optim.surfaces import bowl
from course_lib.viz import COLOURS, draw_contours, draw_regions, draw_samples, figure, plane_points


def test_grid_has_x_along_the_second_axis():
    xs, ys, points = plane_points((0, 2), (-1, 1), 5)
    assert points.shape == (5, 5, 2)
    assert points.dtype == torch.float64
    assert xs.tolist() == [0, 0.5, 1, 1.5, 2]
    assert torch.equal(points[0, :, 0], xs)
    assert torch.equal(points[:, 0, 1], ys)


def test_contours_lie_at_their_heights():
    _, ax = figure()
    draw_contours(ax, bowl, (-2, 2), y_range=(-1, 1), levels=[0.125, 0.5])
    lines = ax.collections[-1]
    for path, height in zip(lines.get_paths(), (0.125, 0.5), strict=True):
        assert bowl(torch.from_numpy(path.vertices)).numpy() == pytest.approx(height, rel=0.02)
    assert ax.get_xlim() == pytest.approx((-2, 2))
    assert ax.get_ylim() == pytest.approx((-1, 1))


def test_regions_have_the_colour_of_their_class_and_the_border_where_it_is():
    _, ax = figure()
    draw_regions(ax, lambda p: (p[:, 0] > 0.5).long() * 2, (0, 1), y_range=(0, 1))
    mesh, border = ax.collections
    classes = mesh.get_array().reshape(200, 200)
    assert (classes[:, :99] == 0).all()
    assert (classes[:, 101:] == 2).all()
    assert to_hex(mesh.to_rgba(2)) == COLOURS[2]
    assert border.get_paths()[0].vertices[:, 0] == pytest.approx(0.5, abs=0.01)


def test_samples_differ_by_colour_and_marker_and_stand_at_their_places():
    _, ax = figure()
    X = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    draw_samples(ax, X, torch.tensor([1, 0, 1]), names=["first", "second"])
    zero, one = ax.collections
    assert zero.get_offsets().tolist() == [[2, 3]]
    assert one.get_offsets().tolist() == [[0, 1], [4, 5]]
    assert [to_hex(c.get_facecolor()[0]) for c in (zero, one)] == COLOURS[:2]
    assert zero.get_paths()[0].vertices.shape != one.get_paths()[0].vertices.shape
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["first", "second"]


def test_samples_without_names_have_no_legend():
    _, ax = figure()
    draw_samples(ax, torch.zeros(1, 2), torch.tensor([0]))
    assert ax.get_legend() is None
