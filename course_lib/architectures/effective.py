"""How much of its receptive field an output really uses (chapter 6).

Luo, Li, Urtasun, Zemel, "Understanding the effective receptive field in deep convolutional networks", NeurIPS 2016,
arXiv:1701.04128.

Arithmetic says which pixels *can* change an output, the gradient says how much each of them does. For an output y (D,)
in the middle of the maps and the image x (C, H, W), the energy of a pixel is

    e[i, j] = sum over d, c of (dy_d / dx_c,i,j)^2,     scaled so that all pixels of the image together have 1.

The scaling is done image by image, before the mean over images: gradients of a network with ReLUs can be many times
longer on one image than on another, and a mean of unscaled energies would be that of a few images. All D gradients are
not needed: for v ~ N(0, I) the mean of (d(v . y) / dx)^2 is the same sum, so every image is asked along a few
directions v of its own. In a chain of n linear k x k layers with independent weights of mean 0, the expected energy
is n box filters of width k one after the other: nearly a Gaussian with variance n (k^2 - 1) / 12 along each axis.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_tensors


def effective_receptive_field(
    model: nn.Module, images: Tensor, generator: torch.Generator, *, directions: int = 1
) -> Tensor:
    """The share of each pixel in the squared gradient of the middle output, a mean in which all images weigh alike.

    Args:
        model: Maps (B, C, H, W) to (B, D, H', W'), each image by itself: norms in evaluation mode.
        images: (B, C, H, W), floating point.
        generator: Of the directions v, on the images' device.
        directions: How many v each image is asked along; each takes one pass backwards.

    Returns:
        (H, W), sums to 1.

    Raises:
        ValueError: If images is no such batch, directions is not positive, or no pixel of some image reaches the
            middle output.
    """
    check_tensors(images=(images, "B C H W"))
    check_positive(directions=directions)
    pixels = images.detach().clone().requires_grad_()
    maps = model(pixels)
    middle = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2]  # (B, D)
    energy = torch.zeros_like(images[:, 0])  # (B, H, W)
    for left in reversed(range(directions)):
        v = torch.randn(middle.shape, generator=generator, device=images.device, dtype=images.dtype)
        (slope,) = torch.autograd.grad((v * middle).sum(), pixels, retain_graph=left > 0)
        energy += slope.square().sum(dim=1)
    total = energy.sum(dim=(1, 2), keepdim=True)
    if not bool((total > 0).all()):
        raise ValueError("no pixel changes the middle output, its gradient is 0 everywhere")
    return (energy / total).mean(dim=0)


def energy_spread(energy: Tensor) -> float:
    """Standard deviation in pixels along an axis, the mean of both axes' variances, of what `energy` (H, W) holds."""
    check_tensors(energy=(energy, "H W"))
    variances = []
    for axis in (0, 1):
        share = energy.sum(dim=1 - axis) / energy.sum()
        place = torch.arange(len(share), device=energy.device, dtype=energy.dtype)
        middle = (share * place).sum()
        variances.append(float((share * (place - middle).square()).sum()))
    return (sum(variances) / 2) ** 0.5


def square_holding(energy: Tensor, share: float = 0.9) -> int:
    """Side of the smallest square around the centre of gravity that holds a share of the energy (H, W).

    Args:
        energy: (H, W), not negative.
        share: Between 0 and 1.

    Returns:
        An odd number of pixels; parts of the square beyond the border hold nothing.

    Raises:
        ValueError: For a share outside of 0 to 1.
    """
    check_tensors(energy=(energy, "H W"))
    if not 0 < share < 1:
        raise ValueError(f"share must lie between 0 and 1, not {share}")
    rows, columns = (torch.arange(n, device=energy.device, dtype=energy.dtype) for n in energy.shape)
    total = energy.sum()
    y, x = ((energy.sum(1) * rows).sum() / total).round(), ((energy.sum(0) * columns).sum() / total).round()
    away = torch.maximum((rows - y).abs()[:, None], (columns - x).abs()[None])  # (H, W)
    for half in range(max(energy.shape)):
        if float(energy[away <= half].sum()) >= share * float(total):
            return 2 * half + 1
    return 2 * max(energy.shape) - 1
