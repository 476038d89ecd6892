"""How probable is a grid of tokens? The second half of VQ-VAE (chapter 16). Van den Oord, Vinyals and Kavukcuoglu 2017,
arXiv:1711.00937; Razavi, van den Oord and Vinyals 2019, arXiv:1906.00446.

    P(k) = product over cells i in reading order of P(k_i | k_1 ... k_{i-1})
    log p(x)  >=  log p(x | k(x)) + log P(k(x))

The bound holds because p(x) is a sum over all grids of tokens, and the encoder's own grid is one of its terms. Tokens
are names and no grey values: each gets a vector of its own before a gated PixelCNN reads the grid.
"""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.core.checks import check_positive
from course_lib.likelihood.masked import GatedPixelCNN


class TokenPrior(nn.Module):
    """A gated PixelCNN behind an embedding; a pixel model as `masked.pixel_log_likelihood` and `draw_pixels` want it.

    Args:
        codes: K, how many tokens there are, at least 2.
        width: Maps of each stack.
        layers: Behind the first.
        dimensions: Of a token's vector.
    """

    def __init__(self, codes: int, width: int = 32, layers: int = 3, *, dimensions: int = 16):
        super().__init__()
        check_positive(dimensions=dimensions)
        if codes < 2:
            raise ValueError(f"codes must be at least 2, not {codes}")
        self.levels = codes
        self.vectors = nn.Embedding(codes, dimensions)
        self.network = GatedPixelCNN(codes, width, layers, inputs=dimensions)
        self.reach = self.network.reach

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores (B, K, H, W) of each token, from tokens written as values (B, 1, H, W) in [-1, 1] by `centred`."""
        tokens = ((pictures[:, 0] + 1) * (self.levels - 1) / 2).round().long()
        return self.network(self.vectors(tokens).movedim(-1, 1))
