"""The encoder from which the models of chapters 9 to 11 start; writes course_lib/checkpoints/scene_encoder.

    python -m recipes.segmentation_encoder

It learns to name the subject of scenes of 64 pixels, at most two distractors beside it, and sees no picture twice. Of
three rates or more, each tried with a quarter of the pictures (little is learned before), the best on validation scenes
is taken; a rate that wins at the edge of the grid is no choice, and the grid grows there. The head is stored with the
encoder, so that the card's accuracy can be measured again.
"""

from __future__ import annotations

import argparse
import json

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.data.scenes.datasets import scene_block
from course_lib.metrics import accuracy
from course_lib.networks.backbones.scene_encoder import SceneNamer
from course_lib.optim import AdamW, warmup_cosine
from recipes.common import Run, half_if_fast, ship, start
from recipes.comparison import choose_rate

SIZE, LEVEL, BATCH, TESTED = 64, 0.3, 64, 1024
STEPS, EPOCHS, WARMUP, DECAY = 128, 32, 64, 0.02  # 32 x 128 x 64 = 262,144 pictures
RATES = (1e-3, 2e-3, 4e-3)


def train(run: Run, rate: float, epochs: int, *, steps: int, phase: str = "") -> tuple[SceneNamer, History]:
    """A trained network and how its training went; an interrupted training goes on."""
    torch.manual_seed(0)
    model = SceneNamer(len(CLASSES)).to(run.device, memory_format=torch.channels_last)

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        images, labels = scene_block(BATCH, ("image", "class"), SIZE, generator=stream, split="train", difficulty=LEVEL)
        return F.cross_entropy(model(images.contiguous(memory_format=torch.channels_last)).float(), labels)

    warmup, optimiser = min(WARMUP, epochs * steps - 1), AdamW(model.parameters(), rate, weight_decay=DECAY)
    history = fit(model, loss, optimiser, samples=steps, epochs=epochs, batch=1, generator=generator(0, run.device),
                  clip=1.0, precision=half_if_fast(run.device),
                  schedule=lambda step, all_steps: warmup_cosine(step, all_steps, warmup),
                  **run.keep(phase))  # fmt: skip
    return model, history


def score(model: SceneNamer, split: str, samples: int = TESTED) -> float:
    """Accuracy on fixed scenes of a split."""
    images, labels = scene_dataset(samples, size=SIZE, split=split, difficulty=LEVEL).tensors
    device = next(model.parameters()).device
    with torch.no_grad():
        guess = torch.cat([model.eval()(part.to(device)).argmax(1).cpu() for part in images.split(128)])
    return round(accuracy(guess, labels), 4)


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    parser.add_argument("--steps", type=int, default=STEPS, help=f"batches of {BATCH} an epoch")
    parser.add_argument("--rate", type=float, help="take this rate and try no others")


def main() -> None:
    """Choose the rate, train, evaluate what was stored, write weights and card; an interrupted run goes on."""
    run = start(__doc__, "scene_encoder", EPOCHS, add, threads=1)
    steps, path = run.args.steps, run.state.with_suffix(".json")
    known = json.loads(path.read_text()) if path.exists() else {}

    def judge(rate: float) -> float:
        if str(rate) not in known:
            short = max(run.epochs // 4, 1)
            known[str(rate)] = score(train(run, rate, short, steps=steps, phase=f".{rate}")[0], "val")
            path.write_text(json.dumps(known))
        return known[str(rate)]

    rate, tried = (run.args.rate, {}) if run.args.rate else choose_rate(RATES, judge)
    model, history = train(run, rate, run.epochs, steps=steps)
    ship(
        run,
        model,
        SceneNamer(len(CLASSES)),
        lambda model: {"accuracy": score(model, "test"), "accuracy_heldout": score(model, "heldout")},
        history,
        data=f"the course's scenes, {SIZE} px, difficulty {LEVEL}, with a subject: "
        f"{run.epochs * steps * BATCH} to train, none twice; {TESTED} to test",
        metric=f"accuracy on scene_dataset({TESTED}, split='test', difficulty={LEVEL}), half-precision weights; "
        "accuracy_heldout: on split='heldout'",
        rate=rate,
        rates_tried=tried,
    )


if __name__ == "__main__":
    main()
