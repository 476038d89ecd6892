"""Diagrams of networks: words in boxes, joined by arrows that begin and end at the boxes' edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.text import Text

from course_lib.viz.style import GREY

FILL, EDGE = "#dbe9f6", "#33556b"


def draw_diagram(
    ax: Axes,
    boxes: Mapping[str, tuple[float, float, str]],
    arrows: Iterable[tuple],
    *,
    size: float = 10,
    fill: Mapping[str, str] | None = None,
) -> dict[str, Text]:
    """Draw boxes and arrows on axes that show nothing else.

    Args:
        ax: Gets limits around the boxes, and no frame.
        boxes: `{name: (x, y, text)}`; a name that begins with `_` is drawn as bare text.
        arrows: `(from, to)`, `(from, to, colour)` or `(from, to, colour, bend)`; bend 0 is straight, 0.3 a bow.
        size: Of the letters, in points.
        fill: Colours of boxes by name, where they differ.

    Returns:
        The boxes by name, as matplotlib's texts.

    Raises:
        ValueError: If an arrow names a box that is not there.
    """
    fill, drawn = fill or {}, {}
    for name, (x, y, words) in boxes.items():
        frame = {"boxstyle": "round,pad=0.35", "fc": fill.get(name, FILL), "ec": EDGE, "lw": 0.8}
        bare = {"boxstyle": "square,pad=0.15", "fc": "none", "ec": "none"}
        style = bare if name.startswith("_") else frame
        drawn[name] = ax.text(x, y, words, ha="center", va="center", size=size, bbox=style, zorder=2)
    for start, end, *rest in arrows:
        if missing := {start, end} - drawn.keys():
            raise ValueError(f"an arrow names {missing.pop()!r}, which is none of the boxes {', '.join(drawn)}")
        colour, bend = rest[0] if rest else GREY, rest[1] if len(rest) > 1 else 0.0
        ends = {"patchA": drawn[start].get_bbox_patch(), "patchB": drawn[end].get_bbox_patch()}
        ax.annotate("", boxes[end][:2], boxes[start][:2], zorder=3,  # after the boxes have found their places
                    arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.3, "shrinkA": 0, "shrinkB": 1,
                                "connectionstyle": f"arc3,rad={bend}", **ends})  # fmt: skip
    across, up = zip(*(box[:2] for box in boxes.values()), strict=True)
    ax.set(xlim=(min(across) - 0.6, max(across) + 0.6), ylim=(min(up) - 0.5, max(up) + 0.5))
    ax.set_axis_off()
    return drawn
