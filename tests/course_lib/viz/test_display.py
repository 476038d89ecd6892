"""No figure without words, the same bytes on every run, tables that fit, and sliders that redraw."""

from __future__ import annotations

import io
import itertools
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from IPython.display import Markdown
from PIL import Image

from course_lib.data import photograph
from course_lib.viz import BLUE, Table, display, figure, show, show_images, table

from ..refusals import refused

CAPTION = "A straight line from the origin."
ALT = "One blue line rising from left to right."


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What would be displayed: (positional arguments, keyword arguments) of each call."""
    calls: list[tuple] = []
    monkeypatch.setattr(display, "display", lambda *args, **kwargs: calls.append((args, kwargs)))
    return calls


def line():
    fig, ax = figure(width=4, height=2)
    ax.plot([0, 1], [0, 1], color=BLUE)
    ax.set(xlabel="x", ylabel="y", title="$y = x$")
    return fig


@pytest.mark.parametrize("words", ["", "   ", "Only three words", "figure"])
@pytest.mark.parametrize("which", ["caption", "alt"])
def test_refuses_a_figure_without_words(which, words, shown):
    texts = {"caption": CAPTION, "alt": ALT} | {which: words}
    wanted = f"{which} must say what the figure shows in at least four words, not {words!r}"
    with pytest.raises(ValueError, match=re.escape(wanted)):
        show(line(), **texts)
    assert shown == []


def test_shows_png_text_and_caption_with_their_metadata(shown):
    show(line(), CAPTION, ALT, name="fig-line")
    (args, kwargs), (caption_args, caption_kwargs) = shown
    assert kwargs["raw"] is True
    assert args[0]["text/plain"] == f"[figure] {ALT}"
    assert kwargs["metadata"] == {
        "image/png": {"alt": ALT, "width": 400},
        "course": {"caption": CAPTION, "name": "fig-line"},
    }
    assert isinstance(caption_args[0], Markdown)
    assert caption_args[0].data == f"*{CAPTION}*"
    assert caption_kwargs == {"metadata": {"course": {"is_caption": True}}}


def stored(shown) -> tuple[str, bytes]:
    """Kind and bytes of the one picture that was displayed."""
    (found,) = [(kind, data) for kind, data in shown[0][0][0].items() if kind.startswith("image/")]
    return found


def test_a_plot_is_a_small_png_of_twice_the_size_without_a_date_and_the_same_bytes_each_time(shown):
    for _ in range(2):
        show(line(), CAPTION, ALT)
    first, second = (shown[i][0][0]["image/png"] for i in (0, 2))
    assert first == second
    picture = Image.open(io.BytesIO(first))
    assert picture.format == "PNG"
    assert picture.mode == "P"
    assert picture.size == (2 * 400, 2 * 200)
    assert picture.info == {}  # neither time nor software
    assert len(first) < 30_000
    assert len({picture.convert("RGB").getpixel(xy) for xy in ((0, 0), (799, 399))}) == 1  # the card


@pytest.mark.filterwarnings("error")
def test_a_slow_machine_puts_no_warning_into_a_notebook(shown, monkeypatch):
    """matplotlib warns when finding the best place of a legend took it a second, which a busy machine decides."""
    clock = itertools.count(0, 100)
    fig = line()
    fig.axes[0].lines[0].set_label("a line")
    fig.axes[0].legend()
    monkeypatch.setattr("matplotlib.legend.time.perf_counter", lambda: next(clock))
    show(fig, CAPTION, ALT)
    assert next(clock) > 0, "the clock was not asked"
    assert len(shown) == 2


@pytest.mark.filterwarnings("error")
def test_other_warnings_are_let_through(shown):
    fig = line()
    fig.axes[0].set_title("\N{HANGUL SYLLABLE GA}")  # a letter that the font lacks
    with pytest.raises(UserWarning, match="missing from font"):
        show(fig, CAPTION, ALT)


def test_a_font_list_that_takes_long_is_made_in_silence(tmp_path):
    """matplotlib's timer of five seconds is made to ring at once, in a home without a list."""
    code = (
        "import threading\n"
        "methods = lambda f: {'start': lambda self: f(), 'cancel': lambda self: None}\n"
        "threading.Timer = lambda seconds, f: type('Rings', (), methods(f))()\n"
    )
    for then, silent in (("import matplotlib.font_manager", False), ("import course_lib.viz", True)):
        home = tmp_path / str(silent)
        home.mkdir()
        environment = {**os.environ, "MPLCONFIGDIR": str(home)}
        command = [sys.executable, "-c", code + then]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert ("building the font cache" not in done.stderr) == silent, done.stderr
        assert any(home.glob("fontlist-*.json"))


