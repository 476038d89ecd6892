"""Colourisation (chapter "colourisation"): the network sees the brightness L of a picture and says its colours a, b.

Zhang, Isola and Efros 2016, arXiv:1603.08511. Colours are cut into Q bins of the ab plane, and each pixel gets a
distribution over them:

    p(q | L) = softmax_q,    loss = mean over pixels of -log p(bin of the true ab | L)
    ab = sum over q of c_q  p_q^(1/T) / sum p^(1/T)          T = 1: the mean, T -> 0: the likeliest bin

A squared error would give the mean, which is grey wherever red and green are equally likely; a distribution can say
"either red or green". Here Q = 49 bins of 24 units (in the paper 313 of 10), a picture of half the sides, no weights
for rare colours. The encoder wants three channels: it gets the brightness three times.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.ops.color import lab_to_rgb, rgb_to_lab
from course_lib.self_supervised.decode import MapDecoder
from course_lib.self_supervised.encoder import SmallEncoder

SIDE, WIDTH = 7, 24.0  # bins along a and along b; their width


def bin_centres(like: Tensor) -> Tensor:
    """(49, 2) the colours a, b at the middle of the bins; bin 24 is grey."""
    at = WIDTH * (torch.arange(SIDE, dtype=like.dtype, device=like.device) - SIDE // 2)
    return torch.stack(torch.meshgrid(at, at, indexing="ij"), -1).view(-1, 2)


def colour_bins(ab: Tensor) -> Tensor:
    """The nearest bin of colours (B, 2, H, W): (B, H, W) int64 in 0 ... 48."""
    check_shapes(ab=(ab, "B 2 H W"))
    index = (ab / WIDTH).round().long().clamp(-(SIDE // 2), SIDE // 2) + SIDE // 2
    return SIDE * index[:, 0] + index[:, 1]


def brightness(images: Tensor) -> Tensor:
    """L / 100 of sRGB pictures (B, 3, H, W), three times: what the encoder sees, (B, 3, H, W) in [0, 1]."""
    return (rgb_to_lab(images)[:, :1] / 100).expand(-1, 3, -1, -1)


def annealed_mean(logits: Tensor, temperature: float = 0.38) -> Tensor:
    """One colour for each pixel from a distribution.

    Args:
        logits: (B, 49, H, W).
        temperature: T, above 0; the paper's choice is 0.38.

    Returns:
        (B, 2, H, W) a and b.
    """
    check_shapes(logits=(logits, f"B {SIDE**2} H W"))
    check_positive(temperature=temperature)
    weights = (logits.log_softmax(1) / temperature).softmax(1)
    return torch.einsum("bqhw,qc->bchw", weights, bin_centres(logits))


class Colourisation(nn.Module):
    """Encoder of brightness and decoder to bins.

    Args:
        encoder: Has `maps` and `dimensions`.
    """

    def __init__(self, encoder: SmallEncoder):
        super().__init__()
        self.encoder, self.decoder = encoder, MapDecoder(encoder.dimensions, SIDE**2)

    def forward(self, grey: Tensor) -> Tensor:
        """Logits (B, 49, H / 2, W / 2) of `brightness` pictures (B, 3, H, W)."""
        return self.decoder(self.encoder.maps(grey))

    def loss(self, images: Tensor) -> Tensor:
        """Cross-entropy of the colours of sRGB pictures (B, 3, H, W), shape ()."""
        lab = rgb_to_lab(images)
        wanted = colour_bins(F.avg_pool2d(lab[:, 1:], 2))
        return F.cross_entropy(self((lab[:, :1] / 100).expand(-1, 3, -1, -1)), wanted)

    @torch.no_grad()
    def paint(self, images: Tensor, temperature: float = 0.38) -> Tensor:
        """Pictures (B, 3, H, W) with their own brightness and the network's colours, in [0, 1]."""
        lab = rgb_to_lab(images)
        ab = annealed_mean(self((lab[:, :1] / 100).expand(-1, 3, -1, -1)), temperature)
        ab = F.interpolate(ab, size=images.shape[2:], mode="bilinear", align_corners=False)
        return lab_to_rgb(torch.cat([lab[:, :1], ab], 1)).clamp(0, 1)
