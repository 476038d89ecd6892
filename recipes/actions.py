"""Networks for clips compared on actions that one frame cannot tell: writes chapters/cards/12_actions.json.

    python -m recipes.actions

All see the same CLIPS clips in the same number of passes, with the same batch, schedule and decay. Clips are drawn at
64 pixels and seen at half of that; half of them are mirrored each time, and half played backwards, and the label
changes with them (`turned`). The rate of each network is the best on validation clips after half the training, on a
grid that grows until the best is not at its edge. Then three seeds, judged on test clips; the confusions of all seeds
are added up. "2-D, equal cost" is early fusion, widened until it costs as many multiply-adds as slow fusion. The
motion stream reads flow that Horn and Schunck's method has measured, or the exact one as a bound; two streams are the
mean of what two trained streams say, seed by seed. Clips and flow are drawn once and kept beside the state. `--seeds
0` only tries the rates.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_lib.architectures.count import layer_costs, parameter_count
from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.data.scenes import ACTIONS, REVERSED
from course_lib.data.scenes.datasets import block_generator
from course_lib.flow.horn_schunck import horn_schunck
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.ops.color import rgb_to_ycbcr
from course_lib.optim import AdamW, warmup_cosine
from course_lib.video.c3d import SmallC3D
from course_lib.video.clips import action_flow
from course_lib.video.divided_attention import DividedTransformer
from course_lib.video.fusion import WIDTHS, EarlyFusion, LateFusion, SingleFrame, SlowFusion
from course_lib.video.inflated_encoder import InflatedEncoder
from course_lib.video.two_stream import MotionStream
from recipes.common import CARDS, Run, curve, environment, start
from recipes.comparison import Known, add_flags, spread
from recipes.detection import pretrained_encoder

K, FRAMES, DRAWN, SIZE, LEVEL, BATCH, BLOCK = len(ACTIONS), 8, 64, 32, 0.3, 32, 64
CLIPS, TESTED, EPOCHS, TRIED, SEEDS, WARMUP, DECAY = 4096, 1024, 12, 6, 3, 50, 0.02
MIRRORED = torch.tensor([1, 0, *range(2, K)])  # clockwise and anticlockwise change places
BACKWARDS = torch.tensor(REVERSED)
RATES = (5e-4, 1e-3, 2e-3)
SPLITS = {"train": CLIPS, "val": 512, "test": TESTED}
MODELS: dict[str, Callable[[], nn.Module]] = {
    "Single frame": lambda: SingleFrame(K),
    "Late fusion": lambda: LateFusion(K, side=SIZE // 16),
    "Early fusion": lambda: EarlyFusion(K),
    "2-D, equal cost": lambda: EarlyFusion(K, widths=tuple(int(2.9 * wide) for wide in WIDTHS)),
    "Slow fusion": lambda: SlowFusion(K),
    "C3D, small": lambda: SmallC3D(K),
    "Inflated": lambda: InflatedEncoder(pretrained_encoder(), K),
    "Inflated, from scratch": lambda: InflatedEncoder(SceneEncoder(), K),
    "Divided attention": lambda: DividedTransformer(K, FRAMES, SIZE, patch=4),
    "Motion, measured flow": lambda: MotionStream(K, scale=1.0),
    "Motion, exact flow": lambda: MotionStream(K, scale=1.0),
}
STREAMS = {"Two streams": "Motion, measured flow", "Two streams, exact flow": "Motion, exact flow"}


@torch.no_grad()
def measured_flow(clips: Tensor, **options) -> Tensor:
    """Horn-Schunck flow between neighbouring frames.

    Args:
        clips: (B, T, 3, H, W) in [0, 1], T at least 2.
        **options: For `flow.horn_schunck.horn_schunck`.

    Returns:
        (B, T - 1, 2, H, W), (dx, dy) in pixels a frame.
    """
    grey = rgb_to_ycbcr(clips.flatten(0, 1))[:, :1].unflatten(0, clips.shape[:2])
    found = horn_schunck(grey[:, :-1].flatten(0, 1), grey[:, 1:].flatten(0, 1), **options)
    return found.unflatten(0, (len(clips), -1))


def clips_of(run: Run, split: str) -> dict[str, np.ndarray]:
    """Clips (N, T, 3, H, W) uint8, both kinds of flow (N, T - 1, 2, H, W) float16, labels (N,): drawn once, on disk.

    H and W are DRAWN, the flow is in pixels of that size.
    """
    assert run.state is not None
    count = min(SPLITS[split], run.args.clips)
    shapes = {"clips": (np.uint8, (count, FRAMES, 3, DRAWN, DRAWN)), "labels": (np.int64, (count,)),
              "exact": (np.float16, (count, FRAMES - 1, 2, DRAWN, DRAWN)),
              "measured": (np.float16, (count, FRAMES - 1, 2, DRAWN, DRAWN))}  # fmt: skip
    paths = {name: run.state.with_name(f"{run.state.name}.{split}.{count}.{name}.npy") for name in shapes}
    if not all(path.exists() for path in paths.values()):
        begun = {name: path.with_suffix(".begun") for name, path in paths.items()}
        files = {name: np.lib.format.open_memmap(begun[name], "w+", dtype, shape)
                 for name, (dtype, shape) in shapes.items()}  # fmt: skip
        for block, first in enumerate(tqdm(range(0, count, BLOCK), desc=f"clips to {split}")):
            clips, moved, labels = action_flow(BLOCK, FRAMES, DRAWN, split=split, difficulty=LEVEL,
                                               generator=block_generator(0, split, block=block))  # fmt: skip
            rows = slice(first, min(first + BLOCK, count))
            kept = rows.stop - first
            files["clips"][rows] = (255 * clips[:kept]).round().byte().numpy()
            files["labels"][rows], files["exact"][rows] = labels[:kept].numpy(), moved[:kept].half().numpy()
            files["measured"][rows] = measured_flow(clips[:kept], warps=2, steps=20).half().numpy()
        for name in files:
            files[name].flush()
            begun[name].rename(paths[name])
    return {name: np.load(path, mmap_mode="r") for name, path in paths.items()}


@functools.cache
def halved(state: Path, split: str, kind: str, count: int) -> Tensor:
    """Clips (N, T, 3, SIZE, SIZE) uint8, or flow (N, T - 1, 2, SIZE, SIZE) float16 in pixels of this size."""
    whole = np.load(state.with_name(f"{state.name}.{split}.{count}.{kind}.npy"), mmap_mode="r")
    scale = 1.0 if kind == "clips" else SIZE / DRAWN
    parts = []
    for first in range(0, count, BLOCK):
        part = torch.from_numpy(np.array(whole[first : first + BLOCK])).float()
        small = scale * nn.functional.avg_pool2d(part.flatten(0, 1), DRAWN // SIZE).unflatten(0, part.shape[:2])
        parts.append(small.round().byte() if kind == "clips" else small.half())
    return torch.cat(parts)


def inputs(run: Run, name: str, split: str, rows: Tensor) -> Tensor:
    """What a model reads of some clips of a split: pictures in [0, 1], or flow."""
    assert run.state is not None
    kind = name.split()[1] if name.startswith("Motion") else "clips"
    found = halved(run.state, split, kind, len(clips_of(run, split)["labels"]))[rows.cpu()].float()
    return found / 255 if kind == "clips" else found


def turned(clips: Tensor, labels: Tensor, *, flow: bool, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirror half of the clips and play half of them backwards, where that is an action too; labels change with them.

    Args:
        clips: (B, T, C, H, W); with `flow` the channels are (dx, dy), and a field played backwards points back.
        labels: (B,) int64.
        flow: Whether these are fields.
        generator: Source of the choice.

    Returns:
        New clips and labels.
    """
    mirrored, back = torch.rand(2, len(labels), generator=generator).to(labels.device) < 0.5
    back &= BACKWARDS.to(labels.device)[labels] >= 0
    across = clips.flip(-1) * (torch.tensor([-1.0, 1.0]).view(2, 1, 1).to(clips) if flow else 1.0)
    clips = torch.where(mirrored.view(-1, 1, 1, 1, 1), across, clips)
    labels = torch.where(mirrored, MIRRORED.to(labels.device)[labels], labels)
    clips = torch.where(back.view(-1, 1, 1, 1, 1), clips.flip(1) * (-1.0 if flow else 1.0), clips)
    return clips, torch.where(back, BACKWARDS.to(labels.device)[labels], labels)


