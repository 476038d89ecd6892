"""The ablations' own code: what is compared, which runs are shared, and going on after an interruption."""

from __future__ import annotations

import json

import pytest
import torch

from course_lib.architectures import SwitchedNet, parameter_count
from course_lib.core.seeding import generator
from course_lib.core.training import History
from recipes import cifar_ablations as ablations

SMALL = {"n": 1, "width": 4, "side": 8, "samples": 40, "batch": 10, "epochs": 2}


@pytest.fixture
def data() -> ablations.Data:
    """Pictures of 8 x 8 pixels whose brightness tells the class, a few more than are held out."""
    stream = generator(0)
    labels = torch.arange(ablations.HELD_OUT + 60) % 2
    images = torch.randint(0, 100, (len(labels), 3, 8, 8), generator=stream) + 150 * labels.view(-1, 1, 1, 1)
    return images.byte(), labels, images[:20].byte(), labels[:20]


def network(what: str, name: str) -> SwitchedNet:
    """The network of a row."""
    keys = ("n", "width", "residual", "batch_norm", "gate")
    row = ablations.DEFAULTS | ablations.configurations(what)[name]
    return SwitchedNet(**{key: row[key] for key in keys})


def test_plain_and_residual_networks_have_the_same_parameters_and_only_the_gates_add_some():
    for depth in (8, 20, 56):
        plain, residual = (network("depth", f"depth {depth}, {kind}") for kind in ("plain", "residual"))
        assert parameter_count(plain) == parameter_count(residual)
        assert sum(p.ndim == 4 for p in residual.parameters()) + 1 == depth
    normal = parameter_count(network("parts", "residual, norm, crops"))
    assert normal < parameter_count(network("parts", "gates")) < 1.04 * normal


def test_every_row_is_a_run_of_its_own_and_trains_on_equally_many_images():
    for what, settings in ablations.SETTINGS.items():
        runs = [json.loads(ablations.name_run(what, 0, 0.2, **row)) for row in ablations.configurations(what).values()]
        assert len({json.dumps(run) for run in runs}) == len(runs)
        assert {run["samples"] * run["epochs"] for run in runs} == {settings["samples"] * settings["epochs"]}
    assert ablations.name_run("parts", 1, 0.2) != ablations.name_run("parts", 0, 0.2)


def test_held_out_images_are_never_learned_from(data):
    """With the classes of the held-out images swapped, validation must come out as badly as the test comes out well."""
    images, labels, test_images, test_labels = data
    held = torch.randperm(len(images), generator=generator(1000))[: ablations.HELD_OUT]
    labels = labels.clone()
    labels[held] = 1 - labels[held]
    run = {key: value for key, value in (ablations.DEFAULTS | SMALL | {"epochs": 10}).items() if key != "validate"}
    swapped = (images, labels, test_images, test_labels)
    assert ablations.one_run(swapped, seed=0, peak=0.1, validate=False, **run)["accuracy"] == 1.0
    assert ablations.one_run(swapped, seed=0, peak=0.1, validate=True, **run)["accuracy"] < 0.05


def test_smaller_sides_are_block_averages(data, monkeypatch):
    """What reaches training at half the side, against averages written out."""
    seen = {}
    monkeypatch.setattr(
        ablations, "train", lambda model, part, *a, **k: seen.update(part=part) or History(loss=[1.0], metric=[1.0])
    )
    run = ablations.DEFAULTS | SMALL | {"side": 4}
    ablations.one_run(data, seed=0, peak=0.1, **run)
    wanted = data[2].float().reshape(20, 3, 4, 2, 4, 2).mean((3, 5)).round()
    torch.testing.assert_close(seen["part"][2].float(), wanted)
    assert seen["part"][0].shape == (40, 3, 4, 4)


def test_a_run_that_diverges_counts_as_chance(data):
    run = ablations.DEFAULTS | SMALL | {"batch_norm": False, "residual": False}
    result = ablations.one_run(data, seed=0, peak=1e6, **run)
    assert result == {"loss": [], "accuracy": 0.1, "diverged": True}


def test_finished_runs_are_kept_and_not_repeated(data, tmp_path):
    state = tmp_path / "runs.state"
    first, second = (ablations.name_run("parts", seed, 0.1, **SMALL) for seed in (0, 1))
    state.write_text(json.dumps({first: {"accuracy": 0.123, "loss": [], "diverged": False}}))
    done = ablations.finish([first, second, second], data, state, workers=1, threads=1)
    assert done[first]["accuracy"] == 0.123
    assert json.loads(state.read_text()) == done
    alone = ablations.one_run(data, **json.loads(second))
    assert done[second]["loss"] == pytest.approx(alone["loss"], abs=1e-3)
