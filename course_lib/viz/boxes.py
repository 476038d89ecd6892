"""Frames around what was found: one way to draw boxes for all chapters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from course_lib.viz.style import ORANGE


def draw_boxes(ax: Axes, boxes: Any, names: Sequence[str] = (), *, colour: str | Sequence[str] = ORANGE,
               width: float = 1.6, dashed: bool = False) -> None:  # fmt: skip
    """Draw frames over a picture that `imshow` has drawn.

    Args:
        ax: Axes with the picture.
        boxes: Tensor or array (N, 4) xyxy in pixels, where 0 is the left edge of the first pixel.
        names: A word above each frame, or none.
        colour: Of all frames, or one for each.
        width: Of the lines, points.
        dashed: Dashed lines, as for what is true beside what was found.

    Raises:
        ValueError: For another number of names or colours than boxes.
    """
    colours = [colour] * len(boxes) if isinstance(colour, str) else list(colour)
    words = list(names) or [""] * len(boxes)
    if len(colours) != len(boxes) or len(words) != len(boxes):
        raise ValueError(f"{len(boxes)} boxes, but {len(words)} names and {len(colours)} colours")
    for box, word, paint in zip(boxes, words, colours, strict=True):
        x0, y0, x1, y1 = (float(side) - 0.5 for side in box)  # imshow puts the middle of the first pixel at 0
        ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec=paint, lw=width, ls="--" if dashed else "-"))
        if word:
            ax.text(x0, y0, word, fontsize=7, color="white", va="bottom", ha="left", clip_on=False,
                    bbox={"facecolor": paint, "edgecolor": "none", "pad": 1.0})  # fmt: skip
