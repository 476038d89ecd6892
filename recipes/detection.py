"""Detectors compared on one encoder: the table of chapter 10; writes chapters/cards/10_detection.json.

    python -m recipes.detection

Faster R-CNN, the one-stage detector, DETR, deformable DETR and Pix2Seq start from the weights of
`recipes.segmentation_encoder`, which comes first. All see the same pictures in the same order, no picture twice, with
the same batch, schedule and decay; losses are each method's own. The rate of each is the best on validation scenes
after a quarter of the pictures, on a grid that grows until the best one is not at its edge. Then three seeds; after
each epoch AP50 on validation scenes gives the learning curve, and at the end AP, AP50 and AP75 are measured on test
scenes and on combinations that training never shows. The first seed's answers to SHOWN test scenes, and where the
queries of both DETRs look, are kept beside the card; the first Faster R-CNN and one-stage detector are shipped.
`--models` chooses methods, also those that only take something away from another; `--seeds 0` only tries the rates;
`--start scratch` trains the same networks from nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.data.scenes.datasets import block_generator, scene_block
from course_lib.detection.deformable_detr import DeformableDETR
from course_lib.detection.detector import Detector, Target, detect_all, padded_targets
from course_lib.detection.detr import DETR
from course_lib.detection.faster_rcnn import FasterRCNN
from course_lib.detection.one_stage import OneStage
from course_lib.detection.pix2seq import Pix2Seq
from course_lib.metrics.average_precision import AveragePrecision
from course_lib.networks.backbones.scene_encoder import SceneEncoder, SceneNamer
from course_lib.optim import AdamW, warmup_cosine
from recipes.common import CARDS, Run, curve, environment, ship, start
from recipes.comparison import Known, add_flags, spread

K, SIZE, LEVEL, OBJECTS, BATCH, TESTED, WATCHED = len(CLASSES), 64, 0.3, (1, 4), 32, 512, 128
STEPS, EPOCHS, TRIED, WARMUP, DECAY, SEEDS = 100, 12, 3, 100, 0.02, 3  # 12 x 100 x 32 = 38,400 pictures a training
RATES, SHOWN, LOOKED, FIELDS = (5e-4, 1e-3, 2e-3), 64, 16, ("image", "classes", "boxes")
MODELS: dict[str, Callable[[SceneEncoder], Detector]] = {
    "Faster R-CNN": lambda encoder: FasterRCNN(encoder, K),
    "One stage": lambda encoder: OneStage(encoder, K),
    "DETR": lambda encoder: DETR(encoder, K),
    "Deformable DETR": lambda encoder: DeformableDETR(encoder, K),
    "Pix2Seq": lambda encoder: Pix2Seq(encoder, K),
}
WITHOUT: dict[str, Callable[[SceneEncoder], Detector]] = {
    "One stage, cross-entropy": lambda encoder: OneStage(encoder, K, gamma=0.0, alpha=-1.0),
    "DETR, last layer alone": lambda encoder: DETR(encoder, K, auxiliary=False),
    "Deformable DETR, last layer alone": lambda encoder: DeformableDETR(encoder, K, auxiliary=False),
    "Pix2Seq without invented objects": lambda encoder: Pix2Seq(encoder, K, augment=False),
}
SHIPPED = {"Faster R-CNN": "scene_detector", "One stage": "scene_detector_one_stage"}
SCORES = ("AP", "AP50", "AP75")


def pretrained_encoder() -> SceneEncoder:
    """The encoder that names a scene's subject."""
    encoder = SceneEncoder()
    encoder.load_state_dict(load_checkpoint("scene_encoder", SceneNamer(K)).encoder.state_dict())
    return encoder


def model_of(name: str, pretrained: bool) -> Detector:
    """A detector whose heads are not trained yet."""
    return (MODELS | WITHOUT)[name](pretrained_encoder() if pretrained else SceneEncoder())


def fixed(split: str, samples: int) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """Scenes of a split that are always the same, and their targets."""
    images, classes, boxes = scene_dataset(samples, FIELDS, SIZE, split=split, difficulty=LEVEL,
                                           objects=OBJECTS).tensors  # fmt: skip
    return images, padded_targets(boxes, classes)


def scores_of(answers: Sequence[Target], targets: Sequence[Target]) -> dict[str, float]:
    """AP, AP50, AP75 and AR with ten boxes, for a card."""
    score = AveragePrecision()
    score.update([{name: value.cpu() for name, value in answer.items()} for answer in answers], targets)
    return {name: round(value, 4) for name, value in score.compute().items() if name in (*SCORES, "AR_10")}


