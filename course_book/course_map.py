"""The map of the course on the landing page: which chapter builds on which, as SVG that a keyboard can walk through."""

from __future__ import annotations

import html
import textwrap

from course_book.openings import Chapter

BOX, GAP, ROW, LINE = (116, 52), 14, 90, 14
ACROSS = 3  # boxes in a row, so that a telephone shows them at a size that can be read


def rows(all_: list[Chapter]) -> list[list[Chapter]]:
    """The chapters in rows: each stands below all that it needs, at most three side by side."""
    placed: dict[str, int] = {}
    for chapter in all_:
        row = max([placed[n] + 1 for n in chapter.needs if n in placed], default=0)
        while sum(other == row for other in placed.values()) == ACROSS:
            row += 1
        placed[chapter.number] = row
    return [[c for c in all_ if placed[c.number] == row] for row in range(max(placed.values(), default=-1) + 1)]


def direct(chapter: Chapter, all_: list[Chapter]) -> list[str]:
    """What a chapter needs, without what those need anyway: the arrows of the map."""
    known = {other.number: set(other.needs) for other in all_}

    def below(number: str) -> set[str]:
        return known.get(number, set()).union(*(below(n) for n in known.get(number, ())))

    return [n for n in chapter.needs if n in known and not any(n in below(o) for o in chapter.needs)]


def course_map(all_: list[Chapter]) -> str:
    """The map as SVG: a box for each chapter, which is a link, and an arrow from what it builds on.

    Args:
        all_: The chapters.
    """
    width, height = BOX
    whole = ACROSS * width + (ACROSS - 1) * GAP + 8
    at: dict[str, tuple[float, float]] = {}
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
        top = y + height / 2 + 4 - (len(words) - 1) / 2 * LINE
        text = "".join(
            f'<tspan x="{x + width / 2:g}" y="{top + line * LINE:g}">{html.escape(w)}</tspan>'
            for line, w in enumerate(words)
        )
        parts.append(
            f'<a href="{chapter.name}.html" aria-label="{label}">'
            f'<rect x="{x:g}" y="{y:g}" width="{width}" height="{height}" rx="6"/><text>{text}</text></a>'
        )
    tip = '<marker id="course-tip" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    tip += '<path class="tip" d="M0 0L8 4L0 8z"/></marker>'
    head = f'<svg class="course-map" viewBox="0 0 {whole} {len(lines) * ROW - ROW + height + 8}" role="group" '
    name = "Map of the course: which chapter builds on which"
    return f'{head}aria-label="{name}"><defs>{tip}</defs>{"".join(parts)}</svg>\n'
