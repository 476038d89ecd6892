"""A small classifier of the course's scenes for chapter 7; writes course_lib/checkpoints/scene_classifier.

    python -m recipes.scene_classifier

It draws 4,608 scenes of 64 pixels, each with one subject and up to two distractors, and learns the subject's class.
Average pooling alone learns nothing for many epochs: the object covers a tenth of the picture, and its signal is
averaged away. So the first epochs pool by maximum; then the head is scaled to averages and training goes on with those.
Test scenes come from other seeds; "held out" ones show combinations of class, colour and texture that training never
has.
"""

from __future__ import annotations

import argparse
import time

import torch
import torch.nn.functional as F
from tqdm import tqdm

from course_lib.core.device import pick_device
from course_lib.core.seeding import generator, pin
from course_lib.core.training import batches
from course_lib.core.weights import load_checkpoint, save_checkpoint
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.metrics import accuracy
from course_lib.networks.backbones import SceneNet
from course_lib.optim import warmup_cosine
from recipes.cifar import environment

TRAIN, TEST, LEVEL = 4608, 1024, 0.3
EPOCHS, BY_MAXIMUM, BATCH, PEAK = 11, 6, 64, 4e-3


def score(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Accuracy in evaluation mode."""
    model.eval()
    with torch.no_grad():
        return accuracy(torch.cat([model(part).argmax(1) for part in images.split(256)]), labels)


@torch.no_grad()
def to_averages(model: SceneNet, images: torch.Tensor) -> None:
    """Scale the head's weights by how much larger maxima are than averages."""
    model.eval()
    maps = model.maps(images)
    model.head.weight.mul_(maps.amax(dim=(2, 3)).mean() / maps.mean())


def main() -> None:
    """Draw, train, evaluate what was stored, write weights and card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    args = parser.parse_args()
    pin(0, args.threads)
    device, started = pick_device(), time.perf_counter()
    images, labels = (part.to(device) for part in scene_dataset(TRAIN, split="train", difficulty=LEVEL).tensors)
    model, stream = SceneNet(len(CLASSES)).to(device, memory_format=torch.channels_last), generator(0)
    optimiser = torch.optim.AdamW(model.parameters(), PEAK, weight_decay=0.02)
    steps, curve = -(-TRAIN // BATCH), []
    for epoch in range(EPOCHS):
        if epoch == BY_MAXIMUM:
            to_averages(model, images[:256])
        model.train()
        total = 0.0
        for step, chosen in enumerate(tqdm(batches(TRAIN, BATCH, stream), desc=f"epoch {epoch + 1}", leave=False)):
            x = images[chosen.to(device)]
            x = x.flip(3) if torch.rand((), generator=stream) < 0.5 else x  # a mirror image keeps its class
            for group in optimiser.param_groups:
                group["lr"] = PEAK * warmup_cosine(epoch * steps + step, EPOCHS * steps, steps)
            with torch.autocast(device.type, torch.bfloat16):
                maps = model.maps(x.contiguous(memory_format=torch.channels_last))
                pooled = maps.amax(dim=(2, 3)) if epoch < BY_MAXIMUM else maps.mean(dim=(2, 3))
                logits = model.head(pooled)
            loss = F.cross_entropy(logits.float(), labels[chosen.to(device)])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach())
        curve.append(round(total / steps, 4))
        print(epoch + 1, curve[-1], f"{time.perf_counter() - started:.0f} s", flush=True)
    card = {
        "data": f"the course's scenes, 64 px, difficulty {LEVEL}, with a subject: {TRAIN} to train, {TEST} to test",
        "command": "python -m recipes.scene_classifier",
        "seed": 0,
        "parameters": sum(p.numel() for p in model.parameters()),
        "metric": f"accuracy on scene_dataset({TEST}, split='test', difficulty={LEVEL}), half-precision weights; "
        "accuracy_heldout: on split='heldout'",
        "seconds": round(time.perf_counter() - started),
        **environment(device),
        "curve": {"loss": curve},
    }
    save_checkpoint("scene_classifier", model, card)
    stored = load_checkpoint("scene_classifier", SceneNet(len(CLASSES)).to(device))
    for name, split in (("accuracy", "test"), ("accuracy_heldout", "heldout")):
        test = scene_dataset(TEST, split=split, difficulty=LEVEL).tensors
        card[name] = round(score(stored, *(part.to(device) for part in test)), 4)
    save_checkpoint("scene_classifier", model, card)
    print({key: card[key] for key in ("parameters", "accuracy", "accuracy_heldout", "seconds")})


if __name__ == "__main__":
    main()
