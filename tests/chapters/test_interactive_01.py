"""Chapter 1: the two interactive demonstrations draw every setting, and the printed numbers say what the text says."""

from __future__ import annotations

import json
import re

import pytest
import torch

from course_book.paths import CHAPTERS, text_path
from course_lib.core.seeding import generator
from course_lib.data import scenes as world

from .demonstrations import code_cells, draw, live_controls, namespace, sources

NAME = "01_visual_data_and_learning"
MARKS = (
    "pin(0)",
    "import json",
    "def flow_colours(",
    "def normal_colours(",
    "LAYERS = {",
    "petals, species",
    "def vote(",
)


def needed():
    """Sources that the demonstrations need: imports, colours, drawing functions."""
    return [code.split("people = world")[0] for code in sources(NAME, MARKS)]  # of the gallery only the colours


def printed(mark):
    """Text output of the one cell that holds `mark` in its source."""
    (cell,) = [cell for cell in code_cells(NAME) if mark in cell.source]
    parts = [o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
    return "\n".join(parts)


def rows(mark):
    """The rows of a printed table, cells cut where two or more blanks stand."""
    return [re.split(r"\s{2,}", line.strip()) for line in printed(mark).splitlines()[1:]]


def percent(text):
    return float(re.search(r"[\d.]+", text)[0])


@pytest.fixture(scope="module")
def space():
    return namespace(needed())


@pytest.mark.parametrize("layer", ["instances", "semantic", "depth", "normals", "hidden parts"])
@pytest.mark.parametrize(("seed", "difficulty"), [(0, 0.0), (8, 0.6), (99, 1.0)])
def test_every_layer_is_drawn_with_its_own_label(space, layer, seed, difficulty):
    made, caption = draw(space, "explore_scene", seed, difficulty, layer)
    assert layer in caption
    picture, label = (ax.images[0].get_array() for ax in made.axes)
    scene = world.sample_scenes(1, 96, generator=generator(seed), difficulty=difficulty)
    drawn = world.render(scene, geometry=True)
    assert torch.allclose(torch.as_tensor(picture.data), drawn.image[0].movedim(0, -1))
    assert label.shape[:2] == (96, 96)
    if layer == "depth":
        assert torch.allclose(torch.as_tensor(label.data), drawn.depth[0].clamp(max=5.1 * 96))
    if layer == "instances":  # one flat colour for each object and one for the background
        colours = torch.unique(torch.as_tensor(label.data).reshape(-1, 3), dim=0)
        assert len(colours) == len(world.instance_map(scene, drawn).unique())


@pytest.mark.parametrize("wrong", [0.0, 0.5, 1.0])
def test_one_neighbour_memorises_and_many_vote_noise_down(space, wrong):
    captions = [draw(space, "vote", k, wrong)[1] for k in (1, 25)]
    fit, held = ([int(n) for n in re.findall(r"(\d+)% of", caption)[1:]] for caption in captions)
    assert fit[0] == 100
    assert held[0] < 100
    if wrong == 0.5:
        assert held[1] > fit[1] + 10


def test_live_controls():
    controls = live_controls(needed(), sources(NAME, ["explore("]))
    assert controls == {"Dropdown": 1, "IntSlider": 2, "FloatSlider": 2}


def test_each_leak_reports_far_more_than_is_true():
    found = rows('rows += [["best of 500 on one test set"')
    assert len(found) == 3
    for _, reported, honest, chance in found:
        assert percent(reported) >= percent(honest) + 10
        assert abs(percent(honest) - percent(chance)) <= 5


def test_new_writers_are_read_with_more_than_twice_the_errors_of_a_shuffled_split():
    scores = {row[0]: row[1] for row in rows("mixed = torch.randperm(len(data)") if len(row) > 1}
    (by_chance, _), (by_writer, error) = (
        (float(n) for n in scores[name].split(" ± ")) for name in ("random parts", "one writer each")
    )
    assert 100 - by_writer > 2 * (100 - by_chance)
    assert by_chance - by_writer > 2 * error


def test_the_specialist_for_one_light_is_best_there_and_worse_than_not_looking_elsewhere():
    card = json.loads((CHAPTERS / "cards" / "01_lamps.json").read_text())
    ahead, runs = card["straight ahead"], {name: torch.tensor(r) for name, r in card["rows"].items()}
    special, every = (runs[f"256 scenes, lamp {where}"] for where in ("at the upper left", "anywhere"))
    assert len(special) == card["seeds"] >= 5
    assert (special[:, 1] < every[:, 1]).all()  # under its own light
    assert (special[:, 2] > ahead[2]).all()  # under the other, worse than "everything faces us"
    assert (every < torch.tensor(ahead)).all()


def test_random_labels_are_memorised_and_nothing_is_learned():
    found = [[percent(cell) for cell in row] for row in rows("levels = (0.0, 0.2")]
    assert [row[0] for row in found] == [0, 20, 40, 60, 80, 100]
    assert all(row[1] == 100 for row in found)
    ends, bests = ([row[column] for row in found] for column in (3, 4))
    assert ends == sorted(ends, reverse=True)
    assert ends[0] > 85
    assert abs(ends[-1] - 10) < 5
    assert all(best >= end + 5 for best, end in list(zip(bests, ends, strict=True))[1:-1])
    assert all(row[2] > found[0][2] for row in found[1:])  # a rule is fitted faster than noise


def test_the_five_kinds_of_supervision_have_their_numbers():
    found = {row[0]: row[-1] for row in rows('rows = [["supervised"')}
    kinds = ["supervised", "unsupervised", "semi-supervised", "self-supervised", "weakly supervised"]
    assert list(found) == [*kinds, "no learning"]
    assert percent(found["supervised"]) > 90
    assert 0.4 < percent(found["unsupervised"]) < 1
    with_more, alone = (float(n) for n in re.findall(r"([\d.]+) ±", found["semi-supervised"]))
    assert with_more > alone
    assert percent(found["weakly supervised"]) > 80  # a place at random: 11 %
    assert percent(found["weakly supervised"]) > percent(found["no learning"]) + 10  # the spot with most ink


def test_exact_flow_explains_the_next_frame_best():
    errors = [float(row[1]) for row in rows('rows = [["no flow at all"')]
    assert len(errors) == 6
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.25 * errors[0]


def test_the_costs_of_five_classifiers_are_on_the_card():
    card = json.loads((CHAPTERS / "cards" / "01_costs.json").read_text())
    timed = {name: (fit, answer) for name, fit, answer in card["digits"]["rows"]}
    found = rows("stored = dict(zip(ways")
    assert [row[0] for row in found] == list(timed)
    stored = [int(row[1].replace(",", "")) for row in found]
    assert stored == [1279 * 65, 1279 * 65, 10 + 640 + 64 * 64, 650, 64 * 65 + 650]
    growth = card["growth"]["rows"]
    assert growth[-1][1] > 5 * growth[0][1]  # neighbours answer more slowly the more they keep


def section(label):
    text = text_path(NAME).read_text(encoding="utf-8")
    return re.split(r"^\([\w-]+\)=$|^## ", text.split(f"({label})=\n## ")[1], flags=re.MULTILINE)[0]


def keys():
    return set(re.findall(r"^@\w+\{([^,]+),", (CHAPTERS / "references.bib").read_text(), re.MULTILINE))


def test_the_gallery_names_ten_applications_each_with_a_reference():
    lines = [line for line in section("ml-graphics-gallery").splitlines() if line.startswith("| ")][2:]
    assert len(lines) == 10
    for line in lines:
        assert set(re.findall(r"\{footcite:t\}`(\w+)`", line)) & keys(), line


def test_every_milestone_is_cited():
    text = section("history")
    dates = [int(year) for year in re.findall(r"\((\d{4}), \"", text)]
    cited = set(re.findall(r"\{footcite:p\}`(\w+)`", text))
    assert len(dates) >= 18
    assert dates == sorted(dates)
    assert cited <= keys()
    assert len(cited) >= len(dates)
