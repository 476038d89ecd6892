"""Masks on demand, trained with users who do not exist: chapter 11; writes chapters/cards/11_promptable.json.

    python -m recipes.promptable

Half of the pictures are the course's scenes of objects, without star and wedge; half show one or two figures, and there
the user means a person or a part of one, each with probability 1/2. A training example is a dialogue of ROUNDS prompts:
a click in what is meant (or, one in four, its jittered box), then clicks anywhere in the error of the answer shown. No
picture comes twice. The encoder starts as `scene_encoder`, which has learnt to *name* all ten shapes, star and wedge
as well: the new shapes are new as masks only. The rate was not tuned. Judged on test scenes by IoU after each click
of a careful user, from boxes, and on what a single click on a person finds. The first seed is shipped.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import torch
from skimage.segmentation import felzenszwalb
from torch import Tensor

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.data.scenes import CLASSES, render, sample_figures
from course_lib.data.scenes.datasets import block_generator, scene_block
from course_lib.detection.neck import FeaturePyramid
from course_lib.instances.clicks import click_session, error_click, random_click, with_room
from course_lib.instances.nested import person_and_part_masks
from course_lib.instances.promptable import Promptable, enlarged, promptable_losses, shown_mask
from course_lib.instances.prompts import THIS, box_prompts
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.ops.masks import boxes_to_masks, masks_to_boxes
from course_lib.optim import AdamW, warmup_cosine
from recipes.common import CARDS, Run, curve, environment, ship, start
from recipes.comparison import Known, spread
from recipes.detection import pretrained_encoder

SIZE, LEVEL, OBJECTS, BATCH, WIDTH = 64, 0.3, (1, 4), 8, 32
STEPS, EPOCHS, WARMUP, DECAY, RATE, SEEDS = 100, 9, 60, 0.02, 2e-3, 1
ROUNDS, ASKED, BOXED, JITTER, LEAST = 3, 2, 0.25, 0.05, 20  # ASKED: dialogues about each picture
CLICKS, TESTED, UNSEEN = 5, 512, ("star", "wedge")
SEEN = tuple(name for name in CLASSES if name not in UNSEEN)
PEOPLE = {"figures": (1, 2), "heights": (0.7, 0.95)}
SCALES = (25.0, 50.0, 100.0, 200.0, 400.0, 800.0)  # of the graph's segments, tried on validation scenes


def objects(count: int, split: str, stream: torch.Generator, *, classes: tuple[str, ...] = SEEN
            ) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Pictures (B, 3, H, W) and masks (B, M, H, W) of whole objects."""
    images, masks = scene_block(count, ("image", "masks"), SIZE, generator=stream, split=split, difficulty=LEVEL,
                                objects=OBJECTS, classes=classes)  # fmt: skip
    return images, masks


