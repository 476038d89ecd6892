"""The network of diffusion: a U-Net that hears the time and, if told, the class (chapter 18).

    time        t / span * 1000 -> sinusoidal code -> linear, silu, linear          as in DDPM, 2006.11239, appendix B
    class       a vector for each class and one for "not told"                       added to the time's
    picture     2 x 2 pixels become 4 channels at half resolution (and back at the end), between them a `UNet`
    blocks      every residual block is scaled and shifted by the sum (Dhariwal and Nichol 2021, 2105.05233)

`span` is the time that counts as 1: T for diffusion, 1 for flow matching. Half resolution is for the sake of processors
without a GPU: the same maps at full resolution cost four times as much. Pictures are 2 p - 1 for pixels p in [0, 1].
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.networks.positional import sinusoidal_encoding
from course_lib.networks.unet import UNet
from course_lib.networks.unet_parts import ScaleShiftBlock, group_norm


class TimeEmbedding(nn.Module):
    """A time as a vector.

    Args:
        dimensions: Length D, even.
        span: The time that counts as 1.
    """

    def __init__(self, dimensions: int, span: float):
        super().__init__()
        check_positive(dimensions=dimensions, span=span)
        self.dimensions, self.span = dimensions, span
        self.layers = nn.Sequential(nn.Linear(dimensions, dimensions), nn.SiLU(), nn.Linear(dimensions, dimensions))

    def forward(self, t: Tensor) -> Tensor:
        """(B,) times, of any kind, to (B, D)."""
        weight: Tensor = self.layers[0].weight  # type: ignore[assignment]
        return self.layers(sinusoidal_encoding(t.to(weight.dtype) / self.span * 1000, self.dimensions))


class Denoiser(nn.Module):
    """From a noisy picture, its time and its class to a prediction.

    Args:
        classes: K; 0 for a network that hears no class.
        span: The time that counts as 1.
        channels: Of the picture.
        width: Maps at half resolution.
        levels: How often that is halved again.
        attention: How many resolutions have attention, from the coarsest.
        dimensions: Length of the vector of time and class.
        timeless: Remove the time, to see what it is good for.
    """

    def __init__(
        self,
        classes: int,
        span: float,
        channels: int = 1,
        *,
        width: int = 32,
        levels: int = 1,
        attention: int = 1,
        dimensions: int = 128,
        timeless: bool = False,
    ):
        super().__init__()
        self.classes, self.timeless = classes, timeless
        self.time = TimeEmbedding(dimensions, span)
        self.label = nn.Embedding(classes + 1, dimensions) if classes else None
        self.unet = UNet(4 * channels, 4 * channels, width, levels=levels, condition=dimensions, attention=attention)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Predict.

        Args:
            x: (B, channels, H, W), H and W multiples of 2^(levels + 1).
            t: (B,) times, from 0 to span.
            labels: (B,) int64, -1 where the class is not told; None tells none.

        Returns:
            (B, channels, H, W).
        """
        heard = self.time(torch.zeros_like(t) if self.timeless else t)
        if self.label is not None:
            told = torch.full((len(x),), -1, device=x.device) if labels is None else labels
            heard = heard + self.label(torch.where(told < 0, self.classes, told))
        return F.pixel_shuffle(self.unet(F.pixel_unshuffle(x, 2), heard), 2)


class NoisyClassifier(nn.Module):
    """A classifier of noisy pictures that hears the time; for classifier guidance.

    Args:
        classes: K.
        span: The time that counts as 1.
        channels: Of the picture.
        width: Maps at half resolution.
        dimensions: Length of the time's vector.
    """

    def __init__(self, classes: int, span: float, channels: int = 1, *, width: int = 32, dimensions: int = 64):
        super().__init__()
        self.time = TimeEmbedding(dimensions, span)
        self.stem = nn.Conv2d(4 * channels, width, 3, padding=1)
        self.near = ScaleShiftBlock(width, width, condition=dimensions)
        self.shrink = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.far = ScaleShiftBlock(2 * width, 2 * width, condition=dimensions)
        self.head = nn.Sequential(group_norm(2 * width), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.answer = nn.Linear(2 * width, classes)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """(B, channels, H, W) and times (B,) to scores (B, K)."""
        heard = self.time(t)
        x = self.near(self.stem(F.pixel_unshuffle(x, 2)), heard)
        return self.answer(self.head(self.far(self.shrink(x), heard)))


class PointDenoiser(nn.Module):
    """The same for points: an MLP that hears the time, to try things out in the plane.

    Args:
        span: The time that counts as 1.
        coordinates: Of a point.
        hidden: Width of its three hidden layers.
        dimensions: Length of the time's vector.
        timeless: Remove the time, to see what it is good for.
    """

    def __init__(self, span: float, coordinates: int = 2, *, hidden: int = 96, dimensions: int = 32,
                 timeless: bool = False):  # fmt: skip
        super().__init__()
        self.time, self.timeless = TimeEmbedding(dimensions, span), timeless
        widths = (coordinates + dimensions, hidden, hidden, hidden)
        layers: list[nn.Module] = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.SiLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, coordinates))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """(B, coordinates) and times (B,) to (B, coordinates)."""
        return self.layers(torch.cat([x, self.time(torch.zeros_like(t) if self.timeless else t)], 1))
