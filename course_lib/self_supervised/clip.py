"""CLIP (chapter "clip"): a network of pictures and one of sentences learn one space, from pairs alone.

Radford et al. 2021, arXiv:2103.00020, figure 3. For N pairs, u_i the picture's and v_i the sentence's unit vector:

    s_ij = exp(t) u_i . v_j                                      t is learnt; exp(t) at most 100
    loss = 1/2 mean_i -log softmax_j(s_ij)_i  +  1/2 mean_j -log softmax_i(s_ij)_j

The right sentence among all of the batch, and the right picture among all. Zero-shot classification writes a sentence
for each class and takes the nearest one to the picture. Sentences are token ids (B, L) int64, 0 is padding.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_shapes, check_tokens
from course_lib.networks.transformer import TransformerEncoder
from course_lib.self_supervised.encoder import SmallEncoder

HOTTEST = math.log(100)


class TextEncoder(nn.Module):
    """Words, places, a small transformer, and the mean over the words.

    Args:
        words: Size of the vocabulary.
        length: Longest sentence.
        dimensions: E, a multiple of heads.
        layers: Blocks; 0 leaves a bag of words, whose order does not count.
        heads: h.
    """

    def __init__(self, words: int, length: int, dimensions: int = 64, *, layers: int = 1, heads: int = 4):
        super().__init__()
        self.dimensions = dimensions
        self.embed = nn.Embedding(words, dimensions)
        self.places = nn.Parameter(0.1 * torch.randn(length, dimensions)) if layers else None
        self.blocks = TransformerEncoder(layers, dimensions, heads, hidden=2 * dimensions, dropout=0.0,
                                         norm_first=True) if layers else None  # fmt: skip

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, E) of sentences (B, L)."""
        check_tokens("tokens", tokens)
        words = tokens > 0
        x = self.embed(tokens)
        if self.blocks is not None and self.places is not None:
            x = self.blocks(x + self.places[: tokens.shape[1]], mask=words[:, None])
        return (x * words[..., None]).sum(1) / words.sum(1, keepdim=True).clamp(min=1)


class CLIP(nn.Module):
    """Two towers with a linear map each into the common space.

    Args:
        encoder: Of pictures: (B, 3, H, W) to (B, D); has `dimensions`.
        text: Of sentences: (B, L) to (B, E); has `dimensions`.
        outputs: Dimensions of the common space.
    """

    def __init__(self, encoder: SmallEncoder, text: TextEncoder, outputs: int = 64):
        super().__init__()
        self.encoder, self.text = encoder, text
        self.picture_map = nn.Linear(encoder.dimensions, outputs, bias=False)
        self.text_map = nn.Linear(text.dimensions, outputs, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def pictures(self, images: Tensor) -> Tensor:
        """Unit vectors (B, D) of images (B, 3, H, W)."""
        return F.normalize(self.picture_map(self.encoder(images)), dim=1)

    def sentences(self, tokens: Tensor) -> Tensor:
        """Unit vectors (B, D) of sentences (B, L)."""
        return F.normalize(self.text_map(self.text(tokens)), dim=1)

    def loss(self, images: Tensor, tokens: Tensor) -> Tensor:
        """The symmetric loss of pairs, shape ()."""
        return clip_loss(self.pictures(images), self.sentences(tokens), self.log_scale)


def clip_loss(pictures: Tensor, sentences: Tensor, log_scale: Tensor) -> Tensor:
    """Half the cross-entropy over sentences and half that over pictures.

    Args:
        pictures: (N, D) unit vectors.
        sentences: (N, D) unit vectors; sentence n belongs to picture n.
        log_scale: t, shape (); exp(t) is cut at 100.

    Returns:
        Shape ().

    Raises:
        ValueError: For shapes that do not fit.
    """
    check_shapes(pictures=(pictures, "N D"), sentences=(sentences, "N D"))
    scores = log_scale.clamp(max=HOTTEST).exp() * pictures @ sentences.T  # (N, N)
    right = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2


def zero_shot(pictures: Tensor, prompts: Tensor) -> Tensor:
    """The class whose prompts lie nearest.

    Args:
        pictures: (N, D) unit vectors.
        prompts: (K, P, D) unit vectors of P sentences for each of K classes; their mean stands for the class.

    Returns:
        (N,) int64.

    Raises:
        ValueError: For shapes that do not fit.
    """
    check_shapes(pictures=(pictures, "N D"), prompts=(prompts, "K P D"))
    return (pictures @ F.normalize(prompts.mean(1), dim=1).T).argmax(1)


def recall_at(queries: Tensor, keys: Tensor, k: int = 1) -> float:
    """Share of queries (N, D) whose own key, the one of the same row of (N, D), is among the k nearest, in [0, 1]."""
    check_shapes(queries=(queries, "N D"), keys=(keys, "N D"))
    if not 1 <= k <= len(keys):
        raise ValueError(f"k must be 1 to {len(keys)}, the number of keys, not {k}")
    scores = queries @ keys.T
    own = scores.diagonal()[:, None]
    return float(((scores > own).sum(1) < k).float().mean())
