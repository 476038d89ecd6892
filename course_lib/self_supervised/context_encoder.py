"""Context encoder (chapter "context-encoder"): a block of the picture is taken out, the network paints it again.

Pathak et al. 2016, arXiv:1604.07379. With M = 1 inside the block and x the picture:

    loss = sum over pixels of M |x - F((1 - M) x + M m)|^2 / (3 sum M),      m the mean colour of all pictures

The paper adds an adversarial loss, which makes the painted block sharp; its authors report that features come from the
squared error as well. It is left out here, and what is painted is blurred: the squared error's best answer is the mean
of everything that could be there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_shapes
from course_lib.self_supervised.decode import MapDecoder
from course_lib.self_supervised.encoder import SmallEncoder


def random_blocks(images: Tensor, generator: torch.Generator, *, side: int = 16) -> Tensor:
    """One square block in each picture, anywhere inside.

    Args:
        images: (B, C, H, W); only their shape and device matter.
        generator: On the images' device.
        side: Of the block in pixels, at most the picture's.

    Returns:
        (B, 1, H, W) bool, True inside the block.

    Raises:
        ValueError: For bad images or a block that does not fit.
    """
    check_shapes(images=(images, "B C H W"))
    b, _, height, width = images.shape
    if not 1 <= side <= min(height, width):
        raise ValueError(f"side must be 1 to {min(height, width)}, the picture's, not {side}")
    inside = []
    for size in (height, width):
        start = torch.randint(size - side + 1, (b, 1), generator=generator, device=images.device)
        at = torch.arange(size, device=images.device) - start  # (B, size)
        inside.append((at >= 0) & (at < side))
    return (inside[0][:, :, None] & inside[1][:, None])[:, None]


class ContextEncoder(nn.Module):
    """Encoder and decoder that paint a missing block at half the picture's sides.

    Args:
        encoder: Has `maps` and `dimensions`.
        mean: (3,) colour that fills the block.
    """

    mean: Tensor

    def __init__(self, encoder: SmallEncoder, mean: Tensor):
        super().__init__()
        self.encoder, self.decoder = encoder, MapDecoder(encoder.dimensions, 3)
        self.register_buffer("mean", mean.view(3, 1, 1))

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """Painted (B, 3, H / 2, W / 2) of images (B, 3, H, W), whose pixels in masks (B, 1, H, W) are hidden."""
        return self.decoder(self.encoder.maps(torch.where(masks, self.mean, images)))

    def loss(self, images: Tensor, masks: Tensor) -> Tensor:
        """Mean squared error inside the blocks, at half the sides, shape ()."""
        painted = self(images, masks)
        wanted = nn.functional.avg_pool2d(images, 2)
        share = nn.functional.avg_pool2d(masks.to(images.dtype), 2)  # of each coarse pixel that was hidden
        return (share * (painted - wanted).square()).sum() / (3 * share.sum())
