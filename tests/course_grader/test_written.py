"""Written answers are shown as they were written, and nothing in them runs, not even on a click."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbformat.v4 import new_markdown_cell, new_notebook
from traitlets.config import Config

from course_grader.formulas import mathml

CONFIG = Config({"HTMLExporter": {"filters": {"markdown2html": "course_grader.written.markdown"}}})
ANSWER = {"nbgrader": {"grade_id": "answer", "solution": True, "grade": True, "locked": False}}
SOURCES = Path(__file__).resolve().parents[2] / "assignments" / "source"
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
    r"$\href{javascript:alert(1)}{link}$",
    r"$\text{<script>alert(1)</script>}$",
    r"$\text{<img src=x onerror=alert(1)>}$",
    r"$\style{position:fixed}{x} \class{onclick}{y}$",
    r"$\color{red\" onclick=\"alert(1)}{x}$",
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
        ("$a<b$", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
        (r"$\frac{1}{2}$", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
        (r"$$\begin{matrix} a$$", r"<code>\begin{matrix} a</code>"),
        ("it costs $5", "it costs $5"),
    ],
)
def test_an_honest_answer_shows_as_it_was_written(source, shown):
    assert shown in page(source)


def test_the_courses_own_cells_keep_their_html():
    locked = {"nbgrader": {"grade_id": "text", "solution": False, "grade": False, "locked": True}}
    assert "<b>own</b>" in page("<b>own</b>", locked)
    assert "<b>own</b>" in page("<b>own</b>", {})


def test_clicks_on_hostile_answers_run_nothing(tmp_path: Path, chromium_page):
    path = tmp_path / "answers.html"
    body = "\n".join(f"<div>{page(source).split('<main>', 1)[-1]}</div>" for source in HOSTILE)
    path.write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    ran: list[str] = []
    chromium_page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    chromium_page.goto(path.as_uri())
    for link in chromium_page.locator("a").all():
        assert (link.get_attribute("href") or "").startswith(("#", "https:"))
        link.click(force=True, timeout=2000, no_wait_after=True)
    assert chromium_page.locator("main script, main [onclick], main [onerror], main [onload]").count() == 0
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


def test_a_formula_keeps_nothing_but_layout():
    shown = BeautifulSoup(page(r"$\style{position:fixed}{x} \class{own}{y} \href{https://a.b}{z}$"), "html.parser").math
    assert shown is not None
    assert not [name for tag in shown.find_all(True) for name in tag.attrs if name in ("style", "class", "href", "id")]


@pytest.mark.parametrize("source", ["{" * 30_000, r"\frac{" * 300 + "x", r"\left(" * 500, "\\" * 3_000 + "x"])
def test_a_formula_that_cannot_be_read_is_shown_as_it_was_typed_at_once(source):
    begun = time.process_time()
    shown = mathml(source, "inline")
    assert time.process_time() - begun < 5
    assert shown.startswith(("<code>", "<math"))


def test_a_formula_longer_than_any_is_not_read():
    assert mathml("x" + "+ x" * 5_000, "inline").startswith("<code>")
    assert mathml("x" + "+ x" * 5, "inline").startswith("<math")


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*/*.ipynb")), ids=lambda path: path.stem)
def test_every_formula_of_the_assignments_shows_without_a_network(path: Path, tmp_path: Path, chromium_page):
    """What nbconvert takes for a formula is MathML with a size; no dollar is left."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    html = HTMLExporter(config=CONFIG).from_notebook_node(new_notebook(cells=cells))[0]
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    chromium_page.context.set_offline(True)
    chromium_page.goto((tmp_path / "page.html").as_uri(), wait_until="domcontentloaded")
    formulas = chromium_page.locator("math")
    assert formulas.count() > 5
    sizes = formulas.evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.width, box.height])"
    )
    assert min(min(size) for size in sizes) > 3
    words = chromium_page.locator("main").evaluate(
        "main => { main.querySelectorAll('pre, code').forEach(one => one.remove()); return main.innerText }"
    )
    assert "$" not in words
    assert "\\" not in words
