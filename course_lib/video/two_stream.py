"""Two streams: one network sees what is there, the other only how it moves (chapter 12, "two-stream").

    appearance   one frame, 3 channels                         s_a = softmax(f(x_t))
    motion       L fields of flow, dx and dy as 2 L channels   s_m = softmax(g(v_t, ..., v_{t + L - 1}))
    fusion       (s_a + s_m) / 2, or a linear SVM on both in the paper

Flow is measured beforehand, by a method that knows nothing of actions. It takes away colour and texture, so that the
second network cannot learn them by heart. Simonyan, Zisserman, Two-stream convolutional networks for action recognition
in videos, NeurIPS 2014, arXiv:1406.2199. As there the streams are trained each by itself.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes
from course_lib.video.fusion import WIDTHS, SingleFrame, trunk


class MotionStream(nn.Module):
    """A network for stacked flow.

    Args:
        classes: K.
        fields: L, how many fields of flow it reads.
        scale: Pixels a frame that count as 1; larger motion is cut off at 4 of them, as a camera's codec would.
    """

    def __init__(self, classes: int, fields: int = 7, scale: float = 2.0):
        super().__init__()
        check_positive(classes=classes, fields=fields, scale=scale)
        self.fields, self.scale = fields, scale
        self.trunk, self.head = trunk(2 * fields), nn.Linear(WIDTHS[-1], classes)

    def forward(self, flow: Tensor) -> Tensor:
        """Logits (B, K) of flow (B, L, 2, H, W), (dx, dy) in pixels a frame.

        Raises:
            ValueError: For another number of fields.
        """
        check_shapes(flow=(flow, "B L 2 H W"))
        if flow.shape[1] != self.fields:
            raise ValueError(f"the motion stream was built for {self.fields} fields of flow, not {flow.shape[1]}")
        return self.head(self.trunk((flow.flatten(1, 2) / self.scale).clamp(-4, 4)).mean((2, 3)))


class TwoStream(nn.Module):
    """The mean of what two streams say.

    Args:
        appearance: Reads clips; logits.
        motion: Reads flow; logits.
    """

    def __init__(self, appearance: SingleFrame, motion: MotionStream):
        super().__init__()
        self.appearance, self.motion = appearance, motion

    def forward(self, clips: Tensor, flow: Tensor) -> Tensor:
        """Log of the mean probability (B, K) of clips (B, T, 3, H, W) and their flow (B, L, 2, H, W)."""
        said = torch.stack([self.appearance(clips).log_softmax(1), self.motion(flow).log_softmax(1)])
        return said.logsumexp(0) - torch.tensor(2.0, device=said.device).log()