def people(count: int, stream: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures (B, 3, H, W), persons (B, 2, H, W) and their parts (B, 2, 6, H, W)."""
    scene = sample_figures(count, SIZE, generator=stream, figures=(1, 2), heights=PEOPLE["heights"])
    drawn = render(scene, image=True, geometry=False)
    return drawn.image, *person_and_part_masks(scene, drawn)


def chosen(masks: Tensor, stream: torch.Generator, count: int = ASKED) -> tuple[Tensor, Tensor]:
    """For each picture `count` of its masks (B, M, H, W) that show LEAST pixels: masks (N, H, W), pictures (N,)."""
    large = masks.flatten(2).sum(2) >= LEAST
    lot = torch.rand(large.shape, generator=stream) + 2.0 * ~large
    best = lot.argsort(1)[:, :count]
    kept = large.gather(1, best)
    images = torch.arange(len(masks))[:, None].expand_as(best)[kept]
    return masks[images, best[kept]], images


def dialogues(stream: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """One batch: pictures (B, 3, H, W), what users mean (N, H, W) bool, and the picture (N,) of each."""
    half = BATCH // 2
    images, masks = objects(half, "train", stream)
    pictures, persons, parts = people(half, stream)
    meant, owner = chosen(masks, stream)
    whole, first = chosen(persons, stream, 1)
    part, second = chosen(parts.flatten(1, 2), stream, 1)
    pictures_of = torch.cat([owner, half + first, half + second])
    return torch.cat([images, pictures]), torch.cat([meant, whole, part]), pictures_of


def first_prompts(truth: Tensor, stream: torch.Generator) -> tuple[Tensor, Tensor]:
    """A click, or for BOXED of the users a jittered box: points (N, 2, 2), kinds (N, 2)."""
    boxes = masks_to_boxes(truth)
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    corners, corner_kinds = box_prompts(boxes + JITTER * sides * torch.randn(boxes.shape, generator=stream))
    click = random_click(truth, stream)[:, None]
    click, click_kinds = with_room(click, torch.full((len(truth), 1), THIS))
    boxed = torch.rand(len(truth), generator=stream) < BOXED
    return torch.where(boxed[:, None, None], corners, click), torch.where(boxed[:, None], corner_kinds, click_kinds)


def train(run: Run, rate: float, *, epochs: int, seed: int) -> tuple[Promptable, History]:
    """A trained network, and how its training went."""
    torch.manual_seed(seed)
    model, history, steps = blank(run.args.start == "pretrained"), History(), run.args.steps

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        images, truth, owner = dialogues(block_generator(seed, "train", block=history.steps))
        maps, earlier, losses = model.neck(images), None, []
        points, kinds = first_prompts(truth, stream)
        for turn in range(ROUNDS):
            logits, quality = model(maps, points, kinds, images=owner, earlier=earlier)
            losses += promptable_losses(logits, quality, truth, kinds=kinds).values()
            if turn + 1 < ROUNDS:
                earlier = logits.detach()[torch.arange(len(owner)), shown_mask(logits, quality, kinds)]
                point, kind = error_click(enlarged(earlier[:, None])[:, 0] > 0, truth, stream)
                points, kinds = torch.cat([points, point[:, None]], 1), torch.cat([kinds, kind[:, None]], 1)
        return torch.stack(losses).sum() / ROUNDS

    images, meant = cases("val", 64)["seen shapes"]
    fit(model, loss, AdamW(model.parameters(), rate, weight_decay=DECAY), samples=steps, epochs=epochs, batch=1,
        generator=generator(seed), clip=1.0, history=history,
        evaluate=lambda found: by_clicks(found, maps_of(found, images), meant, clicks=3)["clicks"][-1],
        schedule=lambda step, all_steps: warmup_cosine(step, all_steps, min(WARMUP, epochs * steps // 2)),
        **run.keep(f".{epochs}.{seed}"))  # fmt: skip
    return model, history


def blank(pretrained: bool = False) -> Promptable:
    """A network whose decoder is not trained yet."""
    encoder = pretrained_encoder() if pretrained else SceneEncoder()
    return Promptable(FeaturePyramid(encoder, WIDTH, (2, 4)))


def cases(split: str, count: int) -> dict[str, tuple[Tensor, Tensor]]:
    """`count` pictures and one thing meant in each, always the same, of each kind."""
    found = {}
    for number, (name, classes) in enumerate({"seen shapes": SEEN, "new shapes": UNSEEN}.items()):
        stream = block_generator(7 + number, split)
        found[name] = one_each(*objects(count + count // 8, split, stream, classes=classes), stream, count=count)
    stream = block_generator(9, split)
    images, persons, parts = people(count + count // 8, stream)
    found["persons"] = one_each(images, persons, stream, count=count)
    found["parts"] = one_each(images, parts.flatten(1, 2), stream, count=count)
    return found


def one_each(images: Tensor, masks: Tensor, stream: torch.Generator, *, count: int) -> tuple[Tensor, Tensor]:
    """Pictures (count, 3, H, W) and one mask (count, H, W) in each."""
    meant, owner = chosen(masks, stream, 1)
    if len(meant) < count:
        raise ValueError(f"{count} pictures with something of {LEAST} pixels are needed, there are {len(meant)}")
    return images[owner[:count]], meant[:count]


def overlap(found: Tensor, truth: Tensor) -> Tensor:
    """IoU (...) of masks (..., H, W)."""
    return (found & truth).sum((-2, -1)) / (found | truth).sum((-2, -1)).clamp(min=1)


@torch.no_grad()
def maps_of(model: Promptable, images: Tensor) -> list[Tensor]:
    """Maps of any number of pictures."""
    parts = [model.eval().neck(part) for part in images.split(64)]
    return [torch.cat(level) for level in zip(*parts, strict=True)]


class Asked:
    """A network that is asked about pictures again and again and remembers its last answer.

    Args:
        model: The network.
        maps: Of the network's neck, one picture for each user.
        one: Show always the one mask, never one of the three.
    """

    def __init__(self, model: Promptable, maps: list[Tensor], one: bool = False):
        self.model, self.maps, self.one, self.earlier = model.eval(), maps, one, None

    @torch.no_grad()
    def __call__(self, points: Tensor, kinds: Tensor) -> Tensor:
        """Masks (N, H, W) for points (N, P, 2) and kinds (N, P)."""
        owner = torch.arange(len(points))
        if not (
            kinds > THIS
        ).any():  # as in training, where clicks alone leave the place of a box's second corner empty
            points, kinds = with_room(points, kinds)
        logits, quality = self.model(self.maps, points, kinds, images=owner, earlier=self.earlier)
        which = torch.zeros_like(owner) if self.one else shown_mask(logits, quality, kinds)
        self.earlier = logits[owner, which]
        return enlarged(self.earlier[:, None])[:, 0] > 0


def by_clicks(model: Promptable, maps: list[Tensor], truth: Tensor, *, clicks: int = CLICKS, one: bool = False
              ) -> dict[str, list[float]]:  # fmt: skip
    """Mean IoU after each click, its standard error, and the share of users who have 0.8 by then."""
    masks, _, _ = click_session(Asked(model, maps, one), truth, clicks, generator=generator(0))
    iou = overlap(masks, truth)
    error = iou.std(1) / len(truth) ** 0.5
    good = (iou.cummax(0).values >= 0.8).float().mean(1)
    return {"clicks": rounded(iou.mean(1)), "standard_error": rounded(error), "share_above_0.8": rounded(good)}


def by_box(model: Promptable, maps: list[Tensor], truth: Tensor) -> dict[str, float]:
    """Mean IoU from true boxes, and that of the filled box."""
    boxes = masks_to_boxes(truth)
    found = Asked(model, maps)(*box_prompts(boxes))
    return {"network": float(overlap(found, truth).mean().round(decimals=4)),
            "filled": float(overlap(boxes_to_masks(boxes, SIZE, SIZE), truth).mean().round(decimals=4))}  # fmt: skip


def rounded(values: Tensor) -> list[float]:
    """For a card."""
    return [round(float(value), 4) for value in values]


@torch.no_grad()
def ambiguity(model: Promptable, count: int) -> dict[str, float]:
    """One click on a part of a person: how well do answers fit the part, the person, and the nearer of both?

    Returns:
        Mean IoU: "one" mask and "shown", the one of three chosen by predicted IoU, with the part, the person and the
        nearer of the two; "best" of three for each; and how often both are found at 0.7 or better.
    """
    stream = block_generator(11, "test")
    images, persons, parts = people(count + count // 8, stream)
    large = parts.flatten(3).sum(3) >= LEAST
    twice = persons.flatten(2).sum(2)[..., None] >= 2 * parts.flatten(3).sum(3)
    masks = (parts & (large & twice)[..., None, None]).flatten(1, 2)
    part, owner = chosen(masks, stream, 1)
    part, owner = part[:count], owner[:count]
    person = torch.stack([next(p for p in persons[k] if (p & m).any()) for k, m in zip(owner, part, strict=True)])
    points, kinds = with_room(random_click(part, stream)[:, None], torch.full((len(part), 1), THIS))
    logits, quality = model(maps_of(model, images[owner]), points, kinds, images=torch.arange(len(part)))
    masks = enlarged(logits) > 0  # (N, 4, H, W)
    fits = torch.stack([overlap(masks, goal[:, None]) for goal in (part, person)], -1)  # (N, 4, 2)
    shown = fits[torch.arange(len(part)), shown_mask(logits, quality, kinds)]
    best = fits[:, 1:].amax(1)
    rows = {"one": fits[:, 0], "shown": shown, "best of three": best}
    found: dict = {}
    for name, value in rows.items():
        part_fits, person_fits = rounded(value.mean(0))
        found[name] = {"part": part_fits, "person": person_fits}
        found[name]["nearer"] = round(float(value.amax(1).mean()), 4)
        found[name]["both above 0.7"] = round(float((value > 0.7).all(1).float().mean()), 4)
    error = (quality[:, 1:] - fits[:, 1:].amax(2)).abs().mean()
    return found | {"clicks": len(part), "predicted_IoU_off_by": round(float(error), 4)}


def segments(images: Tensor, scale: float) -> Tensor:
    """(N, H, W) int64 segments of the graph: those of course_lib.detection.graph_segmentation, from compiled code."""
    found = [felzenszwalb(image.permute(1, 2, 0).numpy(), scale=scale, min_size=20) for image in images]
    return torch.from_numpy(np.stack(found))


def graph_baseline(count: int) -> dict:
    """The graph's segments under all clicks of the same user, together; the scale is the best on validation scenes."""

    def score(images: Tensor, truth: Tensor, scale: float, clicks: int) -> list[float]:
        found = segments(images, scale)

        def answer(points: Tensor, kinds: Tensor) -> Tensor:
            x, y = points.long().unbind(2)
            under = found[torch.arange(len(found))[:, None], y, x]  # (N, P)
            same = found[:, None] == under[..., None, None]
            this = (kinds == THIS)[..., None, None]
            return (same & this).any(1) & ~(same & ~this).any(1)

        masks, _, _ = click_session(answer, truth, clicks, generator=generator(0))
        return rounded(overlap(masks, truth).mean(1))

    small = cases("val", 128)["seen shapes"]
    tried = {scale: score(*small, scale, 1)[0] for scale in SCALES}
    scale = max(tried, key=lambda key: tried[key])
    test = {name: score(*case, scale, CLICKS) for name, case in cases("test", count).items()}
    return {"scale": scale, "tried": tried, "clicks": test, "scenes": count}


def judge(model: Promptable, count: int) -> dict:
    """What the card says of one network."""
    found: dict = {}
    for name, (images, truth) in cases("test", count).items():
        maps = maps_of(model, images)
        found[name] = by_clicks(model, maps, truth) | {
            "box": by_box(model, maps, truth),
            "always_the_one_mask": by_clicks(model, maps, truth, clicks=3, one=True)["clicks"]}  # fmt: skip
    return {"scores": found, "ambiguity": ambiguity(model, count)}


def trained(run: Run, seed: int) -> dict:
    """What the card says of one training; the first seed is shipped."""
    model, history = train(run, RATE, epochs=run.epochs, seed=seed)

    def stored_score(stored: Promptable) -> dict:
        images, truth = cases("test", run.args.tested)["seen shapes"]
        return {"IoU_after_clicks": by_clicks(stored, maps_of(stored, images), truth)["clicks"]}

    if seed == 0 and run.args.start == "pretrained":
        words = {
            "data": f"scenes of objects without {' and '.join(UNSEEN)}, and of figures, {SIZE} px; the encoder starts "
            "as scene_encoder",
            "metric": f"mean IoU after 1 to {CLICKS} clicks of a careful user, recipes.promptable.cases("
            f"'test', {run.args.tested})['seen shapes']; half-precision weights",
            "rate": RATE,
        }
        ship(dataclasses.replace(run, name="scene_prompts"), model, blank(), stored_score, history, **words)
    return judge(model, run.args.tested) | {"seconds": round(history.seconds), "curve": curve(history)}


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    parser.add_argument("--start", choices=["pretrained", "scratch"], default="pretrained")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--steps", type=int, default=STEPS, help="batches an epoch")
    parser.add_argument("--tested", type=int, default=TESTED, help="scenes of each kind to judge on")
    parser.add_argument("--card", type=Path, default=CARDS / "11_promptable.json", help="where the card is written")


def main() -> None:
    """Train, judge, write the card; what is done is kept beside the state."""
    run = start(__doc__, "promptable", EPOCHS, add, threads=1)
    assert run.state is not None
    settings = {"epochs": run.epochs, "steps": run.args.steps, "tested": run.args.tested}
    known = Known(run.state.with_suffix(".json"), settings)
    seeds = [known.once(f"seed {k}", lambda seed=k: trained(run, seed)) for k in range(run.args.seeds)]
    kinds = seeds[0]["scores"]
    card = {
        "data": f"half scenes of objects ({SIZE} px, difficulty {LEVEL}, {OBJECTS[0]} to {OBJECTS[1]}, without "
        f"{' and '.join(UNSEEN)}), half of 1 or 2 figures: {BATCH * run.args.steps * run.epochs} pictures with up to "
        f"{ASKED} dialogues of {ROUNDS} prompts to train, none twice; {run.args.tested} test scenes of each kind",
        "metric": "mean IoU after each click of a careful user, one thing meant in each scene, of at least "
        f"{LEAST} pixels; mean and standard deviation over seeds",
        "command": run.command,
        **settings,
        "batch": BATCH,
        "rate": RATE,
        "rate_from": "not tuned: tried for 68 steps against twice as much, losses alike",
        **environment(run.device),
        "rows": {
            name: [spread([seed["scores"][name]["clicks"][k] for seed in seeds]) for k in range(CLICKS)]
            for name in kinds
        },
        "graph": known.once("graph", lambda: graph_baseline(run.args.tested)),
        "seeds": seeds,
    }
    run.args.card.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
