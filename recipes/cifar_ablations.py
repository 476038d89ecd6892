"""What each idea of chapter 6 is worth: depth, short cuts, batch norm, augmentation, gates, data and width on CIFAR-10.

    python -m recipes.cifar_ablations --data ~/data
    python -m recipes.cifar_ablations --train-npz train.npz --test-npz test.npz --workers 6

Every configuration sees the same three seeds, which decide weights, images and order, and the same number of steps.
Learning rates of the networks with and without batch norm are chosen once, on 2,000 training images that no run learns
from. Finished runs are kept in --state and not repeated. Several workers share one GPU well, because networks as small
as these leave it waiting for Python. Writes chapters/cards/06_ablations.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.multiprocessing
from tqdm import tqdm

from course_lib.convnets import SwitchedNet
from course_lib.device import pick_device
from course_lib.seeding import generator, pin
from recipes.cifar import Data, add_source, environment, fit, load

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "06_ablations.json"
SEEDS, EPOCHS, BATCH, HELD_OUT, SAMPLES = (0, 1, 2), 16, 512, 2_000, 48_000
RATES = (0.8, 0.2, 0.05, 0.0125)
KINDS = {(kind, norm): f"{'residual' if kind else 'plain'}, {'norm' if norm else 'no norm'}"
         for kind in (False, True) for norm in (True, False)}  # fmt: skip
DEFAULTS = {"n": 3, "width": 16, "residual": True, "batch_norm": True, "gate": False, "samples": SAMPLES,
            "augment": True, "validate": False, "batch": BATCH, "steps": EPOCHS * (SAMPLES // BATCH)}  # fmt: skip


def configurations() -> dict[str, dict]:
    """The rows of the tables: a name that says what is special, and the arguments that are not the default ones."""
    rows: dict[str, dict] = {f"depth {6 * n + 2}, {'residual' if kind else 'plain'}": {"n": n, "residual": kind}
                             for n in (1, 3, 9) for kind in (False, True)}  # fmt: skip
    for (kind, norm), words in KINDS.items():
        for augment in (True, False):
            row = {"residual": kind, "batch_norm": norm, "augment": augment}
            rows[f"{words}, {'crops' if augment else 'no crops'}"] = row
    rows["gates"] = {"gate": True}
    rows |= {f"{samples} images": {"samples": samples} for samples in (750, 3_000, 12_000)}
    rows |= {f"width {width}": {"width": width} for width in (4, 8, 32)}
    return rows


def name_run(seed: int, peak: float, **row) -> str:
    """The name of a run among the finished ones: all its arguments, so that rows that need the same run share it."""
    return json.dumps(DEFAULTS | row | {"seed": seed, "peak": peak}, sort_keys=True)


def one_run(
    data: Data, seed: int, peak: float, validate: bool, samples: int, augment: bool, batch: int, steps: int, **row
) -> dict:
    """Train once.

    Args:
        data: Training and test images and their labels, on the device.
        seed: Of weights, choice of images and order.
        peak: Largest learning rate.
        validate: Score on held-out training images instead of the test images.
        samples: Training images.
        augment: Crop and mirror them.
        batch: Images in a step.
        steps: About how many steps; the last epoch is a whole one.
        **row: The arguments of `SwitchedNet`.
    """
    images, labels, test_images, test_labels = data
    order = torch.randperm(len(images), generator=generator(1000)).to(images.device)
    if validate:
        test_images, test_labels = images[order[:HELD_OUT]], labels[order[:HELD_OUT]]
    pool = order[HELD_OUT:]
    chosen = pool[torch.randperm(len(pool), generator=generator(seed))[:samples].to(pool.device)]
    torch.manual_seed(seed)
    model = SwitchedNet(**row)
    part = (images[chosen], labels[chosen], test_images, test_labels)
    try:
        curve = fit(model, part, round(steps / (samples // batch)), seed, batch=batch, peak=peak, augment=augment,
                    progress=False, last_only=True)  # fmt: skip
    except ValueError:  # the loss became infinite: what chance gives
        return {"loss": [], "accuracy": 0.1, "diverged": True}
    return {"loss": curve["loss"], "accuracy": curve["test_accuracy"][-1], "diverged": False}


def work(job: tuple[str, Data, int]) -> tuple[str, dict]:
    """One run in a worker, by its name."""
    name, data, threads = job
    pin(0, threads)
    device = pick_device()
    images, labels, test_images, test_labels = (part.to(device) for part in data)
    return name, one_run((images, labels, test_images, test_labels), **json.loads(name))


def finish(names: Iterable[str], data: Data, state: Path, workers: int, threads: int) -> dict[str, dict]:
    """The results of all runs of these names: those in the state file, and the others after doing them now."""
    done: dict[str, dict] = json.loads(state.read_text()) if state.exists() else {}
    missing = [name for name in dict.fromkeys(names) if name not in done]
    with torch.multiprocessing.get_context("spawn").Pool(workers) as pool:
        jobs = [(name, data, threads) for name in missing]
        for name, result in tqdm(pool.imap_unordered(work, jobs), total=len(jobs), desc="runs"):
            done[name] = result
            state.with_suffix(".part").write_text(json.dumps(done))
            state.with_suffix(".part").replace(state)
    return done


def main() -> None:
    """Choose the rates, run all rows with all seeds, write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_source(parser)
    parser.add_argument("--workers", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of each")
    parser.add_argument("--state", type=Path, default=Path("cifar_ablations.state"), help="finished runs")
    args = parser.parse_args()
    started = time.perf_counter()
    data = load(args, torch.device("cpu"))
    options = (data, args.state, args.workers, args.threads)
    trials = {(key, peak): name_run(10, peak, residual=key[0], batch_norm=key[1], validate=True)
              for key in KINDS for peak in RATES}  # fmt: skip
    done = finish(trials.values(), *options)
    rates = {key: max(RATES, key=lambda peak: done[trials[key, peak]]["accuracy"]) for key in KINDS}
    runs = {}
    for name, row in configurations().items():
        peak = rates[row.get("residual", True), row.get("batch_norm", True)]
        runs[name] = [name_run(seed, peak, **row) for seed in SEEDS]
    done = finish((run for names in runs.values() for run in names), *options)
    results = {}
    for name, keys in runs.items():
        found = [done[key] for key in keys]
        results[name] = {
            "accuracy": [r["accuracy"] for r in found],
            "diverged": sum(r["diverged"] for r in found),
            "loss": found[0]["loss"] if name.startswith("depth") else [],
        }
        print(f"{name:<32}", results[name]["accuracy"])
    card = {
        "command": f"python -m recipes.cifar_ablations --workers {args.workers}",
        "data": f"CIFAR-10, {SAMPLES} training images unless the row says else, 10,000 test images",
        "seeds": SEEDS,
        "epochs": EPOCHS,
        "rates": {KINDS[key]: rate for key, rate in rates.items()},
        "seconds": round(time.perf_counter() - started),
        **environment(pick_device()),
        "rows": results,
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
