"""Two views of one picture: the augmentations from which contrastive methods learn (chapter "simclr").

Chen et al. 2020, arXiv:2002.05709, section 3 and appendix A, for small pictures (there without blur, as for CIFAR):

    crop     a box with a share a ~ U(low, 1) of the area and a side ratio between 3/4 and 4/3, scaled back to full size
    flip     left to right, every second picture
    colours  brightness x b, contrast x c, saturation x s, hue turned by h, drawn anew; four of five pictures
    grey     every fifth picture loses its colour

Whatever the two views do not share, the encoder is taught to forget. Everything is drawn for the whole batch at once
and computed where the pictures are. The colour changes are
linear, so that one 3 x 3 matrix a picture does them all, in one order; torchvision draws the order anew.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_shapes

GREY = (0.299, 0.587, 0.114)


def random_crops(images: Tensor, generator: torch.Generator, *, low: float = 0.4, flip: bool = True) -> Tensor:
    """Random boxes of each picture, scaled back to its size; bilinear.

    Args:
        images: (B, C, H, W).
        generator: On the images' device.
        low: Smallest share of the area, in (0, 1].
        flip: Mirror every second box.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: For bad images or a share out of range.
    """
    check_shapes(images=(images, "B C H W"))
    if not 0 < low <= 1:
        raise ValueError(f"low must be above 0 and at most 1, not {low}")
    drawn = torch.rand(5, len(images), generator=generator, dtype=images.dtype, device=images.device)
    area, ratio = low + (1 - low) * drawn[0], ((2 * drawn[1] - 1) * math.log(4 / 3)).exp()
    wide, high = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    right, down = (2 * drawn[2] - 1) * (1 - wide), (2 * drawn[3] - 1) * (1 - high)
    if flip:
        wide = torch.where(drawn[4] < 0.5, -wide, wide)
    zero = torch.zeros_like(wide)
    maps = torch.stack([wide, zero, right, zero, high, down], 1).view(-1, 2, 3)
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def colour_jitter(images: Tensor, generator: torch.Generator, *, strength: float = 0.5, share: float = 0.8,
                  grey: float = 0.2) -> Tensor:  # fmt: skip
    """Random brightness, contrast, saturation and hue; some pictures become grey.

    Args:
        images: (B, 3, H, W) in [0, 1].
        generator: On the images' device.
        strength: s: the factors lie in 1 - 0.8 s ... 1 + 0.8 s, hue turns by up to 0.2 s of the circle; in [0, 1].
        share: Of the pictures that are changed.
        grey: Of the pictures that become grey.

    Returns:
        (B, 3, H, W) in [0, 1].

    Raises:
        ValueError: For bad images or a number outside [0, 1].
    """
    check_shapes(images=(images, "B 3 H W"))
    for name, value in (("strength", strength), ("share", share), ("grey", grey)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be in [0, 1], not {value}")
    drawn = torch.rand(6, len(images), 1, 1, generator=generator, dtype=images.dtype, device=images.device)
    bright, contrast, saturation = 1 + 0.8 * strength * (2 * drawn[:3] - 1)  # (B, 1, 1) each
    luma = images.new_tensor(GREY).expand(3, 3)  # each row gives the brightness
    one = torch.eye(3, dtype=images.dtype, device=images.device)
    change = hue_matrix(0.4 * math.pi * strength * (2 * drawn[3, :, 0, 0] - 1)) @ (luma + saturation * (one - luma))
    change = torch.where(drawn[5] < grey, luma, change)
    middle = bright * (luma[:1] @ images.mean((2, 3))[..., None])  # (B, 1, 1) mean brightness
    changed = torch.baddbmm((1 - contrast) * middle, bright * contrast * change, images.flatten(2)).clamp(0, 1)
    kept = torch.where(drawn[5] < grey, luma, one) @ images.flatten(2)
    return torch.where(drawn[4] < share, changed, kept).view_as(images)


def hue_matrix(angle: Tensor) -> Tensor:
    """Turn colours about the grey axis (Rodrigues' formula): a quick stand-in for a shift of HSV's hue.

    Args:
        angle: (B,) radians.

    Returns:
        (B, 3, 3) rotations of RGB; the mean of the three channels is kept.
    """
    check_shapes(angle=(angle, "B"))
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None] / math.sqrt(3)
    cross = angle.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    return cos * torch.eye(3, dtype=angle.dtype, device=angle.device) + (1 - cos) / 3 + sin * cross


def augment(images: Tensor, generator: torch.Generator, *, low: float = 0.4, strength: float = 0.5,
            grey: float = 0.2) -> Tensor:  # fmt: skip
    """One view: crop, flip, colours. Arguments as in `random_crops` and `colour_jitter`."""
    return colour_jitter(random_crops(images, generator, low=low), generator, strength=strength, grey=grey)
