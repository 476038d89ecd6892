"""Gradients over time obey the bound of the theory, and the recall task asks for what it shows."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.sequences.lstm import LSTM
from course_lib.sequences.memory import gradient_by_lag, recall_task, with_gain
from course_lib.sequences.rnn import RNN

from ..refusals import refused


def test_the_answer_is_the_first_symbol_and_shown_nowhere_else():
    x, answers = recall_task(50, 12, symbols=5, generator=generator(0))
    assert x.shape == (50, 13, 11)
    assert (x.sum(2) == 1).all()
    assert torch.equal(x[:, 0].argmax(1), answers)
    assert x[:, 1:, :5].sum() == 0
    assert (x[:, -1, 10] == 1).all()
    assert x[:, :-1, 10].sum() == 0
    assert len(set(answers.tolist())) == 5


@pytest.mark.parametrize("gain", [0.5, 0.9, 1.3])
def test_a_linear_network_shrinks_gradients_by_its_gain(gain):
    """Near zero tanh is linear; with an orthogonal matrix each step back multiplies by exactly the gain."""
    network = RNN(3, 6).double()
    torch.nn.init.orthogonal_(network.weight_hh_l0)
    with_gain(network, gain)
    for name in ("bias_ih_l0", "bias_hh_l0"):
        torch.nn.init.zeros_(network.get_parameter(name))
    torch.nn.init.orthogonal_(network.weight_ih_l0)
    network.weight_ih_l0.data = torch.eye(6, dtype=torch.float64)
    network.inputs = 6
    x = 1e-9 * torch.randn(8, 20, 6, generator=generator(1), dtype=torch.float64)
    found = gradient_by_lag(network, x, generator=generator(2))
    torch.testing.assert_close(found, gain ** torch.arange(20.0).double(), rtol=1e-6, atol=0)


def test_gradients_of_a_simple_network_stay_below_the_bound():
    network = with_gain(RNN(4, 16), 0.8)
    found = gradient_by_lag(network, torch.randn(8, 30, 4, generator=generator(3)), generator=generator(4))
    bound = torch.linalg.matrix_norm(network.weight_ih_l0, 2) * 0.8 ** torch.arange(30)
    assert (found <= bound).all()


@pytest.mark.parametrize("kind", [RNN, LSTM])
def test_gain_is_the_largest_singular_value(kind):
    network = with_gain(kind(3, 5, layers=2), 1.7)
    for name, weight in network.named_parameters():
        if name.startswith("weight_hh"):
            torch.testing.assert_close(torch.linalg.svdvals(weight)[0], torch.tensor(1.7))


@pytest.mark.parametrize("bad", [{"samples": 0}, {"lag": 0}, {"symbols": 1}])
def test_bad_tasks_are_refused(bad):
    options = {"samples": 4, "lag": 3, "symbols": 5} | bad
    samples, lag = options.pop("samples"), options.pop("lag")
    refused(lambda: recall_task(samples, lag, **options, generator=generator()), "must be")
