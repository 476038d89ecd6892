"""Head and surroundings of the built book: description, Open Graph, address, sitemap, wrong addresses, size."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import nbformat
import pytest
import yaml
from docutils import nodes

from course_book.head import description
from course_book.paths import HTML, ROOT, all_chapters

BASE = yaml.safe_load((ROOT / "_config.yml").read_text())["html"]["baseurl"]
MEGABYTES = 2.2  # a notebook; about half are pictures, as WebP


@pytest.mark.parametrize("name", ["index", *all_chapters(), "glossary"])
def test_a_page_says_what_it_is_and_where(book, visit, wide, name):
    page = visit(wide, f"{book}/chapters/{name}.html").page
    tags = page.eval_on_selector_all(
        "meta[name], meta[property]",
        "all => Object.fromEntries(all.map(m => [m.name || m.attributes.property.value, m.content]))",
    )
    assert 40 < len(tags["description"]) <= 202
    assert tags["og:description"] == tags["description"]
    assert tags["og:title"] == page.inner_text("h1").removesuffix("#").strip()
    assert tags["og:url"] == f"{BASE}chapters/{name}.html"
    assert page.get_attribute("link[rel=canonical]", "href") == tags["og:url"]
    if name[:2].isdigit():
        shown = tags["og:image"].removeprefix(BASE)
        assert (HTML / shown).exists()


def test_a_description_is_the_first_real_paragraph_cut_between_words():
    document = nodes.section("", nodes.paragraph(text="short"), nodes.paragraph(text="word, " * 60))
    assert description(document) == "word, " * 32 + "word …"
    assert description(None) == ""


def test_the_sitemap_lists_every_chapter_and_nothing_that_is_not_there(book):
    root = ElementTree.parse(HTML / "sitemap.xml").getroot()
    places = [loc.text.removeprefix(BASE) for loc in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert {f"chapters/{name}.html" for name in all_chapters()} <= set(places)
    assert all((HTML / place).exists() for place in places)
    assert f"Sitemap: {BASE}sitemap.xml" in (HTML / "robots.txt").read_text()


def test_a_wrong_address_leads_back_into_the_book(book, wide):
    """As a host shows 404.html: at any depth, below the folder where the book is published."""
    page = wide.new_page()
    inside = BASE.split("/", 3)[3]
    page.route("**/*", lambda route: route.fulfill(path=HTML / "404.html", status=404, content_type="text/html"))
    page.goto(f"{book}/{inside}a/b/c")
    links = page.eval_on_selector_all("a", "all => all.map(a => a.href)")
    assert len(links) == 3
    for link in links:
        assert link.startswith(f"{book}/{inside}")
        assert (HTML / link.removeprefix(f"{book}/{inside}")).exists()


def test_the_book_carries_nothing_that_no_page_asks_for(book):
    files = [path for path in HTML.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MEGABYTES * 1e6 * len(all_chapters())
    assert not [path.name for path in files if path.suffix == ".map"]
    text = "".join(path.read_text() for path in (HTML / "chapters").glob("*.html"))
    unused = [path.name for path in (HTML / "_images").iterdir() if f"_images/{path.name}" not in text]
    assert unused == []


def test_a_downloaded_notebook_is_the_chapters_code_and_words_without_outputs(book):
    for name in all_chapters():
        loaded = nbformat.read(HTML / "_sources" / "chapters" / f"{name}.ipynb", as_version=4)
        stored = nbformat.read(ROOT / "chapters" / f"{name}.ipynb", as_version=4)
        assert [cell.source for cell in loaded.cells] == [cell.source for cell in stored.cells]
        assert not any(cell.get("outputs") for cell in loaded.cells)
