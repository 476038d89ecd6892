"""Precision and recall of generated samples: are they real, and is all that is real among them? (chapters 16 to 18)

Kynkaanniemi, Karras, Laine, Lehtinen, Aila, "Improved precision and recall metric for assessing generative models",
2019, arXiv:1904.06991.

    region      of a set: all points that lie within r_i of one of its samples i, r_i the distance to its k-th neighbour
    precision   share of the generated samples within the real samples' region       quality
    recall      share of the real samples within the generated samples' region       variety

A model that only makes one perfect picture has precision 1 and recall near 0; one that adds noise to all has it the
other way round. The Frechet distance cannot tell the two apart. Compare numbers for equal N, k and features only.
"""

from __future__ import annotations

from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.ops.neighbours import pairwise_distances


def neighbour_radius(features: Tensor, k: int = 3) -> Tensor:
    """Distance of each sample to its k-th nearest other one.

    Args:
        features: (N, D).
        k: 1 ... N - 1.

    Returns:
        (N,).

    Raises:
        ValueError: For bad shapes or values, or k out of range.
    """
    check_tensors(features=(features, "N D"))
    if not 1 <= k < len(features):
        raise ValueError(f"k must be 1 to {len(features) - 1}, the number of other samples, not {k}")
    return pairwise_distances(features, features).fill_diagonal_(float("inf")).kthvalue(k, dim=1).values


def precision_recall(generated: Tensor, real: Tensor, k: int = 3) -> tuple[float, float]:
    """Precision and recall of generated samples.

    Args:
        generated: (N, D) features of generated samples.
        real: (M, D) features of real ones.
        k: Which neighbour sets the radius; 3 in the paper.

    Returns:
        Precision and recall, each in [0, 1].

    Raises:
        ValueError: For bad shapes or values, or k out of range.
    """
    check_tensors(generated=(generated, "N D"), real=(real, "M D"))
    apart = pairwise_distances(generated, real)  # (N, M)
    precision = (apart <= neighbour_radius(real, k)).any(1)
    recall = (apart <= neighbour_radius(generated, k)[:, None]).any(0)
    return float(precision.double().mean()), float(recall.double().mean())
