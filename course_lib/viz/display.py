"""No picture without words: figures with caption and alternative text, and tables."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from IPython.display import Markdown, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course_lib.viz.style import DOTS_PER_INCH, PAPER

DOTS_OF_MANY = 120  # for the pictures of a demonstration, of which a page holds up to 24


@dataclass(frozen=True)
class Shown:
    """A figure as it is stored: its kind (image/png or image/jpeg), bytes, width in pixels on the page, and words."""

    kind: str
    data: bytes
    width: int
    caption: str
    alt: str


_KEPT: ContextVar[list[Shown] | None] = ContextVar("_KEPT", default=None)


@contextmanager
def kept() -> Iterator[list[Shown]]:
    """Collect what `show` would display while the block runs."""
    found: list[Shown] = []
    token = _KEPT.set(found)
    try:
        yield found
    finally:
        _KEPT.reset(token)


def show(made: Figure, caption: str, alt: str, *, name: str | None = None) -> None:
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
    collector = _KEPT.get()
    dots = DOTS_PER_INCH if collector is None else DOTS_OF_MANY
    shown = Shown(*encode(made, dots), round(made.get_figwidth() * 100), caption, alt)
    if collector is not None:
        collector.append(shown)
    else:
        display_shown(shown, {"name": name})


def display_shown(shown: Shown, notes: dict) -> None:
    """Display a stored figure and, for notebooks, its caption below it; `notes` lie beside the caption."""
    course = {"caption": shown.caption, **notes}
    metadata = {shown.kind: {"alt": shown.alt, "width": shown.width}, "course": course}
    display({shown.kind: shown.data, "text/plain": f"[figure] {shown.alt}"}, raw=True, metadata=metadata)
    display(Markdown(f"*{shown.caption}*"), metadata={"course": {"is_caption": True}})


def encode(made: Figure, dots: int = DOTS_PER_INCH) -> tuple[str, bytes]:
    """The figure as a picture, the same bytes on every run, without a date.

    Plots become PNG with at most 256 colours, crisp and small. Figures that hold pictures become JPEG in full colour:
    256 colours would tear skies and skin into bands.

    Args:
        made: From `figure`.
        dots: Pixels an inch.

    Returns:
        The kind, image/png or image/jpeg, and the bytes.
    """
    made.set(dpi=dots, facecolor=PAPER)
    canvas = FigureCanvasAgg(made)
    with warnings.catch_warnings():  # a busy machine finds the place of a legend slowly; that is no fault of the figure
        warnings.filterwarnings("ignore", message='Creating legend with loc="best" can be slow')
        if engine := made.get_layout_engine():
            engine.execute(made)  # drawing does it again, and then knows where the titles of square pictures are
        canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    drawn = Image.fromarray(pixels)
    stored = io.BytesIO()
    if any(ax.images for ax in made.axes):
        drawn.save(stored, "JPEG", quality=86, subsampling=0, optimize=True)
        return "image/jpeg", stored.getvalue()
    colours = Image.fromarray(pixels[::2, ::2].copy()).quantize(256, method=Image.Quantize.MAXCOVERAGE)
    drawn.quantize(palette=colours, dither=Image.Dither.NONE).save(stored, "PNG", compress_level=6)
    return "image/png", stored.getvalue()


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
