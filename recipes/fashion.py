"""Fashion-MNIST for recipes: 55,000 pictures to learn from, 5,000 to choose by, 10,000 to judge with.

    start(__doc__, "name", epochs=10, add=fashion.flags)      adds --npz and --data
    data = fashion.load(run.args)

Read from a file of arrays x_train, y_train, x_test, y_test, or through torchvision, which downloads.
Xiao, Rasul and Vollgraf (2017).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.datasets import FashionMNIST

TRAINING = 55_000


@dataclass(frozen=True)
class Fashion:
    """Pictures (N, 1, 28, 28) uint8 and classes (N,) int64 of three disjoint parts."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def flags(parser: argparse.ArgumentParser) -> None:
    """Where the pictures are."""
    parser.add_argument("--npz", help="file of arrays x_train, y_train, x_test, y_test")
    parser.add_argument("--data", default="data", help="folder that torchvision downloads into")


def arrays(npz: str | None, root: str | None) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """All 60,000 training and 10,000 test pictures (N, 28, 28) uint8, each with classes (N,) int64."""
    if npz is not None:
        found = np.load(npz)
        parts = [(found[f"x_{part}"], found[f"y_{part}"]) for part in ("train", "test")]
    else:
        sets = [FashionMNIST(root or "data", train=flag, download=True) for flag in (True, False)]
        parts = [(part.data.numpy(), part.targets.numpy()) for part in sets]
    (x, y), (xt, yt) = parts
    return (torch.from_numpy(x), torch.from_numpy(y).long()), (torch.from_numpy(xt), torch.from_numpy(yt).long())


def load(args: argparse.Namespace) -> Fashion:
    """The three parts; the last 5,000 of the training pictures are for choosing."""
    (x, y), (xt, yt) = arrays(args.npz, args.data)
    x, xt = x[:, None], xt[:, None]
    return Fashion((x[:TRAINING], y[:TRAINING]), (x[TRAINING:], y[TRAINING:]), (xt, yt))
