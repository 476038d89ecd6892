"""Chapter 3's tables of training tricks: each alone, all together, and all but one, with three seeds.

    python -m recipes.training_tricks                                # digits, embedded
    python -m recipes.training_tricks --data ~/data                  # Fashion-MNIST, downloaded through torchvision
    python -m recipes.training_tricks --npz fashion_mnist.npz        # the same from an archive

Clothes: 2,000 of the 60,000 training images of Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017), averaged over 2 x 2
pixels; 5,000 others choose the peak learning rates, and all 10,000 test images judge. Digits: 200 of 1,797; 300 others
choose, 897 judge. A trick can want another rate than plain training, so each optimiser has two: one chosen without
other tricks, one with all of them. A seed decides which images are trained on, the first weights and the order. Every
row sees the same three seeds.
Writes chapters/cards/03_training_tricks.json or 03_training_tricks_clothes.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from course_lib.architectures.tricks import Tricks, train_with
from course_lib.core.seeding import generator, pin
from course_lib.data import digits
from course_lib.metrics import accuracy
from course_lib.networks.layers import MLP
from recipes import linear_fashion_mnist
from recipes.common import CARDS

SEEDS = (0, 1, 2)
NAMES = [field.name for field in fields(Tricks)]
ALL = Tricks(**dict.fromkeys(NAMES, True))
ROWS = {
    "none": Tricks(),
    **{f"{name} alone": Tricks(**{name: True}) for name in NAMES},
    "all": ALL,
    **{f"all but {name}": replace(ALL, **{name: False}) for name in NAMES},
}
RATES = {"sgd": (0.01, 0.03, 0.1, 0.3), "adam": (0.001, 0.003, 0.01, 0.03)}


@dataclass(frozen=True)
class Setting:
    """A data set and how long to train on how much of it.

    Attributes:
        card: File name of the card.
        data: The data in words.
        parts: "pool" to draw training images from, "valid", "test"; each (N, 1, H, W) in [-1, 1] and (N,) labels.
        trained_on: Images drawn from the pool.
        epochs: Passes over them.
        batch: Images in a mini-batch.
    """

    card: str
    data: str
    parts: dict[str, tuple[Tensor, Tensor]]
    trained_on: int
    epochs: int
    batch: int


def digits_setting() -> Setting:
    """200 of 1,797 digits of 8 x 8 pixels."""
    data = digits()
    images = ((data.features - 8) / 8).float().reshape(-1, 1, 8, 8)
    cuts = torch.randperm(len(data), generator=generator(0)).split([600, 300, 897])
    parts = {name: (images[cut], data.labels[cut]) for name, cut in zip(("pool", "valid", "test"), cuts, strict=True)}
    words = "digits: 200 images to train on, 300 to choose rates, 897 to test"
    return Setting("03_training_tricks.json", words, parts, 200, 60, 32)


def clothes_setting(root: str | None = None, npz: str | None = None) -> Setting:
    """2,000 of the 60,000 pieces of clothing, at 14 x 14 pixels."""
    x, y, xt, yt = linear_fashion_mnist.load(root, npz, torch.device("cpu"))
    images, tested = (F.avg_pool2d((2 * a - 1).reshape(-1, 1, 28, 28), 2) for a in (x, xt))
    pool, valid, _ = torch.randperm(len(images), generator=generator(0)).split([30_000, 5_000, 25_000])
    parts = {"pool": (images[pool], y[pool]), "valid": (images[valid], y[valid]), "test": (tested, yt)}
    words = "Fashion-MNIST at 14 x 14: 2,000 images to train on, 5,000 to choose rates, 10,000 to test"
    return Setting("03_training_tricks_clothes.json", words, parts, 2_000, 40, 100)


def run(setting: Setting, tricks: Tricks, lr: float, seed: int, scored_on: str) -> float:
    """Train an MLP with two hidden layers of 128 once and return its accuracy on a part.

    Args:
        setting: Data and length.
        tricks: Which are on.
        lr: Peak learning rate.
        seed: Decides the training images, the first weights and the order.
        scored_on: "valid" or "test".
    """
    X, y = setting.parts["pool"]
    chosen = torch.randperm(len(X), generator=generator(seed))[: setting.trained_on]
    network = MLP([X[0].numel(), 128, 128, 10], generator=generator(seed + 100))
    model = nn.Sequential(nn.Flatten(), network)
    stream = generator(seed + 200)
    model = train_with(
        tricks, model, X[chosen], y=y[chosen], rate=lr, epochs=setting.epochs, batch=setting.batch, generator=stream
    )
    images, labels = setting.parts[scored_on]
    with torch.no_grad():
        return accuracy(model(images).argmax(1), labels)


def rate_name(tricks: Tricks) -> str:
    """Which of the four chosen rates a row trains with: "sgd" or "adam", and that "with tricks"."""
    others = sum(getattr(tricks, name) for name in NAMES if name != "adam")
    return ("adam" if tricks.adam else "sgd") + (" with tricks" if others > 1 else "")


def choose_rates(setting: Setting, once: Callable[..., float] = run) -> dict[str, float]:
    """The rate of each kind of row that is best on validation images, with the first seed.

    Args:
        setting: Data and length.
        once: What trains and scores, as `run`. Sixteen-bit layers are left out: they are slow on CPUs.
    """
    rates = {}
    for name in ("sgd", "adam", "sgd with tricks", "adam with tricks"):
        tricks = replace(ALL if "tricks" in name else Tricks(), adam="adam" in name, half=False)
        tried = RATES["adam" if tricks.adam else "sgd"]
        scores = {lr: once(setting, tricks, lr, SEEDS[0], "valid") for lr in tried}
        rates[name] = max(scores, key=lambda lr: scores[lr])
    return rates


def main() -> None:
    """Choose the rates on validation images, run every row, write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="torchvision's folder (Fashion-MNIST is downloaded if missing)")
    parser.add_argument("--npz", help="arrays x_train, y_train, x_test, y_test, instead of --data")
    args = parser.parse_args()
    pin(0, threads=1)
    clothes = args.data is not None or args.npz is not None
    setting = clothes_setting(args.data, args.npz) if clothes else digits_setting()
    write_card(setting, *measure(setting))


def measure(setting: Setting, once: Callable[..., float] = run) -> tuple[dict[str, float], dict[str, list[float]]]:
    """The chosen rates, and the test accuracy of every row with every seed."""
    rates = choose_rates(setting, once)
    results = {}
    for row, tricks in tqdm(ROWS.items()):
        results[row] = [round(once(setting, tricks, rates[rate_name(tricks)], seed, "test"), 4) for seed in SEEDS]
    return rates, results


def write_card(setting: Setting, rates: dict[str, float], results: dict[str, list[float]]) -> None:
    """Store what was measured, and print means and deviations."""
    flag = " --data data" if "clothes" in setting.card else ""
    card = {
        "command": f"python -m recipes.training_tricks{flag}",
        "data": setting.data,
        "network": f"MLP, {setting.parts['pool'][0][0].numel()}-128-128-10, {setting.epochs} epochs",
        "seeds": SEEDS,
        "rates": rates,
        "device": "CPU, 1 thread",
        "torch": torch.__version__,
        "test_accuracy": results,
    }
    (CARDS / setting.card).write_text(json.dumps(card, indent=1) + "\n")
    for row, values in results.items():
        print(f"{row:24} {statistics.mean(values):.4f}  +- {statistics.stdev(values):.4f}")


if __name__ == "__main__":
    main()
