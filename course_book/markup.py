"""What a page's HTML needs beyond what Sphinx and the theme write: languages, links from listings, whole tables.

Each function takes the HTML of a page's content and returns it; `mend` applies all of them.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

from course_book.paths import ROOT

CHINESE = re.compile("[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]+")
FORMULA_HEADING = re.compile(
    r'<th\b([^>]*)>((?:<p>)?<span class="math notranslate nohighlight">\\\(([^<"]*)\\\)</span>(?=(?:</p>)?</th>))'
)
FILE = re.compile(r'(?<=<span class="c1"># )(course_lib/[\w/]+\.py(?:, course_lib/[\w/]+\.py)*)(?=</span>)')


def mend(body: str, code: str) -> str:
    """The HTML of a page's content, mended.

    Args:
        body: From Sphinx.
        code: Address of the folder above `course_lib` in the repository.
    """
    return mark_chinese(link_listings(plain_tables(plain_bibliography(body)), code))


def mark_chinese(body: str) -> str:
    """Say of each run of Chinese that it is Chinese, so that it is spoken and drawn as such."""
    pieces = re.split(r"(<[^>]*>)", body)
    pieces[::2] = [CHINESE.sub(r'<span lang="zh-Hans">\g<0></span>', text) for text in pieces[::2]]
    return "".join(pieces)


def link_listings(body: str, code: str) -> str:
    """The first line of a listing from the library, which names its file, becomes a link to that file."""

    def link(found: re.Match) -> str:
        files = found.group(1).split(", ")
        return ", ".join(f'<a href="{code}/{name}">{name}</a>' for name in files)

    return FILE.sub(link, body)


def plain_tables(body: str) -> str:
    """A corner of a table without words is no heading, and a heading that is a formula is read as it was written."""
    body = re.sub(r"<th\b([^>]*)>(?:<p></p>|\s)*</th>", r"<td\1></td>", body)
    return FORMULA_HEADING.sub(r'<th aria-label="\3"\1>\2', body)


def plain_bibliography(body: str) -> str:
    """Without roles of the list of references that ARIA has withdrawn, or that its elements may not have."""
    body = body.replace(' role="doc-biblioentry"', "")
    return body.replace('<div role="list" class="citation-list">', '<div class="citation-list">')


def name_folds(page: str) -> str:
    """Folds say what they hold: a cell folded with its answer is a solution, others are code that only draws."""
    for word in ("Show", "Hide"):
        page = page.replace(f"{word} code cell content", f"{word} the solution")
        page = page.replace(f"{word} code cell source", f"{word} the code")
    return page


def name_toggles(page: str) -> str:
    """Give the arrows of the table of contents, which open the second page of a chapter, a name to be read aloud."""
    return page.replace('<summary><span class="toctree-toggle"',
                        '<summary aria-label="Show its pages"><span class="toctree-toggle"')  # fmt: skip


@functools.cache
def place_of(name: str) -> str:
    """Where a name of the library is defined, as `course_lib/linear/ridge.py#L12`; found without importing it.

    Args:
        name: With its module, such as course_lib.linear.ridge; a package may import it from one of its modules.

    Raises:
        ValueError: If no file defines it.
    """
    module, _, attribute = name.rpartition(".")
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return _place_in(path, attribute, name)


def _place_in(path: Path, attribute: str, name: str) -> str:
    place = path.relative_to(ROOT).as_posix()
    for node in ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else ():
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if attribute == (alias.asname or alias.name):
                    return place_of(f"{node.module}.{alias.name}")
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = {getattr(node, "name", None), *(getattr(target, "id", None) for target in targets)}
        if attribute in names:
            return f"{place}#L{node.lineno}"
    folder = path.parent / attribute
    if path.name == "__init__.py" and (folder.is_dir() or folder.with_suffix(".py").exists()):
        inside = folder if folder.is_dir() else folder.with_suffix(".py")
        return inside.relative_to(ROOT).as_posix()
    raise ValueError(f"no file of the library defines {name}")
