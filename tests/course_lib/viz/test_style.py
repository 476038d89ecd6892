"""The one style: it does not leak, its colours can be told apart, its text can be read on its paper."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from skimage.color import rgb2lab

from course_lib.viz import COLOURS, PAPER, figure, show_images
from course_lib.viz.style import STYLE


def luminance(colour: str) -> float:
    """Relative luminance of the Web Content Accessibility Guidelines."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_figure_has_the_style_and_leaves_matplotlibs_own_alone():
    before = dict(mpl.rcParams)
    fig, axes = figure(2, 3, width=6, height=4, sharex=True)
    assert dict(mpl.rcParams) == before
    assert axes.shape == (2, 3)
    assert fig.get_size_inches().tolist() == [6, 4]
    assert to_hex(fig.get_facecolor()) == to_hex(axes[0, 0].get_facecolor()) == PAPER
    assert not axes[0, 0].spines["top"].get_visible()
    assert [to_hex(axes[0, 0].plot([0, 1])[0].get_color()) for _ in range(2)] == COLOURS[:2]


def test_text_and_axes_can_be_read_on_the_paper():
    ink = max(luminance(STYLE["axes.edgecolor"]), luminance("black"))
    assert (luminance(PAPER) + 0.05) / (ink + 0.05) > 7


def test_no_two_colours_are_close():
    lab = {colour: rgb2lab(np.array(to_rgb(colour))[None, None])[0, 0] for colour in COLOURS}
    assert len(lab) == 7
    assert min(np.linalg.norm(lab[a] - lab[b]) for a, b in itertools.combinations(COLOURS, 2)) > 25


def test_images_are_shown_without_ticks_under_their_titles():
    _, axes = figure(1, 2)
    show_images(axes, [np.zeros((4, 5)), np.ones((4, 5, 3))], ["dark", "light"], cmap="gray", vmin=0, vmax=1)
    for ax, title in zip(axes, ["dark", "light"], strict=True):
        assert ax.get_title() == title
        assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0
        assert ax.images[0].get_array().shape[:2] == (4, 5)


def test_as_many_pictures_as_axes():
    _, axes = figure(1, 2)
    with pytest.raises(ValueError, match="zip"):
        show_images(axes, [np.zeros((2, 2))])
