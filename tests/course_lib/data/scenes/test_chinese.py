"""Chinese sentences, read by a parser that shares nothing with the writer and looks the claims up in the scene."""

from __future__ import annotations

import re

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import render, sample_scenes, visible_fraction, write_captions
from course_lib.data.scenes.chinese import CHINESE_VOCABULARY, chinese_captions
from course_lib.data.scenes.parallel import CHINESE, ENGLISH, parallel_corpus, spell

from ...refusals import refused
from . import test_captions as captions

SHAPES = ["正方形", "圆角方形", "五角星", "六角星", "圆盘", "圆环", "三角形", "楔形", "十字", "斜十字"]
COLOURS = ["红色", "橙色", "黄色", "绿色", "青色", "蓝色", "紫色", "灰色"]
SURFACES = ["纯色", "条纹", "格子", "砖纹", "草纹", "碎石纹", "硬币纹", "星空纹", "咖啡纹"]
SIZES = ["小", "中等", "大"]
MEANS = dict(zip([*captions.SHAPES, *captions.COLOURS, *captions.SURFACES, "small", "medium", "large"],
                 [*SHAPES, *COLOURS, *SURFACES, *SIZES], strict=True))  # fmt: skip
NUMBERS = dict(zip(["两个", "三个", "四个", "五个", "六个", "七个", "八个", "九个"], range(2, 10), strict=True))
WORD = "|".join(sorted((*SHAPES, *COLOURS, *SURFACES, *SIZES), key=len, reverse=True))
RELATION = re.compile(rf"^在一个((?:{WORD})+)的(左边|右边|上方|下方)有一个((?:{WORD})+)$")
COUNT = re.compile(rf"^有({'|'.join(NUMBERS)})((?:{WORD})+)$")
NAME = re.compile(rf"^(一个|那个)((?:{WORD})+)$")


def things(scene, share, i):
    """The objects that can be seen in image i: Chinese words and places."""
    found = captions.things(scene, share, i)
    return [({MEANS[word] for word in thing["words"]}, thing["x"], thing["y"]) for thing in found]


def fitting(phrase, objects):
    wanted = re.findall(WORD, phrase)
    assert wanted[-1] in SHAPES
    assert sum(word in SHAPES for word in wanted) == 1
    return [thing for thing in objects if set(wanted) <= thing[0]]


def judge(text, objects):
    """The kind of a sentence, after its claim was found true."""
    if match := RELATION.match(text):
        (landmark,), (spoken,) = fitting(match[1], objects), fitting(match[3], objects)
        dx, dy = spoken[1] - landmark[1], spoken[2] - landmark[2]
        assert {"左边": -dx > abs(dy), "右边": dx > abs(dy), "上方": -dy > abs(dx), "下方": dy > abs(dx)}[match[2]]
        return "relation"
    if match := COUNT.match(text):
        assert len(fitting(match[2], objects)) == NUMBERS[match[1]]
        return "count"
    match = NAME.match(text)
    assert match, text
    assert len(fitting(match[2], objects)) == 1
    assert (match[1] == "那个") == (len(objects) > 1)
    return "name"


def test_every_sentence_is_true_of_its_scene():
    seen = {"name": 0, "relation": 0, "count": 0}
    scene = sample_scenes(600, 64, generator=generator(4), objects=(1, 7), difficulty=0.7)
    crowd = sample_scenes(200, 64, generator=generator(5), objects=7, classes=("star", "ring"))
    for batch in (scene, crowd):
        drawn = render(batch, image=False)
        share, tokens = visible_fraction(batch, drawn), write_captions(batch, drawn, generator(9)).tokens
        for i, row in enumerate(chinese_captions(tokens)):
            assert row.tolist().count(2) == 1  # it ends
            seen[judge("".join(spell(row, CHINESE_VOCABULARY)), things(batch, share, i))] += 1
    assert min(seen.values()) > 50, seen


def test_the_examples_of_the_grammar():
    from course_lib.data.scenes.captions import TOKEN

    for english, chinese in {
        "the small red star": "那个 小 红色 五角星",
        "a red striped star left of a small grey ring": "在 一个 小 灰色 圆环 的 左边 有 一个 红色 条纹 五角星",
        "an orange disc below a cross": "在 一个 十字 的 下方 有 一个 橙色 圆盘",
        "two yellow discs": "有 两个 黄色 圆盘",
    }.items():
        row = [1, *(TOKEN[word] for word in english.split()), 2]
        tokens = torch.tensor([row + [0] * (14 - len(row))])
        assert spell(chinese_captions(tokens)[0], CHINESE_VOCABULARY) == chinese.split()


def test_layout_of_texts():
    corpus = parallel_corpus(300, sentences=(1, 3))
    for table, words, mark in ((corpus.english, ENGLISH, ";"), (corpus.chinese, CHINESE, "；")):
        assert len(set(words)) == len(words)
        for row, number in zip(table, corpus.sentences, strict=True):
            tokens = row.tolist()
            end = tokens.index(2)
            assert tokens[0] == 1
            assert 0 not in tokens[:end]
            assert set(tokens[end + 1 :]) <= {0}
            assert spell(row, words).count(mark) == number - 1
    assert set(corpus.sentences.tolist()) == {1, 2, 3}


def test_texts_depend_on_seed_and_split_and_longer_requests_go_on():
    short, long = parallel_corpus(40), parallel_corpus(300)
    assert torch.equal(short.chinese, long.chinese[:40])
    for other in (parallel_corpus(40, seed=1), parallel_corpus(40, split="test")):
        assert not torch.equal(short.english, other.english)


def test_held_out_texts_speak_of_combinations_that_training_lacks():
    def named(split):
        found = set()
        for row in parallel_corpus(600, sentences=(1, 1), split=split).english:
            words = spell(row, ENGLISH)
            colour, surface = (next((w for w in words if w in kind), None) for kind in (ENGLISH[22:30], ENGLISH[30:39]))
            if colour and surface and len(words) < 6:
                found.add((words[-1], colour, surface))
        return found

    train, held = named("train"), named("heldout")
    assert len(held) > 20
    assert not train & held


def test_bad_input_is_refused():
    refused(lambda: chinese_captions(torch.zeros(3)), "tokens must be")
    refused(lambda: chinese_captions(torch.tensor([[99]])), "tokens")
    refused(lambda: parallel_corpus(0), "texts")
    refused(lambda: parallel_corpus(3, sentences=(3, 2)), "fewest, most")
    refused(lambda: parallel_corpus(3, split="tests"), "split")


@pytest.mark.parametrize("extra", [[], [2], [2, 0, 0]])
def test_spelling_ends_at_the_end(extra):
    assert spell(torch.tensor([1, 3, 5, *extra]), ENGLISH) == ["a", "the"]
