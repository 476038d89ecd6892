"""C3D: the same small kernel everywhere, in time as in space (chapter 12, "c3d").

    3 x 3 x 3 kernels, step 1, padding 1, ReLU; max-pooling 2 x 2 x 2, the first 1 x 2 x 2 so that time lasts longer
    64  pool  128  pool  256 256  pool  512 512  pool  512 512  pool  4096  4096  K

Tran, Bourdev, Fergus, Torresani, Paluri, Learning spatiotemporal features with 3D convolutional networks, ICCV 2015,
arXiv:1412.0767: clips of 16 frames at 112 pixels. The last pooling pads rows and columns by one, so that 7 becomes 4,
which is how the authors' released network comes to 8192 numbers. `C3D` is that network; `SmallC3D` keeps its rule
(3 x 3 x 3 everywhere, late pooling in time) at a size that a laptop can train.
"""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.core.checks import check_positive
from course_lib.video.clips import check_clips

CHANNELS = ((64,), (128,), (256, 256), (512, 512), (512, 512))


def _stack(groups: tuple[tuple[int, ...], ...], *, norm: bool, last: tuple[int, int, int] = (0, 0, 0)) -> nn.Sequential:
    """Groups of convolutions, a pooling behind each; the first does not pool in time."""
    layers: list[nn.Module] = []
    before = 3
    for number, group in enumerate(groups):
        for wide in group:
            layers.append(nn.Conv3d(before, wide, 3, padding=1, bias=not norm))
            layers += [nn.BatchNorm3d(wide)] if norm else []
            layers.append(nn.ReLU(inplace=True))
            before = wide
        size = (1, 2, 2) if number == 0 else (2, 2, 2)
        layers.append(nn.MaxPool3d(size, size, last if number == len(groups) - 1 else (0, 0, 0)))
    return nn.Sequential(*layers)


class C3D(nn.Module):
    """The published network; 80 million parameters with 487 classes, 78 with 101.

    Args:
        classes: K; 487 kinds of sport in the paper.
    """

    def __init__(self, classes: int = 487):
        super().__init__()
        check_positive(classes=classes)
        self.features = _stack(CHANNELS, norm=False, last=(0, 1, 1))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8192, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096),
                                  nn.ReLU(), nn.Dropout(), nn.Linear(4096, classes))  # fmt: skip

    def forward(self, clips: Tensor) -> Tensor:
        """Logits (B, K) of clips (B, 16, 3, 112, 112)."""
        if clips.ndim != 5 or clips.shape[1:] != (16, 3, 112, 112):
            raise ValueError(f"C3D reads clips of shape (B, 16, 3, 112, 112), not {tuple(clips.shape)}")
        return self.head(self.features(clips.transpose(1, 2)))


class SmallC3D(nn.Module):
    """C3D's rule for clips of 8 frames at 64 pixels.

    Args:
        classes: K.
        widths: Channels of the convolutions; a pooling behind each.
    """

    def __init__(self, classes: int, widths: tuple[int, ...] = (16, 32, 64, 96)):
        super().__init__()
        check_positive(classes=classes)
        self.features = _stack(tuple((wide,) for wide in widths), norm=True)
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, clips: Tensor) -> Tensor:
        """Logits (B, K) of clips (B, T, 3, H, W) in [0, 1], T at least 8."""
        check_clips(clips, frames=8)
        return self.head(self.features(2 * clips.transpose(1, 2) - 1).mean((2, 3, 4)))
