"""Where do frames meet? Four ways to name a clip with a network for pictures (chapter 12, "fusion").

    single frame   the middle frame alone; a control, since these classes look alike in each frame
    late           first and last frame through the same network; the maps meet where all that is left is a judgement
    early          all T frames are one picture of 3 T channels; the first layer sees motion, the others its summary
    slow           the kernels of every layer reach over neighbouring frames; time is used up step by step

Karpathy, Toderici, Shetty, Leung, Sukthankar, Fei-Fei, Large-scale video classification with convolutional neural
networks, CVPR 2014. On purpose small: four stages for clips of 64 pixels instead of AlexNet for 170, batch norm in
place of local response norm. `slow` keeps its frames in the paper's manner: kernel in time K_t = 4, 2, 2 with steps 2,
2, 1 are 3, 3, 3 with steps 1, 2, 2 here, which ends with one frame of eight after a last mean.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive
from course_lib.networks.conv_parts import conv_bn, initialise
from course_lib.video.clips import check_clips

WIDTHS = (24, 48, 96, 128)


def trunk(channels: int, widths: tuple[int, ...] = WIDTHS) -> nn.Sequential:
    """Convolutions 3 x 3 with batch norm and ReLU, each halving the resolution: (B, C, H, W) to 16th of the side."""
    wide = (channels, *widths)
    layers = [nn.Sequential(*conv_bn(before, after, 3, stride=2), nn.ReLU(inplace=True))
              for before, after in pairwise(wide)]  # fmt: skip
    network = nn.Sequential(*layers)
    initialise(network)
    return network


class SingleFrame(nn.Module):
    """The middle frame decides.

    Args:
        classes: K.
    """

    def __init__(self, classes: int):
        super().__init__()
        check_positive(classes=classes)
        self.trunk, self.head = trunk(3), nn.Linear(WIDTHS[-1], classes)

    def forward(self, clips: Tensor) -> Tensor:
        """Logits (B, K) of clips (B, T, 3, H, W) in [0, 1]."""
        check_clips(clips)
        return self.head(self.trunk(2 * clips[:, clips.shape[1] // 2] - 1).mean((2, 3)))


class LateFusion(nn.Module):
    """First and last frame, each through the same network; a hidden layer reads both maps side by side.

    The maps are not averaged over the picture before they meet: whoever compares two averages cannot see that
    something has moved.

    Args:
        classes: K.
        side: Side of the last map, a 16th of the clips'.
        hidden: Width of the layer in which the frames meet.
    """

    def __init__(self, classes: int, side: int = 4, hidden: int = 128):
        super().__init__()
        check_positive(classes=classes, side=side, hidden=hidden)
        self.trunk = trunk(3)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(2 * WIDTHS[-1] * side**2, hidden), nn.ReLU(),
                                  nn.Linear(hidden, classes))  # fmt: skip

    def forward(self, clips: Tensor) -> Tensor:
        """Logits (B, K) of clips (B, T, 3, H, W) in [0, 1]."""
        check_clips(clips, frames=2)
        ends = 2 * clips[:, [0, -1]] - 1
        maps = self.trunk(ends.flatten(0, 1)).unflatten(0, (-1, 2))  # (B, 2, D, side, side)
        return self.head(maps.flatten(1, 2))


class EarlyFusion(nn.Module):
    """All frames as the channels of one picture.

    Args:
        classes: K.
        frames: T.
        widths: Channels of the trunk's stages.
    """

    def __init__(self, classes: int, frames: int = 8, *, widths: tuple[int, ...] = WIDTHS):
        super().__init__()
        check_positive(classes=classes, frames=frames)
        self.frames, self.trunk = frames, trunk(3 * frames, widths)
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, clips: Tensor) -> Tensor:
        """Logits (B, K) of clips (B, T, 3, H, W) in [0, 1].

        Raises:
            ValueError: For clips of another length than the network was built for.
        """
        check_clips(clips)
        if clips.shape[1] != self.frames:
            raise ValueError(f"early fusion was built for clips of {self.frames} frames, not {clips.shape[1]}")
        return self.head(self.trunk(2 * clips.flatten(1, 2) - 1).mean((2, 3)))


class SlowFusion(nn.Module):
    """Kernels that reach over three frames; time shrinks with depth.

    Args:
        classes: K.
        widths: Channels of the layers. The narrower ones of the default cost about as much as early fusion's.
        times: Step in time of each layer.
        reach: Frames under a kernel; 1 for a network that never compares frames: only its mean over time does.
    """

    def __init__(self, classes: int, widths: tuple[int, ...] = WIDTHS, times: tuple[int, ...] = (1, 2, 2, 1), *,
                 reach: int = 3):  # fmt: skip
        super().__init__()
        check_positive(classes=classes, reach=reach)
        layers, before = [], 3
        for wide, step in zip(widths, times, strict=True):
            layers += [nn.Conv3d(before, wide, (reach, 3, 3), (step, 2, 2), (reach // 2, 1, 1), bias=False),
                       nn.BatchNorm3d(wide), nn.ReLU(inplace=True)]  # fmt: skip
            before = wide
        self.trunk, self.head = nn.Sequential(*layers), nn.Linear(before, classes)
        for layer in self.trunk:
            if isinstance(layer, nn.Conv3d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, clips: Tensor) -> Tensor:
        """Logits (B, K) of clips (B, T, 3, H, W) in [0, 1]."""
        check_clips(clips)
        x = self.trunk(2 * clips.transpose(1, 2) - 1)  # (B, D, T', H', W')
        return self.head(x.mean((2, 3, 4)))


def vote(network: nn.Module, clips: Tensor) -> Tensor:
    """Log of the mean over frames of what a network for one frame says: (B, K) of clips (B, T, 3, H, W)."""
    check_clips(clips)
    said = network(clips.flatten(0, 1)[:, None]).log_softmax(1).unflatten(0, clips.shape[:2])
    return said.logsumexp(1) - torch.tensor(float(clips.shape[1]), device=clips.device).log()
