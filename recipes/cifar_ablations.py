"""What each idea of chapter 6 is worth, on CIFAR-10: depth and short cuts at full size, the other parts on less.

    python -m recipes.cifar_ablations depth --data ~/data --workers 6     # a GPU; writes chapters/cards/06_depth.json
    python -m recipes.cifar_ablations parts --data ~/data                 # writes chapters/cards/06_ablations.json

`depth` takes 48,000 training images of 32 x 32 pixels; `parts` (short cuts, batch norm, augmentation, gates, number of
images, width) 5,000 of 16 x 16, so that two cores can do it. Either is scored on all 10,000 test images. Every
configuration sees the same three seeds, which decide weights, images and order, and equally many images. Learning rates
of the networks with and without batch norm are chosen once, on 2,000 training images that no run learns from. Finished
runs are kept in --state and not repeated. Several workers share one GPU well, because networks as small as these leave
it waiting for Python.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.multiprocessing
import torch.nn.functional as F
from tqdm import tqdm

from course_lib.architectures import SwitchedNet
from course_lib.core.device import pick_device
from course_lib.core.seeding import generator, pin
from recipes.cifar import Data, add_source, load, train
from recipes.common import CARDS, environment

SEEDS, HELD_OUT = (0, 1, 2), 2_000
DEFAULTS = {"n": 3, "width": 16, "residual": True, "batch_norm": True, "gate": False, "augment": True,
            "validate": False}  # fmt: skip
SETTINGS = {"depth": {"side": 32, "samples": 48_000, "batch": 512, "epochs": 16},
            "parts": {"side": 16, "samples": 5_000, "batch": 128, "epochs": 12}}  # fmt: skip
FILES = {"depth": "06_depth.json", "parts": "06_ablations.json"}
RATES = {"depth": (0.8, 0.2, 0.05, 0.0125), "parts": (0.2, 0.05, 0.0125)}


def words(residual: bool = True, batch_norm: bool = True, **_: object) -> str:
    """The kind of a network, of which each has a learning rate of its own."""
    return f"{'residual' if residual else 'plain'}, {'norm' if batch_norm else 'no norm'}"


def configurations(what: str) -> dict[str, dict]:
    """The rows of a table: a name that says what is special, and the arguments that are not the default ones."""
    if what == "depth":
        return {f"depth {6 * n + 2}, {'residual' if kind else 'plain'}": {"n": n, "residual": kind}
                for n in (1, 3, 9) for kind in (False, True)}  # fmt: skip
    rows: dict[str, dict] = {}
    for kind in (False, True):
        for norm in (True, False):
            for augment in (True, False):
                row = {"residual": kind, "batch_norm": norm, "augment": augment}
                rows[f"{words(**row)}, {'crops' if augment else 'no crops'}"] = row
    rows["gates"] = {"gate": True}
    whole = SETTINGS["parts"]["samples"] * SETTINGS["parts"]["epochs"]
    rows |= {f"{few} images": {"samples": few, "epochs": whole // few} for few in (500, 1000, 2500)}
    rows |= {f"width {width}": {"width": width} for width in (4, 8)}
    return rows


def name_run(what: str, seed: int, peak: float, **row) -> str:
    """The name of a run among the finished ones: all its arguments, so that rows that need the same run share it."""
    return json.dumps(DEFAULTS | SETTINGS[what] | row | {"seed": seed, "peak": peak}, sort_keys=True)


def one_run(
    data: Data, seed: int, peak: float, validate: bool, side: int, samples: int, batch: int, epochs: int, augment: bool,
    **row,
) -> dict:  # fmt: skip
    """Train once.

    Args:
        data: Training and test images and their labels, on the device.
        seed: Of weights, choice of images and order.
        peak: Largest learning rate.
        validate: Score on held-out training images instead of the test images.
        side: Of the images in pixels; larger ones are averaged over blocks.
        samples: Training images.
        batch: Images in a step.
        epochs: Passes over them.
        augment: Crop and mirror them.
        **row: The arguments of `SwitchedNet`.
    """
    images, labels, test_images, test_labels = data
    order = torch.randperm(len(images), generator=generator(1000)).to(images.device)
    if validate:
        test_images, test_labels = images[order[:HELD_OUT]], labels[order[:HELD_OUT]]
    pool = order[HELD_OUT:]
    chosen = pool[torch.randperm(len(pool), generator=generator(seed))[:samples].to(pool.device)]
    block = images.shape[-1] // side
    small, small_test = (F.avg_pool2d(x.float(), block).round().byte() for x in (images[chosen], test_images))
    torch.manual_seed(seed)
    model = SwitchedNet(**row)
    try:
        history = train(model, (small, labels[chosen], small_test, test_labels), epochs, seed, batch=batch, peak=peak,
                        augment=augment, progress=False, last_only=True)  # fmt: skip
    except ValueError:  # the loss became infinite: what chance gives
        return {"loss": [], "accuracy": 0.1, "diverged": True}
    losses = [round(value, 4) for value in history.loss]
    return {"loss": losses, "accuracy": round(history.metric[-1], 4), "diverged": False}


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
    parser.add_argument("what", choices=tuple(SETTINGS))
    add_source(parser)
    parser.add_argument("--workers", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of each")
    parser.add_argument("--state", type=Path, default=Path("cifar_ablations.state"), help="finished runs")
    args = parser.parse_args()
    what = args.what
    options = (load(args, torch.device("cpu")), args.state, args.workers, args.threads)
    rows = configurations(what)
    kinds = {words(**row): {key: row[key] for key in ("residual", "batch_norm") if key in row} for row in rows.values()}
    trials = {(kind, peak): name_run(what, 10, peak, validate=True, **row)
              for kind, row in kinds.items() for peak in RATES[what]}  # fmt: skip
    done = finish(trials.values(), *options)
    rates = {kind: max(RATES[what], key=lambda peak: done[trials[kind, peak]]["accuracy"]) for kind in kinds}
    runs = {name: [name_run(what, seed, rates[words(**row)], **row) for seed in SEEDS] for name, row in rows.items()}
    done = finish((run for names in runs.values() for run in names), *options)
    results = {}
    for name, keys in runs.items():
        found = [done[key] for key in keys]
        results[name] = {
            "accuracy": [r["accuracy"] for r in found],
            "diverged": sum(r["diverged"] for r in found),
            "loss": found[0]["loss"] if what == "depth" else [],
        }
        print(f"{name:<32}", results[name]["accuracy"])
    side, samples = SETTINGS[what]["side"], SETTINGS[what]["samples"]
    size = f"CIFAR-10 at {side} x {side} pixels, {samples:,} training images"
    card = {
        "command": f"python -m recipes.cifar_ablations {what} --workers {args.workers}",
        "data": f"{size}{'' if what == 'depth' else ' unless the row says else'}, 10,000 test images",
        "seeds": SEEDS,
        "epochs": SETTINGS[what]["epochs"],
        "rates": rates,
        **environment(pick_device()),
        "rows": results,
    }
    (CARDS / FILES[what]).write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
