"""Chapter 16's cards hold for the shipped weights, rates are inside their grids, and every kind trains in small."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.fashion import fashion_evaluation
from recipes import likelihood, likelihood_judged
from recipes.common import CARDS

VALUES = fashion_evaluation()[0][:, 0] // 16


@pytest.fixture(scope="module")
def card():
    return json.loads((CARDS / "16_likelihood.json").read_text())


@pytest.fixture(scope="module")
def judged():
    return json.loads((CARDS / "16_samples.json").read_text())


@pytest.mark.parametrize("name", likelihood_judged.LIKELIHOODS)
def test_bits_of_the_shipped_weights_are_those_of_the_card(name, judged, card):
    found = likelihood.bits_of(name, likelihood.shipped(name), VALUES)["bits"]
    assert found == pytest.approx(judged["evaluation"][name], rel=1e-3)
    assert found == pytest.approx(card["models"][name]["seeds"][0]["bits"], rel=0.05)  # other pictures of the test set


def test_reconstructions_and_the_prior_are_those_of_the_card(card):
    images = likelihood.pictures_of(VALUES)
    with torch.no_grad():
        error = float((likelihood.shipped("autoencoder")(images) - images).square().mean())
    assert error == pytest.approx(card["models"]["autoencoder"]["seeds"][0]["error"], rel=0.1)
    stored = card["models"]["vq_prior"]["seeds"][0]
    found = likelihood.two_part_bits(likelihood.shipped("vqvae"), likelihood.shipped("vq_prior"), VALUES,
                                     stored["variance"])  # fmt: skip
    assert found["bits"] == pytest.approx(stored["bits"], rel=0.05)
    assert found["token_bits"] == pytest.approx(stored["token_bits"], rel=0.05)


def test_samples_of_a_shipped_model_score_as_the_card_says(judged):
    flow = likelihood.shipped("flow")
    with torch.no_grad():
        found = likelihood_judged.judge(lambda n, s: likelihood_judged.as_values(flow.sample(n, s)), 500)
    assert found["frechet"] == pytest.approx(judged["models"]["flow"]["frechet"], rel=0.02)
    assert found["samples"] == judged["samples"]


def test_no_rate_at_the_edge_of_its_grid(card):
    assert set(card["models"]) == set(likelihood.KINDS)
    for found in card["models"].values():
        tried = sorted(map(float, found["rates_tried"]))
        assert tried[0] < found["best_in_short_runs"] < tried[-1]
        best = found["best_in_short_runs"]
        assert max(found["rates_tried"].values()) == found["rates_tried"][f"{best:g}"]


def test_the_four_that_look_back_saw_the_same_pictures(card):
    rows = [card["models"][name] for name in likelihood_judged.PAST]
    assert len({(row["pictures"], row["epochs"], row["batch"]) for row in rows}) == 1


@pytest.mark.parametrize("name", likelihood.KINDS)
def test_every_kind_trains_in_small(name, monkeypatch):
    monkeypatch.setitem(likelihood.KINDS, name, replace(likelihood.KINDS[name], pictures=32, epochs=1, batch=8))
    grids = torch.randint(64, (32, 7, 7), generator=generator(0)).to(torch.uint8) if name == "vq_prior" else VALUES[:32]
    model, history = likelihood.train(name, grids, grids[:8], 1e-3, seed=0)
    assert history.steps == 4
    if name == "vqvae":  # judged by its error alone
        return
    with torch.no_grad():
        loss = likelihood.loss_of(name, model, grids[:8], generator(9))
    assert float(loss) == pytest.approx(-history.metric[-1], rel=1e-5)


def test_densities_know_the_levels_and_noise_costs_nothing_where_there_is_none():
    """A flow that is the identity of logits has a density; bits_of must add log2 of the levels to it."""
    torch.manual_seed(0)
    flow = likelihood.KINDS["flow"].make()
    noise = torch.randint(16, (8, 28, 28), generator=generator(0)).to(torch.uint8)
    assert likelihood.bits_of("flow", flow, noise)["bits"] > 3.99  # even noise needs log2 16 = 4 bits
