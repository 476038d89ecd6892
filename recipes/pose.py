"""Key points of figures: the tables of chapter 11's section on pose; writes chapters/cards/11_pose.json.

    python -m recipes.pose

All networks start from the weights of `recipes.segmentation_encoder` and see fresh pictures at every step, no picture
twice. Two answer for one figure a picture: heat maps, and coordinates at once; the rates of both are the best on
validation pictures after RATE_STEPS steps, on a grid that grows until the best one is not at its edge. The third has
affinity fields too, sees one to three figures, takes the rate of the heat maps, and is shipped as scene_pose, with the
seed that is best on validation pictures. Joining by fields is compared with joining by distance, on the same peaks and
on the true key points; what counts as no limb is chosen for each way on validation pictures. Each network is trained
with `--seeds` seeds.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.data.scenes import keypoints, sample_figures
from course_lib.data.scenes.datasets import BLOCK, block_generator
from course_lib.data.scenes.render import render
from course_lib.data.scenes.scene import KEYPOINTS
from course_lib.detection.neck import FeaturePyramid
from course_lib.instances.affinity import LIMBS
from course_lib.instances.grouping import (
    Pairs,
    distance_scores,
    field_scores,
    find_peaks,
    group_people,
    join_limbs,
    optimal_pairs,
    strongest_points,
)
from course_lib.instances.pose import CoordinateNet, PoseNet
from course_lib.metrics.keypoints import correct_keypoints, keypoint_precision, torso_lengths
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.optim import AdamW, warmup_cosine
from recipes.common import CARDS, Run, curve, environment, ship, start
from recipes.comparison import Known, add_flags, spread
from recipes.detection import pretrained_encoder

SIZE, BATCH, TESTED, WATCHED, WIDTH = 64, 32, 512, 128, 32
STEPS, EPOCHS, WARMUP, DECAY, SEEDS = 40, 4, 20, 0.02, 2
RATES, RATE_STEPS, LONGER, ALPHA = (2e-3, 4e-3, 8e-3), 25, 1.75, 0.2  # LONGER: epochs where several figures are seen
LEAST = {"fields": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), "nearest": (-40.0, -25.0, -18.0, -14.0, -11.0, -8.0),
         "usual length": (-16.0, -8.0, -6.0, -4.0, -3.0, -2.0)}  # fmt: skip
MODELS: dict[str, Callable[[SceneEncoder], Any]] = {
    "heat maps": lambda encoder: PoseNet(FeaturePyramid(encoder, WIDTH, (2,)), WIDTH, fields=False),
    "coordinates": lambda encoder: CoordinateNet(encoder, SIZE),
    "heat maps and fields": lambda encoder: PoseNet(FeaturePyramid(encoder, WIDTH, (2,)), WIDTH),
}
SINGLE = ("heat maps", "coordinates")
OTHER = {"left": "right", "right": "left"}
MIRROR = [KEYPOINTS.index(" ".join(OTHER.get(word, word) for word in name.split())) for name in KEYPOINTS]


def block(count: int, figures: int | tuple[int, int], stream: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (count, 3, SIZE, SIZE) of figures and their key points (count, M, 13, 3)."""
    scene = sample_figures(count, SIZE, generator=stream, figures=figures)
    image = render(scene).image
    assert image is not None
    return image, keypoints(scene)


