"""ConvNeXt (chapter 6): a residual network with what transformers had taught by 2022.

Liu, Mao, Wu, Feichtenhofer, Darrell, Xie, "A ConvNet for the 2020s", 2022, arXiv:2201.03545.

    block   x + gamma * W2 gelu(W1 layer_norm(depthwise 7 x 7 (x)))      W1: C -> 4 C, W2: 4 C -> C

The first layer cuts the image into 4 x 4 patches; layer norm takes the place of batch norm, GELU that of ReLU, and a
block has one of each. `gamma` starts at 1e-6, so that every block starts as the identity. Parameter names are
torchvision's. Images are (B, 3, H, W), meant for 224 x 224.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.networks.conv_parts import check_images


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of each place of (B, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps)  # (B, H, W, C)
        return x.permute(0, 3, 1, 2)


class Permute(nn.Module):
    """Reorder the axes."""

    def __init__(self, *order: int):
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, H, W, C) for the order 0, 2, 3, 1."""
        return x.permute(self.order)


class ConvNeXtBlock(nn.Module):
    """One block of width C.

    Args:
        width: Channels C.
        drop: Probability that a sample skips the block while training (stochastic depth).
    """

    def __init__(self, width: int, drop: float = 0.0):
        from torchvision.ops import StochasticDepth  # not at the top: torchvision takes seconds to import

        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 7, padding=3, groups=width),
            Permute(0, 2, 3, 1),
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            Permute(0, 3, 1, 2),
        )
        self.layer_scale = nn.Parameter(torch.full((width, 1, 1), 1e-6))
        self.stochastic_depth = StochasticDepth(drop, "row")

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        return x + self.stochastic_depth(self.layer_scale * self.block(x))


class ConvNeXt(nn.Module):
    """Patches, four stages with down-sampling between them, average, linear layer.

    Args:
        blocks: Blocks in each stage.
        widths: Channels of each stage.
        classes: Number of logits.
        drop: Stochastic depth of the last block; earlier ones grow linearly from 0.
    """

    def __init__(
        self,
        blocks: tuple[int, int, int, int] = (3, 3, 9, 3),
        widths: tuple[int, int, int, int] = (96, 192, 384, 768),
        classes: int = 1000,
        *,
        drop: float = 0.1,
    ):
        super().__init__()
        norm = [LayerNorm2d(width, eps=1e-6) for width in (widths[0], *widths)]
        layers: list[nn.Module] = [nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=4), norm[0])]
        for i, width in enumerate(widths):
            depths = range(sum(blocks[:i]), sum(blocks[: i + 1]))
            layers.append(nn.Sequential(*[ConvNeXtBlock(width, drop * d / (sum(blocks) - 1)) for d in depths]))
            if i < 3:
                layers.append(nn.Sequential(norm[i + 1], nn.Conv2d(width, widths[i + 1], 2, stride=2)))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(norm[4], nn.Flatten(1), nn.Linear(widths[3], classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W) with H and W at least 32."""
        check_images(images, smallest=32)
        return self.classifier(self.features(images).mean(dim=(2, 3), keepdim=True))  # (B, C, 1, 1) to (B, classes)


def convnext_tiny(classes: int = 1000) -> ConvNeXt:
    """28.6 million parameters, 4.5 billion multiply-adds: the size of ResNet-50."""
    return ConvNeXt(classes=classes)
