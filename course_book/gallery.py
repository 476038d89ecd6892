"""The landing page's gallery and map of the course, made from the chapters themselves while the book is built.

A chapter's picture is one of its stored figures: the one whose caption begins as `picture:` in chapters/syllabus.yml
says, else the first. What it needs is read from its paragraph "You need", so that the map and the chapter agree.
"""

from __future__ import annotations

import base64
import html
import io
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import nbformat
import yaml
from PIL import Image

from course_book.paths import CHAPTERS, ROOT, notebook_path, text_path

FOLDER = CHAPTERS / "gallery"
PLANNED = 20  # chapters in the whole course
WIDTH = 640  # pixels of a picture in the gallery, twice what a card shows
BOX, GAP, ROW = (116, 52), 14, 90  # of the map
ACROSS = 3  # boxes in a row, so that a telephone shows them at a size that can be read


@dataclass(frozen=True)
class Chapter:
    """What the landing page says of a chapter."""

    name: str
    number: int
    title: str
    chinese: str
    needs: tuple[int, ...]
    minutes: int
    picture: str  # how the caption of its picture begins


def chapters() -> list[Chapter]:
    """All chapters of the syllabus that stand, in order."""
    rows = yaml.safe_load((CHAPTERS / "syllabus.yml").read_text(encoding="utf-8"))
    return [read(row["chapter"], row.get("picture", "")) for row in rows]


def read(name: str, picture: str = "") -> Chapter:
    """Read the opening of a chapter's text.

    Args:
        name: Such as 02_optimization.
        picture: How the caption of its picture begins.

    Raises:
        ValueError: If the opening lacks its title, its Chinese title or its reading time.
    """
    text = " ".join(text_path(name).read_text(encoding="utf-8").split("\n## ", 1)[0].split())
    title = re.search(r"# (\d+)\. (.+?) \*([\u3400-\u9fff][^*]*)\*", text)
    minutes = re.search(r"Reading takes about (\d+) minutes", text)
    if not title or not minutes:
        raise ValueError(
            f"{name}: the opening wants '# N. Title', '*Chinese title*' and 'Reading takes about N minutes'"
        )
    number = int(title[1])
    asked = re.search(r"\*\*You need\*\*(.*?)Reading takes", text)
    named = re.findall(r"chapters? ([\d, and]*\d)", asked[1] if asked else "")
    needs = sorted({int(n) for words in named for n in re.findall(r"\d+", words) if int(n) < number})
    return Chapter(name, number, title[2], title[3], tuple(needs), int(minutes[1]), picture)


def picture_of(chapter: Chapter) -> tuple[bytes, str]:
    """A chapter's picture and its alternative text.

    Args:
        chapter: Whose notebook is stored.

    Raises:
        ValueError: If no figure is stored.
    """
    found = None
    for cell in nbformat.read(notebook_path(chapter.name), as_version=4).cells:
        for output in cell.get("outputs", ()):
            notes = output.get("metadata", {}).get("course", {})
            kinds = [kind for kind in ("image/jpeg", "image/png") if kind in output.get("data", {})]
            if not kinds or "caption" not in notes:
                continue
            this = base64.b64decode(output["data"][kinds[0]]), output["metadata"][kinds[0]]["alt"]
            if chapter.picture and notes["caption"].startswith(chapter.picture):
                return this
            found = found or this
    if found is None:
        raise ValueError(f"{chapter.name} has no stored figure; run: make chapter N={chapter.number:02d}")
    return found


def small(picture: bytes) -> bytes:
    """A picture as the gallery shows it: JPEG, not wider than a card needs."""
    image = Image.open(io.BytesIO(picture))
    if image.mode in ("RGBA", "P", "LA"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "#fbfbf9"), image)
    image = image.convert("RGB")
    image.thumbnail((WIDTH, 4 * WIDTH), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=85, optimize=True)
    return written.getvalue()


def cards(all_: list[Chapter], words: dict[str, str]) -> str:
    """The gallery as Markdown of sphinx-design.

    Args:
        all_: The chapters.
        words: The alternative text of each one's picture, by name.
    """
    parts = ["::::{grid} 1 2 2 2\n:gutter: 3\n:class-container: course-gallery\n"]
    for chapter in all_:
        needs = f" · builds on {_listed(chapter.needs)}" if chapter.needs else ""
        alt = " ".join(words[chapter.name].split())
        parts.append(
            f":::{{grid-item-card}} {chapter.number}. {chapter.title}\n:link: /chapters/{chapter.name}\n:link-type: doc\n"
            f":link-alt: Chapter {chapter.number}: {chapter.title}\n"
            f":img-top: /chapters/gallery/{chapter.name}.jpg\n:img-alt: {alt}\n\n"
            f"{chapter.chinese}\n\n{chapter.minutes} minutes to read{needs}\n:::\n"
        )
    return "\n".join([*parts, "::::\n"])


