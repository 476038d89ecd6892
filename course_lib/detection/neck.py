"""Feature pyramid: coarse maps know what, fine maps know where, and the sum knows both (chapter 10, "faster-rcnn").

    m_L = 1 x 1 conv(c_L)                                   the coarsest maps c_L of the encoder
    m_l = 1 x 1 conv(c_l) + enlarge(m_{l+1}, nearest)       down to the finest level that is wanted
    p_l = 3 x 3 conv(m_l)                                   for levels that heads read

Lin, Dollar, Girshick, He, Hariharan, Belongie, Feature pyramid networks, 2017, arXiv:1612.03144. Equal to torchvision's
`FeaturePyramidNetwork` with the same weights. On purpose otherwise: a level that no head asks for has no 3 x 3
convolution. For pictures of 64 to 96 pixels whose objects have 13 to 50, the detectors of this folder read two: stride
8, where boxes are proposed, and stride 4, from which regions are cut.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.networks.backbones.scene_encoder import Pyramid


class FeaturePyramid(nn.Module):
    """An encoder and the way back to finer maps.

    Args:
        encoder: Each stride is half of the next.
        width: Channels of all maps that come out.
        strides: Which of the encoder's strides are wanted.

    Attributes:
        strides: As asked for, finest first.

    Raises:
        ValueError: For a stride that the encoder does not have, or has twice.
    """

    def __init__(self, encoder: Pyramid, width: int = 64, strides: Sequence[int] = (4, 8)):
        super().__init__()
        check_positive(width=width)
        has = list(encoder.strides)
        if not strides or any(has.count(stride) != 1 for stride in strides):
            raise ValueError(f"strides must be some of the encoder's, {has}, each once there, not {tuple(strides)}")
        self.strides, self.width = sorted(strides), width
        self.first = has.index(self.strides[0])
        self.lateral = nn.ModuleList(nn.Conv2d(wide, width, 1) for wide in encoder.widths[self.first :])
        self.smooth = nn.ModuleDict({str(stride): nn.Conv2d(width, width, 3, padding=1) for stride in self.strides})
        self.levels = has[self.first :]
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        self.encoder = encoder  # only now, so that its weights stay as they came

    def forward(self, images: Tensor) -> list[Tensor]:
        """Maps (B, width, H / s, W / s) of images (B, 3, H, W) for each stride s, finest first."""
        maps = self.encoder(images)[self.first :]
        x, found = None, []
        for stride, lateral, level in zip(reversed(self.levels), reversed(self.lateral), reversed(maps), strict=True):
            beside = lateral(level)
            x = beside if x is None else beside + F.interpolate(x, size=level.shape[2:], mode="nearest")
            if str(stride) in self.smooth:
                found.append(self.smooth[str(stride)](x))
        return found[::-1]
