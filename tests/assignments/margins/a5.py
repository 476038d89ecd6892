"""Assignment 5: how sharp the known frames become and how right the hidden ones, by levels and by mistakes."""

from __future__ import annotations

import torch

from ..conftest import defined, source_notebook
from ..test_a5_margins import PLAIN, trained
from .report import span, table

SEEDS = range(10)
LEVELS = [
    ("the tests'", [(5, 1)]),
    ("no time level", [(5, 0)]),
    ("no time level, other space levels", [(2, 0), (3, 0), (4, 0), (6, 0), (8, 0)]),
    ("one time level, other space levels", [(3, 1), (4, 1), (6, 1), (8, 1)]),
    ("two time levels", [(5, 2)]),
    ("two time levels, other space levels", [(4, 2), (6, 2)]),
    ("three time levels", [(5, 3)]),
    ("as many time levels as space levels", [(5, 5)]),
    ("no encoding", [(0, 0)]),
]
RATE = "RATE * (1 - step / steps)"
MISTAKES = {
    "gradient descent instead of Adam": {"fit_clip": [("torch.optim.Adam", "torch.optim.SGD")]},
    "a tenth of the learning rate": {"fit_clip": [("RATE *", "RATE / 10 *")]},
    "a tenth of the steps": {"fit_clip": [("range(steps)", "range(steps // 10)")]},
    "batches of 64": {"fit_clip": [("(BATCH,)", "(64,)")]},
    "pixels in order instead of at random": {
        "fit_clip": [
            ("torch.randint(len(inputs), (BATCH,), generator=stream)",
             "(torch.arange(BATCH) + step * BATCH) % len(inputs)"),
        ]
    },
    "batches from the first frame only": {"fit_clip": [("torch.randint(len(inputs),", "torch.randint(H * W,")]},
    "no ReLU": {"apply_network": [("torch.relu(h)", "h")]},
    "standard deviation 1": {"init_network": [("math.sqrt(2 / inputs)", "1")]},
    "colours reshaped without permute": {
        "fit_clip": [("frames.permute(0, 2, 3, 1).reshape(-1, 3)", "frames.reshape(-1, 3)")]
    },
    "a constant learning rate (fails `test_fit_hidden`)": {"fit_clip": [(RATE, "RATE")]},
    "biases left out (fails `test_apply_hidden`)": {"apply_network": [(' + weights[f"bias{i}"]', "")]},
}  # fmt: skip


def measure() -> dict[str, str]:
    source = source_notebook("a5_neural_implicit")
    torch.set_num_threads(1)
    right, encoded, plain = levels(source)
    gains = [one - other for one, other in zip(encoded, plain, strict=True)]
    gain = (
        f"The encoding gains {span(gains, 2)} over seeds 0 to 9; the plain network has {span(plain, 2)} "
        f"(allowed: {PLAIN[0]} to {PLAIN[1]})."
    )
    return {"levels": right, "gain": gain, "mistakes": mistakes(source), "threads": threads(source)}


def levels(source) -> tuple[str, list[float], list[float]]:
    """The table, and the known frames of ten seeds with the tests' levels and without encoding."""
    names, rows, kept = defined(source), [], {}
    for way, several in LEVELS:
        known, hidden = zip(*(trained(names, pair, seed) for pair in several for seed in SEEDS), strict=True)
        kept[way] = list(known)
        rows.append([way, ", ".join(map(str, several)), span(known, 2), span(hidden, 2)])
    return table(["Way", "Levels", "Known frames", "Hidden frames"], rows), kept["the tests'"], kept["no encoding"]


def mistakes(source) -> str:
    rows = []
    for way, changes in MISTAKES.items():
        names = defined(source, changes)
        rows.append([way, span([trained(names, (5, 1), seed)[0] for seed in (0, 1)], 2)])
    return table(["Mistake", "Known frames, levels (5, 1), seeds 0 and 1"], rows)


def threads(source) -> str:
    """One and two threads compared."""
    names, apart = defined(source), []
    for pair in ((5, 1), (5, 0)):
        for seed in SEEDS:
            both = []
            for count in (1, 2):
                torch.set_num_threads(count)
                both.append(trained(names, pair, seed))
            apart += [abs(one - other) for one, other in zip(*both, strict=True)]
    torch.set_num_threads(1)
    return f"One and two threads differ by at most {max(apart):.2f} in twenty trainings, (5, 1) and (5, 0)."
