"""Why not stack convolutions at full resolution? (chapter 9, "memory-of-stacking", "receptive-field")

    seen      n convolutions of k x k see n (k - 1) + 1 pixels a side: 2 n + 1 for k = 3
    memory    a layer's output takes channels * height * width * bytes for each picture, and training keeps all of them

To see 200 pixels, 100 layers of 3 x 3 are needed. With 200 channels and pictures of 400 x 400 pixels, one layer's
output takes 200 * 400 * 400 * 4 bytes = 122 MB (of 2^20 bytes), and 100 layers with 20 pictures in a batch 238 GB (2^30
bytes). For other chains of layers see `receptive_field` and `measured_receptive_field` of `course_lib.architectures`.
"""

from __future__ import annotations

from torch import nn

from course_lib.core.checks import check_positive

MEGABYTE, GIGABYTE = 2**20, 2**30


def layers_to_see(side: int, kernel: int = 3) -> int:
    """How many convolutions with stride 1 it takes until one output sees `side` pixels.

    Args:
        side: Pixels, at least 1.
        kernel: Pixels a side of each kernel, odd and at least 3.

    Returns:
        The least n with n (kernel - 1) + 1 >= side.

    Raises:
        ValueError: For a side below 1 or such a kernel.
    """
    check_positive(side=side)
    if kernel < 3 or kernel % 2 == 0:
        raise ValueError(f"kernel must be odd and at least 3, not {kernel}")
    return -(-(side - 1) // (kernel - 1))


def activation_bytes(
    channels: int, size: int | tuple[int, int], *, layers: int = 1, batch: int = 1, each: int = 4
) -> int:
    """What the outputs of equal layers take while training keeps them for the way back.

    Args:
        channels: Of each layer.
        size: Height and width, or one number for a square, pixels.
        layers: How many.
        batch: Pictures at once.
        each: Bytes a number: 4 for float32.

    Raises:
        ValueError: For a number that is not above 0.
    """
    height, width = (size, size) if isinstance(size, int) else size
    check_positive(channels=channels, height=height, width=width, layers=layers, batch=batch, each=each)
    return channels * height * width * layers * batch * each


def stack(layers: int, channels: int = 1, *, kernel: int = 3) -> nn.Sequential:
    """A chain of convolutions at full resolution, with nothing between: borders are padded, the size stays.

    Args:
        layers: How many, at least 1.
        channels: In and out of each.
        kernel: Pixels a side, odd.

    Raises:
        ValueError: For a number out of range.
    """
    check_positive(layers=layers, channels=channels, kernel=kernel)
    if kernel % 2 == 0:
        raise ValueError(f"kernel must be odd, not {kernel}")
    return nn.Sequential(*[nn.Conv2d(channels, channels, kernel, padding=kernel // 2) for _ in range(layers)])
