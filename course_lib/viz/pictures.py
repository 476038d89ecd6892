"""Drawing what chapters show again and again: grey pictures, labels in colours, error maps, and keys beside them.

One meaning a colour: class k has CLASS_COLOURS[k] in every panel of the book. The ten colours stay apart for readers
with protanopia, deuteranopia and tritanopia (Machado, Oliveira, Fernandes 2009): at least 16 units of CIELAB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from course_lib.viz.style import BLUE, GREEN, ORANGE, PINK, SKY, YELLOW, show_images

CLASS_COLOURS = [BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, "#332033", "#8020f2", "#6c200d", "#cccc80"]
NOTHING = "#e8e8e4"  # pixels without a label
TINTS = ["#c9dff2", "#d6c9ae", "#f3f0ea"]  # what is only background: paler than all classes


def show_grey(axes: Sequence[Axes], images: Sequence, titles: Sequence[str] = (), *, low: float = 0.0,
              high: float = 1.0) -> None:  # fmt: skip
    """Grey pictures that can be compared: the same value is the same grey in every panel.

    Args:
        axes: Axes, in reading order.
        images: Arrays or tensors (H, W).
        titles: One above each picture, or none.
        low, high: The values that are black and white.
    """
    show_images(axes, images, titles, cmap="gray", vmin=low, vmax=high)


def class_picture(labels: Any, background: Sequence[int] = ()) -> np.ndarray:
    """Labels as colours.

    Args:
        labels: Array or tensor (..., H, W) of integers, -1 for none; classes beyond ten start again.
        background: Up to three classes that are drawn in pale tints instead, in the order of TINTS.

    Returns:
        (..., H, W, 3) in [0, 1].
    """
    labels = np.asarray(labels)
    palette = np.array([_rgb(colour) for colour in CLASS_COLOURS])
    picture = np.where((labels >= 0)[..., None], palette[labels % len(palette)], _rgb(NOTHING))
    for name, tint in zip(background, TINTS, strict=False):
        picture[labels == name] = _rgb(tint)
    return picture


def class_key(ax: Axes, names: Sequence[str], classes: Sequence[int] | None = None) -> None:
    """A key of class colours in an axes of its own.

    Args:
        ax: Emptied.
        names: Of all classes, in their order.
        classes: Those to list; all without it.
    """
    chosen = range(len(names)) if classes is None else classes
    colours = [CLASS_COLOURS[k % len(CLASS_COLOURS)] for k in chosen]
    marks = [Line2D([], [], color=colour, marker="s", linestyle="", markersize=8) for colour in colours]
    ax.axis("off")
    ax.legend(marks, [names[k] for k in chosen], loc="center", frameon=False, fontsize=8)


def show_errors(axes: Sequence[Axes], errors: Sequence, titles: Sequence[str] = (), *, largest: float) -> None:
    """Signed errors around white: blue below, red above, the same scale in every panel.

    Args:
        axes: Axes, in reading order.
        errors: Arrays or tensors (H, W).
        titles: One above each picture, or none.
        largest: The size of error that gets the full colour.
    """
    show_images(axes, errors, titles, cmap="RdBu_r", vmin=-largest, vmax=largest)


def show_depth(axes: Sequence[Axes], depths: Sequence, titles: Sequence[str] = (), *, nearest: float,
               farthest: float) -> None:  # fmt: skip
    """Depth maps, near is bright, the same scale in every panel; a colour bar in metres at the last one."""
    show_images(axes, depths, titles, cmap="cividis_r", vmin=nearest, vmax=farthest)
    last = list(axes)[-1]
    last.figure.colorbar(last.images[0], ax=list(axes), label="metres", shrink=0.8)


def flow_key(ax: Axes, colours: Any) -> None:
    """The wheel that says which colour is which direction of motion.

    Args:
        ax: Emptied.
        colours: A picture (3, S, S) or (S, S, 3) of the flow that points outwards from its middle; `flow_to_color` of
            such a flow makes it.
    """
    picture = np.asarray(colours)
    picture = np.moveaxis(picture, 0, -1) if picture.shape[0] == 3 else picture
    y, x = np.mgrid[-1 : 1 : picture.shape[0] * 1j, -1 : 1 : picture.shape[1] * 1j]
    inside = (x**2 + y**2 <= 1)[..., None]
    show_images([ax], [np.where(inside, picture, 1.0)], ["direction of motion"])


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
