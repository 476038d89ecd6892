"""A flow of coupling layers: exact likelihood, exact inverse (chapter 16). Dinh, Sohl-Dickstein and Bengio 2017 (Real
NVP), arXiv:1605.08803.

    z = f(x) invertible:   log p(x) = log p_z(f(x)) + log | det df/dx |
    coupling:  y_a = x_a,   y_b = x_b exp(s(x_a)) + t(x_a):   log|det| = sum of s,   x_b = (y_b - t(y_a)) exp(-s(y_a))

s and t are any network, since it is never inverted. Halves: chequerboards at full size, channels after `squeeze`, which
makes 2 x 2 pixels into four channels. Pictures in [0, 1] first pass a logit, so that no density lies outside.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_tensors
from course_lib.likelihood.gaussian import standard_log_density
from course_lib.networks.unet_parts import zeroed

MARGIN = 0.05  # pictures are mapped into [MARGIN, 1 - MARGIN] before the logit


class AffineCoupling(nn.Module):
    """One coupling layer.

    Args:
        channels: C of its input.
        width: Maps of its network.
        mask: (C, H, W) bool, True where the input passes unchanged; of a shape that broadcasts.
    """

    mask: Tensor

    def __init__(self, channels: int, width: int, mask: Tensor):
        super().__init__()
        check_positive(channels=channels, width=width)
        self.register_buffer("mask", mask)
        self.network = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, width, 1), nn.SiLU(),
            zeroed(nn.Conv2d(width, 2 * channels, 3, padding=1)),  # the layer starts as the identity
        )  # fmt: skip

    def parameters_of(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """s, between -2 and 2, and t from the half that is kept; both 0 there."""
        scale, shift = self.network(kept).chunk(2, 1)
        return 2 * (scale / 2).tanh() * ~self.mask, shift * ~self.mask

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) to the same shape, and log|det| (B,)."""
        scale, shift = self.parameters_of(x * self.mask)
        return x * scale.exp() + shift, scale.flatten(1).sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """The input of an output."""
        scale, shift = self.parameters_of(y * self.mask)
        return (y - shift) * (-scale).exp()


class CouplingFlow(nn.Module):
    """Logit, couplings on chequerboards, squeeze, couplings on channels.

    Args:
        channels: Of the picture.
        size: Its side, even.
        layers: Couplings at each of the two resolutions, even, so that all numbers are changed equally often.
        width: Maps of each network.
    """

    def __init__(self, channels: int = 1, size: int = 28, layers: int = 4, *, width: int = 64):
        super().__init__()
        check_positive(channels=channels, size=size, layers=layers, width=width)
        if size % 2 or layers % 2:
            raise ValueError(f"size and layers must be even, not {size} and {layers}")
        self.shape = (channels, size, size)
        board = (torch.arange(size)[:, None] + torch.arange(size)) % 2 == 0
        first = (torch.arange(4 * channels) % 4 < 2)[:, None, None]
        self.fine = nn.ModuleList(AffineCoupling(channels, width, board ^ bool(k % 2)) for k in range(layers))
        self.coarse = nn.ModuleList(AffineCoupling(4 * channels, width, first ^ bool(k % 2)) for k in range(layers))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Codes and log|det|.

        Args:
            images: (B, C, H, W) in [0, 1].

        Returns:
            (B, 4 C, H/2, W/2), and (B,).

        Raises:
            ValueError: If pictures are of another shape or not finite.
        """
        check_tensors(images=(images, "B C H W"))
        if images.shape[1:] != self.shape:
            raise ValueError(f"this flow takes pictures of shape {self.shape}, not {tuple(images.shape[1:])}")
        inner = MARGIN + (1 - 2 * MARGIN) * images
        x, total = inner.logit(), (-inner.log() - (1 - inner).log()).flatten(1).sum(1)
        total = total + images[0].numel() * torch.tensor(1 - 2 * MARGIN).log()
        for layer in self.fine:
            x, change = layer(x)
            total = total + change
        x = F.pixel_unshuffle(x, 2)
        for layer in self.coarse:
            x, change = layer(x)
            total = total + change
        return x, total

    def inverse(self, codes: Tensor) -> Tensor:
        """Pictures (B, C, H, W) of codes (B, 4 C, H/2, W/2); those of unlikely codes may leave [0, 1] by MARGIN."""
        x = codes
        for layer in reversed(self.coarse):
            x = layer.inverse(x)  # type: ignore[operator]
        x = F.pixel_shuffle(x, 2)
        for layer in reversed(self.fine):
            x = layer.inverse(x)  # type: ignore[operator]
        return (x.sigmoid() - MARGIN) / (1 - 2 * MARGIN)

    def log_likelihood(self, images: Tensor) -> Tensor:
        """Log-density in nats, (B,), of pictures (B, C, H, W) in [0, 1]."""
        codes, change = self(images)
        return standard_log_density(codes) + change

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """Pictures (count, C, H, W) in [0, 1] of codes with the given standard deviation."""
        channels, height, width = self.shape
        device = next(self.parameters()).device
        codes = torch.randn(count, 4 * channels, height // 2, width // 2, generator=generator, device=device)
        return self.inverse(temperature * codes).clamp(0, 1)
