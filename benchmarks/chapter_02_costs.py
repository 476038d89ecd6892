"""Record the timings that chapter 2 draws: `python -m benchmarks.chapter_02_costs` writes chapters/cards/02_costs.json.

k nearest neighbours: seconds to "train" (keep the samples) and to answer 100 questions, against the number of samples.
Normal equation against 200 steps of full-batch gradient descent, against the number of features.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from benchmarks.common import machine, medians, settle
from course_lib.core.seeding import generator
from course_lib.data import digits
from course_lib.linear import normal_equation
from course_lib.ops.neighbours import knn_predict

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "02_costs.json"
SAMPLES = [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000]
FEATURES = [50, 100, 200, 400, 800, 1600]


def knn_row(samples: int) -> list[float]:
    """[samples, seconds to train, seconds to answer 100 questions] for digits repeated with a little noise."""
    data = digits()
    chosen = torch.arange(samples) % len(data)
    X = data.features[chosen] + 0.1 * torch.randn(samples, 64, generator=generator(0), dtype=torch.float64)
    labels, questions = data.labels[chosen], data.features[:100]
    timed = medians(
        {
            "train": lambda: (X, labels),  # a lazy learner only keeps what it is given
            "answer": lambda: knn_predict(questions, X, labels, k=5),
        },
        rounds=15,
    )
    return [samples, timed["train"], timed["answer"]]


def normal_equation_row(features: int) -> list[float]:
    """[features, seconds of the normal equation, seconds of 200 descent steps] for 4,000 samples."""
    X = torch.randn(4000, features, generator=generator(0), dtype=torch.float64)
    y = X.sum(dim=1) + torch.randn(4000, generator=generator(1), dtype=torch.float64)
    rate = 1 / float(torch.linalg.matrix_norm(X, 2)) ** 2  # 1/L for |X w - y|^2 / 2; finding L is not timed

    def descend() -> torch.Tensor:
        w = torch.zeros(features, dtype=torch.float64)
        for _ in range(200):
            w -= rate * (X.T @ (X @ w - y))
        return w

    timed = medians({"solve": lambda: normal_equation(X, y), "descend": descend}, rounds=9)
    return [features, timed["solve"], timed["descend"]]


def main() -> None:
    """Measure everything and write the card."""
    settle()
    card = {
        "command": "python -m benchmarks.chapter_02_costs",
        "machine": machine(),
        "torch": torch.__version__,
        "knn": {
            "columns": ["samples", "seconds to train", "seconds to answer 100 questions"],
            "rows": [knn_row(samples) for samples in SAMPLES],
        },
        "normal_equation": {
            "columns": ["features", "seconds of the normal equation", "seconds of 200 steps of gradient descent"],
            "rows": [normal_equation_row(features) for features in FEATURES],
        },
    }
    CARD.parent.mkdir(parents=True, exist_ok=True)
    CARD.write_text(json.dumps(card, indent=1) + "\n")
    print(CARD.read_text())


if __name__ == "__main__":
    main()