def _listed(numbers: tuple[int, ...]) -> str:
    """Such as "2, 5 and 6"."""
    *others, last = map(str, numbers)
    return f"{', '.join(others)} and {last}" if others else last


def rows(all_: list[Chapter]) -> list[list[Chapter]]:
    """The chapters in rows: each stands below all that it needs, at most three side by side."""
    placed: dict[int, int] = {}
    for chapter in all_:
        row = max([placed[n] + 1 for n in chapter.needs if n in placed], default=0)
        while sum(other == row for other in placed.values()) == ACROSS:
            row += 1
        placed[chapter.number] = row
    return [[c for c in all_ if placed[c.number] == row] for row in range(max(placed.values(), default=-1) + 1)]


def direct(chapter: Chapter, all_: list[Chapter]) -> list[int]:
    """What a chapter needs, without what those need anyway: the arrows of the map."""
    known = {other.number: set(other.needs) for other in all_}

    def below(number: int) -> set[int]:
        return known.get(number, set()).union(*(below(n) for n in known.get(number, ())))

    return [n for n in chapter.needs if n in known and not any(n in below(o) for o in chapter.needs)]


def course_map(all_: list[Chapter]) -> str:
    """The map as SVG: a box for each chapter, which is a link, and an arrow from what it builds on.

    Args:
        all_: The chapters.
    """
    width, height = BOX
    whole = ACROSS * width + (ACROSS - 1) * GAP + 8
    at = {}
    lines = rows(all_)
    for row, line in enumerate(lines):
        begin = (whole - len(line) * width - (len(line) - 1) * GAP) / 2
        at |= {c.number: (begin + i * (width + GAP), row * ROW + 4) for i, c in enumerate(line)}
    parts = []
    for chapter in all_:
        for other in direct(chapter, all_):
            x0, y0 = at[other][0] + width / 2, at[other][1] + height
            x1, y1 = at[chapter.number][0] + width / 2, at[chapter.number][1]
            bend = f"C{x0:g} {y0 + 24:g} {x1:g} {y1 - 24:g} {x1:g} {y1 - 4:g}"
            parts.append(f'<path class="arrow" d="M{x0:g} {y0:g}{bend}" marker-end="url(#course-tip)"/>')
    for chapter in all_:
        x, y = at[chapter.number]
        label = html.escape(f"Chapter {chapter.number}: {chapter.title}")
        words = textwrap.wrap(f"{chapter.number}. {chapter.title}", 19, max_lines=3, placeholder=" …")
        text = "".join(
            f'<tspan x="{x + width / 2:g}" y="{y + height / 2 + 4 + (line - (len(words) - 1) / 2) * 14:g}">{html.escape(w)}</tspan>'
            for line, w in enumerate(words)
        )
        parts.append(
            f'<a href="{chapter.name}.html" aria-label="{label}">'
            f'<rect x="{x:g}" y="{y:g}" width="{width}" height="{height}" rx="6"/><text>{text}</text></a>'
        )
    tip = '<marker id="course-tip" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    tip += '<path class="tip" d="M0 0L8 4L0 8z"/></marker>'
    head = f'<svg class="course-map" viewBox="0 0 {whole} {len(lines) * ROW - ROW + height + 8}" role="group" '
    return f'{head}aria-label="Map of the course: which chapter builds on which"><defs>{tip}</defs>{"".join(parts)}</svg>\n'


def today(all_: list[Chapter]) -> str:
    """One sentence on what there is."""
    tasks = sum(path.is_dir() for path in (ROOT / "assignments" / "source").iterdir())
    left = PLANNED - len(all_)
    follow = f"; {left} more chapters follow" if left else ""
    return f"Today the book has {len(all_)} of {PLANNED} chapters and {tasks} assignments{follow}.\n"


def write_gallery(folder: Path = FOLDER) -> None:
    """Write the pictures, the cards, the map and the sentence, touching only what changed."""
    folder.mkdir(parents=True, exist_ok=True)
    all_, words = chapters(), {}
    files: dict[str, bytes] = {}
    for chapter in all_:
        picture, words[chapter.name] = picture_of(chapter)
        files[f"{chapter.name}.jpg"] = small(picture)
    files |= {"cards.md": cards(all_, words).encode(), "map.md": course_map(all_).encode()}
    files["today.md"] = today(all_).encode()
    for name, content in files.items():
        if not (folder / name).exists() or (folder / name).read_bytes() != content:
            (folder / name).write_bytes(content)
