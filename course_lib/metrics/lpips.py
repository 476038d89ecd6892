"""LPIPS: how different two pictures look, by a network's features (chapter 8).

Zhang, Isola, Efros, Shechtman, Wang, "The unreasonable effectiveness of deep features as a perceptual metric", 2018,
arXiv:1801.03924.

    d(x, y) = sum over layers l of  mean over places of  sum_d w_ld (F_ld(x) / |F_l(x)| - F_ld(y) / |F_l(y)|)^2

F_l are a layer's maps, divided at each place by their length over the channels. The weights w_l >= 0 were fitted by the
authors to human judgements; without them all channels count alike, which the paper calls its baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from course_lib.core.checks import check_tensors


def unit_length(maps: Tensor, eps: float = 1e-10) -> Tensor:
    """(B, D, H, W) divided by the length over D at each place; eps is added to the length."""
    return maps / (maps.square().sum(dim=1, keepdim=True).clamp(min=1e-20).sqrt() + eps)


def lpips(
    features: Callable[[Tensor], Sequence[Tensor]],
    images: Tensor,
    references: Tensor,
    *,
    weights: Sequence[Tensor] | None = None,
) -> Tensor:
    """Perceptual distance of each pair.

    Args:
        features: Maps images (B, C, H, W) to a list of maps (B, D, H', W'), one for each layer.
        images: (B, C, H, W), floating point, in the range that `features` expects.
        references: The same shape.
        weights: One tensor (D,) for each layer, not negative; None counts each channel once.

    Returns:
        (B,), 0 for equal pictures. Gradients flow.

    Raises:
        ValueError: If shapes differ, or the weights do not fit the layers or are negative.
    """
    check_tensors(images=(images, "B C H W"), references=(references, "B C H W"))
    pairs = list(zip(features(images), features(references), strict=True))
    if weights is not None and [len(w) for w in weights] != [maps.shape[1] for maps, _ in pairs]:
        wanted = [maps.shape[1] for maps, _ in pairs]
        raise ValueError(f"weights must have one number for each channel, {wanted}, not {[len(w) for w in weights]}")
    if weights is not None and any(bool((w < 0).any()) for w in weights):
        raise ValueError("weights must not be negative: a difference would bring two pictures nearer")
    total = images.new_zeros(len(images))
    for layer, (first, second) in enumerate(pairs):
        difference = (unit_length(first) - unit_length(second)).square()  # (B, D, H', W')
        if weights is not None:
            difference = difference * weights[layer].view(1, -1, 1, 1)
        total = total + difference.sum(dim=1).mean(dim=(1, 2))
    return total
