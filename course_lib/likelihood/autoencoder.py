"""Autoencoders: through a narrow middle and back (chapter 16). Hinton and Salakhutdinov, Science 313, 2006.

    minimise  E |x - g(f(x))|^2,   f: R^D -> R^K, g: R^K -> R^D, K much smaller than D

With linear f and g the best answer is a projection on the plane of the first K principal components (Baldi and Hornik,
Neural Networks 2, 1989). The plane, not its axes: any invertible K x K matrix between f and g leaves the loss alone.
Planes are compared by their principal angles: the arc cosines of the singular values of Q1^T Q2, for orthonormal Q.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_tensors


class LinearAutoencoder(nn.Module):
    """x to B (A (x - m)) + m.

    Args:
        dimensions: D.
        latent: K, at most D.
    """

    def __init__(self, dimensions: int, latent: int):
        super().__init__()
        check_positive(dimensions=dimensions, latent=latent)
        if latent > dimensions:
            raise ValueError(f"latent must be at most dimensions = {dimensions}, not {latent}")
        self.encoder = nn.Linear(dimensions, latent, bias=False)
        self.decoder = nn.Linear(latent, dimensions, bias=False)
        self.mean = nn.Parameter(torch.zeros(dimensions))

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) to (B, D)."""
        return self.decoder(self.encoder(x - self.mean)) + self.mean


class ConvolutionalAutoencoder(nn.Module):
    """Two strided convolutions and a linear layer to K numbers, and the same way back.

    Args:
        latent: K.
        channels: Of the picture.
        size: Its side, a multiple of 4.
        width: Maps of the first layer; the second has twice as many.
    """

    def __init__(self, latent: int, channels: int = 1, size: int = 28, *, width: int = 32):
        super().__init__()
        self.encoder, self.code, self.decoder = autoencoder_parts(latent, latent, channels, size=size, width=width)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] to pictures of the same shape, of any values."""
        return self.decoder(self.code(self.encoder(images)))


def autoencoder_parts(numbers: int, latent: int, channels: int, *, size: int, width: int,
                      levels: int = 1) -> tuple[nn.Sequential, nn.Linear, nn.Sequential]:  # fmt: skip
    """The three parts of a convolutional autoencoder.

    Args:
        numbers: What the middle answers with; a VAE's two for each of the latent numbers.
        latent: K, what the decoder reads.
        channels: Of the picture.
        size: Its side, a multiple of 4.
        width: Maps of the first layer.
        levels: Numbers with which the decoder answers for each pixel and channel.

    Returns:
        Pictures (B, C, size, size) to flat features, these to (B, numbers), and (B, K) to (B, levels C, size, size).

    Raises:
        ValueError: For another size, or numbers that are not above 0.
    """
    check_positive(numbers=numbers, latent=latent, channels=channels, size=size, width=width, levels=levels)
    if size % 4:
        raise ValueError(f"size must be a multiple of 4, not {size}")
    inner = (2 * width, size // 4, size // 4)
    features = 2 * width * (size // 4) ** 2
    encoder = nn.Sequential(
        nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.SiLU(),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), nn.SiLU(), nn.Flatten(),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(latent, features), nn.SiLU(), nn.Unflatten(1, inner),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1), nn.SiLU(),
        nn.ConvTranspose2d(width, levels * channels, 4, stride=2, padding=1),
    )  # fmt: skip
    return encoder, nn.Linear(features, numbers), decoder


def principal_angles(first: Tensor, second: Tensor) -> Tensor:
    """Angles between two planes, largest first.

    Args:
        first, second: (D, K), columns that span the planes, linearly independent; D at least K.

    Returns:
        (K,) radians, 0 to pi / 2; all 0 exactly if the planes are equal.

    Raises:
        ValueError: For shapes that do not fit, or values that are not finite.
    """
    check_tensors(first=(first, "D K"), second=(second, "D K"))
    cosines = torch.linalg.svdvals(torch.linalg.qr(first).Q.mT @ torch.linalg.qr(second).Q)
    return cosines.clamp(max=1).acos().flip(0)
