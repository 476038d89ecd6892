"""The training loop reaches what it should, resumes exactly, and says when a loss is lost."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_lib.core.seeding import generator
from course_lib.core.training import History, batches, train
from course_lib.data import digits
from course_lib.linear import add_bias, cross_entropy, least_squares
from course_lib.optim import SGD


def line(device, dtype) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    g = generator(0)
    X = torch.randn(60, 3, generator=g, dtype=torch.float64)
    y = X @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64) + 4
    y = y + 0.1 * torch.randn(60, 1, generator=g, dtype=torch.float64)
    torch.manual_seed(0)
    return nn.Linear(3, 1).to(device, dtype), X.to(device, dtype), y.to(device, dtype)


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
    optimiser = SGD(model.parameters(), lr=0.2, momentum=0.5)
    history = train(model, nn.functional.mse_loss, optimiser, X, y, 200, 60, generator(0, device))
    wanted = least_squares(add_bias(X), y)
    close(torch.cat([model.weight[0], model.bias]), wanted[:, 0], rtol=1e-8)
    best = float((add_bias(X) @ wanted - y).square().mean())
    assert history.loss[-1] == pytest.approx(best, rel=1e-4)
    assert len(history.loss) == 200
    assert history.metric == []


def test_history_is_the_mean_over_samples_also_with_a_smaller_last_batch(device, dtype):
    model, X, y = line(device, dtype)
    still = SGD(model.parameters(), lr=1e-12)
    history = train(model, nn.functional.mse_loss, still, X, y, 1, 32, generator(0, device))
    assert history.loss[0] == pytest.approx(nn.functional.mse_loss(model(X), y).item(), rel=1e-5)


def test_evaluates_after_each_epoch_in_evaluation_mode_without_gradients(device, dtype):
    model, X, y = line(device, dtype)
    seen = []

    def evaluate() -> float:
        seen.append((model.training, torch.is_grad_enabled()))
        return float(len(seen))

    history = train(model, nn.functional.mse_loss, SGD(model.parameters(), lr=0.01), X, y, 3, 20,
                    generator(0, device), evaluate)  # fmt: skip
    assert seen == [(False, False)] * 3
    assert history.metric == [1.0, 2.0, 3.0]


class Interrupted(Exception):
    """Stands for a lost session."""


@pytest.mark.parametrize("interrupted_in", [1, 3])
def test_a_resumed_run_equals_an_undisturbed_one_exactly(interrupted_in, tmp_path: Path, device):
    """Momentum, shuffling, batch-norm statistics and history are all part of the state."""
    data = digits()
    X, labels = (data.features / 16).float().to(device), data.labels.to(device)

    def run(path: Path | None, break_in: int | None = None) -> tuple[nn.Module, History]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10)).to(device)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        calls = []

        def accuracy() -> float:
            calls.append(1)
            if len(calls) == break_in:
                raise Interrupted
            return float((model(X).argmax(dim=1) == labels).double().mean())

        return model, train(model, cross_entropy, optimiser, X, labels, 4, 256, generator(7, device), accuracy, path)

    undisturbed, wanted = run(None)
    path = tmp_path / "run.pt"
    with pytest.raises(Interrupted):
        run(path, break_in=interrupted_in)
    assert path.exists() == (interrupted_in > 1)
    resumed, history = run(path)
    assert history == wanted
    for name, value in undisturbed.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.pt"]

    finished = copy.deepcopy(resumed.state_dict())
    again, history = run(path)  # nothing is left to do
    assert history == wanted
    assert all(torch.equal(value, finished[name]) for name, value in again.state_dict().items())


def test_a_lost_loss_is_said_with_its_epoch_and_the_way_out():
    model, X, y = line("cpu", torch.float64)
    with pytest.raises(ValueError, match=r"^the loss became (inf|nan) in epoch \d+: lower the learning rate$"):
        train(model, nn.functional.mse_loss, SGD(model.parameters(), lr=1e6), X, y, 100, 10, generator(0))


def test_a_lost_loss_is_not_saved(tmp_path: Path):
    model, X, y = line("cpu", torch.float64)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e200)
    with pytest.raises(ValueError, match="lower the learning rate"):
        train(model, nn.functional.mse_loss, optimiser, X, y, 3, 10, generator(0), checkpoint=tmp_path / "run.pt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("progress", [False, True])
def test_writes_to_stderr_only_when_asked(progress, capsys):
    model, X, y = line("cpu", torch.float64)
    train(model, nn.functional.mse_loss, SGD(model.parameters(), lr=0.01), X, y, 2, 10, generator(0), progress=progress)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("epoch" in err) == progress


def test_a_checkpoint_with_an_optimiser_that_has_no_state_is_refused_before_any_work(tmp_path: Path):
    model, X, y = line("cpu", torch.float64)
    with pytest.raises(ValueError, match=r"a checkpoint needs an optimiser with state_dict"):
        train(model, nn.functional.mse_loss, SGD(model.parameters(), lr=0.01), X, y, 2, 10, generator(0),
              checkpoint=tmp_path / "run.pt")  # fmt: skip
