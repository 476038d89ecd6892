"""Contours that walk to the edges of objects: the table of chapter 11; writes chapters/cards/11_snake.json.

    python -m recipes.snake

A feature pyramid on the encoder of `recipes.segmentation_encoder` and three snakes that read the same map and differ in
one thing: circular convolution, the same with zeros beyond the ends, and every vertex alone (kernel 1). They are
trained side by side, on the same pictures, none twice, from jittered true boxes; the map gets the gradients of all
three. The rate is the best of a grid for the circular snake alone, after TRIED steps, on validation scenes; the grid
grows until the best is not at its edge. Judged by mask IoU after each stage on test scenes and on combinations that
training never shows, with true boxes; and by mask AP with the boxes of `scene_detector`. The first seed's circular
snake is shipped.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.data.scenes.datasets import block_generator, scene_block
from course_lib.detection.detector import detect_all
from course_lib.detection.faster_rcnn import FasterRCNN
from course_lib.detection.neck import FeaturePyramid
from course_lib.instances.contours import contours_to_masks, extreme_points, extremes_to_octagon, mask_contour
from course_lib.instances.snake import DeepSnake
from course_lib.metrics.average_precision import AveragePrecision
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.ops.masks import boxes_to_masks
from course_lib.optim import AdamW, warmup_cosine
from recipes.common import CARDS, Run, curve, environment, ship, start
from recipes.comparison import Known, choose_rate, spread
from recipes.detection import pretrained_encoder

SIZE, LEVEL, OBJECTS, BATCH, VERTICES, WIDTH = 64, 0.3, (1, 4), 16, 48, 64
STEPS, EPOCHS, TRIED, WARMUP, DECAY, SEEDS, TESTED = 75, 4, 40, 40, 0.02, 3, 512
RATES, JITTER, LEAST = (1e-3, 2e-3, 4e-3), 0.05, 20  # pixels of the smallest object that counts
FIELDS = ("image", "classes", "masks", "boxes")
KINDS: dict[str, dict] = {"circular": {}, "zeros beyond the ends": {"border": "zeros"},
                          "each vertex alone": {"kernel": 1}}  # fmt: skip
STAGES = ("box", "diamond", "octagon", *(f"contour {k + 1}" for k in range(3)))


class Snakes(nn.Module):
    """Snakes of several kinds on one map."""

    def __init__(self, kinds: list[str], pretrained: bool):
        super().__init__()
        self.neck = neck_of(pretrained)
        self.heads = nn.ModuleList(DeepSnake(self.neck, VERTICES, **KINDS[kind]) for kind in kinds)

    def snakes(self) -> list[DeepSnake]:
        """The heads, in the order of their kinds."""
        return [head for head in self.heads if isinstance(head, DeepSnake)]


def neck_of(pretrained: bool) -> FeaturePyramid:
    """The map that a snake reads."""
    return FeaturePyramid(pretrained_encoder() if pretrained else SceneEncoder(), WIDTH, (4,))


def objects_of(values: list[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Masks (N, H, W), boxes (N, 4), picture (N,) and class (N,) of all objects that show LEAST pixels."""
    _, classes, masks, boxes = values
    seen = masks.flatten(2).sum(2) >= LEAST
    return masks[seen], boxes[seen].float(), seen.nonzero()[:, 0], classes[seen]


def jittered(boxes: Tensor, generator: torch.Generator) -> Tensor:
    """Boxes whose sides moved by normal noise, in sides of the box."""
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    return boxes + JITTER * sides * torch.randn(boxes.shape, generator=generator, device=generator.device)


@torch.no_grad()
def maps_of(model: DeepSnake, images: Tensor) -> Tensor:
    """What the snake reads of (B, 3, H, W) images, on the snake's device."""
    where = next(model.parameters()).device
    return torch.cat([model.neck(part.to(where))[0] for part in images.split(64)])


@torch.no_grad()
def shapes(model: DeepSnake, maps: Tensor, boxes: Tensor, images: Tensor) -> dict[str, Tensor]:
    """The filled shape after each of STAGES, (N, H, W) bool on the CPU, where polygons are filled."""
    stages = model.stages(maps, boxes.to(maps.device), images.to(maps.device))
    filled = [contours_to_masks(stage.cpu(), SIZE, SIZE) for stage in stages]
    return dict(zip(STAGES, [boxes_to_masks(boxes, SIZE, SIZE), *filled], strict=True))


