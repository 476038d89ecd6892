"""Filters on layers: one linear channel equals KCF's linear filter, coarse layers bind fine ones."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.tracking.contest import contestants
from course_lib.tracking.hcf import HCF, agreed_place, network_layers, pixel_layers
from course_lib.tracking.kcf import KCF
from course_lib.tracking.mosse import bump
from course_lib.tracking.tracker import follow

from .test_correlation_filters import moving_photograph

BOX = torch.tensor([50.0, 40.0, 90.0, 80.0])


def test_one_layer_answers_as_the_linear_kernel_does():
    """The same ridge regression, once in its primal and once in its dual form."""
    clip = moving_photograph(3, 2)
    weight = 1e-2
    primal = HCF(pixel_layers(32), 0.1, weight / (3 * 32 * 32), side=32)
    dual = KCF(None, weight, 0.1, side=32, features=lambda window: window - 0.5)
    for tracker in (primal, dual):
        tracker.begin(clip[0], BOX)
    torch.testing.assert_close(primal.responses(clip[1])[0], dual.response(clip[1]), rtol=1e-3, atol=1e-4)


def test_a_coarse_layer_chooses_between_two_fine_peaks():
    fine = bump(32, 32, 1.5).roll((-3, 4), (0, 1)) + 1.2 * bump(32, 32, 1.5).roll((10, -9), (0, 1))
    coarse = bump(32, 32, 5.0).roll((-4, 5), (0, 1))
    assert agreed_place([fine], 4, 1.0) == pytest.approx((-9, 10), abs=0.1)
    assert agreed_place([fine, coarse], 4, 0.1) == pytest.approx((4, -3), abs=0.2)


def test_what_the_coarse_layer_said_pulls_between_two_fine_peaks_that_are_both_near():
    fine = bump(32, 32, 1.0).roll((0, 3), (0, 1)) + 1.1 * bump(32, 32, 1.0).roll((0, -3), (0, 1))
    coarse = bump(32, 32, 4.0).roll((0, 2), (0, 1))
    assert agreed_place([fine, coarse], 6, 0.0) == pytest.approx((-3, 0), abs=0.1)
    assert agreed_place([fine, coarse], 6, 1.0) == pytest.approx((3, 0), abs=0.5)


def test_reach_holds_in_both_directions():
    fine = bump(32, 32, 1.5) + 1.5 * bump(32, 32, 1.5).roll((10, 0), (0, 1))
    coarse = bump(32, 32, 5.0)
    assert agreed_place([fine, coarse], 4, 0.1) == pytest.approx((0, 0), abs=0.2)


def test_numerators_and_denominators_are_averaged_over_time():
    clip = moving_photograph(3, 2)
    tracker = HCF(pixel_layers(16), 0.3, 1e-3, side=32)
    parts = []
    for k, frame in enumerate(clip[:3]):
        tracker.centre, tracker.size = (BOX[:2] + BOX[2:]) / 2, (40.0, 40.0)
        tracker.learn(frame, first=k == 0)
        alone = HCF(pixel_layers(16), 0.3, 1e-3, side=32)
        alone.centre, alone.size = tracker.centre, tracker.size
        alone.learn(frame, first=True)
        parts.append((alone.above[0], alone.below[0]))
    for ours, (a, b, c) in zip((tracker.above[0], tracker.below[0]), zip(*parts, strict=True), strict=True):
        torch.testing.assert_close(ours, 0.7 * (0.7 * a + 0.3 * b) + 0.3 * c)


def test_the_search_goes_around_the_edge():
    fine, coarse = bump(16, 16, 1.0).roll((-8, 7), (0, 1)), bump(16, 16, 3.0).roll((7, -8), (0, 1))
    dx, dy = agreed_place([fine, coarse], 3, 0.0)
    assert dx == pytest.approx(7, abs=0.1)
    assert abs(dy) == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize("kind", ["pixels", "network"])
def test_it_follows_a_moving_photograph(kind):
    torch.manual_seed(0)
    layers = pixel_layers(32) if kind == "pixels" else network_layers(SceneEncoder().eval(), (0, 1), 32)
    boxes, scores = follow(HCF(layers, side=64), moving_photograph(6, 3), BOX)
    wanted = BOX + torch.arange(6)[:, None] * torch.tensor([-3.0, 0.0, -3.0, 0.0])
    assert (boxes - wanted).abs().max() < 1.5
    assert scores.min() > 3


def test_layers_have_one_grid_and_size_one():
    maps = network_layers(SceneEncoder().eval(), (0, 2, 3), 16)(torch.rand(3, 64, 64, generator=generator(0)))
    assert [tuple(x.shape) for x in maps] == [(24, 16, 16), (64, 16, 16), (96, 16, 16)]
    assert [float(x.square().mean()) for x in maps] == pytest.approx([1, 1, 1], abs=1e-4)


def test_no_response_is_named():
    with pytest.raises(ValueError, match="layers"):
        agreed_place([], 3, 1.0)


def test_contestants_begin_and_step():
    """Each is built with the rate that was asked for, and without an encoder there is no HCF."""
    made = contestants(SceneEncoder().eval())
    assert [*made] == [*contestants(None), "HCF"]
    clip = moving_photograph(2, 2)
    for name, make in made.items():
        tracker = make(0.07)
        assert tracker.rate == 0.07
        boxes, _ = follow(tracker, clip, BOX)
        assert (boxes[1] - BOX).abs().max() < 6, name
