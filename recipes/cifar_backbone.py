"""The course backbone: 0.99 million parameters trained on CIFAR-10; writes course_lib/checkpoints/backbone.

    python -m recipes.cifar_backbone --data ~/data                                   # downloads through torchvision
    python -m recipes.cifar_backbone --train-npz train.npz --test-npz test.npz

An interrupted run goes on from --state, also on another device. Mixed precision is used where it pays.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from course_lib.core.device import pick_device
from course_lib.core.seeding import pin
from course_lib.core.weights import save_checkpoint
from course_lib.networks.backbones import Backbone
from recipes.cifar import Data, add_source, environment, fit, load, predict


def write(model: Backbone, data: Data, curve: dict, command: str, **more: object) -> dict:
    """Evaluate the weights as they will be shipped, write them and the card, and return the card.

    Args:
        model: The trained network.
        data: Training and test images and their labels, on the device.
        curve: What `fit` returned.
        command: How it was trained.
        **more: Further entries of the card.
    """
    device = data[2].device
    halves = Backbone().to(device)
    halves.load_state_dict({k: v.half().float() for k, v in model.state_dict().items()})
    logits, mirrored = predict(halves, data[2]), predict(halves, data[2].flip(3))
    card = {
        "data": "CIFAR-10: 50,000 training images (cropped, mirrored, a square of 8 pixels hidden), 10,000 test images",
        "command": command,
        **more,
        "seed": 0,
        "parameters": sum(p.numel() for p in model.parameters()),
        "metric": "accuracy on the 10,000 test images, half-precision weights, one view",
        "accuracy": round(float((logits.argmax(1) == data[3]).double().mean()), 4),
        "accuracy_two_views": round(float(((logits + mirrored).argmax(1) == data[3]).double().mean()), 4),
        **environment(device),
        "device": ", ".join(curve["devices"]),
        "curve": curve,
    }
    save_checkpoint("backbone", model, card)
    return card


def main() -> None:
    """Train, evaluate on the 10,000 test images, write weights and card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_source(parser)
    parser.add_argument("--epochs", type=int, default=88)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--state", type=Path, default=Path("cifar_backbone.state"), help="where to save each epoch")
    args = parser.parse_args()
    pin(0, args.threads)
    model = Backbone()
    data = load(args, pick_device())
    curve = fit(model, data, args.epochs, seed=0, batch=256, peak=0.3, hole=8, state=args.state,
                report=lambda c: print(len(c["loss"]), c["loss"][-1], c["test_accuracy"][-1], flush=True))  # fmt: skip
    card = write(model, data, curve, f"python -m recipes.cifar_backbone --epochs {args.epochs}")
    print({key: card[key] for key in ("parameters", "accuracy", "accuracy_two_views", "device")})


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    main()
