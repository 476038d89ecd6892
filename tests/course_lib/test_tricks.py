"""The loop with switches: every switch acts, augmentation is right, and the stored table can be computed again."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from course_lib.layers import MLP
from course_lib.optim import SGD
from course_lib.seeding import generator, pin
from course_lib.training import train
from course_lib.tricks import Tricks, train_with, turn_and_move
from recipes import training_tricks

ROOT = Path(__file__).resolve().parents[2]
CARD = json.loads((ROOT / "chapters" / "cards" / "03_training_tricks.json").read_text())


def images(device="cpu") -> tuple[torch.Tensor, torch.Tensor]:
    X, y = training_tricks.data_parts()["pool"]
    return X[:96].to(device), y[:96].to(device)


def trained(tricks: Tricks, device="cpu") -> tuple[nn.Module, nn.Module]:
    X, y = images(device)
    model = nn.Sequential(nn.Flatten(), MLP([64, 16, 10], generator=generator(0))).to(device)
    return model, train_with(tricks, model, X, y, 0.05, 2, 32, generator(1, device))


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_without_tricks_it_is_plain_training_with_momentum(device):
    """The same as course_lib.training.train, but for the order in which the batches of an epoch are taken."""
    ours, _ = trained(Tricks(), device)
    X, y = images(device)
    theirs = nn.Sequential(nn.Flatten(), MLP([64, 16, 10], generator=generator(0))).to(device)
    optimiser = torch.optim.SGD(theirs.parameters(), 0.05, 0.9)
    g = generator(1, device)
    for _ in range(2):
        for part in reversed(torch.randperm(96, generator=g, device=device).split(32)):
            optimiser.zero_grad()
            nn.functional.cross_entropy(theirs(X[part]), y[part]).backward()
            optimiser.step()
    torch.testing.assert_close(weights(ours), weights(theirs), rtol=1e-4, atol=1e-5)
    assert train(theirs, nn.functional.cross_entropy, SGD(theirs.parameters(), 0.01), X, y, 1, 32, g).loss[0] < 2.3


@pytest.mark.parametrize("name", training_tricks.NAMES)
def test_every_switch_changes_the_result(name, device):
    model, used = trained(Tricks(**{name: True}), device)
    plain, _ = trained(Tricks(), device)
    assert (weights(used) - weights(plain)).abs().max() > 1e-6
    assert not used.training
    assert (used is model) == (name != "ema")
    if name == "ema":
        assert torch.equal(weights(model), weights(plain))
        assert (weights(used) - weights(model)).abs().max() > 1e-3
    assert weights(used).dtype == torch.float32


def test_turning_by_nothing_changes_nothing_and_turns_are_right(device, dtype, close):
    X = torch.rand(3, 2, 9, 9, generator=generator(2), dtype=torch.float64).to(device, dtype)
    close(turn_and_move(X, generator(0, device), 0.0, 0.0), X, rtol=1e-6, atol=1e-6)
    y, x = torch.meshgrid(*2 * [torch.linspace(-1, 1, 41, dtype=torch.float64)], indexing="ij")
    ramp = (x + 2 * y).to(device, dtype)[None, None].repeat(50, 1, 1, 1)
    turned = turn_and_move(ramp, generator(1, device), 20.0, 0.0).cpu().double()
    step = 2 / 40
    across = (turned[:, 0, 20, 21] - turned[:, 0, 20, 19]) / (2 * step)
    down = (turned[:, 0, 21, 20] - turned[:, 0, 19, 20]) / (2 * step)
    angle = torch.atan2(down, across) - math.atan2(2, 1)
    torch.testing.assert_close((across**2 + down**2).sqrt(), torch.full((50,), 5**0.5, dtype=torch.float64))
    assert math.radians(10) < float(angle.abs().max()) <= math.radians(20) + 1e-6
    moved = turn_and_move(ramp, generator(1, device), 0.0, 0.1).cpu().double()[:, 0, 20, 20]
    assert 0.2 < float(moved.abs().max()) <= 0.6 * 41 / 40  # at most a tenth of the size, 0.2, along x and along y


@pytest.mark.parametrize("row", ["none", "all"])
def test_the_card_can_be_computed_again(row):
    pin(0, threads=1)
    tricks = Tricks() if row == "none" else training_tricks.ALL
    lr = CARD["rates"]["adam" if tricks.adam else "sgd"]
    again = training_tricks.run(tricks, lr, CARD["seeds"][0], "test")
    assert again == pytest.approx(CARD["test_accuracy"][row][0], abs=0.012)


def test_the_card_holds_every_row_with_three_seeds():
    names = training_tricks.NAMES
    rows = ["none", *(f"{n} alone" for n in names), "all", *(f"all but {n}" for n in names)]
    assert list(CARD["test_accuracy"]) == rows
    assert all(len(values) == len(CARD["seeds"]) == 3 for values in CARD["test_accuracy"].values())


def test_bad_input():
    X, y = images()
    model = nn.Sequential(nn.Flatten(), MLP([64, 10]))
    with pytest.raises(ValueError, match=r"X must be a floating-point tensor of shape \(N, C, H, W\)"):
        train_with(Tricks(), model, X[:, 0], y, 0.1, 1, 32, generator(0))
    with pytest.raises(ValueError, match=r"y has N = 95 but X has N = 96"):
        train_with(Tricks(), model, X, y[1:], 0.1, 1, 32, generator(0))
    with pytest.raises(ValueError, match="lr must be a finite number above 0"):
        train_with(Tricks(), model, X, y, 0.0, 1, 32, generator(0))
    with pytest.raises(ValueError, match="degrees and share must be at least 0"):
        turn_and_move(X, generator(0), -1.0)
