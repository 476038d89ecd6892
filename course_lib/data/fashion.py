"""Fashion-MNIST: small grey pictures of clothes, for models that make pictures (chapters 16 to 19).

Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms", 2017,
arXiv:1708.07747; MIT licence, in `fashion_mnist_licence.txt` beside the file. 60,000 training and 10,000 test pictures,
28 x 28, ten classes.

Shipped is what a page needs without a network: the first 65 test pictures of each class, and what a classifier's 64
features (`FashionNet`) say of all 10,000 test pictures, which generated pictures are compared with. Training takes the
whole set through `recipes/fashion.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

FASHION_CLASSES = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
)  # fmt: skip
PICTURES = Path(__file__).with_name("fashion_mnist_test.npz")
REFERENCE = Path(__file__).resolve().parent.parent / "checkpoints" / "fashion_reference.safetensors"


def fashion_evaluation() -> tuple[Tensor, Tensor]:
    """650 test pictures, 65 of each class, in the order of the original file.

    Returns:
        Pictures (650, 1, 28, 28) uint8, 0 (ground) to 255, and classes (650,) int64 into `FASHION_CLASSES`.
    """
    with np.load(PICTURES) as arrays:
        return torch.from_numpy(arrays["pictures"])[:, None], torch.from_numpy(arrays["classes"]).long()


def fashion_reference() -> Tensor:
    """(10000, 64) float32: `FashionNet.features` of all test pictures, in the order of the original file."""
    return load_file(REFERENCE)["features"].float()
