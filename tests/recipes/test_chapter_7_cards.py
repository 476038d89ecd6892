"""The cards of chapter 7's recipes: what is quick is computed again, what is slow is held to its own logic."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from course_lib import interpretability as see
from course_lib.adversarial import paste, random_places
from course_lib.core.weights import load_checkpoint, read_card
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.metrics import psnr
from course_lib.networks.backbones import SceneNet
from recipes import inversions, judged_maps, open_attacks, shortcut_scenes
from recipes.scene_classifier import LEVEL, split_scores


def card_of(recipe) -> tuple[dict, dict[str, np.ndarray]]:
    with np.load(open_attacks.CARDS / f"{recipe.NAME}.npz") as stored:
        pictures = dict(stored)
    return json.loads((open_attacks.CARDS / f"{recipe.NAME}.json").read_text()), pictures


def test_the_shortcut_works_where_it_was_learned_and_nowhere_else():
    card, model = read_card("shortcut_scenes"), load_checkpoint("shortcut_scenes", SceneNet(len(CLASSES)))
    splits = {"accuracy": "test", "accuracy_confounded": "confounded"}
    found = split_scores(model, splits, shortcut_scenes.TEST, shortcut_scenes.TIED)
    assert found == pytest.approx({name: card[name] for name in splits}, abs=0.01)
    assert card["accuracy"] > 0.85
    assert card["accuracy_confounded"] < 0.2


def test_inverted_pictures_score_what_the_card_says():
    card, pictures = card_of(inversions)
    originals = inversions.windows()
    for name, found in card["found"].items():
        if name == "mean colour":
            continue
        images = torch.from_numpy(pictures[name]).float() / 255
        for image, original, stored in zip(images, originals, found["psnr"], strict=True):
            rounded = 10 ** (-stored / 10) + 1 / (12 * 255**2)  # what storing as bytes adds to the squared error
            assert 10 ** (-psnr(image, original) / 10) == pytest.approx(rounded, rel=0.15)


def test_the_same_layers_were_asked_in_both_networks():
    found = card_of(inversions)[0]["found"]
    for layer in (*inversions.LAYERS, "average"):
        assert found[f"trained, {layer}"]["numbers"] == found[f"untrained, {layer}"]["numbers"]


def test_the_stored_patches_call_their_class():
    card, pictures = card_of(open_attacks)
    images, labels = scene_dataset(open_attacks.JUDGED, split="test", difficulty=LEVEL).tensors
    places = random_places(len(images), (64, 64), open_attacks.SIDE, generator=torch.Generator().manual_seed(1))
    for name in open_attacks.NETWORKS:
        model = load_checkpoint(name, SceneNet(len(CLASSES))).requires_grad_(False)
        for target, found in card["networks"][name]["patches"].items():
            k = CLASSES.index(target)
            other = labels != k
            assert int(other.sum()) == found["scenes"]
            patch = torch.from_numpy(pictures[f"{name}, {target}"]).float() / 255
            again = open_attacks.share(model, paste(images[other], patch, places[other]), k)
            assert again == pytest.approx(found["patch"], abs=0.03)
            assert found["patch"] >= found["grains"] - 0.05


def test_questions_and_accuracy_tell_one_story():
    for found in card_of(open_attacks)[0]["networks"].values():
        stands = np.mean([q > open_attacks.QUERIES for q in found["questions"]])
        assert stands == pytest.approx(found["square"], abs=0.02)
        assert found["square"] <= found["clean"]


@pytest.fixture(scope="module")
def judged():
    net = load_checkpoint("scene_classifier", SceneNet(len(CLASSES))).requires_grad_(False)
    card = json.loads((judged_maps.CARDS / f"{judged_maps.NAME}.json").read_text())
    return card, net, *judged_maps.named_scenes(net)


def test_maps_point_as_often_as_the_card_says(judged):
    card, net, images, labels, masks = judged
    assert len(images) == card["scenes"]
    inside = judged_maps.box_interior(masks)
    assert inside[masks].double().mean() > 0.99
    maps = {
        "gradient": judged_maps.in_parts(lambda x, c: see.saliency(net, x, c), images, labels),
        "Grad-CAM": judged_maps.in_parts(lambda x, c: judged_maps.cam(net, "block5", x, c), images, labels),
    }
    for name, heat in maps.items():
        assert see.pointing_game(heat, inside) == pytest.approx(card["pointing"][name], abs=0.01)


def test_an_occlusion_map_leaves_out_the_border_and_peaks_where_it_matters(judged):
    _, net, images, labels, _ = judged
    heat = judged_maps.occlusion(net, images[:4], torch.full_like(images[:4], 0.5), labels[:4])
    assert heat.shape == (4, 64, 64)
    outside = torch.ones(64, 64, dtype=torch.bool)
    outside[4:60, 4:60] = False
    assert (heat[:, outside] == -1e3).all()
    assert (heat[:, ~outside] > -1e2).all()


@pytest.mark.parametrize(("nothing", "key"), [("blurred copy", "curves"), ("mean colour", "curves, mean colour")])
def test_some_scenes_of_the_card_fall_and_rise_as_its_curves(judged, nothing, key):
    card, net, images, labels, _ = judged
    some, named = images[:24], labels[:24]
    heat = see.saliency(net, some, named)
    deletion, insertion = judged_maps.areas(net, some, named, heat, judged_maps.nothings(some)[nothing]).mean(dim=1)
    curves = card[key]["gradient"]
    assert float(deletion) == pytest.approx(curves["deletion"]["area"], abs=0.1)
    assert float(insertion) == pytest.approx(curves["insertion"]["area"], abs=0.1)


def test_a_network_without_its_head_still_points_as_the_card_says(judged):
    card, net, images, labels, masks = judged
    inside = judged_maps.box_interior(masks)[: judged_maps.CURVES]
    other = see.randomised(net, "head", seed=0).eval()
    images, labels = images[: judged_maps.CURVES], labels[: judged_maps.CURVES]
    with torch.no_grad():
        assert (other(images).argmax(1) == labels).double().mean() < 0.3, "it knows no class any more"
    heat = judged_maps.in_parts(lambda x, c: judged_maps.cam(other, "block5", x, c), images, labels)
    assert see.pointing_game(heat, inside) == pytest.approx(card["pointing, head shuffled"]["Grad-CAM"][0], abs=0.02)


def test_shuffling_was_stored_for_every_depth_and_seed(judged):
    shuffling = judged[0]["shuffling"]
    assert set(judged_maps.RULES) | {"Grad-CAM"} <= set(shuffling)
    for found in shuffling.values():
        kept = np.array(found["correlation"])
        assert kept.shape == (judged_maps.SEEDS, len(judged_maps.LAYERS))
        assert (np.abs(kept) <= 1).all()
