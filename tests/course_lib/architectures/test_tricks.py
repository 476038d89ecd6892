"""The loop with switches: every switch acts, augmentation is right, and the stored table can be computed again."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import optim
from course_lib.architectures import tricks as tricks_module
from course_lib.architectures.tricks import Tricks, train_with
from course_lib.core.seeding import generator, pin
from course_lib.data.augment import turn_and_move
from course_lib.networks.layers import MLP
from recipes import training_tricks

ROOT = Path(__file__).resolve().parents[3]
CARDS = {name: json.loads((ROOT / "chapters" / "cards" / f"03_training_tricks{name}.json").read_text())
         for name in ("", "_clothes")}  # fmt: skip


def images(device="cpu") -> tuple[torch.Tensor, torch.Tensor]:
    X, y = training_tricks.digits_setting().parts["pool"]
    return X[:96].to(device), y[:96].to(device)


def trained(tricks: Tricks, device="cpu") -> tuple[nn.Module, nn.Module]:
    X, y = images(device)
    model = nn.Sequential(nn.Flatten(), MLP([64, 16, 10], generator=generator(0))).to(device)
    return model, train_with(tricks, model, X, y=y, rate=0.05, epochs=2, batch=32, generator=generator(1, device))


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_without_tricks_it_is_plain_training_with_momentum(device):
    ours, _ = trained(Tricks(), device)
    X, y = images(device)
    theirs = nn.Sequential(nn.Flatten(), MLP([64, 16, 10], generator=generator(0))).to(device)
    optimiser = torch.optim.SGD(theirs.parameters(), 0.05, 0.9)
    g = generator(1, device)
    for _ in range(2):
        for part in torch.randperm(96, generator=g, device=device).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(theirs(X[part]), y[part]).backward()
            optimiser.step()
    torch.testing.assert_close(weights(ours), weights(theirs), rtol=1e-4, atol=1e-5)


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


def test_the_schedule_warms_up_over_a_tenth_of_the_steps_and_plain_training_does_not():
    """From the rates that the optimiser had at each step, seen through its updates."""
    seen = []

    class Spy(optim.SGD):
        def step(self):
            seen.append(self.lr)
            super().step()

    X, y = images()
    for schedule in (True, False):
        seen.clear()
        model = nn.Sequential(nn.Flatten(), MLP([64, 10], generator=generator(0)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tricks_module, "SGD", Spy)
            train_with(Tricks(schedule=schedule), model, X, y=y, rate=0.1, epochs=10, batch=24, generator=generator(1))
        assert len(seen) == 40
        wanted = [0.1 * optim.warmup_cosine(step, 40, 4) for step in range(40)] if schedule else [0.1] * 40
        assert seen == pytest.approx(wanted)


def test_turning_by_nothing_changes_nothing_and_turns_are_right(device, dtype, close):
    X = torch.rand(3, 2, 9, 9, generator=generator(2), dtype=torch.float64).to(device, dtype)
    close(turn_and_move(X, generator(0, device), 0.0, share=0.0), X, rtol=1e-6, atol=1e-6)
    y, x = torch.meshgrid(*2 * [torch.linspace(-1, 1, 41, dtype=torch.float64)], indexing="ij")
    ramp = (x + 2 * y).to(device, dtype)[None, None].repeat(50, 1, 1, 1)
    turned = turn_and_move(ramp, generator(1, device), 20.0, share=0.0).cpu().double()
    step = 2 / 40
    across = (turned[:, 0, 20, 21] - turned[:, 0, 20, 19]) / (2 * step)
    down = (turned[:, 0, 21, 20] - turned[:, 0, 19, 20]) / (2 * step)
    angle = torch.atan2(down, across) - math.atan2(2, 1)
    torch.testing.assert_close((across**2 + down**2).sqrt(), torch.full((50,), 5**0.5, dtype=torch.float64))
    assert math.radians(10) < float(angle.abs().max()) <= math.radians(20) + 1e-6
    moved = turn_and_move(ramp, generator(1, device), 0.0, share=0.1).cpu().double()[:, 0, 20, 20]
    assert 0.2 < float(moved.abs().max()) <= 0.6 * 41 / 40  # at most a tenth of the size, 0.2, along x and along y


@pytest.mark.parametrize("row", ["none", "all but half"])  # 16 bits are not alike on all processors
def test_the_card_can_be_computed_again(row):
    pin(0, threads=1)
    card, tricks = CARDS[""], training_tricks.ROWS[row]
    lr = card["rates"][training_tricks.rate_name(tricks)]
    again = training_tricks.run(training_tricks.digits_setting(), tricks, lr, card["seeds"][0], "test")
    assert again == pytest.approx(card["test_accuracy"][row][0], abs=0.012)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_holds_every_row_with_three_seeds(name):
    names, card = training_tricks.NAMES, CARDS[name]
    rows = ["none", *(f"{n} alone" for n in names), "all", *(f"all but {n}" for n in names)]
    assert list(card["test_accuracy"]) == rows
    assert all(len(values) == len(card["seeds"]) == 3 for values in card["test_accuracy"].values())


def test_a_row_trains_with_the_rate_that_was_chosen_for_its_kind():
    name = {row: training_tricks.rate_name(tricks) for row, tricks in training_tricks.ROWS.items()}
    assert name["none"] == name["ema alone"] == "sgd"
    assert name["adam alone"] == "adam"
    assert name["all"] == name["all but smoothing"] == "adam with tricks"
    assert name["all but adam"] == "sgd with tricks"

    def once(setting, tricks, lr, seed, part):
        """Best at 0.1 for SGD and, with other tricks on, at the smallest rate for Adam; else at the middle one."""
        wanted = 0.1 if not tricks.adam else (0.001 if tricks.schedule else 0.003)
        assert part == "valid"
        return -abs(lr - wanted)

    rates = training_tricks.choose_rates(training_tricks.digits_setting(), once)
    assert rates == {"sgd": 0.1, "adam": 0.003, "sgd with tricks": 0.1, "adam with tricks": 0.001}


def test_clothes_are_averaged_and_the_parts_share_no_image(tmp_path):
    """From an archive of numbered images: 2 x 2 means, labels that belong to them, three parts without overlap."""
    number = np.arange(60_000)
    pixels = (np.stack([number % 250, number // 250], 1)[:, :, None].repeat(392, 2)).reshape(-1, 28, 28)
    np.savez(tmp_path / "c.npz", x_train=pixels.astype(np.uint8), y_train=(number % 10).astype(np.uint8),
             x_test=pixels[:50].astype(np.uint8), y_test=np.arange(50) % 10)  # fmt: skip
    parts = training_tricks.clothes_setting(npz=str(tmp_path / "c.npz")).parts
    read = {}
    for name, (images, labels) in parts.items():
        assert images.shape[1:] == (1, 14, 14)
        low, high = ((images[:, 0, row].mean(1) + 1) * 127.5 for row in (0, 13))
        read[name] = (low.round() + 250 * high.round()).long()
        assert torch.equal(read[name] % 10, labels)
    assert [len(read[name]) for name in ("pool", "valid", "test")] == [30_000, 5_000, 50]
    assert len(torch.cat([read["pool"], read["valid"]]).unique()) == 35_000


def test_bad_input():
    X, y = images()
    model = nn.Sequential(nn.Flatten(), MLP([64, 10]))
    with pytest.raises(ValueError, match=r"X must be a floating-point tensor of shape \(N, C, H, W\)"):
        train_with(Tricks(), model, X[:, 0], y=y, rate=0.1, epochs=1, batch=32, generator=generator(0))
    with pytest.raises(ValueError, match=r"y has N = 95 but X has N = 96"):
        train_with(Tricks(), model, X, y=y[1:], rate=0.1, epochs=1, batch=32, generator=generator(0))
    with pytest.raises(ValueError, match="rate must be a finite number above 0"):
        train_with(Tricks(), model, X, y=y, rate=0.0, epochs=1, batch=32, generator=generator(0))
    with pytest.raises(ValueError, match="degrees and share must be at least 0"):
        turn_and_move(X, generator(0), -1.0)
