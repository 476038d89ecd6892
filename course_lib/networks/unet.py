"""U-Net: shrink to understand, grow to answer, skips bring the places back (chapter 9; with a condition, chapter 18).

Ronneberger, Fischer, Brox, "U-Net", 2015, arXiv:1505.04597; as diffusion models use it: Ho, Jain, Abbeel, "Denoising
diffusion probabilistic models", 2020, arXiv:2006.11239.

    stem      3 x 3 convolution to `width` channels
    down      at each level l: blocks with width * 2^l channels, whose result is kept; then a strided 3 x 3 convolution
    middle    blocks with width * 2^levels channels
    up        at each level, coarsest first: enlarge by 2 and convolve, put the kept maps beside, blocks
    head      norm, silu, 3 x 3 convolution that starts at zero: the first answer is 0 everywhere

Blocks are `ScaleShiftBlock`s: residual, with group norm, so that a picture's result does not depend on its batch; the
coarsest resolutions can have attention after each block. Unlike the paper's, borders are padded and the output has the
input's size. For the plain form with batch norm, and without skips, see `encoder_decoder`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.networks.conv_parts import check_images
from course_lib.networks.unet_parts import ScaleShiftBlock, SpatialAttention, group_norm, zeroed


class Stage(nn.Module):
    """Blocks at one resolution, each followed by attention if asked; arguments as in `UNet`."""

    def __init__(self, inputs: int, outputs: int, blocks: int, *, attend: bool, heads: int, condition: int | None,
                 context: int | None, dropout: float):  # fmt: skip
        super().__init__()
        widths = [inputs] + [outputs] * (blocks - 1)
        self.blocks = nn.ModuleList(ScaleShiftBlock(w, outputs, condition=condition, dropout=dropout) for w in widths)
        looks = [SpatialAttention(outputs, heads, context=context) for _ in widths] if attend else []
        self.attention = nn.ModuleList(looks)

    def forward(self, x: Tensor, condition: Tensor | None, context: Tensor | None, mask: Tensor | None) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        for i, block in enumerate(self.blocks):
            x = block(x, condition)
            if len(self.attention):
                x = self.attention[i](x, context, mask)
        return x


class UNet(nn.Module):
    """An image-to-image network that can be told something.

    Args:
        inputs: Channels of the picture.
        outputs: Channels of the answer.
        width: Maps at full resolution; each level has twice as many.
        levels: How often the resolution is halved.
        condition: Length of a vector that every block hears (time, class); None for none.
        context: Dimensions of tokens that attention looks at (words); None for none. Needs attention.
        attention: How many of the levels + 1 resolutions have attention, from the coarsest: 1 is the middle only.
        heads: Of the attention; divides the channels where it is used.
        blocks: Blocks at each resolution, on the way down and on the way up.
        dropout: Probability of dropping within blocks.

    Raises:
        ValueError: For a number out of range, or a context without attention.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int = 32,
        *,
        levels: int = 3,
        condition: int | None = None,
        context: int | None = None,
        attention: int = 0,
        heads: int = 4,
        blocks: int = 1,
        dropout: float = 0.0,
    ):
        super().__init__()
        if levels < 0 or blocks < 1 or not 0 <= attention <= levels + 1:
            raise ValueError(
                f"levels must be 0 or more, blocks 1 or more and attention 0 to levels + 1, "
                f"not levels={levels}, blocks={blocks}, attention={attention}"
            )
        if context is not None and not attention:
            raise ValueError("a context is read by attention: ask for attention=1 or more")
        self.inputs, self.condition, self.context = inputs, condition, context
        widths = [width * 2**level for level in range(levels + 1)]

        def stage(before: int, level: int) -> Stage:
            return Stage(before, widths[level], blocks, attend=level > levels - attention, heads=heads,
                         condition=condition, context=context, dropout=dropout)  # fmt: skip

        self.stem = nn.Conv2d(inputs, width, 3, padding=1)
        self.down = nn.ModuleList(stage(widths[max(level - 1, 0)], level) for level in range(levels))
        self.shrink = nn.ModuleList(nn.Conv2d(w, w, 3, stride=2, padding=1) for w in widths[:-1])
        self.middle = stage(widths[max(levels - 1, 0)], levels)
        self.grow = nn.ModuleList(nn.Conv2d(2 * w, w, 3, padding=1) for w in widths[-2::-1])
        self.up = nn.ModuleList(stage(2 * widths[level], level) for level in reversed(range(levels)))
        self.head = nn.Sequential(group_norm(width), nn.SiLU(), zeroed(nn.Conv2d(width, outputs, 3, padding=1)))

    def forward(
        self,
        images: Tensor,
        condition: Tensor | None = None,
        *,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
    ) -> Tensor:
        """Answer.

        Args:
            images: (B, inputs, H, W), H and W multiples of 2^levels.
            condition: (B, condition), if the network takes one.
            context: (B, M, context), if it takes one.
            context_mask: (B, 1, M) bool, True for real tokens, as `padding_mask` makes it; all are real without it.

        Returns:
            (B, outputs, H, W).

        Raises:
            ValueError: For images that do not fit, or a condition or context that is missing, unasked for or misshapen.
        """
        self._check(images, condition, context)
        x, kept = self.stem(images), []
        for stage, shrink in zip(self.down, self.shrink, strict=True):
            x = stage(x, condition, context, context_mask)
            kept.append(x)
            x = shrink(x)
        x = self.middle(x, condition, context, context_mask)
        for grow, stage in zip(self.grow, self.up, strict=True):
            x = grow(F.interpolate(x, scale_factor=2, mode="nearest"))
            x = stage(torch.cat([x, kept.pop()], dim=1), condition, context, context_mask)
        return self.head(x)

    def _check(self, images: Tensor, condition: Tensor | None, context: Tensor | None) -> None:
        least = 2 ** len(self.down)
        check_images(images, smallest=least, channels=self.inputs)
        if images.shape[2] % least or images.shape[3] % least:
            raise ValueError(f"H and W must be multiples of {least}, not {tuple(images.shape[2:])}; pad or crop them")
        batch = len(images)
        for name, value, size, dims in (
            ("condition", condition, self.condition, 2),
            ("context", context, self.context, 3),
        ):
            if size is None and value is None:
                continue
            if size is None:
                raise ValueError(f"this network takes no {name}; make it with UNet(..., {name}=...)")
            if value is None or value.ndim != dims or value.shape[0] != batch or value.shape[-1] != size:
                wanted = f"({batch}, {size})" if dims == 2 else f"({batch}, M, {size})"
                raise ValueError(
                    f"{name} must have shape {wanted}, not {None if value is None else tuple(value.shape)}"
                )
