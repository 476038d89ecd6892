"""Solids from one picture: the table of chapter 11's section on it; writes chapters/cards/11_reconstruction.json.

    python -m recipes.reconstruction

Four networks: with the picture or without it, and with points whose depth is counted from the camera or from the true
visible surface. The encoder starts from the weights of `recipes.segmentation_encoder`. VIEWS training views of worlds
with one to three solids are drawn once and kept beside the state, since drawing costs more than a step of training;
points along their rays are drawn afresh at each step, and half of the views come mirrored. The rate is not searched
for: it is the best one that `recipes.depth_normals` found for depth of such worlds with the same encoder. Judged on
test worlds against what training worlds have at a place, and against the visible surface made thick: exactly known, or
as chapter 9's depth network sees it. The network with a picture and the surface is shipped as scene_occupancy, with the
seed whose cross-entropy on validation views is least.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import occupancy, render_views, sample_worlds
from course_lib.data.scenes.cameras import random_cameras
from course_lib.data.scenes.datasets import BLOCK, block_generator
from course_lib.data.scenes.world3d import World
from course_lib.detection.neck import FeaturePyramid
from course_lib.instances.reconstruction import (
    BAND,
    FAR,
    NEAR,
    REACH,
    OccupancyNet,
    cell_of,
    from_surface,
    mean_occupancy,
    part_masks,
    ray_points,
    shell_occupancy,
)
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.ops.geometry.cameras import Cameras, camera_rays
from course_lib.optim import AdamW, warmup_cosine
from course_lib.segmentation.unet import UNetDecoder
from recipes.common import CARDS, Run, curve, environment, ship, start
from recipes.comparison import Known, add_flags, spread
from recipes.detection import pretrained_encoder

SIZE, OBJECTS, BATCH, WIDTH, TESTED, WATCHED = 64, (1, 3), 32, 32, 256, 128
VIEWS, RAYS, ON_OBJECTS, DEPTHS, JUDGED_RAYS = 2048, 64, 0.75, 12, 96
STEPS, EPOCHS, WARMUP, DECAY, SEEDS, RATE = 50, 5, 30, 0.02, 2, 2e-3
BINS, CORNERS = (16, 16, 44), (torch.tensor([0.0, 0.0, NEAR]), torch.tensor([64.0, 64.0, FAR]))
THICKNESSES = tuple(round(0.05 * k, 2) for k in range(1, 25))  # metres, of the shells
NAMES = {"picture": (True, False), "no picture": (False, False), "picture, surface known": (True, True),
         "no picture, surface known": (False, True)}  # fmt: skip
PARTS, SHIPPED = ("visible", "hidden", "all"), "picture, surface known"
LEVELS = (0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6)  # thresholds that are tried


def model_of(name: str, pretrained: bool = True) -> OccupancyNet:
    """A network whose head is not trained yet."""
    sees, relative = NAMES[name]
    encoder = pretrained_encoder() if pretrained and sees else SceneEncoder()
    return OccupancyNet(FeaturePyramid(encoder, WIDTH, (2,)) if sees else None, WIDTH, SIZE, relative=relative)


@dataclasses.dataclass
class Seen:
    """N worlds and one view of each: images (N, 3, H, W) uint8, surface (N, HW) metres, 0 for no object."""

    world: World
    cameras: Cameras
    images: Tensor
    surface: Tensor

    def pick(self, rows: Tensor) -> tuple[World, Cameras, Tensor, Tensor]:
        """Worlds, cameras, images in [0, 1] and surfaces of some views."""
        world = World(**{part.name: getattr(self.world, part.name)[rows] for part in dataclasses.fields(World)})
        cameras = dataclasses.replace(self.cameras, pose=self.cameras.pose[rows], intrinsics=self.intrinsics(rows))
        return world, cameras, self.images[rows].float() / 255, self.surface[rows]

    def intrinsics(self, rows: Tensor) -> Tensor:
        """Of some views; one matrix may serve all."""
        k = self.cameras.intrinsics
        return k[rows] if k.ndim == self.cameras.pose.ndim and len(k) == len(self.cameras.pose) else k


def views(count: int, split: str) -> Seen:
    """Views of a split that are always the same; colours have one ray a pixel."""
    parts = []
    for at in range(0, count, BLOCK):
        stream = block_generator(0, split, block=at // BLOCK)
        world = sample_worlds(min(BLOCK, count - at), OBJECTS, generator=stream)
        cameras = random_cameras(len(world.kind), SIZE, generator=stream)
        drawn = render_views(world, cameras, supersample=1)
        surface = torch.where(drawn.slots >= 0, drawn.depth, 0.0)[:, 0].flatten(1)
        parts.append((world, cameras, (255 * drawn.image[:, 0]).round().byte(), surface))
    worlds, looks, images, surfaces = zip(*parts, strict=True)
    world = World(**{part.name: torch.cat([getattr(one, part.name) for one in worlds])
                     for part in dataclasses.fields(World)})  # fmt: skip
    joined = dataclasses.replace(looks[0], pose=torch.cat([one.pose for one in looks]),
                                 intrinsics=torch.cat([one.intrinsics for one in looks]))  # fmt: skip
    return Seen(world, joined, torch.cat(images), torch.cat(surfaces))


@lru_cache(maxsize=4)
def fixed(count: int, split: str, path: Path | None = None) -> Seen:
    """`views`, kept in memory and, with a path, in a file."""
    if path is not None and path.exists():
        return torch.load(path, weights_only=False)
    found = views(count, split)
    if path is not None:
        torch.save(found, path)
    return found


def drawn_rays(surface: Tensor, rays: int, stream: torch.Generator, share: float = ON_OBJECTS) -> Tensor:
    """(B, rays) numbers of pixels; about `share` of them on objects."""
    on = surface > 0
    weight = torch.where(on, share / on.sum(1, keepdim=True).clamp(min=1),
                         (1 - share) / (~on).sum(1, keepdim=True).clamp(min=1))  # fmt: skip
    return torch.multinomial(weight + 1e-9, rays, replacement=True, generator=stream)


def truth_on_rays(world: World, cameras: Cameras, rays: Tensor, depths: Tensor) -> tuple[Tensor, Tensor]:
    """Points (B, R * D, 3) in the cameras' frames on rays (B, R) at depths (B, R, D), and whether they are inside."""
    origins, directions = (part[:, 0] for part in camera_rays(cameras))
    row = rays[..., None].expand(-1, -1, 3)
    places = origins.gather(1, row)[:, :, None] + depths[..., None] * directions.gather(1, row)[:, :, None]
    pixels = torch.stack([rays % SIZE + 0.5, rays // SIZE + 0.5], -1)
    return ray_points(pixels, depths), occupancy(world, places.flatten(1, 2))


def block(seen: Seen, rows: Tensor, stream: torch.Generator, depths: int = DEPTHS) -> tuple[Tensor, ...]:
    """Images, points (B, P, 3), the surface on their rays (B, P), 0 where it is no object, and whether inside."""
    world, cameras, images, surface = seen.pick(rows)
    rays = drawn_rays(surface, RAYS, stream)
    places = NEAR + (FAR - NEAR) * torch.rand(len(rows), RAYS, depths, generator=stream)
    points, inside = truth_on_rays(world, cameras, rays, places)
    first = surface.gather(1, rays)[..., None].expand(-1, -1, depths).flatten(1)
    mirrored = torch.rand(len(rows), generator=stream) < 0.5
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    across = torch.where(mirrored[:, None], SIZE - points[..., 0], points[..., 0])
    return images, torch.cat([across[..., None], points[..., 1:]], -1), first, inside


def train(run: Run, name: str, *, epochs: int, steps: int, seed: int) -> tuple[Any, History]:
    """A trained network and how its training went; views and points depend on seed and step alone."""
    torch.manual_seed(seed)
    model: Any = model_of(name)
    model = model.to(run.device, memory_format=torch.channels_last)
    history, seen = History(), stored(run)

    def loss(_: Tensor, unused: torch.Generator) -> Tensor:
        stream = block_generator(seed, "train", epoch=1, block=history.steps)
        rows = torch.randint(len(seen.images), (BATCH,), generator=stream)
        images, points, first, inside = (part.to(run.device) for part in block(seen, rows, stream))
        points = from_surface(points, first) if NAMES[name][1] else points
        said = model(images.contiguous(memory_format=torch.channels_last), points)
        return F.binary_cross_entropy_with_logits(said, inside.float())

    fit(model, loss, AdamW(model.parameters(), RATE, weight_decay=DECAY), samples=steps, epochs=epochs, batch=1,
        generator=generator(seed, run.device), clip=1.0, history=history,
        evaluate=lambda found: -doubt(found, name, run.args.tested),
        schedule=lambda step, all_steps: warmup_cosine(step, all_steps, min(WARMUP, epochs * steps - 1)),
        **run.keep(f".{name.replace(' ', '_').replace(',', '')}.{epochs}.{seed}"))  # fmt: skip
    return model, history


def stored(run: Run) -> Seen:
    """The training views, drawn once."""
    return fixed(run.args.views, "train", None if run.state is None else run.state.with_suffix(".views"))


@torch.no_grad()
def doubt(model: Any, name: str, tested: int) -> float:
    """Cross-entropy on validation views, nats a point."""
    seen = fixed(min(WATCHED, tested), "val")
    images, points, first, inside = block(seen, torch.arange(len(seen.images)), generator(0))
    points = from_surface(points, first) if NAMES[name][1] else points
    where = next(model.parameters()).device
    said = model.eval()(images.to(where), points.to(where)).cpu()
    return float(F.binary_cross_entropy_with_logits(said, inside.float()))


@dataclasses.dataclass
class Exam:
    """Points on rays that meet an object; P = JUDGED_RAYS * 40 in each view: 8, 24 and 8 depths a ray.

    Attributes:
        images: (N, 3, H, W).
        points: (N, P, 3).
        first: (N, P) depth of the visible surface.
        inside: (N, P) bool.
        parts: For "visible" and "hidden" which points, (N, P) bool; "all" are those drawn uniformly from NEAR to FAR.
    """

    images: Tensor
    points: Tensor
    first: Tensor
    inside: Tensor
    parts: dict[str, Tensor]


@lru_cache(maxsize=4)
def exam(count: int, split: str) -> Exam:
    """The points that everything is judged on."""
    world, cameras, images, surface = fixed(count, split).pick(torch.arange(count))
    stream = block_generator(1, split)
    rays = drawn_rays(surface, JUDGED_RAYS, stream, share=1.0)
    first = surface.gather(1, rays)[..., None]
    draw = torch.rand(*rays.shape, 40, generator=stream)
    depths = torch.cat([first + BAND * (2 * draw[..., :8] - 1), first + BAND + (REACH - BAND) * draw[..., 8:32],
                        NEAR + (FAR - NEAR) * draw[..., 32:]], -1)  # fmt: skip
    points, inside = truth_on_rays(world, cameras, rays, depths)
    kind = torch.arange(40).expand_as(depths)
    near, far = (part_masks(depths, first)[name] for name in PARTS[:2])
    there = (first > 0).expand_as(depths)  # a view may show no object at all
    parts = {"visible": near & (kind < 8), "hidden": far & (kind >= 8) & (kind < 32), "all": kind >= 32}
    return Exam(images, points, first.expand_as(depths).flatten(1), inside,
                {name: (part & there).flatten(1) for name, part in parts.items()})  # fmt: skip


def ious(said: Tensor, test: Exam) -> dict[str, float]:
    """Mean over views of the IoU of bool answers (N, P) with the truth, for each part."""
    found = {}
    for name, part in test.parts.items():
        both, either = ((op & part).sum(1) for op in (said & test.inside, said | test.inside))
        found[name] = round(float((both / either.clamp(min=1))[either > 0].mean()), 4)
    return found


@torch.no_grad()
def probabilities(model: OccupancyNet, name: str, test: Exam) -> Tensor:
    """(N, P) what a network says of an exam's points."""
    where, said = next(model.parameters()).device, []
    points = from_surface(test.points, test.first) if NAMES[name][1] else test.points
    for images, part in zip(test.images.split(64), points.split(64), strict=True):
        said.append(model.eval()(images.to(where), part.to(where)).sigmoid().cpu())
    return torch.cat(said)


def best_shell(surface: Tensor, test: Exam) -> float:
    """The thickness whose shell has the best IoU with the hidden part."""
    scores = {t: ious(shell_occupancy(test.points[..., 2], surface, t), test)["hidden"] for t in THICKNESSES}
    return max(scores, key=scores.__getitem__)


def best_level(said: Tensor, test: Exam) -> float:
    """The threshold of probabilities (N, P) with the best IoU of the hidden part."""
    scores = {level: ious(said >= level, test)["hidden"] for level in LEVELS}
    return max(scores, key=scores.__getitem__)


def judge(model: Any, name: str, tested: int) -> dict:
    """IoU of a network for each part, at one half and at the threshold that is best on validation worlds."""
    test, val = exam(tested, "test"), exam(min(WATCHED, tested), "val")
    said, level = probabilities(model, name, test), best_level(probabilities(model, name, val), val)
    found = {"half": ious(said >= 0.5, test), "level": level, "chosen": ious(said >= level, test)}
    if name == "picture, surface known":  # and once with the surface that a network sees
        test, val = (dataclasses.replace(one, first=seen_surface(one)) for one in (test, val))
        level = best_level(probabilities(model, name, val), val)
        found["seen"] = {"level": level, "chosen": ious(probabilities(model, name, test) >= level, test)}
    return found | {"cross_entropy": round(doubt(model, name, tested), 4)}


@torch.no_grad()
def seen_surface(test: Exam) -> Tensor:
    """(N, P) depth of the surface on each point's ray, as the depth network of chapter 9 answers it."""
    net = load_checkpoint("depth_normals", UNetDecoder(SceneEncoder(), 4)).eval()
    depth = torch.cat([net(part)[:, 0].exp() for part in test.images.split(64)]).flatten(1)
    column, row = test.points[..., 0].long(), test.points[..., 1].long()
    return depth.gather(1, row * SIZE + column)


def rivals(run: Run) -> dict:
    """Baselines without a network; what they choose, they choose on training or validation worlds."""
    test, val, seen = exam(run.args.tested, "test"), exam(min(WATCHED, run.args.tested), "val"), stored(run)
    stream, parts = generator(7), []
    for rows in torch.arange(len(seen.images)).split(64):
        _, points, _, inside = block(seen, rows, stream, depths=24)
        parts.append((points.flatten(0, 1), inside.flatten()))
    points, inside = (torch.cat(part) for part in zip(*parts, strict=True))
    grid: dict[str, Any] = {"low": CORNERS[0], "high": CORNERS[1], "bins": BINS}
    shares = mean_occupancy(points, inside, **grid).flatten()
    level = best_level(shares[cell_of(val.points, **grid)], val)
    thickness = best_shell(val.first, val)
    shell = partial(shell_occupancy, test.points[..., 2])
    seen_at, seen_val = seen_surface(test), seen_surface(val)
    seen_thickness = best_shell(seen_val, val)
    away = (seen_at - test.first).abs()[test.parts["all"]]
    return {"mean shape": {"level": level, "chosen": ious(shares[cell_of(test.points, **grid)] >= level, test)},
            "visible surface, 0.05 m": {"chosen": ious(shell(test.first, 0.05), test)},
            "shell, surface known": {"thickness": thickness, "chosen": ious(shell(test.first, thickness), test)},
            "shell, surface seen": {"thickness": seen_thickness, "median_error": round(float(away.median()), 4),
                                    "chosen": ious(shell(seen_at, seen_thickness), test)},
            "inside": {name: round(float(test.inside[part].float().mean()), 4) for name, part in test.parts.items()},
            "points": {name: int(part.sum()) for name, part in test.parts.items()}}  # fmt: skip


def trained(run: Run, name: str, seed: int) -> dict:
    """What the card says of one training."""
    model, history = train(run, name, epochs=run.epochs, steps=run.args.steps, seed=seed)
    found = judge(model, name, run.args.tested) | {"seconds": round(history.seconds), "curve": curve(history)}
    print(name, seed, found["chosen"], found["seconds"], flush=True)
    return found


def shipped(run: Run, name: str, seed: int) -> None:
    """Ship one training; what is done is read from its state."""
    model, history = train(run, name, epochs=run.epochs, steps=run.args.steps, seed=seed)
    ship(dataclasses.replace(run, name="scene_occupancy"), model, model_of(name, pretrained=False),
         lambda stored: {"test": judge(stored, name, run.args.tested)}, history,
         data=f"{run.args.views} views of worlds with {OBJECTS[0]} to {OBJECTS[1]} solids, {SIZE} px; the encoder "
         "starts as scene_encoder; points count depth from the true visible surface",
         metric=f"IoU on rays that meet an object, {run.args.tested} test worlds: visible within {BAND} m of the "
         f"surface, hidden from there to {REACH} m behind it, half-precision weights",
         rate=RATE, training_seed=seed)  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    add_flags(parser, models=NAMES, default=NAMES, starts=("pretrained",), seeds=SEEDS, steps=STEPS,
              tested=TESTED)  # fmt: skip
    parser.add_argument("--views", type=int, default=VIEWS, help="training views")


def main() -> None:
    """Draw, choose rates, train, judge, write the card; what is done is kept beside the state."""
    run = start(__doc__, "reconstruction", EPOCHS, add, threads=1)
    assert run.state is not None
    settings = {name: getattr(run.args, name) for name in ("epochs", "steps", "tested", "views")}
    known = Known(run.state.with_suffix(".json"), settings)

    rows: dict[str, dict] = {}
    for name in run.args.models:
        rows[name] = {"seeds": [known.once(f"{name}|seed {k}", partial(trained, run, name, k))
                                for k in range(run.args.seeds)]}  # fmt: skip
        for kind in ("half", "chosen"):
            rows[name][kind] = {part: spread([one[kind][part] for one in rows[name]["seeds"]]) for part in PARTS}
        if name == SHIPPED:
            rows[f"{SHIPPED.split(',')[0]}, surface seen"] = {
                "chosen": {part: spread([one["seen"]["chosen"][part] for one in rows[name]["seeds"]])
                           for part in PARTS}}  # fmt: skip
            doubts = [one["cross_entropy"] for one in rows[name]["seeds"]]
            best = doubts.index(min(doubts))
            shipped(run, name, best)
    card = {
        "data": f"worlds of {OBJECTS[0]} to {OBJECTS[1]} solids seen by one camera, {SIZE} px: {run.args.views} views "
        f"to train on, half of them mirrored, points drawn afresh; {run.args.tested} test worlds, {WATCHED} to choose",
        "metric": f"mean over test worlds of IoU at points on rays that meet an object; visible: within {BAND} m of "
        f"the first surface, hidden: from there to {REACH} m behind it, all: uniform from {NEAR} to {FAR} m; chosen: "
        "level or thickness with the best hidden IoU on validation worlds; surface seen: the depth that depth_normals "
        "answers; mean and standard deviation over seeds",
        "command": run.command + ("" if run.args.seeds == SEEDS else f" --seeds {run.args.seeds}"),
        **settings,
        "batch": BATCH,
        "rate": RATE,
        "pictures": BATCH * run.args.steps * run.epochs,
        **environment(run.device),
        "rivals": known.once("rivals", lambda: rivals(run)),
        "rows": rows,
    }
    target = run.args.card or CARDS / "11_reconstruction.json"
    target.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
