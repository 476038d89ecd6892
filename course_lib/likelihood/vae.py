"""Variational autoencoder (chapter 16). Kingma and Welling 2014, arXiv:1312.6114.

    p(z) = N(0, 1),  p(x | z) by a decoder,  q(z | x) = N(m(x), s(x)^2) by an encoder
    log p(x) - KL( q(z|x) || p(z|x) ) = E_q log p(x | z) - KL( q(z|x) || p(z) )  =  the bound (ELBO)

What a pixel's distribution is, is part of the model: Bernoulli for ink or no ink; a Gaussian around the decoder's
picture for grey values, whose one width is learnt; or a probability for each of L grey levels (categorical), which is a
likelihood of whole numbers and needs no noise. With a fixed width the squared error comes back, and the width then
decides how much the divergence counts.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.core.checks import check_tensors
from course_lib.likelihood.autoencoder import autoencoder_parts
from course_lib.likelihood.gaussian import divergence_from_standard, gaussian_log_density, reparameterise

PIXELS = ("bernoulli", "gaussian", "categorical")


class VAE(nn.Module):
    """Encoder, decoder and the bound.

    Args:
        latent: K.
        channels: Of the picture.
        size: Its side, a multiple of 4.
        width: Maps of the first layer; the second has twice as many.
        pixels: What p(x | z) is: "bernoulli", "gaussian" or "categorical".
        levels: Grey levels L of categorical pixels, each an equal part of [0, 1].
    """

    def __init__(self, latent: int, channels: int = 1, size: int = 28, *, width: int = 32, pixels: str = "bernoulli",
                 levels: int = 16):  # fmt: skip
        super().__init__()
        if pixels not in PIXELS:
            raise ValueError(f"pixels must be one of {', '.join(PIXELS)}, not {pixels!r}")
        self.latent, self.pixels, self.levels = latent, pixels, levels
        self.encoder, self.code, self.decoder = autoencoder_parts(
            2 * latent, latent, channels, size=size, width=width, levels=levels if pixels == "categorical" else 1
        )
        self.log_variance = nn.Parameter(torch.tensor(-3.0))  # of a grey value, if pixels are Gaussian

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, K) of q(z | x) for pictures (B, C, H, W) in [0, 1]."""
        mean, log_variance = self.code(self.encoder(2 * images - 1)).chunk(2, 1)
        return mean, log_variance.clamp(-12, 6)

    def decode(self, codes: Tensor) -> Tensor:
        """The expected picture (B, C, H, W) for codes (B, K): probabilities of ink, or grey values."""
        answer = self.decoder(codes)
        if self.pixels == "categorical":
            middles = (torch.arange(self.levels, device=answer.device) + 0.5) / self.levels
            return torch.einsum("blchw,l->bchw", self._by_level(answer).softmax(1), middles)
        return answer.sigmoid() if self.pixels == "bernoulli" else answer

    def _by_level(self, answer: Tensor) -> Tensor:
        """Scores (B, L, C, H, W) from a decoder's answer (B, L C, H, W)."""
        return answer.unflatten(1, (self.levels, -1))

    def log_likelihood(self, images: Tensor, codes: Tensor) -> Tensor:
        """log p(x | z) in nats, (B,), for pictures (B, C, H, W) and codes (B, K)."""
        answer = self.decoder(codes)
        if self.pixels == "bernoulli":
            return -F.binary_cross_entropy_with_logits(answer, images, reduction="none").flatten(1).sum(1)
        if self.pixels == "categorical":
            values = (images * self.levels).long().clamp(0, self.levels - 1)
            return -F.cross_entropy(self._by_level(answer), values, reduction="none").flatten(1).sum(1)
        return gaussian_log_density(images, answer, self.log_variance)

    def bound(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The two terms of the bound for each picture: E_q log p(x | z), by one sample, and the divergence.

        Args:
            images: (B, C, H, W) in [0, 1].
            generator: Source of the sample.

        Returns:
            (B,) and (B,), nats; the bound is the first minus the second.

        Raises:
            ValueError: If pictures are no finite batch.
        """
        check_tensors(images=(images, "B C H W"))
        mean, log_variance = self.encode(images)
        codes = reparameterise(mean, log_variance, generator)
        return self.log_likelihood(images, codes), divergence_from_standard(mean, log_variance)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Expected pictures (count, C, H, W) of codes that are drawn from the prior."""
        codes = torch.randn(count, self.latent, generator=generator, device=self.log_variance.device)
        return self.decode(codes)
