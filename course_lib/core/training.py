"""The one training loop, for everything that has one model and one loss (chapter 2 onwards).

    for each epoch: shuffle the indices 0 ... N - 1, cut them into mini-batches, and for each batch
        rate      peak * schedule(step, steps)
        loss      L(indices, generator): look the samples up or draw them, augment, predict, compare
        descend   zero the gradients, backward, clip their joint length, one step of the optimiser
        average   move the slow copy of the weights

The loss is a function of indices, so that it may read a tensor, a list of files or a renderer. A method whose loop
differs (two players, a queue) keeps its own beside its loss.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_lib.core.checks import check_positive


class OptimiserLike(Protocol):
    """What the loop needs of an optimiser; `course_lib.optim`'s and torch's own have it."""

    param_groups: list[dict[str, Any]]

    def zero_grad(self) -> None:
        """Forget old gradients."""

    def step(self) -> object:
        """Update the parameters."""

    def state_dict(self) -> dict[str, Any]:
        """All that must be known to go on."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""


class AverageLike(Protocol):
    """A slow copy of the weights, such as `course_lib.optim.EMA`."""

    model: nn.Module

    def update(self, model: nn.Module) -> None:
        """Move the copy towards the model's present weights."""


@dataclass
class History:
    """What happened so far.

    Attributes:
        loss: Mean training loss of each epoch.
        metric: What `evaluate` returned after each epoch.
        steps: Steps done; a loss whose difficulty grows while training reads it.
        seconds: Time spent, interruptions left out.
    """

    loss: list[float] = field(default_factory=list)
    metric: list[float] = field(default_factory=list)
    steps: int = 0
    seconds: float = field(default=0.0, compare=False)


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


def fit(
    model: nn.Module,
    loss: Callable[[Tensor, torch.Generator], Tensor],
    optimiser: OptimiserLike,
    *,
    samples: int,
    epochs: int,
    batch: int,
    generator: torch.Generator,
    schedule: Callable[[int, int], float] | None = None,
    clip: float | None = None,
    average: AverageLike | None = None,
    precision: torch.dtype | None = None,
    evaluate: Callable[[nn.Module], float] | None = None,
    checkpoint: str | Path | None = None,
    history: History | None = None,
    progress: bool = False,
) -> History:
    """Train a model.

    Args:
        model: In training mode while the loss is computed.
        loss: From the indices (B,) int64 of a batch and the generator, for augmentation, to a mean loss of shape ().
        optimiser: Holds the model's parameters; its rates are the peaks of the schedule, and are so again afterwards.
        samples: Size N of the data set; where samples are drawn afresh, how many make an epoch. At least 1.
        epochs: Passes over the samples, at least 1.
        batch: Samples in a mini-batch, at least 1.
        generator: Source of the order and of the augmentation; the indices live on its device.
        schedule: From (step, steps) to a factor of the peak rate, such as `warmup_cosine`.
        clip: Longest joint gradient, above 0.
        average: A slow copy of the weights that follows each step.
        precision: Compute the loss in this type where that is safe (autocast); weights stay as they are.
        evaluate: Called after each epoch, in evaluation mode and without gradients, with the slow copy if there is
            one, else with the model; its number goes into the history.
        checkpoint: A file that is written after each epoch and read at the start: an interrupted run goes on, on the
            same kind of device exactly as if nothing had happened.
        history: Filled in place, for a loss that wants to know how far the training is.
        progress: Show a bar on stderr.

    Returns:
        The history, including the epochs before a resumption. The model is left in evaluation mode.

    Raises:
        ValueError: If a number is out of range, the checkpoint belongs to another training, or the loss is no longer
            finite; what was saved before stays.
    """
    check_positive(samples=samples, epochs=epochs, batch=batch, clip=1.0 if clip is None else clip)
    history = History() if history is None else history
    peaks = [group["lr"] for group in optimiser.param_groups]
    state = _State(model, optimiser, generator, average, history)
    if checkpoint is not None and Path(checkpoint).exists():
        state.load(Path(checkpoint))
    trained = [p for group in optimiser.param_groups for p in group["params"]]
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    steps = epochs * math.ceil(samples / batch)
    bar = tqdm(total=steps, initial=history.steps, disable=not progress, unit="step")
    with bar, _rates_afterwards(optimiser, peaks):
        for epoch in range(len(history.loss), epochs):
            started, total = time.perf_counter(), torch.zeros((), device=device)
            model.train()
            for indices in batches(samples, batch, generator):
                if schedule is not None:
                    factor = schedule(history.steps, steps)
                    for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                        group["lr"] = peak * factor
                with torch.autocast(device.type, precision, enabled=precision is not None):
                    value = loss(indices, generator)
                optimiser.zero_grad()
                value.backward()
                if clip is not None:
                    nn.utils.clip_grad_norm_(trained, clip)
                optimiser.step()
                if average is not None:
                    average.update(model)
                total += value.detach() * len(indices)
                history.steps += 1
                bar.update()
            mean = float(total) / samples
            if not math.isfinite(mean):
                raise ValueError(f"the loss became {mean} in epoch {epoch + 1}: lower the learning rate")
            history.loss.append(mean)
            used = (model if average is None else average.model).eval()
            if evaluate is not None:
                with torch.no_grad():
                    history.metric.append(float(evaluate(used)))
            history.seconds += time.perf_counter() - started
            bar.set_postfix(epoch=epoch + 1, loss=mean, metric=history.metric[-1] if evaluate else "none")
            if checkpoint is not None:
                state.save(Path(checkpoint))
    model.eval()
    return history


@contextmanager
def _rates_afterwards(optimiser: OptimiserLike, rates: list[float]) -> Iterator[None]:
    """Set the rates of the groups at the end, also when somebody interrupts: the next call takes them for its peaks."""
    try:
        yield
    finally:
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate


@dataclass
class _State:
    """Everything that a resumed run needs."""

    model: nn.Module
    optimiser: OptimiserLike
    generator: torch.Generator
    average: AverageLike | None
    history: History

    def save(self, path: Path) -> None:
        """Write beside the target and move it there, so that an interruption leaves a usable file."""
        saved = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": None if self.average is None else self.average.model.state_dict(),
            "generator": self.generator.get_state(),
            "global": torch.get_rng_state(),  # dropout draws from it
            "cuda": torch.cuda.get_rng_state_all() if self.generator.device.type == "cuda" else [],
            "history": {part.name: getattr(self.history, part.name) for part in fields(History)},
        }
        half_written = path.with_suffix(".part")
        torch.save(saved, half_written)
        half_written.replace(path)

    def load(self, path: Path) -> None:
        """Fill model, optimiser, average, generators and history from a file."""
        saved = torch.load(path, weights_only=True, map_location="cpu")
        try:
            self.model.load_state_dict(saved["model"])
            self.optimiser.load_state_dict(saved["optimiser"])
            if self.average is not None:
                self.average.model.load_state_dict(saved["average"])
        except (KeyError, TypeError, RuntimeError, AttributeError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise ValueError(f"{path} was written by another training ({first}); delete it to start afresh") from error
        for name, value in saved["history"].items():
            setattr(self.history, name, value)
        if len(saved["generator"]) == len(self.generator.get_state()):
            self.generator.set_state(saved["generator"])
            torch.set_rng_state(saved["global"])
            if saved["cuda"]:
                torch.cuda.set_rng_state_all(saved["cuda"])
        else:  # from another kind of device, whose random numbers are others
            self.generator.manual_seed(self.generator.initial_seed() + len(self.history.loss))
