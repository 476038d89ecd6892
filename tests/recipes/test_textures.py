"""Chapter 8's card: its studies are complete, their crops share no pixel, and their pictures have their numbers."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from course_lib.texture import (
    RandomFilters,
    channel_mean,
    channel_mean_std,
    gram_matrix,
    spectrum_distance,
    texture_loss,
)
from recipes.texture_studies import FAR, SEEDS, SIDE, STUDIES, TEXTURES, cut
from recipes.textures import CARD

MEASURES = {"mean": channel_mean, "mean and deviation": channel_mean_std, "Gram": gram_matrix}


@pytest.fixture(scope="module")
def studies():
    return json.loads(CARD.read_text())["studies"]


@pytest.mark.parametrize("side", [SIDE, 96, 128])
def test_exemplar_and_other_crops_share_no_pixel(side):
    for (top, left), (other_top, other_left) in itertools.combinations(((0, 0), *FAR), 2):
        assert abs(top - other_top) >= side or abs(left - other_left) >= side
        assert cut("brick", top, left, side).shape == (1, 1, side, side)


def test_every_study_is_stored_with_three_textures_and_its_seeds(studies):
    assert set(studies) == set(STUDIES)
    ablation = studies["statistics"]["results"]
    for name in TEXTURES:
        assert [len(ablation[name][key]) for key in (*MEASURES, "other crop")] == [len(SEEDS)] * 4
        assert set(studies["optimisers"]["results"][name]) >= {"L-BFGS", "Adam 0.01", "Adam 1"}
        assert len(studies["starts"]["results"][name]["noise"]) == len(SEEDS)
        assert {len(v) for k, v in studies["features"]["results"][name].items() if k != "other crop"} == {2}


@pytest.mark.parametrize("name", TEXTURES)
def test_the_yardstick_is_that_of_the_card(studies, name):
    for key, measure in MEASURES.items():
        loss = texture_loss(RandomFilters(12, channels=1), measure, cut(name))
        rows = studies["statistics"]["results"][name]["other crop"]
        for at, row in zip(FAR, rows, strict=True):
            assert float(loss(cut(name, *at))) == pytest.approx(row[key], rel=1e-3)


@pytest.mark.parametrize("name", TEXTURES)
def test_a_stored_picture_has_the_cards_spectrum(studies, name):
    with np.load(CARD.with_suffix(".npz")) as pictures:
        made = torch.from_numpy(pictures[f"statistic_{name}_Gram"])[None, None] / 255
    wanted = studies["statistics"]["results"][name]["Gram"][0]["spectrum_db"]
    assert spectrum_distance(made, cut(name)) == pytest.approx(wanted, abs=0.1)
