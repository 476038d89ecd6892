"""One training loop for every model that needs nothing special (chapter 2 onwards).

For each epoch: shuffle, cut into mini-batches, and for each batch forward, loss, backward, update. A method whose
loop differs (two networks, a queue) keeps its own beside its loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_lib.core.checks import check_positive


class Optimiser(Protocol):
    """What the loop needs of an optimiser; `course_lib.optim.SGD` and torch's own have it."""

    def zero_grad(self) -> None:
        """Forget old gradients."""

    def step(self) -> None:
        """Update the parameters."""


@dataclass
class History:
    """What happened: the mean training loss of each epoch, and what `evaluate` returned after it."""

    loss: list[float] = field(default_factory=list)
    metric: list[float] = field(default_factory=list)


def batches(samples: int, size: int, generator: torch.Generator) -> list[Tensor]:
    """Indices 0 ... samples - 1 in random order, cut into mini-batches; the last one may be smaller.

    Args:
        samples: Size N of the data set, at least 1.
        size: Samples in a batch, at least 1.
        generator: Source of the order.

    Raises:
        ValueError: For no samples or an empty batch.
    """
    check_positive(samples=samples, size=size)
    return list(torch.randperm(samples, generator=generator, device=generator.device).split(size))


def train(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimiser: Optimiser,
    X: Tensor,
    y: Tensor,
    epochs: int,
    batch: int,
    generator: torch.Generator,
    evaluate: Callable[[], float] | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = False,
) -> History:
    """Train a model on tensors that fit in memory.

    Args:
        model: Maps a batch of X to predictions.
        loss: Maps predictions and targets to a mean loss of shape ().
        optimiser: Holds the model's parameters.
        X: (N, ...) inputs, on the model's device.
        y: (N, ...) targets.
        epochs: Passes over the data, at least 1.
        batch: Samples in a mini-batch, at least 1.
        generator: Source of the shuffling, on X's device.
        evaluate: Called after each epoch with the model in evaluation mode; its number goes into the history.
        checkpoint: A file to save to after each epoch and to resume from; needs an optimiser with `state_dict`.
        progress: Show a progress bar on stderr.

    Returns:
        The history, including the epochs before a resumption.

    Raises:
        ValueError: If X and y differ in length, or a number is out of range, or the loss is no longer finite, or the
            optimiser has no state to save.
    """
    check_positive(epochs=epochs, batch=batch)
    if checkpoint is not None and not hasattr(optimiser, "state_dict"):
        raise ValueError(f"a checkpoint needs an optimiser with state_dict, such as torch.optim's, not {optimiser!r}")
    if len(X) != len(y) or len(X) == 0:
        raise ValueError(f"X and y must have the same number of samples, at least 1, not {len(X)} and {len(y)}")
    history, done = _resume(checkpoint, model, optimiser, generator)
    for epoch in tqdm(range(done, epochs), initial=done, total=epochs, disable=not progress, unit="epoch"):
        model.train()
        total = torch.zeros((), device=X.device)
        for indices in batches(len(X), batch, generator):
            optimiser.zero_grad()
            value = loss(model(X[indices]), y[indices])
            value.backward()
            optimiser.step()
            total += value.detach() * len(indices)
        history.loss.append(float(total) / len(X))
        if not torch.isfinite(total):
            raise ValueError(f"the loss became {history.loss[-1]} in epoch {epoch + 1}: lower the learning rate")
        if evaluate is not None:
            model.eval()
            with torch.no_grad():
                history.metric.append(float(evaluate()))
        _save(checkpoint, model, optimiser, generator, history)
    return history


def _save(path: str | Path | None, model: nn.Module, optimiser, generator: torch.Generator, history: History) -> None:
    """Write the whole state beside the target and move it there, so that an interruption leaves a usable file."""
    if path is None:
        return
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "generator": generator.get_state(),
             "loss": history.loss, "metric": history.metric}  # fmt: skip
    half_written = Path(path).with_suffix(".part")
    torch.save(state, half_written)
    half_written.replace(path)


def _resume(path: str | Path | None, model: nn.Module, optimiser, generator: torch.Generator) -> tuple[History, int]:
    """Load an earlier state into model, optimiser and generator; return its history and how many epochs it had."""
    if path is None or not Path(path).exists():
        return History(), 0
    state = torch.load(path, weights_only=True, map_location="cpu")
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    generator.set_state(state["generator"])
    return History(state["loss"], state["metric"]), len(state["loss"])
