"""Chapter 7's classifier of scenes, trained on against attacks; writes course_lib/checkpoints/robust_scenes.

    python -m recipes.robust_scenes

It starts from `scene_classifier`, draws the same kind of scenes, and descends on the worst pictures that PGD finds
within a radius (Madry et al. 2017, arXiv:1706.06083). The radius grows from 0 to 2/255 over the first half: attacked
with full strength from the start, the network forgets everything and does not recover. Two steps of PGD from a random
start are enough here. One is too, but it then pays to hide the gradient (Wong, Rice, Kolter 2020, arXiv:2001.03994).
"""

from __future__ import annotations

from functools import partial

import torch

from course_lib.adversarial.attacks import adversarial_loss, pgd
from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.networks.backbones import SceneNet
from course_lib.optim import AdamW, warmup_cosine
from recipes.common import ship, start
from recipes.scene_classifier import BATCH, LEVEL, mirrored, score

NAME = "robust_scenes"
EPOCHS, PEAK, EPS, INNER = 4, 1e-3, 2 / 255, 2
TRAIN = 3072
JUDGED, STEPS = 128, 10  # scenes and PGD steps of the evaluation


def robust_accuracy(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, eps: float = EPS) -> float:
    """Accuracy under PGD from a random start."""
    moved = pgd(model.eval(), images, labels, eps=eps, steps=STEPS, generator=generator(0, images.device))
    return score(model, moved, labels)


def main() -> None:
    """Train on, evaluate what was stored, write weights and card."""
    run = start(__doc__, NAME, EPOCHS)
    images, labels = (part.to(run.device) for part in scene_dataset(TRAIN, split="train", difficulty=LEVEL).tensors)
    images = images.contiguous(memory_format=torch.channels_last)
    test = [part.to(run.device) for part in scene_dataset(JUDGED, split="test", difficulty=LEVEL).tensors]
    model = load_checkpoint("scene_classifier", SceneNet(len(CLASSES)))
    model.to(run.device, memory_format=torch.channels_last)
    history, steps = History(), -(-TRAIN // BATCH)

    def scores(net: torch.nn.Module) -> dict:
        found = {"accuracy": score(net, *test), "under_attack": robust_accuracy(net, *test)}
        return {name: round(value, 4) for name, value in found.items()}

    def loss(indices, stream):
        eps = EPS * min(1.0, 2 * history.steps / (run.epochs * steps))
        return adversarial_loss(
            model, mirrored(images, indices, stream), labels[indices], eps=eps, steps=INNER, generator=stream
        )

    before = scores(model)
    fit(model, loss, AdamW(model.parameters(), PEAK, weight_decay=0.02), samples=TRAIN, epochs=run.epochs, batch=BATCH,
        generator=generator(0, run.device), schedule=partial(warmup_cosine, warmup=steps // 2), history=history,
        **run.keep())  # fmt: skip
    ship(
        run,
        model,
        SceneNet(len(CLASSES)),
        scores,
        history,
        data=f"the course's scenes, 64 px, difficulty {LEVEL}, with a subject: {TRAIN} to train, {JUDGED} to test",
        eps="2/255 in the largest change",
        metric=f"accuracy and under_attack (PGD, {STEPS} steps of 2.5 eps / {STEPS} from a random start) on "
        f"scene_dataset({JUDGED}, split='test', difficulty={LEVEL}), half-precision weights; before: of the start",
        before=before,
    )


if __name__ == "__main__":
    main()
