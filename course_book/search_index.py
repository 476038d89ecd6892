"""The search of the book: sections and terms of the glossary as hits instead of whole chapters, and Chinese words.

Sphinx indexes a page as a whole, and takes a run of Chinese for one word. Here each section is indexed under its own
address, with the lectures' Chinese name of its concept, and Chinese is cut into pairs of characters, which is what
Lucene does, too: 数据增强 is found where 数据, 据增 and 增强 stand. `search.js` takes the address apart again.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.search import IndexBuilder
from sphinx.search.en import SearchEnglish

from course_book.paths import CHAPTERS

HAN = "\u3400-\u9fff"
RUNS = re.compile(rf"[{HAN}]+|[^\W{HAN}]+")
# The same in the browser, for what a reader types.
SPLIT_QUERY = f"""
var splitQuery = query => (query.match(/[{HAN}]+|[\\p{{Letter}}\\p{{Number}}_]+/gu) || []).flatMap(run =>
  !/[{HAN}]/.test(run) ? (run.match(/[^{HAN}]+/g) || [])
    : run.length < 2 ? [run] : [...run].slice(1).map((letter, i) => run[i] + letter));
"""


def split(text: str) -> list[str]:
    """Words of a text; of Chinese, its characters and its pairs of characters.

    Args:
        text: In English, Chinese or both.
    """
    words = []
    for run in RUNS.findall(text):
        if re.match(f"[{HAN}]", run):
            words += [*run, *map("".join, pairwise(run))]
        else:
            words.append(run)
    return words


class BilingualSearch(SearchEnglish):
    """English with its stems, and Chinese in pairs."""

    lang = "en-zh"
    js_splitter_code = SPLIT_QUERY

    def split(self, input: str) -> list[str]:
        """Called by Sphinx."""
        return split(input)


@functools.cache
def chinese_names() -> dict[str, str]:
    """The lectures' Chinese names by the label of their section."""
    chapters = yaml.safe_load((CHAPTERS / "syllabus.yml").read_text(encoding="utf-8"))
    return {row["id"]: row["zh"] for chapter in chapters for row in chapter["rows"]}


def parts(docname: str, doctree: nodes.Element) -> Iterator[tuple[str, str, nodes.Element]]:
    """Address, title and content of what can be found on a page; the page itself comes first."""
    for number, section in enumerate(doctree.findall(nodes.section)):
        address = f"{docname}#{section['ids'][0]}" if number else docname
        title = next(iter(section.findall(nodes.title))).astext()
        yield address, title, _without(section, nodes.section, addnodes.glossary)
    for glossary in doctree.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            term = next(iter(item.findall(nodes.term)))
            yield f"{docname}#{term['ids'][0]}", term.astext(), item


def _without(section: nodes.Element, *kinds: type) -> nodes.Element:
    """A section's own content."""
    own = section.copy()
    own += [child.deepcopy() for child in section.children if not isinstance(child, kinds)]
    return own


class SectionIndex(IndexBuilder):
    """An index whose entries are `page#place`."""

    def feed(self, docname: str, filename: str, title: str, doctree: nodes.document) -> None:
        """Called by the builder for each page."""
        for address, words, content in parts(docname, doctree):
            super().feed(address, filename, words, content)
            self._all_titles[address] = [(words, None)]
            for label in content.get("ids", ()):
                for word in self.lang.split(chinese_names().get(label, "")):
                    self._title_mapping.setdefault(word.lower(), set()).add(address)

    def prune(self, docnames: Iterable[str]) -> None:
        """Forget all pages but some, with their sections."""
        kept = set(docnames)
        super().prune([address for address in self._titles if address.split("#")[0] in kept])

    def get_objects(self, fn2index: dict[str, int]) -> dict:
        """Nothing: the terms of the glossary, Sphinx's objects of this book, are entries already."""
        return {}


class CourseBuilder(StandaloneHTMLBuilder):
    """Sphinx's HTML with this index."""

    def load_indexer(self, docnames: Iterable[str]) -> None:
        """Called by Sphinx before it writes pages."""
        self.indexer = SectionIndex(self.env, BilingualSearch.lang, {}, self.config.html_search_scorer)
        super().load_indexer(docnames)
