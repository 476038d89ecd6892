"""Attacks that need no gradient or no small change, for chapter 7; writes chapters/cards/07_open_attacks.json and .npz

    python -m recipes.open_attacks

Of the plain and the robust classifier of scenes: a patch of 16 pixels trained on 256 training scenes and judged on
test scenes at new places, the square attack with up to 150 questions, and attacks that were made for the other network.
"""

from __future__ import annotations

import json
import time

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.adversarial import paste, pgd, random_places, square_attack, train_patch
from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.networks.backbones import SceneNet
from recipes.common import CARDS, environment, start
from recipes.scene_classifier import LEVEL

NAME = "07_open_attacks"
NETWORKS = ("scene_classifier", "robust_scenes")
TARGETS, SIDE = ("star", "ring"), 16  # a sixteenth of the picture
RADIUS, QUERIES = 4 / 255, 150
JUDGED, ATTACKED = 128, 48  # scenes for patches; for questions and transfer


@torch.no_grad()
def share(model: nn.Module, images: Tensor, labels: Tensor | int) -> float:
    """Accuracy, or how often one class is named."""
    named = torch.cat([model(part).argmax(1) for part in images.split(64)])
    return round(float((named == labels).double().mean()), 4)


def patches(model: nn.Module, train: Tensor, images: Tensor, labels: Tensor) -> tuple[dict, dict]:
    """How often each target is named among scenes of other classes: with the patch, with grains, with nothing."""
    found, made = {}, {}
    places = random_places(len(images), (64, 64), SIDE, generator=generator(1))
    grains = torch.rand(3, SIDE, SIDE, generator=generator(2))
    for name in TARGETS:
        target = CLASSES.index(name)
        other = labels != target
        made[name] = train_patch(model, train, target, side=SIDE, steps=60, batch=20, generator=generator(0))
        found[name] = {
            "scenes": int(other.sum()),
            "patch": share(model, paste(images[other], made[name], places[other]), target),
            "grains": share(model, paste(images[other], grains, places[other]), target),
            "nothing": share(model, images[other], target),
        }
    return found, made


def main() -> None:
    """Attack, measure, store numbers and patches."""
    run = start(__doc__, NAME, 1, threads=1)
    train, _ = scene_dataset(256, split="train", difficulty=LEVEL).tensors
    images, labels = scene_dataset(JUDGED, split="test", difficulty=LEVEL).tensors
    models = {n: load_checkpoint(n, SceneNet(len(CLASSES))).requires_grad_(False) for n in NETWORKS}
    x, y = images[:ATTACKED], labels[:ATTACKED]
    results, pictures, made = {}, {}, {}
    for name, model in models.items():
        made[name] = pgd(model, x, y, eps=RADIUS, steps=10, generator=generator(3))
    for name, model in models.items():
        found, drawn = patches(model, train, images, labels)
        moved, needed = square_attack(model, x, y, eps=RADIUS, queries=QUERIES, generator=generator(0))
        results[name] = {
            "clean": share(model, x, y),
            "patches": found,
            "square": share(model, moved, y),
            "questions": needed.tolist(),
            "pgd made for": {other: share(model, made[other], y) for other in models},
        }
        pictures |= {f"{name}, {target}": patch for target, patch in drawn.items()}
        print(name, {k: v for k, v in results[name].items() if k != "questions"}, flush=True)
    np.savez_compressed(CARDS / f"{NAME}.npz", **{k: (255 * v).round().byte().numpy() for k, v in pictures.items()})
    card = {
        "data": f"test scenes of 64 px: {JUDGED} for patches, the first {ATTACKED} of them for questions and transfer",
        "command": run.command,
        "seed": 0,
        "metric": f"patches: share of scenes of other classes that are called the target, patch {SIDE} x {SIDE}; "
        f"square: accuracy after {QUERIES} questions in the cube of 4/255; questions: how many each scene took, "
        f"{QUERIES + 1} for never; pgd made for: accuracy on what PGD made for each network, 10 steps, 4/255",
        "seconds": round(time.perf_counter() - run.started),
        **environment(run.device),
        "networks": results,
    }
    (CARDS / f"{NAME}.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
