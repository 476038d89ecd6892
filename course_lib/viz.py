"""One figure style for the whole book, and the rule that no picture goes without words.

`figure` makes an empty matplotlib figure in the course's style; `show` displays it, and refuses to without alt text and
a caption; `table` displays rows as a table; `explore` puts sliders on a drawing function.

A figure sits on a near-white card in the light and in the dark page, so that one set of colours serves both. The
colours are Okabe and Ito's (2008), which people with colour-blindness can tell apart; always use a second cue as well
(marker, dash, label).
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence

import matplotlib as mpl
from IPython.display import Markdown, display
from matplotlib.figure import Figure
from PIL import Image

PAPER = "#fbfbf9"  # the card behind every figure, light page or dark
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5c5c5c"]
BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, GREY = COLOURS
DOTS_PER_INCH = 144
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#444444",
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.labelsize": 10.5,
    "axes.prop_cycle": mpl.cycler(color=COLOURS),
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
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "scatter.edgecolors": "none",
}


def figure(rows: int = 1, columns: int = 1, width: float = 7.0, height: float = 3.6, **subplots):
    """An empty figure in the course's style.

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


def show(made: Figure, caption: str, alt: str, name: str | None = None) -> None:
    """Display a figure with its caption and its alternative text.

    Args:
        made: A figure from `figure`.
        caption: What to see in it: a full sentence or two, Markdown allowed.
        alt: The same for somebody who does not see the picture: what is drawn and what it shows.
        name: Label for references from the text, such as "fig-ridge-paths".

    Raises:
        ValueError: If the caption or the alt text is missing or too short to say anything.
    """
    for what, words in (("caption", caption), ("alt", alt)):
        if len(words.split()) < 4:
            raise ValueError(f"{what} must say what the figure shows in at least four words, not {words!r}")
    width = round(made.get_figwidth() * 100)
    notes = {"image/png": {"alt": alt, "width": width}, "course": {"caption": caption, "name": name}}
    display({"image/png": _png(made), "text/plain": f"[figure] {alt}"}, raw=True, metadata=notes)
    display(Markdown(f"*{caption}*"), metadata={"course": {"is_caption": True}})


def _png(made: Figure) -> bytes:
    """The figure as a small PNG, byte for byte the same on every run: at most 256 colours and no date inside."""
    full = io.BytesIO()
    with mpl.rc_context(STYLE):
        made.savefig(full, format="png", dpi=DOTS_PER_INCH, facecolor=PAPER)
    small = io.BytesIO()
    Image.open(full).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE).save(small, "PNG", optimize=True)
    return small.getvalue()


class Table:
    """Rows with a header: Markdown in a notebook and in the book, aligned text in a terminal."""

    def __init__(self, rows: Sequence[Sequence[object]], header: Sequence[str]):
        wrong = [row for row in rows if len(row) != len(header)]
        if not rows or wrong:
            raise ValueError(f"every row needs {len(header)} cells as the header has; got {wrong[0] if wrong else 'no rows'}")
        self.header = list(header)
        self.rows = [[str(cell) for cell in row] for row in rows]

    def _repr_markdown_(self) -> str:
        numeric = [all(_is_number(row[i]) for row in self.rows) for i in range(len(self.header))]
        rule = ["---:" if right else ":---" for right in numeric]
        return "\n".join("| " + " | ".join(line) + " |" for line in [self.header, rule, *self.rows])

    def __repr__(self) -> str:
        widths = [max(len(line[i]) for line in [self.header, *self.rows]) for i in range(len(self.header))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
                 for line in [self.header, *self.rows]]  # fmt: skip
        return "\n".join(lines)


def _is_number(text: str) -> bool:
    return bool(text.strip("+-−–%× ≈<>")) and all(c in "0123456789.,e+-−%×±≈<> " for c in text)


def table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> None:
    """Display rows as a table; cells are shown with `str`, so round numbers before.

    Args:
        rows: One sequence of cells a row.
        header: Column titles.

    Raises:
        ValueError: If there are no rows or a row is shorter or longer than the header.
    """
    display(Table(rows, header))


def explore(draw: Callable[..., None], **controls) -> None:
    """Put sliders on a drawing function; on a printed page, draw it once with the controls' first values.

    Args:
        draw: A function that takes one keyword argument for each control and calls `show`.
        **controls: ipywidgets controls, such as rate=FloatSlider(0.1, min=0, max=1).
    """
    if os.environ.get("COURSE_STATIC"):
        draw(**{name: control.value for name, control in controls.items()})
        return
    from ipywidgets import HBox, VBox, interactive_output

    for name, control in controls.items():
        control.description = control.description or name.replace("_", " ")
        control.continuous_update = False
    display(VBox([HBox(list(controls.values())), interactive_output(draw, controls)]))
