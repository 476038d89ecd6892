"""Chinese words of the captions can be drawn on a machine without a Chinese font."""

from __future__ import annotations

import warnings

from matplotlib.ft2font import FT2Font

from course_lib.data.scenes.parallel import CHINESE
from course_lib.viz import figure
from course_lib.viz.han import HAN


def test_every_letter_of_the_vocabulary_is_there():
    letters = {ord(letter) for word in CHINESE for letter in word}
    missing = letters - set(FT2Font(HAN.get_file()).get_charmap())
    assert not missing, f"{''.join(sorted(map(chr, missing)))}: run python -m course_book font"


def test_words_are_drawn_without_a_warning():
    made, ax = figure()
    ax.set_yticks(range(len(CHINESE)), CHINESE, fontproperties=HAN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.canvas.draw()
