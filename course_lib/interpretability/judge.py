"""Is a map of evidence any good? Four tests with numbers (chapter 7).

- Pointing game (Zhang et al. 2016, arXiv:1608.00507): does the maximum of the map fall on the object?
- Deletion and insertion (Petsiuk et al. 2018, arXiv:1806.07421): remove the pixels from a picture in the map's order,
  or bring them back into a blurred one; the area under the probability curve should be small for deletion, large for
  insertion.
- Randomisation (Adebayo et al. 2018, arXiv:1810.03292): a map that looks the same for random weights explains the
  picture, not the network.
"""

from __future__ import annotations

import copy

import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_tensors


def pointing_game(maps: Tensor, masks: Tensor) -> float:
    """Share of images in which the map's maximum lies on the object.

    Args:
        maps: (B, H, W), floating point; of equal maxima the first in reading order counts.
        masks: (B, H, W) bool, True on the object (its box or its silhouette).

    Returns:
        0 to 1.

    Raises:
        ValueError: If shapes differ or a mask is empty.
    """
    check_tensors(maps=(maps, "B H W"))
    if masks.shape != maps.shape or masks.dtype != torch.bool:
        raise ValueError(f"masks must be bool of shape {tuple(maps.shape)}, not {masks.dtype} {tuple(masks.shape)}")
    if not masks.flatten(1).any(dim=1).all():
        raise ValueError("every mask must have at least one True: there is an image without its object")
    peaks = maps.flatten(1).argmax(dim=1, keepdim=True)
    return float(masks.flatten(1).gather(1, peaks).double().mean())


@torch.no_grad()
def replacement_curve(
    model: nn.Module, image: Tensor, other: Tensor, *, heat: Tensor, target: int, steps: int = 32
) -> Tensor:
    """Probability of a class while the hottest pixels first are taken from another picture.

    With `other` blurred, this is deletion; with `image` and `other` exchanged, insertion.

    Args:
        model: Maps images to logits (B, K), in evaluation mode.
        image: (C, H, W), where it starts.
        other: (C, H, W), where it ends.
        heat: (H, W), the order: largest first.
        target: The class.
        steps: Number of equal steps.

    Returns:
        (steps + 1,) probabilities, the first of `image`, the last of `other`. Their mean is the score that is compared.

    Raises:
        ValueError: If the shapes differ or steps is below 1.
    """
    check_positive(steps=steps)
    check_tensors(image=(image, "C H W"), other=(other, "C H W"), heat=(heat, "H W"))
    order = heat.flatten().argsort(descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    shares = torch.linspace(0, 1, steps + 1, device=image.device) * len(order)
    taken = rank.view(1, 1, *heat.shape) < shares.view(-1, 1, 1, 1)  # (steps + 1, 1, H, W)
    mixed = torch.where(taken, other, image)
    return model(mixed).softmax(dim=1)[:, target]


def randomised(model: nn.Module, *layers: str, seed: int = 0) -> nn.Module:
    """A copy whose named layers (all, without names) have their numbers shuffled, so that only their order is lost.

    Args:
        model: Any network.
        *layers: Paths of modules or parameters.
        seed: Of the shuffling.

    Raises:
        ValueError: If there is no parameter in one of them.
    """
    other = copy.deepcopy(model)
    stream = torch.Generator().manual_seed(seed)
    named = dict(other.named_parameters())
    for layer in layers:
        if not any(f"{name}.".startswith(f"{layer}.") for name in named):
            raise ValueError(f"the model has no parameter in {layer!r}")
    with torch.no_grad():
        for name, parameter in named.items():
            if not layers or any(f"{name}.".startswith(f"{layer}.") for layer in layers):
                order = torch.randperm(parameter.numel(), generator=stream).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return other


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's correlation of two maps for each image; ties share their mean rank.

    Args:
        first: (B, H, W).
        second: (B, H, W).

    Returns:
        (B,) between -1 and 1; 0 where a map is constant.
    """
    check_tensors(first=(first, "B H W"), second=(second, "B H W"))
    ranks = [torch.from_numpy(rankdata(m.detach().cpu().flatten(1).numpy(), axis=1)) for m in (first, second)]
    a, b = (r - r.mean(dim=1, keepdim=True) for r in ranks)
    scale = (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-12)
    return ((a * b).sum(dim=1) / scale).to(first.device)
