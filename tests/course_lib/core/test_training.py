"""The training loop reaches what it should, resumes exactly, and says when a loss is lost."""

from __future__ import annotations

import copy
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.core.training import History, batches, fit
from course_lib.data import digits
from course_lib.linear import add_bias, cross_entropy, least_squares
from course_lib.optim import EMA, SGD, Adam, clip_gradient_norm, warmup_cosine


def line(device="cpu", dtype=torch.float64) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    g = generator(0)
    X = torch.randn(60, 3, generator=g, dtype=torch.float64)
    y = X @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64) + 4
    y = y + 0.1 * torch.randn(60, 1, generator=g, dtype=torch.float64)
    torch.manual_seed(0)
    return nn.Linear(3, 1).to(device, dtype), X.to(device, dtype), y.to(device, dtype)


def fit_line(model, X, y, optimiser, **options):
    options = {"epochs": 3, "batch": 20, "generator": generator(0, X.device), **options}
    return fit(model, lambda i, _: F.mse_loss(model(X[i]), y[i]), optimiser, samples=len(X), **options)


@given(samples=st.integers(1, 200), size=st.integers(1, 250), seed=st.integers(0, 1000))
def test_batches_hold_every_sample_once_in_parts_of_the_wanted_size(samples, size, seed):
    parts = batches(samples, size, generator(seed))
    assert Counter(torch.cat(parts).tolist()) == Counter(range(samples))
    assert all(len(part) == size for part in parts[:-1])
    assert 1 <= len(parts[-1]) <= size


def test_batches_are_shuffled_anew_each_epoch_and_repeat_with_the_seed(device):
    g = generator(1, device)
    first, second = torch.cat(batches(50, 8, g)), torch.cat(batches(50, 8, g))
    assert not torch.equal(first, second)
    assert not torch.equal(first.cpu(), torch.arange(50))
    assert torch.equal(first, torch.cat(batches(50, 8, generator(1, device))))


def test_reaches_the_least_squares_solution(device, dtype, close):
    model, X, y = line(device, dtype)
    history = fit_line(model, X, y, SGD(model.parameters(), lr=0.2, momentum=0.5), epochs=200, batch=60)
    wanted = least_squares(add_bias(X), y)
    close(torch.cat([model.weight[0], model.bias]), wanted[:, 0], rtol=1e-8)
    best = float((add_bias(X) @ wanted - y).square().mean())
    assert history.loss[-1] == pytest.approx(best, rel=1e-4)
    assert len(history.loss) == history.steps == 200
    assert history.metric == []
    assert history.seconds > 0


def test_history_is_the_mean_over_samples_also_with_a_smaller_last_batch(device, dtype):
    model, X, y = line(device, dtype)
    history = fit_line(model, X, y, SGD(model.parameters(), lr=1e-12), epochs=1, batch=32)
    assert history.loss[0] == pytest.approx(F.mse_loss(model(X), y).item(), rel=1e-5)


def test_evaluates_the_model_after_each_epoch_in_evaluation_mode_without_gradients(device, dtype):
    model, X, y = line(device, dtype)
    seen = []

    def evaluate(used) -> float:
        seen.append((used is model, used.training, torch.is_grad_enabled()))
        return float(len(seen))

    history = fit_line(model, X, y, SGD(model.parameters(), lr=0.01), evaluate=evaluate)
    assert seen == [(True, False, False)] * 3
    assert history.metric == [1.0, 2.0, 3.0]
    assert not model.training


def test_equals_a_loop_by_hand_with_schedule_clipping_and_average():
    """Every option at once, against the same steps written out; rates by group."""
    model, X, y = line()
    model = nn.Sequential(model, nn.Tanh(), nn.Linear(1, 1).double())
    other = copy.deepcopy(model)
    groups = lambda net: [{"params": [net[0].weight]}, {"params": [net[2].weight], "lr": 0.3}]  # noqa: E731
    optimiser, average = SGD(groups(model), lr=0.1, momentum=0.9), EMA(model, 0.7)
    warmup = partial(warmup_cosine, warmup=2)
    fit_line(model, X, y, optimiser, schedule=warmup, clip=0.5, average=average, epochs=2, batch=16)
    assert [group["lr"] for group in optimiser.param_groups] == [0.1, 0.3]

    stream, step, slow = generator(0), 0, EMA(other, 0.7)
    by_hand = torch.optim.SGD(groups(other), lr=0.1, momentum=0.9)
    for _ in range(2):
        for rows in torch.randperm(60, generator=stream).split(16):
            for group, peak in zip(by_hand.param_groups, (0.1, 0.3), strict=True):
                group["lr"] = peak * warmup_cosine(step, 8, 2)
            other.zero_grad()
            F.mse_loss(other(X[rows]), y[rows]).backward()
            clip_gradient_norm([other[0].weight, other[2].weight], 0.5)
            by_hand.step()
            slow.update(other)
            step += 1
    for p, q in zip([*model.parameters(), *average.model.parameters()],
                    [*other.parameters(), *slow.model.parameters()], strict=True):  # fmt: skip
        torch.testing.assert_close(p, q, rtol=0, atol=1e-12)


