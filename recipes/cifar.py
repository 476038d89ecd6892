"""CIFAR-10 for the recipes: reading it, augmenting it, and training on it with interruptions (Krizhevsky 2009).

Two sources: a folder for torchvision (downloads if it must), or a pair of .npz files in which the training images are
stored as WebP ("webp", "offsets", "labels") and the test images as pixels or in the same way.
"""

from __future__ import annotations

import argparse
import io
import math
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torch import Tensor, nn

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.networks.backbones.backbone import CIFAR_MEAN
from course_lib.networks.layers import smoothed_cross_entropy
from course_lib.optim import SGD, warmup_cosine
from recipes.common import half_if_fast

Data = tuple[Tensor, Tensor, Tensor, Tensor]


def add_source(parser: argparse.ArgumentParser) -> None:
    """The flags that say where the data is."""
    parser.add_argument("--data", default="data", help="torchvision's folder (CIFAR-10 is downloaded if missing)")
    parser.add_argument("--train-npz", help="training images as WebP in an .npz, instead of --data")
    parser.add_argument("--test-npz", help="test images, with --train-npz")


def read_npz(path: str) -> tuple[Tensor, Tensor]:
    """Images (N, 3, 32, 32) uint8 and labels (N,) of an .npz file with WebP streams."""
    arrays = np.load(path)
    missing = {"webp", "offsets", "labels"} - set(arrays.files)
    if missing:
        raise ValueError(f"{path} must hold webp, offsets and labels, but {', '.join(sorted(missing))} is not there")
    stream, cuts = arrays["webp"].tobytes(), arrays["offsets"]
    pictures = [Image.open(io.BytesIO(stream[a:b])).convert("RGB") for a, b in pairwise(cuts)]
    pixels = np.stack([np.asarray(picture) for picture in pictures])  # (N, H, W, 3)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(arrays["labels"]).long()


def load(args: argparse.Namespace, device: torch.device) -> Data:
    """Training images (50000, 3, 32, 32) uint8 and labels, then the 10,000 test images and labels, on the device."""
    if args.train_npz:
        parts = [*read_npz(args.train_npz), *read_npz(args.test_npz)]
    else:
        parts = []
        for flag in (True, False):
            part = torchvision.datasets.CIFAR10(args.data, train=flag, download=True)
            parts += [torch.from_numpy(part.data).permute(0, 3, 1, 2), torch.tensor(part.targets)]
    images, labels, test_images, test_labels = (part.to(device) for part in parts)
    return images, labels, test_images, test_labels


def crop_and_flip(padded: Tensor, side: int, chosen: Tensor, epoch: int, stream: torch.Generator) -> Tensor:
    """Random crops of padded images, mirrored in every second epoch.

    An image that is mirrored in one epoch is not in the next, so that two epochs show all 100,000 pictures once, which
    coin flips do not (Jordan 2024, arXiv:2404.00498, section 3.6).

    Args:
        padded: (N, 3, H, H) uint8, H larger than `side`.
        side: Side S of the crops.
        chosen: (B,) indices of the images.
        epoch: Counted from 0.
        stream: Source of the crops, on the same device.

    Returns:
        (B, 3, S, S) float32 in [0, 1].
    """
    places = padded.shape[-1] - side + 1
    corner = torch.randint(places, (2, len(chosen), 1), generator=stream, device=padded.device)
    steps = torch.arange(side, device=padded.device)
    rows, columns = corner[0] + steps, corner[1] + steps  # (B, S)
    mirrored = (chosen * 2654435761 // 65536 + epoch) % 2 == 1
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    cropped = padded[chosen[:, None, None], :, rows[:, :, None], columns[:, None, :]]  # (B, S, S, 3)
    return cropped.permute(0, 3, 1, 2).float() / 255


def cut_out(images: Tensor, side: int, stream: torch.Generator) -> Tensor:
    """Hide a square of each image, at a random place, behind the mean colour (DeVries, Taylor 2017, arXiv:1708.04552).

    Args:
        images: (B, 3, H, W); changed in place.
        side: Of the square, in pixels; less of it is left where it reaches over the border.
        stream: Source of the places, on the same device.

    Returns:
        The same tensor.
    """
    height, width = images.shape[2:]
    device = images.device
    top = torch.randint(height, (len(images), 1), generator=stream, device=device) - side // 2
    left = torch.randint(width, (len(images), 1), generator=stream, device=device) - side // 2
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    down = (rows >= top) & (rows < top + side)  # (B, H)
    across = (columns >= left) & (columns < left + side)  # (B, W)
    hidden = (down[:, :, None] & across[:, None, :])[:, None]  # (B, 1, H, W)
    return images.copy_(torch.where(hidden, images.new_tensor(CIFAR_MEAN).view(1, 3, 1, 1), images))


def predict(model: nn.Module, images: Tensor, batch: int = 1000) -> Tensor:
    """Logits (N, K) float32 of uint8 images (N, 3, H, W), in evaluation mode."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part.float() / 255) for part in images.split(batch)])


def train(
    model: nn.Module,
    data: Data,
    epochs: int,
    seed: int,
    *,
    batch: int = 128,
    peak: float = 0.2,
    augment: bool = True,
    hole: int = 0,
    state: Path | None = None,
    progress: bool = True,
    last_only: bool = False,
) -> History:
    """Train with Nesterov momentum, warm-up and cosine, label smoothing and, where it pays, reduced precision.

    Args:
        model: Takes images in [0, 1]; moved to the images' device.
        data: What `load` returns.
        epochs: Passes over the training images.
        seed: Decides the order and the crops.
        batch: Images in a step.
        peak: Largest learning rate.
        augment: Crop and mirror at random.
        hole: Side in pixels of a square that is hidden in each image; 0 hides nothing.
        state: A file that an interrupted run goes on from.
        progress: Show a bar on stderr.
        last_only: Evaluate after the last epoch only.

    Returns:
        The history; its metric is the accuracy on the test images, which choose nothing.
    """
    images, labels, test_images, test_labels = data
    device, side = images.device, images.shape[-1]
    model.to(device, memory_format=torch.channels_last)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": plain, "weight_decay": 0.0}]
    padded = F.pad(images.float(), (side // 8,) * 4, mode="reflect").byte() if augment else images
    history, steps = History(), epochs * math.ceil(len(images) / batch)

    def loss(chosen: Tensor, stream: torch.Generator) -> Tensor:
        x = crop_and_flip(padded, side, chosen, len(history.loss), stream) if augment else padded[chosen].float() / 255
        if hole:
            x = cut_out(x, hole, stream)
        logits = model(x.contiguous(memory_format=torch.channels_last))
        return smoothed_cross_entropy(logits.float(), labels[chosen], 0.1)

    def accuracy(used: nn.Module) -> float:
        if last_only and len(history.loss) < epochs:
            return math.nan
        return float((predict(used, test_images).argmax(1) == test_labels).double().mean())

    return fit(
        model,
        loss,
        SGD(groups, peak, 0.9, nesterov=True),
        samples=len(images),
        epochs=epochs,
        batch=batch,
        generator=generator(seed, device),
        schedule=partial(warmup_cosine, warmup=steps // 6),
        precision=half_if_fast(device),
        evaluate=accuracy,
        checkpoint=state,
        history=history,
        progress=progress,
    )
