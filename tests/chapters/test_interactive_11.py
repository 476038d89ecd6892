"""Chapter 11's demonstration: what is merged obeys both knobs, and the caption says its panoptic quality."""

from __future__ import annotations

import pytest
import torch

from course_lib.instances.panoptic import quality_by_kind
from course_lib.metrics.panoptic import PanopticQuality

from .demonstrations import draw, live_controls, namespace, sources

NAME = "11_instances_and_prompts"
MERGE = ("pin(0)", "K, STUFFS = len(CLASSES)", "def merging(")
CONTROLS = ("SCORE, VISIBLE = ",)


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, MERGE))


def test_strict_knobs_paste_fewer_things(space):
    seen = []
    for least_score, least_visible in ((0.05, 0.0), (0.5, 0.5), (0.99, 0.9)):
        made, _ = draw(space, "merging", least_score, least_visible)
        merged = torch.from_numpy(made.axes[1].images[0].get_array().copy())
        seen.append(len(merged.flatten(0, 1).unique(dim=0)))
    assert seen[0] >= seen[1] > seen[2]


@pytest.mark.parametrize(("least_score", "least_visible"), [(0.05, 0.0), (0.5, 0.5)])
def test_the_caption_has_the_quality_of_the_merged_maps(space, least_score, least_visible):
    _, caption = draw(space, "merging", least_score, least_visible)
    quality = PanopticQuality(len(space["CATEGORIES"]))
    maps = [space["merge_panoptic"](a, a["semantic"], space["STUFFS"], least_score=least_score,
                                    least_visible=least_visible) for a in space["fpn_answers"]]  # fmt: skip
    for mine, true in zip(maps, space["fpn_segments"], strict=True):
        quality.update(mine[None], true[None])
    things = quality_by_kind(quality, space["STUFFS"])["things"]
    assert f"PQ {100 * things['PQ']:.0f}, SQ {100 * things['SQ']:.0f}, RQ {100 * things['RQ']:.0f}" in caption


def test_live_sliders():
    assert live_controls(sources(NAME, MERGE), sources(NAME, CONTROLS)) == {"SelectionSlider": 2}
