"""Chapter 8's two demonstrations draw every setting, and a live kernel shows their controls."""

from __future__ import annotations

import pytest

from .demonstrations import draw, live_controls, namespace, sources

NAME = "08_texture_and_style"
MARKS = (
    "import json",
    "pin(0)",
    "def crop(",
    "stored = {",
    "def copied(",
    "def grow(",
    "def repainted(",
    "def transfer(",
)


@pytest.fixture(scope="module")
def space():
    return namespace(sources(NAME, MARKS))


@pytest.mark.parametrize("name", ["gravel", "brick", "grass"])
@pytest.mark.parametrize("window", [5, 11, 23])
def test_every_window_is_drawn(space, name, window):
    made, caption = draw(space, "grow", name, window)
    assert f"{name} grown with a window of {window} pixels" in caption
    sample, grown = (ax.images[0].get_array() for ax in made.axes)
    assert sample.shape == grown.shape == (64, 64)
    assert (sample[32 - window // 2, 32 - window // 2 : 32 + window // 2 + 1] == 1).all()  # the window is marked


@pytest.mark.parametrize("subject", ["astronaut", "chelsea"])
@pytest.mark.parametrize("style", ["brick", "gravel"])
@pytest.mark.parametrize("weight", [0.03, 0.2, 1.0, 5.0])
def test_every_weight_is_drawn_with_its_losses(space, subject, style, weight):
    made, caption = draw(space, "transfer", subject, style, weight)
    numbers = space["card"]["pictures"][f"style_{subject}_{style}_{weight}"]
    assert f"weight {weight:g}: content loss {numbers['content']:.3f}, style loss {numbers['style']:.3f}" in caption
    content, painted, _ = (ax.images[0].get_array() for ax in made.axes)
    assert content.shape == painted.shape == (128, 128, 3)
    assert abs(content - painted).max() > 0.05


@pytest.mark.parametrize("name", ["gravel", "brick", "grass"])
def test_the_stored_pictures_have_the_losses_of_the_card(space, name):
    texture, crop = space["texture"], space["crop"]
    loss = texture.texture_loss(texture.RandomFilters(channels=1), texture.gram_matrix, crop(name, 128))
    found, wanted = float(loss(space["stored"][f"gram_{name}"])), space["card"]["pictures"][f"gram_{name}"]["loss"]
    assert found == pytest.approx(wanted, rel=0.1)  # the pictures are rounded to bytes


def test_each_window_of_the_copier_has_three_seeds_whose_likeness_is_the_cards(space):
    texture, rows = space["texture"], space["card"]["pictures"]
    for name in ("gravel", "brick", "grass"):
        grown = [space["stored"][f"efros_{name}_11_{seed}"] for seed in range(3)]
        found = texture.shift_correlation(grown[1], grown[0], 24)[0]
        assert found == pytest.approx(rows[f"efros_{name}_11_0"]["next_seed"], abs=0.01)


def test_live_controls():
    calls = sources(NAME, ["explore("])
    assert len(calls) == 2
    assert live_controls(sources(NAME, MARKS), calls) == {"Dropdown": 3, "SelectionSlider": 2}
