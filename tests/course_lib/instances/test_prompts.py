"""Prompts and users: codes of places, kinds, clicks in errors, persons and parts."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import render, sample_figures, sample_scenes, visible_masks
from course_lib.instances import clicks
from course_lib.instances.nested import LIMBS, person_and_part_masks
from course_lib.instances.prompts import (
    BOTTOM_RIGHT,
    NOT_THIS,
    NOTHING,
    THIS,
    TOP_LEFT,
    PromptEncoder,
    RandomFourier,
    box_prompts,
)


def test_near_places_have_like_codes_and_the_grid_is_at_the_middles():
    torch.manual_seed(0)
    code = RandomFourier(32)
    points = torch.tensor([[10.0, 10], [11, 10], [50, 30]])
    a, b, far = code(points, 64, 64)
    assert torch.allclose(a.norm(), torch.tensor(4.0))  # 16 pairs of length 1
    assert (a - b).norm() < 0.3 * (a - far).norm()
    middles = torch.tensor([[2.0, 2], [6, 2], [2, 6]])
    grid = code.grid(16, 16)
    assert torch.allclose(code(middles, 64, 64), grid[[0, 1, 16]], atol=1e-5)
    assert torch.allclose(code.grid(4, 8)[8], code(torch.tensor([4.0, 12]), 32, 64), atol=1e-5)


def test_tokens_depend_on_place_and_kind_and_padding_on_neither():
    torch.manual_seed(0)
    encoder = PromptEncoder(16)
    points = torch.tensor([[[5.0, 5], [9, 9]], [[5, 5], [40, 9]]])
    kinds = torch.tensor([[THIS, NOTHING], [NOT_THIS, NOTHING]])
    tokens = encoder(points, kinds, (64, 64))
    assert not torch.allclose(tokens[0, 0], tokens[1, 0])
    assert torch.equal(tokens[0, 1], tokens[1, 1])
    assert encoder.dense(None, 8, 8).shape == (1, 16, 1, 1)
    assert encoder.dense(torch.rand(3, 16, 16), 8, 8).shape == (3, 16, 8, 8)
    points, kinds = box_prompts(torch.tensor([[1.0, 2, 3, 4]]))
    assert points.tolist() == [[[1, 2], [3, 4]]]
    assert kinds.tolist() == [[TOP_LEFT, BOTTOM_RIGHT]]


def test_random_clicks_fall_everywhere_into_the_region():
    region = torch.zeros(1, 6, 8, dtype=torch.bool)
    region[0, 2, 3:6] = True
    points = clicks.random_click(region.expand(300, -1, -1), generator(0))
    found = sorted({tuple(p) for p in points.tolist()})
    assert found == [(3.5, 2.5), (4.5, 2.5), (5.5, 2.5)]


def test_the_inner_point_is_the_middle_of_the_largest_part():
    region = torch.zeros(20, 30, dtype=torch.bool)
    region[1:3, 0:9] = True  # 18 pixels, and the larger one:
    region[8:17, 10:19] = True
    assert clicks.inner_point(region).tolist() == [14.5, 12.5]


def test_the_careful_user_clicks_into_the_largest_error_and_says_what_it_is():
    truth = torch.zeros(2, 16, 16, dtype=torch.bool)
    truth[:, 4:12, 4:12] = True
    answers = truth.clone()
    answers[0, 4:7] = False  # missed at the top
    answers[1, :3, :] = True  # too much at the top
    answers[1, 11, 11] = False
    points, kinds = clicks.error_click(answers, truth)
    assert kinds.tolist() == [THIS, NOT_THIS]
    x, y = points.long().unbind(1)
    assert (answers ^ truth)[[0, 1], y, x].all()
    assert points[0, 1] == 5.5
    points, kinds = clicks.error_click(truth, truth)  # nothing is wrong
    assert kinds.tolist() == [THIS, THIS]
    some, kinds = clicks.error_click(answers, truth, generator(0))
    x, y = some.long().unbind(1)
    assert (answers ^ truth)[[0, 1], y, x].all()
    assert (kinds == torch.where(truth[[0, 1], y, x], THIS, NOT_THIS)).all()


def test_a_session_ends_in_the_truth_if_each_click_is_obeyed():
    truth = torch.rand(5, 4, 4, generator=generator(0)) > 0.5

    def obey(points, kinds):
        masks = torch.zeros_like(truth)
        x, y = points.long().unbind(2)
        for k in range(points.shape[1]):
            masks[torch.arange(5), y[:, k], x[:, k]] = kinds[:, k] == THIS
        return masks

    masks, points, kinds = clicks.click_session(obey, truth, 16, generator=generator(1))
    assert masks.shape == (16, 5, 4, 4)
    assert points.shape == (5, 16, 2)
    assert kinds.shape == (5, 16)
    assert torch.equal(masks[-1], truth)
    more = clicks.with_room(points, kinds, 2)
    assert (more[1][:, -2:] == NOTHING).all()


def test_parts_make_their_person_and_do_not_overlap():
    scene = sample_figures(6, 64, generator=generator(2), figures=(1, 2))
    drawn = render(scene, geometry=False)
    persons, parts = person_and_part_masks(scene, drawn)
    assert parts.shape == (6, 2, len(LIMBS), 64, 64)
    assert torch.equal(persons, visible_masks(scene, drawn))
    assert torch.equal(parts.sum(2) == 1, persons)
    head = parts[:, :, list(LIMBS).index("head")]
    rows = torch.arange(64.0)[:, None]
    there = (head.sum((2, 3)) > 0) & (persons.sum((2, 3)) > 100)
    height = lambda masks: (masks * rows).sum((2, 3)) / masks.sum((2, 3)).clamp(min=1)  # noqa: E731
    assert (height(head) < height(persons))[there].all()


def test_bad_input():
    with pytest.raises(ValueError, match="even"):
        RandomFourier(7)
    with pytest.raises(ValueError, match="kinds"):
        PromptEncoder(8)(torch.rand(2, 3, 2), torch.zeros(2, 2, dtype=torch.int64), (64, 64))
    with pytest.raises(ValueError, match="earlier"):
        PromptEncoder(8).dense(torch.rand(2, 8, 8), 8, 8)
    with pytest.raises(ValueError, match="at least one pixel"):
        clicks.random_click(torch.zeros(1, 4, 4, dtype=torch.bool), generator(0))
    with pytest.raises(ValueError, match="bool"):
        clicks.error_click(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4, dtype=torch.bool))
    scene = sample_scenes(1, 32, generator=generator(0))
    with pytest.raises(ValueError, match="sample_figures"):
        person_and_part_masks(scene, render(scene, geometry=False))