def test_an_interrupted_call_leaves_the_rates_as_they_were():
    """Else the next call would take a rate that the schedule had lowered for its peak."""
    model, X, y = line()
    optimiser = SGD(model.parameters(), lr=0.1)
    seen = []

    def loss(rows, _):
        seen.append(optimiser.lr)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return F.mse_loss(model(X[rows]), y[rows])

    with pytest.raises(KeyboardInterrupt):
        fit(model, loss, optimiser, samples=60, epochs=3, batch=20, generator=generator(0), schedule=warmup_cosine)
    assert seen[2] < seen[0] == 0.1
    assert optimiser.lr == 0.1


def test_the_average_is_what_is_evaluated():
    model, X, y = line()
    average, seen = EMA(model, 0.9), []
    fit_line(model, X, y, SGD(model.parameters(), lr=0.1), average=average,
             evaluate=lambda used: seen.append(used) or 0.0)  # fmt: skip
    assert all(used is average.model for used in seen)


def test_reduced_precision_is_used_inside_and_weights_stay(device):
    model, X, y = line(device, torch.float32)
    kinds = []

    def loss(i, _):
        scores = model(X[i])
        kinds.append(scores.dtype)
        return F.mse_loss(scores.float(), y[i])

    fit(model, loss, SGD(model.parameters(), lr=0.1), samples=60, epochs=1, batch=60,
        generator=generator(0, device), precision=torch.bfloat16)  # fmt: skip
    assert kinds == [torch.bfloat16]
    assert model.weight.dtype == torch.float32


class Interrupted(Exception):
    """Stands for a lost session."""


@pytest.mark.parametrize("interrupted_in", [1, 3])
@pytest.mark.parametrize("kind", ["ours", "torch"])
def test_a_resumed_run_equals_an_undisturbed_one_exactly(kind, interrupted_in, tmp_path: Path, device):
    """Optimiser, schedule, shuffling, augmentation, dropout, averages, statistics and history are part of the state."""
    data = digits()
    X, labels = (data.features / 16).float().to(device), data.labels.to(device)

    def run(path: Path | None, break_in: int | None = None) -> tuple[EMA, History]:
        torch.manual_seed(0)
        layers = [nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 10)]
        model = nn.Sequential(*layers).to(device)
        optimiser = (Adam if kind == "ours" else torch.optim.Adam)(model.parameters(), lr=0.01)
        average, history, calls = EMA(model, 0.9), History(), []

        def loss(i, stream):
            noise = torch.randn(len(i), 64, generator=stream, device=device)
            return cross_entropy(model(X[i] + 0.01 * history.steps * noise), labels[i])

        def accuracy(used) -> float:
            calls.append(1)
            if len(calls) == break_in:
                raise Interrupted
            return float((used(X).argmax(dim=1) == labels).double().mean())

        fit(model, loss, optimiser, samples=len(X), epochs=4, batch=256, generator=generator(7, device),
            schedule=warmup_cosine, average=average, evaluate=accuracy, checkpoint=path, history=history)  # fmt: skip
        return average, history

    undisturbed, wanted = run(None)
    path = tmp_path / "run.pt"
    with pytest.raises(Interrupted):
        run(path, break_in=interrupted_in)
    assert path.exists() == (interrupted_in > 1)
    resumed, history = run(path)
    assert history == wanted
    for name, value in undisturbed.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.pt"]

    again, history = run(path)  # nothing is left to do
    assert history == wanted
    for name, value in undisturbed.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name


def test_a_lost_loss_is_said_with_its_epoch_and_the_way_out_and_is_not_saved(tmp_path: Path):
    model, X, y = line()
    with pytest.raises(ValueError, match=r"^the loss became (inf|nan) in epoch \d+: lower the learning rate$"):
        fit_line(model, X, y, SGD(model.parameters(), lr=1e6), epochs=100, batch=10)
    with pytest.raises(ValueError, match="lower the learning rate"):
        fit_line(model, X, y, SGD(model.parameters(), lr=1e200), checkpoint=tmp_path / "run.pt")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_training_is_refused_in_one_line(tmp_path: Path):
    model, X, y = line()
    fit_line(model, X, y, SGD(model.parameters(), lr=0.1), checkpoint=tmp_path / "run.pt")
    other = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1)).double()
    with pytest.raises(ValueError, match=r"run\.pt was written by another training .*; delete it") as error:
        fit_line(other, X, y, SGD(other.parameters(), lr=0.1), checkpoint=tmp_path / "run.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("progress", [False, True])
def test_writes_to_stderr_only_when_asked(progress, capsys):
    model, X, y = line()
    fit_line(model, X, y, SGD(model.parameters(), lr=0.01), progress=progress)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("epoch" in err) == progress


@pytest.mark.parametrize("name", ["samples", "epochs", "batch", "clip"])
def test_numbers_out_of_range(name):
    numbers = {"samples": 4, "epochs": 1, "batch": 2, name: 0}
    with pytest.raises(ValueError, match=f"{name} must be"):
        fit(nn.Linear(1, 1), None, None, generator=generator(0), **numbers)
