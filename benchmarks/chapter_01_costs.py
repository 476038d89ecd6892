"""Record the timings that chapter 1 draws: `python -m benchmarks.chapter_01_costs` writes chapters/cards/01_costs.json.

Seconds of processor time on one thread. Five classifiers on handwritten digits, split by writer: to fit the training
part and to answer the test part. Then 5 nearest neighbours and softmax regression against the number of training
samples (digits repeated with a little noise).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from benchmarks.common import machine, medians
from course_lib.classical.gaussian_classifier import fit_gaussians
from course_lib.core.seeding import generator, pin
from course_lib.core.training import fit
from course_lib.data import digit_writers, digits, split_groups
from course_lib.linear import linear_scores
from course_lib.ops.neighbours import knn_predict

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "01_costs.json"
SAMPLES = [500, 1000, 2000, 4000, 8000, 16_000, 32_000]


def fit_network(X: Tensor, labels: Tensor) -> nn.Module:
    """64-64-10 network, 20 epochs of Adam: the one that the chapter trains."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    adam = torch.optim.Adam(net.parameters(), 5e-3)
    loss = lambda i, _: nn.functional.cross_entropy(net(X[i].float()), labels[i])  # noqa: E731
    fit(net, loss, adam, samples=len(X), epochs=20, batch=64, generator=generator(0))
    return net


def methods(X: Tensor, labels: Tensor) -> dict[str, tuple[Callable, Callable]]:
    """Name: (fit, answer a batch with what fit returned)."""
    return {
        "1 nearest neighbour": (lambda: (X, labels), lambda kept, Q: knn_predict(Q, *kept, k=1)),
        "5 nearest neighbours": (lambda: (X, labels), lambda kept, Q: knn_predict(Q, *kept, k=5)),
        "Gaussian, shared covariance": (
            lambda: fit_gaussians(X, labels, 10, shared=True, floor=1e-4), lambda model, Q: model.predict(Q)),
        "softmax regression": (
            lambda: LogisticRegression(C=1.0, max_iter=500).fit(X, labels), lambda model, Q: model.predict(Q)),
        "network 64-64-10": (lambda: fit_network(X, labels), lambda net, Q: net(Q.float()).argmax(1)),
    }  # fmt: skip


def main() -> None:
    """Measure everything and write the card."""
    pin(0)
    threadpool_limits(1)  # two threads on matrices as small as these mostly wait for each other
    data = digits()
    X, (train_part, _, test_part) = data.features / 16, split_groups(digit_writers())
    rows = []
    for name, (learn, answer) in methods(X[train_part], data.labels[train_part]).items():
        model = learn()
        timed = medians(
            {"fit": learn, "answer": lambda a=answer, m=model: a(m, X[test_part])}, rounds=7, clock=time.process_time
        )
        rows.append([name, timed["fit"], timed["answer"]])
    growth = []
    for samples in SAMPLES:
        chosen = torch.arange(samples) % len(data)
        many = X[chosen] + 0.02 * torch.randn(samples, 64, generator=generator(0), dtype=torch.float64)
        labels, questions = data.labels[chosen], X[:100]
        weights = torch.zeros(65, 10, dtype=torch.float64)
        timed = medians(
            {
                "neighbours": lambda m=many, y=labels, q=questions: knn_predict(q, m, y, k=5),
                "softmax": lambda w=weights, q=questions: linear_scores(q, w).argmax(1),
            },
            rounds=9,
            clock=time.process_time,
        )
        growth.append([samples, timed["neighbours"], timed["softmax"]])
    card = {
        "command": "python -m benchmarks.chapter_01_costs",
        "machine": machine(),
        "torch": torch.__version__,
        "clock": "processor time of one thread",
        "digits": {
            "columns": ["method", f"seconds to fit {len(train_part)}", f"seconds to answer {len(test_part)}"],
            "rows": rows,
        },
        "growth": {"columns": ["samples", "seconds for 100 questions, 5 neighbours", "softmax"], "rows": growth},
    }
    CARD.parent.mkdir(parents=True, exist_ok=True)
    CARD.write_text(json.dumps(card, indent=1) + "\n")
    print(CARD.read_text())


if __name__ == "__main__":
    main()
