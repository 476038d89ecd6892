"""Class activation maps: where the evidence for a class lies (chapter 7).

Zhou, Khosla, Lapedriza, Oliva, Torralba, "Learning deep features for discriminative localization", 2015,
arXiv:1512.04150. Selvaraju et al., "Grad-CAM", 2016, arXiv:1610.02391.

A network that ends with maps A_k, global average pooling and one linear layer computes

    f_c = sum_k w_ck mean(A_k) + b_c = mean over places of [sum_k w_ck A_k] + b_c

so that the bracket, the class activation map, is the score before it is averaged. Grad-CAM replaces the weights by the
mean gradient over places and so works with every layer of every network:

    alpha_k = mean over places of d f_c / d A_k        L = relu(sum_k alpha_k A_k)

In the network above d f_c / d A_k = w_ck / (H W) everywhere: Grad-CAM is CAM divided by H W, then cut off at zero.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.core.checks import check_labels, check_tensors
from course_lib.interpretability.backward_rules import guided_backprop
from course_lib.interpretability.record import class_scores, recorded


def class_activation_map(maps: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """CAM of a network with global average pooling and one linear layer.

    Args:
        maps: (B, D, H, W), what is averaged.
        weight: (K, D) of the linear layer.
        targets: (B,) int64.

    Returns:
        (B, H, W), with signs.

    Raises:
        ValueError: If the shapes do not fit.
    """
    check_tensors(maps=(maps, "B D H W"), weight=(weight, "K D"))
    check_labels("targets", targets, len(weight), maps=maps)
    return torch.einsum("bdhw,bd->bhw", maps, weight[targets])


@torch.enable_grad()
def grad_cam(model: nn.Module, layer: str, images: Tensor, *, targets: Tensor | None = None) -> Tensor:
    """Grad-CAM at a layer.

    Args:
        model: Maps images to logits (B, K), in evaluation mode.
        layer: Path of a module that returns (B, D, H', W').
        images: (B, C, H, W), floating point.
        targets: (B,) int64; None takes the class with the highest score.

    Returns:
        (B, H', W'), not negative, in the layer's resolution; `enlarge` brings it to the image's.

    Raises:
        ValueError: If the layer does not exist or returns no maps, or does not run, or images or targets do not fit.
    """
    check_tensors(images=(images, "B C H W"))
    with recorded(model, layer) as maps:
        scores, _ = class_scores(model, images.detach().requires_grad_(), targets)
    if layer not in maps:
        raise ValueError(f"layer {layer!r} did not run for these images, so it has no maps; name one that does")
    activation = maps[layer]
    if activation.ndim != 4:
        raise ValueError(f"layer {layer!r} must return maps (B, D, H, W), not shape {tuple(activation.shape)}")
    (slope,) = torch.autograd.grad(scores.sum(), activation, allow_unused=True)
    if slope is None:
        raise ValueError(f"the scores do not depend on layer {layer!r}; name one on the way from image to logits")
    alpha = slope.mean(dim=(2, 3))  # (B, D)
    return torch.einsum("bd,bdhw->bhw", alpha, activation.detach()).relu()


def enlarge(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear enlargement of maps (B, H', W') to (B, H, W)."""
    check_tensors(maps=(maps, "B H W"))
    return F.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]


def guided_grad_cam(model: nn.Module, layer: str, images: Tensor, *, targets: Tensor | None = None) -> Tensor:
    """Guided back-propagation (fine) times Grad-CAM (knows the class): (B, C, H, W)."""
    heat = enlarge(grad_cam(model, layer, images, targets=targets), (images.shape[2], images.shape[3]))
    return guided_backprop(model, images, targets) * heat[:, None]
