"""A small classifier of the course's scenes for chapter 7; writes course_lib/checkpoints/scene_classifier.

    python -m recipes.scene_classifier

It draws 4,608 scenes of 64 pixels, each with one subject and up to two distractors, and learns the subject's class.
Average pooling alone learns nothing for many epochs: the object covers a tenth of the picture, and its signal is
averaged away. So the first epochs pool by maximum; then the head is scaled to averages and training goes on with those.
Test scenes come from other seeds; "held out" ones show combinations of class, colour and texture that training never
has.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.data.scenes import CLASSES, Difficulty, scene_dataset
from course_lib.metrics import accuracy
from course_lib.networks.backbones import SceneNet
from course_lib.optim import AdamW, warmup_cosine
from recipes.common import half_if_fast, ship, start

TRAIN, TEST, LEVEL = 4608, 1024, 0.3
EPOCHS, BY_MAXIMUM, BATCH, PEAK = 11, 6, 64, 4e-3


def score(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Accuracy in evaluation mode."""
    model.eval()
    with torch.no_grad():
        return accuracy(torch.cat([model(part).argmax(1) for part in images.split(256)]), labels)


def split_scores(model: torch.nn.Module, splits: dict[str, str], samples: int, difficulty: Difficulty | float) -> dict:
    """Accuracies by name, each on freshly drawn scenes of a split, rounded for a card."""
    found = {}
    for name, split in splits.items():
        drawn = scene_dataset(samples, split=split, difficulty=difficulty).tensors
        found[name] = round(score(model, *(part.to(model.head.weight.device) for part in drawn)), 4)
    return found


@torch.no_grad()
def to_averages(model: SceneNet, images: torch.Tensor) -> None:
    """Scale the head's weights by how much larger maxima are than averages."""
    model.eval()
    maps = model.maps(images)
    model.head.weight.mul_(maps.amax(dim=(2, 3)).mean() / maps.mean())


def mirrored(images: torch.Tensor, indices: torch.Tensor, stream: torch.Generator) -> torch.Tensor:
    """A batch, half of the time mirrored: a mirror image keeps its class."""
    x = images[indices]
    return x.flip(3) if torch.rand((), generator=stream, device=stream.device) < 0.5 else x


def main() -> None:
    """Draw, train in two phases, evaluate what was stored, write weights and card."""
    run = start(__doc__, "scene_classifier", EPOCHS)
    images, labels = (part.to(run.device) for part in scene_dataset(TRAIN, split="train", difficulty=LEVEL).tensors)
    images = images.contiguous(memory_format=torch.channels_last)
    model = SceneNet(len(CLASSES)).to(run.device, memory_format=torch.channels_last)
    optimiser, history = AdamW(model.parameters(), PEAK, weight_decay=0.02), History()
    steps, stream = -(-TRAIN // BATCH), generator(0, run.device)
    total = run.epochs * steps  # one schedule for both phases
    whole = lambda step, _: warmup_cosine(step, total, min(steps, total - 1))  # noqa: E731

    def loss(pool, indices, stream):
        pooled = pool(model.maps(mirrored(images, indices, stream)), (2, 3))
        return F.cross_entropy(model.head(pooled).float(), labels[indices])

    phases = (("maximum", torch.amax, min(BY_MAXIMUM, run.epochs)), ("average", torch.mean, run.epochs))
    for phase, pool, until in phases:
        if phase == "average":
            to_averages(model, images[:256])
        fit(model, partial(loss, pool), optimiser, samples=TRAIN, epochs=until, batch=BATCH, generator=stream,
            schedule=whole, precision=half_if_fast(run.device), history=history, **run.keep(f".{phase}"))  # fmt: skip

    splits = {"accuracy": "test", "accuracy_heldout": "heldout"}
    ship(
        run,
        model,
        SceneNet(len(CLASSES)),
        partial(split_scores, splits=splits, samples=TEST, difficulty=LEVEL),
        history,
        data=f"the course's scenes, 64 px, difficulty {LEVEL}, with a subject: {TRAIN} to train, {TEST} to test",
        metric=f"accuracy on scene_dataset({TEST}, split='test', difficulty={LEVEL}), half-precision weights; "
        "accuracy_heldout: on split='heldout'",
    )


if __name__ == "__main__":
    main()
