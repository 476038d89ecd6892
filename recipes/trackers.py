"""Trackers of one object on clips with exact boxes (chapter 13); writes chapters/cards/13_trackers.json.

    python -m recipes.trackers

Every tracker gets its own rate of forgetting, chosen on validation clips from a grid that grows until the best is not
at its edge; the layers of the network are chosen there, too. Then each follows every target of the test clips once, and
the filter on raw pixels once more at the rate of HCF: two filters that differ in their layers alone.
Nothing is trained: the network is the encoder of `recipes/segmentation_encoder.py`.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from pathlib import Path

import torch

from course_lib.core.seeding import generator, pin
from course_lib.core.weights import load_checkpoint
from course_lib.metrics.success import paired_iou, precision_curve, success_auc, success_curve
from course_lib.networks.backbones.scene_encoder import SceneNamer
from course_lib.tracking.benchmark import DIFFICULTIES, TargetClips, difficulty_clips, photograph_clips
from course_lib.tracking.contest import contestants
from course_lib.tracking.tracker import Tracker, follow
from recipes.common import CARDS
from recipes.comparison import Known

GROUPS = (*DIFFICULTIES, "photographs")
RATES = (0.02, 0.05, 0.125)
LEVELS = ((0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2))
DISTANCES = tuple(range(0, 41, 2))
Make = Callable[[float], Tracker]


def clips_of(group: str, count: int, split: str, seed: int) -> TargetClips:
    """The clips of a group; those of one seed and number differ in nothing but the difficulty."""
    if group == "photographs":
        return photograph_clips(count, generator=generator(seed), split=split)
    return difficulty_clips(group, count, generator=generator(seed), split=split)


def followed(make: Callable[[], Tracker], clips: TargetClips) -> list[dict]:
    """Of each clip: its AUC, and both curves over its frames after the first."""
    found = []
    for frames, truth in zip(clips.frames, clips.boxes, strict=True):
        boxes, _ = follow(make(), frames, truth[0])
        iou = paired_iou(boxes[1:], truth[1:])
        found.append({
            "auc": round(success_auc(iou), 4),
            "success": [round(float(v), 4) for v in success_curve(iou)],
            "precision": [round(float(v), 4) for v in precision_curve(boxes[1:], truth[1:], DISTANCES)],
        })  # fmt: skip
    return found


def mean_of(rows: list[list[float]]) -> list[float]:
    """Column by column, rounded."""
    return [round(sum(column) / len(rows), 4) for column in zip(*rows, strict=True)]


def main() -> None:
    """Choose, follow, write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, default=Path("trackers.state.json"), help="what is known so far")
    parser.add_argument("--clips", type=int, default=12, help="test clips of each group")
    parser.add_argument("--tried", type=int, default=3, help="validation clips of each group")
    args = parser.parse_args()
    pin(0)
    known = Known(args.state, {"clips": args.clips, "tried": args.tried, "rates": list(RATES)})
    encoder = load_checkpoint("scene_encoder", SceneNamer()).encoder.requires_grad_(False)
    tried = [clips_of(group, args.tried, "val", 5) for group in GROUPS]

    def judged(make: Callable[[], Tracker]) -> float:
        """Mean AUC over all validation clips."""
        scores = [row["auc"] for clips in tried for row in followed(make, clips)]
        return round(sum(scores) / len(scores), 4)

    layers = {str(levels): known.once(f"layers {levels}", lambda levels=levels: judged(
        lambda: contestants(encoder, levels)["HCF"](RATES[1]))) for levels in LEVELS}  # fmt: skip
    several = [levels for levels in LEVELS if len(levels) > 1]
    best = max(several, key=lambda levels: layers[str(levels)])
    print("layers", layers, flush=True)
    tests = {group: clips_of(group, args.clips, "test", 0) for group in GROUPS}

    def tested(make: Make, rate: float) -> dict:
        """On the test clips: the AUC of each clip, and each group's curves."""
        found = {}
        for group, clips in tests.items():
            rows = followed(lambda: make(rate), clips)
            found[group] = {"auc": [row["auc"] for row in rows], "success": mean_of([row["success"] for row in rows]),
                            "precision": mean_of([row["precision"] for row in rows])}  # fmt: skip
        return found

    rows = {}
    for name, make in contestants(encoder, best).items():
        row = known.row(name, RATES, seeds=1, tried=lambda rate, make=make: judged(lambda: make(rate)),
                        trained=lambda rate, _, make=make: tested(make, rate))  # fmt: skip
        rows[name] = {"rate": row["rate"], "rates_tried": row["rates_tried"], "groups": row["seeds"][0]}
        print(name, row["rate"], row["rates_tried"], flush=True)
    shared = rows["HCF"]["rate"]
    same = known.once(f"raw pixels at {shared}", lambda: tested(contestants(None)["raw pixels"], shared))
    card = {
        "command": "python -m recipes.trackers",
        "data": f"{args.clips} test clips of each of {', '.join(GROUPS)}; 32 frames of 128 x 128; nothing is trained",
        "validation": f"{args.tried} clips of each group, of other scenes and other photographs",
        "clips": args.clips,
        "tried": args.tried,
        "distances": list(DISTANCES),
        "levels": list(best),
        "levels_tried": layers,
        "machine": platform.machine(),
        "torch": torch.__version__.split("+")[0],
        "rows": rows,
        "raw pixels at the rate of HCF": {"rate": shared, "groups": same},
    }
    (CARDS / "13_trackers.json").write_text(json.dumps(card) + "\n")


if __name__ == "__main__":
    main()
