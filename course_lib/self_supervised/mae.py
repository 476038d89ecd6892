"""Masked autoencoder (chapter "mae"): hide three quarters of the patches, show the encoder the rest, paint the hidden.

He et al. 2022, arXiv:2111.06377.

    patches x_1 ... x_N of P x P pixels;  keep a random quarter V
    encoder    z = ViT(W x_n + e_n  for n in V)              e_n: fixed sines of row and column; no mask tokens here
    decoder    z at its places, one learnt vector m at all others, + e_n, one block, a linear map to 3 P^2 numbers
    loss       mean over hidden n of |x_n' - xhat_n|^2 / (3 P^2),    x_n' = (x_n - mean) / deviation of the patch

The encoder works on a quarter of the tokens, which makes large encoders affordable. Features of a picture: the mean of
the encoder's tokens over all patches, nothing hidden (the paper's choice is the class token, or the mean as here).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_shapes
from course_lib.networks.positional import sinusoidal_encoding_2d
from course_lib.networks.transformer import TransformerEncoder
from course_lib.ops.patches import patchify, random_masking, unpatchify


class PatchEncoder(nn.Module):
    """A small ViT without class token.

    Args:
        size: Side of the pictures in pixels, a multiple of patch.
        patch: P.
        dimensions: E, a multiple of 4 and of heads.
        layers: Blocks.
        heads: h.
    """

    positions: Tensor

    def __init__(self, size: int = 32, patch: int = 4, *, dimensions: int = 64, layers: int = 4, heads: int = 4):
        super().__init__()
        if size % patch:
            raise ValueError(f"size must be a multiple of patch, not {size} and {patch}")
        self.size, self.patch, self.dimensions = size, patch, dimensions
        self.embed = nn.Linear(3 * patch * patch, dimensions)
        self.blocks = TransformerEncoder(layers, dimensions, heads, hidden=4 * dimensions, dropout=0.0,
                                         activation="gelu", norm_first=True)  # fmt: skip
        side = torch.arange(size // patch, dtype=torch.float32)
        self.register_buffer(
            "positions", sinusoidal_encoding_2d(side, side, dimensions).flatten(0, 1), persistent=False
        )

    def tokens(self, images: Tensor) -> Tensor:
        """Patches with their places: (B, N, E) of images (B, 3, size, size) in [0, 1]."""
        check_shapes(images=(images, f"B 3 {self.size} {self.size}"))
        return self.embed(patchify(2 * images - 1, self.patch)) + self.positions

    def forward(self, images: Tensor) -> Tensor:
        """Features (B, E): the mean token of the whole picture."""
        return self.blocks(self.tokens(images)).mean(1)


class MaskedAutoencoder(nn.Module):
    """Encoder and decoder.

    Args:
        encoder: What is kept.
        dimensions: Of the decoder, a multiple of 16.
        ratio: Share of the patches that is hidden while training.
    """

    positions: Tensor

    def __init__(self, encoder: PatchEncoder, dimensions: int = 32, *, ratio: float = 0.75):
        super().__init__()
        self.encoder, self.ratio = encoder, ratio
        self.shrink = nn.Linear(encoder.dimensions, dimensions)
        self.mask_token = nn.Parameter(0.02 * torch.randn(dimensions))
        self.blocks = TransformerEncoder(1, dimensions, 4, hidden=4 * dimensions, dropout=0.0, activation="gelu",
                                         norm_first=True)  # fmt: skip
        self.paint = nn.Linear(dimensions, 3 * encoder.patch**2)
        side = torch.arange(encoder.size // encoder.patch, dtype=torch.float32)
        self.register_buffer(
            "positions", sinusoidal_encoding_2d(side, side, dimensions).flatten(0, 1), persistent=False
        )

    def forward(self, images: Tensor, generator: torch.Generator, ratio: float | None = None) -> tuple[Tensor, Tensor]:
        """Painted patches (B, N, 3 P P), normalised, and the mask (B, N), True = hidden; ratio as `random_masking`."""
        tokens = self.encoder.tokens(images)
        visible, hidden, restore = random_masking(tokens, self.ratio if ratio is None else ratio, generator)
        seen = self.shrink(self.encoder.blocks(visible))  # (B, K, D): of the visible patches alone
        missing = self.mask_token.expand(len(images), tokens.shape[1] - seen.shape[1], -1)
        both = torch.cat([seen, missing], 1).gather(1, restore[..., None].expand(-1, -1, seen.shape[2]))
        return self.paint(self.blocks(both + self.positions)), hidden

    def loss(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Mean squared error of hidden patches, each normalised; shape (). 1 is what grey patches get."""
        painted, hidden = self(images, generator)
        wanted, _, _ = normalise_patches(patchify(images, self.encoder.patch))
        return (painted - wanted).square().mean(2)[hidden].mean()

    @torch.no_grad()
    def restore(self, images: Tensor, generator: torch.Generator, ratio: float | None = None) -> tuple[Tensor, Tensor]:
        """What it paints into the hidden patches, and what it saw (grey where hidden): (B, 3, H, W) each, in [0, 1].

        Mean and deviation of a hidden patch are taken from the true one: the network learnt its pattern only.
        """
        painted, hidden = self(images, generator, ratio)
        patches = patchify(images, self.encoder.patch)
        _, mean, deviation = normalise_patches(patches)
        made = torch.where(hidden[..., None], painted * deviation + mean, patches)
        shown = torch.where(hidden[..., None], torch.full_like(patches, 0.5), patches)
        size, patch = self.encoder.size, self.encoder.patch
        return tuple(unpatchify(p, size, size, size=patch).clamp(0, 1) for p in (made, shown))  # type: ignore[return-value]


def normalise_patches(patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Patches (B, N, F) with mean 0 and deviation 1 each, their means (B, N, 1) and deviations (B, N, 1)."""
    mean, variance = patches.mean(2, keepdim=True), patches.var(2, keepdim=True)
    deviation = (variance + 1e-4).sqrt()
    return (patches - mean) / deviation, mean, deviation
