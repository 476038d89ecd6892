"""Seven habits of people who train networks, each with a switch (chapter 3, "training-tricks").

One function, so that a table can say what each habit is worth on the same model and data:

    adam           AdamW with weight decay instead of SGD with momentum
    schedule       the learning rate rises over the first tenth of the steps, then falls along a cosine
    augmentation   each image is turned and moved a little, anew each time it is seen
    smoothing      a tenth of each label's certainty is given to all classes
    ema            the weights that are used are a running average of those that were trained
    half           layers compute in bfloat16 where that is safe; weights and loss stay in float32
    clipping       gradients longer than 1 are shortened to 1

`recipes/training_tricks.py` computes the tables; the chapter runs two rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_labels, check_positive, check_tensors
from course_lib.core.training import fit
from course_lib.data.augment import turn_and_move
from course_lib.networks.layers import smoothed_cross_entropy
from course_lib.optim import EMA, SGD, AdamW, warmup_cosine


@dataclass(frozen=True)
class Tricks:
    """Which habits are on; all are off unless named."""

    adam: bool = False
    schedule: bool = False
    augmentation: bool = False
    smoothing: bool = False
    ema: bool = False
    half: bool = False
    clipping: bool = False


def train_with(
    tricks: Tricks,
    model: nn.Module,
    X: Tensor,
    *,
    y: Tensor,
    rate: float,
    epochs: int,
    batch: int,
    generator: torch.Generator,
) -> nn.Module:
    """Train a classifier of images with some of the habits.

    Args:
        tricks: Which.
        model: Maps images (B, C, H, W) to scores (B, K); trained in place.
        X: (N, C, H, W) float32 images, on the model's device.
        y: (N,) int64 classes.
        rate: Peak learning rate of whichever optimiser is used.
        epochs: Passes over the data, at least 1.
        batch: Images in a mini-batch, at least 1.
        generator: Source of order and augmentation, on X's device.

    Returns:
        The model to use: the averaged one with `ema`, else the given one; in evaluation mode.

    Raises:
        ValueError: For bad data or numbers.
    """
    check_tensors(X=(X, "N C H W"))
    check_labels("y", y, X=X)
    check_positive(rate=rate, epochs=epochs, batch=batch)
    parameters = list(model.parameters())
    optimiser = AdamW(parameters, rate, weight_decay=0.01) if tricks.adam else SGD(parameters, rate, momentum=0.9)
    average = EMA(model, 0.98) if tricks.ema else None
    warmup = epochs * -(-len(X) // batch) // 10

    def loss(indices: Tensor, generator: torch.Generator) -> Tensor:
        images = turn_and_move(X[indices], generator) if tricks.augmentation else X[indices]
        return smoothed_cross_entropy(model(images).float(), y[indices], 0.1 if tricks.smoothing else 0.0)

    fit(
        model,
        loss,
        optimiser,
        samples=len(X),
        epochs=epochs,
        batch=batch,
        generator=generator,
        schedule=partial(warmup_cosine, warmup=warmup) if tricks.schedule else None,
        clip=1.0 if tricks.clipping else None,
        average=average,
        precision=torch.bfloat16 if tricks.half else None,
    )
    return model if average is None else average.model
