"""From a sequence to a sequence (chapter 14, "seq2seq", "bahdanau-attention"): an encoder reads, a decoder writes.

    k_n    what the encoder, an LSTM that reads both ways, says at word n: [h forward, h backward]
    m      the two last states, h forward at the end and h backward at the beginning
    vector       the decoder gets m and nothing else: the whole text is one vector
    attention    it also reads a mean of the k_n at each word

Sutskever, Vinyals, Le 2014, arXiv:1409.3215 (which reads one way, in reversed order); Bahdanau, Cho, Bengio 2014,
arXiv:1409.0473. Both kinds get the same encoder and the same widths here. B texts, N source words, T target words.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_tokens
from course_lib.networks.decoding import PAD, State
from course_lib.sequences.decoder import Decoder
from course_lib.sequences.lstm import LSTM


class Seq2Seq(nn.Module):
    """A translator.

    Args:
        source_words: Size of the source's vocabulary.
        target_words: Size of the target's, K.
        width: Size of embeddings and of each LSTM's state, H.
        attention: Look back at the source at every word.
    """

    def __init__(self, source_words: int, target_words: int, width: int = 96, *, attention: bool = True):
        super().__init__()
        check_positive(source_words=source_words, target_words=target_words, width=width)
        self.embedding = nn.Embedding(source_words, width, padding_idx=PAD)
        self.encoder = LSTM(width, width, bidirectional=True)
        self.decoder = Decoder(target_words, width, 2 * width, keys=2 * width if attention else 0)

    def encode(self, source: Tensor) -> State:
        """Read the source.

        Args:
            source: (B, N) int64, with padding at the end.

        Returns:
            The decoder's first state.

        Raises:
            ValueError: For another shape or kind, or a text without words.
        """
        check_tokens("source", source)
        mask = source != PAD
        outputs, (h, _) = self.encoder(self.embedding(source), lengths=mask.sum(1))
        return self.decoder.begin(torch.cat([h[0], h[1]], -1), outputs, mask)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing.

        Args:
            source: (B, N) int64.
            target: (B, T) int64, beginning with `start`.

        Returns:
            Scores (B, T - 1, K) of the words after each of the first T - 1.
        """
        return self.decoder.teach(self.encode(source), target)[0]

    def alignment(self, source: Tensor, target: Tensor) -> Tensor:
        """Where the decoder looks while it is given the target: weights (B, T - 1, N).

        Raises:
            ValueError: If the model has no attention.
        """
        weights = self.decoder.teach(self.encode(source), target)[1]
        if weights is None:
            raise ValueError("a model without attention looks nowhere; make it with attention=True")
        return weights

    @torch.no_grad()
    def translate(self, source: Tensor, *, length: int = 60, width: int = 1, alpha: float = 1.0) -> Tensor:
        """Write the target; arguments and answer as in `Decoder.write`.

        Raises:
            ValueError: For what `encode` refuses, and for words that the vocabulary lacks.
        """
        check_tokens("source", source, words=self.embedding.num_embeddings)
        return self.decoder.write(self.encode(source), length=length, width=width, alpha=alpha)