def overlap(found: Tensor, truth: Tensor) -> Tensor:
    """IoU of each pair, (N,)."""
    return (found & truth).flatten(1).sum(1) / (found | truth).flatten(1).sum(1).clamp(min=1)


@torch.no_grad()
def ious(model: DeepSnake, values: list[Tensor]) -> dict[str, Tensor]:
    """IoU of all objects after each stage, from true boxes."""
    masks, boxes, images, _ = objects_of(values)
    found = shapes(model, maps_of(model, values[0]), boxes, images)
    return {name: overlap(shape, masks) for name, shape in found.items()}


def fixed(split: str, samples: int) -> list[Tensor]:
    """Scenes that are always the same."""
    return list(scene_dataset(samples, FIELDS, SIZE, split=split, difficulty=LEVEL, objects=OBJECTS).tensors)


def train(run: Run, kinds: list[str], rate: float, *, epochs: int, seed: int) -> tuple[Snakes, History]:
    """Trained snakes, and how their training went."""
    torch.manual_seed(seed)
    model = Snakes(kinds, run.args.start == "pretrained").to(run.device)
    history, steps = History(), run.args.steps

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        values = scene_block(BATCH, FIELDS, SIZE, split="train", difficulty=LEVEL, objects=OBJECTS,
                             generator=block_generator(seed, "train", block=history.steps))  # fmt: skip
        masks, boxes, images, _ = objects_of(values)
        truth = torch.stack([mask_contour(mask, 4 * VERTICES) for mask in masks])
        given = {"truth": truth.to(run.device),
                 "extremes": torch.stack([extreme_points(line) for line in truth]).to(run.device)}  # fmt: skip
        maps, near, images = (model.neck(values[0].to(run.device))[0], jittered(boxes.to(run.device), stream),
                              images.to(run.device))  # fmt: skip
        losses = [torch.stack(list(head.losses(maps, near, images, **given).values())).sum() for head in model.snakes()]
        return torch.stack(losses).sum()

    watched = fixed("val", min(64, run.args.tested))
    fit(model, loss, AdamW(model.parameters(), rate, weight_decay=DECAY), samples=steps, epochs=epochs, batch=1,
        generator=generator(seed, run.device), clip=1.0, history=history,
        evaluate=lambda _: float(ious(model.snakes()[0], watched)[STAGES[-1]].mean()),
        schedule=lambda step, all_steps: warmup_cosine(step, all_steps, min(WARMUP, epochs * steps // 2)),
        **run.keep(f".{len(kinds)}.{rate}.{epochs}.{seed}"))  # fmt: skip
    return model, history


def bounds(values: list[Tensor]) -> dict[str, float]:
    """Mean IoU of what needs no network: true extreme points, and the outline itself as VERTICES points."""
    masks, *_ = objects_of(values)
    lines = torch.stack([mask_contour(mask, VERTICES) for mask in masks])
    octagons = extremes_to_octagon(torch.stack([extreme_points(line) for line in lines]))
    shapes_of = {"octagon of the true extreme points": octagons, f"true outline, {VERTICES} points": lines}
    return {name: round(float(overlap(contours_to_masks(line, SIZE, SIZE), masks).mean()), 4)
            for name, line in shapes_of.items()}  # fmt: skip


@torch.no_grad()
def mask_ap(model: DeepSnake, values: list[Tensor]) -> dict[str, dict[str, float]]:
    """Mask AP of each stage with the boxes of the shipped detector."""
    images, classes, masks, _ = values
    seen = masks.flatten(2).any(2)
    targets = [{"masks": some[keep], "labels": names[keep]}
               for some, names, keep in zip(masks, classes, seen, strict=True)]  # fmt: skip
    found = detect_all(load_checkpoint("scene_detector", FasterRCNN(SceneEncoder(), len(CLASSES))), images)
    owner = torch.cat([torch.full((len(answer["boxes"]),), k) for k, answer in enumerate(found)])
    result, boxes = {}, torch.cat([answer["boxes"] for answer in found])
    for name, filled in shapes(model, maps_of(model, images), boxes, owner).items():
        score = AveragePrecision("masks")
        score.update([{"masks": filled[owner == k], "scores": answer["scores"], "labels": answer["labels"]}
                      for k, answer in enumerate(found)], targets)  # fmt: skip
        result[name] = {key: round(score.compute()[key], 4) for key in ("AP", "AP50", "AP75")}
    return result


def judge(model: DeepSnake, samples: int) -> dict:
    """What the card says of one snake."""
    model.eval()
    test = fixed("test", samples)
    found, classes = ious(model, test), objects_of(test)[3]
    mean = lambda values: {name: round(float(value.mean()), 4) for name, value in values.items()}  # noqa: E731
    by_class = {CLASSES[k]: mean({s: v[classes == k] for s, v in found.items()}) for k in range(len(CLASSES))}
    return {"objects": len(classes), "test": mean(found), "heldout": mean(ious(model, fixed("heldout", samples))),
            "by_class": by_class}  # fmt: skip


def trained(run: Run, rate: float, seed: int) -> dict:
    """What the card says of one training; the first seed's circular snake is shipped."""
    model, history = train(run, list(KINDS), rate, epochs=run.epochs, seed=seed)
    found = {kind: judge(head, run.args.tested) for kind, head in zip(KINDS, model.snakes(), strict=True)}
    if seed == 0 and run.args.start == "pretrained":
        ship(dataclasses.replace(run, name="scene_snake"), model.snakes()[0], DeepSnake(neck_of(False), VERTICES),
             lambda stored: {"test": judge(stored.eval(), run.args.tested)["test"]}, history,
             data=f"the course's scenes, {SIZE} px, difficulty {LEVEL}, {OBJECTS[0]} to {OBJECTS[1]} objects; the "
             "encoder starts as scene_encoder; trained beside two snakes of other kinds on the same map",
             metric=f"mask IoU from true boxes on scene_dataset({run.args.tested}, {FIELDS}, {SIZE}, split='test', "
             f"difficulty={LEVEL}, objects={OBJECTS}), objects of {LEAST} pixels or more; half-precision weights",
             rate=rate)  # fmt: skip
        found["mask AP"] = mask_ap(model.snakes()[0].eval(), fixed("test", run.args.tested))
    return found | {"seconds": round(history.seconds), "curve": curve(history)}


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    parser.add_argument("--start", choices=["pretrained", "scratch"], default="pretrained")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--steps", type=int, default=STEPS, help="batches an epoch")
    parser.add_argument("--tried", type=int, default=TRIED, help="steps of a training that tries a rate")
    parser.add_argument("--tested", type=int, default=TESTED, help="scenes of each split to judge on")
    parser.add_argument("--card", type=Path, default=CARDS / "11_snake.json", help="where the card is written")


def main() -> None:
    """Choose the rate, train, judge, write the card; what is done is kept beside the state."""
    run = start(__doc__, "snake", EPOCHS, add, threads=1)
    assert run.state is not None
    settings = {"epochs": run.epochs, "steps": run.args.steps, "tested": run.args.tested}
    known = Known(run.state.with_suffix(".json"), settings)
    values = fixed("val", min(128, run.args.tested))

    def tried(rate: float) -> float:
        short = dataclasses.replace(run, args=argparse.Namespace(**vars(run.args) | {"steps": run.args.tried}))
        model, _ = train(short, ["circular"], rate, epochs=1, seed=100)
        return float(ious(model.snakes()[0].eval(), values)[STAGES[-1]].mean())

    rate, scores = choose_rate(RATES, lambda rate: known.once(f"rate {rate}", lambda: tried(rate)))
    seeds = [known.once(f"seed {k}", lambda seed=k: trained(run, rate, seed)) for k in range(run.args.seeds)]
    rows = {kind: {split: {stage: spread([found[kind][split][stage] for found in seeds]) for stage in STAGES}
                   for split in ("test", "heldout")} for kind in KINDS}  # fmt: skip
    card = {
        "data": f"the course's scenes, {SIZE} px, difficulty {LEVEL}, {OBJECTS[0]} to {OBJECTS[1]} objects: "
        f"{BATCH * run.args.steps * run.epochs} to train, none twice; {run.args.tested} of each split to judge on",
        "metric": f"mean mask IoU of objects of {LEAST} pixels or more, from true boxes, by stage; mean and standard "
        "deviation over seeds; mask AP of the first seed with the boxes of scene_detector",
        "command": run.command,
        **settings,
        "batch": BATCH,
        "vertices": VERTICES,
        "jitter": JITTER,
        "rate": rate,
        "rates_tried": scores,
        **environment(run.device),
        "bounds": known.once("bounds", lambda: bounds(fixed("test", run.args.tested))),
        "rows": rows,
        "mask_AP": seeds[0].get("mask AP"),
        "seeds": seeds,
    }
    run.args.card.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
