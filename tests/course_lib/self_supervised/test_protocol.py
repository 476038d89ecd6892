"""The protocol's parts: probe and neighbours against scikit-learn, augmentations, the pictures and their parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from course_lib.core.seeding import generator
from course_lib.data.scenes.sample import held_out
from course_lib.data.scenes.shapes import CLASSES
from course_lib.self_supervised.pictures import SHAPES, several_things, single_things
from course_lib.self_supervised.probe import knn_labels, linear_probe
from course_lib.self_supervised.views import augment, colour_jitter, hue_matrix, random_crops


def clouds(n=150, seed=0):
    g = generator(seed)
    labels = torch.randint(3, (n,), generator=g)
    return torch.randn(n, 5, generator=g) * torch.tensor([1.0, 9, 1, 1, 1]) + 2 * torch.eye(5)[labels], labels


def test_the_probe_is_scikit_learn_s_on_standardised_features():
    x, y = clouds()
    probe = linear_probe(x, y, validation=clouds(seed=1), strengths=(0.5,))
    mean, deviation = x.mean(0), x.std(0, correction=0)
    plain = LogisticRegression(C=0.5, max_iter=1000).fit(((x - mean) / deviation).numpy(), y.numpy())
    wanted = plain.predict(((clouds(seed=2)[0] - mean) / deviation).numpy())
    mine = probe.model.predict(clouds(seed=2)[0].numpy())
    assert (wanted == mine).mean() > 0.98
    assert probe.accuracy(*clouds(seed=2)) > 0.6


def test_validation_chooses_the_strength_and_test_data_do_not():
    x, y = clouds(40)
    many = [linear_probe(x, y, validation=clouds(seed=1), strengths=(c,)).validation for c in (1e-4, 1e-2, 1.0)]
    best = linear_probe(x, y, validation=clouds(seed=1), strengths=(1e-4, 1e-2, 1.0))
    assert best.validation == max(many)
    assert best.strength == (1e-4, 1e-2, 1.0)[int(np.argmax(many))]


def test_neighbours_are_the_loop():
    x, y = clouds(60)
    q, _ = clouds(20, seed=3)
    mean, deviation = x.mean(0), x.std(0, correction=0)
    a, b = (q - mean) / deviation, (x - mean) / deviation
    wanted = []
    for row in a:
        cosine = torch.stack([row @ other / row.norm() / other.norm() for other in b])
        near = cosine.argsort(descending=True)[:7]
        votes = [sum(math.exp(float(cosine[i]) / 0.1) for i in near if y[i] == c) for c in range(3)]
        wanted.append(int(np.argmax(votes)))
    assert knn_labels(q, x, y, k=7).tolist() == wanted


def test_crops_fetch_a_box_of_the_picture():
    ramp = torch.linspace(0, 1, 64).expand(200, 1, 64, 64)
    seen = random_crops(ramp, generator(0), low=0.25, flip=False)
    span = seen[:, 0, 32, -1] - seen[:, 0, 32, 0]
    assert 0.4 < float(span.min()) < 0.6  # a quarter of the area: half the side, or so by the ratio
    assert float(span.max()) > 0.95
    assert (span > 0).all()
    turned = random_crops(ramp, generator(0), low=0.25)
    share = (turned[:, 0, 32, -1] < turned[:, 0, 32, 0]).float().mean()
    assert 0.38 < float(share) < 0.62


def test_colour_changes_leave_grey_grey_and_stay_in_range():
    x = torch.rand(100, 1, 4, 4, generator=generator(0)).expand(-1, 3, -1, -1)
    seen = colour_jitter(x, generator(1), strength=1.0)
    assert (seen.amax(1) - seen.amin(1)).max() < 1e-5
    y = torch.rand(400, 3, 4, 4, generator=generator(0))
    seen = colour_jitter(y, generator(1), strength=1.0, share=0.5, grey=0.25)
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 1
    kept = (seen - y).abs().flatten(1).max(1).values < 1e-6
    grey = (seen.amax(1) - seen.amin(1)).flatten(1).max(1).values < 1e-5
    assert abs(float(kept.float().mean()) - 0.375) < 0.08
    assert abs(float(grey.float().mean()) - 0.25) < 0.08
    assert torch.equal(colour_jitter(y, generator(1), share=0.0, grey=0.0), y)


def test_a_third_of_a_turn_sends_red_to_green():
    turn = hue_matrix(torch.tensor([2 * math.pi / 3]))[0]
    red, green, blue = torch.eye(3)
    assert torch.allclose(turn @ red, green, atol=1e-6)
    assert torch.allclose(turn @ green, blue, atol=1e-6)
    assert torch.allclose(turn @ torch.ones(3), torch.ones(3), atol=1e-6)


def test_the_same_seed_gives_the_same_view():
    x = torch.rand(5, 3, 8, 8, generator=generator(0))
    assert torch.equal(augment(x, generator(3)), augment(x, generator(3)))
    assert not torch.equal(augment(x, generator(3)), augment(x, generator(4)))


def test_parts_hold_what_they_say():
    classes = torch.tensor([CLASSES.index(name) for name in SHAPES])
    for part, share in (("train", 0.0), ("heldout", 1.0)):
        p = single_things(300, part)
        assert float(held_out(classes[p.shapes], p.colours, p.textures).float().mean()) == share
    tied, free = single_things(600, "shortcut"), single_things(600, "confounded")
    assert float((tied.colours == classes[tied.shapes] % 8).float().mean()) > 0.9
    assert float((free.colours == classes[free.shapes] % 8).float().mean()) < 0.25
    assert not torch.equal(single_things(10, "val").images, single_things(10, "test").images)
    assert torch.equal(single_things(300).images[:20], single_things(20).images)


def test_sentences_speak_of_their_pictures():
    images, tokens, scene = several_things(300, objects=(1, 3))
    assert images.shape == (300, 3, 32, 32)
    assert len(tokens) == len(scene) == 300
    number = (scene.class_id >= 0).sum(1)
    assert {1, 2, 3} == set(number.tolist())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: linear_probe(*clouds(), validation=clouds(), strengths=()), "strengths"),
        (lambda: knn_labels(clouds()[0], *clouds(), k=151), "k must be"),
        (lambda: random_crops(torch.rand(1, 3, 4, 4), generator(0), low=0.0), "low"),
        (lambda: colour_jitter(torch.rand(1, 3, 4, 4), generator(0), grey=1.5), "grey"),
        (lambda: single_things(3, "other"), "part"),
        (lambda: single_things(0), "count"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "\n" not in str(error.value)
