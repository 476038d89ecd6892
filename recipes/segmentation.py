"""Dense prediction compared on one encoder: the table of chapter 9; writes chapters/cards/09_segmentation.json.

    python -m recipes.segmentation

FCN-32s, -16s and -8s, U-Net's way up with and without skips, DeepLabV3, and HRNet's streams start from the
weights of `recipes.segmentation_encoder`, which comes first. All see the same pictures in the same order, no picture
twice, with the same batch, schedule, decay and loss, in single precision (in bfloat16 a CPU needs ten times as long for
transposed convolutions). The rate of each is the best on validation scenes after a third of the pictures, on a grid
that grows until the best one is not at its edge. Then three seeds; each is judged on test scenes and on combinations
that training never shows. The first seed's answers to the first SHOWN test scenes are kept beside the card, and the
first U-Net is shipped.

`--start scratch` trains the same networks from nothing, `--start quiet` from the pretrained encoder with the last layer
of U-Net a hundred times smaller; `frozen` and `frozen-quiet` keep the encoder's weights as they are, not the statistics
of its batch norms.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.architectures import layer_costs
from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CATEGORIES, CLASSES, scene_dataset
from course_lib.data.scenes.datasets import scene_block
from course_lib.metrics.boundary import class_boundary_f, mean_boundary_f
from course_lib.metrics.segmentation import class_iou, confusion_matrix, mean_iou, pixel_accuracy
from course_lib.networks.backbones.scene_encoder import SceneNamer
from course_lib.optim import AdamW, warmup_cosine
from course_lib.segmentation.compared import NETWORKS, compared_network
from course_lib.segmentation.fcn import predict_classes
from course_lib.segmentation.losses import pixel_cross_entropy
from course_lib.segmentation.unet import UNetDecoder
from recipes.common import CARDS, Run, curve, environment, ship, start
from recipes.comparison import Known, add_flags, spread

K, SIZE, LEVEL, BATCH, TESTED, TOLERANCE = len(CATEGORIES), 64, 0.3, 16, 512, 1.0
STEPS, EPOCHS, TRIED, WARMUP, DECAY, SEEDS = 200, 6, 2, 50, 0.02, 3  # 6 x 200 x 16 = 19,200 pictures a training
RATES = (1e-3, 2e-3, 4e-3)
MODELS = tuple(NETWORKS)
SHIPPED, SHOWN = "U-Net", 64


STARTS = {
    "pretrained": "",
    "scratch": "_scratch",
    "quiet": "_quiet",
    "frozen": "_frozen",
    "frozen-quiet": "_frozen_quiet",
}


def model_of(name: str, pretrained: bool) -> nn.Module:
    """A network whose head is not trained yet."""
    named = load_checkpoint("scene_encoder", SceneNamer(len(CLASSES))) if pretrained else None
    return compared_network(name, K, named and named.encoder.state_dict())


def answers(model: nn.Module, split: str, samples: int) -> tuple[Tensor, Tensor]:
    """What a network says of fixed scenes of a split, and the truth: (N, H, W) each."""
    images, target = scene_dataset(samples, ("image", "semantic"), SIZE, split=split, difficulty=LEVEL).tensors
    device = next(model.parameters()).device
    return torch.cat([predict_classes(model, part.to(device)).cpu() for part in images.split(128)]), target


def judge(model: nn.Module, split: str, samples: int) -> dict:
    """Scores on fixed scenes of a split."""
    guess, target = answers(model, split, samples)
    table = confusion_matrix(guess, target, K)
    by_class = [None if value.isnan() else round(float(value), 4) for value in class_iou(table)]
    outline = mean_boundary_f(class_boundary_f(guess, target, K, tolerance=TOLERANCE))
    return {"miou": round(mean_iou(table), 4), "boundary_f": round(outline, 4),
            "pixel_accuracy": round(pixel_accuracy(table), 4), "iou": by_class}  # fmt: skip


def train(run: Run, name: str, rate: float, *, epochs: int, seed: int) -> tuple[nn.Module, History]:
    """A trained network and how its training went."""
    torch.manual_seed(seed)
    model = model_of(name, run.args.start != "scratch").to(run.device, memory_format=torch.channels_last)
    if "quiet" in run.args.start:
        assert isinstance(model, UNetDecoder)
        model.head.weight.data /= 100
    if "frozen" in run.args.start:
        model.get_submodule("encoder").requires_grad_(False)

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        images, labels = scene_block(BATCH, ("image", "semantic"), SIZE, generator=stream, split="train",
                                     difficulty=LEVEL)  # fmt: skip
        return pixel_cross_entropy(model(images.contiguous(memory_format=torch.channels_last)).float(), labels)

    steps, learned = run.args.steps, [p for p in model.parameters() if p.requires_grad]
    warmup = min(WARMUP, epochs * steps - 1)
    history = fit(model, loss, AdamW(learned, rate, weight_decay=DECAY), samples=steps, epochs=epochs, batch=1,
                  generator=generator(seed, run.device), clip=1.0,
                  schedule=lambda step, all_steps: warmup_cosine(step, all_steps, warmup),
                  **run.keep(f".{name.replace(' ', '_')}.{rate}.{epochs}.{seed}"))  # fmt: skip
    return model, history


def shown(run: Run, name: str) -> Path:
    """Where the answers of a network to the first test scenes wait for the end of the recipe."""
    return run.state.with_name(f"{run.state.name}.{name.replace(' ', '_')}.npy")


def show(run: Run, name: str, model: nn.Module, history: History, rate: float) -> None:
    """Keep what a trained network says of the first test scenes; ship the one that the chapter runs."""
    if run.state is not None:
        np.save(shown(run, name), answers(model, "test", SHOWN)[0].byte().numpy())
    if name == SHIPPED and run.args.start == "pretrained":
        samples = run.args.tested
        ship(
            dataclasses.replace(run, name="scene_segmenter"),
            model,
            model_of(name, pretrained=False),
            lambda found: {key: value for key, value in judge(found, "test", samples).items() if key != "iou"},
            history,
            data=f"the course's scenes, {SIZE} px, difficulty {LEVEL}; the encoder starts as scene_encoder",
            metric=f"mIoU on scene_dataset({samples}, ('image', 'semantic'), {SIZE}, split='test'), "
            f"half-precision weights; boundary_f within {TOLERANCE:g} px",
            rate=rate,
        )


def trained(run: Run, name: str, rate: float, seed: int) -> dict:
    """What the card says of one training; the first seed is shown."""
    model, history = train(run, name, rate, epochs=run.epochs, seed=seed)
    if seed == 0:
        show(run, name, model, history, rate)
    found = {split: judge(model, split, run.args.tested) for split in ("test", "heldout")}
    print(name, rate, seed, found["test"]["miou"], round(history.seconds), flush=True)
    return found | {"seconds": round(history.seconds), "curve": curve(history)}


def rows_of(run: Run, name: str, known: Known) -> dict:
    """What the card says of one network; what is known is not computed again."""

    def tried(rate: float) -> float:
        model, _ = train(run, name, rate, epochs=min(TRIED, run.epochs), seed=100)
        return judge(model, "val", run.args.tested)["miou"]

    row = known.row(name, RATES, seeds=run.args.seeds, tried=tried,
                    trained=lambda rate, seed: trained(run, name, rate, seed))  # fmt: skip
    for score in ("miou", "boundary_f"):
        found = spread([seed["test"][score] for seed in row["seeds"]])
        row |= {score: found["mean"], f"{score}_sd": found["sd"]}
    fresh = model_of(name, pretrained=False)
    learned = sum(p.numel() for p in fresh.parameters() if p.requires_grad)
    costs = layer_costs(fresh.eval(), torch.zeros(1, 3, SIZE, SIZE))
    return row | {"parameters": learned, "multiply_adds": sum(cost.macs for cost in costs),
                  "seconds": round(spread([found["seconds"] for found in row["seeds"]])["mean"] or 0)}  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    add_flags(parser, models=MODELS, default=MODELS, starts=STARTS, seeds=SEEDS, steps=STEPS, tested=TESTED)


def main() -> None:
    """Choose rates, train all with each seed, judge, write the card; what is done is kept beside the state."""
    run = start(__doc__, "segmentation", EPOCHS, add, threads=1)
    assert run.state is not None
    started = run.args.start
    settings = {"start": started, "epochs": run.epochs, "steps": run.args.steps, "tested": run.args.tested}
    known = Known(run.state.with_suffix(".json"), settings)
    rows = {name: rows_of(run, name, known) for name in run.args.models}
    card = {
        "data": f"the course's scenes, {SIZE} px, difficulty {LEVEL}: {BATCH * run.args.steps * run.epochs} to train, "
        f"none twice; {run.args.tested} to judge on in each split",
        "metric": f"mIoU of the {K - 1} categories that occur; boundary_f: class_boundary_f with a tolerance of "
        f"{TOLERANCE:g} px; mean and standard deviation over seeds, on split='test'",
        "command": run.command
        + ("" if started == "pretrained" else f" --start {started} --models {shlex.join(run.args.models)}"),
        **settings,
        "batch": BATCH,
        "categories": CATEGORIES,
        **environment(run.device),
        "rows": rows,
    }
    target = run.args.card or CARDS / f"09_segmentation{STARTS[started]}.json"
    target.write_text(json.dumps(card, indent=1) + "\n")
    if started == "pretrained":
        np.savez_compressed(target.with_suffix(".npz"), **{name: np.load(shown(run, name)) for name in run.args.models})


if __name__ == "__main__":
    main()
