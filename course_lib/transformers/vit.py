"""The vision transformer (chapter 15, "vit"): Dosovitskiy et al. 2020, arXiv:2010.11929.

    cut the picture into patches of P x P pixels, N = (H / P) (W / P) of them
    z_0   = [class token, W x_1, ..., W x_N] + E_pos          W: one linear map, a convolution of stride P
    z_l   = z + MHSA(LN(z)),  then  z + MLP(LN(z))            pre-norm blocks, GELU
    class = head(LN(z_L)[0])

Parameters are named as in torchvision, whose state_dict of vit_b_16 loads strictly with equal outputs. Pictures are
(B, 3, H, W), normalised as those weights want it; networks of the course take [0, 1] and shift it first.
"""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive
from course_lib.networks.attention import MultiHeadAttention


class ViTBlock(nn.Module):
    """Pre-norm: attention, then a network of two layers at each token.

    Args:
        dimensions: E, a multiple of heads.
        heads: h.
        hidden: Width inside the MLP.
        dropout: Probability of dropping, in the MLP and after attention.
    """

    def __init__(self, dimensions: int, heads: int, hidden: int, *, dropout: float = 0.0):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(dimensions, eps=1e-6), nn.LayerNorm(dimensions, eps=1e-6)
        self.self_attention = MultiHeadAttention(dimensions, heads)
        self.dropout = nn.Dropout(dropout)
        self.mlp = nn.Sequential(
            nn.Linear(dimensions, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, dimensions),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, E) to the same shape."""
        x = x + self.dropout(self.self_attention(self.ln_1(x)))
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Positions, blocks and a last norm."""

    def __init__(self, tokens: int, layers: int, dimensions: int, *, heads: int, hidden: int, dropout: float):
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, tokens, dimensions).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(
            OrderedDict(
                (f"encoder_layer_{k}", ViTBlock(dimensions, heads, hidden, dropout=dropout)) for k in range(layers)
            )
        )
        self.ln = nn.LayerNorm(dimensions, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, E) to the same shape."""
        return self.ln(self.layers(self.dropout(x + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """A classifier of pictures.

    Args:
        size: Side of the pictures in pixels, a multiple of patch.
        patch: P.
        layers: Blocks.
        dimensions: E, a multiple of heads.
        heads: h.
        hidden: Width inside the MLPs; 4 E without it.
        classes: Number of logits.
        dropout: Probability of dropping.
    """

    def __init__(
        self,
        size: int,
        patch: int,
        layers: int,
        *,
        dimensions: int,
        heads: int,
        hidden: int | None = None,
        classes: int = 1000,
        dropout: float = 0.0,
    ):
        super().__init__()
        check_positive(size=size, patch=patch, layers=layers, classes=classes)
        if size % patch:
            raise ValueError(f"size must be a multiple of patch, not {size} and {patch}")
        self.size, self.patch = size, patch
        self.class_token = nn.Parameter(torch.zeros(1, 1, dimensions))
        self.conv_proj = nn.Conv2d(3, dimensions, patch, patch)
        nn.init.trunc_normal_(self.conv_proj.weight, std=math.sqrt(1 / (3 * patch * patch)))
        nn.init.constant_(self.conv_proj.get_parameter("bias"), 0)
        tokens = (size // patch) ** 2 + 1
        self.encoder = Encoder(
            tokens, layers, dimensions, heads=heads, hidden=hidden or 4 * dimensions, dropout=dropout
        )
        head = nn.Linear(dimensions, classes)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.heads = nn.Sequential(OrderedDict(head=head))

    def tokens(self, images: Tensor) -> Tensor:
        """The class token and one token for each patch, row by row, before positions are added: (B, 1 + N, E).

        Raises:
            ValueError: If images are not (B, 3, size, size).
        """
        if images.ndim != 4 or images.shape[1:] != (3, self.size, self.size):
            raise ValueError(f"images must be (B, 3, {self.size}, {self.size}), not {tuple(images.shape)}")
        patches = self.conv_proj(images).flatten(2).mT  # (B, N, E)
        return torch.cat([self.class_token.expand(len(images), -1, -1), patches], 1)

    def features(self, images: Tensor) -> Tensor:
        """What the last norm gives: (B, 1 + N, E), the class token first."""
        return self.encoder(self.tokens(images))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, 3, size, size)."""
        return self.heads(self.features(images)[:, 0])


def vit_b_16(classes: int = 1000) -> VisionTransformer:
    """ViT-B/16 for 224 pixels: 12 blocks of 768 dimensions, 86.6 million weights; torchvision's weights load."""
    return VisionTransformer(224, 16, 12, dimensions=768, heads=12, hidden=3072, classes=classes)
