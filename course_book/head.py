"""The head of each page, and the files beside the pages: description, address, sitemap, page for wrong addresses."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from docutils import nodes

# Of MathJax, what the pages load and what that loads when a formula or the menu asks; of its speech, English.
MATHJAX = (
    "tex-chtml.js",
    "output/chtml/",
    "input/tex/extensions/",
    "a11y/",
    "ui/",
    "sre/mathmaps/base",
    "sre/mathmaps/en",
)
NOT_FOUND = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Page not found — {title}</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 15vh auto; max-width: 36rem; padding: 0 1rem; }}
</style>
</head>
<body>
<main>
<h1>There is no page here</h1>
<p>The address may have changed with the book, or lost a letter on its way.</p>
<p><a href="{root}chapters/index.html">Beginning of the book</a> ·
<a href="{root}chapters/concept_index.html">all concepts</a> · <a href="{root}search.html">search</a></p>
</main>
</body>
</html>
"""


def description(doctree: nodes.document | None, most: int = 200) -> str:
    """The first words of a page, at most so many characters, cut between words.

    Args:
        doctree: Of the page; pages without one have no description.
        most: Characters.
    """
    if doctree is None:
        return ""
    for paragraph in doctree.findall(nodes.paragraph):
        words = " ".join(paragraph.astext().split())
        if len(words) >= 60:
            return words if len(words) <= most else words[:most].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    return ""


def tags(title: str, words: str, address: str, picture: str = "") -> str:
    """Description and Open Graph of a page as HTML; a page shared elsewhere is shown with these.

    Args:
        title: Of the page, without marks.
        words: From `description`.
        address: Of the page.
        picture: Address of a picture, or nothing.
    """
    pairs = {"og:title": title, "og:type": "article", "og:url": address, "og:description": words, "og:image": picture}
    lines = [f'<meta property="{key}" content="{html.escape(value)}" />' for key, value in pairs.items() if value]
    if words:
        lines.append(f'<meta name="description" content="{html.escape(words)}" />')
    return "\n".join(lines) + "\n"


def write_beside(folder: Path, base: str, title: str) -> None:
    """Write sitemap.xml, robots.txt and 404.html into the built book.

    Args:
        folder: Of the built book.
        base: Its address, with a slash at the end.
        title: Of the book.
    """
    places = sorted(path.relative_to(folder).as_posix() for path in (folder / "chapters").glob("*.html"))
    entries = "".join(f"<url><loc>{html.escape(base + place)}</loc></url>\n" for place in places)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    (folder / "sitemap.xml").write_text(f"{head}{entries}</urlset>\n", encoding="utf-8")
    (folder / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n", encoding="utf-8")
    page = NOT_FOUND.format(title=html.escape(title), root=urlsplit(base).path)
    (folder / "404.html").write_text(page, encoding="utf-8")


def trim(folder: Path, pictures: set[str]) -> None:
    """Take out of the built book what no page asks for: most of MathJax, and maps for those who debug the theme.

    The notebooks that a reader downloads to run come without outputs, which the pages show and a run makes anew.

    Args:
        folder: Of the built book.
        pictures: Names of those that pages show; what earlier builds left goes.
    """
    for path in (folder / "_images").iterdir():
        if path.name not in pictures:
            path.unlink()
    mathjax = folder / "_static" / "mathjax"
    for path in sorted(mathjax.rglob("*")):
        place = path.relative_to(mathjax).as_posix()
        if path.is_file() and not place.startswith(MATHJAX):
            path.unlink()
    for path in (folder / "_static").rglob("*.map"):
        path.unlink()
    for path in (folder / "_sources").rglob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.outputs:
                cell.outputs, cell.execution_count = [], None
        path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    shutil.rmtree(folder / "_static" / "locales", ignore_errors=True)


def plain(title: str) -> str:
    """A title without its HTML."""
    return html.unescape(re.sub(r"<[^>]+>", "", title))
