"""Record the costs that chapter 10 prints: `python -m benchmarks.chapter_10_costs` writes chapters/cards/10_costs.json.

Pictures a second of each detector, from pixels to boxes, by the side of the pictures, all detectors taking turns;
the memory that one batch adds to a fresh process; what proposals and regions cost a picture. One thread, as in all
other numbers of the chapter.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import torch

from benchmarks.common import machine, medians, settle
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CLASSES, scene_dataset
from course_lib.detection.deformable_detr import DeformableDETR
from course_lib.detection.detector import Detector
from course_lib.detection.detr import DETR
from course_lib.detection.fast_rcnn import FastRCNN
from course_lib.detection.faster_rcnn import FasterRCNN
from course_lib.detection.one_stage import OneStage
from course_lib.detection.pix2seq import Pix2Seq
from course_lib.detection.rcnn import RCNN
from course_lib.detection.selective_search import selective_search
from course_lib.networks.backbones.scene_encoder import SceneEncoder

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "10_costs.json"
KINDS: dict[str, type] = {
    "Faster R-CNN": FasterRCNN,
    "One stage": OneStage,
    "DETR": DETR,
    "Deformable DETR": DeformableDETR,
    "Pix2Seq": Pix2Seq,
}
SHIPPED = {"Faster R-CNN": "scene_detector", "One stage": "scene_detector_one_stage"}
SIZES, BATCH = (64, 96, 128), 32


def built(name: str) -> Detector:
    """A detector; trained where it is shipped, since how much suppression has to do depends on what was learned."""
    torch.manual_seed(0)
    model = KINDS[name](SceneEncoder(), len(CLASSES))
    if name in SHIPPED:
        load_checkpoint(SHIPPED[name], model)
    return model.eval().requires_grad_(False)


def pictures(size: int) -> torch.Tensor:
    """One batch of scenes."""
    return scene_dataset(BATCH, ("image",), size, split="val", difficulty=0.3, objects=(1, 4)).tensors[0]


def regions() -> dict[str, float]:
    """Milliseconds a picture, BATCH scenes at a time: proposals of selective search, and what looks at them.

    Up to the scores of regions (of R-CNN, to its features): the last step's time depends on what was learned.
    """
    images = pictures(64)

    def propose() -> list[torch.Tensor]:
        return [torch.cat([selective_search(image, scale=scale, smallest=12) for scale in (50.0, 100.0)])
                for image in images]  # fmt: skip

    kept = propose()
    crops = RCNN(SceneEncoder(), len(CLASSES))
    fast = FastRCNN(SceneEncoder(), len(CLASSES), lambda some: kept, align=False).eval().requires_grad_(False)
    faster = FasterRCNN(SceneEncoder(), len(CLASSES)).eval().requires_grad_(False)
    calls = {
        "selective search": propose,
        "R-CNN": lambda: crops.features(images, kept),
        "Fast R-CNN": lambda: fast.head(fast.neck(images)[0], kept),
        "Faster R-CNN": lambda: faster.head(faster.neck(images)[0], faster.proposals(images)),
    }
    return {name: round(1000 * seconds / BATCH, 2) for name, seconds in medians(calls, rounds=3).items()}


def highest() -> int:
    """KiB that this process has held at most since it began (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def memory(name: str, size: int) -> float:
    """MiB that one batch adds to the largest memory of this process."""
    model, batch = built(name), pictures(size)
    model.detect(batch[:1])
    before = highest()
    model.detect(batch)
    return (highest() - before) / 1024


def in_fresh_process(name: str, size: int) -> int:
    """`memory` where nothing else has been."""
    code = f"import torch; torch.set_num_threads(1); from benchmarks.chapter_10_costs import memory; " \
           f"print(memory({name!r}, {size}))"  # fmt: skip
    return round(float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout))


def main() -> None:
    """Measure everything and write the card."""
    settle()
    torch.set_num_threads(1)
    rates: dict[str, dict[str, float]] = {name: {} for name in KINDS}
    for size in SIZES:
        batch = pictures(size)
        calls = {name: partial(built(name).detect, batch) for name in KINDS}
        for name, seconds in medians(calls, rounds=5).items():
            rates[name][str(size)] = round(BATCH / seconds, 1)
    card = {
        "command": "python -m benchmarks.chapter_10_costs",
        "machine": machine(),
        "torch": torch.__version__,
        "batch": BATCH,
        "pictures_a_second": rates,
        "regions_ms": regions(),
        "memory_mib": {name: {str(size): in_fresh_process(name, size) for size in SIZES} for name in KINDS},
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
