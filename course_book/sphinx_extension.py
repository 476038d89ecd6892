"""Our part of the Sphinx build, hook by hook; what a hook does lives in a file of its own.

Generated pages (`pages.py`, `gallery.py`), search (`search_index.py`), a page's HTML (`markup.py`) and head
(`head.py`), a useful form behind the issue button, no needless scripts.
"""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from urllib.parse import urlencode

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from course_book import head, markup, webp
from course_book.gallery import write_gallery
from course_book.pages import write_pages
from course_book.paths import CHAPTERS
from course_book.search_index import BilingualSearch, CourseBuilder

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


def mend_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Mend the page's content, and describe it in its head."""
    if "body" in context:
        context["body"] = markup.mend(context["body"], source_address(app.config))
    if doctree is None:
        return
    base, title = app.config.html_baseurl, head.plain(context.get("title", ""))
    picture = f"chapters/gallery/{Path(pagename).name}.jpg"
    shown = base + f"_images/{Path(pagename).name}.jpg" if (CHAPTERS.parent / picture).exists() else ""
    words = head.description(doctree)
    context["metatags"] = context.get("metatags", "") + head.tags(title, words, f"{base}{pagename}.html", shown)


def source_address(config: Config) -> str:
    """Where a reader finds the files of the repository."""
    options = config.html_theme_options
    return f"{options['repository_url']}/blob/{options['repository_branch']}"


def finish(app: Sphinx, failed: Exception | None) -> None:
    """After the last page: the files beside the pages, and away with what no page asks for."""
    if failed is None and app.builder.name == "html":
        head.write_beside(Path(app.outdir), app.config.html_baseurl, app.config.project)
        shown = {Path(name).name for _, name in app.env.images.values()}
        head.trim(Path(app.outdir), shown | {str(Path(name).with_suffix(".webp")) for name in shown})
        webp.shrink(Path(app.outdir) / "_images")
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            mended = markup.name_folds(markup.name_toggles(webp.renamed(text)))
            if mended != text:
                page.write_text(mended, encoding="utf-8")


def start(app: Sphinx) -> None:
    """Before anything is read: write the generated pages, and let the reader's system choose light or dark."""
    write_pages(source_address(app.config))
    write_gallery()
    app.config.html_context.setdefault("default_mode", "auto")


def settle(app: Sphinx, config: Config) -> None:
    """Score hits of a search our way, and undo two settings that others make: a second search field, figure numbers.

    The numbers would count through all chapters as they stand, so "Fig. 12" would change with every chapter added.
    """
    config.html_theme_options["navbar_persistent"] = []
    config.numfig = False
    config.html_search_scorer = str(Path(__file__).with_name("search.js"))


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_search_language(BilingualSearch)
    app.add_builder(CourseBuilder, override=True)
    app.connect("config-inited", settle, priority=900)
    app.connect("builder-inited", start)
    app.connect("html-page-context", fill_issue_form, priority=900)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", mend_page, priority=900)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
