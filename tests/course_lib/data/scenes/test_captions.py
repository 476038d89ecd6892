"""Captions checked by a reader that shares nothing with the writer: it parses the words and looks at the objects."""

import itertools

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import VOCABULARY, render, sample_figures, sample_scenes, visible_fraction, write_captions

SHAPES = ["square", "squircle", "star", "hexagram", "disc", "ring", "triangle", "wedge", "cross", "saltire"]
COLOURS = ["red", "orange", "yellow", "green", "cyan", "blue", "purple", "grey"]
SURFACES = ["plain", "striped", "checked", "brick", "grass", "gravel", "coin", "starry", "coffee"]
NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}


def things(scene, share, i):
    """Python dicts of the objects that can be seen in image i."""
    side, out = min(scene.height, scene.width), []
    for n in range(scene.class_id.shape[1]):
        if scene.class_id[i, n] < 0 or share[i, n] < 0.2:
            continue
        extent = 2 * scene.radius[i, n].item() / side
        size = "small" if extent < 0.27 else "medium" if extent < 0.37 else "large"
        words = {size, COLOURS[scene.colour_id[i, n]], SURFACES[scene.texture_id[i, n]], SHAPES[scene.class_id[i, n]]}
        out.append({"slot": n, "words": words, "x": scene.centre[i, n, 0].item(), "y": scene.centre[i, n, 1].item()})
    return out


def singular(word):
    if word in SHAPES:
        return word
    return word[:-2] if word.endswith("es") and word[:-2] in SHAPES else word[:-1]


def matching(phrase, objects):
    wanted = {singular(phrase[-1]), *phrase[:-1]}
    assert singular(phrase[-1]) in SHAPES
    return [thing for thing in objects if wanted <= thing["words"]]


def split(words):
    for k, word in enumerate(words):
        if word in ("left", "right", "above", "below"):
            return words[:k], word, words[k + (2 if word in ("left", "right") else 1) :]
    return words, None, None


def lies(a, b, relation):
    dx, dy = a["x"] - b["x"], a["y"] - b["y"]
    return {"left": dx < 0 and -dx > abs(dy), "right": dx > 0 and dx > abs(dy), "above": dy < 0 and -dy > abs(dx),
            "below": dy > 0 and dy > abs(dx)}[relation]  # fmt: skip


@pytest.fixture(scope="module")
def written():
    scene = sample_scenes(600, 64, generator=generator(4), objects=(1, 7), difficulty=0.7)
    crowd = sample_scenes(200, 64, generator=generator(5), objects=7, classes=("star", "ring"))  # many alike
    out = []
    for batch in (scene, crowd):
        drawn = render(batch, image=False)
        out.append((batch, visible_fraction(batch, drawn), write_captions(batch, drawn, generator(9))))
    return out


def test_every_caption_is_true_and_names_one_object_only(written):
    seen = {"name": 0, "relation": 0, "count": 0}
    for scene, share, captions in written:
        for i, text in enumerate(captions.texts):
            objects, words = things(scene, share, i), text.split()
            first, relation, second = split(words)
            group = matching(first[1:], objects)
            if first[0] in NUMBERS:
                assert relation is None
                assert len(group) == NUMBERS[first[0]], text
                seen["count"] += 1
                continue
            assert len(group) == 1, text
            assert (first[0] == "an") == (first[0] != "the" and first[1] == "orange")
            if relation is None:
                assert (first[0] == "the") == (len(objects) > 1), text
                seen["name"] += 1
            else:
                other = matching(second[1:], objects)
                assert len(other) == 1, text
                assert lies(group[0], other[0], relation), text
                seen["relation"] += 1
    assert min(seen.values()) > 50, seen


def test_each_word_is_aligned_with_the_objects_it_speaks_of(written):
    for scene, share, captions in written:
        for i in range(len(captions.tokens)):
            words = [VOCABULARY[k] for k in captions.tokens[i].tolist()]
            objects = {thing["slot"]: thing for thing in things(scene, share, i)}
            text = [w for w in words if w not in ("<start>", "<end>", "<pad>")]
            first, _, second = split(text)
            for k, word in enumerate(words):
                slots = captions.alignment[i, k].nonzero().flatten().tolist()
                if word in ("<start>", "<end>", "<pad>", "left", "right", "of", "above", "below"):
                    assert slots == []
                    continue
                phrase = first if k <= len(first) else second
                assert slots == [thing["slot"] for thing in matching(phrase[1:], list(objects.values()))]
                if word not in NUMBERS and word not in ("a", "an", "the"):
                    assert all(singular(word) in objects[s]["words"] or word in objects[s]["words"] for s in slots)


def test_token_layout(written):
    for _, _, captions in written:
        for row in captions.tokens.tolist():
            end = row.index(2)
            assert row[0] == 1
            assert set(row[end + 1 :]) <= {0}
            assert 0 not in row[:end]
    assert len(set(VOCABULARY)) == len(VOCABULARY)


def test_same_seed_same_words_and_many_sentences():
    scene = sample_scenes(300, 64, generator=generator(0))
    drawn = render(scene, image=False)
    one, two = (write_captions(scene, drawn, generator(1)).tokens for _ in range(2))
    assert torch.equal(one, two)
    texts = write_captions(scene, drawn, generator(1)).texts
    assert len(set(texts)) > 200
    used = set(itertools.chain.from_iterable(text.split() for text in texts))
    assert used >= {*SHAPES, *COLOURS, *SURFACES, "small", "medium", "large", "left", "right", "above", "below"}


def test_figures_have_no_words():
    scene = sample_figures(1, generator=generator())
    with pytest.raises(ValueError, match="figures"):
        write_captions(scene, render(scene), generator())
