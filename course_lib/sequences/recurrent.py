"""What every recurrent network shares (chapter 14): a cell that is applied at each time, in layers, in both directions.

    h_t = cell(x_t, h_(t-1))        the same weights at every time
    stacked                         layer l reads the outputs of layer l - 1
    bidirectional                   a second cell reads from the end; outputs stand side by side

Sequences are (B, T, E), batch first. Those that are shorter than T are padded at the end and come with their lengths: a
state is kept where a sequence is over, and a backward cell starts at its last element, so that padding changes nothing.
Parameters are named as in torch.nn.RNN and torch.nn.LSTM (weight_ih_l0, weight_hh_l0, ..., with _reverse for the way
back), whose state_dict loads, and outputs are equal. B sequences, T times, E inputs, H hidden units.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, describe

State = tuple[Tensor, ...]  # one or two tensors (B, H)


class Recurrent(nn.Module):
    """A recurrent network without its cell.

    Args:
        inputs: E.
        hidden: H.
        layers: How many, one above the other.
        bidirectional: Read from both ends.
    """

    gates = 1  # how many blocks of H rows the weights have
    states = 1  # tensors that a cell keeps

    def __init__(self, inputs: int, hidden: int, *, layers: int = 1, bidirectional: bool = False):
        super().__init__()
        check_positive(inputs=inputs, hidden=hidden, layers=layers)
        self.inputs, self.hidden, self.layers = inputs, hidden, layers
        self.directions = ("", "_reverse") if bidirectional else ("",)
        for layer in range(layers):
            for way in self.directions:
                read = inputs if layer == 0 else hidden * len(self.directions)
                for name, shape in (
                    (f"weight_ih_l{layer}{way}", (self.gates * hidden, read)),
                    (f"weight_hh_l{layer}{way}", (self.gates * hidden, hidden)),
                    (f"bias_ih_l{layer}{way}", (self.gates * hidden,)),
                    (f"bias_hh_l{layer}{way}", (self.gates * hidden,)),
                ):
                    weight = nn.init.uniform_(torch.empty(shape), -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))
                    self.register_parameter(name, nn.Parameter(weight))

    def cell(self, sums: Tensor, state: State) -> State:
        """One step: from W_ih x + b_ih + W_hh h + b_hh, (B, gates * H), and the old state to the new one."""
        raise NotImplementedError

    def start(self, batch: int) -> State:
        """A state of zeros, (B, H) each."""
        weight = self.get_parameter("weight_hh_l0")
        return tuple(weight.new_zeros(batch, self.hidden) for _ in range(self.states))

    def step(self, x: Tensor, state: State, layer: int = 0) -> State:
        """One step of one layer in forward direction: x (B, E) and a state to the next state."""
        sums = F.linear(x, self.get_parameter(f"weight_ih_l{layer}"), self.get_parameter(f"bias_ih_l{layer}"))
        hidden = F.linear(state[0], self.get_parameter(f"weight_hh_l{layer}"), self.get_parameter(f"bias_hh_l{layer}"))
        return self.cell(sums + hidden, state)

    def forward(
        self, x: Tensor, state: State | None = None, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Read sequences.

        Args:
            x: (B, T, E), T at least 1.
            state: First states (layers * directions, B, H) each, as this method returns them; zeros without it.
            lengths: (B,) int64 from 1 to T; all T without it.

        Returns:
            Outputs of the last layer (B, T, H * directions), 0 after the end of a sequence, and the last states,
            (layers * directions, B, H) each.

        Raises:
            ValueError: For shapes that do not fit, or lengths outside of 1 to T.
        """
        if x.ndim != 3 or x.shape[2] != self.inputs or 0 in x.shape:
            raise ValueError(f"x must be (B, T, {self.inputs}) with T at least 1, not {tuple(x.shape)}")
        alive = None if lengths is None else self._alive(lengths, x)
        final: list[State] = []
        for layer in range(self.layers):
            outputs = []
            for way in self.directions:
                first = self.start(len(x)) if state is None else tuple(part[len(final)] for part in state)
                output, last = self._run(x, first, alive, layer, way)
                outputs.append(output)
                final.append(last)
            x = torch.cat(outputs, -1)
        return x, tuple(torch.stack(part) for part in zip(*final, strict=True))

    def _run(self, x: Tensor, state: State, alive: Tensor | None, layer: int, way: str) -> tuple[Tensor, State]:
        """One layer in one direction: outputs (B, T, H) and the last state."""
        weights = [self.get_parameter(f"{name}_l{layer}{way}") for name in ("weight_ih", "weight_hh", "bias_ih")]
        read, recur, bias = weights
        sums = F.linear(x, read, bias + self.get_parameter(f"bias_hh_l{layer}{way}"))  # all times at once
        times = range(x.shape[1]) if way == "" else range(x.shape[1] - 1, -1, -1)
        outputs: list[Tensor] = [x] * x.shape[1]
        steps = sums.unbind(1)
        for t in times:
            new = self.cell(torch.addmm(steps[t], state[0], recur.T), state)
            if alive is None:
                state, outputs[t] = new, new[0]
            else:  # where a sequence is over, its state stays and nothing is put out
                lives = alive[:, t]
                state = tuple(torch.where(lives, now, before) for now, before in zip(new, state, strict=True))
                outputs[t] = new[0] * lives
        return torch.stack(outputs, 1), state

    def _alive(self, lengths: Tensor, x: Tensor) -> Tensor:
        """(B, T, 1) bool, True where a sequence is not over."""
        if not isinstance(lengths, Tensor) or lengths.shape != x.shape[:1] or lengths.dtype != torch.int64:
            raise ValueError(f"lengths must be ({len(x)},) int64, one for each sequence, not {describe(lengths)}")
        if lengths.min() < 1 or lengths.max() > x.shape[1]:
            raise ValueError(
                f"lengths must be from 1 to {x.shape[1]}, not {int(lengths.min())} to {int(lengths.max())}"
            )
        return (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]
