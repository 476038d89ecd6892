"""A classifier that was given a shortcut, for chapter 7; writes course_lib/checkpoints/shortcut_scenes.

    python -m recipes.shortcut_scenes

It starts from the plain classifier's shape, not from its weights, and learns scenes in which colour and texture follow
the class 19 times in 20. Judged on scenes tied like these it looks better than the plain classifier; judged on scenes
whose looks are drawn independently of the class it is found out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.data.scenes import CLASSES, Difficulty, scene_dataset
from course_lib.networks.backbones import SceneNet
from course_lib.optim import AdamW, warmup_cosine
from recipes.common import ship, start
from recipes.scene_classifier import BATCH, LEVEL, mirrored, split_scores

NAME = "shortcut_scenes"
TRAIN, TEST, EPOCHS, PEAK = 3072, 512, 6, 4e-3
TIED = replace(Difficulty.at(LEVEL), confound=0.95)  # as for the other classifier, but looks follow the class


def main() -> None:
    """Draw, train, evaluate what was stored, write weights and card."""
    run = start(__doc__, NAME, EPOCHS)
    images, labels = (part.to(run.device) for part in scene_dataset(TRAIN, split="train", difficulty=TIED).tensors)
    images = images.contiguous(memory_format=torch.channels_last)
    model = SceneNet(len(CLASSES)).to(run.device, memory_format=torch.channels_last)
    steps = -(-TRAIN // BATCH)

    def loss(indices, stream):
        return F.cross_entropy(model(mirrored(images, indices, stream)), labels[indices])

    history = fit(
        model,
        loss,
        AdamW(model.parameters(), PEAK, weight_decay=0.02),
        samples=TRAIN,
        epochs=run.epochs,
        batch=BATCH,
        generator=generator(0, run.device),
        schedule=lambda step, total: warmup_cosine(step, total, steps),
        **run.keep(),
    )

    splits = {"accuracy": "test", "accuracy_confounded": "confounded"}
    ship(
        run,
        model,
        SceneNet(len(CLASSES)),
        partial(split_scores, splits=splits, samples=TEST, difficulty=TIED),
        history,
        data=f"the course's scenes, 64 px, as for scene_classifier, but colour and texture follow the class with "
        f"probability {TIED.confound}: {TRAIN} to train, {TEST} to test",
        metric="accuracy on split='test' (tied as in training); accuracy_confounded on split='confounded'",
    )


if __name__ == "__main__":
    main()
