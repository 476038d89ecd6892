"""Chapter 14's two demonstrations draw every setting, and a live kernel shows their controls."""

from __future__ import annotations

import numpy as np
import pytest

from course_book.paths import CHAPTERS

from .demonstrations import draw, live_controls, namespace, sources

NAME = "14_sequence_learning"
MARKS = ("pin(0)", "writer = captioner", "def attended(", "noise = torch.randn", "def lags(", "def look(")


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, MARKS))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "LSTM, open gates"])
@pytest.mark.parametrize("gain", [0.5, 0.9, 1.1, 1.5, 3.0])
def test_every_gain_is_drawn_with_its_gradient(space, kind, gain):
    made, caption = draw(space, "lags", kind, gain)
    line = made.axes[0].lines[0].get_ydata()
    assert len(line) == 60
    assert line[0] == pytest.approx(1)
    assert f"{float(line[-1]):.1e}" in caption
    if kind == "RNN":
        bound = np.asarray(made.axes[0].lines[1].get_ydata())
        assert bound == pytest.approx([gain**k for k in range(60)])


def test_open_gates_keep_what_closed_ones_lose(space):
    closed, opened = (space["faded"](kind, 0.9) for kind in ("LSTM", "LSTM, open gates"))
    assert opened[-1] / opened[0] > 1e4 * closed[-1] / closed[0]


@pytest.mark.parametrize("word", [1, 3, 20])
def test_a_word_of_the_caption_is_lit(space, word):
    k = next(k for k, words in enumerate(space["said"]) if len(words) > 5)
    made, caption = draw(space, "look", k, word)
    words = space["said"][k]
    place = min(word, len(words)) - 1
    assert words[place].upper() in caption
    assert made.axes[1].get_title() == f"“{words[place]}”"
    plain, lit = (np.asarray(ax.images[0].get_array(), dtype=float) for ax in made.axes)
    colour = [np.ptp(picture, axis=2) for picture in (plain, lit)]  # how far a pixel is from grey
    assert (colour[1] <= colour[0] + 1e-6).all()
    assert colour[1].mean() < 0.7 * colour[0].mean()


def test_live_controls():
    calls = sources(NAME, ["explore("])
    assert len(calls) == 2
    assert live_controls(sources(NAME, MARKS), calls) == {"Dropdown": 2, "IntSlider": 1, "SelectionSlider": 1}


def test_every_application_leads_to_a_section_or_a_paper():
    text = (CHAPTERS / "text" / f"{NAME}.md").read_text(encoding="utf-8")
    rows = text.split("(sequence-applications)=")[1].split("## What practitioners")[0].splitlines()
    kept = [row for row in rows if row.startswith("| ") and not row.startswith(("| problem", "| :"))]
    names = ("speech", "music", "translation", "video", "mood", "lip", "captions")
    assert all(any(name in row for row in kept) for name in names)
    for row in kept:
        where = row.rstrip("| ").rsplit("|", 1)[1]
        assert any(sign in where for sign in ("{ref}", "{footcite:p}", "this chapter")), row
