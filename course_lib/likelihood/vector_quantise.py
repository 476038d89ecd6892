"""VQ-VAE: a code book in the middle (chapter 16). Van den Oord, Vinyals and Kavukcuoglu 2017, arXiv:1711.00937.

    k(x) = argmin_k | e(x) - c_k |,   q = c_k,   straight through: forward q, backward as if q were e
    L = reconstruction + | sg[e] - c |^2 + beta | e - sg[c] |^2          (sg: no gradient passes)

The first square moves codes to the encoder's answers, the second keeps these near their codes. A code that is never the
nearest gets no gradient and stays dead; `revive` puts dead codes where encoder answers are (as Jukebox does, Dhariwal
et al. 2020). Perplexity exp(H) of how often codes are used says how many are in use.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes


class VectorQuantiser(nn.Module):
    """The code book.

    Args:
        codes: K, how many.
        dimensions: D of each.
        commitment: beta.
    """

    book: nn.Parameter

    def __init__(self, codes: int, dimensions: int, commitment: float = 0.25):
        super().__init__()
        check_positive(codes=codes, dimensions=dimensions, commitment=commitment)
        self.book = nn.Parameter(torch.randn(codes, dimensions))
        self.commitment = commitment

    def nearest(self, answers: Tensor) -> Tensor:
        """Number of the nearest code, int64 (B, H, W), for answers (B, D, H, W); of equal ones the first."""
        check_shapes(answers=(answers, "B D H W"))
        flat = answers.movedim(1, -1).flatten(0, 2)
        distance = flat.square().sum(1, keepdim=True) - 2 * flat @ self.book.T + self.book.square().sum(1)
        return distance.argmin(1).view(answers.shape[0], *answers.shape[2:])

    def look_up(self, tokens: Tensor) -> Tensor:
        """Codes (B, D, H, W) of tokens int64 (B, H, W)."""
        return F.embedding(tokens, self.book).movedim(-1, 1)

    def forward(self, answers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantise an encoder's answers.

        Args:
            answers: (B, D, H, W).

        Returns:
            Codes (B, D, H, W) through which gradients pass straight to the answers; the loss of code book and
            commitment, shape (); tokens int64 (B, H, W).
        """
        tokens = self.nearest(answers.detach())
        codes = self.look_up(tokens)
        loss = F.mse_loss(codes, answers.detach()) + self.commitment * F.mse_loss(answers, codes.detach())
        return answers + (codes - answers).detach(), loss, tokens

    @torch.no_grad()
    def revive(self, answers: Tensor, generator: torch.Generator) -> int:
        """Move codes that are nearest to none of these answers onto answers drawn from them.

        Args:
            answers: (B, D, H, W).
            generator: Source of the choice, on the device of the answers.

        Returns:
            How many codes were dead.
        """
        dead = self.usage(self.nearest(answers)) == 0
        flat = answers.movedim(1, -1).flatten(0, 2)
        drawn = torch.randint(len(flat), (int(dead.sum()),), generator=generator, device=answers.device)
        self.book[dead] = flat[drawn].to(self.book)
        return int(dead.sum())

    def usage(self, tokens: Tensor) -> Tensor:
        """How often each code occurs among tokens: int64 (K,)."""
        return torch.bincount(tokens.flatten(), minlength=len(self.book))


def perplexity(usage: Tensor) -> Tensor:
    """exp of the entropy of how often codes are used: as if so many were used equally; 1 to K, shape ().

    Args:
        usage: (K,) counts, not all zero.

    Raises:
        ValueError: If nothing was counted.
    """
    if not bool((usage >= 0).all()) or not bool(usage.any()):
        raise ValueError("usage must hold counts of at least one token")
    share = usage.double() / usage.sum()
    return torch.special.entr(share).sum().exp()


class VQVAE(nn.Module):
    """Encoder, code book, decoder: a picture becomes a grid of tokens, a quarter of its side.

    Args:
        codes: K.
        dimensions: D of a code.
        channels: Of the picture.
        width: Maps of the first layer.
        commitment: beta.
    """

    def __init__(self, codes: int, dimensions: int = 16, channels: int = 1, *, width: int = 32,
                 commitment: float = 0.25):  # fmt: skip
        super().__init__()
        check_positive(channels=channels, width=width)
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), nn.SiLU(), nn.Conv2d(2 * width, dimensions, 1),
        )  # fmt: skip
        self.quantiser = VectorQuantiser(codes, dimensions, commitment)
        self.decoder = nn.Sequential(
            nn.Conv2d(dimensions, 2 * width, 3, padding=1), nn.SiLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1), nn.SiLU(),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
        )  # fmt: skip

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Answer (B, C, H, W), loss of code book and commitment (), tokens (B, H/4, W/4) of pictures (B, C, H, W)."""
        codes, loss, tokens = self.quantiser(self.encoder(2 * images - 1))
        return self.decoder(codes), loss, tokens

    def decode(self, tokens: Tensor) -> Tensor:
        """Pictures (B, C, H, W) of tokens int64 (B, H/4, W/4)."""
        return self.decoder(self.quantiser.look_up(tokens))
