"""What is mended in a page's HTML, on small pieces; where names of the library are defined."""

from __future__ import annotations

import importlib
import inspect

import pytest
import yaml

from course_book import markup
from course_book.paths import CHAPTERS, ROOT

SYLLABUS = yaml.safe_load((CHAPTERS / "syllabus.yml").read_text(encoding="utf-8"))
NAMES = sorted({name for chapter in SYLLABUS for row in chapter["rows"] for name in row.get("code", [])})


def test_chinese_is_marked_in_words_and_left_alone_in_tags():
    body = '<p title="卷积">A 卷积神经网络（CNN）. <em>岭</em></p>'
    zh = '<span lang="zh-Hans">'
    assert markup.mark_chinese(body) == (
        f'<p title="卷积">A {zh}卷积神经网络（</span>CNN{zh}）</span>. <em>{zh}岭</span></em></p>'
    )


def test_a_listing_leads_to_its_files():
    body = (
        '<pre><span class="c1"># course_lib/a/b.py, course_lib/c.py</span>\n<span class="c1"># a comment</span></pre>'
    )
    found = markup.link_listings(body, "https://x/blob/main")
    assert '<a href="https://x/blob/main/course_lib/a/b.py">course_lib/a/b.py</a>, <a href="' in found
    assert found.count("<a ") == 2


def test_only_the_empty_corner_of_a_table_is_no_heading():
    body = '<th class="head"><p></p></th><th class="head"><p>n</p></th>'
    assert markup.plain_tables(body) == '<td class="head"></td><th class="head"><p>n</p></th>'


def test_a_heading_that_is_a_formula_has_words():
    formula = '<p><span class="math notranslate nohighlight">\\(f(s)\\)</span></p>'
    assert markup.plain_tables(f"<th>{formula}</th>") == f'<th aria-label="f(s)">{formula}</th>'
    mixed = f"<th>slope of {formula}</th>"
    assert markup.plain_tables(mixed) == mixed


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_found_where_python_finds_it(name):
    place, _, line = markup.place_of(name).partition("#L")
    module, _, attribute = name.rpartition(".")
    found = inspect.unwrap(getattr(importlib.import_module(module), attribute))
    if inspect.isclass(found) or inspect.isfunction(found):
        lines, first = inspect.getsourcelines(found)
        assert (ROOT / place).samefile(inspect.getsourcefile(found))
        assert int(line) - first in range(len(lines)), "the line of the definition, below its decorators"
    else:
        assert (ROOT / place).exists()
        text = (ROOT / place).read_text(encoding="utf-8").splitlines()
        assert not line or attribute in text[int(line) - 1]


def test_a_name_that_nobody_defines_is_one_line():
    with pytest.raises(ValueError, match=r"^no file of the library defines course_lib\.linear\.nothing$"):
        markup.place_of("course_lib.linear.nothing")


def test_folds_say_what_they_hold():
    page = "<p>Show code cell content</p><p>Hide code cell content</p><p>Show code cell source</p>"
    assert markup.name_folds(page) == "<p>Show the solution</p><p>Hide the solution</p><p>Show the code</p>"


def test_arrows_of_the_contents_are_named_once():
    page = '<details><summary><span class="toctree-toggle"></span></summary></details><summary>words</summary>'
    named = markup.name_toggles(page)
    assert named.count('aria-label="Show its pages"') == 1
    assert "<summary>words</summary>" in named
    assert markup.name_toggles(named) == named
