"""The referee of chapters 16 to 18; writes course_lib/checkpoints/fashion_classifier and fashion_reference.

    python -m recipes.fashion_classifier --npz fashion_mnist.npz      # or --data, which downloads

Trains `FashionNet` on 55,000 pictures of Fashion-MNIST, mirrored half of the time, and stores beside it what it sees in
all 10,000 test pictures, so that generated pictures can be compared with them where the data set is not at hand. The
650 test pictures that the library ships are written too where they are missing.
"""

from __future__ import annotations

import json

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.core.weights import load_checkpoint
from course_lib.data.fashion import PICTURES, REFERENCE
from course_lib.metrics import accuracy
from course_lib.networks.backbones import FashionNet
from course_lib.optim import AdamW, warmup_cosine
from recipes import fashion
from recipes.common import environment, ship, start

EPOCHS, BATCH, PEAK = 8, 128, 3e-3


@torch.no_grad()
def score(model: FashionNet, pictures: Tensor, classes: Tensor) -> float:
    """Accuracy on pictures (N, 1, 28, 28) uint8, in evaluation mode."""
    model.eval()
    logits = torch.cat([model(part.float() / 255) for part in pictures.split(500)])
    return round(accuracy(logits.argmax(1), classes), 4)


def first_of_each(classes: Tensor, count: int) -> Tensor:
    """Places of the first `count` pictures of each class, in the order of the file."""
    return torch.cat([torch.where(classes == k)[0][:count] for k in range(10)]).sort().values


def main() -> None:
    """Train, store, judge what was stored."""
    run = start(__doc__, "fashion_classifier", EPOCHS, fashion.flags, threads=1)
    data = fashion.load(run.args)
    pictures, classes = data.train[0].to(run.device), data.train[1].to(run.device)
    model = FashionNet().to(run.device)
    optimiser = AdamW(model.parameters(), PEAK, weight_decay=0.02)
    steps = -(-len(pictures) // BATCH)

    def loss(indices: Tensor, stream: torch.Generator) -> Tensor:
        x = pictures[indices].float() / 255
        flip = torch.rand((), generator=stream, device=stream.device) < 0.5
        return F.cross_entropy(model(x.flip(3) if flip else x), classes[indices])

    history = fit(model, loss, optimiser, samples=len(pictures), epochs=run.epochs, batch=BATCH,
                  generator=generator(0, run.device), schedule=lambda step, total: warmup_cosine(step, total, steps),
                  **run.keep())  # fmt: skip

    def scores(stored: FashionNet) -> dict:
        parts = {"validation": data.validation, "test": data.test}
        kept = first_of_each(data.test[1], 65)
        parts["evaluation"] = (data.test[0][kept], data.test[1][kept])
        return {f"accuracy_{name}": score(stored, x.to(run.device), y.to(run.device)) for name, (x, y) in parts.items()}

    ship(run, model, FashionNet(), scores, history,
         data="Fashion-MNIST, 55,000 training pictures",
         metric="accuracy on 5,000, 10,000 and 650 held-out pictures")  # fmt: skip
    stored = load_checkpoint(run.name, FashionNet()).eval()
    seen = stored.features_of_many(data.test[0].float() / 255)
    save_file({"features": seen.half().contiguous()}, REFERENCE)
    words = {"data": "Fashion-MNIST, 10,000 test pictures", "command": run.command, "seed": 0,
             "metric": "no network: the 64 features that fashion_classifier sees in each of them"}  # fmt: skip
    REFERENCE.with_suffix(".json").write_text(json.dumps(words | environment(run.device), indent=1) + "\n")
    if not PICTURES.exists():
        _write_subset(*data.test)


def _write_subset(pictures: Tensor, classes: Tensor) -> None:
    """The first 65 test pictures of each class, as the library ships them."""
    kept = first_of_each(classes, 65)
    np.savez_compressed(PICTURES, pictures=pictures[kept, 0].numpy(), classes=classes[kept].byte().numpy())


if __name__ == "__main__":
    main()
