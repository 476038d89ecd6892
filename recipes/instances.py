"""Mask R-CNN and Panoptic FPN on the course's scenes, for chapter 11; writes chapters/cards/11_instances.json.

    python -m recipes.instances

One network is trained for boxes, masks and the semantic map at once. Encoder, pyramid and proposals start from the
shipped `scene_detector`; the heads start from nothing. The mask head reads its regions by RoIAlign or by RoI pooling;
all else is alike, and a seed means the same pictures in the same order for both. The rate of each is the best on
validation scenes after a quarter of the pictures, on a grid that grows until the best is not at its edge. Judged are
masks and boxes on test
scenes, on combinations that training never shows, and on test scenes with regions read the other way (swapped); and
panoptic maps of test scenes and of crowded ones: of the network, and with one of its parts replaced by the truth or
left out. The first network with RoIAlign is shipped as `scene_instances`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CATEGORIES, CLASSES, STUFF, scene_dataset
from course_lib.data.scenes.datasets import block_generator, scene_block
from course_lib.detection.detector import Target, detect_all
from course_lib.detection.faster_rcnn import FasterRCNN
from course_lib.detection.mask_targets import masked_targets
from course_lib.detection.panoptic_fpn import PanopticFPN
from course_lib.instances.panoptic import merge_panoptic, pieces_panoptic, quality_by_kind, shared_pixels
from course_lib.metrics.average_precision import AveragePrecision
from course_lib.metrics.panoptic import PanopticQuality
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.ops.masks import mask_iou
from course_lib.optim import AdamW, warmup_cosine
from recipes.common import CARDS, Run, curve, environment, ship, start
from recipes.comparison import Known, add_flags, spread

K, C, SIZE, LEVEL, OBJECTS, BATCH, TESTED, WATCHED = len(CLASSES), len(CATEGORIES), 64, 0.3, (1, 4), 32, 512, 128
STEPS, EPOCHS, WARMUP, DECAY, SEEDS = 60, 4, 30, 0.02, 3  # 4 x 60 x 32 = 7,680 pictures a training
RATES, TRIED, FIELDS, HIDDEN = (2e-3, 4e-3, 8e-3), 1, ("image", "classes", "masks", "semantic", "panoptic"), 64
STUFFS = tuple(CATEGORIES.index(name) for name in STUFF)
MODELS = {"RoIAlign": True, "RoI pooling": False}
CROWD = 4  # objects of one kind
SHIPPED, SCORES, JUDGED = "scene_instances", ("AP", "AP50", "AP75"), ("masks", "boxes")


def model_of(name: str, begin: str) -> PanopticFPN:
    """A network whose heads are not trained yet; "pretrained" takes what fits from the shipped detector."""
    model = PanopticFPN(SceneEncoder(), K, C, align_masks=MODELS[name], hidden=HIDDEN)
    if begin == "pretrained":
        known = load_checkpoint("scene_detector", FasterRCNN(SceneEncoder(), K))
        model.neck.load_state_dict(known.neck.state_dict())
        model.rpn.load_state_dict(known.rpn.state_dict())
    return model


def targets_of(classes: Tensor, masks: Tensor, semantic: Tensor) -> list[dict[str, Tensor]]:
    """What a network is to learn of each picture."""
    return [
        target | {"semantic": names} for target, names in zip(masked_targets(masks, classes), semantic, strict=True)
    ]


def fixed(split: str, samples: int, **request) -> tuple[Tensor, list[dict[str, Tensor]], Tensor]:
    """Scenes of a split that are always the same, their targets and their panoptic maps; `request` asks for others."""
    images, classes, masks, semantic, panoptic = scene_dataset(samples, FIELDS, SIZE, split=split, difficulty=LEVEL,
                                                               **{"objects": OBJECTS} | request).tensors  # fmt: skip
    return images, targets_of(classes, masks, semantic), panoptic


def crowded(samples: int) -> tuple[Tensor, list[dict[str, Tensor]], Tensor]:
    """As `fixed`, test scenes with CROWD objects of one class each, where two of a kind often touch; all classes."""
    each = -(-samples // K)
    parts = [fixed("test", each, objects=CROWD, classes=(name,)) for name in CLASSES]
    images, targets, panoptic = zip(*parts, strict=True)
    return torch.cat(images), [target for some in targets for target in some], torch.cat(panoptic)


def scores_of(answers: Sequence[Target], targets: Sequence[Target]) -> dict[str, dict[str, float]]:
    """AP, AP50 and AP75 of masks and of boxes, for a card."""
    found = {}
    for kind in JUDGED:
        score = AveragePrecision(kind)
        score.update(answers, targets)
        result = score.compute()
        found[kind] = {name: round(result[name], 4) for name in SCORES}
    return found


def quality_of(maps: Sequence[Tensor], truth: Tensor) -> dict[str, dict[str, float]]:
    """PQ, SQ and RQ of panoptic maps, for a card."""
    quality = PanopticQuality(C)
    quality.update(torch.stack(list(maps)), truth)
    return {kind: {name: round(value, 4) for name, value in values.items()}
            for kind, values in quality_by_kind(quality, STUFFS).items()}  # fmt: skip


def matches(answer: Target, target: Target) -> Tensor:
    """The object (D,) that each answer is about, by the IoU of masks above 1/2; -1 for none."""
    if not len(target["masks"]):
        return torch.full((len(answer["masks"]),), -1)
    best, which = mask_iou(answer["masks"], target["masks"]).max(1)
    return torch.where(best > 0.5, which, -1)


def by_depth(answer: Target, target: Target) -> dict[str, Tensor]:
    """An answer with the nearest object first: matched ones by the truth's order, others behind them, by score."""
    order = matches(answer, target).argsort(descending=True, stable=True)
    return {name: answer[name][order] for name in ("masks", "labels", "scores")}


