"""Where texture features come from: random filters, a trained network, or VGG-19 (chapter 8).

Ustyuzhaninov, Brendel, Gatys, Bethge, "Texture synthesis using shallow convolutional networks with random filters",
2016, arXiv:1606.00021: one layer of random filters of several sizes and a ReLU is enough to synthesise many textures.

A pyramid gives the large sizes at a fraction of their price: a filter of 11 on a level of a quarter of the resolution
sees 44 pixels. Every source is a function from images (B, C, H, W) in [0, 1] to a list of maps (B, D, H', W').
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import VGG19_Weights
from torchvision.models.vgg import cfgs, make_layers

from course_lib.core.checks import check_positive, check_shapes

Features = Callable[[Tensor], list[Tensor]]
VGG_MEAN, VGG_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# ReLU outputs 1_1, 2_1, 3_1, 4_1, 5_1, the layers of Gatys et al., by their index in torchvision's `features`.
VGG_LAYERS = (1, 6, 11, 20, 29)


class RandomFilters(nn.Module):
    """Random filters of a few sizes on the levels of a pyramid, each followed by a ReLU.

    A filter is drawn from a standard normal distribution, made to have mean 0 and divided by its length, so that
    plain areas give 0 and sizes can be compared. Such filters cannot see brightness, so the picture itself is put
    beside their answers. The same filters look at each level; level l is the picture averaged over blocks of 2^l x 2^l
    pixels, so that 11 pixels there are 11 * 2^l pixels here. Borders are mirrored.

    Args:
        count: Filters of each size.
        sizes: Sides of the filters, odd.
        levels: Levels of the pyramid; 1 looks at the picture itself only.
        channels: Of the images: 1 for grey ones, 3 for colour.
        seed: Of the drawing.

    Raises:
        ValueError: For an even size or no filter, level or channel.
    """

    def __init__(
        self,
        count: int = 24,
        sizes: tuple[int, ...] = (3, 7, 11),
        levels: int = 4,
        *,
        channels: int = 3,
        seed: int = 0,
    ):
        super().__init__()
        check_positive(count=count, levels=levels, channels=channels)
        if not sizes or any(size % 2 == 0 or size < 1 for size in sizes):
            raise ValueError(f"sizes must be odd numbers of pixels, not {sizes}")
        stream = torch.Generator().manual_seed(seed)
        self.sizes, self.levels, self.channels = sizes, levels, channels
        for size in sizes:
            bank = torch.randn(count, channels, size, size, generator=stream)
            bank = bank - bank.mean(dim=(1, 2, 3), keepdim=True)
            bank = bank / bank.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            self.register_buffer(f"bank{size}", bank)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, C, H, W) to one tensor (B, C + count * len(sizes), H / 2^l, W / 2^l) for each level l.

        Raises:
            ValueError: If images is no such batch or its smallest level is too small to mirror half the largest filter.
        """
        check_shapes(images=(images, f"B {self.channels} H W"))
        least = (max(self.sizes) // 2 + 1) * 2 ** (self.levels - 1)
        if min(images.shape[2:]) < least:
            raise ValueError(
                f"images must have at least {least} x {least} pixels for {self.levels} levels and filters of "
                f"{max(self.sizes)}, not {tuple(images.shape[2:])}"
            )
        found = []
        for level in range(self.levels):
            images = F.avg_pool2d(images, 2) if level else images
            banks = [getattr(self, f"bank{size}").to(images.dtype) for size in self.sizes]
            padded = [F.pad(images, [size // 2] * 4, mode="reflect") for size in self.sizes]
            answers = [F.conv2d(x, bank) for x, bank in zip(padded, banks, strict=True)]
            found.append(F.relu(torch.cat([images, *answers], dim=1)))  # (B, D, H / 2^l, W / 2^l)
        return found


def stage_features(model: nn.Module, layers: tuple[str, ...]) -> Features:
    """Features of a network that names its stages, such as the course's backbone.

    Args:
        model: Has a method `features` from images (B, 3, H, W) in [0, 1] to maps by name. Put it into evaluation mode
            and stop its gradients (`requires_grad_(False)`) before.
        layers: Names of the maps to return.

    Returns:
        A source of features; grey images (B, 1, H, W) are taken as colour images without colour.
    """

    def features(images: Tensor) -> list[Tensor]:
        colour = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
        maps = model.features(colour)  # type: ignore[operator]
        unknown = [name for name in layers if name not in maps]
        if unknown:
            raise ValueError(f"no layer {unknown[0]!r}; there are {', '.join(maps)}")
        return [maps[name] for name in layers]

    return features


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
    chain = make_layers(cfgs["E"])  # VGG-19 without its classifier, which holds most of its weights
    stored = torch.load(file, weights_only=True, map_location="cpu", mmap=True)
    chain.load_state_dict({k.removeprefix("features."): v for k, v in stored.items() if k.startswith("features.")})
    return chain_features(chain, layers)


def chain_features(chain: nn.Sequential, layers: tuple[int, ...]) -> Features:
    """Features of a plain chain of layers such as VGG's, with average pooling and ImageNet's normalisation.

    Args:
        chain: Convolutions, ReLUs and max poolings; copied, in evaluation mode, and not trained.
        layers: Indices of the outputs to return, ascending.

    Returns:
        A source of features on the device of its images.
    """
    parts = [
        nn.AvgPool2d(2) if isinstance(p, nn.MaxPool2d) else nn.ReLU() if isinstance(p, nn.ReLU) else copy.deepcopy(p)
        for p in chain[: layers[-1] + 1]
    ]
    original = nn.Sequential(*parts).eval().requires_grad_(False)
    copies: dict[torch.device, nn.Sequential] = {}

    def features(images: Tensor) -> list[Tensor]:
        check_shapes(images=(images, "B 3 H W"))
        if images.device not in copies:
            copies[images.device] = copy.deepcopy(original).to(images.device)
        mean, std = (images.new_tensor(value).view(1, 3, 1, 1) for value in (VGG_MEAN, VGG_STD))
        x, found = (images - mean) / std, []
        for index, layer in enumerate(copies[images.device]):
            x = layer(x)
            if index in layers:
                found.append(x)
        return found

    return features
