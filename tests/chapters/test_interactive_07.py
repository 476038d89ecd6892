"""Chapter 7's two demonstrations draw every setting rightly, and a live kernel shows their controls."""

from __future__ import annotations

import pytest
import torch

from course_lib.data.scenes import CLASSES

from .demonstrations import draw, live_controls, namespace, sources

NAME = "07_understanding_cnns"
MARKS = ("import skimage.data", 'net = nets["scene_classifier"]', "def in_colour(", "def wilson(", "def evidence(",
         "def attack(", "several = world", "right = torch.cat(")  # fmt: skip


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, MARKS))


@pytest.mark.parametrize("name", CLASSES)
def test_the_votes_of_every_class_average_to_its_score(space, name):
    made, caption = draw(space, "evidence", name)
    assert f"vote for {name}" in caption
    votes = torch.as_tensor(made.axes[1].images[0].get_array())
    k = CLASSES.index(name)
    score = made.axes[2].patches[k].get_width()
    bias = float(space["net"].head.bias[k].detach())
    # Enlarging weighs the outermost places a little less, so the means agree only nearly.
    assert abs(float(votes.mean()) + bias - score) < 0.05 * float(votes.abs().max())
    assert f"score is {score:.1f}" in caption


def test_a_class_in_the_picture_has_its_strongest_vote_on_its_object(space):
    first = space["inhabitants"][0]
    assert len(space["inhabitants"]) == 3
    best = max(CLASSES, key=lambda n: float(space["net"](space["shown"])[0, CLASSES.index(n)]))
    assert best in space["inhabitants"], (best, first)


@pytest.mark.parametrize("eps", [0, 0.5, 4, 24])
def test_every_epsilon_changes_each_value_by_at_most_that(space, eps):
    made, caption = draw(space, "attack", eps)
    assert f"changed by {eps:g}/255" in caption
    original, attacked = (torch.as_tensor(made.axes[i].images[0].get_array()) for i in (0, 2))
    size = float((attacked - original).abs().max())
    assert size == pytest.approx(eps / 255, abs=1e-4)
    bars = [patch.get_width() for patch in made.axes[3].patches]
    assert sum(bars[:10]) == pytest.approx(1, abs=1e-4)
    assert sum(bars[10:]) == pytest.approx(1, abs=1e-4)
    if eps == 0:
        assert bars[:10] == bars[10:]
        assert f"says {CLASSES[int(space['y'][5])]} " in caption
    if eps == 4:
        assert bars[10 + int(space["y"][5])] < bars[int(space["y"][5])]


def test_live_controls():
    calls = sources(NAME, ["explore("])
    assert len(calls) == 2
    assert live_controls(sources(NAME, MARKS), calls) == {"Dropdown": 1, "FloatSlider": 1}