@lru_cache(maxsize=8)
def fixed(split: str, samples: int, figures: int | tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Pictures of a split that are always the same."""
    parts = [block(min(BLOCK, samples - at), figures, block_generator(0, split, block=at // BLOCK))
             for at in range(0, samples, BLOCK)]  # fmt: skip
    images, points = zip(*parts, strict=True)
    return torch.cat(images), torch.cat(points)


@torch.no_grad()
def answers(model: nn.Module, images: Tensor) -> Tensor:
    """What a network says in the end, on the CPU, 64 pictures at a time."""
    where = next(model.parameters()).device
    said = [model.eval()(part.to(where)) for part in images.split(64)]
    return torch.cat([(one[-1] if isinstance(one, list) else one).float().cpu() for one in said])


def located(model: nn.Module, images: Tensor) -> Tensor:
    """One person's key points (B, 13, 2) in pixels."""
    said = answers(model, images)
    return strongest_points(model.split(said)[0], model.stride)[..., :2] if isinstance(model, PoseNet) else said


def pck(model: nn.Module, split: str, samples: int) -> dict:
    """How well single figures are found; the points that are there, visible or hidden."""
    images, points = fixed(split, samples, 1)
    points, found = points[:, 0], located(model, images)
    there, seen = points[..., 2] > 0, points[..., 2] == 2
    right = correct_keypoints(found, points, ALPHA)
    other = correct_keypoints(found, points[:, MIRROR] * 1.0, ALPHA, torsos=torso_lengths(points)) & there[:, MIRROR]
    swapped = other & ~right & there
    error = (found - points[..., :2]).norm(dim=-1)
    strict = correct_keypoints(found, points, ALPHA / 2)
    scores = {"PCK": right[there], "PCK_visible": right[seen], "PCK_hidden": right[there & ~seen],
              "PCK_half": strict[there], "swapped": swapped[there]}  # fmt: skip
    by_point = {name: round(float(right[:, k][there[:, k]].float().mean()), 4) for k, name in enumerate(KEYPOINTS)}
    return {name: round(float(values.float().mean()), 4) for name, values in scores.items()} | {
        "median_error": round(float(error[there].median()), 3), "points": int(there.sum()),
        "hidden_points": int((there & ~seen).sum()), "by_point": by_point}  # fmt: skip


def true_peaks(points: Tensor) -> tuple[list[Tensor], Tensor]:
    """All true key points of a picture without their owners, and which peak (M, 13) each point is; -1 for none."""
    there = points[..., 2] > 0
    number = torch.where(there, there.long().cumsum(0) - 1, -1)
    peaks = [torch.cat([points[there[:, k], k, :2], torch.ones(int(there[:, k].sum()), 1)], 1)
             for k in range(len(KEYPOINTS))]  # fmt: skip
    return peaks, number


def claimed_peaks(peaks: Sequence[Tensor], points: Tensor) -> Tensor:
    """Which found peak (M, 13) belongs to each true key point, within half a torso; -1 for none."""
    number = torch.full(points.shape[:2], -1)
    torsos = torso_lengths(points).clamp(min=1e-3)
    for k, found in enumerate(peaks):
        apart = torch.cdist(points[:, k, :2], found[:, :2]) / torsos[:, None]
        near = (apart <= 0.5) & (points[:, k, 2] > 0)[:, None]
        rows, columns = linear_sum_assignment(torch.where(near, apart, 1e3).numpy())
        for row, column in zip(rows, columns, strict=True):
            if near[row, column]:
                number[row, k] = int(column)
    return number


def right_limbs(limbs: Sequence[Pairs], number: Tensor, points: Tensor) -> Tensor:
    """For each true limb: 1 if its two peaks are joined, and 1 if it is contested.

    A limb is contested if somebody else's second end is nearer to its first end than its own.

    Args:
        limbs: Pairs of each limb.
        number: (M, 13) which peak each key point is, -1 for none.
        points: (M, 13, 3).

    Returns:
        (N, 2) bool, N true limbs that have both ends.
    """
    rows = []
    for (a, b), pairs in zip(LIMBS, limbs, strict=True):
        apart = torch.cdist(points[:, a, :2], points[:, b, :2])
        apart = torch.where((points[:, b, 2] > 0)[None], apart, torch.inf)
        for m in range(len(points)):
            if points[m, a, 2] > 0 and points[m, b, 2] > 0:
                joined = (int(number[m, a]), int(number[m, b])) in pairs
                rows.append([joined, bool((apart[m] < apart[m, m]).any())])
    return torch.tensor(rows, dtype=torch.bool).view(-1, 2)


def usual_lengths(samples: int = 512) -> Tensor:
    """(12,) mean length of limbs in training pictures, pixels; nothing is drawn for it."""
    points = keypoints(sample_figures(samples, SIZE, generator=block_generator(0, "train"), figures=1))[:, 0]
    there = points[..., 2] > 0
    return torch.stack([(points[:, a, :2] - points[:, b, :2])[there[:, a] & there[:, b]].norm(dim=-1).mean()
                        for a, b in LIMBS])  # fmt: skip


def judged_groups(peaks: Sequence[Sequence[Tensor]], scores: Sequence[Sequence[Tensor]], numbers: Sequence[Tensor],
                  points: Tensor, *, least: float, optimal: bool = False) -> dict[str, float]:  # fmt: skip
    """AP of people, and shares of limbs joined right, for one way of joining."""
    choose = {"choose": optimal_pairs} if optimal else {}
    people, limbs = [], []
    for some, score, number, true in zip(peaks, scores, numbers, points, strict=True):
        joined = join_limbs(score, least, **choose)
        found = group_people(some, joined)
        people.append((found, found[..., 2].sum(1)))
        limbs.append(right_limbs(joined, number, true))
    right, contested = torch.cat(limbs).unbind(1)
    return {"AP": keypoint_precision(people, list(points))["AP"], "limbs": float(right.float().mean()),
            "contested": float(right[contested].float().mean()), "contested_limbs": int(contested.sum()),
            "all_limbs": len(right)}  # fmt: skip


def grouping(model: PoseNet, samples: int) -> dict:
    """Fields against distances, on found and on true peaks; thresholds from validation pictures."""
    usual, found = usual_lengths(), {}
    for split, count in (("val", WATCHED), ("test", samples)):
        images, points = fixed(split, min(count, samples), (2, 3))
        maps, fields = model.split(answers(model, images))
        seen = [find_peaks(one, model.stride) for one in maps]
        real, owner = zip(*map(true_peaks, points), strict=True)
        sources = {"found": (seen, [claimed_peaks(p, t) for p, t in zip(seen, points, strict=True)]),
                   "true": (real, owner)}  # fmt: skip
        for kind, (peaks, numbers) in sources.items():
            ways = {"fields": [field_scores(p, f, model.stride) for p, f in zip(peaks, fields, strict=True)],
                    "nearest": [distance_scores(p) for p in peaks],
                    "usual length": [distance_scores(p, usual) for p in peaks]}  # fmt: skip
            for way, scores in ways.items():
                if split == "val":
                    tried = {least: judged_groups(peaks, scores, numbers, points, least=least)["AP"]
                             for least in LEAST[way]}  # fmt: skip
                    found[f"{kind}, {way}"] = {"least": max(tried, key=tried.__getitem__)}
                    continue
                row = found[f"{kind}, {way}"]
                row |= judged_groups(peaks, scores, numbers, points, least=row["least"])
                if way == "fields":
                    found[f"{kind}, {way}, optimal"] = {"least": row["least"]} | judged_groups(
                        peaks, scores, numbers, points, least=row["least"], optimal=True)  # fmt: skip
    return {name: {key: round(value, 4) for key, value in row.items()} for name, row in found.items()}


def train(run: Run, name: str, rate: float, *, epochs: int, steps: int, seed: int) -> tuple[Any, History]:
    """A trained network and how its training went; pictures depend on seed and step alone."""
    torch.manual_seed(seed)
    model: Any = MODELS[name](pretrained_encoder()).to(run.device, memory_format=torch.channels_last)
    history, figures = History(), 1 if name in SINGLE else (1, 3)

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        images, points = block(BATCH, figures, block_generator(seed, "train", epoch=1, block=history.steps))
        images = images.to(run.device).contiguous(memory_format=torch.channels_last)
        return model.loss(images, points.to(run.device))

    fit(model, loss, AdamW(model.parameters(), rate, weight_decay=DECAY), samples=steps, epochs=epochs, batch=1,
        generator=generator(seed, run.device), clip=1.0, history=history,
        evaluate=lambda found: pck(found, "val", min(WATCHED, run.args.tested))["PCK"],
        schedule=lambda step, all_steps: warmup_cosine(step, all_steps, min(WARMUP, epochs * steps - 1)),
        **run.keep(f".{name.replace(' ', '_')}.{rate}.{epochs}.{seed}"))  # fmt: skip
    return model, history


def trained(run: Run, name: str, rate: float, seed: int) -> dict:
    """What the card says of one training."""
    epochs = run.epochs if name in SINGLE else round(LONGER * run.epochs)
    model, history = train(run, name, rate, epochs=epochs, steps=run.args.steps, seed=seed)
    scores = {"single": pck(model, "test", run.args.tested)}
    if name not in SINGLE:
        scores["several"] = grouping(model, run.args.tested)
    found = scores | {"seconds": round(history.seconds), "pictures": BATCH * run.args.steps * epochs,
                      "curve": curve(history)}  # fmt: skip
    print(name, rate, seed, scores["single"]["PCK"], found["seconds"], flush=True)
    return found


def shipped(run: Run, name: str, rate: float, seed: int) -> None:
    """Ship one training; what is done is read from its state."""
    epochs = round(LONGER * run.epochs)
    model, history = train(run, name, rate, epochs=epochs, steps=run.args.steps, seed=seed)
    ship(dataclasses.replace(run, name="scene_pose"), model, MODELS[name](SceneEncoder()),
         lambda found: {"test": pck(found, "test", run.args.tested)}, history,
         data=f"the course's figures, {SIZE} px, one to three; the encoder starts as scene_encoder",
         metric=f"PCK at {ALPHA} torsos, {run.args.tested} test pictures of one figure, half-precision weights",
         rate=rate, training_seed=seed)  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    add_flags(parser, models=MODELS, default=MODELS, starts=("pretrained",), seeds=SEEDS, steps=STEPS,
              tested=TESTED)  # fmt: skip


def main() -> None:
    """Choose rates, train, judge, write the card; what is done is kept beside the state."""
    run = start(__doc__, "pose", EPOCHS, add, threads=1)
    assert run.state is not None
    settings = {"epochs": run.epochs, "steps": run.args.steps, "tested": run.args.tested}
    known = Known(run.state.with_suffix(".json"), settings)

    def tried(name: str, rate: float) -> float:
        model, _ = train(run, name, rate, epochs=1, steps=min(RATE_STEPS, run.args.steps), seed=100)
        return pck(model, "val", run.args.tested)["PCK"]

    rows: dict[str, dict] = {}
    for name in run.args.models:
        if name in SINGLE:
            row = known.row(name, RATES, seeds=run.args.seeds, tried=partial(tried, name),
                            trained=partial(trained, run, name))  # fmt: skip
        else:  # takes the rate that the same network without fields was given
            rate = rows[SINGLE[0]]["rate"]
            row = {"rate": rate, "seeds": [known.once(f"{name}|{rate}|seed {k}", partial(trained, run, name, rate, k))
                                           for k in range(run.args.seeds)]}  # fmt: skip
        single = {key: spread([one["single"][key] for one in row["seeds"]])
                  for key in ("PCK", "PCK_visible", "PCK_hidden", "PCK_half", "swapped", "median_error")}  # fmt: skip
        rows[name] = {"single": single} | row
        if name not in SINGLE:
            last = [one["curve"]["metric"][-1] for one in row["seeds"]]
            best = last.index(max(last))
            shipped(run, name, row["rate"], best)
            first = row["seeds"][0]["several"]
            rows[name]["several"] = {way: {key: spread([one["several"][way][key] for one in row["seeds"]])
                                           for key in ("AP", "limbs", "contested")} for way in first}  # fmt: skip
        rows[name]["parameters"] = sum(p.numel() for p in MODELS[name](SceneEncoder()).parameters())
    card = {
        "data": f"the course's figures, {SIZE} px; {run.args.tested} test pictures of one figure, and as many of two "
        f"or three; thresholds and rates from {WATCHED} and {run.args.tested} validation pictures",
        "metric": f"PCK at {ALPHA} torsos (half: {ALPHA / 2}) over points inside the picture; swapped: wrong, but "
        "within that distance of the other side's point; AP over OKS 0.50 to 0.95, area that of the key points' box; "
        "limbs: true limbs whose ends are joined; contested: those whose first end has somebody else's second end "
        "nearer; mean and standard deviation over seeds",
        "command": run.command + ("" if run.args.seeds == SEEDS else f" --seeds {run.args.seeds}"),
        **settings,
        "batch": BATCH,
        **environment(run.device),
        "rows": rows,
    }
    target = run.args.card or CARDS / "11_pose.json"
    target.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
