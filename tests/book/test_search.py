"""Forty searches in two languages, as a reader types them: sections and terms come first, and they are there."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from docutils import nodes

from course_book.search_index import parts, split

# What is typed, and the place that must be among the first five hits.
QUERIES = {
    "ridge": "02_optimization.html#a-price-on-weights-ridge-and-lasso",
    "gradient descent": "02_optimization.html",
    "learning rate": "02_optimization.html",
    "momentum": "02_optimization.html",
    "softmax": "02_optimization.html",
    "nearest neighbours": "02_optimization.html",
    "back-propagation": "03_neural_networks.html",
    "batch normalisation": "03_neural_networks.html",
    "dropout": "03_neural_networks.html",
    "perceptron": "03_neural_networks.html",
    "positional encoding": "03_neural_networks.html",
    "aliasing": "04_representing_visual_data.html",
    "disparity": "04b_motion_depth_and_shape.html",
    "light field": "04b_motion_depth_and_shape.html",
    "marching cubes": "04b_motion_depth_and_shape.html",
    "optical flow": "04b_motion_depth_and_shape.html",
    "convolution": "05_filters_and_pyramids.html",
    "laplacian pyramid": "05_filters_and_pyramids.html",
    "steerable": "05_filters_and_pyramids.html",
    "residual": "06_convolutional_networks.html",
    "alexnet": "06_convolutional_networks.html",
    "Grad-CAM": "07_understanding_cnns.html",
    "saliency": "07_understanding_cnns.html",
    "gram matrix": "08_texture_and_style.html",
    "style transfer": "08_texture_and_style.html",
    "transposed convolution": "09_semantic_segmentation.html",
    "转置卷积": "09_semantic_segmentation.html",
    "感受野": "09_semantic_segmentation.html",
    "非极大值抑制": "glossary.html#term-non-maximum-suppression",
    "扩散": "glossary.html#term-",
    "卷积": "05_filters_and_pyramids.html",
    "卷积神经网络": "06_convolutional_networks.html",
    "数据增强": "glossary.html#term-data-augmentation",
    "残差": "glossary.html#term-residual",
    "梯度下降": "02_optimization.html",
    "岭回归": "02_optimization.html",
    "反向传播": "03_neural_networks.html",
    "感知机": "03_neural_networks.html",
    "激活函数": "03_neural_networks.html",
    "光流": "04b_motion_depth_and_shape.html",
    "视差": "04b_motion_depth_and_shape.html",
    "金字塔": "05_filters_and_pyramids.html",
    "对抗样本": "07_understanding_cnns.html",
    "风格迁移": "08_texture_and_style.html",
    "纹理合成": "08_texture_and_style.html",
}
FIRST = "#search-results li a"


@pytest.fixture(scope="module")
def searching(book, browser):
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    yield context.new_page(), book
    context.close()


def hits(searching, words: str) -> list[str]:
    page, book = searching
    page.goto(f"{book}/search.html?q={quote(words)}")
    page.wait_for_function("/found|did not match/.test(document.querySelector('.search-summary')?.innerText)")
    return page.eval_on_selector_all(FIRST, "all => all.map(a => a.getAttribute('href'))")


def test_there_are_forty_queries():
    assert len(QUERIES) >= 40


@pytest.mark.parametrize("words", QUERIES)
def test_a_search_finds_the_place_among_the_first_five(searching, words):
    found = hits(searching, words)
    assert any(QUERIES[words] in link for link in found[:5]), found[:8]
    assert sum("#" in link for link in found) >= len(found) / 2, "most hits are sections and terms"


def test_a_hit_names_its_section_and_chapter_and_leads_there(searching):
    hits(searching, "steerable")
    page, _ = searching
    link = (
        page.locator(FIRST).filter(has_text="· 5. Filters and pyramids").first
    )  # the glossary's term may be before it
    section = link.inner_text().partition(" · ")[0]
    assert section
    link.click()
    target = page.url.split("#")[1]
    assert page.locator(f"[id='{target}'] :is(h1, h2, h3, h4)").first.inner_text().startswith(section)


def test_what_is_nowhere_is_not_found(searching):
    assert hits(searching, "quetzalcoatl") == []
    assert hits(searching, "恐龙") == []


def test_chinese_is_split_into_letters_and_pairs():
    assert split("the 岭回归 (ridge)") == ["the", "岭", "回", "归", "岭回", "回归", "ridge"]


def test_a_page_is_taken_apart_into_its_own_words():
    inner = nodes.section("", nodes.title(text="Inner"), nodes.paragraph(text="deep"), ids=["inner"])
    outer = nodes.section("", nodes.title(text="Outer"), nodes.paragraph(text="shallow"), inner, ids=["outer"])
    found = [(address, title, content.astext()) for address, title, content in parts("a/b", outer)]
    assert [(address, title) for address, title, _ in found] == [("a/b", "Outer"), ("a/b#inner", "Inner")]
    assert "deep" not in found[0][2]
    assert "shallow" in found[0][2]
    assert inner.parent is outer, "the page itself stays whole"
