"""The landing page's gallery, made from the chapters themselves while the book is built.

A chapter's picture is one of its stored figures: the one whose caption begins as `picture:` in chapters/syllabus.yml
says, else the first.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path

import nbformat
from PIL import Image

from course_book.course_map import course_map
from course_book.openings import Chapter, chapters, place
from course_book.paths import CHAPTERS, ROOT, notebook_path

FOLDER = CHAPTERS / "gallery"
PLANNED = 20  # chapters in the whole course
WIDTH = 640  # pixels of a picture in the gallery, twice what a card shows


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
        raise ValueError(f"{chapter.name} has no stored figure; run: make chapter N={chapter.name.split('_')[0]}")
    return found


def small(picture: bytes) -> bytes:
    """A picture as the gallery shows it: JPEG, not wider than a card needs."""
    image: Image.Image = Image.open(io.BytesIO(picture))
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
            f":::{{grid-item-card}} {chapter.number}. {chapter.title}\n"
            f":link: /chapters/{chapter.name}\n:link-type: doc\n"
            f":link-alt: Chapter {chapter.number}: {chapter.title}\n"
            f":img-top: /chapters/gallery/{chapter.name}.jpg\n:img-alt: {alt}\n\n"
            f"{chapter.chinese}\n\n{chapter.minutes} minutes to read{needs}\n:::\n"
        )
    return "\n".join([*parts, "::::\n"])


def _listed(numbers: tuple[str, ...]) -> str:
    """Such as "2, 5 and 6"."""
    *others, last = numbers
    return f"{', '.join(others)} and {last}" if others else last


def today(all_: list[Chapter]) -> str:
    """One sentence on what there is."""
    tasks = sum(path.is_dir() for path in (ROOT / "assignments" / "source").iterdir())
    there = len({place(chapter.number)[0] for chapter in all_})
    left = PLANNED - there
    follow = f"; {left} more chapters follow" if left else ""
    return f"Today the book has {there} of {PLANNED} chapters and {tasks} assignments{follow}.\n"


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
