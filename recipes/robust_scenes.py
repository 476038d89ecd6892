"""Chapter 7's classifier of scenes, trained on against attacks; writes course_lib/checkpoints/robust_scenes.

    python -m recipes.robust_scenes

It starts from `scene_classifier`, draws the same kind of scenes, and descends on the worst pictures that PGD finds
within a radius (Madry et al. 2017, arXiv:1706.06083). The radius grows from 0 to 2/255 over the first half: attacked
with full strength from the start, the network forgets everything and does not recover. Two steps of PGD from a random
start are enough here. One is too, but it then pays to hide the gradient (Wong, Rice, Kolter 2020, arXiv:2001.03994).
"""

from __future__ import annotations

import argparse
import time

import torch
from tqdm import tqdm

from course_lib.adversarial.attacks import adversarial_loss, pgd
from course_lib.core.device import pick_device
from course_lib.core.seeding import generator, pin
from course_lib.core.training import batches
from course_lib.core.weights import load_checkpoint, save_checkpoint
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.networks.backbones import SceneNet
from course_lib.optim import warmup_cosine
from recipes.cifar import environment
from recipes.scene_classifier import BATCH, LEVEL, score

NAME = "robust_scenes"
EPOCHS, PEAK, EPS, INNER = 4, 1e-3, 2 / 255, 2
TRAIN = 3072
JUDGED, STEPS = 128, 10  # scenes and PGD steps of the evaluation


def robust_accuracy(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, eps: float = EPS) -> float:
    """Accuracy under PGD from a random start."""
    moved = pgd(model.eval(), images, labels, eps, STEPS, generator=generator(0, images.device))
    return score(model, moved, labels)


def main() -> None:
    """Train on, evaluate what was stored, write weights and card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="passes over the training scenes")
    args = parser.parse_args()
    pin(0, args.threads)
    device, started = pick_device(), time.perf_counter()
    images, labels = (part.to(device) for part in scene_dataset(TRAIN, split="train", difficulty=LEVEL).tensors)
    test = [part.to(device) for part in scene_dataset(JUDGED, split="test", difficulty=LEVEL).tensors]
    model = load_checkpoint("scene_classifier", SceneNet(len(CLASSES))).to(device, memory_format=torch.channels_last)
    before = {"accuracy": score(model, *test), "under_attack": robust_accuracy(model, *test)}
    stream, noise = generator(0), generator(1, device)
    optimiser = torch.optim.AdamW(model.parameters(), PEAK, weight_decay=0.02)
    steps, curve = -(-TRAIN // BATCH), []
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for step, chosen in enumerate(tqdm(batches(TRAIN, BATCH, stream), desc=f"epoch {epoch + 1}", leave=False)):
            done = epoch * steps + step
            eps = EPS * min(1.0, 2 * done / (args.epochs * steps))
            x, y = images[chosen.to(device)], labels[chosen.to(device)]
            x = x.flip(3) if torch.rand((), generator=stream) < 0.5 else x
            for group in optimiser.param_groups:
                group["lr"] = PEAK * warmup_cosine(done, args.epochs * steps, steps // 2)
            loss = adversarial_loss(model, x.contiguous(memory_format=torch.channels_last), y, eps, INNER, noise)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach())
        curve.append(round(total / steps, 4))
        print(epoch + 1, curve[-1], f"{time.perf_counter() - started:.0f} s", flush=True)
    card = {
        "data": f"the course's scenes, 64 px, difficulty {LEVEL}, with a subject: {TRAIN} to train, {JUDGED} to test",
        "command": f"python -m recipes.{NAME}",
        "seed": 0,
        "parameters": sum(p.numel() for p in model.parameters()),
        "eps": "2/255 in the largest change",
        "metric": f"accuracy and under_attack (PGD, {STEPS} steps of 2.5 eps / {STEPS} from a random start) on "
        f"scene_dataset({JUDGED}, split='test', difficulty={LEVEL}), half-precision weights; before: of the start",
        "seconds": round(time.perf_counter() - started),
        **environment(device),
        "before": {key: round(value, 4) for key, value in before.items()},
        "curve": {"loss": curve},
    }
    save_checkpoint(NAME, model, card)
    stored = load_checkpoint(NAME, SceneNet(len(CLASSES)).to(device))
    card |= {"accuracy": round(score(stored, *test), 4), "under_attack": round(robust_accuracy(stored, *test), 4)}
    save_checkpoint(NAME, model, card)
    print({key: card[key] for key in ("before", "accuracy", "under_attack", "seconds")})


if __name__ == "__main__":
    main()
