"""The course's encoder for pictures, inflated to name clips (chapter 12, "i3d").

Stages of stride 2 to 16 of `SceneEncoder` are inflated and see every second frame; the mean over time and space goes
into one linear layer. With weights that know pictures or without, everything else being equal: that is the experiment
of Carreira and Zisserman (arXiv:1705.07750) at the size of a course.
"""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.core.checks import check_positive
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.video.clips import check_clips
from course_lib.video.inflate import inflate


class InflatedEncoder(nn.Module):
    """An encoder for pictures that reads clips.

    Args:
        encoder: Its stages become part of this network and are inflated in place.
        classes: K.
        step: Every how many frames one is read.
        stages: How many of the encoder's five are used.
    """

    def __init__(self, encoder: SceneEncoder, classes: int, *, step: int = 2, stages: int = 4):
        super().__init__()
        check_positive(classes=classes, step=step, stages=stages)
        self.step, width = step, encoder.widths[stages - 1]
        self.trunk = inflate(nn.Sequential(encoder.stem, *encoder.layers[:stages]))
        self.norm, self.head = nn.BatchNorm1d(width), nn.Linear(width, classes)

    def forward(self, clips: Tensor) -> Tensor:
        """Logits (B, K) of clips (B, T, 3, H, W) in [0, 1], H and W at least 32."""
        check_clips(clips, smallest=32)
        x = self.trunk(2 * clips[:, :: self.step].transpose(1, 2) - 1)
        return self.head(self.norm(x.mean((2, 3, 4))))
