"""Who reads with the keyboard, by ear, in Chinese, on a telephone or on paper: axe-core on every page, and more."""

from __future__ import annotations

import pytest
import yaml
from axe_playwright_python.base import AXE_SCRIPT

from course_book.font import CHINESE, letters_of, letters_used
from course_book.paths import ROOT, all_chapters

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
ENTRIES = [entry for part in TOC["parts"] for entry in part["chapters"]]
PAGES = [
    TOC["root"],
    *(page["file"] for entry in ENTRIES for page in (entry, *entry.get("sections", ()))),
    "search",
    "genindex",
]
NUMBERED = [name for name in all_chapters() if name[:2].isdigit()]
CHAPTER = "chapters/02_optimization"
# The insides of formulas are MathJax's, thousands of elements; colours alone differ between light and dark.
RUN = "only => axe.run({exclude: ['mjx-container']}, {resultTypes: ['violations'], ...(only ? {runOnly: only} : {})})"
TEXTS = """() => { const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  for (let node; (node = walk.nextNode());)
    if (!/^(SCRIPT|STYLE)$/.test(node.parentElement.tagName))
      found.push([node.data, node.parentElement.closest('[lang]').lang]);
  return found }"""


def violations(page, only=None) -> list[str]:
    """What axe-core objects to, one line each."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate(RUN, only)["violations"]
    nodes = [(rule["id"], node) for rule in found for node in rule["nodes"]]
    formulas = [  # a heading that is a formula is no empty one; it has a label
        (rule, node)
        for rule, node in nodes
        if rule == "empty-table-header" and page.query_selector(f"{node['target'][0]}[aria-label] mjx-container")
    ]
    return [f"{rule}: {node['target']} {node['html'][:120]}" for rule, node in nodes if (rule, node) not in formulas]


def themed(context, theme: str) -> None:
    context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")


@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_no_barrier(book, visit, wide, page):
    themed(wide, "light")
    assert violations(visit(wide, f"{book}/{page}.html").page) == []


@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_no_pale_text_in_the_dark(book, visit, wide, page):
    themed(wide, "dark")
    assert violations(visit(wide, f"{book}/{page}.html").page, ["color-contrast", "link-in-text-block"]) == []


def test_axe_finds_no_barrier_on_a_telephone(book, visit, narrow):
    page = visit(narrow, f"{book}/{CHAPTER}.html").page
    page.evaluate("MathJax.startup.promise")
    assert violations(page) == []


def test_axe_would_find_one(book, visit, wide):
    page = visit(wide, f"{book}/{TOC['root']}.html").page
    page.evaluate("document.querySelector('.bd-article').insertAdjacentHTML('beforeend', '<img src=\"x.png\">')")
    assert any(line.startswith("image-alt") for line in violations(page))


@pytest.mark.parametrize("page", PAGES)
def test_all_chinese_is_marked_as_chinese(book, visit, wide, page):
    texts = visit(wide, f"{book}/{page}.html").page.evaluate(TEXTS)
    chinese = [(words, lang) for words, lang in texts if CHINESE.search(words)]
    assert [words for words, lang in chinese if lang != "zh-Hans"] == []
    assert chinese or page not in (TOC["root"], "chapters/glossary", *(f"chapters/{name}" for name in NUMBERED))


def test_the_books_font_has_every_letter():
    missing = letters_used() - letters_of()
    assert not missing, f"{''.join(sorted(missing))} are not in the book's font; run: python -m course_book font"
    assert "卷" in letters_of()
    assert "龘" not in letters_of()


def test_chinese_is_drawn_with_the_books_font(book, visit, wide):
    page = visit(wide, f"{book}/{TOC['root']}.html").page
    page.evaluate("document.fonts.ready")
    assert page.evaluate("[...document.fonts].filter(f => f.family.includes('Course Han')).map(f => f.status)") == [
        "loaded"
    ]
    family = page.eval_on_selector(".bd-article [lang|=zh]", "e => getComputedStyle(e).fontFamily")
    assert family.startswith('"Course Han"')


def test_each_fold_says_what_it_holds(book, visit, wide):
    page = visit(wide, f"{book}/{CHAPTER}.html").page
    names = page.eval_on_selector_all(".toggle-button", "all => all.map(b => b.getAttribute('aria-label'))")
    assert len(names) == len(set(names)) > 10
    assert all(" in " in name and name.split(",")[0] for name in names)


def test_one_button_opens_all_folds_and_they_are_printed(book, visit, wide):
    page = visit(wide, f"{book}/{CHAPTER}.html").page
    hidden = ".bd-article details:not([open]), .bd-article .toggle-hidden"
    assert page.locator(hidden).count() > 10
    page.emulate_media(media="print")
    assert page.locator(hidden).count() > 10, "nobody asked"
    page.emulate_media(media="screen")
    page.click(".course-open-all")
    page.emulate_media(media="print")
    assert page.locator(hidden).count() == 0
    assert page.locator("details.hide pre").first.is_visible()
    page.emulate_media(media="screen")
    page.click(".course-open-all")
    assert page.locator(hidden).count() > 10


def test_buttons_of_the_head_show_where_the_keyboard_is(book, visit, wide):
    page = visit(wide, f"{book}/{CHAPTER}.html").page
    page.focus(".course-open-all")
    for _ in range(3):
        page.keyboard.press("Tab")
        style, width = page.evaluate(
            "(s => [s.outlineStyle, parseFloat(s.outlineWidth)])(getComputedStyle(document.activeElement))"
        )
        assert style == "solid", page.evaluate("document.activeElement.outerHTML")
        assert width >= 2


@pytest.mark.parametrize("name", NUMBERED)
def test_on_a_telephone_every_formula_can_be_read_to_its_end(book, visit, narrow, name):
    page = visit(narrow, f"{book}/chapters/{name}.html").page
    page.evaluate("MathJax.startup.promise")
    page.wait_for_timeout(100)
    cut = page.evaluate("""() => [...document.querySelectorAll('.bd-article mjx-container')].filter(f => {
        const box = f.scrollWidth > f.clientWidth + 1 ? f : f.closest('div.math') ?? f;
        const held = box.getBoundingClientRect();
        const inside = f.querySelector('mjx-math').getBoundingClientRect();
        if (!inside.width) return false; // in a closed fold
        box.scrollLeft = 0;
        const begins = inside.left >= held.left - 1;
        const scrolls = getComputedStyle(box).overflowX === 'auto' && box.tabIndex === 0;
        return !begins || (inside.right > held.right + 1 && !scrolls);
      }).map(f => f.innerText || f.outerHTML.slice(0, 200))""")
    assert cut == []


def test_the_landing_page_leads_into_every_chapter_by_picture_and_by_map(book, visit, wide):
    page = visit(wide, f"{book}/{TOC['root']}.html").page
    for places in (".course-gallery a", ".course-map a"):
        links = page.eval_on_selector_all(places, "all => all.map(a => a.getAttribute('href'))")
        assert [link.removesuffix(".html") for link in links] == NUMBERED
    pictures = page.eval_on_selector_all(".course-gallery img", "all => all.map(i => [i.alt.length, i.naturalWidth])")
    assert len(pictures) == len(NUMBERED)
    assert all(words > 20 and width > 400 for words, width in pictures)
    assert page.locator(".course-gallery").bounding_box()["y"] < 900, "pictures on the first screen"


def test_the_concept_index_leads_to_code_and_folds_tests(book, visit, wide):
    page = visit(wide, f"{book}/chapters/concept_index.html").page
    assert ": Tested" not in page.inner_text(".bd-article")
    assert page.locator("dd a[href*='/blob/main/course_lib/'] code").count() > 100
    fold = page.locator(".course-tests").first
    assert not fold.locator("code").first.is_visible()
    fold.locator("summary").click()
    assert fold.locator("code").first.is_visible()


def test_a_listing_leads_to_its_file(book, visit, wide):
    page = visit(wide, f"{book}/{CHAPTER}.html").page
    link = page.locator("pre a[href*='/blob/main/course_lib/']").first
    assert (ROOT / link.inner_text()).exists()
    assert link.get_attribute("href").endswith(link.inner_text())
