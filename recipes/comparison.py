"""What recipes share that compare methods: rates tried, seeds, judging, and a file that remembers what is done.

    known = Known(run.state.with_suffix(".json"), settings)
    row = known.row("DETR", RATES, seeds=3, tried=..., trained=...)

Each method's rate is chosen by `choose_rate` inside a grid that grows; then it is trained once a seed. Every number
goes into the file as soon as it is there, so that an interrupted recipe goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

GROWTH = 6  # how often a grid of rates may grow


def choose_rate(rates: tuple[float, ...], judge: Callable[[float], float]) -> tuple[float, dict[float, float]]:
    """The rate that is judged best, on a grid that grows by factors of two until the best one is not at its edge.

    Args:
        rates: Three or more, ascending.
        judge: From a rate to a score; larger is better. Called once for each rate.

    Returns:
        The rate, of equal ones the middle, and all scores by rate.

    Raises:
        ValueError: If the best rate is at the edge after the grid has grown GROWTH times.
    """
    scores = {rate: judge(rate) for rate in rates}
    for _ in range(GROWTH + 1):
        scores = dict(sorted(scores.items()))
        equal = [rate for rate in scores if scores[rate] == max(scores.values())]
        best, low, high = equal[len(equal) // 2], min(scores), max(scores)
        if low < best < high:
            return best, scores
        further = low / 2 if best == low else 2 * high
        scores[further] = judge(further)
    raise ValueError(f"the best rate, {best:g}, is still at the edge of {low:g} to {high:g}: something else is wrong")


class Known:
    """What is known so far.

    Args:
        path: The file.
        settings: What the numbers depend on.

    Raises:
        ValueError: If the file was written with other settings.
    """

    def __init__(self, path: Path, settings: dict):
        self.path = path
        self.values: dict = json.loads(path.read_text()) if path.exists() else {}
        if self.values.setdefault("settings", settings) != settings:
            raise ValueError(f"{path} was written with {self.values['settings']}; delete it or take another --state")

    def once(self, key: str, compute: Callable[[], Any]) -> Any:
        """The value of a key; computed and kept if it is not known yet."""
        if key not in self.values:
            self.values[key] = compute()
            self.path.write_text(json.dumps(self.values))
        return self.values[key]

    def row(self, name: str, rates: tuple[float, ...], *, seeds: int, tried: Callable[[float], float],
            trained: Callable[[float, int], dict]) -> dict:  # fmt: skip
        """One method: its rate, all rates tried with their scores, and what each seed gave.

        Args:
            name: Of the method.
            rates: Three or more, ascending.
            seeds: How often it is trained.
            tried: From a rate to a validation score; larger is better.
            trained: From a rate and a seed to results.
        """

        def score(rate: float) -> float:
            return self.once(f"{name}|{rate}", lambda: tried(rate))

        rate, scores = choose_rate(rates, score)
        found = [self.once(f"{name}|{rate}|seed {k}", lambda seed=k: trained(rate, seed)) for k in range(seeds)]
        return {"rate": rate, "rates_tried": scores, "seeds": found}


def add_flags(parser: argparse.ArgumentParser, *, models: Iterable[str], default: Iterable[str],
              starts: Iterable[str], seeds: int, steps: int, tested: int) -> None:  # fmt: skip
    """The flags of a recipe that compares methods; each number is what it is without the flag."""
    parser.add_argument("--start", choices=list(starts), default="pretrained", help="what training begins with")
    parser.add_argument("--models", nargs="+", choices=list(models), default=list(default), help="which methods")
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--steps", type=int, default=steps, help="batches an epoch")
    parser.add_argument("--tested", type=int, default=tested, help="scenes of each split to judge on")
    parser.add_argument("--card", type=Path, help="where the card is written")


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Mean and standard deviation of the seeds, for a card; one seed has no deviation."""
    return {"mean": round(statistics.mean(values), 4),
            "sd": round(statistics.stdev(values), 4) if len(values) > 1 else None}  # fmt: skip
