"""The parts of a U-Net: a residual block that takes orders, attention between all places (chapters 9 and 18).

    block       F(x) = conv(silu(m(norm(conv(silu(norm(x)))))),   y = x + F(x)   (a 1 x 1 convolution of x if C changes)
    orders      m(h) = (1 + scale) h + shift,  (scale, shift) = W silu(c) + b  for each channel, from a vector c
    attention   y = x + attend(norm(x)) over the H W places as tokens; then, if asked, attend to tokens of a context

c says at what time or of which class, the context holds a text's words. Without c, m is left out. All layers that end a
residual, and W, start at zero: at first a block is its short cut and no order is heard. Ho et al. 2020, 2006.11239;
scale and shift: Dhariwal and Nichol 2021, 2105.05233; context: Rombach et al. 2021, 2112.10752. Maps are (B, C, H, W).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.networks.attention import MultiHeadAttention


def group_norm(channels: int) -> nn.GroupNorm:
    """Group norm with up to 8 groups, of 4 channels at least: a group of one would lose each channel's mean."""
    groups = next(count for count in (8, 4, 2, 1) if count == 1 or (channels % count == 0 and channels >= 4 * count))
    return nn.GroupNorm(groups, channels)


def zeroed(layer: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    """The same layer with weights and bias at zero."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ScaleShiftBlock(nn.Module):
    """Two 3 x 3 convolutions and a short cut; a vector scales and shifts what is between them.

    Args:
        inputs: Channels that come.
        outputs: Channels that go.
        condition: Length of the vector; None for a block without.
        dropout: Probability of dropping in front of the second convolution.
    """

    def __init__(self, inputs: int, outputs: int, *, condition: int | None = None, dropout: float = 0.0):
        super().__init__()
        self.norm1, self.conv1 = group_norm(inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2, self.conv2 = group_norm(outputs), zeroed(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.dropout = nn.Dropout(dropout)
        self.scale_shift = None if condition is None else zeroed(nn.Linear(condition, 2 * outputs))
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """(B, inputs, H, W) and, if the block takes one, a condition (B, D) to (B, outputs, H, W)."""
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if self.scale_shift is not None and condition is not None:
            scale, shift = self.scale_shift(F.silu(condition))[:, :, None, None].chunk(2, dim=1)  # (B, outputs, 1, 1)
            h = (1 + scale) * h + shift
        return self.shortcut(x) + self.conv2(self.dropout(F.silu(h)))


class SpatialAttention(nn.Module):
    """Each place of a map looks at all places and, if asked, at the tokens of a context.

    Args:
        channels: C, a multiple of heads.
        heads: h.
        context: Dimensions of the context's tokens; None without cross-attention.
    """

    def __init__(self, channels: int, heads: int, *, context: int | None = None):
        super().__init__()
        self.norm1, self.self_attn = group_norm(channels), MultiHeadAttention(channels, heads)
        zeroed(self.self_attn.out_proj)
        self.cross_attn = None
        if context is not None:
            self.norm2 = group_norm(channels)
            self.cross_attn = MultiHeadAttention(channels, heads, kdim=context, vdim=context)
            zeroed(self.cross_attn.out_proj)

    def forward(self, x: Tensor, context: Tensor | None = None, context_mask: Tensor | None = None) -> Tensor:
        """(B, C, H, W), context (B, M, D) and its mask, (B, 1, M) with True for real tokens, to (B, C, H, W)."""
        size = x.shape[2:]
        tokens = x.flatten(2).mT  # (B, H W, C)
        tokens = tokens + self.self_attn(self.norm1(x).flatten(2).mT)
        if self.cross_attn is not None:
            tokens = tokens + self.cross_attn(self.norm2(tokens.mT).mT, context, mask=context_mask)
        return tokens.mT.unflatten(2, size)
