"""Every page of the built book as a reader's browser shows it, with the network off."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from course_book.paths import HTML, ROOT, all_chapters

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(entry["file"] for part in TOC["parts"] for entry in part["chapters"])]
CHAPTERS = [f"chapters/{name}" for name in all_chapters()]

# Contrast of two colours as WCAG 2 defines it; 4.5 is its limit for text.
CONTRAST = """([element, ground]) => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number)
    .map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const a = light(getComputedStyle(document.querySelector(element)).color);
  const b = light(getComputedStyle(document.querySelector(ground)).backgroundColor);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) }"""


def test_every_chapter_is_in_the_table_of_contents():
    assert set(CHAPTERS) <= set(PAGES)
    numbered = [page for page in PAGES if re.match(r"chapters/\d\d_", page)]
    assert numbered == sorted(numbered)


@pytest.mark.parametrize("page", [*PAGES, "index", "search", "genindex"])
def test_page_loads_without_network_errors_or_unlabelled_pictures(book, visit, wide, page):
    watched = visit(wide, f"{book}/{page}.html")
    assert watched.faults == []
    pictures = watched.page.eval_on_selector_all(
        "img", "all => all.map(i => ({alt: i.alt.trim(), src: i.src, drawn: i.complete && i.naturalWidth > 0}))"
    )
    assert [p["src"] for p in pictures if not p["alt"]] == []
    assert [p["src"] for p in pictures if not p["drawn"]] == []


@pytest.mark.parametrize("page", PAGES)
def test_page_does_not_scroll_sideways_on_a_telephone(book, visit, narrow, page):
    watched = visit(narrow, f"{book}/{page}.html")
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= 390
    watched.page.evaluate("window.scrollTo(500, 0)")
    assert watched.page.evaluate("window.scrollX") == 0


@pytest.mark.parametrize("page", CHAPTERS)
def test_equations_are_rendered(book, visit, wide, page):
    watched = visit(wide, f"{book}/{page}.html")
    written = len(re.findall(r'class="math', (HTML / f"{page}.html").read_text()))
    watched.page.wait_for_function("window.MathJax && MathJax.startup && document.querySelector('mjx-container')")
    watched.page.evaluate("MathJax.startup.promise")
    assert watched.page.locator("mjx-container").count() >= written > 0
    assert watched.page.locator("mjx-merror").count() == 0
    width = watched.page.eval_on_selector("mjx-container", "e => e.getBoundingClientRect().width")
    assert width > 2, "the fonts of the equations are missing"


@pytest.mark.parametrize("page", CHAPTERS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_stay_readable_in_both_themes(book, visit, wide, page, theme):
    wide.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
    watched = visit(wide, f"{book}/{page}.html")
    assert watched.page.evaluate("document.documentElement.dataset.theme") == theme
    styles = watched.page.eval_on_selector_all(
        ".cell_output figure img",
        "all => all.map(i => [getComputedStyle(i).backgroundColor, getComputedStyle(i).filter])",
    )
    assert styles
    assert all(style == ["rgb(251, 251, 249)", "none"] for style in styles)
    for element in (".bd-article p", ".cell_output figcaption .caption-text", ".bd-article h2"):
        assert watched.page.evaluate(CONTRAST, [element, "body"]) >= 4.5, f"{element} is too pale in {theme}"


@pytest.mark.parametrize("page", CHAPTERS)
def test_every_figure_has_a_caption(book, visit, wide, page):
    watched = visit(wide, f"{book}/{page}.html")
    captions = watched.page.eval_on_selector_all(".cell_output figure", "all => all.map(f => f.innerText.trim())")
    assert captions
    assert all(len(caption.split()) > 3 for caption in captions)
    assert watched.page.locator(".cell_output img").count() == len(captions), "a picture outside a figure"


@pytest.mark.parametrize("page", CHAPTERS)
def test_markup_is_rendered_not_shown(book, visit, wide, page):
    watched = visit(wide, f"{book}/{page}.html")
    assert watched.page.locator(".cell_output table").count() > 0
    words = watched.page.eval_on_selector_all(".bd-article p, .bd-article li", "all => all.map(e => e.innerText)")
    shown = [w for w in words if re.search(r"\| ?:?---|\*\*|\]\(|\{(term|ref|eq)\}|^:::|\$\$", w)]
    assert shown == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_buttons_launch_download_and_report(book, visit, wide, page):
    watched = visit(wide, f"{book}/{page}.html")
    links = watched.page.eval_on_selector_all(".article-header-buttons a", "all => all.map(a => a.href)")
    assert any("mybinder" in link and page.split("/")[1] in link for link in links)
    assert any("colab" in link for link in links)
    assert any(link.endswith(f"{page}.ipynb") for link in links), "no download of the notebook"
    (report,) = (link for link in links if "/issues/new" in link)
    form = parse_qs(urlsplit(report).query)
    assert page in form["title"][0]
    for expected in (page, "Versions", "torch", "numpy", "What I expected"):
        assert expected in form["body"][0]


def test_search_finds_ridge(book, visit, wide):
    watched = visit(wide, f"{book}/search.html?q=ridge")
    watched.page.wait_for_selector("#search-results li")
    results = watched.page.eval_on_selector_all("#search-results li a", "all => all.map(a => a.href)")
    assert any("02_optimization" in link for link in results)


def test_solutions_are_folded_until_asked_for(book, visit, wide):
    watched = visit(wide, f"{book}/chapters/02_optimization.html")
    solution = watched.page.locator("details.hide", has_text="Show the solution").first
    assert not solution.locator("pre").first.is_visible()
    solution.locator("summary").click()
    assert solution.locator("pre").first.is_visible()


def test_link_targets_exist():
    """Every link inside the book leads to a page and, where it names one, to a place on it."""
    broken = []
    pages = {path: path.read_text() for path in HTML.rglob("*.html")}
    for path, text in pages.items():
        for link in re.findall(r'href="([^"]+)"', text):
            target, _, place = link.partition("#")
            if "://" in link or link.startswith(("mailto:", "javascript:")) or "_static" in link:
                continue
            goal = (path.parent / target).resolve() if target else path
            if not goal.exists() or (place and goal in pages and f'id="{place}"' not in pages[goal]):
                broken.append(f"{path.relative_to(HTML)} -> {link}")
    assert broken == []
