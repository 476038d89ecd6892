"""Every page of the built book as a reader's browser shows it, with the network off."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from course_book.paths import HTML, ROOT, all_chapters

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
ENTRIES = [entry for part in TOC["parts"] for entry in part["chapters"]]
PAGES = [TOC["root"], *(page["file"] for entry in ENTRIES for page in (entry, *entry.get("sections", ())))]
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
    numbered = [page for page in PAGES if re.match(r"chapters/\d\d[a-z]?_", page)]
    assert numbered == sorted(numbered)


@pytest.mark.parametrize("page", [*PAGES, "index", "search", "genindex"])
def test_page_loads_without_network_errors_or_unlabelled_pictures(book, visit, wide, page):
    watched = visit(wide, f"{book}/{page}.html")
    assert watched.faults == []
    watched.page.eval_on_selector_all("img[loading]", "all => all.forEach(i => { i.loading = 'eager' })")
    watched.page.wait_for_load_state("networkidle")
    watched.page.evaluate("Promise.allSettled([...document.images].map(i => i.decode()))")
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
    captions = watched.page.eval_on_selector_all(".cell_output figure", "all => all.map(f => f.textContent.trim())")
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
def test_buttons_download_and_report(book, visit, wide, page):
    watched = visit(wide, f"{book}/{page}.html")
    links = watched.page.eval_on_selector_all(".article-header-buttons a", "all => all.map(a => a.href)")
    assert any(link.endswith(f"{page}.ipynb") for link in links), "no download of the notebook"
    (report,) = (link for link in links if "/issues/new" in link)
    form = parse_qs(urlsplit(report).query)
    assert page in form["title"][0]
    for expected in (page, "Versions", "torch", "numpy", "What I expected"):
        assert expected in form["body"][0]


def demonstrations(page) -> list:
    """The groups of controls of a page, with how many figures each offers."""
    return page.locator(".course-explore").all()


@pytest.mark.parametrize("page", [page for page in CHAPTERS if re.search(r"/\d", page)])
def test_a_demonstration_shows_what_its_controls_name(book, visit, wide, page):
    """By keyboard alone: each choice shows one figure, another than before, whose caption is its own."""
    watched = visit(wide, f"{book}/{page}.html")
    groups = demonstrations(watched.page)
    assert groups, "a chapter has at least one demonstration"
    for group in groups:
        assert group.locator("figure:visible").count() == 1
        before = group.locator("figure:visible").text_content()
        select = group.locator("select").last
        select.focus()
        down = select.evaluate("s => s.selectedIndex + 1 < s.options.length")
        watched.page.keyboard.press("ArrowDown" if down else "ArrowUp")
        assert group.locator("figure:visible").count() == 1
        assert group.locator("figure:visible").text_content() != before
        for label in group.locator("label").all():
            assert group.locator(f"#{label.get_attribute('for')}").count() == 1


def test_without_javascript_the_first_picture_of_a_demonstration_stands(book, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{book}/chapters/05_filters_and_pyramids.html")
    group = page.locator(".course-explore").first
    assert group.locator("figure:visible").count() == 1
    assert not group.locator("form").is_visible()
    context.close()


def test_a_click_or_the_enter_key_enlarges_a_figure_and_escape_closes_it(book, visit, wide):
    page = visit(wide, f"{book}/chapters/05_filters_and_pyramids.html").page
    image = page.locator(".cell_output figure img").first
    image.scroll_into_view_if_needed()
    image.evaluate("picture => picture.decode()")  # it is loaded only when it comes near the window
    small = image.bounding_box()["width"]
    image.click()
    large = page.locator("dialog.course-large img")
    assert large.bounding_box()["width"] > 1.5 * small
    assert large.get_attribute("alt") == image.get_attribute("alt")
    page.keyboard.press("Escape")
    assert not page.locator("dialog.course-large").is_visible()
    image.locator("xpath=..").focus()
    page.keyboard.press("Enter")
    assert large.is_visible()


def test_on_a_telephone_the_enlarged_figure_is_larger_than_the_one_on_the_page(book, visit, narrow):
    page = visit(narrow, f"{book}/chapters/05_filters_and_pyramids.html").page
    image = page.locator(".cell_output figure img").first
    image.scroll_into_view_if_needed()
    image.evaluate("picture => picture.decode()")
    image.click()
    large = page.locator("dialog.course-large")
    assert large.locator("img").bounding_box()["width"] > 1.5 * image.bounding_box()["width"]
    assert large.bounding_box()["width"] <= 390
    assert large.evaluate("d => (d.scrollLeft = 99999, d.scrollLeft)") > 400, "the right half can be reached"


def test_search_finds_ridge(book, visit, wide):
    watched = visit(wide, f"{book}/search.html?q=ridge")
    watched.page.wait_for_selector("#search-results li")
    results = watched.page.eval_on_selector_all("#search-results li a", "all => all.map(a => a.href)")
    assert any("02_optimization" in link for link in results)


def test_solutions_are_folded_until_asked_for(book, visit, wide):
    watched = visit(wide, f"{book}/chapters/02_optimization.html")
    solutions = watched.page.locator("details.hide", has_text="Show the solution")
    assert solutions.count() >= 7  # each exercise with code
    solution = solutions.first
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
            if target.startswith("/"):  # the page for addresses that are not there, which is shown at any depth
                goal = HTML / target.removeprefix("/course/")
            else:
                goal = (path.parent / target).resolve() if target else path
            if not goal.exists() or (place and goal in pages and f'id="{place}"' not in pages[goal]):
                broken.append(f"{path.relative_to(HTML)} -> {link}")
    assert broken == []