def truth_as_answer(target: Target) -> dict[str, Tensor]:
    """The true objects as if a detector had found them."""
    return {"masks": target["masks"], "labels": target["labels"], "scores": torch.ones(len(target["labels"]))}


def panoptics(answers: Sequence[Target], targets: Sequence[Target]) -> dict[str, list[Tensor]]:
    """Panoptic maps of the network, and with one part replaced by the truth or left out."""
    pairs = list(zip(answers, targets, strict=True))
    return {
        "network": [merge_panoptic(a, a["semantic"], STUFFS) for a, _ in pairs],
        "true order": [merge_panoptic(by_depth(a, t), a["semantic"], STUFFS) for a, t in pairs],
        "true instances": [merge_panoptic(truth_as_answer(t), a["semantic"], STUFFS) for a, t in pairs],
        "true semantic map": [merge_panoptic(a, t["semantic"], STUFFS) for a, t in pairs],
        "semantic map alone": [pieces_panoptic(a["semantic"], STUFFS) for a, _ in pairs],
        "true semantic map alone": [pieces_panoptic(t["semantic"], STUFFS, least=1) for _, t in pairs],
    }


def disputes(answers: Sequence[Target], targets: Sequence[Target], *, least: int = 4) -> dict[str, int]:
    """Pairs of sure answers about two objects whose masks share pixels: how often is the better score the nearer one?

    Returns:
        "pairs" that share at least `least` pixels and "nearer", in how many of them the better score is nearer; and the
        same for their "pixels", counted where one of the two is right: "pixels_right" go to the right one.
    """
    found = dict.fromkeys(("pairs", "nearer", "pixels", "pixels_right"), 0)
    for answer, target in zip(answers, targets, strict=True):
        which = torch.where(answer["scores"] >= 0.5, matches(answer, target), -1)
        shared = shared_pixels(answer["masks"])
        for i, j in ((shared >= least).triu(1) & (which >= 0)[:, None] & (which >= 0)).nonzero().tolist():
            if which[i] == which[j]:
                continue
            common = answer["masks"][i] & answer["masks"][j]
            first, second = (int((common & target["masks"][which[k]]).sum()) for k in (i, j))
            found["pairs"] += 1
            found["nearer"] += int(which[i] > which[j])  # a later object lies in front
            found["pixels"] += first + second
            found["pixels_right"] += first
    return found


def train(run: Run, name: str, rate: float, *, epochs: int, seed: int) -> tuple[PanopticFPN, History]:
    """A trained network and how its training went; pictures depend on seed and step alone."""
    torch.manual_seed(seed)
    model = model_of(name, run.args.start).to(run.device, memory_format=torch.channels_last)
    history, steps = History(), run.args.steps

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        block = block_generator(seed, "train", 1, block=history.steps)
        images, *labels = (part.to(run.device) for part in scene_block(
            BATCH, FIELDS[:4], SIZE, split="train", difficulty=LEVEL, objects=OBJECTS, generator=block))  # fmt: skip
        images = images.contiguous(memory_format=torch.channels_last)
        return torch.stack(list(model.losses(images, targets_of(*labels), stream).values())).sum()

    fit(model, loss, AdamW(model.parameters(), rate, weight_decay=DECAY), samples=steps, epochs=epochs, batch=1,
        generator=generator(seed, run.device), clip=1.0, history=history,
        evaluate=lambda found: judge(found, "val", min(WATCHED, run.args.tested))["masks"]["AP"],
        schedule=lambda step, all_steps: warmup_cosine(step, all_steps, min(WARMUP, epochs * steps - 1)),
        **run.keep(f".{name.replace(' ', '_')}.{rate}.{epochs}.{seed}"))  # fmt: skip
    return model, history


def judge(model: PanopticFPN, split: str, samples: int) -> dict[str, dict[str, float]]:
    """Scores of masks and boxes on fixed scenes of a split."""
    images, targets, _ = fixed(split, samples)
    return scores_of(on_cpu(detect_all(model, images)), targets)


