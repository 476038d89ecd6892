"""What chapter 3 says of over-fitting: the loss turns, stopping pays, and the two penalties do different things."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.data import digits, split_indices
from course_lib.linear import cross_entropy
from course_lib.networks.layers import Linear, weight_penalty
from course_lib.optim import Adam


@pytest.fixture(scope="module")
def parts() -> dict[str, torch.Tensor]:
    """200 training digits, a fifth with a random label, and the validation digits."""
    data = digits()
    few, valid, _ = split_indices(len(data), seed=0)
    few = few[:200]
    labels = data.labels[few].clone()
    wrong = torch.randperm(200, generator=generator(1))[:40]
    labels[wrong] = torch.randint(10, (40,), generator=generator(2))
    X = (data.features - 8) / 8
    return {"X": X[few], "y": labels, "valid": X[valid], "answers": data.labels[valid]}


def regularised(parts, l1=0.0, l2=0.0, epochs=60):
    model = nn.Sequential(Linear(64, 256, generator(0)), nn.ReLU(), Linear(256, 10, generator(1))).double()
    validation: list[float] = []

    def evaluate(model) -> float:
        scores = model(parts["valid"])
        validation.append(float(cross_entropy(scores, parts["answers"])))
        return float((scores.argmax(1) == parts["answers"]).double().mean())

    def price(i, _):
        return cross_entropy(model(parts["X"][i]), parts["y"][i]) + weight_penalty(model.parameters(), l1, l2)

    history = fit(model, price, Adam(model.parameters(), 3e-3), samples=len(parts["X"]), epochs=epochs, batch=32,
                  generator=generator(0), evaluate=evaluate)  # fmt: skip
    return model, history, validation


def test_validation_loss_turns_while_training_loss_falls_and_stopping_early_pays(parts):
    model, history, validation = regularised(parts)
    best = int(np.argmin(validation))
    assert 2 < best < 40
    assert history.loss[-1] < 0.1 * history.loss[best]
    assert validation[-1] > 1.08 * validation[best]
    assert history.metric[best] > history.metric[-1]
    assert (model(parts["X"]).argmax(1) == parts["y"]).all(), "the wrong labels too are learned by heart"


def test_l2_makes_weights_small_and_l1_makes_most_of_them_vanish(parts):
    plain, ridge, lasso = (
        regularised(parts, **price)[0][0].weight.detach() for price in ({}, {"l2": 0.01}, {"l1": 0.003})
    )
    vanished = lambda w: float((w.abs() < 0.01).double().mean())  # noqa: E731
    assert ridge.square().mean() < plain.square().mean() / 10
    assert vanished(plain) < 0.1
    assert vanished(lasso) > max(0.8, vanished(ridge) + 0.2)
    assert lasso.abs().max() > 2 * ridge.abs().max()
