"""Our recurrent networks equal torch's in values, states and gradients: stacked, both ways, with lengths."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.sequences.lstm import LSTM
from course_lib.sequences.rnn import RNN

from ..refusals import refused

PAIRS = {"rnn": (RNN, nn.RNN), "lstm": (LSTM, nn.LSTM)}
SHAPES = {"plain": (1, False), "stacked": (3, False), "both ways": (1, True), "stacked both ways": (2, True)}


def pair(kind, layers, both, device, dtype):
    made, reference = PAIRS[kind]
    ours = made(5, 7, layers=layers, bidirectional=both).to(device, dtype)
    theirs = reference(5, 7, layers, bidirectional=both, batch_first=True).to(device, dtype)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def sequences(device, dtype):
    return torch.randn(4, 9, 5, generator=generator(1), dtype=torch.float64).to(device, dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", PAIRS)
def test_values_states_and_gradients_equal_torchs(device, dtype, close, kind, shape):
    ours, theirs = pair(kind, *SHAPES[shape], device, dtype)
    x = sequences(device, dtype)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    (output, state), (wanted, last) = ours(inputs[0]), theirs(inputs[1])
    last = last if isinstance(last, tuple) else (last,)
    close(output, wanted)
    for part, reference in zip(state, last, strict=True):
        close(part, reference)
    for network_output, network_state in ((output, state), (wanted, last)):
        (network_output.square().sum() + network_state[-1].sum()).backward()
    close(inputs[0].grad, inputs[1].grad)
    for name, parameter in ours.named_parameters():
        close(parameter.grad, theirs.get_parameter(name).grad)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", PAIRS)
def test_sequences_of_unlike_lengths_equal_torchs_packed_ones(device, dtype, close, kind, shape):
    ours, theirs = pair(kind, *SHAPES[shape], device, dtype)
    x, lengths = sequences(device, dtype), torch.tensor([9, 1, 4, 7])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    output, state = ours(x, lengths=lengths.to(device))
    wanted, last = theirs(packed)
    close(output, nn.utils.rnn.pad_packed_sequence(wanted, batch_first=True)[0])
    for part, reference in zip(state, last if isinstance(last, tuple) else (last,), strict=True):
        close(part, reference)


@pytest.mark.parametrize("kind", PAIRS)
def test_padding_changes_nothing(kind):
    network = PAIRS[kind][0](5, 7, bidirectional=True)
    x, lengths = sequences("cpu", torch.float32), torch.tensor([9, 1, 4, 7])
    spoilt = x.clone()
    for row, length in zip(spoilt, lengths, strict=True):
        row[length:] = 1e3
    for a, b in zip(network(x, lengths=lengths)[1], network(spoilt, lengths=lengths)[1], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_sequence_read_in_two_parts_is_read_as_one(kind):
    network = PAIRS[kind][0](5, 7, layers=2).double()
    x = sequences("cpu", torch.float64)
    whole, last = network(x)
    first, state = network(x[:, :4])
    second, end = network(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(end[0], last[0])


@pytest.mark.parametrize("kind", PAIRS)
def test_a_step_is_one_time_of_the_whole(kind):
    network = PAIRS[kind][0](5, 7).double()
    x, state = sequences("cpu", torch.float64), network.double().start(4)
    for t in range(9):
        state = network.step(x[:, t], state)
    torch.testing.assert_close(state[0], network(x)[0][:, -1])


def test_open_forget_gates_add_up_to_the_bias_and_touch_nothing_else():
    network = LSTM(5, 7, layers=2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.open_forget_gates(3.0)
    for name, value in network.state_dict().items():
        if name.startswith("bias"):
            assert (value[7:14] == 1.5).all()
            before[name][7:14] = 1.5
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (torch.tensor([9, 0, 4, 7]), "1 to 9, not 0 to 9"),
        (torch.tensor([9, 1, 4, 10]), "1 to 9, not 1 to 10"),
        (torch.tensor([9, 1, 4]), r"lengths must be \(4,\) int64"),
        (torch.tensor([9.0, 1, 4, 7]), r"lengths must be \(4,\) int64"),
        ([9, 1, 4, 7], r"lengths must be \(4,\) int64"),
    ],
)
def test_bad_lengths_are_refused(lengths, message):
    refused(lambda: RNN(5, 7)(torch.zeros(4, 9, 5), lengths=lengths), message)


@pytest.mark.parametrize("shape", [(4, 0, 5), (0, 3, 5), (4, 9, 6), (9, 5)])
def test_bad_sequences_are_refused(shape):
    refused(lambda: RNN(5, 7)(torch.zeros(shape)), r"x must be \(B, T, 5\) with T at least 1")


def test_a_network_without_units_is_refused():
    refused(lambda: LSTM(5, 0), "hidden")
