"""The book's own Chinese letters: a subset of Noto Sans CJK SC, so that 卷积 shows where no such font is installed.

`python -m course_book font` makes chapters/_static/course-han.woff from an installed Noto Sans CJK (Debian and Ubuntu:
apt-get install fonts-noto-cjk). It has the letters that the chapters use and those that it had before; a test says when
one is missing. Licence: SIL Open Font License 1.1, in course-han.LICENSE beside it. matplotlib cannot read that kind of
file, so the words of the course's Chinese captions have one of their own for figures, course_lib/viz/han.otf.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

from course_book.paths import CHAPTERS, ROOT

FONT = CHAPTERS / "_static" / "course-han.woff"
FIGURES = ROOT / "course_lib" / "viz" / "han.otf"
FAMILY = "Course Han"
WANTED = "Noto Sans CJK SC"
PLACES = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts")
CHINESE = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")


def letters_used() -> set[str]:
    """Chinese letters and signs in the chapters: texts, lists, stored outputs."""
    kinds = ("*.md", "text/*.md", "*.yml", "*.ipynb")
    texts = (path.read_text(encoding="utf-8") for kind in kinds for path in CHAPTERS.glob(kind))
    return {letter for text in texts for letter in CHINESE.findall(text)}


def caption_letters() -> set[str]:
    """Chinese letters and signs of the captions' vocabulary, read from its source."""
    folder = ROOT / "course_lib" / "data" / "scenes"
    return set(CHINESE.findall("".join((folder / name).read_text("utf-8") for name in ("chinese.py", "parallel.py"))))


def letters_of(path: Path = FONT) -> set[str]:
    """Letters that a font file has; none if there is no file.

    Args:
        path: Of the file.
    """
    return set(map(chr, TTFont(path).getBestCmap())) if path.exists() else set()


def make_font(letters: set[str], path: Path = FONT) -> int:
    """Write the subset with some letters and those that the file has already.

    Args:
        letters: What it must have.
        path: Where to.

    Returns:
        The number of its letters.

    Raises:
        ValueError: If no Noto Sans CJK is installed.
    """
    font = _installed()
    options = subset.Options(layout_features=[], hinting=False, name_IDs=[], notdef_outline=True, drop_tables=["DSIG"])
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=map(ord, letters | letters_of(path)))
    cutter.subset(font)
    font.flavor = "woff" if path.suffix == ".woff" else None
    written = io.BytesIO()
    font.save(written)
    path.write_bytes(written.getvalue())
    return len(font.getBestCmap())


def _installed() -> TTFont:
    """The regular face of Noto Sans CJK SC."""
    for file in (f for place in PLACES for f in sorted(Path(place).rglob("NotoSansCJK-Regular.ttc"))):
        for font in TTCollection(file, lazy=True).fonts:
            if font["name"].getDebugName(1) == WANTED:
                return font
    raise ValueError(f"{WANTED} is not installed; on Debian and Ubuntu: apt-get install fonts-noto-cjk")