def test_png_holds_what_was_drawn(shown):
    show(line(), CAPTION, ALT)
    colours = Image.open(io.BytesIO(shown[0][0][0]["image/png"])).convert("RGB").getcolors(1 << 20)
    blue = tuple(int(BLUE[i : i + 2], 16) for i in (1, 3, 5))
    assert max(sum(abs(a - b) for a, b in zip(colour, blue, strict=True)) < 12 for _, colour in colours)


def test_a_photograph_is_a_jpeg_that_keeps_its_colours(shown):
    made = figure(1, 1, width=2.0, height=2.0)[0]
    photo = photograph("astronaut", 200)
    axes = made.axes[0]
    axes.imshow(photo.permute(1, 2, 0).numpy())
    axes.axis("off")
    for _ in range(2):
        show(made, CAPTION, ALT)
    kind, data = stored(shown)
    assert kind == "image/jpeg"
    assert data == shown[2][0][0]["image/jpeg"]
    assert shown[0][1]["metadata"]["image/jpeg"] == {"alt": ALT, "width": 200}
    kept = Image.open(io.BytesIO(data))
    assert kept.size == (400, 400)
    assert not kept.getexif()
    drawn = np.asarray(made.canvas.buffer_rgba())[..., :3].astype(float)
    error = np.abs(np.asarray(kept.convert("RGB"), float) - drawn)
    assert error.mean() < 2.5  # of 255
    assert len(np.unique(np.asarray(kept).reshape(-1, 3), axis=0)) > 5_000  # no palette


@pytest.mark.parametrize(("height", "pictures"), [(2.6, 2), (2.5, 3), (1.35, 3)])
def test_titles_above_pictures_are_not_cut_off(height, pictures):
    """Pictures are square, so that layout in one round takes the room of their titles from what it does not have."""
    fig, axes = figure(1, 3, height=height)
    show_images(axes[:pictures], [np.eye(3)] * pictures, ["the secret kernel"] * pictures)
    for ax in axes[pictures:]:
        ax.semilogy([0.4, 0.03])
        ax.set(xlabel="step", ylabel="distance")
    _, stored = display.encode(fig)
    edge = np.asarray(Image.open(io.BytesIO(stored)).convert("L"))[:3]
    assert edge.min() > 230, "ink at the upper edge"


def test_table_in_markdown_and_plain_text():
    made = Table([["ridge", 0.25, "12 %"], ["least squares", -1.5, "3 %"]], ["method", "error", "share"])
    assert made._repr_markdown_().splitlines() == [
        "| method | error | share |",
        "| :--- | ---: | ---: |",
        "| ridge | 0.25 | 12 % |",
        "| least squares | -1.5 | 3 % |",
    ]
    assert repr(made).splitlines() == [
        "method         error  share",
        "ridge          0.25   12 %",
        "least squares  -1.5   3 %",
    ]


def test_a_bar_in_a_cell_does_not_open_a_column():
    assert Table([["|w|", 1]], ["a", "b"])._repr_markdown_().splitlines()[2] == r"| \|w\| | 1 |"


@pytest.mark.parametrize("rows", [[], [[1, 2], [3]], [[1, 2, 3]]])
def test_table_refuses_rows_that_do_not_fit(rows, shown):
    refused(lambda: table(rows, ["a", "b"]), r"every row needs 2 cells as the header has; got")
    assert shown == []


def test_table_is_displayed(shown):
    table([[1, 2]], ["a", "b"])
    assert isinstance(shown[0][0][0], Table)
