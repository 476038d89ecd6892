"""How much accuracy attacks take from the networks of chapter 7; writes chapters/cards/07_attacks.json

    python -m recipes.attacks                                                    # CIFAR-10 by torchvision
    python -m recipes.attacks --train-npz TRAIN.npz --test-npz TEST.npz          # ... from two files

The backbone is attacked on test images of CIFAR-10; the two classifiers of scenes (trained plainly, and by
`recipes/robust_scenes.py`) on test scenes. All pictures count, also those that a network names wrongly by itself.
"""

from __future__ import annotations

import argparse
import json
import time

import torch
import torchvision
from torch import Tensor, nn
from tqdm import tqdm

from course_lib.adversarial.attacks import deepfool, fgsm, pgd
from course_lib.core.device import pick_device
from course_lib.core.seeding import generator, pin
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.metrics import accuracy
from course_lib.networks.backbones import Backbone, SceneNet
from recipes.cifar import add_source, read_npz
from recipes.common import CARDS, environment
from recipes.scene_classifier import LEVEL

CARD = CARDS / "07_attacks.json"
RADII, LENGTHS, STEPS = (0.5, 1.0, 2.0, 4.0), (0.25, 0.5), 7
COUNT = {"backbone": 200, "scene_classifier": 96, "robust_scenes": 96}


def test_images(args: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """The first test images of CIFAR-10 (they are in random order) in [0, 1], and their labels."""
    if args.test_npz:
        images, labels = read_npz(args.test_npz)
    else:
        data = torchvision.datasets.CIFAR10(args.data, train=False, download=True)
        images, labels = torch.from_numpy(data.data).permute(0, 3, 1, 2), torch.tensor(data.targets)
    return images[: COUNT["backbone"]].float() / 255, labels[: COUNT["backbone"]]


def share_right(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Accuracy, to three digits."""
    with torch.no_grad():
        return round(accuracy(torch.cat([model(part).argmax(1) for part in images.split(64)]), labels), 3)


def by_parts(attack, images: Tensor, labels: Tensor) -> Tensor:
    """Attack 64 pictures at a time: what is in memory stays small."""
    return torch.cat([attack(x, y) for x, y in zip(images.split(64), labels.split(64), strict=True)])


def curves(model: nn.Module, images: Tensor, labels: Tensor) -> dict:
    """Accuracy under random signs, FGSM and PGD at each radius, and under PGD in Euclidean balls."""
    stream = generator(0, images.device)
    signs = torch.randn(images.shape, generator=stream, device=images.device).sign()
    found: dict = {"pictures": len(images), "clean": share_right(model, images, labels)}
    attacks = {
        "random": lambda eps: (images + eps * signs).clamp(0, 1),
        "fgsm": lambda eps: by_parts(lambda x, y: fgsm(model, x, y, eps=eps), images, labels),
        "pgd": lambda eps: by_parts(
            lambda x, y: pgd(model, x, y, eps=eps, steps=STEPS, generator=stream), images, labels
        ),
    }
    for name, attack in attacks.items():
        found[name] = [share_right(model, attack(r / 255), labels) for r in tqdm(RADII, desc=name, leave=False)]
    found["pgd_l2"] = [
        share_right(
            model, by_parts(lambda x, y, e=e: pgd(model, x, y, eps=e, steps=STEPS, norm="L2"), images, labels), labels
        )
        for e in LENGTHS
    ]
    few = images[:16]
    found["deepfool_median"] = round(float((deepfool(model, few, 30) - few).flatten(1).norm(dim=1).median()), 3)
    return found


def main() -> None:
    """Attack the three networks and write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_source(parser)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--only", choices=list(COUNT), help="attack one network, and keep the card's other numbers")
    args = parser.parse_args()
    pin(0, args.threads)
    device, networks = pick_device(), json.loads(CARD.read_text())["networks"] if CARD.exists() else {}
    for name in [args.only] if args.only else COUNT:
        started = time.process_time()
        model = load_checkpoint(name, Backbone() if name == "backbone" else SceneNet(len(CLASSES)))
        model.requires_grad_(False).to(device)
        if name == "backbone":
            images, labels = test_images(args)
        else:
            images, labels = scene_dataset(COUNT[name], split="test", difficulty=LEVEL).tensors
        networks[name] = curves(model, images.to(device), labels.to(device))
        networks[name] |= {"seconds": round(time.process_time() - started), **environment(device)}
        print(name, networks[name], flush=True)
    card = {
        "data": f"the first {COUNT['backbone']} test images of CIFAR-10; {COUNT['robust_scenes']} test scenes of 64 px",
        "command": "python -m recipes.attacks",
        "seed": 0,
        "radii": {"largest change, in 1/255": RADII, "Euclidean length": LENGTHS},
        "metric": f"accuracy under attack; PGD takes {STEPS} steps from a random start (none in Euclidean balls); "
        "deepfool_median: median length of DeepFool's change for the first 16 pictures",
        "networks": {name: networks[name] for name in COUNT if name in networks},
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
