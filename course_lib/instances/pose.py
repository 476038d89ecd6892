"""Human pose from one picture: maps of key points and limbs, or coordinates at once (chapter 11, "pose").

    f            a feature pyramid's map of stride 2
    s_1          = stage_1(f)                13 heat maps and 24 channels of fields
    s_t          = stage_t(f, s_{t-1})       looks again, with the first answer beside the picture
    loss         = sum_t |s_t - target|^2 / (B * maps)      every stage answers for itself

`PoseNet` with fields is Cao et al. 2017 (arXiv:1611.08050) on a small encoder; without fields a single-person network
of heat maps (Tompson et al. 2014, Newell et al. 2016). `CoordinateNet` is the older way, DeepPose's first stage
(Toshev and Szegedy 2014, arXiv:1312.4659): 26 numbers from one hidden layer. On purpose smaller: two stages with a few
convolutions each instead of six, and one branch for heat maps and fields.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.data.scenes.scene import KEYPOINTS
from course_lib.instances.affinity import LIMBS, affinity_fields, heat_maps
from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.networks.conv_parts import check_images

JOINTS = len(KEYPOINTS)


def _stage(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Three convolutions; the middle one reaches two cells far, so that a stage sees 9 x 9 cells."""
    return nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True),
                         nn.Conv2d(width, width, 3, padding=2, dilation=2), nn.ReLU(inplace=True),
                         nn.Conv2d(width, outputs, 3, padding=1))  # fmt: skip


class PoseNet(nn.Module):
    """Heat maps and, if wanted, affinity fields, refined stage by stage.

    Args:
        pyramid: From images to a list of maps whose finest is read.
        width: Channels of that map.
        stride: Pixels between its neighbours.
        stages: How often the answer is given.
        fields: Also answer with the fields of LIMBS.
    """

    def __init__(self, pyramid: nn.Module, width: int = 32, stride: int = 2, *, stages: int = 2, fields: bool = True):
        super().__init__()
        check_positive(width=width, stride=stride, stages=stages)
        self.stride, self.fields = stride, fields
        maps = JOINTS + (2 * len(LIMBS) if fields else 0)
        self.stages = nn.ModuleList(_stage(width + (maps if n else 0), width, maps) for n in range(stages))
        self.pyramid = pyramid

    def forward(self, images: Tensor) -> list[Tensor]:
        """Answers (B, 13 or 37, H / stride, W / stride) of all stages for images (B, 3, H, W) in [0, 1], last best."""
        features = self.pyramid(images)[0]
        answers: list[Tensor] = []
        for stage in self.stages:
            answers.append(stage(torch.cat([features, *answers[-1:]], 1)))
        return answers

    def split(self, answer: Tensor) -> tuple[Tensor, Tensor]:
        """Heat maps (B, 13, h, w) and fields (B, 12, 2, h, w), none if there are no fields, of one stage's answer."""
        return answer[:, :JOINTS], answer[:, JOINTS:].unflatten(1, (-1, 2))

    def loss(self, images: Tensor, points: Tensor) -> Tensor:
        """Squared error of all stages, summed over places and averaged over maps and pictures; of shape ().

        Args:
            images: (B, 3, H, W) in [0, 1].
            points: (B, M, 13, 3) x, y in pixels and a flag, 0 for a point that is not there.
        """
        size = (images.shape[2], images.shape[3])
        targets = [heat_maps(points, size, self.stride)]
        if self.fields:
            targets.append(affinity_fields(points, size, self.stride).flatten(1, 2))
        target = torch.cat(targets, 1)
        return torch.stack([(a - target).square().sum((2, 3)).mean() for a in self(images)]).sum()


class CoordinateNet(nn.Module):
    """One person's key points as 26 numbers.

    Args:
        encoder: From images to maps of several resolutions.
        size: Side of the pictures, pixels.
        hidden: Units of the hidden layer.
    """

    def __init__(self, encoder: Pyramid, size: int = 64, *, hidden: int = 256):
        super().__init__()
        check_positive(size=size, hidden=hidden)
        self.size = size
        coarse = zip(encoder.widths[-2:], encoder.strides[-2:], strict=True)
        values = sum(width * (size // stride) ** 2 for width, stride in coarse)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(values, hidden), nn.ReLU(), nn.Linear(hidden, 2 * JOINTS))
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        """Points (B, 13, 2) in pixels of images (B, 3, H, W) in [0, 1].

        Raises:
            ValueError: For images of another size.
        """
        check_images(images, smallest=32)
        if images.shape[2] != self.size or images.shape[3] != self.size:
            raise ValueError(f"images must have sides of {self.size} pixels, not {tuple(images.shape[2:])}")
        coarse = torch.cat([maps.flatten(1) for maps in self.encoder(images)[-2:]], 1)
        return self.size * (0.5 + self.head(coarse).unflatten(1, (JOINTS, 2)))

    def loss(self, images: Tensor, points: Tensor) -> Tensor:
        """Smooth L1 distance in picture widths, beta 0.05, of points that are there; of shape ().

        Args:
            images: (B, 3, H, W) in [0, 1].
            points: (B, 1, 13, 3) x, y in pixels and a flag.
        """
        apart = F.smooth_l1_loss(self(images) / self.size, points[:, 0, :, :2] / self.size, beta=0.05, reduction="none")
        there = (points[:, 0, :, 2] > 0)[..., None]
        return (apart * there).sum() / (2 * there.sum()).clamp(min=1)
