"""What recipes share: flags and the card beside shipped weights. A recipe is its data, model and loss.

    run = start(__doc__, "name", epochs=10)         flags, seeds, device, where an interrupted run is kept
    history = fit(model, loss, ..., **run.keep())   course_lib.core.training: a bar, and going on after an interruption
    ship(run, model, Blank(), scores, history, data="...", metric="...")

`ship` judges the weights as a reader will load them, in half precision, and writes what was measured into the card.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from course_lib.core.device import pick_device
from course_lib.core.seeding import pin
from course_lib.core.training import History
from course_lib.core.weights import load_checkpoint, save_checkpoint

CARDS = Path(__file__).resolve().parent.parent / "chapters" / "cards"


@dataclass(frozen=True)
class Run:
    """One call of a recipe.

    Attributes:
        name: Of the recipe and its checkpoint.
        device: Where it computes.
        epochs: Passes over the data.
        state: The file that an interrupted run goes on from; without it nothing is kept.
        started: When it began, on the clock of `time.perf_counter`.
        args: All flags.
    """

    name: str
    device: torch.device
    epochs: int
    state: Path | None
    started: float
    args: argparse.Namespace

    @property
    def command(self) -> str:
        """What a reader types."""
        return f"python -m {getattr(sys.modules['__main__'].__spec__, 'name', 'recipes')}"

    def keep(self, phase: str = "") -> dict:
        """Arguments of `fit`: the bar, and a file for this phase of the training."""
        path = None if self.state is None else self.state.with_name(f"{self.state.name}{phase}")
        return {"progress": True, "checkpoint": path}


def start(words: str | None, name: str, epochs: int, add: Callable[[argparse.ArgumentParser], object] | None = None,
          threads: int = 2) -> Run:  # fmt: skip
    """Read the flags and pin the seeds.

    Args:
        words: The recipe's docstring.
        name: Of the recipe.
        epochs: Passes over the data unless the flag says otherwise.
        add: Adds the recipe's own flags.
        threads: CPU threads unless the flag says otherwise.
    """
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="cpu, cuda or mps; by default the best one present")
    parser.add_argument("--threads", type=int, default=threads, help="CPU threads")
    parser.add_argument("--epochs", type=int, default=epochs, help="passes over the data")
    parser.add_argument("--state", type=Path, default=Path(f"{name}.state"), help="file to go on from when interrupted")
    if add is not None:
        add(parser)
    args = parser.parse_args()
    pin(0, args.threads)
    return Run(name, pick_device(args.device), args.epochs, args.state, time.perf_counter(), args)


def environment(device: torch.device) -> dict:
    """What a card says about the machine: device, threads, versions."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    versions = {"python": platform.python_version(), "torch": torch.__version__.split("+")[0]}
    return {"device": name, "versions": versions}


def half_if_fast(device: torch.device) -> torch.dtype | None:
    """bfloat16 where it pays: on GPUs, and on processors that multiply it themselves; else None."""
    if device.type != "cpu":
        return torch.bfloat16
    can = getattr(torch.cpu, "get_capabilities", dict)()  # unknown to older versions of torch
    return torch.bfloat16 if can.get("avx512_bf16") or can.get("amx_bf16") else None


def curve(history: History) -> dict[str, list[float]]:
    """Loss and metric of each epoch, rounded, for a card."""
    kept = {"loss": [round(value, 4) for value in history.loss], "metric": [round(v, 4) for v in history.metric]}
    return {name: values for name, values in kept.items() if values}


def ship(run: Run, model: nn.Module, blank: nn.Module, scores: Callable[[nn.Module], dict], history: History,
         **words: object) -> dict:  # fmt: skip
    """Write weights and card.

    Args:
        run: This call.
        model: The trained network.
        blank: Another network of its shape; gets the weights as they were stored.
        scores: What the card says of the stored weights.
        history: What `fit` returned.
        **words: Entries of the card in front: data, metric and what else a reader wants to know.

    Returns:
        The card.
    """
    card = {
        **words,
        "command": run.command,
        "seed": 0,
        "parameters": sum(p.numel() for p in model.parameters()),
        "epochs": len(history.loss),
        "seconds": round(history.seconds),
        **environment(run.device),
    }
    save_checkpoint(run.name, model, card)
    card |= scores(load_checkpoint(run.name, blank.to(run.device)))
    save_checkpoint(run.name, model, card | {"curve": curve(history)})
    print(json.dumps(card, indent=1))
    return card
