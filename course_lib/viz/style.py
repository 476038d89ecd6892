"""One figure style for the whole book.

A figure sits on a near-white card in the light and in the dark page, so that one set of colours serves both. The
colours are Okabe and Ito's (2008), which people with colour-blindness can tell apart; always use a second cue as well
(marker, dash, label).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

PAPER = "#fbfbf9"  # the card behind every figure, light page or dark
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5c5c5c"]
BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, GREY = COLOURS
DOTS_PER_INCH = 200  # twice the 100 pixels an inch at which a page shows a figure
STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#444444",
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.labelsize": 10.5,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.dpi": DOTS_PER_INCH,
    "figure.facecolor": PAPER,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "image.cmap": "viridis",
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "scatter.edgecolors": "none",
}


def figure(rows: int = 1, columns: int = 1, width: float = 7.0, *, height: float = 3.6, **subplots):
    """An empty figure in the course's style; matplotlib's own settings stay as they are.

    Args:
        rows, columns: The grid of axes.
        width, height: Inches; 7 inches fill the page's text column.
        **subplots: Passed to `Figure.subplots` (sharex, gridspec_kw, subplot_kw ...).

    Returns:
        The figure, and one axes or an array of axes as `matplotlib.pyplot.subplots` gives them.
    """
    with mpl.rc_context(STYLE):
        made = Figure(figsize=(width, height))
        return made, made.subplots(rows, columns, **subplots)


def show_images(axes: Sequence, images: Sequence, titles: Sequence[str] = (), **imshow) -> None:
    """Draw one picture in each axes, without ticks or grid.

    Args:
        axes: Axes, in reading order.
        images: Arrays or tensors (H, W), or (H, W, 3) in [0, 1] or uint8.
        titles: One above each picture, or none.
        **imshow: Passed to matplotlib's `imshow` (cmap, vmin, vmax, interpolation ...).
    """
    for index, (ax, picture) in enumerate(zip(axes, images, strict=True)):
        ax.imshow(picture, **imshow)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(False)
        if titles:
            ax.set_title(titles[index])
