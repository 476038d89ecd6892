"""What each idea of chapter 6 is worth: depth, short cuts, batch norm, augmentation, gates, data and width on CIFAR-10.

    python -m recipes.cifar_ablations --data ~/data
    python -m recipes.cifar_ablations --train-npz train.npz --test-npz test.npz

To be affordable the images are shrunk to 16 x 16 pixels and 5,000 of the 50,000 training images are used; all 10,000
test images are. Every configuration sees the same three seeds, which decide weights, images and order. Learning rates
of the networks with and without batch norm are chosen once, on 2,000 other training images. Finished runs are kept in
--state and not repeated. Writes chapters/cards/06_ablations.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from tqdm import tqdm

from course_lib.convnets import SwitchedNet
from course_lib.device import pick_device
from course_lib.seeding import generator, pin
from recipes.cifar import Data, add_source, environment, fit, load

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "06_ablations.json"
SEEDS, EPOCHS, SAMPLES, HELD_OUT = (0, 1, 2), 12, 5_000, 2_000
RATES = (0.2, 0.05, 0.0125)
DEFAULTS = {"width": 16, "residual": True, "batch_norm": True, "gate": False, "samples": SAMPLES, "augment": True,
            "validate": False}  # fmt: skip


def configurations() -> dict[str, dict]:
    """The rows of the tables: a name that says what is special, and the arguments."""
    rows = {f"depth {6 * n + 2}, {'residual' if kind else 'plain'}": {"n": n, "residual": kind}
            for n in (1, 3, 7) for kind in (False, True)}  # fmt: skip
    for kind in (False, True):
        for norm in (True, False):
            for augment in (True, False):
                kinds = "residual" if kind else "plain", "norm" if norm else "no norm"
                words = (*kinds, "crops" if augment else "no crops")
                rows[", ".join(words)] = {"n": 3, "residual": kind, "batch_norm": norm, "augment": augment}
    rows["gates"] = {"n": 3, "gate": True}
    rows |= {f"{samples} images": {"n": 3, "samples": samples} for samples in (500, 1000, 2500)}
    rows |= {f"width {width}": {"n": 3, "width": width} for width in (4, 8)}
    return rows


def one_run(data: Data, seed: int, peak: float, validate: bool = False, **row) -> dict:
    """Train once.

    Args:
        data: Training and test images of 16 x 16 pixels.
        seed: Of weights, choice of images and order.
        peak: Largest learning rate.
        validate: Score on held-out training images instead of the test images.
        **row: `samples`, `augment` and the arguments of `SwitchedNet`.
    """
    samples, augment = row.pop("samples", SAMPLES), row.pop("augment", True)
    images, labels, test_images, test_labels = data
    order = torch.randperm(len(images), generator=generator(1000))
    if validate:
        test_images, test_labels = images[order[:HELD_OUT]], labels[order[:HELD_OUT]]
    pool = order[HELD_OUT:]
    chosen = pool[torch.randperm(len(pool), generator=generator(seed))[:samples]]
    torch.manual_seed(seed)
    model = SwitchedNet(**row)
    epochs = EPOCHS * SAMPLES // samples  # the same number of steps for every size
    part = (images[chosen], labels[chosen], test_images, test_labels)
    try:
        curve = fit(model, part, epochs, seed, peak=peak, augment=augment, progress=False, last_only=True)
    except ValueError:  # the loss became infinite: what chance gives
        return {"loss": [], "accuracy": 0.1, "diverged": True}
    return {"loss": curve["loss"], "accuracy": curve["test_accuracy"][-1], "diverged": False}


def main() -> None:
    """Choose the rates, run all rows with all seeds, write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_source(parser)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--state", type=Path, default=Path("cifar_ablations.state"), help="finished runs")
    args = parser.parse_args()
    pin(0, args.threads)
    device = pick_device()
    images, labels, test_images, test_labels = load(args, device)
    small = [F.avg_pool2d(part.float(), 2).round().byte() for part in (images, test_images)]
    data = (small[0], labels, small[1], test_labels)
    done: dict[str, dict] = json.loads(args.state.read_text()) if args.state.exists() else {}

    def run(**arguments) -> dict:
        key = json.dumps(DEFAULTS | arguments, sort_keys=True)  # rows that are the same run share it
        if key not in done:
            done[key] = one_run(data, **arguments)
            args.state.with_suffix(".part").write_text(json.dumps(done))
            args.state.with_suffix(".part").replace(args.state)
        return done[key]

    rates: dict[tuple[bool, bool], float] = {}
    for kind in (False, True):
        for norm in (True, False):
            row = {"n": 3, "residual": kind, "batch_norm": norm}
            runs = {rate: run(seed=10, peak=rate, validate=True, **row) for rate in RATES}
            scores = {rate: result["accuracy"] for rate, result in runs.items()}
            rates[kind, norm] = max(scores, key=lambda rate: scores[rate])
    results = {}
    for name, row in tqdm(configurations().items()):
        peak = rates[row.get("residual", True), row.get("batch_norm", True)]
        runs = [run(seed=seed, peak=peak, **row) for seed in SEEDS]
        results[name] = {
            "accuracy": [r["accuracy"] for r in runs],
            "diverged": sum(r["diverged"] for r in runs),
            "loss": runs[0]["loss"] if name.startswith("depth") else [],
        }
    words = {(False, True): "plain, norm", (True, True): "residual, norm",
             (False, False): "plain, no norm", (True, False): "residual, no norm"}  # fmt: skip
    card = {
        "command": "python -m recipes.cifar_ablations",
        "data": f"CIFAR-10 at 16 x 16 pixels, {SAMPLES} training images unless the row says else, 10,000 test images",
        "seeds": SEEDS,
        "epochs": EPOCHS,
        "rates": {words[key]: rate for key, rate in rates.items()},
        **environment(device),
        "rows": results,
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")
    for name, row in results.items():
        print(f"{name:<32}", row["accuracy"])


if __name__ == "__main__":
    main()
