"""Long short-term memory (chapter 14, "lstm"): Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000.

    i, f, g, o = W_ih x_t + b_ih + W_hh h_(t-1) + b_hh       four blocks of H numbers
    c_t = sigmoid(f) c_(t-1) + sigmoid(i) tanh(g)            keep a share of the old, add a share of the new
    h_t = sigmoid(o) tanh(c_t)                               show a share

The cell state c goes from one time to the next by a product with the forget gate and a sum, not through a matrix and a
tanh: where the gate is open, a gradient passes unchanged. Equal to torch.nn.LSTM, whose order of gates is i, f, g, o.
Shapes: see `recurrent`; the state is (h, c).
"""

from __future__ import annotations

from torch import Tensor

from course_lib.sequences.recurrent import Recurrent, State


class LSTM(Recurrent):
    """LSTM with a forget gate; arguments and calls as in `Recurrent`."""

    gates, states = 4, 2

    def cell(self, sums: Tensor, state: State) -> State:
        """(B, 4 H) and (h, c) to the new (h, c)."""
        read, forget, candidate, show = sums.chunk(4, -1)
        c = forget.sigmoid() * state[1] + read.sigmoid() * candidate.tanh()
        return show.sigmoid() * c.tanh(), c

    def open_forget_gates(self, bias: float = 1.0) -> LSTM:
        """Start with open forget gates, so that the past is kept until training finds a reason to drop it.

        Args:
            bias: What the gate's two biases add up to; sigmoid(1) = 0.73 (Jozefowicz et al. 2015 advise 1).
        """
        for name, parameter in self.named_parameters():
            if name.startswith("bias"):
                parameter.data[self.hidden : 2 * self.hidden] = bias / 2
        return self