@torch.no_grad()
def said(run: Run, name: str, model: nn.Module, split: str) -> Tensor:
    """Logits (N, K) of a split."""
    rows = torch.arange(len(clips_of(run, split)["labels"])).split(64)
    return torch.cat([model(inputs(run, name, split, part).to(run.device)).cpu() for part in rows])


def right(run: Run, logits: Tensor, split: str) -> float:
    """Share of right answers."""
    return float((logits.argmax(1) == torch.from_numpy(np.array(clips_of(run, split)["labels"]))).float().mean())


def train(run: Run, name: str, rate: float, *, epochs: int, seed: int) -> tuple[nn.Module, History]:
    """A trained network and how its training went."""
    torch.manual_seed(seed)
    model, history = MODELS[name]().to(run.device), History()
    labels = torch.from_numpy(np.array(clips_of(run, "train")["labels"])).to(run.device)

    def loss(rows: Tensor, stream: torch.Generator) -> Tensor:
        clips = inputs(run, name, "train", rows).to(run.device)
        clips, wanted = turned(clips, labels[rows], flow=name.startswith("Motion"), generator=stream)
        return nn.functional.cross_entropy(model(clips), wanted)

    fit(model, loss, AdamW(model.parameters(), rate, weight_decay=DECAY), samples=len(labels), epochs=epochs,
        batch=BATCH, generator=generator(seed, run.device), clip=1.0, history=history,
        evaluate=lambda found: right(run, said(run, name, found, "val"), "val"),
        schedule=lambda step, steps: warmup_cosine(step, steps, min(WARMUP, steps - 1)),
        **run.keep(f".{name.replace(' ', '_')}.{rate}.{epochs}.{seed}"))  # fmt: skip
    return model, history


