"""The judge of captions agrees with the writer on true ones, and sees every kind of lie."""

from __future__ import annotations

import pytest

from course_lib.core.seeding import generator
from course_lib.data.scenes import CLASSES, COLOURS, render, sample_scenes, write_captions
from course_lib.data.scenes.truth import Thing, judge_caption, read_caption, visible_things

THINGS = [
    Thing(frozenset({"small", "red", "plain"}), "star", 20, 30),
    Thing(frozenset({"large", "red", "striped"}), "star", 50, 35),
    Thing(frozenset({"large", "grey", "brick"}), "ring", 30, 10),
]


def test_what_the_writer_writes_is_true():
    for objects, seed in (((1, 3), 0), ((4, 7), 1)):
        scene = sample_scenes(300, 64, generator=generator(seed), objects=objects)
        drawn = render(scene, image=False)
        texts = write_captions(scene, drawn, generator(2)).texts
        for text, things in zip(texts, visible_things(scene, drawn), strict=True):
            assert judge_caption(text.split(), things).true, text


def test_captions_of_other_scenes_are_mostly_false():
    scene = sample_scenes(300, 64, generator=generator(3), objects=2)
    drawn = render(scene, image=False)
    texts, things = write_captions(scene, drawn, generator(2)).texts, visible_things(scene, drawn)
    right = [judge_caption(text.split(), things[k - 1]).true for k, text in enumerate(texts)]
    assert sum(right) < 0.1 * len(right)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a small red star", {"true": True}),
        ("the ring", {"true": True}),
        ("two red stars", {"true": True}),
        ("a small star left of a large star", {"true": True, "relation": True}),
        ("a ring above a small star", {"true": True}),
        ("a cross", {"object": False, "attributes": False, "true": False}),
        ("a grey star", {"object": True, "attributes": False, "true": False}),
        ("the red star", {"attributes": True, "count": False, "true": False}),  # there are two
        ("three red stars", {"count": False, "true": False}),
        ("a small star right of a large star", {"attributes": True, "relation": False, "true": False}),
        ("a blue star left of a ring", {"object": True, "attributes": False, "true": False}),
    ],
)
def test_each_kind_of_lie_is_named(text, parts):
    verdict = judge_caption(text.split(), THINGS)
    assert verdict.grammar
    for part, wanted in parts.items():
        assert getattr(verdict, part) is wanted, part


@pytest.mark.parametrize(
    "text",
    ["", "star", "a", "a red", "star a", "a red small star", "a red red star", "two star", "a stars",
     "a star left a ring", "a star left of", "left of a ring", "a star above of a ring",
     "two stars above a ring", "a star a ring"],
)  # fmt: skip
def test_what_is_no_caption_is_no_claim(text):
    assert read_caption(text.split()) is None
    assert not judge_caption(text.split(), THINGS).true


def test_any_class_and_colour_is_understood():
    for kind in CLASSES:
        for colour in COLOURS:
            (name, _, _) = read_caption(["a", colour, kind])
            assert (name.kind, name.attributes) == (kind, frozenset({colour}))
