"""Written answers are shown as they were written, and nothing in them runs, not even on a click."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbformat.v4 import new_markdown_cell, new_notebook
from traitlets.config import Config

CONFIG = Config({"HTMLExporter": {"filters": {"markdown2html": "course_grader.written.markdown"}}})
ANSWER = {"nbgrader": {"grade_id": "answer", "solution": True, "grade": True, "locked": False}}
HOSTILE = [
    "[link](javascript:alert(1))",
    "[link](JaVaScRiPt:alert(1))",
    "[link]( java&Tab;script:alert(1))",
    "[link](javascript&colon;alert(1))",
    "[link](&#106;avascript:alert(1))",
    "[link](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[link](vbscript:x)",
    "[link][a]\n\n[a]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "![picture](javascript:alert(1))",
    "![picture](data:image/svg+xml;base64,PHN2Zy8+)",
    '<a href="javascript:alert(1)">link</a>',
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "```mermaid\n</pre><script>alert(1)</script>\n```",
    '```html" onclick="alert(1)\nx\n```',
    r"$\\href{javascript:alert(1)}{link}$",
    r"$$\\require{html}\\href{javascript:alert(1)}{link}$$",
]


def page(source: str, metadata: dict = ANSWER) -> str:
    """The body of the page on which an instructor sees an answer."""
    notebook = new_notebook(cells=[new_markdown_cell(source, metadata=metadata)])
    html, _ = HTMLExporter(config=CONFIG).from_notebook_node(nbformat.from_dict(notebook))
    return html.split("<body", 1)[1]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("it stops if mse<eps and n>3", "if mse&lt;eps and n&gt;3"),
        ("before <!-- and after", "before &lt;!-- and after"),
        ("<!-- first line\n\nsecond", "&lt;!-- first line"),
        ("a < b, x<y>z", "x&lt;y&gt;z"),
        ("```\nif a<b:\n    <tag>\n```", "&lt;tag&gt;"),
        ("[paper](https://arxiv.org/abs/1505.07376)", 'href="https://arxiv.org/abs/1505.07376"'),
        ("[above](#part)", 'href="#part"'),
        ("**bold** and `code<x>`", "<strong>bold</strong> and <code>code&lt;x&gt;</code>"),
        ("![plot](attachment:plot.png)", 'alt="plot"'),
        ("$a<b$", "$a&lt;b$"),
    ],
)
def test_an_honest_answer_shows_as_it_was_written(source, shown):
    assert shown in page(source)


def test_the_courses_own_cells_keep_their_html():
    locked = {"nbgrader": {"grade_id": "text", "solution": False, "grade": False, "locked": True}}
    assert "<b>own</b>" in page("<b>own</b>", locked)
    assert "<b>own</b>" in page("<b>own</b>", {})


def test_clicks_on_hostile_answers_run_nothing(tmp_path: Path):
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium found")
    path = tmp_path / "answers.html"
    body = "\n".join(f"<div>{page(source).split('<main>', 1)[-1]}</div>" for source in HOSTILE)
    path.write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    ran: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
        tab.goto(path.as_uri())
        for link in tab.locator("a").all():
            assert (link.get_attribute("href") or "").startswith(("#", "https:"))
            link.click(force=True, timeout=2000, no_wait_after=True)
        assert tab.locator("main script, main [onclick], main [onerror], main [onload]").count() == 0
        browser.close()
    assert ran == []


@pytest.mark.parametrize("source", HOSTILE)
def test_no_address_in_a_hostile_answer_could_run(source):
    shown = BeautifulSoup(page(source).split("<main>", 1)[-1], "html.parser")
    for tag in shown.find_all(True):
        assert tag.name not in ("script", "svg", "iframe", "object")
        assert not [name for name in tag.attrs if name.startswith("on")]
        for name in ("href", "src"):
            assert str(tag.get(name, "#")).startswith("#"), tag
    assert "\\href{" not in shown.get_text()