def judge(model: Detector, split: str, samples: int) -> dict[str, float]:
    """Scores on fixed scenes of a split."""
    images, targets = fixed(split, samples)
    return scores_of(detect_all(model, images), targets)


def train(run: Run, name: str, rate: float, *, epochs: int, seed: int) -> tuple[Detector, History]:
    """A trained detector and how its training went; pictures depend on seed and step alone, whatever a method draws."""
    torch.manual_seed(seed)
    model = model_of(name, run.args.start == "pretrained").to(run.device, memory_format=torch.channels_last)
    history, steps = History(), run.args.steps

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        images, classes, boxes = scene_block(BATCH, FIELDS, SIZE, split="train", difficulty=LEVEL, objects=OBJECTS,
                                             generator=block_generator(seed, "train", block=history.steps))  # fmt: skip
        targets = padded_targets(boxes.to(run.device), classes.to(run.device))
        images = images.to(run.device).contiguous(memory_format=torch.channels_last)
        return torch.stack(list(model.losses(images, targets, stream).values())).sum()

    fit(model, loss, AdamW(model.parameters(), rate, weight_decay=DECAY), samples=steps, epochs=epochs, batch=1,
        generator=generator(seed, run.device), clip=1.0, history=history,
        evaluate=lambda found: judge(found, "val", min(WATCHED, run.args.tested))["AP50"],
        schedule=lambda step, all_steps: warmup_cosine(step, all_steps, min(WARMUP, epochs * steps - 1)),
        **run.keep(f".{name.replace(' ', '_')}.{rate}.{epochs}.{seed}"))  # fmt: skip
    return model, history


