"""Boxes survive their words, sequences say what they should, and decoding keeps to the grammar."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.detection.box_tokens import FIRST, WORDS, BoxVocabulary, invented_boxes, object_sequence
from course_lib.detection.pix2seq import Pix2Seq
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.networks.decoding import END, PAD, START

from ..refusals import refused

VOCABULARY = BoxVocabulary(bins=32, classes=4)
TARGET = {"boxes": torch.tensor([[3.0, 5, 30, 60], [50, 0, 100, 80]]), "labels": torch.tensor([1, 3])}
SIZE = (80, 100)


def test_a_box_survives_its_words_up_to_half_a_strip():
    stream = generator(0)
    corner = torch.rand(200, 2, generator=stream) * torch.tensor([60.0, 50])
    boxes = torch.cat([corner, corner + torch.rand(200, 2, generator=stream) * torch.tensor([40.0, 30])], 1)
    labels = torch.randint(4, (200,), generator=stream)
    found, kinds = VOCABULARY.read(VOCABULARY.write(boxes, labels, SIZE), SIZE)
    assert torch.equal(kinds, labels)
    assert ((found - boxes).abs() <= torch.tensor([100.0, 80, 100, 80]) / 64 + 1e-4).all()
    assert ((found - boxes).abs().amax(0) > 0.9 * torch.tensor([100.0, 80, 100, 80]) / 64).all(), "the bound is met"


def test_the_order_of_words_is_y_before_x():
    words = VOCABULARY.write(torch.tensor([[50.0, 0, 100, 40]]), torch.tensor([2]), SIZE)
    assert words.tolist() == [[FIRST, FIRST + 16, FIRST + 16, FIRST + 31, FIRST + 32 + 2]]


def test_a_reversed_box_is_read_as_one_without_area():
    boxes, _ = VOCABULARY.read(torch.tensor([FIRST + 9, FIRST + 9, FIRST, FIRST, FIRST + 32]), SIZE)
    assert (boxes[2:] == boxes[:2]).all()


def objects_of(words: torch.Tensor) -> set[tuple[int, ...]]:
    return {tuple(part) for part in words.unflatten(0, (-1, WORDS)).tolist()}


def test_a_sequence_with_augmentation():
    read, said = object_sequence(TARGET, VOCABULARY, SIZE, most=5, generator=generator(0))
    real = objects_of(VOCABULARY.write(TARGET["boxes"], TARGET["labels"], SIZE).flatten())
    assert read.shape == said.shape == (26,)
    assert read[0] == START
    assert objects_of(read[1:11]) == objects_of(said[:10]) == real
    invented = said[10:25].unflatten(0, (3, 5))
    assert (invented[:, :4] == PAD).all(), "nobody asks where an object is that does not exist"
    assert (invented[:, 4] == VOCABULARY.noise).all()
    assert ((read[11:].unflatten(0, (3, 5))[:, 4] - FIRST - 32) < 4).all(), "its class is read as some real class"
    assert (read[11:] != PAD).all()
    assert said[25] == PAD


def test_a_sequence_without_augmentation_ends():
    read, said = object_sequence(TARGET, VOCABULARY, SIZE, most=5, generator=generator(0), augment=False)
    assert objects_of(read[1:11]) == objects_of(said[:10])
    assert said[10] == END
    assert (said[11:] == PAD).all()
    assert (read[11:] == PAD).all()


def test_the_order_of_objects_is_drawn():
    firsts = {tuple(object_sequence(TARGET, VOCABULARY, SIZE, most=5, generator=generator(k))[1][:5].tolist())
              for k in range(10)}  # fmt: skip
    assert len(firsts) == 2


def test_invented_boxes_lie_in_the_picture_and_half_of_them_near_real_ones():
    found = invented_boxes(400, TARGET["boxes"][:1], SIZE, generator=generator(0))
    assert (found >= 0).all()
    assert (found[:, 2:] <= torch.tensor([100, 80])).all()
    assert (found[:, 2:] > found[:, :2]).all()
    near = ((found[:, :2] + found[:, 2:]) / 2 - torch.tensor([16.5, 32.5])).abs() < torch.tensor([14.0, 28])
    assert 0.5 < near.all(1).float().mean() < 0.75
    assert invented_boxes(0, TARGET["boxes"][:0], SIZE, generator=generator(0)).shape == (0, 4)


@pytest.mark.parametrize("augment", [True, False])
def test_decoding_keeps_to_the_grammar_and_scores_are_chances(augment):
    torch.manual_seed(0)
    model = Pix2Seq(SceneEncoder(), 4, most=3, augment=augment).eval()
    if not augment:
        model.bias.data[END] = -50.0  # never ends by itself
    with torch.no_grad():
        found = model.detect(torch.rand(3, 3, 64, 64, generator=generator(0)))
    for answer in found:
        assert answer["boxes"].shape == (3, 4)
        assert ((answer["labels"] >= 0) & (answer["labels"] < 4)).all()
        assert ((answer["scores"] > 0) & (answer["scores"] < 1)).all()


def test_without_augmentation_it_can_end_at_once_and_between_objects_only():
    torch.manual_seed(0)
    model = Pix2Seq(SceneEncoder(), 4, most=3, augment=False).eval()
    model.bias.data[END] = 50.0
    with torch.no_grad():
        assert len(model.detect(torch.rand(1, 3, 64, 64))[0]["boxes"]) == 0
    assert [bool(VOCABULARY.allowed(k, may_end=True)[END]) for k in range(6)] == [True, *[False] * 4, True]
    assert not VOCABULARY.allowed(0, may_end=False)[END]
    assert not any(VOCABULARY.allowed(k, may_end=True)[VOCABULARY.noise] for k in range(5))


def test_steps_agree_with_reading_all_at_once():
    torch.manual_seed(0)
    model = Pix2Seq(SceneEncoder(), 4, most=2).eval()
    memory = model.memory(torch.rand(2, 3, 64, 64))
    tokens = torch.randint(FIRST, FIRST + 64, (2, 6))
    state = (memory, tokens[:, :0])
    for k in range(6):
        scores, state = model.step(tokens[:, k], state)
    whole = model.read(tokens, memory)[:, -1]
    kept = scores.isfinite()
    torch.testing.assert_close(scores[kept], whole[kept])
    assert kept[0].tolist() == model.vocabulary.allowed(5, may_end=False).tolist()


def test_coordinates_begin_as_neighbours():
    torch.manual_seed(0)
    words = Pix2Seq(SceneEncoder(), 4, bins=32).words.weight[FIRST : FIRST + 32]
    apart = torch.cdist(words, words)
    nearest = apart.fill_diagonal_(math.inf).argmin(1)
    assert ((nearest - torch.arange(32)).abs() == 1).all()


def test_the_loss_is_the_mean_cross_entropy_of_the_words_that_are_asked():
    torch.manual_seed(0)
    model = Pix2Seq(SceneEncoder(), 4, most=3).eval()
    images, stream = torch.rand(1, 3, 96, 128), generator(5)
    found = sum(model.losses(images, [TARGET], stream).values())
    read, said = object_sequence(TARGET, model.vocabulary, (96, 128), most=3, generator=generator(5))
    scores = model.read(read[None], model.memory(images))[0]
    torch.testing.assert_close(found, torch.nn.functional.cross_entropy(scores, said, ignore_index=PAD))


def test_too_many_objects_are_refused():
    refused(lambda: object_sequence(TARGET, VOCABULARY, SIZE, most=1, generator=generator(0)), "2 objects, but the seq")
    refused(lambda: BoxVocabulary(0, 4), "bins")
