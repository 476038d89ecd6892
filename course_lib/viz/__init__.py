"""Figures, tables and sliders in the course's one style; see `style`, `display` and `plane`."""

from course_lib.viz import fonts  # noqa: F401 - before anything else that imports matplotlib
from course_lib.viz.boxes import draw_boxes
from course_lib.viz.display import Table, show, table
from course_lib.viz.explore import explore
from course_lib.viz.pictures import (
    CLASS_COLOURS,
    class_key,
    class_picture,
    flow_key,
    show_depth,
    show_errors,
    show_grey,
)
from course_lib.viz.plane import draw_contours, draw_regions, draw_samples, plane_points
from course_lib.viz.style import BLUE, COLOURS, GREEN, GREY, ORANGE, PAPER, PINK, SKY, YELLOW, figure, show_images

__all__ = [
    "BLUE",
    "CLASS_COLOURS",
    "COLOURS",
    "GREEN",
    "GREY",
    "ORANGE",
    "PAPER",
    "PINK",
    "SKY",
    "YELLOW",
    "Table",
    "class_key",
    "class_picture",
    "draw_boxes",
    "draw_contours",
    "draw_regions",
    "draw_samples",
    "explore",
    "figure",
    "flow_key",
    "plane_points",
    "show",
    "show_depth",
    "show_errors",
    "show_grey",
    "show_images",
    "table",
]