def speed(model: Detector, batch: int, *, repeats: int = 5) -> float:
    """Pictures a second from pictures to boxes: the median of several runs."""
    images, seconds = fixed("val", batch)[0], []
    for _ in range(repeats):
        began = time.perf_counter()
        detect_all(model, images)
        seconds.append(time.perf_counter() - began)
    return round(batch / sorted(seconds)[repeats // 2], 1)


def multiply_adds(model: Detector) -> int:
    """Of one picture: convolutions and matrix products; look-ups are not counted."""
    model.eval().requires_grad_(False)  # the counter stumbles over parameters that are handed to a layer
    with FlopCounterMode(display=False) as counter:
        model(fixed("val", 1)[0])
    return counter.get_total_flops() // 2


def table(answers: Sequence[dict[str, Tensor]], most: int = 20) -> np.ndarray:
    """Answers as (N, most, 6) x0, y0, x1, y1, score, label; rows of -1 behind the last."""
    rows = torch.full((len(answers), most, 6), -1.0)
    for row, answer in zip(rows, answers, strict=True):
        found = torch.cat([answer["boxes"], answer["scores"][:, None], answer["labels"][:, None].float()], 1)[:most]
        row[: len(found)] = found.cpu()
    return rows.numpy().astype(np.float32)


def shown(run: Run, name: str) -> Path:
    """Where the answers of a detector to the first test scenes wait for the end of the recipe."""
    assert run.state is not None
    return run.state.with_name(f"{run.state.name}.{name.replace(' ', '_')}.npy")


@torch.no_grad()
def looks(model: DETR | DeformableDETR) -> dict[str, np.ndarray]:
    """Where the queries of the decoder's last layer look in the first LOOKED test scenes, and what they answer.

    Returns:
        boxes (B, N, 4) centre and size in [0, 1], scores (B, N, K) in [0, 1] without background; and for DETR weights
        (B, N, places), means over heads; for deformable attention places (B, N, h, L, P, 2) in [0, 1] and weights
        (B, N, h, L, P).
    """
    seen: dict[str, tuple] = {}
    layer = model.eval().decode[-1]
    part = layer.cross_attn if isinstance(model, DETR) else layer.look
    hook = part.register_forward_pre_hook(lambda _, given: seen.update(given=given))
    scores, boxes = model.layers(fixed("test", SHOWN)[0][:LOOKED].to(next(model.parameters()).device))[-1]
    hook.remove()
    if isinstance(model, DETR):
        found = {"scores": scores.softmax(-1)[..., :-1], "weights": part.with_weights(*seen["given"])[1].mean(1)}
    else:
        query, reference, maps = seen["given"]
        places, weights = part.places_and_weights(query, reference, [level.shape[2:] for level in maps])
        found = {"scores": scores.sigmoid(), "places": places, "weights": weights}
    return {key: value.half().cpu().numpy() for key, value in (found | {"boxes": boxes}).items()}


def trained(run: Run, name: str, rate: float, seed: int) -> dict:
    """What the card says of one training; the first seed is shown, and shipped if it is to be."""
    model, history = train(run, name, rate, epochs=run.epochs, seed=seed)
    if seed == 0:
        np.save(shown(run, name), table(detect_all(model, fixed("test", SHOWN)[0])))
        if isinstance(model, DETR | DeformableDETR):
            np.savez_compressed(shown(run, name).with_suffix(".looks.npz"), **looks(model))
        if name in SHIPPED and run.args.start == "pretrained":
            samples = run.args.tested
            ship(dataclasses.replace(run, name=SHIPPED[name]), model, model_of(name, pretrained=False),
                 lambda found: judge(found, "test", samples), history,
                 data=f"the course's scenes, {SIZE} px, difficulty {LEVEL}, {OBJECTS[0]} to {OBJECTS[1]} objects; the "
                 "encoder starts as scene_encoder",
                 metric=f"AP on scene_dataset({samples}, {FIELDS}, {SIZE}, split='test', difficulty={LEVEL}, "
                 f"objects={OBJECTS}), half-precision weights", rate=rate)  # fmt: skip
    found = {"test": judge(model, "test", run.args.tested), "heldout": judge(model, "heldout", run.args.tested),
             "seconds": round(history.seconds), "curve": curve(history),
             "pictures_a_second": {str(batch): speed(model, batch) for batch in (1, 32)}}  # fmt: skip
    print(name, rate, seed, found["test"], found["seconds"], flush=True)
    return found


def rows_of(run: Run, name: str, known: Known) -> dict:
    """What the card says of one method."""

    def tried(rate: float) -> float:
        model, _ = train(run, name, rate, epochs=min(TRIED, run.epochs), seed=100)
        return judge(model, "val", run.args.tested)["AP"]

    row = known.row(name, RATES, seeds=run.args.seeds, tried=tried,
                    trained=lambda rate, seed: trained(run, name, rate, seed))  # fmt: skip
    fresh = model_of(name, pretrained=False)
    size = {"parameters": sum(p.numel() for p in fresh.parameters()), "multiply_adds": multiply_adds(fresh)}
    if not row["seeds"]:  # only the rates were wanted
        return row | size
    scores = {split: {score: spread([found[split][score] for found in row["seeds"]]) for score in SCORES}
              for split in ("test", "heldout")}  # fmt: skip
    return scores | row | size | {"seconds": spread([found["seconds"] for found in row["seeds"]])["mean"]}


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    add_flags(
        parser,
        models=[*MODELS, *WITHOUT],
        default=MODELS,
        starts=("pretrained", "scratch"),
        seeds=SEEDS,
        steps=STEPS,
        tested=TESTED,
    )


def main() -> None:
    """Choose rates, train all with each seed, judge, write the card; what is done is kept beside the state."""
    run = start(__doc__, "detection", EPOCHS, add, threads=1)
    assert run.state is not None
    begin = run.args.start
    settings = {"start": begin, "epochs": run.epochs, "steps": run.args.steps, "tested": run.args.tested}
    known = Known(run.state.with_suffix(".json"), settings)
    chosen = "" if run.args.models == list(MODELS) else f" --models {' '.join(map(repr, run.args.models))}"
    chosen += "" if run.args.seeds == SEEDS else f" --seeds {run.args.seeds}"
    rows = {name: rows_of(run, name, known) for name in run.args.models}
    card = {
        "data": f"the course's scenes, {SIZE} px, difficulty {LEVEL}, {OBJECTS[0]} to {OBJECTS[1]} objects: "
        f"{BATCH * run.args.steps * run.epochs} to train, none twice; {run.args.tested} to judge on in each split, "
        f"{WATCHED} for the learning curve",
        "metric": "AP, AP50, AP75 as COCO counts them; mean and standard deviation over seeds; curve: AP50 on "
        "split='val' after each epoch. multiply_adds: convolutions and matrix products of one picture",
        "command": run.command + ("" if begin == "pretrained" else " --start scratch") + chosen,
        **settings,
        "batch": BATCH,
        "classes": CLASSES,
        **environment(run.device),
        "rows": rows,
    }
    target = run.args.card or CARDS / ("10_detection.json" if begin == "pretrained" else "10_detection_scratch.json")
    target.write_text(json.dumps(card, indent=1) + "\n")
    if not run.args.seeds:
        return
    np.savez_compressed(target.with_suffix(".npz"), **{name: np.load(shown(run, name)) for name in run.args.models})
    queries = {name: shown(run, name).with_suffix(".looks.npz") for name in run.args.models}
    tables = {f"{name} {key}": value for name, path in queries.items() if path.exists()
              for key, value in np.load(path).items()}  # fmt: skip
    np.savez_compressed(target.with_name(f"{target.stem}_looks.npz"), **tables)


if __name__ == "__main__":
    main()
