"""Our part of the Sphinx build: generated pages, a useful form behind the issue button, no needless scripts."""

from __future__ import annotations

import importlib.metadata
import platform
from urllib.parse import urlencode

from sphinx.application import Sphinx
from sphinx.config import Config

from course_book.pages import write_pages

FORM = """**Page:** {page}

**What I expected**


**What I found instead** (a quotation, or a cell and its output)


**Versions:** course {course}, torch {torch}, numpy {numpy}, Python {python}; mine, if I ran the code:

"""


def issue_query(page: str) -> str:
    """Title and body of a new issue about a page, encoded for an address."""
    versions = {name: importlib.metadata.version(name) for name in ("torch", "numpy")}
    python = ".".join(platform.python_version_tuple()[:2])
    body = FORM.format(page=page, course=importlib.metadata.version("course-lib"), python=python, **versions)
    return urlencode({"title": f"{page}: ", "body": body})


def fill_issue_form(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Replace the query of the theme's issue button, once the theme has made its buttons."""
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", [group]):
            if button.get("label") == "source-issues-button":
                button["url"] = button["url"].split("?")[0] + "?" + issue_query(pagename)


def drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Leave out Thebe, which the theme loads twice although no launch button uses it; the second time is an error."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{script.filename} {script.attributes.get('body')}".lower()
    ]


def start(app: Sphinx) -> None:
    """Before anything is read: write the generated pages, and let the reader's system choose light or dark."""
    write_pages()
    app.config.html_context.setdefault("default_mode", "auto")


def settle(app: Sphinx, config: Config) -> None:
    """Undo two settings that others make: a bar above the page for a second search field, and figure numbers.

    The numbers would count through all chapters as they stand, so "Fig. 12" would change with every chapter added.
    """
    config.html_theme_options["navbar_persistent"] = []
    config.numfig = False


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("config-inited", settle, priority=900)
    app.connect("builder-inited", start)
    app.connect("html-page-context", fill_issue_form, priority=900)
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
