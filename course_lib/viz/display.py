"""No picture without words: figures with caption and alternative text, tables, and sliders on drawing functions."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from IPython.display import Markdown, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course_lib.viz.style import DOTS_PER_INCH, PAPER


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
    for legend in filter(None, (ax.get_legend() for ax in made.axes)):
        legend.get_frame().set(facecolor=PAPER, edgecolor=PAPER)
    width = round(made.get_figwidth() * 100)
    notes = {"image/png": {"alt": alt, "width": width}, "course": {"caption": caption, "name": name}}
    display({"image/png": _png(made), "text/plain": f"[figure] {alt}"}, raw=True, metadata=notes)
    display(Markdown(f"*{caption}*"), metadata={"course": {"is_caption": True}})


def _png(made: Figure) -> bytes:
    """The figure as a small PNG, byte for byte the same on every run: at most 256 colours and no date inside.

    Figures with pictures in them are dithered, so that skies and skin do not fall into bands, and have three quarters
    of the resolution, because dithered pictures compress badly.
    """
    pictures = any(ax.images for ax in made.axes)
    made.set(dpi=DOTS_PER_INCH * (0.75 if pictures else 1), facecolor=PAPER)
    canvas = FigureCanvasAgg(made)
    with warnings.catch_warnings():  # a busy machine finds the place of a legend slowly; that is no fault of the figure
        warnings.filterwarnings("ignore", message='Creating legend with loc="best" can be slow')
        canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    if pictures:
        colours = drawn.reduce(3).quantize(256, method=Image.Quantize.MAXCOVERAGE)  # far faster, as good
        paletted = drawn.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG)
    else:
        paletted = drawn.quantize(256, method=Image.Quantize.MAXCOVERAGE)
    small = io.BytesIO()
    paletted.save(small, "PNG", optimize=True)
    return small.getvalue()


class Table:
    """Rows with a header: Markdown in a notebook and in the book, aligned text in a terminal."""

    def __init__(self, rows: Sequence[Sequence[object]], header: Sequence[str]):
        wrong = [row for row in rows if len(row) != len(header)]
        if not rows or wrong:
            raise ValueError(
                f"every row needs {len(header)} cells as the header has; got {wrong[0] if wrong else 'no rows'}"
            )
        self.header = list(header)
        self.rows = [[str(cell) for cell in row] for row in rows]

    def _repr_markdown_(self) -> str:
        numeric = [all(_is_number(row[i]) for row in self.rows) for i in range(len(self.header))]
        rule = ["---:" if right else ":---" for right in numeric]
        lines = [[cell.replace("|", "\\|") for cell in line] for line in [self.header, rule, *self.rows]]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

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