def on_cpu(answers: Sequence[Target]) -> list[dict[str, Tensor]]:
    """Answers where the truth is."""
    return [{name: value.cpu() for name, value in answer.items()} for answer in answers]


def trained(run: Run, name: str, rate: float, seed: int) -> dict:
    """What the card says of one training; the first one with RoIAlign is shipped."""
    model, history = train(run, name, rate, epochs=run.epochs, seed=seed)
    samples = run.args.tested
    if seed == 0 and MODELS[name] and run.args.start == "pretrained":
        ship(dataclasses.replace(run, name=SHIPPED), model, model_of(name, "scratch"),
             lambda found: judge(found, "test", samples), history,
             data=f"the course's scenes, {SIZE} px, difficulty {LEVEL}, {OBJECTS[0]} to {OBJECTS[1]} objects; encoder, "
             "pyramid and proposals start as scene_detector",
             metric=f"AP of masks and of boxes on scene_dataset({samples}, ..., {SIZE}, split='test', "
             f"difficulty={LEVEL}, objects={OBJECTS}), half-precision weights", rate=rate)  # fmt: skip
    images, targets, truth = fixed("test", samples)
    answers = on_cpu(detect_all(model, images))
    model.mask_head.align = not MODELS[name]
    swapped = judge(model, "test", samples)
    model.mask_head.align = MODELS[name]
    crowd, crowd_targets, crowd_truth = crowded(samples)
    crowd_maps = panoptics(on_cpu(detect_all(model, crowd)), crowd_targets)
    found = {"test": scores_of(answers, targets), "heldout": judge(model, "heldout", samples), "swapped": swapped,
             "panoptic": {key: quality_of(maps, truth) for key, maps in panoptics(answers, targets).items()},
             "crowd": {key: quality_of(maps, crowd_truth) for key, maps in crowd_maps.items()},
             "disputes": disputes(answers, targets),
             "seconds": round(history.seconds), "curve": curve(history)}  # fmt: skip
    print(name, rate, seed, found["test"], found["panoptic"]["network"], found["seconds"], flush=True)
    return found


def spreads(seeds: Sequence[dict], read: Callable[[dict], dict[str, float]]) -> dict[str, dict]:
    """Mean and deviation over seeds of each number that `read` finds in what one of them gave."""
    return {name: spread([read(found)[name] for found in seeds]) for name in read(seeds[0])}


def row_of(run: Run, name: str, known: Known) -> dict:
    """What the card says of one kind of mask head."""

    def tried(rate: float) -> float:
        model, _ = train(run, name, rate, epochs=min(TRIED, run.epochs), seed=100)
        return judge(model, "val", run.args.tested)["masks"]["AP"]

    row = known.row(name, RATES, seeds=run.args.seeds, tried=tried,
                    trained=lambda rate, seed: trained(run, name, rate, seed))  # fmt: skip
    seeds = row["seeds"]
    scores = {split: {kind: spreads(seeds, lambda found, s=split, k=kind: found[s][k]) for kind in JUDGED}
              for split in ("test", "heldout", "swapped")}  # fmt: skip
    maps = {scenes: {key: {kind: spreads(seeds, lambda found, s=scenes, m=key, k=kind: found[s][m][k])
                           for kind in kinds} for key, kinds in seeds[0][scenes].items()}
            for scenes in ("panoptic", "crowd")}  # fmt: skip
    parameters = sum(p.numel() for p in model_of(name, "scratch").parameters())
    return scores | maps | row | {"parameters": parameters}


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    add_flags(parser, models=MODELS, default=MODELS, starts=("pretrained", "scratch"), seeds=SEEDS, steps=STEPS,
              tested=TESTED)  # fmt: skip


def main() -> None:
    """Choose rates, train both with each seed, judge, write the card; what is done is kept beside the state."""
    run = start(__doc__, "instances", EPOCHS, add, threads=1)
    assert run.state is not None
    settings = {"start": run.args.start, "epochs": run.epochs, "steps": run.args.steps, "tested": run.args.tested}
    known = Known(run.state.with_suffix(".json"), settings)
    rows = {name: row_of(run, name, known) for name in run.args.models}
    card = {
        "data": f"the course's scenes, {SIZE} px, difficulty {LEVEL}, {OBJECTS[0]} to {OBJECTS[1]} objects: "
        f"{BATCH * run.args.steps * run.epochs} to train, none twice; {run.args.tested} to judge on in each split, "
        f"{WATCHED} for the learning curve; crowd: {CROWD} objects of one class in a scene, each class as often",
        "metric": "AP, AP50, AP75 of masks and boxes as COCO counts them; PQ, SQ, RQ of panoptic maps; mean and "
        "standard deviation over seeds; curve: AP of masks on split='val' after each epoch; rates_tried: the same "
        f"after {TRIED} epoch",
        "command": run.command,
        **settings,
        "batch": BATCH,
        "classes": CLASSES,
        **environment(run.device),
        "rows": rows,
    }
    (run.args.card or CARDS / "11_instances.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