def confusion(run: Run, logits: Tensor) -> list[list[int]]:
    """How often class i (row) was called j (column) in the test clips."""
    labels = torch.from_numpy(np.array(clips_of(run, "test")["labels"]))
    return torch.bincount(K * labels + logits.argmax(1), minlength=K * K).reshape(K, K).tolist()


def kept(run: Run, name: str, seed: int) -> Path:
    """Where the logits of a trained network wait for the two streams."""
    assert run.state is not None
    return run.state.with_name(f"{run.state.name}.{name.replace(' ', '_')}.{seed}.logits.npy")


def trained(run: Run, name: str, rate: float, seed: int) -> dict:
    """What the card says of one training."""
    model, history = train(run, name, rate, epochs=run.epochs, seed=seed)
    logits = said(run, name, model.eval(), "test")
    np.save(kept(run, name, seed), logits.numpy())
    found = {"accuracy": right(run, logits, "test"), "confusion": confusion(run, logits),
             "seconds": round(history.seconds), "curve": curve(history)}  # fmt: skip
    print(name, rate, seed, found["accuracy"], found["seconds"], flush=True)
    return found


def summary(found: list[dict]) -> dict:
    """Mean and spread over seeds, all confusions, and how many answers are the action played backwards."""
    confusions = np.sum([one["confusion"] for one in found], axis=0)
    pairs = [k for k in range(K) if REVERSED[k] not in (k, -1)]
    backwards = sum(confusions[k, REVERSED[k]] for k in pairs) / confusions[pairs].sum()
    return {"accuracy": spread([one["accuracy"] for one in found]), "confusion": confusions.tolist(),
            "taken_for_its_reverse": round(float(backwards), 4)}  # fmt: skip


def row_of(run: Run, name: str, known: Known) -> dict:
    """What the card says of one network."""
    row = known.row(name, RATES, seeds=run.args.seeds,
                    tried=lambda rate: right(run, said(run, name, train(run, name, rate, epochs=min(TRIED, run.epochs),
                                                                        seed=100)[0].eval(), "val"), "val"),
                    trained=lambda rate, seed: trained(run, name, rate, seed))  # fmt: skip
    model = MODELS[name]().eval()
    one = inputs(run, name, "val", torch.tensor([0]))
    size = {"parameters": parameter_count(model), "multiply_adds": sum(cost.macs for cost in layer_costs(model, one))}
    return (summary(row["seeds"]) if row["seeds"] else {}) | row | size


def streams(run: Run, motion: str) -> dict:
    """The mean of appearance and motion, seed by seed."""
    found = []
    for seed in range(run.args.seeds):
        both = [torch.from_numpy(np.load(kept(run, name, seed))).log_softmax(1) for name in ("Single frame", motion)]
        mean = torch.stack(both).logsumexp(0)
        found.append({"accuracy": right(run, mean, "test"), "confusion": confusion(run, mean)})
    return summary(found) | {"seeds": found}


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    add_flags(parser, models=MODELS, default=MODELS, starts=("pretrained",), seeds=SEEDS, steps=1, tested=TESTED)
    parser.add_argument("--clips", type=int, default=CLIPS, help="most clips of each split")


def main() -> None:
    """Choose rates, train all with each seed, judge, write the card; what is done is kept beside the state."""
    run = start(__doc__, "actions", EPOCHS, add, threads=1)
    assert run.state is not None
    settings = {"epochs": run.epochs, "clips": min(CLIPS, run.args.clips)}
    known = Known(run.state.with_suffix(".json"), settings)
    rows = {name: row_of(run, name, known) for name in run.args.models}
    rows |= {name: streams(run, motion) for name, motion in STREAMS.items()
             if run.args.seeds and {"Single frame", motion} <= set(rows)}  # fmt: skip
    card = {
        "data": f"actions of the course's scenes, {FRAMES} frames drawn at {DRAWN} px and seen at {SIZE}, difficulty "
        f"{LEVEL}: {settings['clips']} clips to train, the same for all, {run.epochs} passes; "
        f"{min(SPLITS['val'], run.args.clips)} to choose on and {min(TESTED, run.args.clips)} to test",
        "metric": "share of right answers on test clips, mean and standard deviation over seeds; chance is 1 / "
        f"{K}. confusion: all seeds together, truth in rows",
        "command": run.command,
        **settings,
        "batch": BATCH,
        "classes": ACTIONS,
        **environment(run.device),
        "rows": rows,
    }
    (run.args.card or CARDS / "12_actions.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
