"""Chinese letters in figures, for the words of the course's Chinese captions (chapters 14 and 15).

matplotlib brings DejaVu Sans, which has none, and a reader's machine may have none either:
`ax.set_yticks(places, words, fontproperties=HAN)`. The file is a subset of Noto Sans CJK SC, SIL Open Font License 1.1,
written by `python -m course_book font`.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.font_manager import FontProperties

HAN = FontProperties(fname=Path(__file__).with_name("han.otf"))
