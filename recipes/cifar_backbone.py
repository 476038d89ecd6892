"""The course backbone: 0.99 million parameters trained on CIFAR-10; writes course_lib/checkpoints/backbone.

    python -m recipes.cifar_backbone --data ~/data                                   # downloads through torchvision
    python -m recipes.cifar_backbone --train-npz train.npz --test-npz test.npz

An interrupted run goes on from --state, also on another device. Reduced precision is used where it pays.
"""

from __future__ import annotations

import torch

from course_lib.networks.backbones import Backbone
from recipes.cifar import add_source, load, predict, train
from recipes.common import ship, start

EPOCHS = 88


def main() -> None:
    """Train, evaluate on the 10,000 test images, write weights and card."""
    run = start(__doc__, "backbone", EPOCHS, add_source)
    data, model = load(run.args, run.device), Backbone()
    history = train(model, data, run.epochs, seed=0, batch=256, peak=0.3, hole=8, state=run.state)

    def scores(stored: torch.nn.Module) -> dict:
        logits, mirrored = predict(stored, data[2]), predict(stored, data[2].flip(3))
        right = {"accuracy": logits, "accuracy_two_views": logits + mirrored}
        return {name: round(float((found.argmax(1) == data[3]).double().mean()), 4) for name, found in right.items()}

    ship(
        run,
        model,
        Backbone(),
        scores,
        history,
        data="CIFAR-10: 50,000 training images (cropped, mirrored, a square of 8 pixels hidden), 10,000 test images",
        metric="accuracy on the 10,000 test images, half-precision weights, one view",
    )


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    main()
