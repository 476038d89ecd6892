"""The cards of chapter 18 hold for the shipped weights, its rates are inside their grids, its parts work in small."""

from __future__ import annotations

import json

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint, read_card
from course_lib.data.fashion import fashion_evaluation
from course_lib.diffusion.denoiser import Denoiser, NoisyClassifier
from course_lib.diffusion.forward import add_noise, to_signal
from course_lib.diffusion.schedules import cosine_schedule
from recipes import diffusion, diffusion_judged, fashion
from recipes.common import CARDS


@pytest.fixture(scope="module")
def card():
    return json.loads((CARDS / "18_diffusion.json").read_text())


@pytest.fixture(scope="module")
def clothes():
    pictures, classes = fashion_evaluation()
    return to_signal(pictures.float() / 255), classes


@pytest.mark.parametrize(("task", "name"), [("noise", "fashion_diffusion"), ("flow", "fashion_flow_matching")])
def test_the_shipped_denoisers_have_the_loss_of_their_cards(task, name, clothes):
    """On the 650 pictures of the project instead of the 2,000 that the card names."""
    model = load_checkpoint(name, diffusion.blank(task))
    loss = diffusion.loss_of(task, cosine_schedule(diffusion.T), {})
    with torch.no_grad():
        found = [float(loss(model, *clothes, generator(k))) for k in range(8)]
    assert sum(found) / 8 == pytest.approx(read_card(name)["validation_loss"], rel=0.1)


def test_the_noisy_classifier_is_as_good_as_its_card_says(clothes):
    model = load_checkpoint("fashion_noisy_classifier", NoisyClassifier(10, diffusion.T))
    pictures, classes = clothes
    said = read_card("fashion_noisy_classifier")["accuracy_by_time"]
    assert list(said) == ["0", "40", "80", "120", "160", "200"]
    for t in (0, 80, 200):
        noise = torch.randn(pictures.shape, generator=generator(t))
        noisy = add_noise(pictures, t, noise, schedule=cosine_schedule(diffusion.T))
        with torch.no_grad():
            right = model(noisy, torch.full((len(pictures),), t)).argmax(1) == classes
        assert float(right.double().mean()) == pytest.approx(said[str(t)], abs=0.06)
    assert said["200"] < 0.2 < 0.75 < said["0"]


def test_no_rate_is_at_an_edge(card):
    tried = [
        (read_card(name)["rate"], read_card(name)["rates_tried"])
        for name in ("fashion_diffusion", "fashion_flow_matching")
    ]
    tried += [(row["rate"], row["rates_tried"]) for row in card["plane"].values()]
    for rate, scores in tried:
        values = sorted(map(float, scores))
        assert values[0] < rate < values[-1]
        assert scores[str(rate)] == min(scores.values())


def test_both_denoisers_had_one_budget():
    noise, flow = (read_card(name) for name in ("fashion_diffusion", "fashion_flow_matching"))
    for key in ("epochs", "batch", "parameters", "label_forgotten", "average", "data"):
        assert noise[key] == flow[key]


def test_a_row_of_the_card_is_measured_again(card):
    """Ten steps of DDIM with seed 0, all 1,000 pictures."""
    studio = diffusion_judged.Studio(torch.device("cpu"))
    again, said = studio.diffusion(10, 0), card["samplers"]["DDIM"]["10"][0]
    assert again["frechet"] == pytest.approx(said["frechet"], rel=0.03)
    for key in ("precision", "recall", "agreement"):
        assert again[key] == pytest.approx(said[key], abs=0.02)


def test_guidance_buys_agreement_with_variety(card):
    for rows in card["guidance"].values():
        strengths = list(rows)
        first, last = rows[strengths[1]], rows[strengths[-1]]
        assert last["agreement"] > first["agreement"]
        assert last["recall"] < first["recall"]


def test_the_samplers_were_asked_equally_often(card):
    for name, rows in card["samplers"].items():
        for k, seeds in diffusion_judged.EVALUATIONS.items():
            assert len(rows[str(k)]) == seeds, name
            assert all(row["samples"] == diffusion_judged.COUNT for row in rows[str(k)])


def test_a_small_training_runs_and_learns(monkeypatch, clothes):
    pixels, classes = fashion_evaluation()
    data = fashion.Fashion((pixels[:500], classes[:500]), (pixels[500:], classes[500:]), (pixels, classes))
    monkeypatch.setattr(diffusion, "blank", lambda task, timeless=False: Denoiser(
        10, 1 if task == "flow" else diffusion.T, width=8, dimensions=16))  # fmt: skip
    for task, nothing in (("noise", 1.0), ("flow", 1.8)):  # what who predicts nothing pays
        _, history = diffusion.learn(task, data, 4e-3, seen=6400, device=torch.device("cpu"))
        assert history.metric[-1] < 0.9 * nothing


def test_the_plane_s_networks_learn(monkeypatch):
    monkeypatch.setattr(diffusion_judged, "PLANE_STEPS", 300)
    assert diffusion_judged.learn_plane(4e-3, 0, {})["energy"] < 0.1
