"""Chapter 3's table of training tricks: each alone, all together, and all but one, on digits with three seeds.

    python -m recipes.training_tricks

Only 200 of the 1,797 digits are trained on, so that there is something to gain. 300 others choose the two peak learning
rates, the rest is the test set. A seed decides which 200 images are used, the first weights, and the order. Every row
sees the same three seeds. Writes chapters/cards/03_training_tricks.json.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import fields, replace
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from course_lib.data import digits
from course_lib.layers import MLP
from course_lib.metrics import accuracy
from course_lib.seeding import generator, pin
from course_lib.tricks import Tricks, train_with

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "03_training_tricks.json"
SEEDS = (0, 1, 2)
EPOCHS, BATCH, TRAINED_ON = 60, 32, 200
RATES = {"sgd": (0.003, 0.01, 0.03, 0.1), "adam": (0.001, 0.003, 0.01, 0.03)}
NAMES = [field.name for field in fields(Tricks)]
ALL = Tricks(**dict.fromkeys(NAMES, True))


def data_parts() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Images (N, 1, 8, 8) float32 in [-1, 1] and labels: a pool of 600 to draw from, 300 to validate, 897 to test."""
    data = digits()
    images = ((data.features - 8) / 8).float().reshape(-1, 1, 8, 8)
    cuts = torch.randperm(len(data), generator=generator(0)).split([600, 300, 897])
    return {name: (images[part], data.labels[part]) for name, part in zip(("pool", "valid", "test"), cuts, strict=True)}


def run(tricks: Tricks, lr: float, seed: int, scored_on: str) -> float:
    """Train once and return the accuracy on a part.

    Args:
        tricks: Which are on.
        lr: Peak learning rate.
        seed: Decides the training images, the first weights and the order.
        scored_on: "valid" or "test".
    """
    parts = data_parts()
    X, y = parts["pool"]
    chosen = torch.randperm(len(X), generator=generator(seed))[:TRAINED_ON]
    model = nn.Sequential(nn.Flatten(), MLP([64, 128, 128, 10], generator=generator(seed + 100)))
    model = train_with(tricks, model, X[chosen], y[chosen], lr, EPOCHS, BATCH, generator(seed + 200))
    images, labels = parts[scored_on]
    with torch.no_grad():
        return accuracy(model(images).argmax(1), labels)


def main() -> None:
    """Choose the rates on validation images, run every row, write the card."""
    pin(0, threads=1)
    rates = {}
    for name, grid in RATES.items():
        tricks = Tricks(adam=name == "adam")
        scores = {lr: statistics.mean(run(tricks, lr, seed, "valid") for seed in SEEDS) for lr in grid}
        rates[name] = max(scores, key=lambda lr: scores[lr])
    rows = {"none": Tricks()}
    rows |= {f"{name} alone": Tricks(**{name: True}) for name in NAMES}
    rows["all"] = ALL
    rows |= {f"all but {name}": replace(ALL, **{name: False}) for name in NAMES}
    results = {}
    for row, tricks in tqdm(rows.items()):
        lr = rates["adam" if tricks.adam else "sgd"]
        results[row] = [round(run(tricks, lr, seed, "test"), 4) for seed in SEEDS]
    card = {
        "command": "python -m recipes.training_tricks",
        "data": f"digits: {TRAINED_ON} images to train on, 300 to choose rates, 897 to test",
        "seeds": SEEDS,
        "rates": rates,
        "device": "CPU, 1 thread",
        "torch": torch.__version__,
        "test_accuracy": results,
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")
    for row, values in results.items():
        print(f"{row:24} {statistics.mean(values):.4f}  +- {statistics.stdev(values):.4f}")


if __name__ == "__main__":
    main()
