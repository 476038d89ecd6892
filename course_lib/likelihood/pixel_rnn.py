"""PixelRNN: the rows above remembered by recurrent layers (chapter 16). Van den Oord, Kalchbrenner and Kavukcuoglu,
"Pixel recurrent neural networks", 2016, arXiv:1601.06759.

    [o, f, i, g] = s( K_ss * h_before + K_is * x ),    c = f c_before + i g,    h = o tanh(c)

Row LSTM: a whole row is one step; K_ss is 1 x 3 over the row above, K_is a masked 1 x 3 over the row itself: what a
pixel sees above it is a triangle. Diagonal LSTM: rows are skewed, each one place further, so that a column of the
skewed map is a diagonal; K_ss reaches from left and from above, and with both directions every pixel before is seen
(but for the last one of the row above, if the first layer's kernel does not reach it: mask A hides it from itself).
The second direction is moved down by a row, so that it does not see the pixel's own row to the right.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.core.checks import check_positive
from course_lib.likelihood.masked import MaskedConv2d


def skew(x: Tensor) -> Tensor:
    """Row i moved i places to the right: (B, C, H, W) to (B, C, H, W + H - 1), zeros elsewhere."""
    batch, channels, height, width = x.shape
    wide = F.pad(x, (0, height)).flatten(2)[..., : height * (width + height - 1)]
    return wide.view(batch, channels, height, width + height - 1)


def unskew(x: Tensor, width: int) -> Tensor:
    """What `skew` did, undone: (B, C, H, W + H - 1) to (B, C, H, W)."""
    batch, channels, height, _ = x.shape
    flat = F.pad(x.flatten(2), (0, height))
    return flat.view(batch, channels, height, width + height)[..., :width]


def lstm_step(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden state and cell from the four gates' sums (B, 4 D, N) and the cell before (B, D, N)."""
    out, forget, into, new = gates.chunk(4, 1)
    cell = forget.sigmoid() * cell + into.sigmoid() * new.tanh()
    return out.sigmoid() * cell.tanh(), cell


class RowLSTM(nn.Module):
    """One row a step, from top to bottom.

    Args:
        width: Channels D, of the input and of the state.
    """

    def __init__(self, width: int):
        super().__init__()
        check_positive(width=width)
        self.width = width
        self.input = nn.Conv1d(width, 4 * width, 2)  # the pixel to the left and itself: a masked 1 x 3
        self.state = nn.Conv1d(width, 4 * width, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, H, W) to (B, D, H, W): a pixel sees its row up to itself, and a triangle above."""
        hidden = cell = torch.zeros_like(x[:, :, 0])
        rows = []
        for row in x.unbind(2):
            hidden, cell = lstm_step(self.input(F.pad(row, (1, 0))) + self.state(hidden), cell)
            rows.append(hidden)
        return torch.stack(rows, 2)


class DiagonalLSTM(nn.Module):
    """One diagonal a step, from both upper corners.

    Args:
        width: Channels D, of the input and of the state.
    """

    def __init__(self, width: int):
        super().__init__()
        check_positive(width=width)
        self.inputs = nn.ModuleList(nn.Conv2d(width, 4 * width, 1) for _ in range(2))
        self.states = nn.ModuleList(nn.Conv1d(width, 4 * width, 2, bias=False) for _ in range(2))

    def one_way(self, x: Tensor, side: int) -> Tensor:
        """One direction, from the upper left corner."""
        gates = skew(self.inputs[side](x))
        hidden = cell = torch.zeros_like(x[..., 0])
        columns = []
        for column in gates.unbind(3):
            # the place before in the skewed row is the pixel to the left; one row up in that column, the one above
            hidden, cell = lstm_step(column + self.states[side](F.pad(hidden, (1, 0))), cell)
            columns.append(hidden)
        return unskew(torch.stack(columns, 3), x.shape[3])

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, H, W) to (B, D, H, W): a pixel sees itself and all before it."""
        right = self.one_way(x.flip(3), 1).flip(3)
        return self.one_way(x, 0) + F.pad(right, (0, 0, 1, 0))[:, :, :-1]


class PixelRNN(nn.Module):
    """A masked convolution, recurrent layers with residual connections, scores.

    Args:
        levels: L grey values.
        width: Channels.
        layers: Recurrent layers.
        diagonal: Which kind they are.
    """

    def __init__(self, levels: int, width: int = 32, layers: int = 2, *, diagonal: bool):
        super().__init__()
        check_positive(levels=levels, width=width, layers=layers)
        self.levels = levels
        self.first = MaskedConv2d(1, width, 7, own=False)
        self.layers = nn.ModuleList((DiagonalLSTM if diagonal else RowLSTM)(width) for _ in range(layers))
        self.head = nn.Sequential(nn.SiLU(), nn.Conv2d(width, width, 1), nn.SiLU(), nn.Conv2d(width, levels, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores (B, L, H, W) of each pixel's value, from pictures (B, 1, H, W) with values in [-1, 1]."""
        x = self.first(pictures)
        for layer in self.layers:
            x = x + layer(x)
        return self.head(x)
