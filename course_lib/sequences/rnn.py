"""The simple recurrent network (chapter 14, "rnn"): Elman, "Finding structure in time", Cognitive Science, 1990.

    h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)

One vector h is all that the network knows of the past. Equal to torch.nn.RNN. Shapes: see `recurrent`.
"""

from __future__ import annotations

from torch import Tensor

from course_lib.sequences.recurrent import Recurrent, State


class RNN(Recurrent):
    """Elman's network; arguments and calls as in `Recurrent`."""

    def cell(self, sums: Tensor, state: State) -> State:
        """(B, H) to the new state."""
        return (sums.tanh(),)
