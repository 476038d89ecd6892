"""Segments from a graph: where neighbours differ more than the insides of both (chapter 10, "selective-search").

    graph      pixels are nodes; the eight neighbours of each are joined by edges of weight w = |colour difference|
    Int(C)     the largest edge that was needed to join C; 0 for one pixel
    rule       edges from light to heavy: join C1 and C2 if w < min(Int(C1) + k / |C1|, Int(C2) + k / |C2|)
    at last    segments below a least size are joined to a neighbour, over the lightest edge

Noise in a meadow is a heavy edge too, but so are the others there; the sky has none. k / |C| lets small segments grow
at first: a larger k gives larger segments. Felzenszwalb and Huttenlocher, Efficient graph-based image segmentation,
IJCV 59, 2004. Same segments as scikit-image's `felzenszwalb`, whose differences from the paper are ours: colours are
one vector, where the paper segments each channel and intersects; w < and not <=. k counts in 1/255 of the colours'
range, and so speaks of bytes, as the paper's. The union-find is a plain one in Python; the compiled one is some fifteen
times faster.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.ops.filters.smoothing import gaussian_filter


class Forest:
    """Disjoint sets: each node points to a parent, a root to itself.

    Args:
        nodes: How many.

    Attributes:
        size: Nodes of the tree, at its root.
    """

    def __init__(self, nodes: int):
        check_positive(nodes=nodes)
        self.parent, self.size = list(range(nodes)), [1] * nodes

    def root(self, node: int) -> int:
        """Root of a node's tree; the way there is halved for the next time."""
        parent = self.parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(self, a: int, b: int) -> int:
        """Join two trees, given by their roots, and return the new root."""
        if self.size[a] < self.size[b]:
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        return a

    def labels(self) -> np.ndarray:
        """(nodes,) numbers of the trees, 0 for the first node's, in the order of their first nodes."""
        roots = np.array([self.root(node) for node in range(len(self.parent))])
        _, first, inverse = np.unique(roots, return_index=True, return_inverse=True)
        return first.argsort().argsort()[inverse]


def pixel_edges(image: Tensor) -> tuple[Tensor, Tensor]:
    """Edges between neighbours.

    Args:
        image: (C, H, W).

    Returns:
        Nodes (E, 2) int64, pixel = row * W + column, and weights (E,), the length of the difference of colours; right,
        down, down right and up right neighbours.
    """
    height, width = image.shape[1:]
    number = torch.arange(height * width).view(height, width)
    whole, less, more = slice(None), slice(None, -1), slice(1, None)
    pairs = [((whole, less), (whole, more)), ((less, whole), (more, whole)),
             ((less, less), (more, more)), ((more, less), (less, more))]  # fmt: skip
    nodes = torch.cat([torch.stack([number[a].flatten(), number[b].flatten()], 1) for a, b in pairs])
    weights = torch.cat([(image[(whole, *a)] - image[(whole, *b)]).square().sum(0).sqrt().flatten() for a, b in pairs])
    return nodes, weights


def graph_segmentation(image: Tensor, *, scale: float = 100.0, sigma: float = 0.8, smallest: int = 20) -> Tensor:
    """Segments of a picture.

    Args:
        image: (C, H, W) in [0, 1].
        scale: k; larger gives larger segments.
        sigma: Standard deviation of the Gaussian that smooths the picture first, pixels; 0 for none.
        smallest: Least number of pixels of a segment.

    Returns:
        (H, W) int64, segments from 0.

    Raises:
        ValueError: For another shape or numbers out of range.
    """
    check_tensors(image=(image, "C H W"))
    check_positive(scale=scale, smallest=smallest)
    if not sigma >= 0:
        raise ValueError(f"sigma must be at least 0, not {sigma}")
    height, width = image.shape[1:]
    smooth = image.double() if sigma == 0 else gaussian_filter(image.double()[None], sigma)[0]
    nodes, weights = pixel_edges(smooth.cpu())
    order = weights.argsort(stable=True)
    edges, ascending = nodes[order].tolist(), weights[order].tolist()
    forest, limit, k = Forest(height * width), [scale / 255] * (height * width), scale / 255
    root, size = forest.root, forest.size
    for (a, b), weight in zip(edges, ascending, strict=True):
        a, b = root(a), root(b)
        if a != b and weight < limit[a] and weight < limit[b]:
            a = forest.join(a, b)
            limit[a] = weight + k / size[a]
    for a, b in edges:
        a, b = root(a), root(b)
        if a != b and (size[a] < smallest or size[b] < smallest):
            forest.join(a, b)
    return torch.from_numpy(forest.labels()).view(height, width).to(image.device)
