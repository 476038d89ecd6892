"""Style transfer: the places of one picture, the texture of another (chapter 8).

Gatys, Ecker, Bethge, "Image style transfer using convolutional neural networks", 2016.

    L(I) = content(I) + weight * style(I)
    content(I) = mean over layers l of  |F_l(I) - F_l(content)|^2 / |F_l(content)|^2        keeps what is where
    style(I)   = sum over layers l of  |G(F_l(I)) - G(F_l(style))|^2 / |G(F_l(style))|^2    forgets where

Both parts are relative, so a weight means the same for every picture. Unlike the paper, content and style may use
different sources of features. `luminance` and `with_luminance` repaint brightness alone and keep the content's colours
(Gatys, Bethge, Hertzmann, Shechtman 2016, arXiv:1606.05897).
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.texture.features import Features
from course_lib.texture.statistics import gram_matrix
from course_lib.texture.synthesis import Loss, texture_loss

LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue in brightness, ITU-R BT.601


def content_loss(features: Features, content: Tensor) -> Loss:
    """The relative squared distance of maps to those of a picture.

    Args:
        features: Source of maps.
        content: (1, C, H, W) in [0, 1].

    Returns:
        A function from images (B, C, H, W) to the loss of shape (), its mean over the batch.

    Raises:
        ValueError: If content is no such image.
    """
    check_tensors(content=(content, "1 C H W"))
    with torch.no_grad():
        targets = features(content)
    sizes = [target.square().sum().clamp(min=1e-12) for target in targets]

    def loss(images: Tensor) -> Tensor:
        found = features(images)
        parts = [(f - t).square().sum() / (n * len(images)) for f, t, n in zip(found, targets, sizes, strict=True)]
        return torch.stack(parts).mean()

    return loss


def style_transfer_loss(
    content: Tensor, style: Tensor, weight: float, *, content_features: Features, style_features: Features
) -> Loss:
    """Content loss plus weight times the Gram loss.

    Args:
        content: (1, C, H, W) in [0, 1].
        style: (1, C, H', W') in [0, 1].
        weight: Of the style, 0 or more.
        content_features, style_features: Sources of maps.

    Returns:
        A function from images (B, C, H, W) to a loss of shape ().

    Raises:
        ValueError: If a picture is no such image or the weight is below 0.
    """
    if not 0 <= weight < float("inf"):
        raise ValueError(f"weight must be a finite number, 0 or more, not {weight!r}")
    keep, paint = content_loss(content_features, content), texture_loss(style_features, gram_matrix, style)
    return lambda images: keep(images) + weight * paint(images)


def luminance(images: Tensor) -> Tensor:
    """Colour images (B, 3, H, W) to their brightness (B, 1, H, W), in the same range."""
    check_tensors(images=(images, "B 3 H W"))
    return (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def with_luminance(images: Tensor, brightness: Tensor) -> Tensor:
    """The same colour differences with another brightness.

    Args:
        images: (B, 3, H, W) in [0, 1].
        brightness: (B, 1, H, W) in [0, 1].

    Returns:
        (B, 3, H, W), cut to [0, 1].

    Raises:
        ValueError: If the sizes differ.
    """
    check_tensors(images=(images, "B 3 H W"), brightness=(brightness, "B 1 H W"))
    return (images - luminance(images) + brightness).clamp(0, 1)
