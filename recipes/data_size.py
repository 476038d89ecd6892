"""Vision transformer, ConvNeXt and residual network by number of images, on CIFAR-10 at 16 x 16 pixels (chapter 15).

    python -m recipes.data_size --data ~/data                            # writes chapters/cards/15_data_size.json
    python -m recipes.data_size --train-npz train.npz --test-npz test.npz

Three networks of about 150,000 weights. The vision transformer and the ConvNeXt cut the picture into the same 64
patches of 2 x 2 pixels and keep 64 places with 64 numbers each; one mixes places by attention, the other by 7 x 7
convolutions of each map (the "isotropic" ConvNeXt of Liu et al. 2022, arXiv:2201.03545, section 3.3). The residual
network shrinks its maps twice. All see 64,000 pictures, whatever the number of different ones, with AdamW, warm-up and
a cosine; crops and mirrored pictures unless the row says otherwise. Each network chooses its rate once, with 4,000
images, judged by 5,000 others that no run learns from. Accuracy on all 10,000 test images, three seeds, which decide
weights, images and order. Finished runs are kept in --state.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from course_lib.architectures import SwitchedNet
from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.networks.backbones.backbone import Normalise
from course_lib.networks.backbones.convnext import ConvNeXtBlock, LayerNorm2d
from course_lib.networks.layers import smoothed_cross_entropy
from course_lib.optim import AdamW, warmup_cosine
from course_lib.transformers.vit import VisionTransformer
from recipes.cifar import Data, add_source, crop_and_flip, load, predict
from recipes.common import CARDS, environment, start

NAMES = ("vision transformer", "ConvNeXt", "residual network")
IMAGES, SEEDS, SEEN, BATCH, HELD_OUT, SIDE = (500, 4_000, 32_000), 3, 64_000, 128, 5_000, 16
RATES, FIRST = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), slice(2, 5)  # more are tried where the best is at an end
WIDTH = 64


def model_of(name: str) -> nn.Module:
    """An untrained network for (B, 3, 16, 16) in [0, 1]."""
    if name == "vision transformer":
        net: nn.Module = VisionTransformer(SIDE, 2, 3, dimensions=WIDTH, heads=4, classes=10)
    elif name == "ConvNeXt":
        blocks = [ConvNeXtBlock(WIDTH) for _ in range(4)]
        for block in blocks:
            nn.init.ones_(block.layer_scale)  # 1e-6 is for deep networks; four blocks need no such care
        head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10))
        net = nn.Sequential(nn.Conv2d(3, WIDTH, 2, stride=2), LayerNorm2d(WIDTH), *blocks, *head)
    else:
        return SwitchedNet(1, 22)  # normalises by itself
    return nn.Sequential(Normalise(), net)


def train(data: Data, name: str, samples: int, rate: float, seed: int, *, augment: bool, seen: int = SEEN,
          validate: bool = False) -> float:  # fmt: skip
    """Accuracy after one training.

    Args:
        data: Training images (N, 3, 16, 16) uint8 and labels, then test images and labels.
        name: One of NAMES.
        samples: Different images, from all but the first HELD_OUT.
        rate: Largest learning rate.
        seed: Of weights, choice of images and order.
        augment: Crop and mirror.
        seen: Pictures seen altogether.
        validate: Score on the held-out training images instead of the test images.
    """
    images, labels, *test = data
    if validate:
        test = [images[:HELD_OUT], labels[:HELD_OUT]]
    chosen = HELD_OUT + torch.randperm(len(images) - HELD_OUT, generator=generator(seed))[:samples].to(images.device)
    images, labels = images[chosen], labels[chosen]
    padded = F.pad(images.float(), (2, 2, 2, 2), mode="reflect").byte()
    torch.manual_seed(seed)
    model = model_of(name).to(images.device)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    groups = [{"params": decayed, "weight_decay": 0.05},
              {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0}]  # fmt: skip
    steps = seen // BATCH

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        k = torch.randint(samples, (BATCH,), generator=stream, device=images.device)
        epoch = int(torch.randint(2, (), generator=stream, device=images.device))
        x = crop_and_flip(padded, SIDE, k, epoch, stream) if augment else images[k].float() / 255
        return smoothed_cross_entropy(model(x), labels[k], 0.1)

    fit(model, loss, AdamW(groups, rate), samples=steps, epochs=1, batch=1, generator=generator(seed, images.device),
        clip=1.0, schedule=partial(warmup_cosine, warmup=max(1, steps // 10)))  # fmt: skip
    return round(float((predict(model, test[0]).argmax(1) == test[1]).double().mean()), 4)


def best_rate(accuracy: Callable[[float], float]) -> float:
    """The best of RATES with a worse one on either side, where there is one; begins with FIRST.

    Args:
        accuracy: Of a rate; called again for the same ones.
    """
    low, high = FIRST.start, FIRST.stop
    while True:
        scores = {rate: accuracy(rate) for rate in RATES[low:high]}
        best = max(scores, key=lambda rate: scores[rate])
        if best == RATES[low] and low > 0:
            low -= 1
        elif best == RATES[high - 1] and high < len(RATES):
            high += 1
        else:
            return best


def main() -> None:
    """Choose the rates, train all, write the card."""
    run = start(__doc__, "data_size", 1, add_source, threads=1)
    images, labels, test_images, test_labels = load(run.args, run.device)
    small, small_test = (F.avg_pool2d(x.float(), 2).round().byte() for x in (images, test_images))
    order = torch.randperm(len(images), generator=generator(1000)).to(run.device)
    data = (small[order], labels[order], small_test, test_labels)
    path = run.state
    done: dict[str, float] = json.loads(path.read_text()) if path and path.exists() else {}

    def once(name: str, samples: int, rate: float, seed: int, *, augment: bool, validate: bool) -> float:
        key = f"{name}|{samples}|{rate}|{seed}|{augment}|{validate}"
        if key not in done:
            done[key] = train(data, name, samples, rate, seed, augment=augment, validate=validate)
            tqdm.write(f"{key} {done[key]}")
            if path:
                path.write_text(json.dumps(done))
        return done[key]

    rates: dict[str, float] = {}
    for name in NAMES:
        rates[name] = best_rate(partial(once, name, IMAGES[1], seed=10, augment=True, validate=True))
    rows = []
    for augment in (True, False):
        for name in NAMES:
            for samples in IMAGES if augment else IMAGES[1:2]:
                found = [once(name, samples, rates[name], s, augment=augment, validate=False) for s in range(SEEDS)]
                rows.append({"network": name, "images": samples, "augment": augment, "rate": rates[name],
                             "accuracy": found})  # fmt: skip
    sizes = {name: sum(p.numel() for p in model_of(name).parameters()) for name in NAMES}
    tried = {key: value for key, value in done.items() if key.endswith("True")}
    card = {"command": run.command, "data": "CIFAR-10 at 16 x 16 pixels, 10,000 test images", "seen": SEEN,
            "parameters": sizes, "tried": tried, **environment(run.device), "rows": rows}  # fmt: skip
    (CARDS / "15_data_size.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
