"""A picture's caption, with attention (chapter 14, "image-captioning"): Xu et al., "Show, attend and tell", 2015,
arXiv:1502.03044 (soft attention).

    k_n = maps at place n of a convolutional network's grid, and a code of the place's row and column
    m   = mean over n of k_n
    then the decoder of `decoder`, which looks at the grid at every word

The code of the place is ours: words such as "left of" need it, and maps know of their place only near the border. The
network is the one that chapter 7 looks into, trained on. Pictures (B, 3, H, W) in [0, 1]; a grid place is 8 x 8 pixels.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from course_lib.networks.backbones import SceneNet
from course_lib.networks.decoding import State
from course_lib.networks.positional import sinusoidal_encoding_2d
from course_lib.sequences.decoder import Decoder


class Captioner(nn.Module):
    """Says what a picture shows.

    Args:
        words: Size of the vocabulary.
        width: Size of embeddings and of the decoder's state.
        code: Numbers that encode a place, a multiple of 4.
    """

    def __init__(self, words: int, width: int = 128, *, code: int = 32):
        super().__init__()
        self.eye, self.code = SceneNet(), code
        keys = self.eye.head.in_features + code
        del self.eye.head  # the classifier's answer is not asked for
        self.decoder = Decoder(words, width, keys, keys=keys)

    def encode(self, images: Tensor) -> State:
        """Look at pictures (B, 3, H, W) in [0, 1]: the decoder's first state, with H / 8 * W / 8 places.

        Raises:
            ValueError: If images is no such batch.
        """
        maps = self.eye.maps(images)  # (B, C, h, w)
        rows, columns = (torch.arange(size, dtype=maps.dtype, device=maps.device) for size in maps.shape[2:])
        place = sinusoidal_encoding_2d(rows, columns, self.code).flatten(0, 1)  # (N, code)
        keys = torch.cat([maps.flatten(2).mT, place.expand(len(maps), -1, -1)], -1)  # (B, N, C + code)
        return self.decoder.begin(keys.mean(1), keys)

    def forward(self, images: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing: scores (B, T - 1, K) of the words after each of the first T - 1 of target (B, T)."""
        return self.decoder.teach(self.encode(images), target)[0]

    def alignment(self, images: Tensor, target: Tensor) -> Tensor:
        """Where it looks for each word after the first, (B, T - 1, H / 8, W / 8); each picture of weights sums to 1."""
        weights = cast(Tensor, self.decoder.teach(self.encode(images), target)[1])
        return weights.unflatten(-1, (images.shape[2] // 8, images.shape[3] // 8))

    @torch.no_grad()
    def describe(self, images: Tensor, *, length: int = 16, width: int = 1, alpha: float = 1.0) -> Tensor:
        """Write captions; arguments and answer as in `Decoder.write`."""
        return self.decoder.write(self.encode(images), length=length, width=width, alpha=alpha)
