"""Chapter 2's models on Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28 x 28 pixels.

    python -m recipes.linear_fashion_mnist --data ~/data            # downloads through torchvision
    python -m recipes.linear_fashion_mnist --npz fashion_mnist.npz  # arrays x_train, y_train, x_test, y_test

Writes chapters/cards/02_fashion_mnist.json, which the chapter's last table shows. Xiao, Rasul and Vollgraf (2017).
"""

from __future__ import annotations

import argparse
import json
import time

import torch
from torch import Tensor
from tqdm import tqdm

from course_lib.core.device import pick_device
from course_lib.core.seeding import generator, pin
from course_lib.core.training import fit
from course_lib.linear import cross_entropy
from course_lib.ops.neighbours import knn_predict
from course_lib.optim import SGD
from recipes.common import CARDS
from recipes.fashion import arrays

CARD = CARDS / "02_fashion_mnist.json"
DATA = "Fashion-MNIST, 60,000 training and 10,000 test images"


def load(root: str | None, npz: str | None, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and test pixels (N, 784) float32 in [0, 1] and labels (N,), on the device."""
    (x, y), (xt, yt) = arrays(npz, root)
    pixels = [a.reshape(len(a), -1).to(device).float() / 255 for a in (x, xt)]
    return pixels[0], y.to(device), pixels[1], yt.to(device)


def softmax_regression(x: Tensor, y: Tensor, xt: Tensor, yt: Tensor) -> dict:
    """Ten linear scores trained by SGD with momentum for 20 epochs."""
    model = torch.nn.Linear(784, 10).to(x.device)
    mean = x.mean(dim=0)
    optimiser = SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    started = time.perf_counter()
    loss = lambda i, _: cross_entropy(model(x[i] - mean), y[i])  # noqa: E731
    fit(model, loss, optimiser, samples=len(x), epochs=20, batch=128, generator=generator(0, x.device), progress=True)
    middle = time.perf_counter()
    with torch.no_grad():
        accuracy = float((model(xt - mean).argmax(1) == yt).double().mean())
    return _result("softmax regression, SGD", accuracy, middle - started, time.perf_counter() - middle)


def neighbours(x: Tensor, y: Tensor, xt: Tensor, yt: Tensor) -> dict:
    """Five nearest neighbours by L2 distance."""
    started = time.perf_counter()
    guesses = [knn_predict(chunk, x, y, k=5) for chunk in tqdm(xt.split(250), desc="5 nearest neighbours")]
    accuracy = float((torch.cat(guesses) == yt).double().mean())
    return _result("5 nearest neighbours", accuracy, 0.0, time.perf_counter() - started)


def _result(method: str, accuracy: float, train_seconds: float, test_seconds: float) -> dict:
    return {"method": method, "test_accuracy": round(accuracy, 4),
            "train_seconds": round(train_seconds, 1), "test_seconds": round(test_seconds, 1)}  # fmt: skip


def main() -> None:
    """Run both models and write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="torchvision data folder; downloads what is missing")
    parser.add_argument("--npz", help="a file with x_train, y_train, x_test, y_test")
    arguments = parser.parse_args()
    device = pick_device()
    pin(0, threads=2)
    parts = load(arguments.data, arguments.npz, device)
    card = {
        "command": "python -m recipes.linear_fashion_mnist --data data",
        "data": DATA,
        "seed": 0,
        "device": "CPU, 2 threads" if device.type == "cpu" else torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "results": [neighbours(*parts), softmax_regression(*parts)],
    }
    CARD.write_text(json.dumps(card, indent=2) + "\n")
    print(json.dumps(card["results"], indent=2))


if __name__ == "__main__":
    main()
