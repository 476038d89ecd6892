"""Where texture features come from: random filters, a trained network, or VGG-19 (chapter 8).

Ustyuzhaninov, Brendel, Gatys, Bethge, "Texture synthesis using shallow convolutional networks with random filters",
2016, arXiv:1606.00021: one layer of random filters of several sizes and a ReLU is enough to synthesise many textures.

Every source is a function from images (B, 3, H, W) in [0, 1] to a list of maps (B, D, H', W'), one for each layer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import VGG19_Weights, vgg19

from course_lib.checks import check_positive, check_tensors

Features = Callable[[Tensor], list[Tensor]]
SIZES = (3, 5, 7, 11, 15, 23, 37, 55)
VGG_MEAN, VGG_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# ReLU outputs 1_1, 2_1, 3_1, 4_1, 5_1, the layers of Gatys et al., by their index in torchvision's `features`.
VGG_LAYERS = (1, 6, 11, 20, 29)


class RandomFilters(nn.Module):
    """One layer of random filters of several sizes, each followed by a ReLU.

    A filter is drawn from a standard normal distribution, made to have mean 0 and divided by its length, so that
    plain areas give 0 and sizes can be compared. Borders are mirrored.

    Args:
        count: Filters of each size.
        sizes: Sides of the filters, odd.
        seed: Of the drawing.

    Raises:
        ValueError: For an even size or no filter.
    """

    def __init__(self, count: int = 48, sizes: tuple[int, ...] = SIZES, seed: int = 0):
        super().__init__()
        check_positive(count=count)
        if not sizes or any(size % 2 == 0 or size < 1 for size in sizes):
            raise ValueError(f"sizes must be odd numbers of pixels, not {sizes}")
        stream = torch.Generator().manual_seed(seed)
        self.sizes = sizes
        for size in sizes:
            bank = torch.randn(count, 3, size, size, generator=stream)
            bank = bank - bank.mean(dim=(1, 2, 3), keepdim=True)
            bank = bank / bank.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            self.register_buffer(f"bank{size}", bank)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) to one tensor (B, count, H, W) for each size.

        Raises:
            ValueError: If images is no such batch or is too small to mirror half the largest filter.
        """
        check_tensors(images=(images, "B 3 H W"))
        if min(images.shape[2:]) <= max(self.sizes) // 2:
            raise ValueError(
                f"images must be larger than {max(self.sizes) // 2} pixels for filters of {max(self.sizes)}, "
                f"not {tuple(images.shape[2:])}"
            )
        return [self._answer(images, size) for size in self.sizes]

    def _answer(self, images: Tensor, size: int) -> Tensor:
        """relu(filter * images) for the filters of one size, by convolution or, for large ones, in the spectrum."""
        bank = getattr(self, f"bank{size}").to(images.dtype)
        padded = F.pad(images, [size // 2] * 4, mode="reflect")
        if size < 15:
            return F.relu(F.conv2d(padded, bank))
        shape = padded.shape[2:]
        spectrum = torch.fft.rfft2(padded)  # (B, 3, H + 2 p, ...)
        kernels = torch.fft.rfft2(bank, s=shape).conj()  # correlation, as convolution layers compute
        product = torch.einsum("bchw,dchw->bdhw", spectrum, kernels)
        answer = torch.fft.irfft2(product, s=shape)
        return F.relu(answer[:, :, : images.shape[2], : images.shape[3]])


def vgg19_features(layers: tuple[int, ...] = VGG_LAYERS) -> Features | None:
    """VGG-19's features if its ImageNet weights are in torch's cache; nothing is downloaded.

    Max pooling is replaced by average pooling, as in the paper.

    Args:
        layers: Indices into torchvision's `features`, ascending.

    Returns:
        A source of features, or None if the weights are not there.
    """
    weights = VGG19_Weights.IMAGENET1K_V1
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    if not file.exists():
        return None
    model = vgg19()
    model.load_state_dict(torch.load(file, weights_only=True, map_location="cpu"))
    return chain_features(model.features, layers)


def chain_features(chain: nn.Sequential, layers: tuple[int, ...]) -> Features:
    """Features of a plain chain of layers such as VGG's, with average pooling and ImageNet's normalisation.

    Args:
        chain: Convolutions, ReLUs and max poolings; copied, in evaluation mode, and not trained.
        layers: Indices of the outputs to return, ascending.

    Returns:
        A source of features on the device of its images.
    """
    parts = [
        nn.AvgPool2d(2) if isinstance(p, nn.MaxPool2d) else nn.ReLU() if isinstance(p, nn.ReLU) else p
        for p in chain[: layers[-1] + 1]
    ]
    copied = nn.Sequential(*parts).eval().requires_grad_(False)

    def features(images: Tensor) -> list[Tensor]:
        check_tensors(images=(images, "B 3 H W"))
        copied.to(images.device)
        mean, std = (images.new_tensor(value).view(1, 3, 1, 1) for value in (VGG_MEAN, VGG_STD))
        x, found = (images - mean) / std, []
        for index, layer in enumerate(copied):
            x = layer(x)
            if index in layers:
                found.append(x)
        return found

    return features
