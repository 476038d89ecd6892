"""One small network with switches, to see what each idea of chapter 6 is worth.

He, Zhang, Ren, Sun 2015, arXiv:1512.03385, section 4.2: a stem, three stages of n blocks with two 3 x 3 convolutions
each, average, linear; 6 n + 2 layers. The switches take out the short cut (a "plain" network) or the batch norm, or
add squeeze and excitation. Where a stage begins, the short cut has no weights: it takes every second pixel and fills
the new channels with zeros (their option A), so that plain and residual networks have exactly the same parameters.

Images are (B, 3, H, W) in [0, 1].
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.networks.backbones.backbone import Normalise
from course_lib.networks.backbones.senet import SqueezeExcitation
from course_lib.networks.conv_parts import check_images, initialise


class SwitchedBlock(nn.Module):
    """Two convolutions, with or without norm, gate and short cut.

    Args:
        inputs: Channels of the input.
        width: Channels of the output, at least `inputs`.
        residual: Add the input.
        batch_norm: Normalise after each convolution; without it the convolutions have biases.
        gate: Squeeze and excitation in front of the addition.
    """

    def __init__(self, inputs: int, width: int, residual: bool, *, batch_norm: bool, gate: bool):
        super().__init__()
        self.residual, self.stride, self.more = residual, 1 if inputs == width else 2, width - inputs
        self.conv1 = nn.Conv2d(inputs, width, 3, self.stride, padding=1, bias=not batch_norm)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm)
        self.norm1, self.norm2 = (nn.BatchNorm2d(width) if batch_norm else nn.Identity() for _ in range(2))
        self.gate = SqueezeExcitation(width, 4) if gate else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, width, H / stride, W / stride)."""
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        y = self.gate(y)
        if self.residual:
            y = y + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return F.relu(y)


class SwitchedNet(nn.Module):
    """6 n + 2 layers with switches.

    Args:
        n: Blocks in each of the three stages.
        width: Channels of the first stage.
        residual: With short cuts.
        batch_norm: With batch norm.
        gate: With squeeze and excitation.
        classes: Number of logits.
    """

    def __init__(
        self,
        n: int,
        width: int = 16,
        residual: bool = True,
        *,
        batch_norm: bool = True,
        gate: bool = False,
        classes: int = 10,
    ):
        super().__init__()
        stem = nn.Conv2d(3, width, 3, padding=1, bias=not batch_norm)
        layers: list[nn.Module] = [Normalise(), stem, nn.BatchNorm2d(width) if batch_norm else nn.Identity(), nn.ReLU()]
        for level in range(3):
            outputs = width * 2**level
            for block in range(n):
                inputs = outputs // 2 if level and block == 0 else outputs
                layers.append(SwitchedBlock(inputs, outputs, residual, batch_norm=batch_norm, gate=gate))
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(4 * width, classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W) in [0, 1]."""
        check_images(images, smallest=4)
        return self.head(self.features(images).mean(dim=(2, 3)))
